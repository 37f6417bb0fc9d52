//! Applying a batch to the tables, or leaving them as they were.

use time::OffsetDateTime;

use super::tables::{Row, Tables};
use crate::account::Account;
use crate::credential::Credential;
use crate::error::PortError;
use crate::store::{
    Batch, Commit, Conflict, EntityRef, OutboxPayload, Precondition, Record, Version, Versioned, Write,
};

/// Checks and applies a batch whole, or changes nothing.
pub(crate) fn apply(tables: &mut Tables, batch: &Batch, now: OffsetDateTime) -> Result<Commit, PortError> {
    apply_by(&mut Sound, tables, batch, now)
}

/// What is decided at each step of a batch. The faulty stores of the test-kit decide one step wrongly each.
pub(crate) trait Rules {
    /// Whether a precondition holds, before anything is written.
    fn holds(
        &mut self,
        tables: &Tables,
        _batch: &Batch,
        precondition: &Precondition,
        now: OffsetDateTime,
    ) -> bool {
        holds(tables, precondition, now)
    }

    /// Whether the write at this position can be applied to the tables as the writes before it left them.
    fn check(
        &mut self,
        tables: &Tables,
        _batch: &Batch,
        _position: usize,
        write: &Write,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        check(tables, write, now)
    }

    /// The row that a write leaves.
    fn row(&mut self, tables: &Tables, write: &Write, now: OffsetDateTime) -> Row {
        row(tables, write, now)
    }

    /// Leaves the tables as they were before the writes whose rows are to be put back, newest first.
    fn roll_back(&mut self, tables: &mut Tables, undo: Vec<Row>) {
        for row in undo {
            tables.replace(row);
        }
    }
}

/// The rules of a store that keeps its contract.
struct Sound;

impl Rules for Sound {}

/// Checks and applies a batch by these rules.
pub(crate) fn apply_by(
    rules: &mut impl Rules,
    tables: &mut Tables,
    batch: &Batch,
    now: OffsetDateTime,
) -> Result<Commit, PortError> {
    batch.check_size()?;
    for (position, precondition) in batch.preconditions().iter().enumerate() {
        if !rules.holds(tables, batch, precondition, now) {
            return Ok(Commit::Conflict(Conflict::Precondition(position)));
        }
    }
    let mut undo: Vec<Row> = Vec::with_capacity(batch.writes().len());
    for (position, write) in batch.writes().iter().enumerate() {
        if let Err(refusal) = rules.check(tables, batch, position, write, now) {
            undo.reverse();
            rules.roll_back(tables, undo);
            return match refusal {
                Refusal::Taken => Ok(Commit::Conflict(Conflict::Unique(position))),
                Refusal::Invalid(error) => Err(error),
            };
        }
        let row = rules.row(tables, write, now);
        undo.push(tables.replace(row));
    }
    publish(tables, batch);
    Ok(Commit::Applied)
}

/// Why a write cannot be applied.
pub(crate) enum Refusal {
    /// It would give a second owner to something unique.
    Taken,
    /// It is not a write that a store can keep.
    Invalid(PortError),
}

/// Whether a precondition holds.
pub(crate) fn holds(tables: &Tables, precondition: &Precondition, now: OffsetDateTime) -> bool {
    match precondition {
        Precondition::Absent(entity) => tables.version(entity, now).is_none(),
        Precondition::VersionIs(entity, version) => tables.version(entity, now) == Some(*version),
        Precondition::CounterBelow(entity, value) => {
            tables.counter(entity, now).is_some_and(|stored| stored < *value)
        }
    }
}

/// Whether a write can be applied to the tables as they are.
pub(crate) fn check(tables: &Tables, write: &Write, now: OffsetDateTime) -> Result<(), Refusal> {
    match write {
        Write::PutAccount(account) => check_account(tables, account),
        Write::PutCredential(credential) => check_credential(tables, credential),
        Write::PutOrganization(organization) => match tables.slugs.get(&organization.slug) {
            Some(owner) if *owner != organization.id => Err(Refusal::Taken),
            _ => Ok(()),
        },
        Write::PutRecord(record) => check_record(tables, record, now),
        Write::PutMembership(_)
        | Write::PutSession(_)
        | Write::DeleteCredential(_)
        | Write::DeleteMembership(..)
        | Write::DeleteSession(_)
        | Write::DeleteRecord(..) => Ok(()),
    }
}

