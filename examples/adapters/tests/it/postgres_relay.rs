//! PostgreSQL stopped and crashed under load, with relays at work: everything that was applied is delivered at least once, in
//! order; and the same check catches a store that commits state and outbox one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions, PostgresStore};
use ciam_adapters::tokio_runtime::TokioRuntime;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::memory::{self, MemoryNotifier};
use ciam_core::ports::Ports;
use ciam_core::relay::{Relay, RelayPolicy};
use ciam_core::store::{Batch, Commit, EntityRef, PageRequest, Record, RecordKind, Store, Write};
use ciam_core::testkit::{DeliveryLog, HookedStore, StoreHook, Violation};

use crate::postgres_server::Server;
use crate::support::{clock, tenant};

const NOTE: RecordKind = RecordKind::new("test.relay_note", &[]);
const WRITERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_is_delivered_in_order_through_stops_and_crashes() {
    let Some(server) = Server::start_new() else { return };
    let outcome = ride_out(&server, |store| Arc::new(store)).await;
    assert!(outcome.acknowledged > 60, "{} commits", outcome.acknowledged);
    assert_eq!(outcome.lost, Vec::<String>::new(), "acknowledged and lost");
    outcome.delivery.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_commits_the_outbox_apart_is_caught() {
    let Some(server) = Server::start_new() else { return };
    let outcome = ride_out(&server, |store| Arc::new(HookedStore::new(Arc::new(store), SplitOutbox))).await;
    let violation = outcome.delivery.expect_err("nothing was found in a store that loses events");
    assert!(violation.to_string().contains("never delivered"), "{violation}");
}

struct Outcome {
    acknowledged: usize,
    lost: Vec<String>,
    delivery: Result<(), Violation>,
}

#[derive(Default)]
struct Progress {
    stop: AtomicBool,
    applied: AtomicUsize,
    failed: AtomicUsize,
}

/// Writers and two relays, while the server is stopped in good order and then crashes; then everything comes to rest, and is
/// compared with what the database holds.
async fn ride_out(server: &Server, wrap: impl Fn(PostgresStore) -> Arc<dyn Store>) -> Outcome {
    let log = Arc::new(DeliveryLog::new("log"));
    let (progress, relays_stop) = (Arc::new(Progress::default()), Arc::new(AtomicBool::new(false)));
    let mut relays = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (relay, stop) = (relay(Arc::new(open(server).await), &log), Arc::clone(&relays_stop));
        let stopped = async move {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        relays.spawn(async move { relay.run(stopped).await });
    }
    let store = wrap(open(server).await);
    let writers: Vec<_> =
        (0..WRITERS).map(|it| tokio::spawn(write(Arc::clone(&store), it, Arc::clone(&progress)))).collect();
    for mode in ["fast", "immediate"] {
        applied(&progress, 40).await;
        tokio::task::block_in_place(|| server.stop(mode));
        let failed = progress.failed.load(Ordering::Relaxed);
        while progress.failed.load(Ordering::Relaxed) < failed + WRITERS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::task::block_in_place(|| server.start());
    }
    applied(&progress, 40).await;
    progress.stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let (committed, lost) = what_is_there(&*store, &acknowledged).await;
    let mut delivery = log.check(&committed);
    // Leases and turns of the time before a crash have to run out.
    for _ in 0..250 {
        if delivery.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        delivery = log.check(&committed);
    }
    relays_stop.store(true, Ordering::Relaxed);
    relays.join_all().await;
    Outcome { acknowledged: acknowledged.len(), lost, delivery }
}

async fn open(server: &Server) -> PostgresStore {
    let options =
        PostgresOptions::default().with_max_connections(4).with_acquire_timeout(Duration::from_millis(500));
    PostgresDatabase::connect(&server.url(), options).await.unwrap().tenant(tenant(), clock())
}

fn relay(store: Arc<dyn Store>, log: &Arc<DeliveryLog>) -> Relay {
    let ports = memory::ports().with_store(store).with_runtime(Arc::new(TokioRuntime::for_this_machine()));
    let mut policy = RelayPolicy::default();
    policy.lease = time::Duration::seconds(5);
    policy.turn = time::Duration::seconds(5);
    policy.deadline = Duration::from_secs(2);
    policy.idle = Duration::from_millis(50);
    Relay::new(ports, Arc::new(MemoryNotifier::new())).with_sink(log.clone()).with_policy(policy)
}

/// Commits one record with its event after the other; gives back the keys of those that were acknowledged.
async fn write(store: Arc<dyn Store>, writer: usize, progress: Arc<Progress>) -> Vec<String> {
    let ports: Ports = memory::ports();
    let mut acknowledged = Vec::new();
    for number in 0_u64.. {
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
        let key = key(writer, number);
        let event = Event::new(&ports, EventType::ACCOUNT_UPDATED, format!("account:{writer}")).unwrap();
        let body = serde_json::to_string(&event).unwrap();
        let batch = Batch::new()
            .require_absent(EntityRef::Record(NOTE, key.clone()))
            .write(Write::PutRecord(Record::new(NOTE, &key, 1, body)))
            .event(event);
        match store.commit(batch).await {
            Ok(commit) => {
                assert!(commit.is_applied());
                progress.applied.fetch_add(1, Ordering::Relaxed);
                acknowledged.push(key);
            }
            Err(_) => {
                progress.failed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    acknowledged
}

fn key(writer: usize, number: u64) -> String {
    format!("{writer}-{number:09}")
}

async fn applied(progress: &Progress, more: usize) {
    let goal = progress.applied.load(Ordering::Relaxed) + more;
    for _ in 0..1_200 {
        if progress.applied.load(Ordering::Relaxed) >= goal {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was written for a minute");
}

/// The events of what the database holds, in the order in which each writer committed, and what it should hold and does not.
/// A commit whose answer was lost counts when it is there.
async fn what_is_there(store: &dyn Store, acknowledged: &[String]) -> (Vec<Event>, Vec<String>) {
    let (mut request, mut found) = (PageRequest::first(500), std::collections::BTreeMap::new());
    loop {
        let page = store.records(NOTE, request).await.unwrap();
        for record in page.items {
            found.insert(record.value.key.clone(), serde_json::from_str(&record.value.body).unwrap());
        }
        match page.next {
            Some(cursor) => request = PageRequest::after(cursor, 500),
            None => break,
        }
    }
    let lost = acknowledged.iter().filter(|key| !found.contains_key(*key)).cloned().collect();
    (found.into_values().collect(), lost)
}

/// Commits state and outbox one after the other.
#[derive(Debug)]
struct SplitOutbox;

#[async_trait]
impl StoreHook for SplitOutbox {
    async fn commit(&self, store: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
        let mut state = Batch::new();
        for precondition in batch.preconditions() {
            state = state.require(precondition.clone());
        }
        for write in batch.writes() {
            state = state.write(write.clone());
        }
        let outcome = store.commit(state).await?;
        if outcome.is_applied() {
            let events = batch.events().iter().cloned().fold(Batch::new(), Batch::event);
            // The way of the second request.
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(store.commit(events).await?.is_applied());
        }
        Ok(outcome)
    }
}
