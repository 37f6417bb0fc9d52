//! The ports that hold state, behind a probe.

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::Probed;
use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization};
use crate::secret::SecretBytes;
use crate::session::Session;
use crate::store::{
    Batch, Commit, Counted, IndexQuery, OutboxItem, Page, PageRequest, Record, RecordKind, Store, Versioned,
    Window,
};
use crate::vault::{KeyVault, KeyedHash, SealScope, Sealed};

impl Probed<dyn Store> {
    async fn see<T>(
        &self,
        method: &'static str,
        detail: impl Into<String> + Send,
        work: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        self.probe.call(method, detail.into(), work).await
    }
}

#[async_trait]
impl Store for Probed<dyn Store> {
    fn tenant(&self) -> TenantId {
        self.inner.tenant()
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.see("store.account", "", self.inner.account(id)).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        self.see("store.account_by_identifier", "", self.inner.account_by_identifier(key)).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        self.see("store.accounts", "", self.inner.accounts(page)).await
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        self.see("store.credentials_of", "", self.inner.credentials_of(account)).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.see("store.organization", "", self.inner.organization(id)).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        self.see("store.organization_by_slug", "", self.inner.organization_by_slug(slug)).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        self.see("store.organizations", "", self.inner.organizations(page)).await
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        self.see("store.membership", "", self.inner.membership(organization, account)).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.see("store.members_of", "", self.inner.members_of(organization, page)).await
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        self.see("store.memberships_of", "", self.inner.memberships_of(account, page)).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.see("store.session", "", self.inner.session(id)).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        self.see("store.sessions_of", "", self.inner.sessions_of(account, page)).await
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        self.see("store.record", kind.name(), self.inner.record(kind, key)).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        self.see("store.records", kind.name(), self.inner.records(kind, page)).await
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let detail = format!("{} by {index}", kind.name());
        self.see("store.records_by", detail, self.inner.records_by(kind, index, value, page)).await
    }

    async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        let detail = format!("{} by {index} and {} terms", kind.name(), query.terms().len());
        let work = self.inner.records_where(kind, index, value, query, window);
        self.see("store.records_where", detail, work).await
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        let detail = format!(
            "{} preconditions, {} writes, {} events, {} messages",
            batch.preconditions().len(),
            batch.writes().len(),
            batch.events().len(),
            batch.messages().len()
        );
        self.see("store.commit", detail, self.inner.commit(batch)).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.see("store.claim_outbox", "", self.inner.claim_outbox(lease, limit)).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.see("store.acknowledge", "", self.inner.acknowledge(delivered)).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.see("store.prune", "", self.inner.prune(before, limit)).await
    }
}

impl Probed<dyn Ephemeral> {
    async fn see<T>(
        &self,
        method: &'static str,
        key: &EphemeralKey,
        work: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        self.probe.call(method, key.namespace().to_owned(), work).await
    }
}

#[async_trait]
impl Ephemeral for Probed<dyn Ephemeral> {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.see("ephemeral.put", key, self.inner.put(key, value, ttl)).await
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.see("ephemeral.get", key, self.inner.get(key)).await
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.see("ephemeral.take", key, self.inner.take(key)).await
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.see("ephemeral.put_if_absent", key, self.inner.put_if_absent(key, value, ttl)).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        self.see("ephemeral.increment", key, self.inner.increment(key, window)).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.see("ephemeral.compare_and_swap", key, self.inner.compare_and_swap(key, old, new, ttl)).await
    }
}

#[async_trait]
impl KeyVault for Probed<dyn KeyVault> {
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError> {
        let work = self.inner.seal(scope, purpose, plaintext);
        self.probe.call("vault.seal", purpose.to_owned(), work).await
    }

    async fn open(
        &self,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<SecretBytes, PortError> {
        self.probe.call("vault.open", purpose.to_owned(), self.inner.open(scope, purpose, sealed)).await
    }

    async fn lookup_hash(&self, purpose: &str, value: &[u8]) -> Result<KeyedHash, PortError> {
        let work = self.inner.lookup_hash(purpose, value);
        self.probe.call("vault.lookup_hash", purpose.to_owned(), work).await
    }

    async fn shred(&self, account: AccountId) -> Result<(), PortError> {
        self.probe.call("vault.shred", account.to_string(), self.inner.shred(account)).await
    }
}
