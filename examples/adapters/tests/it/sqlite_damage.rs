//! Locked, garbled and truncated files: typed errors, never a panic, never half a change.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use ciam_adapters::sqlite::{OpenError, SqliteDatabase};
use ciam_core::account::{Account, IdentifierKey};
use ciam_core::ephemeral::{Ephemeral as _, EphemeralKey};
use ciam_core::error::{PortError, PortErrorKind};
use ciam_core::event::{Event, EventType};
use ciam_core::memory;
use ciam_core::store::{Batch, PageRequest, Record, RecordKind, Store as _, Write};
use sqlx::Connection as _;
use time::Duration;

use crate::support::{TempDir, account, clock, impatient, open, other_connection, store, tenant};

const NOTE: RecordKind = RecordKind::new("test.note", &[]);

/// Makes a file with accounts and closes it, so that all of it is in the file and none in the log.
async fn filled(path: &Path) -> Vec<Account> {
    let database = open(path).await;
    let store = store(&database);
    let mut accounts = Vec::new();
    for number in 0..200 {
        let mut account = account(&format!("person{number}@example.com"));
        account.profile.set("name", "x".repeat(200)).unwrap();
        let batch = Batch::new().write(Write::PutAccount(account.clone()));
        assert!(store.commit(batch).await.unwrap().is_applied());
        accounts.push(account);
    }
    database.close().await;
    accounts
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, PortError>) -> PortErrorKind {
    outcome.unwrap_err().kind()
}

