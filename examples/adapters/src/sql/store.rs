//! The part of [`Store`](ciam_core::store::Store) that is the same for every dialect.

/// Implements `Store` for a store with the fields `tenant` and `reads`: reads go there. What dialects do in their own way are
/// methods of the store: `read_account`, `find_account`, `list_accounts`, `commit_batch`, `claim`, `remove_delivered` and
/// `remove_expired`.
macro_rules! implement_store {
    ($store:ty) => {
        #[async_trait]
        impl Store for $store {
            fn tenant(&self) -> TenantId {
                self.tenant
            }

            async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
                self.read_account(id).await
            }

            async fn account_by_identifier(
                &self,
                key: &IdentifierKey,
            ) -> Result<Option<Versioned<Account>>, PortError> {
                self.find_account(key).await
            }

            async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
                self.list_accounts(page).await
            }

            async fn credentials_of(
                &self,
                account: AccountId,
            ) -> Result<Vec<Versioned<Credential>>, PortError> {
                self.reads.credentials_of(account).await
            }

            async fn organization(
                &self,
                id: OrganizationId,
            ) -> Result<Option<Versioned<Organization>>, PortError> {
                self.reads.organization(id).await
            }

            async fn organization_by_slug(
                &self,
                slug: &str,
            ) -> Result<Option<Versioned<Organization>>, PortError> {
                self.reads.organization_by_slug(slug).await
            }

            async fn organizations(
                &self,
                page: PageRequest,
            ) -> Result<Page<Versioned<Organization>>, PortError> {
                self.reads.organizations(page).await
            }

            async fn membership(
                &self,
                organization: OrganizationId,
                account: AccountId,
            ) -> Result<Option<Versioned<Membership>>, PortError> {
                self.reads.membership(organization, account).await
            }

            async fn members_of(
                &self,
                organization: OrganizationId,
                page: PageRequest,
            ) -> Result<Page<Versioned<Membership>>, PortError> {
                self.reads.members_of(organization, page).await
            }

            async fn memberships_of(
                &self,
                account: AccountId,
                page: PageRequest,
            ) -> Result<Page<Versioned<Membership>>, PortError> {
                self.reads.memberships_of(account, page).await
            }

            async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
                self.reads.session(id).await
            }

            async fn sessions_of(
                &self,
                account: AccountId,
                page: PageRequest,
            ) -> Result<Page<Versioned<Session>>, PortError> {
                self.reads.sessions_of(account, page).await
            }

            async fn record(
                &self,
                kind: RecordKind,
                key: &str,
            ) -> Result<Option<Versioned<Record>>, PortError> {
                self.reads.record(kind, key).await
            }

            async fn records(
                &self,
                kind: RecordKind,
                page: PageRequest,
            ) -> Result<Page<Versioned<Record>>, PortError> {
                self.reads.records(kind, page).await
            }

            async fn records_by(
                &self,
                kind: RecordKind,
                index: &str,
                value: &str,
                page: PageRequest,
            ) -> Result<Page<Versioned<Record>>, PortError> {
                self.reads.records_by(kind, index, value, page).await
            }

            async fn records_where(
                &self,
                kind: RecordKind,
                index: &str,
                value: &str,
                query: &IndexQuery,
                window: Window,
            ) -> Result<Counted<Versioned<Record>>, PortError> {
                self.reads.records_where(kind, index, value, query, window).await
            }

            async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
                self.commit_batch(&batch).await
            }

            async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
                // A relay asks all the time. A look locks nothing, and most of the time there is nothing to claim.
                if limit == 0 || !self.reads.outbox_has_work().await? {
                    return Ok(Vec::new());
                }
                self.claim(lease, limit).await
            }

            async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
                if delivered.is_empty() {
                    return Ok(());
                }
                self.remove_delivered(delivered).await
            }

            async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
                self.remove_expired(before, limit).await
            }
        }
    };
}

pub(crate) use implement_store;
