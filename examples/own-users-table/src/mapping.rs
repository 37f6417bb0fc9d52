//! What of an account is in which column.

use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey, IdentifierKind};
use ciam_core::id::AccountId;
use time::OffsetDateTime;
use uuid::Uuid;

/// A row of `users`, as far as it is an account.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// `account_id`.
    pub account_id: Uuid,
    /// `email`, as the host or we wrote it.
    pub email: Option<String>,
    /// `email_confirmed_at`, to the microsecond.
    pub email_confirmed_at: Option<OffsetDateTime>,
    /// `phone`.
    pub phone: Option<String>,
    /// `full_name`.
    pub full_name: Option<String>,
    /// `created_at`.
    pub created_at: OffsetDateTime,
    /// `account_rest`: the account as we last wrote it.
    pub rest: Option<String>,
}

impl UserRow {
    /// The row of an account.
    ///
    /// # Errors
    ///
    /// Fails when the account cannot be encoded.
    pub fn of(account: &Account) -> Result<Self, serde_json::Error> {
        let email = account.identifier(IdentifierKind::Email);
        Ok(Self {
            account_id: *account.id.as_uuid(),
            email: email.map(|email| email.key.as_str().to_owned()),
            email_confirmed_at: email.and_then(|email| email.verified_at).map(to_microseconds),
            phone: account.identifier(IdentifierKind::Phone).map(|phone| phone.key.as_str().to_owned()),
            full_name: account.profile.text("name").map(without_nul),
            created_at: to_microseconds(account.created_at),
            rest: Some(serde_json::to_string(account)?),
        })
    }

    /// The account of a row.
    ///
    /// What we wrote is taken from `account_rest`, which knows more than the columns do. Where a column says something else
    /// than we wrote, the host wrote it since, and it counts.
    ///
    /// # Errors
    ///
    /// Fails when `account_rest` is not what we wrote.
    pub fn account(&self) -> Result<Account, serde_json::Error> {
        let mut account = match &self.rest {
            Some(rest) => serde_json::from_str(rest)?,
            None => self.never_written(),
        };
        let written = Self::of(&account)?;
        if written.email != self.email || written.email_confirmed_at != self.email_confirmed_at {
            let email = self.email.as_deref().and_then(|email| IdentifierKey::email(email).ok());
            replace(&mut account, IdentifierKind::Email, email, self.email_confirmed_at);
        }
        if written.phone != self.phone {
            let phone = self.phone.as_deref().and_then(|phone| IdentifierKey::phone(phone).ok());
            // A number in the host's table was never confirmed by anybody.
            replace(&mut account, IdentifierKind::Phone, phone, None);
        }
        if written.full_name != self.full_name {
            // A name that is too long for a profile is not shown, rather than the account being unusable.
            let _too_long = account.profile.set("name", self.full_name.clone());
        }
        Ok(account)
    }

    /// The identifiers of an account that have no column: all but the first of each kind that has one.
    pub fn beside(account: &Account) -> impl Iterator<Item = &IdentifierKey> {
        let columns = [IdentifierKind::Email, IdentifierKind::Phone];
        let first = columns.map(|kind| account.identifier(kind).map(|identifier| &identifier.key));
        account
            .identifiers
            .iter()
            .map(|identifier| &identifier.key)
            .filter(move |key| !first.contains(&Some(key)))
    }

    /// An account that the host made: in use when its address is confirmed.
    fn never_written(&self) -> Account {
        let mut account = Account::new(AccountId::from_uuid(self.account_id), self.created_at);
        if self.email_confirmed_at.is_some() {
            account.status = AccountStatus::Active;
        }
        account
    }
}

