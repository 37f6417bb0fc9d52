//! The durable store.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::{Account, IdentifierKey};
use ciam_core::clock::Clock;
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use ciam_core::organization::{Membership, Organization};
use ciam_core::session::Session;
use ciam_core::store::{Batch, Commit, OutboxItem, Page, PageRequest, Record, RecordKind, Store, Versioned};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::error::port_error;
use super::operations::{Acknowledge, ClaimOutbox, CommitBatch, Prune, Scope};
use super::statements as sql;
use super::transaction::{Statement, blob, statement};
use super::writer::Writer;
use crate::sql::{Bounds, DamagedRow, PreparedBatch, StoredRecordRow, decode_entity};

/// The durable store of one tenant in a [`SqliteDatabase`](super::SqliteDatabase). Cloning is cheap.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    tenant: TenantId,
    scope: Scope,
}

impl SqliteStore {
    pub(super) fn new(writer: Writer, readers: SqlitePool, tenant: TenantId, clock: Arc<dyn Clock>) -> Self {
        let scope = Scope { tenant: *tenant.as_uuid(), clock };
        Self { writer, readers, tenant, scope }
    }

    fn of(&self, sql: &'static str) -> Statement<'static> {
        statement(sql, self.scope.tenant)
    }

    fn of_id(&self, sql: &'static str, id: &Uuid) -> Statement<'static> {
        self.of(sql).bind(blob(*id))
    }

    async fn one<T>(
        &self,
        statement: Statement<'_>,
        decode: impl FnOnce(SqliteRow) -> Result<T, PortError>,
    ) -> Result<Option<T>, PortError> {
        statement.fetch_optional(&self.readers).await.map_err(port_error)?.map(decode).transpose()
    }

    async fn all<T>(
        &self,
        statement: Statement<'_>,
        decode: impl Fn(SqliteRow) -> Result<T, PortError>,
    ) -> Result<Vec<T>, PortError> {
        let rows = statement.fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(decode).collect()
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.one(self.of_id(sql::ACCOUNT, id.as_uuid()), account).await
    }

    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        let statement = self.of(sql::ACCOUNT_BY_IDENTIFIER);
        self.one(statement.bind(key.kind().as_str()).bind(key.as_str().to_owned()), account).await
    }

    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        let bounds = Bounds::<AccountId>::new(&page)?;
        let statement = self.of(sql::ACCOUNTS).bind(after(bounds.after.as_ref().map(AccountId::as_uuid)));
        let items = self.all(statement.bind(bounds.rows()), account).await?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError> {
        let limit = i64::try_from(Credential::MAX_PER_ACCOUNT).unwrap_or(i64::MAX);
        self.all(self.of_id(sql::CREDENTIALS_OF, account.as_uuid()).bind(limit), credential).await
    }

    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError> {
        self.one(self.of_id(sql::ORGANIZATION, id.as_uuid()), organization).await
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError> {
        self.one(self.of(sql::ORGANIZATION_BY_SLUG).bind(slug.to_owned()), organization).await
    }

    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError> {
        let bounds = Bounds::<OrganizationId>::new(&page)?;
        let statement =
            self.of(sql::ORGANIZATIONS).bind(after(bounds.after.as_ref().map(OrganizationId::as_uuid)));
        let items = self.all(statement.bind(bounds.rows()), organization).await?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError> {
        let statement = self.of_id(sql::MEMBERSHIP, organization.as_uuid()).bind(blob(*account.as_uuid()));
        self.one(statement, membership).await
    }

    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let bounds = Bounds::<AccountId>::new(&page)?;
        let statement = self
            .of_id(sql::MEMBERS_OF, organization.as_uuid())
            .bind(after(bounds.after.as_ref().map(AccountId::as_uuid)));
        let items = self.all(statement.bind(bounds.rows()), membership).await?;
        bounds.page(items, |found| found.value.account.to_string())
    }

    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError> {
        let bounds = Bounds::<OrganizationId>::new(&page)?;
        let statement = self
            .of_id(sql::MEMBERSHIPS_OF, account.as_uuid())
            .bind(after(bounds.after.as_ref().map(OrganizationId::as_uuid)));
        let items = self.all(statement.bind(bounds.rows()), membership).await?;
        bounds.page(items, |found| found.value.organization.to_string())
    }

    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        self.one(self.of_id(sql::SESSION, id.as_uuid()).bind(self.scope.now()), session).await
    }

    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        let bounds = Bounds::<SessionId>::new(&page)?;
        let statement = self
            .of_id(sql::SESSIONS_OF, account.as_uuid())
            .bind(after(bounds.after.as_ref().map(SessionId::as_uuid)))
            .bind(self.scope.now());
        let items = self.all(statement.bind(bounds.rows()), session).await?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError> {
        let statement = self.of(sql::RECORD).bind(kind.name()).bind(key.to_owned()).bind(self.scope.now());
        self.one(statement, |row| record(row, kind)).await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let bounds = Bounds::<String>::new(&page)?;
        let statement = self
            .of(sql::RECORDS)
            .bind(kind.name())
            .bind(bounds.after.clone().unwrap_or_default())
            .bind(self.scope.now())
            .bind(bounds.rows());
        let items = self.all(statement, |row| record(row, kind)).await?;
        bounds.page(items, |found| found.value.key.clone())
    }

    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError> {
        let index = kind
            .index(index)
            .ok_or_else(|| PortError::permanent("the record kind does not declare this index"))?;
        let bounds = Bounds::<String>::new(&page)?;
        let statement = self
            .of(sql::RECORDS_BY)
            .bind(kind.name())
            .bind(index.name())
            .bind(value.to_owned())
            .bind(bounds.after.clone().unwrap_or_default())
            .bind(self.scope.now())
            .bind(bounds.rows());
        let items = self.all(statement, |row| record(row, kind)).await?;
        bounds.page(items, |found| found.value.key.clone())
    }

    async fn commit(&self, batch: Batch) -> Result<Commit, PortError> {
        let batch = PreparedBatch::new(&batch)?;
        self.writer.run(CommitBatch { scope: self.scope.clone(), batch }).await
    }

    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        // A relay asks all the time. A look costs the writer nothing, and most of the time there is nothing to claim.
        let work = self.of(sql::OUTBOX_HAS_WORK).bind(self.scope.now());
        if limit == 0 || self.one(work, |_| Ok(())).await?.is_none() {
            return Ok(Vec::new());
        }
        self.writer.run(ClaimOutbox { scope: self.scope.clone(), lease, limit }).await
    }

    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError> {
        if delivered.is_empty() {
            return Ok(());
        }
        self.writer.run(Acknowledge { scope: self.scope.clone(), delivered: delivered.to_vec() }).await
    }

    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.writer.run(Prune { scope: self.scope.clone(), before, limit }).await
    }
}

