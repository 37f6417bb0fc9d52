//! The audit log, whole and tampered with.

use std::sync::Arc;

use ciam_core::audit::{AuditEntry, AuditHead, AuditLog, AuditVerdict, Break, Expected};
use ciam_core::crypto;
use ciam_core::event::{Event, EventType};
use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, LocalSigner};
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, PageRequest, Record, StoredRecord, Write};

const ENTRIES: u64 = 5;

async fn written() -> (Ports, AuditLog) {
    let ports = memory::ports();
    let log = AuditLog::new(ports.clone());
    for number in 0..ENTRIES {
        let event =
            Event::new(&ports, EventType::ACCOUNT_UPDATED, format!("account:{}", number % 2)).unwrap();
        log.append(&event.with("number", number).with("by", "system:test")).await.unwrap();
    }
    (ports, log)
}

async fn entry(log: &AuditLog, sequence: usize) -> AuditEntry {
    log.entries(PageRequest::first(100)).await.unwrap().items[sequence - 1].clone()
}

async fn write(ports: &Ports, write: Write) {
    assert!(ports.store().commit(Batch::new().write(write)).await.unwrap().is_applied());
}

/// Writes an entry as whoever has the database can, at the key of a place.
async fn forge(ports: &Ports, entry: &AuditEntry, place: u64) {
    let mut record = Record::encode(entry).unwrap();
    record.key = format!("{place:020}");
    record.indexes.clear();
    write(ports, Write::PutRecord(record)).await;
}

async fn delete(ports: &Ports, place: u64) {
    write(ports, Write::DeleteRecord(AuditEntry::KIND, format!("{place:020}"))).await;
}

async fn broken(log: &AuditLog) -> (u64, Break) {
    match log.verify(&Expected::nothing()).await.unwrap() {
        AuditVerdict::Broken { sequence, problem } => (sequence, problem),
        AuditVerdict::Intact(_) => panic!("nothing was noticed"),
    }
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_intact_and_an_event_is_one_entry() {
    let (ports, log) = written().await;
    let event = Event::new(&ports, EventType::SIGNED_IN, "account:1").unwrap();
    log.append(&event).await.unwrap();
    log.append(&event).await.unwrap();
    let verdict = log.verify(&Expected::nothing()).await.unwrap();
    let head = log.head().await.unwrap();
    assert_eq!((verdict, head.sequence), (AuditVerdict::Intact(head), ENTRIES + 1));
    let about = log.entries_about("account:1", PageRequest::first(10)).await.unwrap().items;
    assert_eq!(about.iter().map(|it| it.sequence).collect::<Vec<_>>(), [2, 4, 6]);
    let empty = AuditLog::new(memory::ports());
    assert!(empty.verify(&Expected::nothing()).await.unwrap().is_intact());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_append_at_once_make_one_chain() {
    let ports = memory::ports();
    let appending = (0..4).map(|node| {
        let (ports, log) = (ports.clone(), AuditLog::new(ports.clone()));
        tokio::spawn(async move {
            for _ in 0..10 {
                let event = Event::new(&ports, EventType::SIGNED_IN, format!("account:{node}")).unwrap();
                log.append(&event).await.unwrap();
            }
        })
    });
    futures_util::future::try_join_all(appending).await.unwrap();
    let verdict = AuditLog::new(ports).verify(&Expected::nothing()).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Intact(head) if head.sequence == 40), "{verdict:?}");
}

#[tokio::test]
async fn every_field_of_an_entry_is_in_its_hash() {
    for change in [
        (|it| it.subject.push('x')) as fn(&mut AuditEntry),
        |it| it.event_type.push('x'),
        |it| it.time += time::Duration::NANOSECOND,
        |it| it.event = ciam_core::id::EventId::from_uuid(uuid::Uuid::nil()),
        |it| drop(it.data.remove("by")),
        |it| drop(it.data.insert("number".to_owned(), 7.into())),
    ] {
        let (ports, log) = written().await;
        let mut changed = entry(&log, 3).await;
        change(&mut changed);
        forge(&ports, &changed, 3).await;
        assert_eq!(broken(&log).await, (3, Break::Changed), "{changed:?}");
    }
}

