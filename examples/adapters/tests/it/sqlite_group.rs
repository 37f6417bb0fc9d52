//! Changes that share a transaction: each stands or falls by itself.

use std::sync::Arc;

use ciam_core::account::Account;
use ciam_core::clock::Clock as _;
use ciam_core::error::PortErrorKind;
use ciam_core::event::{Event, EventType};
use ciam_core::memory;
use ciam_core::store::{
    Batch, Commit, Conflict, EntityRef, IndexDeclaration, IndexValue, PageRequest, Record, RecordKind,
    Store as _, Write,
};
use ciam_core::testkit::ManualClock;
use futures_util::future::join_all;
use time::Duration;

use crate::support::{TempDir, account, open, store, tenant};

const NOTE: RecordKind = RecordKind::new("test.note", &[]);

fn note(key: impl Into<String>, body: impl Into<String>) -> Write {
    Write::PutRecord(Record::new(NOTE, key, 1, body))
}

#[tokio::test]
async fn a_conflict_undoes_its_own_batch_and_no_other() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let store = store(&database);
    // All are polled before the writer runs, so they are one group. Every third writes, and then fails to be unique.
    let commits = (0..60).map(|number| {
        let address =
            if number % 3 == 0 { "taken@example.com".to_owned() } else { format!("{number}@example.com") };
        let batch =
            Batch::new().write(note(number.to_string(), "{}")).write(Write::PutAccount(account(&address)));
        store.commit(batch)
    });
    let outcomes: Vec<Commit> = join_all(commits).await.into_iter().map(Result::unwrap).collect();
    let mut winners = 0;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let applied = store.record(NOTE, &number.to_string()).await.unwrap().is_some();
        assert_eq!(applied, outcome.is_applied(), "{number}");
        if number % 3 == 0 {
            winners += usize::from(outcome.is_applied());
            assert!(matches!(outcome, Commit::Applied | Commit::Conflict(Conflict::Unique(1))));
        } else {
            assert!(outcome.is_applied());
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(store.accounts(PageRequest::first(1_000)).await.unwrap().items.len(), 41);
}

#[tokio::test]
async fn a_failing_batch_fails_alone() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let store = store(&database);
    // An event id is used once: the second batch with it is not data that can be stored.
    let event = Event::new(&memory::ports(), EventType::ACCOUNT_UPDATED, "account:ada").unwrap();
    assert!(store.commit(Batch::new().event(event.clone())).await.unwrap().is_applied());
    let commits = (0..20).map(|number| {
        let batch = Batch::new().write(note(number.to_string(), "{}"));
        store.commit(if number == 7 { batch.event(event.clone()) } else { batch })
    });
    for (number, outcome) in join_all(commits).await.into_iter().enumerate() {
        let stored = store.record(NOTE, &number.to_string()).await.unwrap().is_some();
        assert_eq!(stored, number != 7, "{number}");
        match outcome {
            Ok(commit) => assert!(commit.is_applied() && number != 7),
            Err(error) => assert_eq!((number, error.kind()), (7, PortErrorKind::Permanent)),
        }
    }
}

#[tokio::test]
async fn of_many_that_require_one_version_exactly_one_is_applied_each_round() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let store = store(&database);
    assert!(store.commit(Batch::new().write(note("n", "0"))).await.unwrap().is_applied());
    for round in 1..=20 {
        let seen = store.record(NOTE, "n").await.unwrap().unwrap();
        assert_eq!((seen.version.get(), seen.value.body), (round, (round - 1).to_string()));
        let commits = (0..100).map(|_| {
            let batch = Batch::new()
                .require_version(EntityRef::Record(NOTE, "n".to_owned()), seen.version)
                .write(note("n", round.to_string()));
            store.commit(batch)
        });
        let outcomes: Vec<Commit> = join_all(commits).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_applied()).count(), 1);
        assert!(outcomes.iter().all(|outcome| {
            matches!(outcome, Commit::Applied | Commit::Conflict(Conflict::Precondition(0)))
        }));
    }
}

