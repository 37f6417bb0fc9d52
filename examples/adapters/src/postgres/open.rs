//! Opening and closing a database.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use ciam_core::clock::Clock;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use super::accounts::AccountTable;
use super::ephemeral::PostgresEphemeral;
use super::error::{OpenError, port_error};
use super::migrate::migrate;
use super::options::PostgresOptions;
use super::store::PostgresStore;

/// An open database, which holds many tenants. Cloning gives another handle on the same connections.
#[derive(Clone, Debug)]
pub struct PostgresDatabase {
    pool: PgPool,
    attempts: u32,
}

impl PostgresDatabase {
    /// Connects to the database of a URL and brings its schema up to date.
    ///
    /// The URL is `postgres://user:password@host:port/database` with the parameters of libpq (`sslmode`, `sslrootcert`, …).
    /// Behind PgBouncer it needs a pool in session mode: settings and prepared statements belong to a session.
    ///
    /// # Errors
    ///
    /// Fails when the URL is of another form, the database does not answer, or its schema is of another application or of a
    /// newer release that does not go with this one.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(OpenError::Url);
        }
        // The cause could quote the password.
        let base = PgConnectOptions::from_str(url).map_err(|_| OpenError::Url)?;
        Self::connect_with(base, options).await
    }

    /// Connects with what a host has already, a socket or a client certificate, and brings the schema up to date.
    ///
    /// # Errors
    ///
    /// Fails as [`connect`](Self::connect) does.
    pub async fn connect_with(base: PgConnectOptions, options: PostgresOptions) -> Result<Self, OpenError> {
        if !options.has_plain_schema() {
            return Err(OpenError::Schema);
        }
        let migrating = session(base.clone(), &options, options.migration_timeout);
        let mut connection = migrating.connect().await.map_err(port_error)?;
        migrate(&mut connection, &options.schema).await?;
        connection.close().await.map_err(port_error)?;
        let pool = pool(session(base, &options, options.statement_timeout), &options).await?;
        Ok(Self { pool, attempts: options.attempts.max(1) })
    }

    /// The durable store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> PostgresStore {
        PostgresStore::new(self.pool.clone(), self.attempts, tenant, clock, None)
    }

    /// The durable store of one tenant whose accounts stay in a table of the host's, everything else in ours beside it.
    #[must_use]
    pub fn tenant_with_accounts(
        &self,
        tenant: TenantId,
        clock: Arc<dyn Clock>,
        accounts: Arc<dyn AccountTable>,
    ) -> PostgresStore {
        PostgresStore::new(self.pool.clone(), self.attempts, tenant, clock, Some(accounts))
    }

    /// The ephemeral store of one tenant.
    #[must_use]
    pub fn ephemeral(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> PostgresEphemeral {
        PostgresEphemeral::new(self.pool.clone(), tenant, clock)
    }

    /// The connections, for a host's own statements on its own tables in the same database.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the database answers: for a readiness probe.
    ///
    /// # Errors
    ///
    /// Fails when it does not.
    pub async fn check(&self) -> Result<(), PortError> {
        sqlx::query("SELECT version FROM schema_version LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .map(drop)
            .map_err(port_error)
    }

    /// Whether anybody's state is in the schema already. One that was just made holds nothing.
    ///
    /// # Errors
    ///
    /// Fails when the database does not answer.
    pub async fn holds_anything(&self) -> Result<bool, PortError> {
        let anything = "SELECT EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM accounts)";
        sqlx::query_scalar(anything).fetch_one(&self.pool).await.map_err(port_error)
    }

    /// Closes every connection when it has finished what it does. Later calls through any handle are transient errors.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// How a connection behaves: every name is of our schema, transactions see each other's commits, and nothing waits for ever.
fn session(base: PgConnectOptions, options: &PostgresOptions, statements: Duration) -> PgConnectOptions {
    let base = if base.get_application_name().is_none() { base.application_name("ciam") } else { base };
    base.options([
        ("search_path", options.schema.clone()),
        ("default_transaction_isolation", "read committed".to_owned()),
        ("statement_timeout", milliseconds(statements)),
        ("lock_timeout", milliseconds(options.lock_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(options.idle_in_transaction_timeout)),
        ("client_min_messages", "warning".to_owned()),
    ])
    .disable_statement_logging()
}

async fn pool(session: PgConnectOptions, options: &PostgresOptions) -> Result<PgPool, PortError> {
    PgPoolOptions::new()
        .min_connections(options.min_connections.min(options.max_connections))
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout)
        .max_lifetime(options.max_lifetime)
        // A question before every use would double the round trips. Who has slept may have missed that the server is gone.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > ASK_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(session)
        .await
        .map_err(port_error)
}

fn milliseconds(duration: Duration) -> String {
    // 0 would be no limit at all.
    duration.as_millis().clamp(1, 2_147_483_647).to_string()
}

/// A connection that was idle for longer is asked whether it still lives before it is used.
const ASK_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_becomes_none() {
        assert_eq!(milliseconds(Duration::ZERO), "1");
        assert_eq!(milliseconds(Duration::from_micros(10)), "1");
        assert_eq!(milliseconds(Duration::from_secs(5)), "5000");
        assert_eq!(milliseconds(Duration::MAX), "2147483647");
    }

    #[tokio::test]
    async fn urls_of_others_are_refused_without_being_quoted() {
        for url in ["", "sqlite:ciam.db", "mysql://ada:secret@x/y", "postgres://ada:secret@[::x/y"] {
            let error = PostgresDatabase::connect(url, PostgresOptions::default()).await.unwrap_err();
            assert!(matches!(error, OpenError::Url), "{url}");
            assert!(!format!("{error:?}").contains("secret"));
        }
        let odd = PostgresOptions::default().with_schema("a; DROP TABLE users");
        let error = PostgresDatabase::connect("postgres://127.0.0.1:1/x", odd).await.unwrap_err();
        assert!(matches!(error, OpenError::Schema));
    }
}
