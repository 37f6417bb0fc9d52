//! The account and its lifecycle.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::demand::AccountDemand;
use super::identifier::{Identifier, IdentifierKey, IdentifierKind};
use super::lifecycle::StatusCause;
use crate::id::AccountId;

/// A person's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// The internal id. What applications see as `sub` is derived from it, never equal to it unless configured so.
    pub id: AccountId,
    /// Where the account is in its life.
    ///
    /// A suspension that has run out is still written here: ask [`Account::standing`] or [`Account::may_sign_in`].
    pub status: AccountStatus,
    /// Who gave it this status, why and until when; `None` where nobody did anything out of the ordinary.
    #[serde(default)]
    pub status_cause: Option<StatusCause>,
    /// From when a deactivated account is to be erased; until then it may return.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub erase_after: Option<OffsetDateTime>,
    /// The identifiers, at most [`Account::MAX_IDENTIFIERS`]; the first of a kind is the primary one of that kind. Some may
    /// be [reserved](Identifier::reserved_until): given up, and nobody else's yet.
    pub identifiers: Vec<Identifier>,
    /// What is known of the person.
    pub profile: Profile,
    /// Sessions that began under another number are over. One commit that changes a password or stops the account also
    /// raises it: no session survives that, not even one that begins at the same moment.
    #[serde(default)]
    pub session_epoch: u32,
    /// What is demanded of its sign-ins beside what the tenant and organizations demand; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Box<AccountDemand>>,
    /// When the account was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When the profile, an identifier or the status was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Account {
    /// At most this many identifiers.
    pub const MAX_IDENTIFIERS: usize = 16;

    /// A pending account without identifiers and profile.
    #[must_use]
    pub fn new(id: AccountId, now: OffsetDateTime) -> Self {
        Self {
            id,
            status: AccountStatus::Pending,
            status_cause: None,
            erase_after: None,
            identifiers: Vec::new(),
            profile: Profile::default(),
            session_epoch: 0,
            demand: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The status as of now: a suspension that has run out is over, whether or not that has been written down yet.
    #[must_use]
    pub fn standing(&self, now: OffsetDateTime) -> AccountStatus {
        let over = self.status_cause.as_ref().and_then(|cause| cause.until).is_some_and(|until| until <= now);
        if self.status == AccountStatus::Suspended && over { AccountStatus::Active } else { self.status }
    }

    /// Whether the person may sign in now.
    #[must_use]
    pub fn may_sign_in(&self, now: OffsetDateTime) -> bool {
        self.standing(now).may_sign_in()
    }

    /// Whether the owner, once they have proved themselves, may take it back: they closed it themselves, or it was closed
    /// because nobody used it, and the grace period is not over.
    #[must_use]
    pub fn may_return(&self, now: OffsetDateTime) -> bool {
        let theirs = |cause: &StatusCause| cause.by.is(self.id) || cause.is_inactivity();
        self.status == AccountStatus::Deactivated
            && self.status_cause.as_ref().is_some_and(theirs)
            && self.erase_after.is_some_and(|erase_after| now < erase_after)
    }

    /// Whether it is to be erased now.
    #[must_use]
    pub fn is_due_for_erasure(&self, now: OffsetDateTime) -> bool {
        self.status == AccountStatus::Deactivated
            && self.erase_after.is_some_and(|erase_after| erase_after <= now)
    }

    /// The primary identifier of a kind.
    #[must_use]
    pub fn identifier(&self, kind: IdentifierKind) -> Option<&Identifier> {
        self.held().find(|identifier| identifier.key.kind() == kind)
    }

    /// The identifiers that are the account's now, without those that are only reserved.
    pub fn held(&self) -> impl Iterator<Item = &Identifier> {
        self.identifiers.iter().filter(|identifier| !identifier.is_reserved())
    }

    /// The account's entry for an identifier, reserved or not.
    #[must_use]
    pub fn identifier_with(&self, key: &IdentifierKey) -> Option<&Identifier> {
        self.identifiers.iter().find(|identifier| identifier.key == *key)
    }

    /// The subject of the account's events: `account:<id>`.
    #[must_use]
    pub fn event_subject(&self) -> String {
        event_subject(self.id)
    }
}

/// The subject of an account's events: `account:<id>`.
pub(crate) fn event_subject(id: AccountId) -> String {
    format!("account:{id}")
}

/// Where an account is in its life.
///
/// ```text
/// pending ──▶ active ◀──▶ suspended
///    │          ▲  │  ◀──▶ locked
///    │          │  ▼
///    └────────▶ deactivated ──▶ erased
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountStatus {
    /// Made, but no identifier is proved yet.
    Pending,
    /// In use.
    Active,
    /// Stopped by an administrator; returns by an administrator.
    Suspended,
    /// Stopped by a protection rule; returns by recovery or an administrator.
    Locked,
    /// Closed by its owner or an administrator; may return within a grace period.
    Deactivated,
    /// Gone: only the tombstone remains.
    Erased,
}

impl AccountStatus {
    /// Whether the person may sign in.
    #[must_use]
    pub const fn may_sign_in(self) -> bool {
        matches!(self, Self::Active)
    }

    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Locked => "locked",
            Self::Deactivated => "deactivated",
            Self::Erased => "erased",
        }
    }

    /// Moves to another status.
    ///
    /// # Errors
    ///
    /// Fails when the lifecycle has no such transition.
    pub const fn transition(self, to: Self) -> Result<Self, InvalidTransition> {
        use AccountStatus::{Active, Deactivated, Erased, Locked, Pending, Suspended};
        match (self, to) {
            (Pending, Active | Deactivated)
            | (Active, Suspended | Locked | Deactivated)
            | (Suspended | Locked, Active | Deactivated)
            | (Deactivated, Active | Erased) => Ok(to),
            _ => Err(InvalidTransition { from: self, to }),
        }
    }
}

