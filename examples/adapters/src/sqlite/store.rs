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
use ciam_core::store::{
    Batch, Commit, Counted, IndexQuery, OutboxItem, Page, PageRequest, Record, RecordKind, Store, Versioned,
    Window,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::error::port_error;
use super::operations::{Acknowledge, ClaimOutbox, CommitBatch, Prune};
use super::transaction::{Statement, blob, statement};
use super::writer::Writer;
use crate::sql::{Columns, DamagedRow, Param, PreparedBatch, Reader, Reads, Scope, implement_store};

/// The durable store of one tenant in a [`SqliteDatabase`](super::SqliteDatabase). Cloning is cheap.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Writer,
    reads: Reads<SqlitePool>,
    tenant: TenantId,
    scope: Scope,
}

impl SqliteStore {
    pub(super) fn new(writer: Writer, readers: SqlitePool, tenant: TenantId, clock: Arc<dyn Clock>) -> Self {
        let scope = Scope::new(tenant, clock);
        Self { writer, reads: Reads::new(readers, scope.clone()), tenant, scope }
    }

    async fn read_account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        self.reads.account(id).await
    }

    async fn find_account(&self, key: &IdentifierKey) -> Result<Option<Versioned<Account>>, PortError> {
        self.reads.account_by_identifier(key).await
    }

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        self.reads.accounts(page).await
    }

    async fn commit_batch(&self, batch: &Batch) -> Result<Commit, PortError> {
        let batch = PreparedBatch::new(batch)?;
        self.writer.run(CommitBatch { scope: self.scope.clone(), batch }).await
    }

    async fn claim(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        self.writer.run(ClaimOutbox { scope: self.scope.clone(), lease, limit }).await
    }

    async fn remove_delivered(&self, delivered: &[EventId]) -> Result<(), PortError> {
        self.writer.run(Acknowledge { scope: self.scope.clone(), delivered: delivered.to_vec() }).await
    }

    async fn remove_expired(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        self.writer.run(Prune { scope: self.scope.clone(), before, limit }).await
    }
}

impl Reader for SqlitePool {
    type Row = SqliteRow;

    async fn fetch(
        &self,
        sql: &'static str,
        tenant: Uuid,
        params: Vec<Param>,
    ) -> Result<Vec<SqliteRow>, PortError> {
        bound(statement(sql, tenant), params).fetch_all(self).await.map_err(port_error)
    }

    async fn fetch_once(
        &self,
        sql: String,
        tenant: Uuid,
        params: Vec<Param>,
    ) -> Result<Vec<SqliteRow>, PortError> {
        // Made of words of this crate and numbers of parameters. It is not kept: there are as many as there are queries.
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(blob(tenant));
        bound(query, params).fetch_all(self).await.map_err(port_error)
    }
}

fn bound(query: Statement<'_>, params: Vec<Param>) -> Statement<'_> {
    params.into_iter().fold(query, |query, param| match param {
        Param::Id(id) => query.bind(blob(id)),
        // The empty value is below every id.
        Param::After(id) => query.bind(id.map(blob).unwrap_or_default()),
        Param::Text(text) => query.bind(text),
        Param::Number(number) => query.bind(number),
    })
}

impl Columns for SqliteRow {
    fn id(&self, column: &str, table: &'static str) -> Result<Uuid, PortError> {
        let bytes: &[u8] = self.try_get(column).map_err(port_error)?;
        Ok(Uuid::from_slice(bytes).map_err(|_| DamagedRow { table })?)
    }

    fn text(&self, column: &str) -> Result<&str, PortError> {
        self.try_get(column).map_err(port_error)
    }

    fn number(&self, column: &str) -> Result<i64, PortError> {
        self.try_get(column).map_err(port_error)
    }

    fn optional_number(&self, column: &str) -> Result<Option<i64>, PortError> {
        self.try_get(column).map_err(port_error)
    }
}

implement_store!(SqliteStore);
