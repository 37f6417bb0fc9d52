//! Wrong decisions within a batch.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::fault::{Aspect, Fault, Kind, target};
use super::{Broken, Past};
use crate::account::{Account, IdentifierKey, IdentifierKind};
use crate::error::PortError;
use crate::id::{AccountId, OrganizationId};
use crate::memory::apply::{self, Refusal, Rules};
use crate::memory::tables::{Row, Tables, is_live};
use crate::organization::{Organization, Slug};
use crate::store::{Batch, EntityRef, Precondition, Record, Version, Versioned, Write};

/// The rules of a broken store, for one batch.
pub(super) struct Wrong<'s> {
    fault: Option<Fault>,
    /// What was checked before the transaction and is not checked again.
    checked: Option<Aspect>,
    others: Vec<&'s Tables>,
    past: &'s Past,
    identifiers_before: BTreeMap<IdentifierKey, AccountId>,
    slugs_before: Vec<Slug>,
    touched: Vec<EntityRef>,
}

impl<'s> Wrong<'s> {
    pub(super) fn new(
        store: &Broken,
        own: &Tables,
        others: Vec<&'s Tables>,
        past: &'s Past,
        checked: Option<Aspect>,
    ) -> Self {
        Self {
            fault: store.world.fault,
            checked,
            others,
            past,
            identifiers_before: own.identifiers.clone(),
            slugs_before: own.slugs.keys().cloned().collect(),
            touched: Vec::new(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn check_account(
        &self,
        tables: &Tables,
        batch: &Batch,
        position: usize,
        account: &Account,
    ) -> Result<(), Refusal> {
        let owner_of =
            |key: &IdentifierKey| tables.identifiers.get(key).filter(|owner| **owner != account.id);
        let taken: Vec<(&IdentifierKey, &AccountId)> = account
            .identifiers
            .iter()
            .filter_map(|identifier| Some((&identifier.key, owner_of(&identifier.key)?)))
            .collect();
        let is_verified = |key: &IdentifierKey, owner: &AccountId| {
            let owner = tables.accounts.get(owner);
            owner.and_then(|owner| owner.value.identifier_with(key)).is_some_and(|known| known.is_verified())
        };
        let conflict = match self.fault {
            Some(Fault::UnverifiedIsFree) => taken.iter().any(|(key, owner)| is_verified(key, owner)),
            Some(Fault::ChecksNewAccountsOnly) => {
                !taken.is_empty() && !tables.accounts.contains_key(&account.id)
            }
            Some(Fault::IdentifierInBatchIsFree) => {
                taken.iter().any(|(key, owner)| self.identifiers_before.get(key) == Some(owner))
            }
            Some(Fault::ChecksBeforeTheBatch) => account.identifiers.iter().any(|identifier| {
                let before = self.identifiers_before.get(&identifier.key);
                before.is_some_and(|owner| *owner != account.id) || owner_of(&identifier.key).is_some()
            }),
            Some(Fault::ChecksAfterTheBatch) => taken.iter().any(|(key, owner)| {
                !batch.writes().iter().skip(position).any(|later| {
                    matches!(later, Write::PutAccount(later)
                        if later.id == **owner && later.identifier_with(key).is_none())
                })
            }),
            Some(Fault::NeverFreesIdentifiers) => {
                account.identifiers.iter().any(|identifier| {
                    self.past.identifiers.get(&identifier.key).is_some_and(|owner| *owner != account.id)
                }) || !taken.is_empty()
            }
            Some(Fault::IdentifierCrosses) => {
                !taken.is_empty()
                    || self.others.iter().any(|other| {
                        account.identifiers.iter().any(|identifier| {
                            // As if user names were shared by all.
                            identifier.key.kind() == IdentifierKind::Username
                                && other
                                    .identifiers
                                    .get(&identifier.key)
                                    .is_some_and(|owner| *owner != account.id)
                        })
                    })
            }
            _ => self.checked != Some(Aspect::Identifier) && !taken.is_empty(),
        };
        if conflict { Err(Refusal::Taken) } else { Ok(()) }
    }

    fn check_slug(&self, tables: &Tables, organization: &Organization) -> Result<(), Refusal> {
        let is_other = |owner: &OrganizationId| *owner != organization.id;
        let taken = tables.slugs.get(&organization.slug).is_some_and(is_other);
        let conflict = match self.fault {
            Some(Fault::SlugInBatchIsFree) => taken && self.slugs_before.contains(&organization.slug),
            Some(Fault::NeverFreesSlugs) => {
                taken || self.past.slugs.get(&organization.slug).is_some_and(is_other)
            }
            Some(Fault::SlugCrosses) => {
                taken
                    || self
                        .others
                        .iter()
                        .any(|other| other.slugs.get(&organization.slug).is_some_and(is_other))
            }
            _ => taken && self.checked != Some(Aspect::Slug),
        };
        if conflict { Err(Refusal::Taken) } else { Ok(()) }
    }

    fn check_record(&self, tables: &Tables, record: &Record, now: OffsetDateTime) -> Result<(), Refusal> {
        let kind = record.kind.name();
        let unique: Vec<&str> = record
            .indexes
            .iter()
            .filter(|value| value.index.is_unique())
            .map(|value| value.value.as_str())
            .collect();
        let holds_one_of = |found: &Versioned<Record>| {
            found
                .value
                .indexes
                .iter()
                .any(|held| held.index.is_unique() && unique.contains(&held.value.as_str()))
        };
        let sound = apply::check(tables, &Write::PutRecord(record.clone()), now);
        match self.fault {
            Some(Fault::IndexInBatchIsFree) if sound.is_err() => {
                let in_batch = |key: &str| {
                    self.touched
                        .iter()
                        .any(|entity| matches!(entity, EntityRef::Record(_, known) if known == key))
                };
                let before = tables
                    .of_kind(kind)
                    .any(|(key, found)| *key != record.key && !in_batch(key) && holds_one_of(found));
                if before { sound } else { Ok(()) }
            }
            Some(Fault::ChecksNewRecordsOnly) if tables.record(kind, &record.key, now).is_some() => Ok(()),
            Some(Fault::NeverFreesRewritten | Fault::NeverFreesDeleted) => {
                sound?;
                self.check_former_owners(tables, record, now)
            }
            Some(Fault::ExpiredOwnerBlocks | Fault::IndexesShareValues | Fault::KindsShareValues) => {
                sound?;
                self.check_other_owners(tables, record, now)
            }
            Some(Fault::IndexCrosses) => {
                sound?;
                let shares = |found: &Versioned<Record>| {
                    is_live(&found.value, now)
                        && found
                            .value
                            .indexes
                            .iter()
                            .any(|held| held.index.is_unique() && record.indexes.contains(held))
                };
                let taken = self
                    .others
                    .iter()
                    .any(|other| other.of_kind(kind).any(|(key, found)| *key != record.key && shares(found)));
                if taken { Err(Refusal::Taken) } else { Ok(()) }
            }
            _ if self.checked == Some(Aspect::Index) => Ok(()),
            _ => sound,
        }
    }

    /// As if a value stayed with every record that ever had it.
    fn check_former_owners(
        &self,
        tables: &Tables,
        record: &Record,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let kind = record.kind.name();
        for value in record.indexes.iter().filter(|value| value.index.is_unique()) {
            let owners = self.past.index_values.get(&(kind, value.index.name(), value.value.clone()));
            for owner in owners.into_iter().flatten().filter(|owner| **owner != record.key) {
                let lives = tables.record(kind, owner, now).is_some();
                let deleted = self
                    .past
                    .deleted
                    .keys()
                    .any(|entity| matches!(entity, EntityRef::Record(of, key) if of.name() == kind && key == owner));
                if lives && self.has(Fault::NeverFreesRewritten)
                    || deleted && self.has(Fault::NeverFreesDeleted)
                {
                    return Err(Refusal::Taken);
                }
            }
        }
        Ok(())
    }

    /// As if a value stayed with an expired record, or counted in every index or kind.
    fn check_other_owners(
        &self,
        tables: &Tables,
        record: &Record,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let any_index = self.has(Fault::IndexesShareValues);
        let any_kind = self.has(Fault::KindsShareValues);
        let any_time = self.has(Fault::ExpiredOwnerBlocks);
        let taken = tables.records.values().flatten().any(|(key, found)| {
            let is_of_kind = found.value.kind.name() == record.kind.name();
            let other = !is_of_kind || *key != record.key;
            let same_kind = any_kind || is_of_kind;
            let counts = any_time || is_live(&found.value, now);
            let shares = found.value.indexes.iter().any(|held| {
                record.indexes.iter().any(|wanted| {
                    held.index.is_unique()
                        && wanted.index.is_unique()
                        && held.value == wanted.value
                        && (any_index || held.index.name() == wanted.index.name())
                })
            });
            other && same_kind && counts && shares
        });
        if taken { Err(Refusal::Taken) } else { Ok(()) }
    }
}

impl Rules for Wrong<'_> {
    fn holds(
        &mut self,
        tables: &Tables,
        batch: &Batch,
        precondition: &Precondition,
        now: OffsetDateTime,
    ) -> bool {
        let sound = apply::holds(tables, precondition, now);
        match precondition {
            Precondition::Absent(entity) => match self.fault {
                Some(Fault::IgnoresAbsent(kind)) if kind == Kind::of(entity) => true,
                Some(Fault::ExpiredIsPresent(kind)) if kind == Kind::of(entity) => {
                    raw_version(tables, entity).is_none()
                }
                _ => sound || self.was_checked(batch, entity, Aspect::Absent, Aspect::AbsenceOfAnother),
            },
            Precondition::VersionIs(entity, version) => {
                let found = tables.version(entity, now);
                match self.fault {
                    Some(Fault::IgnoresNewerVersions(kind)) if kind == Kind::of(entity) => {
                        found.is_some_and(|found| found >= *version)
                    }
                    Some(Fault::AbsentIsVersionZero(kind))
                        if kind == Kind::of(entity) && version.get() == 0 =>
                    {
                        found.is_none()
                    }
                    Some(Fault::RequiresExpired(kind)) if kind == Kind::of(entity) => {
                        raw_version(tables, entity) == Some(*version)
                    }
                    Some(Fault::VersionCrosses(kind)) if kind == Kind::of(entity) && found.is_none() => {
                        self.others.iter().any(|other| other.version(entity, now) == Some(*version))
                    }
                    _ => sound || self.was_checked(batch, entity, Aspect::Version, Aspect::VersionOfAnother),
                }
            }
            Precondition::CounterBelow(entity, number) => {
                let found = tables.counter(entity, now);
                match self.fault {
                    Some(Fault::BelowOrEqual) => found.is_some_and(|found| found <= *number),
                    Some(Fault::EverythingHasACounter) => {
                        sound || (matches!(entity, EntityRef::Account(_)) && 0 < *number)
                    }
                    Some(Fault::CountsExpired) => {
                        raw_counter(tables, entity).is_some_and(|found| found < *number)
                    }
                    Some(Fault::CounterCrosses(kind)) if kind == Kind::of(entity) && found.is_none() => self
                        .others
                        .iter()
                        .any(|other| other.counter(entity, now).is_some_and(|found| found < *number)),
                    _ => sound || self.checked == Some(Aspect::Counter),
                }
            }
        }
    }

    fn check(
        &mut self,
        tables: &Tables,
        batch: &Batch,
        position: usize,
        write: &Write,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let (entity, deletes) = target(write);
        let checked = match write {
            Write::PutAccount(account) => self.check_account(tables, batch, position, account),
            Write::PutOrganization(organization) => self.check_slug(tables, organization),
            Write::PutRecord(record) => self.check_record(tables, record, now),
            _ => apply::check(tables, write, now),
        };
        let absent = tables.version(&entity, now).is_none();
        if deletes && absent && self.has(Fault::RefusesToDeleteAbsent(Kind::of(&entity))) {
            return Err(Refusal::Invalid(PortError::permanent("no such row")));
        }
        checked
    }

    fn row(&mut self, tables: &Tables, write: &Write, now: OffsetDateTime) -> Row {
        let (entity, _) = target(write);
        let known = tables.version(&entity, now);
        let again = self.touched.contains(&entity);
        self.touched.push(entity.clone());
        let version = match self.fault {
            Some(Fault::CountsByTwo(kind)) if kind == Kind::of(&entity) => {
                known.map(|known| Version::new(known.get() + 2))
            }
            Some(Fault::CountsBatches) if again => known,
            Some(Fault::ResumesAfterDeletion(kind)) if kind == Kind::of(&entity) && known.is_none() => {
                self.past.deleted.get(&entity).copied().map(Version::next)
            }
            Some(Fault::ResumesAfterExpiry(kind)) if kind == Kind::of(&entity) => {
                raw_version(tables, &entity).map(Version::next)
            }
            _ => None,
        };
        let row = apply::row(tables, write, now);
        match version {
            Some(version) => with_version(row, version),
            None => row,
        }
    }

    fn roll_back(&mut self, tables: &mut Tables, undo: Vec<Row>) {
        for row in undo {
            if !self.has(Fault::KeepsBeforeTaken(kind_of(&row))) {
                tables.replace(row);
            }
        }
    }
}

impl Wrong<'_> {
    /// Whether a precondition was checked before the transaction, and only then.
    fn was_checked(&self, batch: &Batch, entity: &EntityRef, of_written: Aspect, of_another: Aspect) -> bool {
        let written = batch.writes().iter().any(|write| target(write).0 == *entity);
        match self.checked {
            // The insert of a longer batch is where the others look again.
            Some(aspect) if aspect == of_written => written && batch.writes().len() == 1,
            Some(aspect) if aspect == of_another => !written,
            _ => false,
        }
    }
}

/// The version of what is in a row, expired or not.
fn raw_version(tables: &Tables, entity: &EntityRef) -> Option<Version> {
    tables.version(entity, OffsetDateTime::UNIX_EPOCH)
}

fn raw_counter(tables: &Tables, entity: &EntityRef) -> Option<i64> {
    tables.counter(entity, OffsetDateTime::UNIX_EPOCH)
}

pub(super) fn with_version(mut row: Row, version: Version) -> Row {
    let place = match &mut row {
        Row::Account(_, found) => found.as_mut().map(|found| &mut found.version),
        Row::Credential(_, found) => found.as_mut().map(|found| &mut found.version),
        Row::Organization(_, found) => found.as_mut().map(|found| &mut found.version),
        Row::Membership(_, _, found) => found.as_mut().map(|found| &mut found.version),
        Row::Session(_, found) => found.as_mut().map(|found| &mut found.version),
        Row::Record(_, found) => found.as_mut().map(|found| &mut found.version),
    };
    if let Some(place) = place {
        *place = version;
    }
    row
}

const fn kind_of(row: &Row) -> Kind {
    match row {
        Row::Account(..) => Kind::Account,
        Row::Credential(..) => Kind::Credential,
        Row::Organization(..) => Kind::Organization,
        Row::Membership(..) => Kind::Membership,
        Row::Session(..) => Kind::Session,
        Row::Record(..) => Kind::Record,
    }
}
