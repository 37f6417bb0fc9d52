//! A store that a test steps into.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization};
use crate::session::Session;
use crate::store::{
    Batch, Commit, Counted, IndexQuery, OutboxItem, Page, PageRequest, Record, RecordKind, Store, Versioned,
    Window,
};

/// What a test does at the calls of a store; nothing, where a method is left out.
#[async_trait]
pub trait StoreHook: Debug + Send + Sync {
    /// Before each read: to let others run, for example, as a store behind a network does.
    async fn before_read(&self) {}

    /// Instead of a commit.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    async fn commit(&self, store: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
        store.commit(batch).await
    }

    /// Instead of a claim of what is in the outbox.
    ///
    /// # Errors
    ///
    /// As [`Store::claim_outbox`].
    async fn claim_outbox(
        &self,
        store: &dyn Store,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxItem>, PortError> {
        store.claim_outbox(lease, limit).await
    }

    /// Instead of an acknowledgement of what was delivered.
    ///
    /// # Errors
    ///
    /// As [`Store::acknowledge`].
    async fn acknowledge(&self, store: &dyn Store, delivered: &[EventId]) -> Result<(), PortError> {
        store.acknowledge(delivered).await
    }
}

/// A store with a [`StoreHook`]: for tests of races, and of what a broken adapter would do.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use async_trait::async_trait;
/// use ciam_core::error::PortError;
/// use ciam_core::memory;
/// use ciam_core::store::{Batch, Commit, Store};
/// use ciam_core::testkit::{HookedStore, StoreHook};
///
/// /// The first commit fails, as when a connection breaks.
/// #[derive(Debug, Default)]
/// struct FirstFails(AtomicU32);
///
/// #[async_trait]
/// impl StoreHook for FirstFails {
///     async fn commit(&self, store: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
///         match self.0.fetch_add(1, Ordering::Relaxed) {
///             0 => Err(PortError::transient("the connection broke")),
///             _ => store.commit(batch).await,
///         }
///     }
/// }
///
/// let ports = memory::ports();
/// let store = HookedStore::new(ports.shared_store(), FirstFails::default());
/// let ports = ports.with_store(Arc::new(store));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert!(ports.store().commit(Batch::new()).await.is_err());
/// assert!(ports.store().commit(Batch::new()).await.unwrap().is_applied());
/// # });
/// ```
#[derive(Debug)]
pub struct HookedStore<H> {
    inner: Arc<dyn Store>,
    hook: H,
}

impl<H: StoreHook> HookedStore<H> {
    /// Hooks into a store.
    pub fn new(inner: Arc<dyn Store>, hook: H) -> Self {
        Self { inner, hook }
    }

    async fn read<T>(&self, read: impl Future<Output = T> + Send) -> T {
        self.hook.before_read().await;
        read.await
    }
}

#[async_trait]
impl<H: StoreHook> Store for HookedStore<H> {
    fn tenant(&self) -> TenantId {
        self.inner.tenant()
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.read(self.inner.account(id)).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        self.read(self.inner.account_by_identifier(key)).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        self.read(self.inner.accounts(page)).await
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        self.read(self.inner.credentials_of(account)).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.read(self.inner.organization(id)).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        self.read(self.inner.organization_by_slug(slug)).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        self.read(self.inner.organizations(page)).await
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        self.read(self.inner.membership(organization, account)).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.read(self.inner.members_of(organization, page)).await
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.read(self.inner.memberships_of(account, page)).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.read(self.inner.session(id)).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        self.read(self.inner.sessions_of(account, page)).await
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        self.read(self.inner.record(kind, key)).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.read(self.inner.records(kind, page)).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.read(self.inner.records_by(kind, index, value, page)).await
    }

    async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        self.read(self.inner.records_where(kind, index, value, query, window)).await
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        self.hook.commit(&*self.inner, batch).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.hook.claim_outbox(&*self.inner, lease, limit).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.hook.acknowledge(&*self.inner, delivered).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.inner.prune(before, limit).await
    }
}
