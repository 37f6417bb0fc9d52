//! Which records belong to people.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::export::moment;
use super::inactivity::InactivityRecord;
use crate::account::federated::FederatedIdentity;
use crate::account::identifiers::{IdentifierRevert, UsernameClaim};
use crate::account::{ErasureDue, StatusDue};
use crate::consent::{Consent, ConsentEntry};
use crate::error::PortError;
use crate::journey::AccountInvitation;
use crate::migration::ExternalAccount;
use crate::session::{RememberedDevice, Roster};
use crate::store::{Record, RecordKind, StoredRecord};
use crate::terms::TermsAcceptance;

/// A kind of record that belongs to accounts: it has an index [`OWNER_INDEX`](crate::store::OWNER_INDEX).
#[derive(Clone, Copy, Debug)]
pub struct PersonalKind {
    kind: RecordKind,
    export: fn(&Record) -> Result<Option<Value>, PortError>,
    last_use: Option<LastUse>,
}

/// What a record says of when its person was last there; the time is the one at which it is asked.
type LastUse = fn(&Record, OffsetDateTime) -> Result<Option<OffsetDateTime>, PortError>;

impl PersonalKind {
    /// A kind of whose records everything is told.
    #[must_use]
    pub const fn whole(kind: RecordKind) -> Self {
        Self { kind, export: whole, last_use: None }
    }

    /// A kind of whose records a function says what is told; `None` for nothing.
    #[must_use]
    pub const fn told_by(kind: RecordKind, export: fn(&Record) -> Result<Option<Value>, PortError>) -> Self {
        Self { kind, export, last_use: None }
    }

    /// A kind that says nothing about the person which is not told elsewhere, such as a reminder of a date.
    #[must_use]
    pub const fn silent(kind: RecordKind) -> Self {
        Self { kind, export: |_| Ok(None), last_use: None }
    }

    /// Says that records of this kind tell when their person was last there: [`Retention`](super::Retention) closes no account
    /// of which one does. The function gets the time at which it is asked, for what is in use all along.
    #[must_use]
    pub const fn with_last_use(mut self, last_use: LastUse) -> Self {
        self.last_use = Some(last_use);
        self
    }

    /// Whether its records tell when their person was last there.
    #[must_use]
    pub const fn tells_last_use(&self) -> bool {
        self.last_use.is_some()
    }

    /// When a record says that its person was last there.
    ///
    /// # Errors
    ///
    /// Fails when the record is damaged.
    pub fn last_use(
        &self,
        record: &Record,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, PortError> {
        match self.last_use {
            Some(last_use) if record.body != "null" => last_use(record, now),
            _ => Ok(None),
        }
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
        // Of an account whose key is gone nothing can be told.
        if record.body == "null" { Ok(None) } else { (self.export)(record) }
    }
}

fn whole(record: &Record) -> Result<Option<Value>, PortError> {
    let value = serde_json::from_str(&record.body);
    value.map(Some).map_err(|_| PortError::permanent("a record's body is not JSON"))
}

/// What is known of a browser; nothing of its secrets.
fn device(record: &Record) -> Result<Option<Value>, PortError> {
    let device: RememberedDevice = record.decode()?;
    Ok(Some(json!({
        "id": device.id, "user_agent": device.user_agent, "place": device.place,
        "trusted_until": device.trusted_until.map(moment), "created_at": moment(device.created_at),
        "last_seen_at": moment(device.last_seen_at), "expires_at": moment(device.expires_at),
    })))
}

fn device_use(record: &Record, _now: OffsetDateTime) -> Result<Option<OffsetDateTime>, PortError> {
    Ok(Some(record.decode::<RememberedDevice>()?.last_seen_at))
}

/// Where an account came from, and what it was called there.
fn external(record: &Record) -> Result<Option<Value>, PortError> {
    let external: ExternalAccount = record.decode()?;
    Ok(Some(json!({
        "source": external.source, "external_id": external.external_id,
        "imported_at": moment(external.imported_at),
    })))
}

/// That somebody was invited; nothing of the link.
fn invitation(record: &Record) -> Result<Option<Value>, PortError> {
    let invitation: AccountInvitation = record.decode()?;
    Ok(Some(json!({
        "created_at": moment(invitation.created_at), "expires_at": moment(invitation.expires_at),
    })))
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
            PersonalKind::told_by(RememberedDevice::KIND, device).with_last_use(device_use),
            PersonalKind::told_by(ExternalAccount::KIND, external),
            PersonalKind::told_by(AccountInvitation::KIND, invitation),
            PersonalKind::silent(Roster::KIND),
            PersonalKind::silent(InactivityRecord::KIND),
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
