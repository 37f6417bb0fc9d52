//! How a database is opened.

use std::time::Duration;

/// How a database is opened. The defaults are right for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How many connections read at once. Default 4.
    pub readers: u32,
    /// How long a lock of another process is waited for. Default 5 s.
    pub busy_timeout: Duration,
    /// How many waiting changes share one transaction at most; 1 gives each its own. Default 64.
    pub group: usize,
}

impl SqliteOptions {
    /// Sets how many connections read at once; at least one does.
    #[must_use]
    pub const fn with_readers(mut self, readers: u32) -> Self {
        self.readers = readers;
        self
    }

    /// Sets how long a lock of another process is waited for.
    #[must_use]
    pub const fn with_busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// Sets how many waiting changes share one transaction at most.
    #[must_use]
    pub const fn with_group(mut self, group: usize) -> Self {
        self.group = group;
        self
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, busy_timeout: Duration::from_secs(5), group: 64 }
    }
}
