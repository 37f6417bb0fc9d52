//! What is queued for a destination: lanes, the deliveries in them, and what was given up.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::policy::{RelayPolicy, Retry};
use crate::crypto::sha256;
use crate::encoding::base64url;
use crate::id::EventId;
use crate::store::{IndexDeclaration, IndexValue, OutboxPayload, RecordKind, StoredRecord};

/// The deliveries of one subject to one destination, which go one after the other.
///
/// `head` and `next` only ever grow, so that two relays that both believe it is their turn do no harm to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) destination: String,
    key: String,
    /// The number of the first delivery that has not ended.
    pub(super) head: u64,
    /// The number that the next delivery gets.
    pub(super) next: u64,
    /// How often the delivery at the head has failed.
    pub(super) attempts: u32,
    /// When it failed first.
    #[serde(default, with = "time::serde::rfc3339::option")]
    failing_since: Option<OffsetDateTime>,
    /// Until when it waits.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) not_before: Option<OffsetDateTime>,
    /// The last ones that were queued, to know them when the outbox hands them out again.
    recent: Vec<EventId>,
    /// When an empty lane is forgotten.
    #[serde(with = "time::serde::rfc3339")]
    idle_until: OffsetDateTime,
}

impl Lane {
    /// How many queued ids a lane remembers: more than one claim of the outbox holds.
    const RECENT: usize = 128;
    /// How long an empty lane is remembered: many times longer than items of the outbox are claimed for.
    const MEMORY: Duration = Duration::HOUR;

    /// The lane of a subject; messages have one each.
    pub(super) fn key_of(destination: &str, payload: &OutboxPayload) -> String {
        match payload {
            OutboxPayload::Event(event) => {
                format!("{destination}/{}", base64url::encode(&sha256(event.subject.as_bytes())))
            }
            OutboxPayload::Message(message) => format!("{destination}/{}", message.id),
        }
    }

    pub(super) fn new(destination: &str, key: &str, now: OffsetDateTime) -> Self {
        Self {
            destination: destination.to_owned(),
            key: key.to_owned(),
            head: 0,
            next: 0,
            attempts: 0,
            failing_since: None,
            not_before: None,
            recent: Vec::new(),
            idle_until: now.saturating_add(Self::MEMORY),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.head >= self.next
    }

    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        !self.is_empty() && self.not_before.is_none_or(|until| until <= now)
    }

    /// Which of the destination's shares it belongs to.
    pub(super) fn share(key: &str, shares: u8) -> u8 {
        let [first, ..] = sha256(key.as_bytes());
        first % shares.max(1)
    }

    /// Queues an item at the end; `None` when it has been queued before.
    pub(super) fn append(
        &mut self,
        id: EventId,
        payload: OutboxPayload,
        now: OffsetDateTime,
    ) -> Option<Delivery> {
        if self.recent.contains(&id) {
            return None;
        }
        if self.recent.len() >= Self::RECENT {
            self.recent.remove(0);
        }
        self.recent.push(id);
        let delivery = Delivery { lane: self.key.clone(), number: self.next, id, queued_at: now, payload };
        self.next = self.next.saturating_add(1);
        self.idle_until = now.saturating_add(Self::MEMORY);
        Some(delivery)
    }

    /// The deliveries up to this one have ended.
    pub(super) fn ended(&mut self, number: u64, now: OffsetDateTime) {
        let head = number.saturating_add(1);
        if head > self.head {
            self.head = head;
            self.attempts = 0;
            self.failing_since = None;
            self.not_before = None;
        }
        self.idle_until = now.saturating_add(Self::MEMORY);
    }

    /// The delivery at the head has failed. Decides when it is tried again, and makes the lane wait until then.
    pub(super) fn failed(&mut self, now: OffsetDateTime, policy: &RelayPolicy, chance: u32) -> Retry {
        self.attempts = self.attempts.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let retry = policy.retry.after(self.attempts, since, now, chance);
        if let Retry::At(next) = retry {
            self.not_before = Some(next);
        }
        retry
    }

    /// What lanes with something to deliver are found by: those that wait apart from those that do not.
    pub(super) fn queue(destination: &str, waits: bool) -> String {
        format!("{destination}/{}", if waits { "waits" } else { "ready" })
    }
}

pub(super) const LANE: RecordKind = RecordKind::new("core.delivery_lane", &[QUEUE]);
pub(super) const QUEUE: IndexDeclaration = IndexDeclaration::many("queue");

