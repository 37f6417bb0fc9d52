//! The durable store.

use std::sync::Arc;
use std::time::Duration as Pause;

use async_trait::async_trait;
use ciam_core::account::{Account, IdentifierKey};
use ciam_core::clock::Clock;
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use ciam_core::organization::{Membership, Organization};
use ciam_core::session::Session;
use ciam_core::store::{
    Batch, Commit, Conflict, Counted, IndexQuery, OutboxItem, Page, PageRequest, Record, RecordKind, Store,
    Versioned, Window,
};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::accounts::{AccountKey, AccountTable};
use super::batch::{Accounts, EncodedBatch};
use super::error::{is_rolled_back_for_others, is_too_many_credentials, port_error, taken};
use super::hosted::{self, Hosted};
use super::reads::{Statement, statement};
use crate::sql::{Bounds, PreparedBatch, Reads, Scope, decode_outbox, implement_store, nanos, nanos_after};

/// The durable store of one tenant in a [`PostgresDatabase`](super::PostgresDatabase). Cloning is cheap.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    reads: Reads<PgPool>,
    tenant: TenantId,
    scope: Scope,
    attempts: u32,
    accounts: Option<Arc<dyn AccountTable>>,
}

impl PostgresStore {
    pub(super) fn new(
        pool: PgPool,
        attempts: u32,
        tenant: TenantId,
        clock: Arc<dyn Clock>,
        accounts: Option<Arc<dyn AccountTable>>,
    ) -> Self {
        let scope = Scope::new(tenant, clock);
        Self { reads: Reads::new(pool.clone(), scope.clone()), pool, tenant, scope, attempts, accounts }
    }

    fn of(&self, sql: &'static str) -> Statement<'static> {
        statement(sql, self.scope.tenant)
    }

    async fn hosted_account(
        &self,
        table: &dyn AccountTable,
        key: AccountKey<'_>,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        let mut connection = self.pool.acquire().await.map_err(port_error)?;
        table.read(&mut connection, key).await.map_err(port_error)
    }

    /// One statement: a transaction of its own.
    async fn apply(&self, batch: &EncodedBatch) -> Result<Commit, sqlx::Error> {
        let commit = self
            .of(COMMIT_BATCH)
            .bind(self.scope.now())
            .bind(&batch.locks)
            .bind(&batch.require)
            .bind(&batch.writes)
            .bind(&batch.outbox);
        let failed: Option<i32> = commit.fetch_one(&self.pool).await?.try_get(0)?;
        Ok(match failed {
            None => Commit::Applied,
            Some(position) => Commit::Conflict(Conflict::Precondition(hosted::position(position)?)),
        })
    }

    async fn read_account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError> {
        match &self.accounts {
            None => self.reads.account(id).await,
            Some(table) => self.hosted_account(&**table, AccountKey::Id(id)).await,
        }
    }

    async fn find_account(&self, key: &IdentifierKey) -> Result<Option<Versioned<Account>>, PortError> {
        match &self.accounts {
            None => self.reads.account_by_identifier(key).await,
            Some(table) => self.hosted_account(&**table, AccountKey::Identifier(key)).await,
        }
    }

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError> {
        let Some(table) = &self.accounts else { return self.reads.accounts(page).await };
        let bounds = Bounds::<AccountId>::new(&page)?;
        let mut connection = self.pool.acquire().await.map_err(port_error)?;
        let items = table.list(&mut connection, bounds.after, bounds.rows()).await.map_err(port_error)?;
        bounds.page(items, |found| found.value.id.to_string())
    }

    async fn commit_batch(&self, batch: &Batch) -> Result<Commit, PortError> {
        let prepared = PreparedBatch::new(batch)?;
        let hosted = self.accounts.as_ref().and_then(|table| Hosted::new(table, batch));
        let accounts = if hosted.is_some() { Accounts::Theirs } else { Accounts::Ours };
        let encoded = EncodedBatch::new(&prepared, accounts)?;
        let mut attempt = 1;
        loop {
            let applied = match &hosted {
                None => self.apply(&encoded).await,
                Some(hosted) => hosted.apply(&self.pool, &self.scope, &encoded).await,
            };
            let error = match applied {
                Ok(commit) => return Ok(commit),
                Err(error) => error,
            };
            if let Some(position) = taken(&error) {
                return Ok(Commit::Conflict(Conflict::Unique(position)));
            }
            if is_too_many_credentials(&error) {
                return Err(PortError::permanent("the account has too many credentials"));
            }
            if !is_rolled_back_for_others(&error) || attempt >= self.attempts {
                // Of a connection that was lost after the batch was sent nobody knows whether it was applied: the caller
                // is told that the store is unavailable, and to apply it again is not for the adapter.
                return Err(port_error(error));
            }
            tokio::time::sleep(FIRST_PAUSE.saturating_mul(1 << attempt.min(8))).await;
            attempt += 1;
        }
    }

    async fn claim(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError> {
        let now = self.scope.now();
        let claim = self.of(CLAIM_OUTBOX).bind(now).bind(nanos_after(now, lease)).bind(i64::from(limit));
        let rows = claim.fetch_all(&self.pool).await.map_err(port_error)?;
        let mut items = rows.iter().map(outbox_item).collect::<Result<Vec<_>, _>>().map_err(port_error)?;
        // `RETURNING` has no order.
        items.sort_by_key(|(position, _)| *position);
        Ok(items.into_iter().filter_map(|(_, item)| item).collect())
    }

    async fn remove_delivered(&self, delivered: &[EventId]) -> Result<(), PortError> {
        let ids: Vec<Uuid> = delivered.iter().map(|id| *id.as_uuid()).collect();
        self.of(ACKNOWLEDGE).bind(ids).execute(&self.pool).await.map(drop).map_err(port_error)
    }

    async fn remove_expired(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        // What has not expired yet is not removed, however late the caller says it is.
        let before = nanos(before).min(self.scope.now());
        let prune = self.of(PRUNE_EXPIRED).bind(before).bind(i64::from(limit));
        let row = prune.fetch_one(&self.pool).await.map_err(port_error)?;
        let removed: i64 = row.try_get(0).map_err(port_error)?;
        u32::try_from(removed).map_err(PortError::permanent)
    }
}

implement_store!(PostgresStore);

fn outbox_item(row: &PgRow) -> Result<(i64, Option<OutboxItem>), sqlx::Error> {
    let position: i64 = row.try_get("item_position")?;
    let id: Uuid = row.try_get("item_id")?;
    let attempts: i64 = row.try_get("item_attempts")?;
    let item = decode_outbox(id, attempts, row.try_get("item_payload")?).ok();
    if item.is_none() {
        // It stays under its lease, and so do later items of its subject; all others go on.
        tracing::error!(position, "an outbox item is damaged and cannot be delivered");
    }
    Ok((position, item))
}

/// The pause before a batch is applied a second time; before each further time it is twice as long.
const FIRST_PAUSE: Pause = Pause::from_millis(2);

const COMMIT_BATCH: &str = "SELECT commit_batch($1, $2, $3, $4, $5, $6)";
const CLAIM_OUTBOX: &str = "SELECT * FROM claim_outbox($1, $2, $3, $4)";
const ACKNOWLEDGE: &str = "DELETE FROM outbox WHERE tenant = $1 AND id = ANY ($2)";
const PRUNE_EXPIRED: &str = "SELECT prune_expired($1, $2, $3)";
