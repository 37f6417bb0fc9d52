//! Which records belong to people.

use serde_json::Value;

use crate::account::federated::FederatedIdentity;
use crate::account::identifiers::{IdentifierRevert, UsernameClaim};
use crate::account::{ErasureDue, StatusDue};
use crate::consent::{Consent, ConsentEntry};
use crate::error::PortError;
use crate::store::{Record, RecordKind, StoredRecord};
use crate::terms::TermsAcceptance;

/// A kind of record that belongs to accounts: it has an index [`OWNER_INDEX`](crate::store::OWNER_INDEX).
#[derive(Clone, Copy, Debug)]
pub struct PersonalKind {
    kind: RecordKind,
    export: fn(&Record) -> Result<Option<Value>, PortError>,
}

impl PersonalKind {
    /// A kind of whose records everything is told.
    #[must_use]
    pub const fn whole(kind: RecordKind) -> Self {
        Self { kind, export: whole }
    }

    /// A kind of whose records a function says what is told; `None` for nothing.
    #[must_use]
    pub const fn told_by(kind: RecordKind, export: fn(&Record) -> Result<Option<Value>, PortError>) -> Self {
        Self { kind, export }
    }

    /// A kind that says nothing about the person which is not told elsewhere, such as a reminder of a date.
    #[must_use]
    pub const fn silent(kind: RecordKind) -> Self {
        Self { kind, export: |_| Ok(None) }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// What an export says of a record.
    ///
    /// # Errors
    ///
    /// Fails when the record is damaged.
    pub fn export(&self, record: &Record) -> Result<Option<Value>, PortError> {
        (self.export)(record)
    }
}

fn whole(record: &Record) -> Result<Option<Value>, PortError> {
    let value = serde_json::from_str(&record.body);
    value.map(Some).map_err(|_| PortError::permanent("a record's body is not JSON"))
}

/// Every kind of record that belongs to accounts.
///
/// # Security
///
/// A kind that is not in here is in no export and survives an erasure; its records are unreadable then all the same, where a
/// [`SealingStore`](crate::sealing::SealingStore) stands in front.
#[derive(Clone, Debug)]
pub struct PersonalKinds(Vec<PersonalKind>);

impl PersonalKinds {
    /// Those of this crate.
    #[must_use]
    pub fn core() -> Self {
        Self(vec![
            PersonalKind::whole(Consent::KIND),
            PersonalKind::whole(ConsentEntry::KIND),
            PersonalKind::whole(TermsAcceptance::KIND),
            PersonalKind::whole(FederatedIdentity::KIND),
            PersonalKind::silent(IdentifierRevert::KIND),
            PersonalKind::silent(UsernameClaim::KIND),
            PersonalKind::silent(StatusDue::KIND),
            PersonalKind::silent(ErasureDue::KIND),
        ])
    }

    /// Adds kinds of another crate or of the host.
    #[must_use]
    pub fn with(mut self, kinds: impl IntoIterator<Item = PersonalKind>) -> Self {
        self.0.extend(kinds);
        self
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[PersonalKind] {
        &self.0
    }

    /// The kinds of records alone, as [`SealingStore::reseal`](crate::sealing::SealingStore::reseal) wants them.
    #[must_use]
    pub fn records(&self) -> Vec<RecordKind> {
        self.0.iter().map(PersonalKind::kind).collect()
    }
}
