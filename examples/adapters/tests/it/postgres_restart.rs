//! PostgreSQL stopped and started under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions, PostgresStore};
use ciam_core::error::PortErrorKind;
use ciam_core::event::{Event, EventType};
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, EntityRef, Record, RecordKind, Store as _, Write};

use crate::postgres_server::Server;
use crate::support::{clock, other_tenant};

const NOTE: RecordKind = RecordKind::new("test.note", &[]);

/// What writers have seen.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    applied: AtomicUsize,
    failed: AtomicUsize,
}

/// Commits one record after the other until it is told to stop; gives back the keys of those that were acknowledged.
async fn write(store: PostgresStore, ports: Ports, writer: usize, seen: Arc<Seen>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0_u64.. {
        if seen.stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{writer}-{number}");
        let event = Event::new(&ports, EventType::ACCOUNT_UPDATED, format!("writer:{writer}")).unwrap();
        let batch = Batch::new()
            .require_absent(EntityRef::Record(NOTE, key.clone()))
            .write(Write::PutRecord(Record::new(NOTE, &key, 1, event.id.to_string())))
            .event(event);
        match store.commit(batch).await {
            Ok(commit) => {
                assert!(commit.is_applied());
                seen.applied.fetch_add(1, Ordering::Relaxed);
                acknowledged.push(key);
            }
            Err(error) => {
                assert_eq!(error.kind(), PortErrorKind::Transient, "{error:?}");
                seen.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    acknowledged
}

/// Waits until writers have got further.
async fn progress(seen: &Seen) {
    let before = seen.applied.load(Ordering::Relaxed);
    for _ in 0..600 {
        if seen.applied.load(Ordering::Relaxed) > before + 20 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing was written for half a minute");
}

/// Stopped in good order and by a crash, in the middle of commits: errors are transient, the same handles go on when the server
/// is back, and what was acknowledged is there, with its event.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_survives_stops_and_crashes() {
    let Some(server) = Server::start_new() else { return };
    let options =
        PostgresOptions::default().with_max_connections(4).with_acquire_timeout(Duration::from_millis(500));
    let database = PostgresDatabase::connect(&server.url(), options).await.unwrap();
    let store = database.tenant(other_tenant(), clock());
    let (seen, ports) = (Arc::new(Seen::default()), ciam_core::memory::ports());
    let writers: Vec<_> = (0..6)
        .map(|writer| tokio::spawn(write(store.clone(), ports.clone(), writer, Arc::clone(&seen))))
        .collect();
    for mode in ["fast", "immediate"] {
        progress(&seen).await;
        tokio::task::block_in_place(|| server.stop(mode));
        let failed = seen.failed.load(Ordering::Relaxed);
        while seen.failed.load(Ordering::Relaxed) < failed + 6 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(database.check().await.unwrap_err().kind(), PortErrorKind::Transient);
        tokio::task::block_in_place(|| server.start());
    }
    progress(&seen).await;
    seen.stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    database.check().await.unwrap();

    let mut events = std::collections::HashSet::new();
    loop {
        let items = store.claim_outbox(time::Duration::HOUR, 500).await.unwrap();
        if items.is_empty() {
            break;
        }
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        store.acknowledge(&ids).await.unwrap();
        events.extend(ids.iter().map(ToString::to_string));
    }
    assert!(acknowledged.len() > 60);
    for key in acknowledged {
        let found = store.record(NOTE, &key).await.unwrap();
        let record = found.unwrap_or_else(|| panic!("{key} was acknowledged and is lost")).value;
        assert!(events.contains(&record.body), "the event of {key} is lost");
    }
}