/// The account lifecycle has no such transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account cannot go from {} to {}", from.as_str(), to.as_str())]
#[non_exhaustive]
pub struct InvalidTransition {
    /// The status it has.
    pub from: AccountStatus,
    /// The status that was asked for.
    pub to: AccountStatus,
}

/// What is known of a person: attributes by name, JSON values.
///
/// Attribute names are those of the
/// [OpenID Connect standard claims](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims) where there is
/// one: `name`, `given_name`, `family_name`, `locale`, `zoneinfo`, `picture`, `birthdate`, `address`.
/// E-mail addresses and phone numbers are [identifiers](Identifier), not attributes.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(BTreeMap<String, Value>);

impl Profile {
    /// At most this many attributes.
    pub const MAX_ATTRIBUTES: usize = 64;
    /// An attribute name is at most this long, in bytes.
    pub const MAX_NAME_LENGTH: usize = 64;
    /// An attribute value is at most this long, in bytes of its JSON form.
    pub const MAX_VALUE_LENGTH: usize = 4096;

    /// An empty profile.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A profile that holds one attribute and nothing else, past every limit: what a store keeps of a sealed one.
    pub(crate) fn holding(name: &str, value: Value) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value)]))
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of a text attribute.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Sets an attribute; `null` removes it.
    ///
    /// # Errors
    ///
    /// Fails when a limit is passed, or for the names `email`, `phone_number` and their `_verified` companions, which
    /// are identifiers, and for `sub` and `updated_at`, which are computed.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) -> Result<(), ProfileError> {
        let value = value.into();
        const RESERVED: [&str; 6] =
            ["sub", "updated_at", "email", "email_verified", "phone_number", "phone_number_verified"];
        if name.is_empty() || name.len() > Self::MAX_NAME_LENGTH || RESERVED.contains(&name) {
            return Err(ProfileError::Name);
        }
        if value.is_null() {
            self.0.remove(name);
            return Ok(());
        }
        if value.to_string().len() > Self::MAX_VALUE_LENGTH {
            return Err(ProfileError::ValueTooLong);
        }
        if !self.0.contains_key(name) && self.0.len() >= Self::MAX_ATTRIBUTES {
            return Err(ProfileError::TooMany);
        }
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// The attributes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Prints the names only: the values are personal data.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A profile attribute was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The name is empty, too long or reserved.
    #[error("this attribute name cannot be used")]
    Name,
    /// The value is over [`Profile::MAX_VALUE_LENGTH`].
    #[error("the attribute value is too long")]
    ValueTooLong,
    /// The profile has [`Profile::MAX_ATTRIBUTES`] already.
    #[error("the profile has too many attributes")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifecycle_has_exactly_its_transitions() {
        use AccountStatus::{Active, Deactivated, Erased, Locked, Pending, Suspended};
        let all = [Pending, Active, Suspended, Locked, Deactivated, Erased];
        let allowed = [
            (Pending, Active),
            (Pending, Deactivated),
            (Active, Suspended),
            (Active, Locked),
            (Active, Deactivated),
            (Suspended, Active),
            (Suspended, Deactivated),
            (Locked, Active),
            (Locked, Deactivated),
            (Deactivated, Active),
            (Deactivated, Erased),
        ];
        for from in all {
            for to in all {
                assert_eq!(from.transition(to).is_ok(), allowed.contains(&(from, to)), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn computed_claims_cannot_be_attributes() {
        let mut profile = Profile::new();
        for name in ["sub", "email", "email_verified", "phone_number", "updated_at", ""] {
            assert_eq!(profile.set(name, "x"), Err(ProfileError::Name), "{name}");
        }
        profile.set("name", "Ada").unwrap();
        assert_eq!(profile.text("name"), Some("Ada"));
        assert_eq!(profile.set("name", "x".repeat(5_000)), Err(ProfileError::ValueTooLong));
        profile.set("name", Value::Null).unwrap();
        assert_eq!(profile.get("name"), None);
    }

    #[test]
    fn a_profile_has_so_many_attributes_and_no_more() {
        let mut profile = Profile::new();
        for number in 0..Profile::MAX_ATTRIBUTES {
            profile.set(&format!("a{number}"), number).unwrap();
        }
        assert_eq!(profile.set("one_more", 1), Err(ProfileError::TooMany));
        profile.set("a0", "another value").unwrap();
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let mut account = Account::new(AccountId::from_uuid(uuid::Uuid::nil()), OffsetDateTime::UNIX_EPOCH);
        account.identifiers.push(Identifier::unverified(IdentifierKey::email("ada@example.com").unwrap()));
        account.profile.set("name", "Lovelace").unwrap();
        let text = format!("{account:?}");
        assert!(!text.contains("ada") && !text.contains("Lovelace"), "{text}");
    }
}