/// The row that a write leaves.
pub(crate) fn row(tables: &Tables, write: &Write, now: OffsetDateTime) -> Row {
    let next = |entity: EntityRef| tables.version(&entity, now).map_or(Version::FIRST, Version::next);
    match write {
        Write::PutAccount(account) => {
            let version = next(EntityRef::Account(account.id));
            Row::Account(account.id, Some(Versioned::new(account.clone(), version)))
        }
        Write::PutCredential(credential) => {
            let version = next(EntityRef::Credential(credential.id));
            Row::Credential(credential.id, Some(Versioned::new(credential.clone(), version)))
        }
        Write::DeleteCredential(id) => Row::Credential(*id, None),
        Write::PutOrganization(organization) => {
            let version = next(EntityRef::Organization(organization.id));
            Row::Organization(organization.id, Some(Versioned::new(organization.clone(), version)))
        }
        Write::PutMembership(membership) => {
            let (organization, account) = (membership.organization, membership.account);
            let version = next(EntityRef::Membership(organization, account));
            Row::Membership(organization, account, Some(Versioned::new(membership.clone(), version)))
        }
        Write::DeleteMembership(organization, account) => Row::Membership(*organization, *account, None),
        Write::PutSession(session) => {
            let version = next(EntityRef::Session(session.id));
            Row::Session(session.id, Some(Versioned::new(session.clone(), version)))
        }
        Write::DeleteSession(id) => Row::Session(*id, None),
        Write::PutRecord(record) => {
            let version = next(EntityRef::Record(record.kind, record.key.clone()));
            let key = (record.kind.name(), record.key.clone());
            Row::Record(key, Some(Versioned::new(record.clone(), version)))
        }
        Write::DeleteRecord(kind, key) => Row::Record((kind.name(), key.clone()), None),
    }
}

/// Puts the events and messages of a batch into the outbox.
pub(crate) fn publish(tables: &mut Tables, batch: &Batch) {
    for event in batch.events() {
        tables.outbox.push(event.id, Some(event.subject.clone()), OutboxPayload::Event(event.clone()));
    }
    for message in batch.messages() {
        tables.outbox.push(message.id, None, OutboxPayload::Message(message.clone()));
    }
}

fn check_account(tables: &Tables, account: &Account) -> Result<(), Refusal> {
    let mut keys: Vec<_> = account.identifiers.iter().map(|identifier| &identifier.key).collect();
    let foreign = |key| tables.identifiers.get(key).is_some_and(|owner| *owner != account.id);
    if keys.iter().any(|key| foreign(*key)) {
        return Err(Refusal::Taken);
    }
    keys.sort_unstable();
    keys.dedup();
    if keys.len() == account.identifiers.len() { Ok(()) } else { Err(Refusal::Taken) }
}

fn check_credential(tables: &Tables, credential: &Credential) -> Result<(), Refusal> {
    let known = tables.credentials_of.get(&credential.account);
    if known
        .is_some_and(|known| known.len() >= Credential::MAX_PER_ACCOUNT && !known.contains(&credential.id))
    {
        return Err(Refusal::Invalid(PortError::permanent("the account has too many credentials")));
    }
    Ok(())
}

fn check_record(tables: &Tables, record: &Record, now: OffsetDateTime) -> Result<(), Refusal> {
    /// A key is at most this long, in bytes.
    const MAX_KEY: usize = 512;

    if record.key.is_empty() || record.key.len() > MAX_KEY {
        return Err(Refusal::Invalid(PortError::permanent("a record key has 1 to 512 bytes")));
    }
    let kind = record.kind.name();
    for value in &record.indexes {
        if record.kind.index(value.index.name()) != Some(&value.index) {
            return Err(Refusal::Invalid(PortError::permanent(
                "a record has a value in an undeclared index",
            )));
        }
        if value.index.is_unique() {
            let owners = tables.keys_by(kind, value.index.name(), &value.value);
            let mut others = owners.into_iter().flatten().filter(|owner| **owner != record.key);
            if others.any(|owner| tables.record(kind, owner, now).is_some()) {
                return Err(Refusal::Taken);
            }
        }
    }
    Ok(())
}
