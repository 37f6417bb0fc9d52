//! The ephemeral store: values and counters in tables, one conditional statement per verb.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use ciam_core::clock::Clock;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use sqlx::{PgPool, Row as _};
use time::Duration;

use super::error::port_error;
use super::reads::{Statement, statement};
use crate::sql::{Scope, nanos_after};

/// The ephemeral store of one tenant in a [`PostgresDatabase`](super::PostgresDatabase), for a host without Redis. Cloning
/// is cheap.
///
/// Its steps are as durable as commits. Expired entries are cleared away a few at a time by the steps themselves.
#[derive(Clone)]
pub struct PostgresEphemeral {
    pool: PgPool,
    scope: Scope,
    steps: Arc<AtomicU32>,
}

impl PostgresEphemeral {
    /// Every so many steps clear away up to [`SWEEP`](Self::SWEEP) values and counters: more than those steps can add.
    const SWEEP_EVERY: u32 = 64;
    const SWEEP: i64 = 128;

    pub(super) fn new(pool: PgPool, tenant: TenantId, clock: Arc<dyn Clock>) -> Self {
        Self { pool, scope: Scope::new(tenant, clock), steps: Arc::default() }
    }

    fn of_key(&self, sql: &'static str, key: &EphemeralKey) -> Statement<'static> {
        statement(sql, self.scope.tenant).bind(key.namespace()).bind(key.name().to_owned())
    }

    async fn execute(&self, statement: Statement<'_>) -> Result<bool, PortError> {
        let done = statement.execute(&self.pool).await.map_err(port_error)?;
        self.sweep().await;
        Ok(done.rows_affected() > 0)
    }

    /// Clears away, now and then. That it fails is no reason to fail a step that was done.
    async fn sweep(&self) {
        if self.steps.fetch_add(1, Ordering::Relaxed) % Self::SWEEP_EVERY != Self::SWEEP_EVERY - 1 {
            return;
        }
        for sql in [SWEEP_VALUES, SWEEP_COUNTERS] {
            let sweep = statement(sql, self.scope.tenant).bind(self.scope.now()).bind(Self::SWEEP);
            if let Err(error) = sweep.execute(&self.pool).await {
                tracing::debug!(%error, "expired entries stay for now");
                return;
            }
        }
    }
}

impl fmt::Debug for PostgresEphemeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresEphemeral").field("tenant", &self.scope.tenant).finish_non_exhaustive()
    }
}

#[async_trait]
impl Ephemeral for PostgresEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        let put = self.of_key(PUT, key).bind(value).bind(nanos_after(self.scope.now(), ttl));
        self.execute(put).await.map(drop)
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let get = self.of_key(GET, key).bind(self.scope.now());
        let row = get.fetch_optional(&self.pool).await.map_err(port_error)?;
        row.map(|row| row.try_get(0)).transpose().map_err(port_error)
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let take = self.of_key(TAKE, key).bind(self.scope.now());
        let row = take.fetch_optional(&self.pool).await.map_err(port_error)?;
        row.map(|row| row.try_get(0)).transpose().map_err(port_error)
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let now = self.scope.now();
        let put = self.of_key(PUT_IF_ABSENT, key).bind(value).bind(nanos_after(now, ttl)).bind(now);
        self.execute(put).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        let now = self.scope.now();
        let increment = self.of_key(INCREMENT, key).bind(nanos_after(now, window)).bind(now);
        let row = increment.fetch_one(&self.pool).await.map_err(port_error)?;
        self.sweep().await;
        let count: i64 = row.try_get(0).map_err(port_error)?;
        u64::try_from(count).map_err(PortError::permanent)
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let now = self.scope.now();
        let swap = self.of_key(SWAP, key).bind(new).bind(nanos_after(now, ttl)).bind(now).bind(old.to_vec());
        self.execute(swap).await
    }
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
/// An expired value stays for the sweep.
const TAKE: &str = "\
    DELETE FROM ephemeral WHERE tenant = $1 AND namespace = $2 AND name = $3 AND expires_at > $4 RETURNING value";
const SWAP: &str = "\
    UPDATE ephemeral SET value = $4, expires_at = $5 \
    WHERE tenant = $1 AND namespace = $2 AND name = $3 AND expires_at > $6 AND value = $7";
const INCREMENT: &str = "\
    INSERT INTO counters AS c (tenant, namespace, name, count, expires_at) VALUES ($1, $2, $3, 1, $4) \
    ON CONFLICT (tenant, namespace, name) DO UPDATE SET \
    count = CASE WHEN c.expires_at <= $5 THEN 1 ELSE c.count + 1 END, \
    expires_at = CASE WHEN c.expires_at <= $5 THEN excluded.expires_at ELSE c.expires_at END \
    RETURNING count";
/// Rows that somebody is just using are left alone, so that sweeps wait for nobody.
const SWEEP_VALUES: &str = "\
    DELETE FROM ephemeral WHERE tenant = $1 AND (namespace, name) IN (\
    SELECT namespace, name FROM ephemeral WHERE tenant = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3 \
    FOR UPDATE SKIP LOCKED)";
const SWEEP_COUNTERS: &str = "\
    DELETE FROM counters WHERE tenant = $1 AND (namespace, name) IN (\
    SELECT namespace, name FROM counters WHERE tenant = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3 \
    FOR UPDATE SKIP LOCKED)";
