//! A store with a gate before its commits: a test decides who goes on when.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::{Account, IdentifierKey};
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use ciam_core::organization::{Membership, Organization};
use ciam_core::session::Session;
use ciam_core::store::{
    Batch, Commit, OutboxItem, Page, PageRequest, Precondition, Record, RecordKind, Store, Versioned, Write,
};
use futures_util::future::BoxFuture;
use time::{Duration, OffsetDateTime};

type Gate = Box<dyn Fn(&Batch) -> BoxFuture<'static, ()> + Send + Sync>;

/// A store whose commits wait at a gate.
pub(crate) struct GatedStore {
    inner: Arc<dyn Store>,
    gate: Gate,
    /// Whether conditions are forgotten: a broken adapter.
    forgets: bool,
}

impl GatedStore {
    pub(crate) fn new(
        inner: Arc<dyn Store>,
        gate: impl Fn(&Batch) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { inner, gate: Box::new(gate), forgets: false })
    }

    /// A store that applies every batch, whatever it requires.
    pub(crate) fn forgetful(inner: Arc<dyn Store>) -> Arc<Self> {
        let gate = |_: &Batch| Box::pin(tokio::task::yield_now()) as BoxFuture<'static, ()>;
        Arc::new(Self { inner, gate: Box::new(gate), forgets: true })
    }
}

/// Whether a batch makes a grant that is not revoked: the commit of a code exchange.
pub(crate) fn makes_grant(batch: &Batch) -> bool {
    batch.preconditions().iter().any(|condition| matches!(condition, Precondition::Absent(_)))
        && writes_grant(batch).is_some_and(|body| !body.contains("revoked"))
}

/// Whether a batch revokes a grant.
pub(crate) fn revokes_grant(batch: &Batch) -> bool {
    writes_grant(batch).is_some_and(|body| body.contains("revoked"))
}

/// Whether a batch moves a refresh family.
pub(crate) fn moves_family(batch: &Batch) -> bool {
    batch.preconditions().iter().any(|condition| matches!(condition, Precondition::VersionIs(..)))
        && writes_grant(batch).is_some_and(|body| !body.contains("revoked"))
}

fn writes_grant(batch: &Batch) -> Option<&str> {
    batch.writes().iter().find_map(|write| match write {
        Write::PutRecord(record) if record.kind.name() == "oauth.grant" => Some(record.body.as_str()),
        _ => None,
    })
}

impl fmt::Debug for GatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for GatedStore {
    fn tenant(&self) -> TenantId {
        self.inner.tenant()
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.inner.account(id).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        self.inner.account_by_identifier(key).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        self.inner.accounts(page).await
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        self.inner.credentials_of(account).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.inner.organization(id).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        self.inner.organization_by_slug(slug).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        self.inner.organizations(page).await
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        self.inner.membership(organization, account).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.inner.members_of(organization, page).await
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.inner.memberships_of(account, page).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.inner.session(id).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        self.inner.sessions_of(account, page).await
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        // Let others run between a read and what follows it, as a store behind a network does.
        tokio::task::yield_now().await;
        self.inner.record(kind, key).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.inner.records(kind, page).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.inner.records_by(kind, index, value, page).await
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        (self.gate)(&batch).await;
        if self.forgets {
            let writes = batch.writes().iter().cloned().fold(Batch::new(), Batch::write);
            return self.inner.commit(batch.events().iter().cloned().fold(writes, Batch::event)).await;
        }
        self.inner.commit(batch).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.inner.claim_outbox(lease, limit).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.inner.acknowledge(delivered).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.inner.prune(before, limit).await
    }
}
