//! What is delivered, in which order, how often.

use std::collections::BTreeMap;

use time::Duration;

use super::{StoreHarness, Trial, applied, insert, refused};
use crate::event::Event;
use crate::id::EventId;
use crate::store::{Batch, EntityRef, IndexValue, OutboxItem, OutboxPayload, Store, Version, Write};
use crate::testkit::sample::{NOTE, TOKEN};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "outbox.delivers",
        delivers,
        "Every event and message of an applied batch is handed out, as it was committed."
    ),
    clause!(Trial<'_>, "outbox.refused", of_refused, "Of a refused batch there is no trace in the outbox."),
    clause!(
        Trial<'_>,
        "outbox.order",
        order,
        "Items are handed out oldest first: in the order of their commits."
    ),
    clause!(
        Trial<'_>,
        "outbox.subject",
        subject,
        "While an item of a subject is leased or undelivered, no later item of that subject is handed out in another claim."
    ),
    clause!(
        Trial<'_>,
        "outbox.others",
        others,
        "A subject that waits keeps no other subject, and no message, from being handed out."
    ),
    clause!(
        Trial<'_>,
        "outbox.lease",
        lease,
        "A leased item is handed out to nobody else until the lease has passed."
    ),
    clause!(
        Trial<'_>,
        "outbox.redelivery",
        redelivery,
        "An item whose lease has run out is handed out again, and says how often it has been."
    ),
    clause!(Trial<'_>, "outbox.acknowledge", acknowledge, "An acknowledged item is never handed out again."),
    clause!(
        Trial<'_>,
        "outbox.acknowledge_ignores",
        acknowledge_ignores,
        "Acknowledging unknown and already acknowledged ids is fine and changes nothing."
    ),
    clause!(Trial<'_>, "outbox.limit", limit, "A claim hands out no more items than were asked for."),
];

const LEASE: Duration = Duration::MINUTE;

/// A trial's store with something in it, and nothing in its outbox.
async fn furnished(trial: &Trial<'_>) -> Result<super::Mirror, Violation> {
    let store = trial.store().await?;
    insert(&store, [Write::PutRecord(trial.samples.record())]).await?;
    Ok(store)
}

fn batch(events: &[Event]) -> Batch {
    events.iter().cloned().fold(Batch::new(), Batch::event)
}

async fn claim(store: &dyn Store, limit: u32) -> Result<Vec<EventId>, Violation> {
    Ok(store.claim_outbox(LEASE, limit).await?.iter().map(|item| item.id).collect())
}

fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

async fn delivers(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let long = format!("subject:{}", "\u{1f469}".repeat(100));
    let events = [trial.event("testkit:\u{1f469} 'x'")?, trial.event("")?, trial.event(&long)?];
    let messages = [trial.message(), trial.message()];
    let mut expected = BTreeMap::new();
    let mut all = batch(&events);
    for event in events {
        expected.insert(event.id, json(&OutboxPayload::Event(event))?);
    }
    for message in messages {
        all = all.message(message.clone());
        expected.insert(message.id, json(&OutboxPayload::Message(message))?);
    }
    applied(&store, all, "a batch with events and messages").await?;
    let mut found = BTreeMap::new();
    for _ in 0..3 {
        for item in store.claim_outbox(LEASE, 100).await? {
            found.insert(item.id, json(&item.payload)?);
        }
    }
    ensure_eq!(found, expected, "what was handed out");
    Ok(())
}

fn json(payload: &OutboxPayload) -> Result<serde_json::Value, Violation> {
    serde_json::to_value(payload).map_err(|error| Violation::new(error.to_string()))
}

async fn of_refused(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let token = trial.samples.text();
    let holding = || {
        let mut record = trial.samples.record();
        record.indexes.push(IndexValue::new(TOKEN, &token));
        Write::PutRecord(record)
    };
    insert(&store, [holding()]).await?;
    let full = || -> Result<Batch, Violation> {
        Ok(Batch::new().event(trial.event("testkit:refused")?).message(trial.message()))
    };
    let absent = EntityRef::Record(NOTE, trial.samples.text());
    refused(&store, full()?.require_version(absent, Version::FIRST), "a precondition that does not hold")
        .await?;
    refused(&store, full()?.write(holding()), "a unique value that is taken").await?;
    let alone = trial.plain().await?;
    ensure_eq!(claim(&*alone, 100).await?, [], "what refused batches left in the outbox");
    Ok(())
}

async fn order(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let mut expected = Vec::new();
    for number in 0..12 {
        let subject = format!("testkit:{}", number % 3);
        let events = [trial.event(&subject)?, trial.event("testkit:all")?, trial.event(&subject)?];
        applied(&store, batch(&events), "a batch with events").await?;
        expected.extend(ids(&events));
    }
    let first = claim(&store, 10).await?;
    ensure_eq!(first.as_slice(), expected.get(..10).unwrap_or_default(), "the oldest items");
    store.acknowledge(&first).await?;
    let rest = claim(&store, 100).await?;
    ensure_eq!(rest.as_slice(), expected.get(10..).unwrap_or_default(), "the other items");
    Ok(())
}

async fn subject(trial: &Trial<'_>) -> Result<(), Violation> {
    const SUBJECT: &str = "testkit:one";
    let store = furnished(trial).await?;
    let [first, second, third] = [trial.event(SUBJECT)?, trial.event(SUBJECT)?, trial.event(SUBJECT)?];
    applied(&store, batch(&[first.clone(), second.clone()]), "a batch with events").await?;
    ensure_eq!(claim(&store, 1).await?, [first.id], "the first item of a subject");
    ensure_eq!(claim(&store, 10).await?, [], "what is handed out while the first item is leased");
    applied(&store, batch(std::slice::from_ref(&third)), "one more event of the subject").await?;
    ensure_eq!(claim(&store, 10).await?, [], "what is handed out while the first item is leased");
    store.acknowledge(&[first.id]).await?;
    ensure_eq!(claim(&store, 1).await?, [second.id], "the second item after the first was delivered");
    ensure_eq!(claim(&store, 10).await?, [], "what is handed out while the second item is leased");
    store.acknowledge(&[second.id]).await?;
    ensure_eq!(claim(&store, 10).await?, [third.id], "the third item after the second was delivered");
    Ok(())
}

async fn others(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let held = trial.event("testkit:held")?;
    applied(&store, batch(std::slice::from_ref(&held)), "an event").await?;
    ensure_eq!(claim(&store, 10).await?, [held.id], "the only item");
    let (message, other, waits) =
        (trial.message(), trial.event("testkit:other")?, trial.event("testkit:held")?);
    let later = batch(&[waits, other.clone()]).message(message.clone());
    applied(&store, later, "a batch behind it").await?;
    let found = claim(&store, 10).await?;
    ensure!(found.contains(&other.id), "an event of another subject is kept back");
    ensure!(found.contains(&message.id), "a message is kept back");
    Ok(())
}

async fn lease(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let events = [trial.event("one:1")?, trial.event("two:2")?, trial.event("three:3")?];
    applied(&store, batch(&events), "a batch with events").await?;
    let mut found = claim(&store, 2).await?;
    found.extend(claim(&store, 10).await?);
    ensure_eq!(sorted(found), sorted(ids(&events)), "what two claims get together");
    trial.advance(LEASE - Duration::SECOND);
    ensure_eq!(claim(&store, 10).await?, [], "what a claim gets while everything is leased");
    Ok(())
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}

async fn redelivery(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let events = [trial.event("testkit:1")?, trial.event("testkit:1")?, trial.event("testkit:2")?];
    applied(&store, batch(&events), "a batch with events").await?;
    let attempts = |items: &[OutboxItem]| -> Vec<(EventId, u32)> {
        items.iter().map(|item| (item.id, item.attempts)).collect()
    };
    for attempt in 1..=4 {
        let found = sorted(attempts(&store.claim_outbox(LEASE, 10).await?));
        let expected: Vec<_> = ids(&events).into_iter().map(|id| (id, attempt)).collect();
        ensure_eq!(found, sorted(expected), "what is handed out the {attempt}. time");
        trial.advance(LEASE);
    }
    Ok(())
}

async fn acknowledge(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let events: Vec<Event> =
        (0..30).map(|number| trial.event(&format!("testkit:{number}"))).collect::<Result<_, _>>()?;
    applied(&store, batch(&events), "a batch with events").await?;
    let claimed = claim(&store, 100).await?;
    ensure_eq!(claimed.len(), events.len(), "how many items were handed out");
    // Late is not too late: the lease has run out, but nobody else has claimed it.
    trial.advance(LEASE * 2);
    store.acknowledge(&claimed).await?;
    for _ in 0..2 {
        ensure_eq!(claim(&store, 100).await?, [], "what is handed out after all was delivered");
        trial.advance(LEASE * 2);
    }
    Ok(())
}

async fn acknowledge_ignores(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let events = [trial.event("testkit:1")?, trial.event("testkit:2")?];
    applied(&store, batch(&events), "a batch with events").await?;
    let first = claim(&store, 1).await?;
    for _ in 0..2 {
        store.acknowledge(&[]).await?;
        store.acknowledge(&[&[trial.samples.event_id()], first.as_slice(), &first].concat()).await?;
    }
    let found = [first, claim(&store, 10).await?].concat();
    ensure_eq!(sorted(found), sorted(ids(&events)), "what was handed out");
    Ok(())
}

async fn limit(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = furnished(trial).await?;
    let events: Vec<Event> =
        (0..9).map(|number| trial.event(&format!("testkit:{number}"))).collect::<Result<_, _>>()?;
    applied(&store, batch(&events), "a batch with events").await?;
    for limit in [0, 1, 3] {
        let found = claim(&store, limit).await?.len();
        ensure!(found <= limit as usize, "{found} items were handed out to a claim of {limit}");
    }
    Ok(())
}