#[tokio::test]
async fn an_entry_that_was_changed_with_its_hash_breaks_the_link_behind_it() {
    let (ports, log) = written().await;
    let mut changed = entry(&log, 3).await;
    changed.data.insert("by".to_owned(), "nobody".into());
    changed.digest = changed.computed(ports.tenant());
    forge(&ports, &changed, 3).await;
    assert_eq!(broken(&log).await, (4, Break::Unlinked));
    // The last one has nothing behind it but the head.
    let (ports, log) = written().await;
    let mut changed = entry(&log, 5).await;
    changed.data.clear();
    changed.digest = changed.computed(ports.tenant());
    forge(&ports, &changed, 5).await;
    assert_eq!(broken(&log).await, (5, Break::NotAsWitnessed));
}

#[tokio::test]
async fn entries_that_were_removed_swapped_or_inserted_are_named() {
    let (ports, log) = written().await;
    delete(&ports, 2).await;
    assert_eq!(broken(&log).await, (2, Break::Missing));

    let (ports, log) = written().await;
    let (two, three) = (entry(&log, 2).await, entry(&log, 3).await);
    forge(&ports, &three, 2).await;
    forge(&ports, &two, 3).await;
    assert_eq!(broken(&log).await, (2, Break::Moved));

    // Swapped and renumbered.
    let (ports, log) = written().await;
    let (mut two, mut three) = (entry(&log, 2).await, entry(&log, 3).await);
    (two.sequence, three.sequence) = (3, 2);
    for entry in [&mut two, &mut three] {
        entry.digest = entry.computed(ports.tenant());
    }
    forge(&ports, &three, 2).await;
    forge(&ports, &two, 3).await;
    assert_eq!(broken(&log).await, (2, Break::Unlinked));

    // Inserted: everything behind it moves up.
    let (ports, log) = written().await;
    let mut inserted = entry(&log, 3).await;
    for place in (3..=5).rev() {
        let moved = entry(&log, place).await;
        forge(&ports, &moved, u64::try_from(place).unwrap() + 1).await;
    }
    inserted.data.clear();
    inserted.digest = inserted.computed(ports.tenant());
    forge(&ports, &inserted, 3).await;
    assert_eq!(broken(&log).await, (4, Break::Moved));

    // Between two places.
    let (ports, log) = written().await;
    let mut record = Record::encode(&entry(&log, 3).await).unwrap();
    record.key = format!("{:020}x", 3);
    record.indexes.clear();
    write(&ports, Write::PutRecord(record)).await;
    assert_eq!(broken(&log).await, (4, Break::Damaged));
}

#[tokio::test]
async fn entries_that_were_cut_off_are_missed_by_the_head() {
    let (ports, log) = written().await;
    delete(&ports, 5).await;
    assert_eq!(broken(&log).await, (5, Break::CutOff));
    // A head that was set back as well is seen by what was kept elsewhere.
    let (ports, log) = written().await;
    let witnessed = log.head().await.unwrap();
    let kept = entry(&log, 4).await;
    delete(&ports, 5).await;
    write(&ports, Write::PutRecord(Record::encode(&AuditHead::new(4, kept.digest)).unwrap())).await;
    assert!(log.verify(&Expected::nothing()).await.unwrap().is_intact(), "nothing here could tell");
    let verdict = log.verify(&Expected::nothing().with(witnessed)).await.unwrap();
    assert_eq!(verdict, AuditVerdict::Broken { sequence: 5, problem: Break::CutOff });
    // And a log that was made anew.
    let event = Event::new(&ports, EventType::SIGNED_IN, "account:1").unwrap();
    log.append(&event).await.unwrap();
    let verdict = log.verify(&Expected::nothing().with(witnessed)).await.unwrap();
    assert_eq!(verdict, AuditVerdict::Broken { sequence: 5, problem: Break::NotAsWitnessed });
}

