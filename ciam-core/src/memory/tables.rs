//! The tables of one tenant.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::outbox::Outbox;
use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::id::{AccountId, CredentialId, OrganizationId, SessionId};
use crate::organization::{Membership, Organization, Slug};
use crate::session::Session;
use crate::store::{EntityRef, Record, Version, Versioned};

/// Everything that one tenant has stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) accounts: BTreeMap<AccountId, Versioned<Account>>,
    pub(crate) identifiers: BTreeMap<IdentifierKey, AccountId>,
    pub(crate) credentials: BTreeMap<CredentialId, Versioned<Credential>>,
    pub(crate) credentials_of: BTreeMap<AccountId, BTreeSet<CredentialId>>,
    pub(crate) organizations: BTreeMap<OrganizationId, Versioned<Organization>>,
    pub(crate) slugs: BTreeMap<Slug, OrganizationId>,
    pub(crate) memberships: BTreeMap<(OrganizationId, AccountId), Versioned<Membership>>,
    pub(crate) members_of: BTreeMap<OrganizationId, BTreeSet<AccountId>>,
    pub(crate) memberships_of: BTreeMap<AccountId, BTreeSet<OrganizationId>>,
    pub(crate) sessions: BTreeMap<SessionId, Versioned<Session>>,
    pub(crate) sessions_of: BTreeMap<AccountId, BTreeSet<SessionId>>,
    /// By kind, then by key.
    pub(crate) records: BTreeMap<&'static str, BTreeMap<String, Versioned<Record>>>,
    /// The keys of records by kind and index, then by value.
    index: BTreeMap<(&'static str, &'static str), BTreeMap<String, BTreeSet<String>>>,
    pub(crate) outbox: Outbox,
}

/// One row and what is to be in it; `None` for nothing.
#[derive(Debug)]
pub(crate) enum Row {
    Account(AccountId, Option<Versioned<Account>>),
    Credential(CredentialId, Option<Versioned<Credential>>),
    Organization(OrganizationId, Option<Versioned<Organization>>),
    Membership(OrganizationId, AccountId, Option<Versioned<Membership>>),
    Session(SessionId, Option<Versioned<Session>>),
    Record(RecordKey, Option<Versioned<Record>>),
}