/// Puts another identifier in the place of the first of its kind, or takes that away.
fn replace(
    account: &mut Account,
    kind: IdentifierKind,
    key: Option<IdentifierKey>,
    verified_at: Option<OffsetDateTime>,
) {
    let place = account.identifiers.iter().position(|it| it.key.kind() == kind && !it.is_reserved());
    let identifier = key.map(|key| match verified_at {
        Some(at) => Identifier::verified(key, at),
        None => Identifier::unverified(key),
    });
    match (place, identifier) {
        (Some(place), Some(identifier)) => {
            if let Some(old) = account.identifiers.get_mut(place) {
                *old = identifier;
            }
        }
        (Some(place), None) => drop(account.identifiers.remove(place)),
        (None, Some(identifier)) => account.identifiers.insert(0, identifier),
        (None, None) => {}
    }
}

/// `timestamptz` counts microseconds.
fn to_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.nanosecond() / 1_000 * 1_000).unwrap_or(at)
}

/// PostgreSQL holds no text with this character. `account_rest` has it in its JSON form.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00:00.123_456_789 UTC);

    fn ada() -> Account {
        let mut account = Account::new(AccountId::from_uuid(Uuid::from_u128(7)), NOW);
        account.identifiers = vec![
            Identifier::unverified(IdentifierKey::username("ada").unwrap()),
            Identifier::verified(IdentifierKey::email("ada@example.com").unwrap(), NOW),
            Identifier::unverified(IdentifierKey::email("second@example.com").unwrap()),
            Identifier::unverified(IdentifierKey::phone("+442079460958").unwrap()),
        ];
        account.profile.set("name", "Ada").unwrap();
        account.profile.set("locale", "en").unwrap();
        account
    }

    #[test]
    fn an_account_comes_back_as_it_was_written() {
        for account in [ada(), Account::new(ada().id, NOW)] {
            assert_eq!(UserRow::of(&account).unwrap().account().unwrap(), account);
        }
        let mut odd = ada();
        odd.profile.set("name", json!({ "not": "a text" })).unwrap();
        assert_eq!(UserRow::of(&odd).unwrap().account().unwrap(), odd);
    }

    #[test]
    fn the_first_of_a_kind_has_a_column_and_the_others_have_none() {
        let account = ada();
        let row = UserRow::of(&account).unwrap();
        assert_eq!(row.email.as_deref(), Some("ada@example.com"));
        assert_eq!(row.phone.as_deref(), Some("+442079460958"));
        let beside: Vec<&str> = UserRow::beside(&account).map(IdentifierKey::as_str).collect();
        assert_eq!(beside, ["ada", "second@example.com"]);
    }

    #[test]
    fn what_the_host_writes_counts() {
        let mut row = UserRow::of(&ada()).unwrap();
        row.email = Some("Ada@New.example".to_owned());
        row.email_confirmed_at = None;
        row.phone = None;
        row.full_name = Some("Ada King".to_owned());
        let account = row.account().unwrap();
        let email = account.identifier(IdentifierKind::Email).unwrap();
        assert_eq!((email.key.as_str(), email.verified_at), ("ada@new.example", None));
        assert_eq!(account.identifier(IdentifierKind::Phone), None);
        assert_eq!(account.profile.text("name"), Some("Ada King"));
        assert_eq!(account.profile.text("locale"), Some("en"), "what has no column stays");
        assert_eq!(account.identifiers.len(), 3);
    }

    #[test]
    fn a_row_of_the_hosts_is_an_account() {
        let row = UserRow {
            account_id: Uuid::from_u128(7),
            email: Some("Bob@Example.com".to_owned()),
            email_confirmed_at: Some(NOW),
            phone: Some("not a number".to_owned()),
            full_name: None,
            created_at: NOW,
            rest: None,
        };
        let account = row.account().unwrap();
        assert_eq!(account.status, AccountStatus::Active);
        assert_eq!(account.identifiers.len(), 1);
        assert!(account.identifiers[0].verified_at.is_some());
        let unconfirmed = UserRow { email_confirmed_at: None, ..row };
        assert_eq!(unconfirmed.account().unwrap().status, AccountStatus::Pending);
    }
}