/// The lower bound of a listing by id; the empty value is below every id.
fn after(id: Option<&Uuid>) -> Vec<u8> {
    id.map(|id| blob(*id)).unwrap_or_default()
}

fn account(row: SqliteRow) -> Result<Versioned<Account>, PortError> {
    let id = uuid_column(&row, "id", "accounts")?;
    entity(&row, "accounts", |found: &Account| *found.id.as_uuid() == id)
}

fn credential(row: SqliteRow) -> Result<Versioned<Credential>, PortError> {
    let id = uuid_column(&row, "id", "credentials")?;
    entity(&row, "credentials", |found: &Credential| *found.id.as_uuid() == id)
}

fn organization(row: SqliteRow) -> Result<Versioned<Organization>, PortError> {
    let id = uuid_column(&row, "id", "organizations")?;
    entity(&row, "organizations", |found: &Organization| *found.id.as_uuid() == id)
}

fn membership(row: SqliteRow) -> Result<Versioned<Membership>, PortError> {
    let organization = uuid_column(&row, "organization", "memberships")?;
    let account = uuid_column(&row, "account", "memberships")?;
    entity(&row, "memberships", |found: &Membership| {
        *found.organization.as_uuid() == organization && *found.account.as_uuid() == account
    })
}

fn session(row: SqliteRow) -> Result<Versioned<Session>, PortError> {
    let id = uuid_column(&row, "id", "sessions")?;
    entity(&row, "sessions", |found: &Session| *found.id.as_uuid() == id)
}

fn record(row: SqliteRow, kind: RecordKind) -> Result<Versioned<Record>, PortError> {
    let read = || -> Result<StoredRecordRow, sqlx::Error> {
        Ok(StoredRecordRow {
            key: row.try_get("key")?,
            schema: row.try_get("schema")?,
            counter: row.try_get("counter")?,
            expires_at: row.try_get("expires_at")?,
            version: row.try_get("version")?,
            index_values: row.try_get("index_values")?,
            body: row.try_get("body")?,
        })
    };
    Ok(read().map_err(port_error)?.decode(kind)?)
}

fn entity<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    table: &'static str,
    is_it: impl FnOnce(&T) -> bool,
) -> Result<Versioned<T>, PortError> {
    let document: &str = row.try_get("document").map_err(port_error)?;
    let version: i64 = row.try_get("version").map_err(port_error)?;
    Ok(decode_entity(table, document, version, is_it)?)
}

fn uuid_column(row: &SqliteRow, column: &str, table: &'static str) -> Result<Uuid, PortError> {
    let bytes: &[u8] = row.try_get(column).map_err(port_error)?;
    Ok(Uuid::from_slice(bytes).map_err(|_| DamagedRow { table })?)
}
