//! The ephemeral store: values and counters in the same file, one conditional statement per verb.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use ciam_core::clock::Clock;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, SqlitePool};
use time::Duration;

use super::error::port_error;
use super::transaction::{Statement, statement};
use super::writer::{Operation, Step, Writer};
use crate::sql::{Scope, nanos_after};

/// The ephemeral store of one tenant in a [`SqliteDatabase`](super::SqliteDatabase). Cloning is cheap.
///
/// Its steps are as durable as commits. Expired entries are cleared away a few at a time by the steps themselves.
#[derive(Clone)]
pub struct SqliteEphemeral {
    writer: Writer,
    readers: SqlitePool,
    scope: Scope,
    steps: Arc<AtomicU32>,
}

impl SqliteEphemeral {
    /// Every so many steps clear away up to [`SWEEP`](Self::SWEEP) values and counters: more than those steps can add.
    const SWEEP_EVERY: u32 = 32;
    const SWEEP: i64 = 64;

    pub(super) fn new(writer: Writer, readers: SqlitePool, tenant: TenantId, clock: Arc<dyn Clock>) -> Self {
        let scope = Scope::new(tenant, clock);
        Self { writer, readers, scope, steps: Arc::default() }
    }

    async fn run(&self, key: &EphemeralKey, verb: Verb) -> Result<Outcome, PortError> {
        let sweeps = self.steps.fetch_add(1, Ordering::Relaxed) % Self::SWEEP_EVERY == Self::SWEEP_EVERY - 1;
        self.writer.run(EphemeralStep { scope: self.scope.clone(), key: key.clone(), verb, sweeps }).await
    }
}

impl fmt::Debug for SqliteEphemeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteEphemeral").field("tenant", &self.scope.tenant).finish_non_exhaustive()
    }
}

#[async_trait]
impl Ephemeral for SqliteEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.run(key, Verb::Put { value, ttl }).await.map(drop)
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let row = of_key(GET, &self.scope, key)
            .bind(self.scope.now())
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        row.map(|row| row.try_get(0)).transpose().map_err(port_error)
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        match self.run(key, Verb::Take).await? {
            Outcome::Taken(value) => Ok(value),
            _ => Err(mismatch()),
        }
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        match self.run(key, Verb::PutIfAbsent { value, ttl }).await? {
            Outcome::Written(written) => Ok(written),
            _ => Err(mismatch()),
        }
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        match self.run(key, Verb::Increment { window }).await? {
            Outcome::Count(count) => Ok(count),
            _ => Err(mismatch()),
        }
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        match self.run(key, Verb::Swap { old: old.to_vec(), new, ttl }).await? {
            Outcome::Written(written) => Ok(written),
            _ => Err(mismatch()),
        }
    }
}

fn mismatch() -> PortError {
    PortError::permanent("a step had the outcome of another verb")
}

/// One step.
struct EphemeralStep {
    scope: Scope,
    key: EphemeralKey,
    verb: Verb,
    sweeps: bool,
}

enum Verb {
    Put { value: Vec<u8>, ttl: Duration },
    Take,
    PutIfAbsent { value: Vec<u8>, ttl: Duration },
    Increment { window: Duration },
    Swap { old: Vec<u8>, new: Vec<u8>, ttl: Duration },
}

enum Outcome {
    Written(bool),
    Taken(Option<Vec<u8>>),
    Count(u64),
}

