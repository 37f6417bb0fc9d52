//! The store, sealed.

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use time::{Duration, OffsetDateTime};

use super::SealingStore;
use super::record::Opened;
use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization};
use crate::session::Session;
use crate::store::{
    Batch, Commit, Counted, IndexQuery, OWNER_INDEX, OutboxItem, Page, PageRequest, Record, RecordKind,
    Store, Versioned, Window,
};
use crate::vault::{SealScope, Sealed};

impl SealingStore {
    async fn opened_account(&self, found: Versioned<Account>) -> Result<Versioned<Account>, PortError> {
        Ok(Versioned::new(self.open_account(found.value).await?, found.version))
    }

    async fn opened_credential(
        &self,
        found: Versioned<Credential>,
    ) -> Result<Versioned<Credential>, PortError> {
        Ok(Versioned::new(self.open_credential(found.value).await?, found.version))
    }

    async fn opened_session(&self, found: Versioned<Session>) -> Result<Versioned<Session>, PortError> {
        Ok(Versioned::new(self.open_session(found.value).await?, found.version))
    }

    async fn opened_records(
        &self,
        page: Page<Versioned<Record>>,
        choose: fn(Opened) -> Option<Record>,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let open = |found: Versioned<Record>| async move {
            let opened = choose(self.open_record(found.value).await?);
            Ok::<_, PortError>(opened.map(|record| Versioned::new(record, found.version)))
        };
        let items = futures_util::stream::iter(page.items.into_iter().map(open)).buffered(AT_ONCE);
        let items: Vec<Option<_>> = items.try_collect().await?;
        Ok(Page::new(items.into_iter().flatten().collect(), page.next))
    }

    /// Does what opening an account of this identifier would do, for an account that does not exist: what a look-up takes
    /// does not tell whether there is one.
    async fn open_nobody(&self, hashed: &IdentifierKey) {
        let digest = crate::crypto::sha256(hashed.as_str().as_bytes());
        let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
        let nobody = AccountId::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid());
        let _fails = self.vault.open(&SealScope::Account(nobody), "", &Sealed::from_text("")).await;
    }
}

/// How many rows of a page are opened at once.
const AT_ONCE: usize = 16;

#[async_trait]
impl Store for SealingStore {
    fn tenant(&self) -> TenantId {
        self.inner.tenant()
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        match self.inner.account(id).await? {
            Some(found) => self.opened_account(found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        let hashed = self.hashed(key).await?;
        let mut found = self.inner.account_by_identifier(&hashed).await?;
        // Asked whatever was found, so that what it takes does not tell.
        if !self.is_complete() {
            let before = self.inner.account_by_identifier(key).await?;
            found = found.or(before);
        }
        match found {
            Some(found) => self.opened_account(found).await.map(Some),
            None => {
                self.open_nobody(&hashed).await;
                Ok(None)
            }
        }
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        let page = self.inner.accounts(page).await?;
        let open = page.items.into_iter().map(|found| self.opened_account(found));
        let items = futures_util::stream::iter(open).buffered(AT_ONCE).try_collect().await?;
        Ok(Page::new(items, page.next))
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        let found = self.inner.credentials_of(account).await?;
        let open = found.into_iter().map(|found| self.opened_credential(found));
        futures_util::stream::iter(open).buffered(AT_ONCE).try_collect().await
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
        match self.inner.session(id).await? {
            Some(found) => self.opened_session(found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        let page = self.inner.sessions_of(account, page).await?;
        let open = page.items.into_iter().map(|found| self.opened_session(found));
        let items = futures_util::stream::iter(open).buffered(AT_ONCE).try_collect().await?;
        Ok(Page::new(items, page.next))
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        let Some(found) = self.inner.record(kind, key).await? else { return Ok(None) };
        let opened = self.open_record(found.value).await?.readable();
        Ok(opened.map(|record| Versioned::new(record, found.version)))
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let page = self.inner.records(kind, page).await?;
        self.opened_records(page, Opened::readable).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let hashed = match kind.index(index).filter(|index| index.is_hashed()) {
            Some(index) => Some(self.hash_index(kind, index, value).await?),
            None => None,
        };
        let page = self.inner.records_by(kind, index, hashed.as_deref().unwrap_or(value), page).await?;
        // Of an account that is gone, whoever clears up after it must see what there is.
        let choose =
            if index == OWNER_INDEX { |opened: Opened| Some(opened.any()) } else { Opened::readable };
        self.opened_records(page, choose).await
    }

    async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        let hashed = match kind.index(index).filter(|index| index.is_hashed()) {
            Some(index) => Some(self.hash_index(kind, index, value).await?),
            None => None,
        };
        let mut query = query.clone();
        for wanted in query.values_mut().filter(|wanted| wanted.index.is_hashed()) {
            wanted.value = self.hash_index(kind, &wanted.index, &wanted.value).await?;
        }
        let value = hashed.as_deref().unwrap_or(value);
        // What cannot be opened any more is counted until it is cleared away.
        let found = self.inner.records_where(kind, index, value, &query, window).await?;
        let page = self.opened_records(Page::new(found.items, None), Opened::readable).await?;
        Ok(Counted::new(page.items, found.total))
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        self.commit_sealed(batch).await
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