/// Kind and key.
pub(crate) type RecordKey = (&'static str, String);

impl Tables {
    /// The version of an entity, if it exists and has not expired.
    pub(crate) fn version(&self, entity: &EntityRef, now: OffsetDateTime) -> Option<Version> {
        match entity {
            EntityRef::Account(id) => self.accounts.get(id).map(|found| found.version),
            EntityRef::Identifier(key) => {
                let account = self.identifiers.get(key)?;
                self.accounts.get(account).map(|found| found.version)
            }
            EntityRef::Credential(id) => self.credentials.get(id).map(|found| found.version),
            EntityRef::Organization(id) => self.organizations.get(id).map(|found| found.version),
            EntityRef::Membership(organization, account) => {
                self.memberships.get(&(*organization, *account)).map(|found| found.version)
            }
            EntityRef::Session(id) => self.session(*id, now).map(|found| found.version),
            EntityRef::Record(kind, key) => self.record(kind.name(), key, now).map(|found| found.version),
        }
    }

    /// The counter of a record or credential, if it exists and has not expired.
    pub(crate) fn counter(&self, entity: &EntityRef, now: OffsetDateTime) -> Option<i64> {
        match entity {
            EntityRef::Credential(id) => self.credentials.get(id).map(|found| found.value.counter),
            EntityRef::Record(kind, key) => {
                self.record(kind.name(), key, now).map(|found| found.value.counter)
            }
            _ => None,
        }
    }

    /// Puts a row in place, keeps the look-up tables in step, and gives back the row that was there.
    pub(crate) fn replace(&mut self, row: Row) -> Row {
        match row {
            Row::Account(id, new) => Row::Account(id, self.replace_account(id, new)),
            Row::Credential(id, new) => Row::Credential(id, self.replace_credential(id, new)),
            Row::Organization(id, new) => Row::Organization(id, self.replace_organization(id, new)),
            Row::Membership(organization, account, new) => {
                Row::Membership(organization, account, self.replace_membership(organization, account, new))
            }
            Row::Session(id, new) => Row::Session(id, self.replace_session(id, new)),
            Row::Record(key, new) => {
                let old = self.replace_record(&key, new);
                Row::Record(key, old)
            }
        }
    }

    fn replace_account(
        &mut self,
        id: AccountId,
        new: Option<Versioned<Account>>,
    ) -> Option<Versioned<Account>> {
        let old = self.accounts.remove(&id);
        for identifier in old.iter().flat_map(|old| &old.value.identifiers) {
            self.identifiers.remove(&identifier.key);
        }
        if let Some(new) = new {
            for identifier in &new.value.identifiers {
                self.identifiers.insert(identifier.key.clone(), id);
            }
            self.accounts.insert(id, new);
        }
        old
    }

    fn replace_credential(
        &mut self,
        id: CredentialId,
        new: Option<Versioned<Credential>>,
    ) -> Option<Versioned<Credential>> {
        let old = self.credentials.remove(&id);
        if let Some(old) = &old {
            remove_from(&mut self.credentials_of, &old.value.account, &id);
        }
        if let Some(new) = new {
            self.credentials_of.entry(new.value.account).or_default().insert(id);
            self.credentials.insert(id, new);
        }
        old
    }

    fn replace_organization(
        &mut self,
        id: OrganizationId,
        new: Option<Versioned<Organization>>,
    ) -> Option<Versioned<Organization>> {
        let old = self.organizations.remove(&id);
        if let Some(old) = &old {
            self.slugs.remove(&old.value.slug);
        }
        if let Some(new) = new {
            self.slugs.insert(new.value.slug.clone(), id);
            self.organizations.insert(id, new);
        }
        old
    }

    fn replace_membership(
        &mut self,
        organization: OrganizationId,
        account: AccountId,
        new: Option<Versioned<Membership>>,
    ) -> Option<Versioned<Membership>> {
        let old = self.memberships.remove(&(organization, account));
        remove_from(&mut self.members_of, &organization, &account);
        remove_from(&mut self.memberships_of, &account, &organization);
        if let Some(new) = new {
            self.members_of.entry(organization).or_default().insert(account);
            self.memberships_of.entry(account).or_default().insert(organization);
            self.memberships.insert((organization, account), new);
        }
        old
    }

    fn replace_session(
        &mut self,
        id: SessionId,
        new: Option<Versioned<Session>>,
    ) -> Option<Versioned<Session>> {
        let old = self.sessions.remove(&id);
        if let Some(old) = &old {
            remove_from(&mut self.sessions_of, &old.value.account, &id);
        }
        if let Some(new) = new {
            self.sessions_of.entry(new.value.account).or_default().insert(id);
            self.sessions.insert(id, new);
        }
        old
    }

    fn replace_record(
        &mut self,
        key: &RecordKey,
        new: Option<Versioned<Record>>,
    ) -> Option<Versioned<Record>> {
        let (kind, key) = (key.0, &key.1);
        let old = self.records.get_mut(kind).and_then(|of_kind| of_kind.remove(key));
        for value in old.iter().flat_map(|old| &old.value.indexes) {
            if let Some(values) = self.index.get_mut(&(kind, value.index.name())) {
                remove_from(values, &value.value, key);
            }
        }
        if let Some(new) = new {
            for value in &new.value.indexes {
                let values = self.index.entry((kind, value.index.name())).or_default();
                values.entry(value.value.clone()).or_default().insert(key.clone());
            }
            self.records.entry(kind).or_default().insert(key.clone(), new);
        }
        old
    }

    pub(crate) fn session(&self, id: SessionId, now: OffsetDateTime) -> Option<&Versioned<Session>> {
        self.sessions.get(&id).filter(|found| found.value.expires_at > now)
    }

    pub(crate) fn record(
        &self,
        kind: &'static str,
        key: &str,
        now: OffsetDateTime,
    ) -> Option<&Versioned<Record>> {
        self.records.get(kind)?.get(key).filter(|found| is_live(&found.value, now))
    }

    /// The records of a kind by their keys, the expired ones too.
    #[cfg(feature = "testkit")]
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&String, &Versioned<Record>)> {
        self.records.get(kind).into_iter().flatten()
    }

    /// The keys of the records of a kind that have this value in an index.
    pub(crate) fn keys_by(
        &self,
        kind: &'static str,
        index: &'static str,
        value: &str,
    ) -> Option<&BTreeSet<String>> {
        self.index.get(&(kind, index))?.get(value)
    }

    /// Removes up to `limit` sessions and records that expired at or before `before`.
    pub(crate) fn prune(&mut self, before: OffsetDateTime, limit: u32) -> u32 {
        let sessions = self.sessions.iter().filter(|(_, found)| found.value.expires_at <= before);
        let sessions = sessions.map(|(id, _)| Row::Session(*id, None));
        let records = self.records.iter().flat_map(|(kind, of_kind)| {
            let expired = of_kind.iter().filter(|(_, found)| !is_live(&found.value, before));
            expired.map(|(key, _)| Row::Record((*kind, key.clone()), None))
        });
        let expired: Vec<Row> = sessions.chain(records).take(limit as usize).collect();
        let removed = u32::try_from(expired.len()).unwrap_or(u32::MAX);
        for row in expired {
            self.replace(row);
        }
        removed
    }
}

/// Whether a record has not expired.
pub(crate) fn is_live(record: &Record, now: OffsetDateTime) -> bool {
    record.expires_at.is_none_or(|expires_at| expires_at > now)
}

fn remove_from<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
