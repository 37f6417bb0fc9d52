//! A change as data.

use serde::{Deserialize, Serialize};

use super::record::{Record, RecordError, RecordKind, StoredRecord, Version};
use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::error::PortError;
use crate::event::Event;
use crate::id::{AccountId, CredentialId, EventId, OrganizationId, SessionId};
use crate::notify::SealedMessage;
use crate::organization::{Membership, Organization};
use crate::session::Session;

/// A change: what must hold, what to write, and what to tell the world about it.
///
/// ```
/// use ciam_core::store::{Batch, EntityRef, Record, RecordKind, Write};
///
/// const NOTE: RecordKind = RecordKind::new("app.note", &[]);
/// let batch = Batch::new()
///     .require_absent(EntityRef::Record(NOTE, "1".to_owned()))
///     .write(Write::PutRecord(Record::new(NOTE, "1", 1, r#"{"text":"hello"}"#)));
/// assert_eq!(batch.writes().len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    require: Vec<Precondition>,
    writes: Vec<Write>,
    events: Vec<Event>,
    messages: Vec<SealedMessage>,
}

impl Batch {
    /// At most this many writes in one batch.
    pub const MAX_WRITES: usize = 64;
    /// At most this many preconditions in one batch.
    pub const MAX_PRECONDITIONS: usize = 64;

    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a precondition. Conflicts name it by its position, counted from 0.
    pub fn require(mut self, precondition: Precondition) -> Self {
        self.require.push(precondition);
        self
    }

    /// Requires that an entity does not exist.
    pub fn require_absent(self, entity: EntityRef) -> Self {
        self.require(Precondition::Absent(entity))
    }

    /// Requires that an entity is still at the version that was read.
    pub fn require_version(self, entity: EntityRef, version: Version) -> Self {
        self.require(Precondition::VersionIs(entity, version))
    }

    /// Adds a write. Writes are applied in order.
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds the write of a typed record.
    ///
    /// # Errors
    ///
    /// Fails when the record cannot be encoded.
    pub fn put<T: StoredRecord>(self, value: &T) -> Result<Self, RecordError> {
        let record = Record::encode(value)?;
        Ok(self.write(Write::PutRecord(record)))
    }

    /// Adds an event, to be delivered when the batch is applied.
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// Adds a message to a person, to be sent when the batch is applied.
    pub fn message(mut self, message: SealedMessage) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds everything of another batch behind this one's.
    pub fn append(mut self, other: Self) -> Self {
        self.require.extend(other.require);
        self.writes.extend(other.writes);
        self.events.extend(other.events);
        self.messages.extend(other.messages);
        self
    }

    /// Takes the batch apart.
    pub(crate) fn into_parts(self) -> (Vec<Precondition>, Vec<Write>, Vec<Event>, Vec<SealedMessage>) {
        (self.require, self.writes, self.events, self.messages)
    }

    /// Puts a batch together.
    pub(crate) const fn from_parts(
        require: Vec<Precondition>,
        writes: Vec<Write>,
        events: Vec<Event>,
        messages: Vec<SealedMessage>,
    ) -> Self {
        Self { require, writes, events, messages }
    }

    /// The preconditions, in order.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.require
    }

    /// The writes, in order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The messages, in order.
    #[must_use]
    pub fn messages(&self) -> &[SealedMessage] {
        &self.messages
    }

    /// Checks the size limits; an adapter calls it before it begins.
    ///
    /// # Errors
    ///
    /// Fails when the batch has too many writes or preconditions.
    pub fn check_size(&self) -> Result<(), BatchTooLarge> {
        if self.writes.len() > Self::MAX_WRITES || self.require.len() > Self::MAX_PRECONDITIONS {
            return Err(BatchTooLarge { writes: self.writes.len(), preconditions: self.require.len() });
        }
        Ok(())
    }
}

/// The batch is over [`Batch::MAX_WRITES`] or [`Batch::MAX_PRECONDITIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch of {writes} writes and {preconditions} preconditions is too large")]
#[non_exhaustive]
pub struct BatchTooLarge {
    /// How many writes it has.
    pub writes: usize,
    /// How many preconditions it has.
    pub preconditions: usize,
}

impl From<BatchTooLarge> for PortError {
    fn from(error: BatchTooLarge) -> Self {
        Self::permanent(error)
    }
}

/// Something that a precondition or a deletion speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntityRef {
    /// An account.
    Account(AccountId),
    /// An identifier of any account. Its version is its account's.
    Identifier(IdentifierKey),
    /// A credential.
    Credential(CredentialId),
    /// An organization.
    Organization(OrganizationId),
    /// A membership.
    Membership(OrganizationId, AccountId),
    /// A session.
    Session(SessionId),
    /// A record of a kind, by key.
    Record(RecordKind, String),
}

impl EntityRef {
    /// The reference to a typed record.
    #[must_use]
    pub fn record<T: StoredRecord>(key: impl Into<String>) -> Self {
        Self::Record(T::KIND, key.into())
    }
}

/// What must hold for a batch to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precondition {
    /// The entity does not exist, or has expired.
    Absent(EntityRef),
    /// The entity exists at exactly this version.
    VersionIs(EntityRef, Version),
    /// The record or credential exists and its counter is below this number (a TOTP step, a signature counter).
    CounterBelow(EntityRef, i64),
}

/// One write of a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Write {
    /// Inserts or replaces an account with its whole set of identifiers.
    PutAccount(Account),
    /// Inserts or replaces a credential.
    PutCredential(Credential),
    /// Deletes a credential; absent is fine.
    DeleteCredential(CredentialId),
    /// Inserts or replaces an organization.
    PutOrganization(Organization),
    /// Inserts or replaces a membership.
    PutMembership(Membership),
    /// Deletes a membership; absent is fine.
    DeleteMembership(OrganizationId, AccountId),
    /// Inserts or replaces a session.
    PutSession(Session),
    /// Deletes a session; absent is fine.
    DeleteSession(SessionId),
    /// Inserts or replaces a record with its whole set of index values.
    PutRecord(Record),
    /// Deletes a record; absent is fine.
    DeleteRecord(RecordKind, String),
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a lost race is a value: decide what it means"]
#[expect(clippy::exhaustive_enums, reason = "a batch is applied or it is not")]
pub enum Commit {
    /// All of it was applied.
    Applied,
    /// Nothing was applied.
    Conflict(Conflict),
}

impl Commit {
    /// Whether the batch was applied.
    #[must_use]
    pub const fn is_applied(self) -> bool {
        matches!(self, Self::Applied)
    }
}

/// Why a batch was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// The precondition at this position does not hold; the first one that does not.
    Precondition(usize),
    /// The write at this position would give a second owner to an identifier, a slug or a unique index value.
    Unique(usize),
}

/// An undelivered event or message, as the relay claims it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboxItem {
    /// The idempotency key.
    pub id: EventId,
    /// How often it has been claimed, this time included.
    pub attempts: u32,
    /// What to deliver.
    pub payload: OutboxPayload,
}

impl OutboxItem {
    /// An item.
    #[must_use]
    pub const fn new(id: EventId, attempts: u32, payload: OutboxPayload) -> Self {
        Self { id, attempts, payload }
    }
}

/// What the outbox delivers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutboxPayload {
    /// An event, to the host's subscribers.
    Event(Event),
    /// A message, to a person through the notifier.
    Message(SealedMessage),
}
