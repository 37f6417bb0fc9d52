//! Applying a batch to the tables, or leaving them as they were.

use time::OffsetDateTime;

use super::tables::{Row, Tables};
use crate::credential::Credential;
use crate::error::PortError;
use crate::store::{
    Batch, Commit, Conflict, EntityRef, OutboxPayload, Precondition, Version, Versioned, Write,
};

/// Checks and applies a batch whole, or changes nothing.
pub(super) fn apply(tables: &mut Tables, batch: &Batch, now: OffsetDateTime) -> Result<Commit, PortError> {
    batch.check_size()?;
    for (position, precondition) in batch.preconditions().iter().enumerate() {
        if !holds(tables, precondition, now) {
            return Ok(Commit::Conflict(Conflict::Precondition(position)));
        }
    }
    let mut undo: Vec<Row> = Vec::with_capacity(batch.writes().len());
    for (position, write) in batch.writes().iter().enumerate() {
        let row = match check(tables, write, now) {
            Ok(Some(row)) => row,
            Ok(None) => {
                roll_back(tables, undo);
                return Ok(Commit::Conflict(Conflict::Unique(position)));
            }
            Err(error) => {
                roll_back(tables, undo);
                return Err(error);
            }
        };
        undo.push(tables.replace(row));
    }
    for event in batch.events() {
        tables.outbox.push(event.id, Some(event.subject.clone()), OutboxPayload::Event(event.clone()));
    }
    for message in batch.messages() {
        tables.outbox.push(message.id, None, OutboxPayload::Message(message.clone()));
    }
    Ok(Commit::Applied)
}

fn roll_back(tables: &mut Tables, undo: Vec<Row>) {
    for row in undo.into_iter().rev() {
        tables.replace(row);
    }
}

fn holds(tables: &Tables, precondition: &Precondition, now: OffsetDateTime) -> bool {
    match precondition {
        Precondition::Absent(entity) => tables.version(entity, now).is_none(),
        Precondition::VersionIs(entity, version) => tables.version(entity, now) == Some(*version),
        Precondition::CounterBelow(entity, value) => {
            tables.counter(entity, now).is_some_and(|stored| stored < *value)
        }
    }
}

/// The row that a write leaves; `None` when it would give a second owner to something unique.
fn check(tables: &mut Tables, write: &Write, now: OffsetDateTime) -> Result<Option<Row>, PortError> {
    let next = |entity: EntityRef| tables.version(&entity, now).map_or(Version::FIRST, Version::next);
    Ok(Some(match write {
        Write::PutAccount(account) => {
            let mut keys: Vec<_> = account.identifiers.iter().map(|identifier| &identifier.key).collect();
            let foreign = |key| tables.identifiers.get(key).is_some_and(|owner| *owner != account.id);
            if keys.iter().any(|key| foreign(*key)) {
                return Ok(None);
            }
            keys.sort_unstable();
            keys.dedup();
            if keys.len() != account.identifiers.len() {
                return Ok(None);
            }
            let version = next(EntityRef::Account(account.id));
            Row::Account(account.id, Some(Versioned::new(account.clone(), version)))
        }
        Write::PutCredential(credential) => {
            let known = tables.credentials_of.get(&credential.account);
            if known.is_some_and(|known| {
                known.len() >= Credential::MAX_PER_ACCOUNT && !known.contains(&credential.id)
            }) {
                return Err(PortError::permanent("the account has too many credentials"));
            }
            let version = next(EntityRef::Credential(credential.id));
            Row::Credential(credential.id, Some(Versioned::new(credential.clone(), version)))
        }
        Write::DeleteCredential(id) => Row::Credential(*id, None),
        Write::PutOrganization(organization) => {
            if tables.slugs.get(&organization.slug).is_some_and(|owner| *owner != organization.id) {
                return Ok(None);
            }
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
            let kind = record.kind.name();
            let version = next(EntityRef::Record(record.kind, record.key.clone()));
            for value in &record.indexes {
                if record.kind.index(value.index.name()) != Some(&value.index) {
                    return Err(PortError::permanent("a record has a value in an undeclared index"));
                }
                if value.index.is_unique() {
                    let owners = tables.index.get(&(kind, value.index.name(), value.value.clone()));
                    let mut others = owners.into_iter().flatten().filter(|owner| **owner != record.key);
                    if others.any(|owner| tables.record(kind, owner, now).is_some()) {
                        return Ok(None);
                    }
                }
            }
            Row::Record((kind, record.key.clone()), Some(Versioned::new(record.clone(), version)))
        }
        Write::DeleteRecord(kind, key) => Row::Record((kind.name(), key.clone()), None),
    }))
}
