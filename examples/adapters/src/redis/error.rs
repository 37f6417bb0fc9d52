//! What can go wrong, and whether it can pass.

use ciam_core::error::PortError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// A Redis cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not `redis://` with a host.
    #[error("a Redis URL has the form `redis://USER:PASSWORD@HOST:PORT/DATABASE`")]
    Url,
    /// The server removes what has not expired when its memory is full.
    #[error(
        "the Redis server evicts keys (maxmemory-policy is `{policy}`): replay marks, spent codes and attempt counters \
         would be forgotten before their time; set maxmemory-policy to noeviction"
    )]
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// The server is older than 6.2, or does not say what it is.
    #[error("the Redis server has version {found}; 6.2 or newer is needed")]
    Version {
        /// The version that it says it has.
        found: String,
    },
    /// The server is a replica, which takes no writes.
    #[error("the Redis server is a replica; name its primary")]
    Replica,
    /// The server does not answer, or refused the connection.
    #[error("the Redis server cannot be used")]
    Backend(#[from] PortError),
}

/// The port error of a failed call: transient when it can pass, else permanent.
pub(super) fn port_error(error: RedisError) -> PortError {
    if is_transient(&error) { PortError::transient(error) } else { PortError::permanent(error) }
}

fn is_transient(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
        ),
        // Its memory is full, it cannot save, it has too few replicas, a script of somebody else is running.
        _ if matches!(error.code(), Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "UNKILLABLE")) => true,
        _ => error.is_timeout() || error.is_connection_dropped() || error.is_connection_refusal(),
    }
}
