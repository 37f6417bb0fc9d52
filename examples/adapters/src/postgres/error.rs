//! What can go wrong, and whether it can pass.

use ciam_core::error::PortError;
use sqlx::postgres::PgDatabaseError;

/// A database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is not one of PostgreSQL.
    #[error("a database URL has the form `postgres://user:password@host:port/database`")]
    Url,
    /// The name of the schema would need quotes.
    #[error("a schema is named with lower-case letters, digits and `_`, at most 63")]
    Schema,
    /// The schema was migrated by a newer release that says that this one cannot work with it.
    #[error(
        "the database has schema version {found}, which works with releases that know version {floor} or later; \
         this one knows versions up to {known}"
    )]
    NewerSchema {
        /// The version of the schema.
        found: i64,
        /// The oldest version that a release must know to work with it.
        floor: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The schema has tables, but none that says that they are ours.
    #[error("the schema `{schema}` holds tables of another application")]
    Foreign {
        /// The schema.
        schema: String,
    },
    /// The database failed: it is unreachable, or refused a statement.
    #[error("the database cannot be opened")]
    Backend(#[from] PortError),
}

/// The port error of a failed statement: transient when it can pass (unreachable, overloaded, locked), else permanent.
pub(super) fn port_error(error: sqlx::Error) -> PortError {
    if is_transient(&error) { PortError::transient(error) } else { PortError::permanent(error) }
}

/// Whether the server rolled the transaction back because of others, so that the same batch can be applied again.
pub(super) fn is_rolled_back_for_others(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED))
}

/// The position of the write that would have given a second owner to something unique.
pub(super) fn taken(error: &sqlx::Error) -> Option<usize> {
    if code(error).as_deref() != Some(TAKEN) {
        return None;
    }
    error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.detail()?.parse().ok()
}

/// Whether an account would have had too many credentials.
pub(super) fn is_too_many_credentials(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some(TOO_MANY_CREDENTIALS)
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(_) => code(error).is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

fn is_transient_code(code: &str) -> bool {
    // The connection (08), a transaction that others undid (40), a resource that is short (53), an operator who intervened
    // or a time limit (57), the system around the server (58).
    let class = ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    class || matches!(code, LOCK_NOT_AVAILABLE | READ_ONLY | IDLE_IN_TRANSACTION)
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// A node that is connected to what is a standby now.
const READ_ONLY: &str = "25006";
const IDLE_IN_TRANSACTION: &str = "25P03";
// Raised by the functions of the schema.
const TAKEN: &str = "CI001";
const TOO_MANY_CREDENTIALS: &str = "CI002";

#[cfg(test)]
mod tests {
    use ciam_core::error::PortErrorKind;

    use super::*;

    #[test]
    fn what_passes_is_transient_and_what_does_not_is_permanent() {
        for code in ["57P01", "57P03", "57014", "08006", "40001", "40P01", "53300", "55P03", "25006", "58030"]
        {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["23505", "42P01", "42883", "22P02", "CI001", "XX001", "28P01"] {
            assert!(!is_transient_code(code), "{code}");
        }
        let reset = sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(port_error(reset).kind(), PortErrorKind::Transient);
        assert_eq!(port_error(sqlx::Error::PoolTimedOut).kind(), PortErrorKind::Transient);
        assert_eq!(port_error(sqlx::Error::RowNotFound).kind(), PortErrorKind::Permanent);
    }
}
