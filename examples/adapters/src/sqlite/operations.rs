//! The changes of the durable store, as the writer runs them.

use ciam_core::error::PortError;
use ciam_core::id::EventId;
use ciam_core::store::{Commit, OutboxItem};
use sqlx::{Row as _, SqliteConnection};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::error::port_error;
use super::statements as sql;
use super::transaction::{blob, script_of, statement};
use super::writer::{Operation, Step};
use crate::sql::{PreparedBatch, Scope, decode_outbox, nanos, nanos_after};

/// Applies a batch.
pub(super) struct CommitBatch {
    pub(super) scope: Scope,
    pub(super) batch: PreparedBatch,
}

impl Operation for CommitBatch {
    type Output = Commit;
    const MAY_UNDO: bool = true;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<Commit>, PortError> {
        let (tenant, now) = (self.scope.tenant, self.scope.now());
        match script_of(&self.batch, tenant, now)?.run(connection).await? {
            Commit::Applied => Ok(Step::Keep(Commit::Applied)),
            conflict => Ok(Step::Undo(conflict)),
        }
    }
}

/// Leases outbox items.
pub(super) struct ClaimOutbox {
    pub(super) scope: Scope,
    pub(super) lease: Duration,
    pub(super) limit: u32,
}

impl Operation for ClaimOutbox {
    type Output = Vec<OutboxItem>;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<Self::Output>, PortError> {
        let now = self.scope.now();
        let rows = statement(sql::CLAIM_OUTBOX, self.scope.tenant)
            .bind(now)
            .bind(nanos_after(now, self.lease))
            .bind(i64::from(self.limit))
            .fetch_all(&mut *connection)
            .await
            .map_err(port_error)?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let position: i64 = row.try_get(0).map_err(port_error)?;
            let id: Vec<u8> = row.try_get(1).map_err(port_error)?;
            let attempts: i64 = row.try_get(2).map_err(port_error)?;
            let payload: String = row.try_get(3).map_err(port_error)?;
            let decoded =
                Uuid::from_slice(&id).ok().and_then(|id| decode_outbox(id, attempts, &payload).ok());
            match decoded {
                Some(item) => items.push((position, item)),
                // It stays under its lease, and so do later items of its subject; all others go on.
                None => tracing::error!(position, "an outbox item is damaged and cannot be delivered"),
            }
        }
        // `RETURNING` has no order.
        items.sort_by_key(|(position, _)| *position);
        Ok(Step::Keep(items.into_iter().map(|(_, item)| item).collect()))
    }
}

/// Removes delivered outbox items.
pub(super) struct Acknowledge {
    pub(super) scope: Scope,
    pub(super) delivered: Vec<EventId>,
}

impl Operation for Acknowledge {
    type Output = ();
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<()>, PortError> {
        for id in &self.delivered {
            let delete = statement(sql::ACKNOWLEDGE, self.scope.tenant).bind(blob(*id.as_uuid()));
            delete.execute(&mut *connection).await.map_err(port_error)?;
        }
        Ok(Step::Keep(()))
    }
}

/// Removes what has expired.
pub(super) struct Prune {
    pub(super) scope: Scope,
    pub(super) before: OffsetDateTime,
    pub(super) limit: u32,
}

impl Operation for Prune {
    type Output = u32;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<u32>, PortError> {
        // What has not expired yet is not removed, however late the caller says it is.
        let before = nanos(self.before).min(self.scope.now());
        let mut left = u64::from(self.limit);
        for sql in [sql::PRUNE_SESSIONS, sql::PRUNE_RECORDS] {
            let delete =
                statement(sql, self.scope.tenant).bind(before).bind(i64::try_from(left).unwrap_or(i64::MAX));
            let removed = delete.execute(&mut *connection).await.map_err(port_error)?.rows_affected();
            left = left.saturating_sub(removed);
        }
        let removed = u64::from(self.limit).saturating_sub(left);
        Ok(Step::Keep(u32::try_from(removed).unwrap_or(u32::MAX)))
    }
}
