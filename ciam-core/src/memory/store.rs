//! The durable store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::apply::apply;
use super::listing::page;
use super::tables::{Row, Tables, is_live};
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

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, Tables>> {
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
        self.read(|tables, _| {
            page(tables.accounts.iter().map(|(id, found)| (id.to_string(), found)), &request)
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
        self.read(|tables, _| {
            page(tables.organizations.iter().map(|(id, found)| (id.to_string(), found)), &request)
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
        self.read(|tables, _| {
            let entries = tables.memberships.iter().filter(|((of, _), _)| *of == organization);
            page(entries.map(|((_, account), found)| (account.to_string(), found)), &request)
        })
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.read(|tables, _| {
            let entries = tables.memberships_of.iter().filter(|(of, _)| *of == account);
            let entries = entries.filter_map(|(account, organization)| {
                let found = tables.memberships.get(&(*organization, *account))?;
                Some((organization.to_string(), found))
            });
            page(entries, &request)
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
        self.read(|tables, now| {
            let ids = tables.sessions_of.get(&account).into_iter().flatten();
            page(ids.filter_map(|id| Some((id.to_string(), tables.session(*id, now)?))), &request)
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
        self.read(|tables, now| {
            let entries = tables
                .records
                .iter()
                .filter(|((of, _), found)| *of == kind.name() && is_live(&found.value, now));
            page(entries.map(|((_, key), found)| (key.clone(), found)), &request)
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
        self.read(|tables, now| {
            let keys = tables.index.get(&(kind.name(), index.name(), value.to_owned())).into_iter().flatten();
            page(keys.filter_map(|key| Some((key.clone(), tables.record(kind.name(), key, now)?))), &request)
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
        Ok(self.change(|tables, _| {
            let limit = limit as usize;
            let sessions: Vec<SessionId> = tables
                .sessions
                .iter()
                .filter(|(_, found)| found.value.expires_at <= before)
                .map(|(id, _)| *id)
                .take(limit)
                .collect();
            let records: Vec<_> = tables
                .records
                .iter()
                .filter(|(_, found)| !is_live(&found.value, before))
                .map(|(key, _)| key.clone())
                .take(limit.saturating_sub(sessions.len()))
                .collect();
            for id in &sessions {
                tables.replace(Row::Session(*id, None));
            }
            let removed = sessions.len() + records.len();
            for key in records {
                tables.replace(Row::Record(key, None));
            }
            u32::try_from(removed).unwrap_or(u32::MAX)
        }))
    }
}
