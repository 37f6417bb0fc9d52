//! The schema and its versions.
//!
//! A step only adds: tables, columns with defaults, indexes, functions under new names. A node of the release before goes
//! on working while a newer one migrates, and after it. When one day a step must take something away, its `floor` says
//! which version a release must know to work with it, and older ones refuse to start.

use ciam_core::error::PortError;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::error::{OpenError, port_error};

/// One step of the schema. A step that has been released is never changed; the next change is a new step.
struct Migration {
    version: i64,
    name: &'static str,
    /// The oldest version that a release must know to work with the schema after this step.
    floor: i64,
    sql: &'static str,
}

/// Every step, oldest first.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "tables",
        floor: 1,
        sql: include_str!("../../migrations/postgres/0001_tables.sql"),
    },
    Migration {
        version: 2,
        name: "batches",
        floor: 1,
        sql: include_str!("../../migrations/postgres/0002_batches.sql"),
    },
    Migration {
        version: 3,
        name: "owners by index",
        floor: 1,
        sql: include_str!("../../migrations/postgres/0003_owners_by_index.sql"),
    },
    Migration {
        version: 4,
        name: "records by key",
        floor: 1,
        sql: include_str!("../../migrations/postgres/0004_records_by_key.sql"),
    },
];

/// The newest version that this release knows.
fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Brings the schema to the newest version. Several nodes may do it at once: one does, the others wait and find it done.
///
/// # Errors
///
/// Fails when the schema is of another application or of a newer release that does not go with this one, and when a
/// statement does; a step is applied whole or not at all.
pub(super) async fn migrate(connection: &mut PgConnection, schema: &str) -> Result<(), OpenError> {
    if is_current(connection, schema).await? {
        return Ok(());
    }
    // The lock is of the session: it outlives the transactions of the steps, and goes with the connection.
    lock(connection, "SELECT pg_advisory_lock(hashtextextended('ciam migration ' || $1, 0))", schema).await?;
    let done = apply_pending(connection, schema).await;
    lock(connection, "SELECT pg_advisory_unlock(hashtextextended('ciam migration ' || $1, 0))", schema)
        .await?;
    done
}

/// Whether nothing is to be done, which is what most nodes find, without waiting for anybody.
async fn is_current(connection: &mut PgConnection, schema: &str) -> Result<bool, OpenError> {
    if !has_table(connection, schema, "schema_version").await? {
        return Ok(false);
    }
    let found = found_version(connection).await?;
    Ok(found >= known_version())
}

async fn apply_pending(connection: &mut PgConnection, schema: &str) -> Result<(), OpenError> {
    if !has_table(connection, schema, "schema_version").await? {
        begin_schema(connection, schema).await?;
    }
    let found = found_version(connection).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > found) {
        let mut transaction = connection.begin().await.map_err(port_error)?;
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await.map_err(port_error)?;
        sqlx::query("INSERT INTO schema_version (version, name, floor) VALUES ($1, $2, $3)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(migration.floor)
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
    }
    Ok(())
}

async fn begin_schema(connection: &mut PgConnection, schema: &str) -> Result<(), OpenError> {
    let tables = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = $1";
    let row = sqlx::query(tables).bind(schema).fetch_one(&mut *connection).await.map_err(port_error)?;
    if row.try_get::<i64, _>(0).map_err(port_error)? > 0 {
        return Err(OpenError::Foreign { schema: schema.to_owned() });
    }
    // The name has been checked: it needs no quotes.
    let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut *connection).await.map_err(port_error)?;
    sqlx::raw_sql(
        "CREATE TABLE schema_version (version bigint PRIMARY KEY, name text NOT NULL, floor bigint NOT NULL, \
         applied_at timestamptz NOT NULL DEFAULT now())",
    )
    .execute(&mut *connection)
    .await
    .map_err(port_error)?;
    Ok(())
}

/// The version of the schema.
///
/// # Errors
///
/// Fails when it does not go with this release.
async fn found_version(connection: &mut PgConnection) -> Result<i64, OpenError> {
    let versions = "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(floor), 0) FROM schema_version";
    let row = sqlx::query(versions).fetch_one(&mut *connection).await.map_err(port_error)?;
    let found: i64 = row.try_get(0).map_err(port_error)?;
    let floor: i64 = row.try_get(1).map_err(port_error)?;
    let known = known_version();
    if floor > known { Err(OpenError::NewerSchema { found, floor, known }) } else { Ok(found) }
}

async fn has_table(connection: &mut PgConnection, schema: &str, table: &str) -> Result<bool, PortError> {
    let exists =
        "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2)";
    let row = sqlx::query(exists).bind(schema).bind(table).fetch_one(connection).await.map_err(port_error)?;
    row.try_get(0).map_err(port_error)
}

async fn lock(connection: &mut PgConnection, sql: &'static str, schema: &str) -> Result<(), PortError> {
    sqlx::query(sql).bind(schema).execute(connection).await.map(drop).map_err(port_error)
}
