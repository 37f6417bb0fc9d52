//! The file: how it is made, opened, versioned, shared and closed.

use ciam_adapters::sqlite::{OpenError, SqliteDatabase, SqliteOptions};
use ciam_core::ephemeral::{Ephemeral as _, EphemeralKey};
use ciam_core::error::PortErrorKind;
use ciam_core::store::{Batch, EntityRef, Record, RecordKind, Store as _, Write};
use sqlx::Row as _;
use time::Duration;

use crate::support::{TempDir, account, clock, impatient, open, other_connection, store, tenant};

#[tokio::test]
async fn a_new_file_is_private_and_has_a_log() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let database = open(&path).await;
    for file in ["ciam.db", "ciam.db-wal", "ciam.db-shm"] {
        let mode = std::fs::metadata(directory.file(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    database.check().await.unwrap();
}

#[tokio::test]
async fn what_was_committed_is_there_when_it_is_opened_again() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let ada = account("ada@example.com");
    let database =
        SqliteDatabase::open_url(&format!("sqlite://{}", path.display()), impatient()).await.unwrap();
    let batch = Batch::new().write(Write::PutAccount(ada.clone()));
    assert!(store(&database).commit(batch).await.unwrap().is_applied());
    database.close().await;
    assert!(!directory.file("ciam.db-wal").exists(), "closing writes the log back");

    let found = store(&open(&path).await).account(ada.id).await.unwrap().unwrap();
    assert_eq!((found.value, found.version.get()), (ada, 1));
}

#[tokio::test]
async fn a_closed_database_refuses_transiently() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let (store, ephemeral) = (store(&database), database.ephemeral(tenant(), clock()));
    database.close().await;
    database.close().await;
    let ada = account("ada@example.com");
    assert_eq!(store.account(ada.id).await.unwrap_err().kind(), PortErrorKind::Transient);
    let commit = store.commit(Batch::new().write(Write::PutAccount(ada))).await;
    assert_eq!(commit.unwrap_err().kind(), PortErrorKind::Transient);
    let key = EphemeralKey::new("test.value", "k");
    assert_eq!(ephemeral.take(&key).await.unwrap_err().kind(), PortErrorKind::Transient);
    assert_eq!(database.check().await.unwrap_err().kind(), PortErrorKind::Transient);
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_refused_and_left_alone() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    open(&path).await.close().await;
    let mut connection = other_connection(&path).await;
    sqlx::query("INSERT INTO schema_version VALUES (4711, 'from the future', 0)")
        .execute(&mut connection)
        .await
        .unwrap();
    let refused = SqliteDatabase::open(&path, impatient()).await.unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 4711, .. }), "{refused:?}");
    let versions =
        sqlx::query("SELECT version FROM schema_version ORDER BY version").fetch_all(&mut connection);
    let versions: Vec<i64> = versions.await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(versions.last(), Some(&4711));
    assert_eq!(versions[..versions.len() - 1], (1..versions.len() as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_database_of_another_application_is_refused_and_left_alone() {
    let directory = TempDir::new();
    for (name, setup) in [
        ("tables.db", "CREATE TABLE invoices (id INTEGER)"),
        ("marked.db", "PRAGMA application_id = 42; CREATE TABLE schema_version (version INTEGER)"),
    ] {
        let path = directory.file(name);
        std::fs::write(&path, []).unwrap();
        let mut connection = other_connection(&path).await;
        sqlx::raw_sql(setup).execute(&mut connection).await.unwrap();
        let refused = SqliteDatabase::open(&path, impatient()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Foreign), "{refused:?}");
        let tables =
            sqlx::query("SELECT COUNT(*) FROM sqlite_schema").fetch_one(&mut connection).await.unwrap();
        assert_eq!(tables.get::<i64, _>(0), 1, "{name}");
    }
}

#[tokio::test]
async fn the_schema_is_made_once_however_many_open_the_file_at_once() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let opening = (0..8).map(|_| SqliteDatabase::open(&path, SqliteOptions::default()));
    let databases = futures_util::future::try_join_all(opening).await.unwrap();
    for database in &databases {
        database.check().await.unwrap();
    }
    let mut connection = other_connection(&path).await;
    let steps = sqlx::query("SELECT COUNT(*), MAX(version) FROM schema_version");
    let steps = steps.fetch_one(&mut connection).await.unwrap();
    assert_eq!(steps.get::<i64, _>(0), steps.get::<i64, _>(1));
}

#[tokio::test]
async fn two_processes_on_one_file_do_not_lose_a_race() {
    const NOTE: RecordKind = RecordKind::new("test.note", &[]);
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let (left, right) = (
        SqliteDatabase::open(&path, SqliteOptions::default()).await.unwrap(),
        SqliteDatabase::open(&path, SqliteOptions::default()).await.unwrap(),
    );
    let ephemerals = [left.ephemeral(tenant(), clock()), right.ephemeral(tenant(), clock())];
    let stores = [store(&left), store(&right)];
    for round in 0..20 {
        let key = EphemeralKey::new("test.value", round.to_string());
        ephemerals[0].put(&key, b"once".to_vec(), Duration::minutes(1)).await.unwrap();
        let takes = (0..10).map(|n| ephemerals[n % 2].take(&key));
        let taken = futures_util::future::try_join_all(takes).await.unwrap();
        assert_eq!(taken.iter().flatten().count(), 1);

        let commits = (0..10).map(|n| {
            let batch = Batch::new()
                .require_absent(EntityRef::Record(NOTE, round.to_string()))
                .write(Write::PutRecord(Record::new(NOTE, round.to_string(), 1, n.to_string())));
            stores[n % 2].commit(batch)
        });
        let commits = futures_util::future::try_join_all(commits).await.unwrap();
        assert_eq!(commits.iter().filter(|commit| commit.is_applied()).count(), 1);
    }
}

#[tokio::test]
async fn expired_values_do_not_pile_up() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let database = open(&path).await;
    let clock = std::sync::Arc::new(ciam_core::testkit::ManualClock::default());
    let ephemeral = database.ephemeral(tenant(), clock.clone());
    for number in 0..300 {
        let key = EphemeralKey::new("test.value", number.to_string());
        ephemeral.put(&key, vec![1], Duration::seconds(1)).await.unwrap();
        ephemeral.increment(&key, Duration::seconds(1)).await.unwrap();
        clock.advance(Duration::seconds(2));
    }
    let mut connection = other_connection(&path).await;
    for sql in ["SELECT COUNT(*) FROM ephemeral", "SELECT COUNT(*) FROM counters"] {
        let left: i64 = sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get(0);
        assert!(left <= 32, "{sql}: {left}");
    }
}

#[tokio::test]
async fn readers_see_the_last_commit_while_another_writes() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let database = open(&path).await;
    let store = store(&database);
    let ada = account("ada@example.com");
    assert!(store.commit(Batch::new().write(Write::PutAccount(ada.clone()))).await.unwrap().is_applied());
    let mut writing = other_connection(&path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE; UPDATE accounts SET version = 99").execute(&mut writing).await.unwrap();
    for _ in 0..20 {
        assert_eq!(store.account(ada.id).await.unwrap().unwrap().version.get(), 1);
    }
}