impl Operation for EphemeralStep {
    type Output = Outcome;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<Outcome>, PortError> {
        let now = self.scope.now();
        if self.sweeps {
            for sql in [SWEEP_VALUES, SWEEP_COUNTERS] {
                let sweep = statement(sql, self.scope.tenant).bind(now).bind(SqliteEphemeral::SWEEP);
                sweep.execute(&mut *connection).await.map_err(port_error)?;
            }
        }
        let of = |sql| of_key(sql, &self.scope, &self.key);
        let outcome = match &self.verb {
            Verb::Put { value, ttl } => {
                let put = of(PUT).bind(value.clone()).bind(nanos_after(now, *ttl));
                Outcome::Written(execute(put, connection).await?)
            }
            Verb::PutIfAbsent { value, ttl } => {
                let put = of(PUT_IF_ABSENT).bind(value.clone()).bind(nanos_after(now, *ttl)).bind(now);
                Outcome::Written(execute(put, connection).await?)
            }
            Verb::Swap { old, new, ttl } => {
                let swap =
                    of(SWAP).bind(new.clone()).bind(nanos_after(now, *ttl)).bind(now).bind(old.clone());
                Outcome::Written(execute(swap, connection).await?)
            }
            Verb::Take => {
                let row = of(TAKE).fetch_optional(&mut *connection).await.map_err(port_error)?;
                Outcome::Taken(
                    row.map(|row| live_value(&row, now)).transpose().map_err(port_error)?.flatten(),
                )
            }
            Verb::Increment { window } => {
                let increment = of(INCREMENT).bind(nanos_after(now, *window)).bind(now);
                let row = increment.fetch_one(&mut *connection).await.map_err(port_error)?;
                let count: i64 = row.try_get(0).map_err(port_error)?;
                Outcome::Count(u64::try_from(count).map_err(PortError::permanent)?)
            }
        };
        Ok(Step::Keep(outcome))
    }
}

fn of_key(sql: &'static str, scope: &Scope, key: &EphemeralKey) -> Statement<'static> {
    statement(sql, scope.tenant).bind(key.namespace()).bind(key.name().to_owned())
}

async fn execute(statement: Statement<'_>, connection: &mut SqliteConnection) -> Result<bool, PortError> {
    let done = statement.execute(&mut *connection).await.map_err(port_error)?;
    Ok(done.rows_affected() > 0)
}

fn live_value(row: &SqliteRow, now: i64) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let expires_at: i64 = row.try_get(1)?;
    if expires_at > now { row.try_get(0).map(Some) } else { Ok(None) }
}

const GET: &str = "\
    SELECT value FROM ephemeral WHERE tenant = $1 AND namespace = $2 AND name = $3 AND expires_at > $4";
const PUT: &str = "\
    INSERT INTO ephemeral (tenant, namespace, name, value, expires_at) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (tenant, namespace, name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
const PUT_IF_ABSENT: &str = "\
    INSERT INTO ephemeral (tenant, namespace, name, value, expires_at) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (tenant, namespace, name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at \
    WHERE ephemeral.expires_at <= $6";
const TAKE: &str = "\
    DELETE FROM ephemeral WHERE tenant = $1 AND namespace = $2 AND name = $3 RETURNING value, expires_at";
const SWAP: &str = "\
    UPDATE ephemeral SET value = $4, expires_at = $5 \
    WHERE tenant = $1 AND namespace = $2 AND name = $3 AND expires_at > $6 AND value = $7";
const INCREMENT: &str = "\
    INSERT INTO counters (tenant, namespace, name, count, expires_at) VALUES ($1, $2, $3, 1, $4) \
    ON CONFLICT (tenant, namespace, name) DO UPDATE SET \
    count = CASE WHEN counters.expires_at <= $5 THEN 1 ELSE counters.count + 1 END, \
    expires_at = CASE WHEN counters.expires_at <= $5 THEN excluded.expires_at ELSE counters.expires_at END \
    RETURNING count";
const SWEEP_VALUES: &str = "\
    DELETE FROM ephemeral WHERE tenant = $1 AND (namespace, name) IN (\
    SELECT namespace, name FROM ephemeral WHERE tenant = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)";
const SWEEP_COUNTERS: &str = "\
    DELETE FROM counters WHERE tenant = $1 AND (namespace, name) IN (\
    SELECT namespace, name FROM counters WHERE tenant = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)";
