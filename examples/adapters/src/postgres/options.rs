//! How a database is opened.

use std::time::Duration;

/// How a database is opened. The defaults are right for a server of a few nodes on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// The schema that holds the tables; it is made if there is none. Default `ciam`.
    pub schema: String,
    /// How many connections this process has at most. Default 16. All nodes together must stay under the server's
    /// `max_connections`.
    pub max_connections: u32,
    /// How many connections stay open when nothing happens. Default 1.
    pub min_connections: u32,
    /// How long a request waits for a connection before it fails, transiently. Default 2 s.
    pub acquire_timeout: Duration,
    /// How long a connection may be idle before it is closed. Default 10 min.
    pub idle_timeout: Duration,
    /// How old a connection may get, so that a failover or a new configuration reaches every one. Default 30 min.
    pub max_lifetime: Duration,
    /// How long one statement, so one commit, may run (`statement_timeout`). Default 5 s.
    pub statement_timeout: Duration,
    /// How long one lock is waited for (`lock_timeout`). Default 2 s.
    pub lock_timeout: Duration,
    /// How long a transaction may wait for its next statement (`idle_in_transaction_session_timeout`). Default 10 s.
    pub idle_in_transaction_timeout: Duration,
    /// How long a migration may run. Default 10 min. It waits for a table's lock no longer than
    /// [`lock_timeout`](Self::lock_timeout), because everybody else waits behind it.
    pub migration_timeout: Duration,
    /// How often a batch is applied at most when it meets a deadlock or a serialization failure. Default 5.
    pub attempts: u32,
}

impl PostgresOptions {
    /// Sets the schema: a lower-case letter or `_`, then letters, digits and `_`; at most 63.
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets how many connections this process has at most; at least one.
    #[must_use]
    pub const fn with_max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets how many connections stay open when nothing happens.
    #[must_use]
    pub const fn with_min_connections(mut self, connections: u32) -> Self {
        self.min_connections = connections;
        self
    }

    /// Sets how long a request waits for a connection.
    #[must_use]
    pub const fn with_acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Sets how long a connection may be idle.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets how old a connection may get.
    #[must_use]
    pub const fn with_max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Sets how long one statement may run.
    #[must_use]
    pub const fn with_statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// Sets how long one lock is waited for.
    #[must_use]
    pub const fn with_lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Sets how long a transaction may wait for its next statement.
    #[must_use]
    pub const fn with_idle_in_transaction_timeout(mut self, timeout: Duration) -> Self {
        self.idle_in_transaction_timeout = timeout;
        self
    }

    /// Sets how long a migration may run.
    #[must_use]
    pub const fn with_migration_timeout(mut self, timeout: Duration) -> Self {
        self.migration_timeout = timeout;
        self
    }

    /// Sets how often a batch is applied at most; at least once.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Whether the schema's name needs no quotes anywhere: others are refused.
    #[must_use]
    pub fn has_plain_schema(&self) -> bool {
        let mut characters = self.schema.chars();
        let first = characters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_');
        first
            && characters.all(|other| other.is_ascii_lowercase() || other.is_ascii_digit() || other == '_')
            && self.schema.len() <= 63
            && !self.schema.starts_with("pg_")
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: "ciam".to_owned(),
            max_connections: 16,
            min_connections: 1,
            acquire_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(1_800),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            idle_in_transaction_timeout: Duration::from_secs(10),
            migration_timeout: Duration::from_secs(600),
            attempts: 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_a_plain_name() {
        for plain in ["ciam", "_a1", "tenant_7", &"a".repeat(63)] {
            assert!(PostgresOptions::default().with_schema(plain).has_plain_schema(), "{plain}");
        }
        for other in ["", "1a", "Ciam", "a-b", "a b", "a\"", "a;drop", "pg_catalog", "ü", &"a".repeat(64)] {
            assert!(!PostgresOptions::default().with_schema(other).has_plain_schema(), "{other}");
        }
    }
}
