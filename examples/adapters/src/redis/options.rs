//! How a Redis is used.

use std::time::Duration;

/// How a Redis is used. The defaults are right for a server in the same network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    /// What every key begins with, so that several systems can share a server. Default `ciam`.
    pub prefix: String,
    /// How long making a connection may take. Default 1 s.
    pub connect_timeout: Duration,
    /// How long a call may take, making a connection included. Default 2 s.
    pub deadline: Duration,
}

impl RedisOptions {
    /// Sets what every key begins with.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long making a connection may take.
    #[must_use]
    pub const fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets how long a call may take.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "ciam".to_owned(),
            connect_timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(2),
        }
    }
}