impl StoredRecord for Lane {
    const KIND: RecordKind = LANE;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.key.clone()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        if self.is_empty() {
            return Vec::new();
        }
        vec![IndexValue::new(QUEUE, Self::queue(&self.destination, self.not_before.is_some()))]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        self.is_empty().then_some(self.idle_until)
    }
}

/// One item for one destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Delivery {
    lane: String,
    pub(super) number: u64,
    pub(super) id: EventId,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) queued_at: OffsetDateTime,
    pub(super) payload: OutboxPayload,
}

pub(super) const DELIVERY: RecordKind = RecordKind::new("core.delivery", &[IN_LANE]);
pub(super) const IN_LANE: IndexDeclaration = IndexDeclaration::many("lane");

impl StoredRecord for Delivery {
    const KIND: RecordKind = DELIVERY;
    const SCHEMA: u16 = 1;

    /// In the order of the lane.
    fn key(&self) -> String {
        format!("{}/{:020}", self.lane, self.number)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(IN_LANE, &self.lane)]
    }
}

/// A relay's turn to serve a share of a destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) destination: String,
    pub(super) share: u8,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) until: OffsetDateTime,
}

impl Turn {
    pub(super) fn key_of(destination: &str, share: u8) -> String {
        format!("{destination}/{share}")
    }
}

impl StoredRecord for Turn {
    const KIND: RecordKind = RecordKind::new("core.delivery_turn", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.destination, self.share)
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

    fn payload(subject: &str) -> OutboxPayload {
        let event = serde_json::json!({
            "specversion": "1.0", "id": id(1), "type": "test", "source": "urn:x", "subject": subject,
            "time": "2026-01-01T12:00:00Z", "data": {},
        });
        OutboxPayload::Event(serde_json::from_value(event).unwrap())
    }

    fn id(number: u128) -> EventId {
        EventId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn an_item_that_comes_again_is_queued_once_even_after_it_was_delivered() {
        let mut lane = Lane::new("sink:a", "sink:a/x", NOW);
        assert_eq!(lane.append(id(1), payload("x"), NOW).unwrap().number, 0);
        assert_eq!(lane.append(id(2), payload("x"), NOW).unwrap().number, 1);
        assert!(lane.append(id(1), payload("x"), NOW).is_none());
        lane.ended(1, NOW);
        assert!(lane.is_empty() && lane.append(id(2), payload("x"), NOW).is_none());
        assert_eq!(lane.append(id(3), payload("x"), NOW).unwrap().number, 2);
    }

    #[test]
    fn only_lanes_with_something_to_deliver_are_found_and_only_empty_ones_are_forgotten() {
        let mut lane = Lane::new("sink:a", "sink:a/x", NOW);
        assert!(lane.indexes().is_empty() && lane.expires_at().is_some());
        lane.append(id(1), payload("x"), NOW);
        assert_eq!(lane.indexes()[0].value, "sink:a/ready");
        assert_eq!(lane.expires_at(), None);
        lane.failed(NOW, &RelayPolicy::default(), 20);
        assert_eq!(lane.indexes()[0].value, "sink:a/waits");
        assert!(!lane.is_due(NOW) && lane.is_due(NOW + Duration::seconds(5)));
        lane.ended(0, NOW);
        assert!(lane.indexes().is_empty() && lane.expires_at().is_some());
    }

    #[test]
    fn the_end_of_a_delivery_that_ended_before_changes_nothing() {
        let mut lane = Lane::new("sink:a", "sink:a/x", NOW);
        for number in 1..=3 {
            lane.append(id(number), payload("x"), NOW);
        }
        lane.ended(1, NOW);
        lane.failed(NOW, &RelayPolicy::default(), 20);
        lane.ended(0, NOW);
        assert_eq!((lane.head, lane.attempts), (2, 1));
        assert!(lane.not_before.is_some());
    }

    #[test]
    fn lanes_are_of_one_subject_and_one_destination_and_their_names_are_short() {
        let long = "account:".repeat(1_000);
        let keys = [("sink:a", "x"), ("sink:b", "x"), ("sink:a", "y"), ("sink:a", &long)]
            .map(|(destination, subject)| Lane::key_of(destination, &payload(subject)));
        assert!(keys.iter().all(|key| key.len() < 60));
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
    }
}
