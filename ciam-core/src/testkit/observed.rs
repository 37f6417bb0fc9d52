//! Ports that write down what is asked of them, and fail when told to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization};
use crate::password::PasswordHasher;
use crate::secret::Secret;
use crate::session::Session;
use crate::store::{Batch, Commit, OutboxItem, Page, PageRequest, Record, RecordKind, Store, Versioned};

/// What was asked of the observed ports, in order, and which call is to fail.
///
/// Clones share one log, so that the calls of a store, an ephemeral store and a hasher stand in one sequence.
#[derive(Clone, Debug, Default)]
pub struct CallLog(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    names: Vec<&'static str>,
    fail_at: Option<usize>,
}

impl CallLog {
    /// An empty log that lets every call through.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The calls so far, as `port.method`.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.lock().names.clone()
    }

    /// Forgets the calls so far, and lets every call through again.
    pub fn clear(&self) {
        *self.lock() = Calls::default();
    }

    /// Forgets the calls so far, and makes the call with this number, counted from 0, fail.
    pub fn fail_at(&self, number: usize) {
        *self.lock() = Calls { names: Vec::new(), fail_at: Some(number) };
    }

    fn call(&self, name: &'static str) -> Result<(), PortError> {
        let mut calls = self.lock();
        let number = calls.names.len();
        calls.names.push(name);
        if calls.fail_at == Some(number) { Err(PortError::transient("told to fail")) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port with a [`CallLog`] before it.
#[derive(Clone, Debug)]
pub struct Observed<P> {
    inner: P,
    log: CallLog,
}

impl<P> Observed<P> {
    /// Puts a log before a port.
    #[must_use]
    pub const fn new(inner: P, log: CallLog) -> Self {
        Self { inner, log }
    }
}

#[async_trait]
impl<P: Store> Store for Observed<P> {
    fn tenant(&self) -> TenantId {
        self.inner.tenant()
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.log.call("store.account")?;
        self.inner.account(id).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        self.log.call("store.account_by_identifier")?;
        self.inner.account_by_identifier(key).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        self.log.call("store.accounts")?;
        self.inner.accounts(page).await
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        self.log.call("store.credentials_of")?;
        self.inner.credentials_of(account).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.log.call("store.organization")?;
        self.inner.organization(id).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        self.log.call("store.organization_by_slug")?;
        self.inner.organization_by_slug(slug).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        self.log.call("store.organizations")?;
        self.inner.organizations(page).await
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        self.log.call("store.membership")?;
        self.inner.membership(organization, account).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.log.call("store.members_of")?;
        self.inner.members_of(organization, page).await
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.log.call("store.memberships_of")?;
        self.inner.memberships_of(account, page).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.log.call("store.session")?;
        self.inner.session(id).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        self.log.call("store.sessions_of")?;
        self.inner.sessions_of(account, page).await
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        self.log.call("store.record")?;
        self.inner.record(kind, key).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.log.call("store.records")?;
        self.inner.records(kind, page).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.log.call("store.records_by")?;
        self.inner.records_by(kind, index, value, page).await
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        self.log.call("store.commit")?;
        self.inner.commit(batch).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.log.call("store.claim_outbox")?;
        self.inner.claim_outbox(lease, limit).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.log.call("store.acknowledge")?;
        self.inner.acknowledge(delivered).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.log.call("store.prune")?;
        self.inner.prune(before, limit).await
    }
}

#[async_trait]
impl<P: Ephemeral> Ephemeral for Observed<P> {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.log.call("ephemeral.put")?;
        self.inner.put(key, value, ttl).await
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.log.call("ephemeral.get")?;
        self.inner.get(key).await
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.log.call("ephemeral.take")?;
        self.inner.take(key).await
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.log.call("ephemeral.put_if_absent")?;
        self.inner.put_if_absent(key, value, ttl).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        self.log.call("ephemeral.increment")?;
        self.inner.increment(key, window).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.log.call("ephemeral.compare_and_swap")?;
        self.inner.compare_and_swap(key, old, new, ttl).await
    }
}

impl<P: PasswordHasher> PasswordHasher for Observed<P> {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        self.log.call("hasher.hash")?;
        self.inner.hash(password)
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        self.log.call("hasher.verify").is_ok() && self.inner.verify(password, hash)
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        self.inner.needs_rehash(hash)
    }
}
