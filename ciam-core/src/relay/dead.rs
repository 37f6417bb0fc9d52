//! Dead letters: events that a destination did not take, kept to be looked at and driven again.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::dispatch::{Append, Plan, enqueue};
use super::queue::Lane;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::EventId;
use crate::ports::Ports;
use crate::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, OutboxPayload, Page, PageRequest, RecordKind,
    StoredRecord, Write, load,
};

/// A dead letter was driven again.
pub const DELIVERY_REDRIVEN: EventType = EventType::new("ciam.delivery.redriven.v1");
/// A dead letter was thrown away.
pub const DELIVERY_DISCARDED: EventType = EventType::new("ciam.delivery.discarded.v1");

/// An event that a destination did not take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The name of the sink.
    pub destination: String,
    /// The event.
    pub event: Event,
    /// How often it was tried; 0 when the destination was down all the time.
    pub attempts: u32,
    /// What the last attempt came to. For operators.
    pub reason: String,
    /// When it was queued.
    #[serde(with = "time::serde::rfc3339")]
    pub queued_at: OffsetDateTime,
    /// When it was given up.
    #[serde(with = "time::serde::rfc3339")]
    pub died_at: OffsetDateTime,
    /// Until when it is kept.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl DeadLetter {
    pub(super) fn new(
        destination: &str,
        event: &Event,
        queued_at: OffsetDateTime,
        died_at: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Self {
        Self {
            destination: destination.to_owned(),
            event: event.clone(),
            attempts: 0,
            reason: String::new(),
            queued_at,
            died_at,
            expires_at,
        }
    }

    pub(super) fn because(mut self, attempts: u32, error: &PortError) -> Self {
        self.attempts = attempts;
        self.reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        self
    }

    fn key_of(destination: &str, event: EventId) -> String {
        format!("{destination}/{event}")
    }
}

const DESTINATION: IndexDeclaration = IndexDeclaration::many("destination");

impl StoredRecord for DeadLetter {
    const KIND: RecordKind = RecordKind::new("core.dead_letter", &[DESTINATION]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.destination, self.event.id)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(DESTINATION, &self.destination)]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// What became of a request to drive a dead letter again, or to throw it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redrive {
    /// It is done.
    Done,
    /// There is no such dead letter, or not any more.
    Missing,
}

/// The dead letters of a tenant.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    ports: Ports,
}

impl DeadLetters {
    /// The dead letters of a tenant.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Lists dead letters: all, or those of one destination.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn list(
        &self,
        destination: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<DeadLetter>, PortError> {
        let store = self.ports.store();
        let found = match destination {
            None => store.records(DeadLetter::KIND, page).await?,
            Some(name) => store.records_by(DeadLetter::KIND, DESTINATION.name(), name, page).await?,
        };
        let letters = found.items.iter().map(|it| it.value.decode()).collect::<Result<_, _>>()?;
        Ok(Page::new(letters, found.next))
    }

    /// Queues a dead letter again, behind what waits for its destination now, with a new schedule.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when others are faster each time.
    pub async fn redrive(
        &self,
        actor: &Actor,
        destination: &str,
        event: EventId,
    ) -> Result<Redrive, PortError> {
        let Some((letter, batch)) = self.remove(actor, destination, event, DELIVERY_REDRIVEN).await? else {
            return Ok(Redrive::Missing);
        };
        let payload = OutboxPayload::Event(letter.event);
        let lane = Lane::key_of(destination, &payload);
        // A new id for the queue, which would know the old one as queued before. The event keeps its own.
        let id = EventId::generate(self.ports.clock(), self.ports.entropy())?;
        let append = Append { destination: destination.to_owned(), items: vec![(id, payload)] };
        if enqueue(&self.ports, &Plan::from([(lane, append)]), batch).await? {
            return Ok(Redrive::Done);
        }
        match load::<DeadLetter>(self.ports.store(), &DeadLetter::key_of(destination, event)).await? {
            None => Ok(Redrive::Missing),
            Some(_) => Err(PortError::transient("a lane kept changing")),
        }
    }

    /// Throws a dead letter away.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn discard(
        &self,
        actor: &Actor,
        destination: &str,
        event: EventId,
    ) -> Result<Redrive, PortError> {
        let Some((_, batch)) = self.remove(actor, destination, event, DELIVERY_DISCARDED).await? else {
            return Ok(Redrive::Missing);
        };
        let applied = self.ports.store().commit(batch).await?.is_applied();
        Ok(if applied { Redrive::Done } else { Redrive::Missing })
    }

    async fn remove(
        &self,
        actor: &Actor,
        destination: &str,
        event: EventId,
        what: EventType,
    ) -> Result<Option<(DeadLetter, Batch)>, PortError> {
        let key = DeadLetter::key_of(destination, event);
        let Some(found) = load::<DeadLetter>(self.ports.store(), &key).await? else { return Ok(None) };
        let told = Event::new(&self.ports, what, format!("destination:{destination}"))?
            .with("event", event.to_string())
            .by(actor);
        let batch = Batch::new()
            .require_version(EntityRef::record::<DeadLetter>(key.clone()), found.version)
            .write(Write::DeleteRecord(DeadLetter::KIND, key))
            .event(told);
        Ok(Some((found.value, batch)))
    }
}
