//! What can go wrong, and whether it can pass.

use ciam_core::error::PortError;

/// A database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not `sqlite:` and a path.
    #[error("a database URL has the form `sqlite:` and a path")]
    Url,
    /// The file is a SQLite database of another application.
    #[error("the file is a database of another application")]
    Foreign,
    /// The file was written by a newer release; opening it could damage what this one does not know.
    #[error("the database has schema version {found}, and this release knows versions up to {known}")]
    NewerSchema {
        /// The version of the file.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The file system does not carry a write-ahead log, as is the case for network file systems.
    #[error("the file system does not support a write-ahead log")]
    NoWriteAheadLog,
    /// The file could not be made or read.
    #[error("the database file cannot be used")]
    File(#[source] std::io::Error),
    /// The database failed: it is locked, corrupt, or not a database.
    #[error("the database cannot be opened")]
    Backend(#[from] PortError),
}

/// The port error of a failed statement: transient when it can pass (locked, full, unreachable), else permanent.
pub(super) fn port_error(error: sqlx::Error) -> PortError {
    if is_transient(&error) { PortError::transient(error) } else { PortError::permanent(error) }
}

/// Whether another connection holds a lock.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(BUSY | LOCKED))
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(_) => {
            matches!(
                primary_code(error),
                Some(BUSY | LOCKED | NO_MEMORY | INTERRUPTED | IO | FULL | CANNOT_OPEN | PROTOCOL)
            )
        }
        _ => false,
    }
}

/// SQLite's result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

// https://www.sqlite.org/rescode.html
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NO_MEMORY: i32 = 7;
const INTERRUPTED: i32 = 9;
const IO: i32 = 10;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const PROTOCOL: i32 = 15;
