//! Broken stores.

mod alter;
mod commit;
mod fault;
mod outbox;
mod reads;
mod rules;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use time::{Duration, OffsetDateTime};

use self::fault::{Fault, Read, faults};
use super::{Faulty, Spawn};
use crate::account::{Account, IdentifierKey};
use crate::clock::Clock as _;
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::memory::{MemoryDatabase, MemoryStore};
use crate::organization::{Membership, Organization, Slug};
use crate::session::Session;
use crate::store::{
    Batch, Commit, Counted, EntityRef, IndexQuery, OutboxItem, Page, PageRequest, Record, RecordKind, Store,
    Version, Versioned, Window,
};
use crate::testkit::race::Crowd;
use crate::testkit::{ManualClock, StoreHarness};

/// Every fault, on a store of its own.
pub(super) fn stores(spawn: Spawn) -> Vec<Faulty<dyn StoreHarness>> {
    let faulty = |(fault, breaks): (Fault, &'static str)| {
        let make = move || -> Box<dyn StoreHarness> {
            Box::new(Harness { world: World::new(Some(fault)), spawn, blind: false })
        };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    faults().map(faulty).collect()
}

/// A harness on a store that keeps all tenants in one.
pub(super) fn blind(spawn: Spawn) -> Box<dyn StoreHarness> {
    Box::new(Harness { world: World::new(None), spawn, blind: true })
}

struct Harness {
    world: Arc<World>,
    spawn: Spawn,
    blind: bool,
}

#[async_trait]
impl StoreHarness for Harness {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        let kept_in = if self.blind { TenantId::from_uuid(uuid::Uuid::nil()) } else { tenant };
        Ok(Arc::new(Broken {
            honest: self.world.database.tenant(kept_in, self.world.clock.clone()),
            world: Arc::clone(&self.world),
            tenant,
            cache: Mutex::default(),
            busy: Mutex::default(),
        }))
    }

    fn clock(&self) -> &ManualClock {
        &self.world.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        (self.spawn)(self.world.crowd.join(task))
    }
}

/// What all handles of one broken store share.
#[derive(Debug)]
struct World {
    fault: Option<Fault>,
    database: MemoryDatabase,
    clock: Arc<ManualClock>,
    begun: OffsetDateTime,
    past: Mutex<BTreeMap<TenantId, Past>>,
    crowd: Crowd,
    records_read: AtomicUsize,
    overwriters: AtomicUsize,
}

/// What a tenant once had.
#[derive(Debug, Default)]
struct Past {
    deleted: HashMap<EntityRef, Version>,
    identifiers: BTreeMap<IdentifierKey, AccountId>,
    slugs: BTreeMap<Slug, OrganizationId>,
    index_values: BTreeMap<(&'static str, &'static str, String), BTreeSet<String>>,
    under_way: Vec<(u64, Vec<EntityRef>)>,
    commits: u64,
}

impl World {
    fn new(fault: Option<Fault>) -> Arc<Self> {
        let clock = Arc::new(ManualClock::default());
        let begun = clock.now();
        Arc::new(Self {
            fault,
            database: MemoryDatabase::new(),
            clock,
            begun,
            past: Mutex::default(),
            crowd: Crowd::default(),
            records_read: AtomicUsize::new(0),
            overwriters: AtomicUsize::new(0),
        })
    }

    fn past(&self) -> MutexGuard<'_, BTreeMap<TenantId, Past>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on a broken store.
#[derive(Debug)]
struct Broken {
    honest: MemoryStore,
    world: Arc<World>,
    tenant: TenantId,
    cache: Mutex<BTreeMap<AccountId, Versioned<Account>>>,
    busy: Mutex<bool>,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.world.fault == Some(fault)
    }

    fn now(&self) -> OffsetDateTime {
        self.world.clock.now()
    }

    /// The stores of all other tenants, on the same clock.
    fn others(&self) -> Vec<MemoryStore> {
        let tenants: Vec<TenantId> = self.world.database.lock().keys().copied().collect();
        let others = tenants.into_iter().filter(|tenant| *tenant != self.tenant);
        others.map(|tenant| self.world.database.tenant(tenant, self.world.clock.clone())).collect()
    }