#[tokio::test]
async fn a_lock_of_another_process_is_transient_and_leaves_nothing() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let database = open(&path).await;
    let (store, ephemeral) = (store(&database), database.ephemeral(tenant(), clock()));
    let mut holder = other_connection(&path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();

    let (ada, bob) = (account("ada@example.com"), account("bob@example.com"));
    let commit = store.commit(Batch::new().write(Write::PutAccount(ada.clone()))).await;
    assert_eq!(kind(commit), PortErrorKind::Transient);
    let key = EphemeralKey::new("test.value", "k");
    let put = ephemeral.put(&key, b"v".to_vec(), Duration::minutes(1)).await;
    assert_eq!(kind(put), PortErrorKind::Transient);
    assert_eq!(store.account(ada.id).await.unwrap(), None, "reads go on");

    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    assert!(store.commit(Batch::new().write(Write::PutAccount(bob.clone()))).await.unwrap().is_applied());
    assert_eq!(store.account(ada.id).await.unwrap(), None, "what was refused is not done later");
    assert_eq!(ephemeral.get(&key).await.unwrap(), None);
    assert!(store.account(bob.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_does_not_open() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    open(&path).await.close().await;
    let mut holder = other_connection(&path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    match SqliteDatabase::open(&path, impatient()).await.unwrap_err() {
        OpenError::Backend(error) => assert_eq!(error.kind(), PortErrorKind::Transient),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_permanent_and_left_alone() {
    let directory = TempDir::new();
    for (name, content) in [("text.db", b"Dear diary, ".repeat(400)), ("zeros.db", vec![0; 8_192])] {
        let path = directory.file(name);
        std::fs::write(&path, &content).unwrap();
        match SqliteDatabase::open(&path, impatient()).await.unwrap_err() {
            OpenError::Backend(error) => assert_eq!(error.kind(), PortErrorKind::Permanent, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(std::fs::read(&path).unwrap(), content, "{name}");
    }
}

#[tokio::test]
async fn a_directory_in_place_of_a_file_is_an_error() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(SqliteDatabase::open(&path, impatient()).await, Err(OpenError::File(_))));
    let missing = directory.file("no such directory").join("ciam.db");
    assert!(matches!(SqliteDatabase::open(&missing, impatient()).await, Err(OpenError::File(_))));
}

/// Everything that a server would do, on a file that is not what it was.
async fn use_damaged(path: &Path, accounts: &[Account]) -> Vec<PortError> {
    let database = match SqliteDatabase::open(path, impatient()).await {
        Ok(database) => database,
        Err(OpenError::Backend(error)) => return vec![error],
        Err(other) => panic!("{other:?}"),
    };
    let store = store(&database);
    let mut errors = Vec::new();
    for known in accounts {
        match store.account(known.id).await {
            Ok(found) => assert!(found.is_none_or(|found| found.value == *known), "never a wrong account"),
            Err(error) => errors.push(error),
        }
        errors.extend(store.account_by_identifier(&known.identifiers[0].key).await.err());
    }
    errors.extend(store.accounts(PageRequest::first(1_000)).await.err());
    for number in 0..20 {
        let batch = Batch::new()
            .write(Write::PutAccount(account(&format!("late{number}@example.com"))))
            .write(Write::PutRecord(Record::new(NOTE, number.to_string(), 1, "{}")));
        errors.extend(store.commit(batch).await.err());
        // Both writes of the batch, or neither.
        let key = IdentifierKey::email(&format!("late{number}@example.com")).unwrap();
        let reads = (store.account_by_identifier(&key).await, store.record(NOTE, &number.to_string()).await);
        if let (Ok(account), Ok(record)) = reads {
            assert_eq!(account.is_some(), record.is_some());
        }
    }
    database.close().await;
    errors
}

#[tokio::test]
async fn garbled_pages_are_permanent_errors() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let accounts = filled(&path).await;
    let mut file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut whole = Vec::new();
    file.read_to_end(&mut whole).unwrap();
    let pages = whole.len() / 4_096;
    assert!(pages > 20);
    for first in [1, 2, 5, pages / 2, pages - 3] {
        // Three pages from there are noise.
        let mut damaged = whole.clone();
        for (offset, byte) in damaged.iter_mut().skip(first * 4_096).take(3 * 4_096).enumerate() {
            *byte = u8::try_from(offset * 31 % 251).unwrap();
        }
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&damaged).unwrap();
        file.set_len(whole.len() as u64).unwrap();
        let errors = use_damaged(&path, &accounts).await;
        assert!(!errors.is_empty(), "damage from page {first} was not noticed");
        for error in errors {
            assert_eq!(error.kind(), PortErrorKind::Permanent, "page {first}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_truncated_file_is_a_permanent_error() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let accounts = filled(&path).await;
    let whole = std::fs::read(&path).unwrap();
    for length in [whole.len() / 2, whole.len() / 2 + 1_000, 4_096, 100] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let errors = use_damaged(&path, &accounts).await;
        assert!(!errors.is_empty(), "truncation to {length} was not noticed");
        for error in errors {
            assert_eq!(error.kind(), PortErrorKind::Permanent, "{length}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_garbled_while_it_is_open_does_not_end_the_process() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let accounts = filled(&path).await;
    let database = open(&path).await;
    let store = store(&database);
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(4_096)).unwrap();
    file.write_all(&vec![0xA5; usize::try_from(length).unwrap() - 4_096]).unwrap();
    let mut errors = 0;
    for known in &accounts {
        errors += usize::from(store.account(known.id).await.is_err());
    }
    assert!(errors > 0);
    let commit = store.commit(Batch::new().write(Write::PutAccount(account("late@example.com")))).await;
    assert_eq!(kind(commit), PortErrorKind::Permanent);
}

#[tokio::test]
async fn a_row_that_cannot_be_decoded_is_permanent_and_spoils_no_other() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let database = open(&path).await;
    let store = store(&database);
    let (ada, bob, eve) =
        (account("ada@example.com"), account("bob@example.com"), account("eve@example.com"));
    for account in [&ada, &bob, &eve] {
        assert!(
            store.commit(Batch::new().write(Write::PutAccount(account.clone()))).await.unwrap().is_applied()
        );
    }
    let mut connection = other_connection(&path).await;
    let set = |sql: &'static str, account: &Account| {
        sqlx::query(sql).bind(account.id.as_uuid().as_bytes().to_vec())
    };
    set("UPDATE accounts SET document = '{\"id\":\"eve@example.com\"' WHERE id = $1", &ada)
        .execute(&mut connection)
        .await
        .unwrap();
    // Eve's document in Bob's row.
    set(
        "UPDATE accounts SET document = (SELECT document FROM accounts a WHERE a.id = $2) WHERE id = $1",
        &bob,
    )
    .bind(eve.id.as_uuid().as_bytes().to_vec())
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();

    for damaged in [&ada, &bob] {
        let error = store.account(damaged.id).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Permanent);
        assert!(!format!("{error:?}").contains("eve@"), "{error:?}");
        assert_eq!(
            kind(store.account_by_identifier(&damaged.identifiers[0].key).await),
            PortErrorKind::Permanent
        );
    }
    assert_eq!(store.account(eve.id).await.unwrap().unwrap().value, eve);
    // Writing it whole again heals it.
    assert!(store.commit(Batch::new().write(Write::PutAccount(ada.clone()))).await.unwrap().is_applied());
    assert_eq!(store.account(ada.id).await.unwrap().unwrap().value, ada);
}

#[tokio::test]
async fn a_damaged_outbox_item_holds_up_its_subject_only() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let database = open(&path).await;
    let store = store(&database);
    let ports = memory::ports();
    let event = |subject: &str| Event::new(&ports, EventType::ACCOUNT_UPDATED, subject).unwrap();
    let events = [event("account:ada"), event("account:ada"), event("account:bob")];
    let batch = events.iter().cloned().fold(Batch::new(), Batch::event);
    assert!(store.commit(batch).await.unwrap().is_applied());
    let mut connection = other_connection(&path).await;
    sqlx::query("UPDATE outbox SET payload = '{' WHERE position = 1").execute(&mut connection).await.unwrap();

    let claimed = store.claim_outbox(Duration::minutes(1), 1).await.unwrap();
    assert!(claimed.is_empty(), "the damaged one was the oldest");
    let claimed = store.claim_outbox(Duration::minutes(1), 10).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|item| item.id).collect();
    assert_eq!(ids, [events[2].id]);
}