#[tokio::test]
async fn a_checkpoint_is_believed_when_the_ring_signed_it_for_this_tenant() {
    let (_, log) = written().await;
    let crypto = crypto::ring();
    let signer = LocalSigner::generate(&*crypto, Algorithm::Es256).unwrap();
    let keys = KeySet::from(signer.verification_key(&*crypto).unwrap());
    let algorithms = AlgorithmSet::of(&[Algorithm::Es256]);
    let token = log.checkpoint(&signer).await.unwrap();
    let head = log.open_checkpoint(&token, algorithms, &keys).unwrap();
    assert_eq!(head, log.head().await.unwrap());
    let other = LocalSigner::generate(&*crypto, Algorithm::Es256).unwrap();
    let forged = log.checkpoint(&other).await.unwrap();
    assert!(log.open_checkpoint(&forged, algorithms, &keys).is_err());
    let elsewhere = memory::ports_of(
        ciam_core::id::TenantId::from_uuid(uuid::Uuid::from_u128(9)),
        &memory::MemoryDatabase::new(),
        Arc::new(ciam_core::clock::SystemClock::new()),
        Arc::new(ciam_core::entropy::SystemEntropy::new()),
    );
    let foreign = AuditLog::new(elsewhere).checkpoint(&signer).await.unwrap();
    assert!(log.open_checkpoint(&foreign, algorithms, &keys).is_err());
}

#[tokio::test]
async fn the_newest_entries_about_somebody_come_first_and_the_list_goes_on() {
    let (ports, log) = written().await;
    let places = |entries: &[AuditEntry]| entries.iter().map(|it| it.sequence).collect::<Vec<_>>();
    let first = log.latest_about("account:0", PageRequest::first(2)).await.unwrap();
    assert_eq!(places(&first.items), [5, 3]);
    let request = PageRequest::after(first.next.unwrap(), 2);
    let second = log.latest_about("account:0", request).await.unwrap();
    assert_eq!((places(&second.items), second.next), (vec![1], None));
    assert_eq!(places(&log.latest_about("account:0", PageRequest::first(9)).await.unwrap().items), [5, 3, 1]);
    assert!(log.latest_about("account:9", PageRequest::first(9)).await.unwrap().items.is_empty());
    // What was trimmed is told no more, and nothing is left of it.
    let end = entry(&log, 3).await.time + time::Duration::NANOSECOND;
    log.trim(end, 1).await.unwrap();
    assert_eq!(places(&log.latest_about("account:0", PageRequest::first(9)).await.unwrap().items), [5, 3]);
    // Neither is what was taken out by whoever has the database.
    delete(&ports, 3).await;
    assert_eq!(places(&log.latest_about("account:0", PageRequest::first(9)).await.unwrap().items), [5]);
}

/// However much has happened to somebody, their newest page is one list and a read for each entry on it.
#[tokio::test]
async fn the_newest_page_costs_the_same_after_a_thousand_entries() {
    let probe = ciam_core::testkit::Probe::new();
    let ports = memory::ports();
    let ports = ports.clone().with_store(probe.store(ports.shared_store()));
    let log = AuditLog::new(ports.clone());
    let mut costs = Vec::new();
    for happened in [5, 1000] {
        while log.head().await.unwrap().sequence < happened {
            let event = Event::new(&ports, EventType::SIGNED_IN, "account:1").unwrap();
            log.append(&event).await.unwrap();
        }
        let before = probe.calls().len();
        let page = log.latest_about("account:1", PageRequest::first(5)).await.unwrap();
        assert_eq!(page.items.first().unwrap().sequence, happened);
        costs.push(probe.calls().split_off(before));
    }
    assert_eq!(costs[0].len(), 6, "{:?}", costs[0]);
    assert_eq!(costs[0].len(), costs[1].len());
}
