//! Migrations: several nodes at once, newer schemas, schemas of others.

use ciam_adapters::postgres::{OpenError, PostgresDatabase};
use ciam_core::ephemeral::{Ephemeral as _, EphemeralKey};
use ciam_core::error::PortErrorKind;
use ciam_core::store::{Batch, Commit, EntityRef, PageRequest, Record, RecordKind, Store as _, Write};
use time::Duration;

use crate::postgres_support::{Schema, execute};
use crate::support::{account, clock, other_tenant};

const NOTE: RecordKind = RecordKind::new("test.note", &[]);

/// Writes, reads, changes, delivers and clears away one of what a release knows.
async fn smoke(database: &PostgresDatabase) {
    let (store, ephemeral) = {
        let tenant = other_tenant();
        (database.tenant(tenant, clock()), database.ephemeral(tenant, clock()))
    };
    let ada = account("ada@example.com");
    let batch = Batch::new()
        .require_absent(EntityRef::Account(ada.id))
        .write(Write::PutAccount(ada.clone()))
        .write(Write::PutRecord(Record::new(NOTE, "1", 1, "{}")));
    assert_eq!(store.commit(batch.clone()).await.unwrap(), Commit::Applied);
    assert!(!store.commit(batch).await.unwrap().is_applied());
    let found = store.account_by_identifier(&ada.identifiers[0].key).await.unwrap().unwrap();
    assert_eq!(found.value, ada);
    assert_eq!(store.records(NOTE, PageRequest::first(5)).await.unwrap().items.len(), 1);
    let key = EphemeralKey::new("test.value", "1");
    assert!(ephemeral.put_if_absent(&key, b"x".to_vec(), Duration::MINUTE).await.unwrap());
    assert_eq!(ephemeral.increment(&key, Duration::MINUTE).await.unwrap(), 1);
    assert_eq!(ephemeral.take(&key).await.unwrap(), Some(b"x".to_vec()));
    assert!(store.claim_outbox(Duration::MINUTE, 10).await.unwrap().is_empty());
    assert_eq!(store.prune(clock().now(), 10).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_nodes_start_at_once_on_an_empty_database() {
    let Some(schema) = Schema::new() else { return };
    let opened = futures_util::future::join_all((0..8).map(|_| schema.open())).await;
    smoke(&opened[7]).await;
    let mut connection = schema.connection().await;
    let steps: Vec<i64> = sqlx::query_scalar("SELECT version FROM schema_version ORDER BY version")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(steps, (1..=steps.len() as i64).collect::<Vec<_>>());
}

/// What a newer release may do to the tables, this one survives: running, and when it starts.
#[tokio::test]
async fn this_release_works_on_a_newer_schema() {
    let Some(schema) = Schema::new() else { return };
    let running = schema.open().await;
    smoke(&running).await;
    let mut newer = schema.connection().await;
    let tables = "accounts identifiers credentials organizations memberships sessions records record_indexes \
                  outbox ephemeral counters schema_version";
    for table in tables.split(' ') {
        let columns = "ADD COLUMN newer text NOT NULL DEFAULT 'x', ADD COLUMN newest bigint";
        execute(&mut newer, &format!("ALTER TABLE {table} {columns}")).await;
        execute(&mut newer, &format!("CREATE INDEX ON {table} (newer)")).await;
    }
    execute(&mut newer, "CREATE TABLE newer_table (id uuid PRIMARY KEY)").await;
    execute(
        &mut newer,
        "INSERT INTO schema_version (version, name, floor) VALUES (1000, 'of a newer release', 1)",
    )
    .await;
    smoke(&running).await;
    smoke(&schema.open().await).await;
}

#[tokio::test]
async fn a_schema_that_older_releases_must_not_touch_is_refused() {
    let Some(schema) = Schema::new() else { return };
    drop(schema.open().await);
    let mut newer = schema.connection().await;
    execute(&mut newer, "INSERT INTO schema_version (version, name, floor) VALUES (1000, 'breaks', 999)")
        .await;
    let error = PostgresDatabase::connect(schema.url(), schema.options()).await.unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 1000, floor: 999, .. }), "{error:?}");
    assert!(error.to_string().contains("version 1000, which works with releases that know version 999"));
}

#[tokio::test]
async fn a_schema_of_another_application_is_left_alone() {
    let Some(schema) = Schema::new() else { return };
    let mut other = schema.connection().await;
    let name = schema.name();
    execute(&mut other, &format!("CREATE SCHEMA {name}; CREATE TABLE {name}.customers (id bigint)")).await;
    let error = PostgresDatabase::connect(schema.url(), schema.options()).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = $1")
        .bind(name)
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

/// A lock that somebody holds is waited for so long and no longer, and the wait fails transiently.
#[tokio::test]
async fn locks_and_statements_have_their_limits() {
    let Some(schema) = Schema::new() else { return };
    let options = schema.options().with_lock_timeout(std::time::Duration::from_millis(100));
    let database = PostgresDatabase::connect(schema.url(), options).await.unwrap();
    let store = database.tenant(other_tenant(), clock());
    let ada = account("ada@example.com");
    let put = || Batch::new().write(Write::PutAccount(ada.clone()));
    assert!(store.commit(put()).await.unwrap().is_applied());
    let mut holder = schema.connection().await;
    execute(&mut holder, "BEGIN; SELECT 1 FROM accounts FOR UPDATE").await;
    let error = store.commit(put()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Transient, "{error:?}");
    assert!(store.account(ada.id).await.unwrap().is_some(), "readers wait for nobody");
    execute(&mut holder, "COMMIT").await;
    assert!(store.commit(put()).await.unwrap().is_applied());

    for (name, expected) in [
        ("lock_timeout", "100ms"),
        ("statement_timeout", "20s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("transaction_isolation", "read committed"),
    ] {
        let set: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(database.pool())
            .await
            .unwrap();
        assert_eq!(set, expected, "{name}");
    }
}

/// A text that PostgreSQL cannot hold is nowhere, and cannot be written.
#[tokio::test]
async fn the_character_that_postgresql_does_not_hold() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await.tenant(other_tenant(), clock());
    assert_eq!(store.record(NOTE, "a\0b").await.unwrap(), None);
    let batch = Batch::new().write(Write::PutRecord(Record::new(NOTE, "a\0b", 1, "{}")));
    assert_eq!(store.commit(batch).await.unwrap_err().kind(), PortErrorKind::Permanent);
}