#[tokio::test]
async fn a_write_sees_what_the_batch_wrote_before_it() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let store = store(&database);
    let batch = Batch::new()
        .require_absent(EntityRef::Record(NOTE, "n".to_owned()))
        .write(note("n", "1"))
        .write(note("n", "2"))
        .write(Write::DeleteRecord(NOTE, "n".to_owned()))
        .write(note("n", "3"));
    assert!(store.commit(batch).await.unwrap().is_applied());
    let found = store.record(NOTE, "n").await.unwrap().unwrap();
    assert_eq!((found.version.get(), found.value.body.as_str()), (1, "3"));

    // An address moves from one account to another when it is given up first, and not the other way round.
    let (mut ada, mut bob) = (account("shared@example.com"), account("bob@example.com"));
    let put = |account: &Account| Write::PutAccount(account.clone());
    assert!(store.commit(Batch::new().write(put(&ada)).write(put(&bob))).await.unwrap().is_applied());
    bob.identifiers.append(&mut ada.identifiers);
    let wrong = store.commit(Batch::new().write(put(&bob)).write(put(&ada))).await.unwrap();
    assert_eq!(wrong, Commit::Conflict(Conflict::Unique(0)));
    assert!(store.commit(Batch::new().write(put(&ada)).write(put(&bob))).await.unwrap().is_applied());
    let owner = store.account_by_identifier(&bob.identifiers[1].key).await.unwrap().unwrap();
    assert_eq!(owner.value.id, bob.id);
}

#[tokio::test]
async fn a_unique_value_is_free_again_when_its_record_has_expired() {
    const TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
    const LEASE: RecordKind = RecordKind::new("test.lease", &[TOKEN]);
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let clock = Arc::new(ManualClock::default());
    let store = database.tenant(tenant(), clock.clone());
    let take = |key: &str| {
        let mut record = Record::new(LEASE, key, 1, "{}");
        record.indexes = vec![IndexValue::new(TOKEN, "t")];
        record.expires_at = Some(clock.now() + Duration::SECOND);
        store.commit(Batch::new().write(Write::PutRecord(record)))
    };
    assert!(take("first").await.unwrap().is_applied());
    assert_eq!(take("second").await.unwrap(), Commit::Conflict(Conflict::Unique(0)));
    assert!(take("first").await.unwrap().is_applied(), "its owner keeps it");
    clock.advance(Duration::SECOND);
    assert!(take("second").await.unwrap().is_applied());
    assert_eq!(take("first").await.unwrap(), Commit::Conflict(Conflict::Unique(0)));
    let owners = store.records_by(LEASE, "token", "t", PageRequest::first(10)).await.unwrap().items;
    assert_eq!(owners.iter().map(|owner| owner.value.key.as_str()).collect::<Vec<_>>(), ["second"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_commit_is_whole_or_absent() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let store = store(&database);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let batch = Batch::new()
                    .write(note(format!("a{number}"), "{}"))
                    .write(note(format!("b{number}"), "{}"));
                store.commit(batch).await.unwrap().is_applied()
            })
        })
        .collect();
    let mut finished = Vec::new();
    for (number, task) in tasks.into_iter().enumerate() {
        if number % 2 == 0 {
            tokio::task::yield_now().await;
            task.abort();
        }
        finished.push(task.await.unwrap_or(false));
    }
    for (number, finished) in finished.into_iter().enumerate() {
        let first = store.record(NOTE, &format!("a{number}")).await.unwrap().is_some();
        let second = store.record(NOTE, &format!("b{number}")).await.unwrap().is_some();
        assert_eq!(first, second, "{number}");
        assert!(first || !finished, "{number} was acknowledged");
    }
    // The writer goes on after its callers have left.
    assert!(store.commit(Batch::new().write(note("last", "{}"))).await.unwrap().is_applied());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_never_claim_the_same_item() {
    let directory = TempDir::new();
    let database = open(&directory.file("ciam.db")).await;
    let store = store(&database);
    let ports = memory::ports();
    let mut batch = Batch::new();
    for number in 0..60 {
        batch = batch.event(
            Event::new(&ports, EventType::ACCOUNT_UPDATED, format!("account:{}", number % 6)).unwrap(),
        );
    }
    let order: Vec<_> = batch.events().iter().map(|event| event.id).collect();
    assert!(store.commit(batch).await.unwrap().is_applied());
    let claims = join_all((0..12).map(|_| store.claim_outbox(Duration::minutes(1), 5))).await;
    let claims: Vec<Vec<_>> =
        claims.into_iter().map(|claim| claim.unwrap().iter().map(|item| item.id).collect()).collect();
    let mut all: Vec<_> = claims.concat();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    // The first five hold their subjects; what comes behind them waits, and only the sixth subject is free.
    assert_eq!(claims.iter().flatten().filter(|id| order[..5].contains(id)).count(), 5);
    assert!(
        claims
            .iter()
            .flatten()
            .all(|id| order[..5].contains(id) || order.iter().position(|it| it == id).unwrap() % 6 == 5)
    );
}
