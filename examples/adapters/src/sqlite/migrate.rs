//! The schema and its versions.

use ciam_core::error::PortError;
use sqlx::{Row as _, SqliteConnection};

use super::error::{OpenError, port_error};

/// One step of the schema. A step that has been released is never changed; the next change is a new step.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// Every step, oldest first.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "initial", sql: include_str!("../../migrations/sqlite/0001_initial.sql") },
    Migration {
        version: 2,
        name: "indexes of a record",
        sql: include_str!("../../migrations/sqlite/0002_indexes_of_a_record.sql"),
    },
];

/// `ciam` in ASCII: marks the file as one of ours.
pub(super) const APPLICATION_ID: i64 = 0x6369_616d;

/// The newest version that this release knows.
pub(super) fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Brings the schema to the newest version, in one transaction; other processes that open the file wait for it.
///
/// # Errors
///
/// Fails when the file is of another application or a newer release, and when a statement does; nothing is changed then.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    execute(connection, "BEGIN IMMEDIATE").await?;
    match apply_pending(connection).await {
        Ok(()) => Ok(execute(connection, "COMMIT").await?),
        Err(error) => {
            // A transaction that SQLite has already ended cannot be rolled back; the first error is the one to tell.
            let _ended = execute(connection, "ROLLBACK").await;
            Err(error)
        }
    }
}

async fn apply_pending(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    match number(connection, "PRAGMA application_id").await? {
        APPLICATION_ID => {}
        0 if number(connection, "SELECT COUNT(*) FROM sqlite_schema").await? == 0 => {
            execute(connection, "PRAGMA application_id = 0x6369616d").await?;
            execute(
                connection,
                "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
            )
            .await?;
        }
        _ => return Err(OpenError::Foreign),
    }
    let found = number(connection, "SELECT COALESCE(MAX(version), 0) FROM schema_version").await?;
    if found > known_version() {
        return Err(OpenError::NewerSchema { found, known: known_version() });
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > found) {
        execute(connection, migration.sql).await?;
        sqlx::query("INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, unixepoch())")
            .bind(migration.version)
            .bind(migration.name)
            .execute(&mut *connection)
            .await
            .map_err(port_error)?;
    }
    Ok(())
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), PortError> {
    sqlx::raw_sql(sql).execute(&mut *connection).await.map_err(port_error)?;
    Ok(())
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, PortError> {
    let row = sqlx::query(sql).persistent(false).fetch_one(&mut *connection).await.map_err(port_error)?;
    row.try_get(0).map_err(port_error)
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _};

    use super::super::statements as sql;
    use super::*;

    /// What a record's cascade does is the first statement too.
    #[tokio::test]
    async fn the_rows_of_a_key_are_found_by_the_whole_key() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate(&mut connection).await.unwrap();
        for (statement, search) in [
            (sql::CLEAR_RECORD_INDEXES, "record_indexes_of_record (tenant=? AND kind=? AND key=?)"),
            (sql::CLEAR_IDENTIFIERS, "identifiers_of_account (tenant=? AND account=?)"),
            (sql::OTHER_CREDENTIALS, "credentials_of_account (tenant=? AND account=?)"),
            (sql::DELETE_RECORD, "sqlite_autoindex_records_1 (tenant=? AND kind=? AND key=?)"),
            (sql::DELETE_EXPIRED_OWNER, "sqlite_autoindex_records_1 (tenant=? AND kind=? AND key=?)"),
            (sql::DELETE_EXPIRED_OWNER, "record_indexes_unique (tenant=? AND kind=? AND name=? AND value=?)"),
            (sql::ACKNOWLEDGE, "sqlite_autoindex_outbox_2 (tenant=? AND id=?)"),
        ] {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let plan = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(3)).collect();
            assert!(plan.iter().any(|step| step.contains(search)), "{statement}: {plan:?}");
        }
    }
}
