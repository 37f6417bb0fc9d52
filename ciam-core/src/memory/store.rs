//! The durable store in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::apply::apply;
use super::listing::{begin, behind, page};
use super::tables::{Tables, is_live};
use crate::account::{Account, IdentifierKey};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization, Slug};
use crate::session::Session;
use crate::store::{Batch, Commit, OutboxItem, Page, PageRequest, Record, RecordKind, Store, Versioned};

/// A database in memory that holds many tenants. Cloning gives another handle on the same data.
#[derive(Clone, Debug, Default)]
pub struct MemoryDatabase(Arc<Mutex<BTreeMap<TenantId, Tables>>>);

impl MemoryDatabase {
    /// An empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> MemoryStore {
        MemoryStore { database: self.clone(), tenant, clock }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, Tables>> {
        // Nothing under the lock panics, so a poisoned lock still guards whole tables.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The durable store of one tenant, in memory.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    database: MemoryDatabase,
    tenant: TenantId,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    fn read<T>(&self, read: impl FnOnce(&Tables, OffsetDateTime) -> T) -> T {
        let mut tenants = self.database.lock();
        read(tenants.entry(self.tenant).or_default(), self.clock.now())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tables, OffsetDateTime) -> T) -> T {
        let mut tenants = self.database.lock();
        change(tenants.entry(self.tenant).or_default(), self.clock.now())
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        Ok(self.read(|tables, _| tables.accounts.get(&id).cloned()))
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        Ok(self.read(|tables, _| {
            let id = tables.identifiers.get(key)?;
            tables.accounts.get(id).cloned()
        }))
    }

    async fn accounts(&self, request: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        let after = begin::<AccountId>(&request)?;
        self.read(|tables, _| {
            let found = tables.accounts.range((behind(after), Bound::Unbounded));
            page(found.map(|(id, found)| (id, found.clone())), &request)
        })
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        Ok(self.read(|tables, _| {
            let ids = tables.credentials_of.get(&account).into_iter().flatten();
            ids.filter_map(|id| tables.credentials.get(id).cloned()).collect()
        }))
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        Ok(self.read(|tables, _| tables.organizations.get(&id).cloned()))
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        let Ok(slug) = Slug::new(slug) else { return Ok(None) };
        Ok(self.read(|tables, _| {
            let id = tables.slugs.get(&slug)?;
            tables.organizations.get(id).cloned()
        }))
    }

    async fn organizations(&self, request: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        let after = begin::<OrganizationId>(&request)?;
        self.read(|tables, _| {
            let found = tables.organizations.range((behind(after), Bound::Unbounded));
            page(found.map(|(id, found)| (id, found.clone())), &request)
        })
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        Ok(self.read(|tables, _| tables.memberships.get(&(organization, account)).cloned()))
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        request: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let after = begin::<AccountId>(&request)?;
        self.read(|tables, _| {
            let members = tables.members_of.get(&organization);
            let members = members.map(|set| set.range((behind(after), Bound::Unbounded)));
            let found = members.into_iter().flatten().filter_map(|account| {
                Some((account, tables.memberships.get(&(organization, *account))?.clone()))
            });
            page(found, &request)
        })
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let after = begin::<OrganizationId>(&request)?;
        self.read(|tables, _| {
            let joined = tables.memberships_of.get(&account);
            let joined = joined.map(|set| set.range((behind(after), Bound::Unbounded)));
            let found = joined.into_iter().flatten().filter_map(|organization| {
                Some((organization, tables.memberships.get(&(*organization, account))?.clone()))
            });
            page(found, &request)
        })
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        Ok(self.read(|tables, now| tables.session(id, now).cloned()))
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        let after = begin::<SessionId>(&request)?;
        self.read(|tables, now| {
            let ids = tables.sessions_of.get(&account);
            let ids = ids.map(|set| set.range((behind(after), Bound::Unbounded)));
            page(
                ids.into_iter().flatten().filter_map(|id| Some((id, tables.session(*id, now)?.clone()))),
                &request,
            )
        })
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        Ok(self.read(|tables, now| tables.record(kind.name(), key, now).cloned()))
    }

    async fn records(
        &self,
        kind: RecordKind,
        request: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let after = begin::<String>(&request)?;
        self.read(|tables, now| {
            let found = tables.records.get(kind.name());
            let found = found.map(|of_kind| of_kind.range((behind(after), Bound::Unbounded)));
            let live = found.into_iter().flatten().filter(|(_, found)| is_live(&found.value, now));
            page(live.map(|(key, found)| (key, found.clone())), &request)
        })
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        request: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let Some(index) = kind.index(index) else {
            return Err(PortError::permanent("the record kind does not declare this index"));
        };
        let after = begin::<String>(&request)?;
        self.read(|tables, now| {
            let keys = tables.keys_by(kind.name(), index.name(), value);
            let keys = keys.map(|set| set.range((behind(after), Bound::Unbounded)));
            let found = keys
                .into_iter()
                .flatten()
                .filter_map(|key| Some((key, tables.record(kind.name(), key, now)?.clone())));
            page(found, &request)
        })
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        self.change(|tables, now| apply(tables, &batch, now))
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        Ok(self.change(|tables, now| tables.outbox.claim(now, lease, limit)))
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.change(|tables, _| tables.outbox.acknowledge(delivered));
        Ok(())
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        Ok(self.change(|tables, now| tables.prune(before.min(now), limit)))
    }
}