    /// The same tenant's store at another time.
    fn at(&self, time: OffsetDateTime) -> MemoryStore {
        self.world.database.tenant(self.honest.tenant(), Arc::new(ManualClock::new(time)))
    }
}

#[async_trait]
impl Store for Broken {
    fn tenant(&self) -> TenantId {
        if self.has(Fault::WrongName) { TenantId::from_uuid(uuid::Uuid::nil()) } else { self.tenant }
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        if self.has(Fault::CachesAccounts) {
            return self.cached_account(id).await;
        }
        self.one(Read::Account, |store| async move { store.account(id).await }).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        if let Some(found) = self.wrong_account(key).await? {
            return Ok(found);
        }
        let find = |store: MemoryStore| async move { store.account_by_identifier(key).await };
        self.one(Read::AccountByIdentifier, find).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        let list = |store: MemoryStore, page| async move { store.accounts(page).await };
        self.list(Read::Accounts, page, list, |found| found.value.id.to_string()).await
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        self.wrong_credentials(account).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.one(Read::Organization, |store| async move { store.organization(id).await }).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        if self.has(Fault::OddSlugIsAnError) && Slug::new(slug).is_err() {
            return Err(PortError::permanent("not a slug"));
        }
        if self.has(Fault::FindsFormerSlugs) {
            let owner = Slug::new(slug).ok().and_then(|slug| {
                self.world.past().get(&self.tenant).and_then(|past| past.slugs.get(&slug).copied())
            });
            return match owner {
                Some(owner) => self.honest.organization(owner).await,
                None => Ok(None),
            };
        }
        let find = |store: MemoryStore| async move { store.organization_by_slug(slug).await };
        self.one(Read::OrganizationBySlug, find).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        let list = |store: MemoryStore, page| async move { store.organizations(page).await };
        self.list(Read::Organizations, page, list, |found| found.value.id.to_string()).await
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        let find = |store: MemoryStore| async move { store.membership(organization, account).await };
        self.one(Read::Membership, find).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let list = |store: MemoryStore, page| async move { store.members_of(organization, page).await };
        self.list(Read::MembersOf, page, list, |found| found.value.account.to_string()).await
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let list = |store: MemoryStore, page| async move { store.memberships_of(account, page).await };
        self.list(Read::MembershipsOf, page, list, |found| found.value.organization.to_string()).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.one(Read::Session, |store| async move { store.session(id).await }).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        let list = |store: MemoryStore, page| async move { store.sessions_of(account, page).await };
        let page = self.list(Read::SessionsOf, page, list, |found| found.value.id.to_string()).await?;
        Ok(self.with_sessions_of_others(account, page))
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        self.world.records_read.fetch_add(1, Ordering::SeqCst);
        if let Some(found) = self.wrong_record(kind, key) {
            return Ok(found);
        }
        let find = |store: MemoryStore| async move { store.record(kind, key).await };
        self.one(Read::Record, find).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let list = |store: MemoryStore, page| async move { store.records(kind, page).await };
        self.list(Read::Records, page, list, |found| found.value.key.clone()).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        if let Some(found) = self.wrong_records(kind, index, value, &page) {
            return found;
        }
        let list = |store: MemoryStore, page| async move { store.records_by(kind, index, value, page).await };
        let mut page = self.list(Read::RecordsBy, page, list, |found| found.value.key.clone()).await?;
        if self.has(Fault::FindsFirstValueOnly) {
            page.items.retain(|found| {
                let first = found.value.indexes.iter().find(|known| known.index.name() == index);
                first.is_some_and(|first| first.value == value)
            });
        }
        Ok(page)
    }

    async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        self.where_wrongly(kind, index, value, query, window).await
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        self.commit_wrongly(batch).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.claim_wrongly(lease, limit).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.acknowledge_wrongly(delivered).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.prune_wrongly(before, limit).await
    }
}
