//! The same changes in two tenants.

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

/// A handle whose every commit, claim and acknowledgement is first made in another tenant, with the same ids and keys.
///
/// Both tenants stay in step, so a store that keeps them apart shows nothing of it. One that does not keeps no clause: what
/// a clause inserts is there already, because the other tenant has it.
#[derive(Debug)]
pub(super) struct Mirror {
    own: Arc<dyn Store>,
    other: Arc<dyn Store>,
}

impl Mirror {
    pub(super) fn new(own: Arc<dyn Store>, other: Arc<dyn Store>) -> Self {
        Self { own, other }
    }
}

#[async_trait]
impl Store for Mirror {
    fn tenant(&self) -> TenantId {
        self.own.tenant()
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.own.account(id).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        self.own.account_by_identifier(key).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        self.own.accounts(page).await
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        self.own.credentials_of(account).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.own.organization(id).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        self.own.organization_by_slug(slug).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        self.own.organizations(page).await
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        self.own.membership(organization, account).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.own.members_of(organization, page).await
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.own.memberships_of(account, page).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.own.session(id).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        self.own.sessions_of(account, page).await
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        self.own.record(kind, key).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.own.records(kind, page).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.own.records_by(kind, index, value, page).await
    }

    async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        self.own.records_where(kind, index, value, query, window).await
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        let _what_the_other_tenant_says = self.other.commit(batch.clone()).await?;
        self.own.commit(batch).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.other.claim_outbox(lease, limit).await?;
        self.own.claim_outbox(lease, limit).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.other.acknowledge(delivered).await?;
        self.own.acknowledge(delivered).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.own.prune(before, limit).await
    }
}
