//! Identifiers: what a person types to say who they are, normalised so that one person's spelling is nobody else's.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization as _;

/// The kind of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdentifierKind {
    /// An e-mail address.
    Email,
    /// A phone number in E.164 form.
    Phone,
    /// A name chosen by the person.
    Username,
}

impl IdentifierKind {
    /// The stable name: `email`, `phone`, `username`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Username => "username",
        }
    }
}

/// An identifier in its normal form: the key under which it is unique in a tenant.
///
/// ```
/// use ciam_core::account::IdentifierKey;
///
/// let key = IdentifierKey::email(" Ada@Bücher.Example ")?;
/// assert_eq!(key.as_str(), "ada@xn--bcher-kva.example");
/// assert_eq!(IdentifierKey::phone("+44 20 7946 0958")?.as_str(), "+442079460958");
/// # Ok::<(), ciam_core::account::IdentifierError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdentifierKey {
    kind: IdentifierKind,
    value: String,
}

impl IdentifierKey {
    /// The longest identifier, in bytes of its normal form.
    pub const MAX_LENGTH: usize = 254;

    /// Normalises an e-mail address: NFKC, lower case, domain in its ASCII form (IDNA).
    ///
    /// # Errors
    ///
    /// Fails when the text is not an address of the form `local@domain` that mail systems in general accept; quoted local
    /// parts, comments and address literals are refused.
    pub fn email(text: &str) -> Result<Self, IdentifierError> {
        let text: String = text.trim().nfkc().collect();
        let (local, domain) = text.rsplit_once('@').ok_or(IdentifierError::Malformed)?;
        let local = local.to_lowercase();
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| IdentifierError::Malformed)?;
        if local.is_empty() || local.len() > 64 || !local.chars().all(is_local_part_char) {
            return Err(IdentifierError::Malformed);
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(IdentifierError::Malformed);
        }
        if !domain.contains('.') && domain != "localhost" {
            return Err(IdentifierError::Malformed);
        }
        Self::bounded(IdentifierKind::Email, format!("{local}@{domain}"))
    }

    /// Normalises a phone number: digits after a `+`; spaces, hyphens, dots and parentheses are dropped.
    ///
    /// # Errors
    ///
    /// Fails unless the rest is a [E.164](https://www.itu.int/rec/T-REC-E.164) number of 7 to 15 digits with its `+`.
    pub fn phone(text: &str) -> Result<Self, IdentifierError> {
        let text: String = text.trim().nfkc().collect();
        let digits = text.strip_prefix('+').ok_or(IdentifierError::Malformed)?;
        let mut value = String::from("+");
        for c in digits.chars() {
            match c {
                '0'..='9' => value.push(c),
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return Err(IdentifierError::Malformed),
            }
        }
        if !(8..=16).contains(&value.len()) || value.starts_with("+0") {
            return Err(IdentifierError::Malformed);
        }
        Self::bounded(IdentifierKind::Phone, value)
    }

    /// Normalises a user name: NFKC and lower case.
    ///
    /// # Errors
    ///
    /// Fails unless it has 2 to 64 characters, all of them letters, digits, `.`, `-` or `_`, and begins with a letter or
    /// digit. An `@` or a leading `+` would make it look like another kind of identifier.
    pub fn username(text: &str) -> Result<Self, IdentifierError> {
        let value: String = text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let length = value.chars().count();
        if !(2..=64).contains(&length) {
            return Err(IdentifierError::Malformed);
        }
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !value.chars().all(allowed) || !value.starts_with(char::is_alphanumeric) {
            return Err(IdentifierError::Malformed);
        }
        Self::bounded(IdentifierKind::Username, value)
    }

    /// Normalises what a person typed into one sign-in field: with an `@` an e-mail address, with a leading `+` a phone
    /// number, else a user name.
    ///
    /// # Errors
    ///
    /// Fails when the text is none of them.
    pub fn guess(text: &str) -> Result<Self, IdentifierError> {
        let trimmed = text.trim();
        if trimmed.contains('@') {
            Self::email(trimmed)
        } else if trimmed.starts_with('+') {
            Self::phone(trimmed)
        } else {
            Self::username(trimmed)
        }
    }

    /// Takes a key back from a store, where it was written in its normal form.
    ///
    /// # Errors
    ///
    /// Fails when the value is empty or too long.
    pub fn from_stored(kind: IdentifierKind, value: impl Into<String>) -> Result<Self, IdentifierError> {
        Self::bounded(kind, value.into())
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }

    fn bounded(kind: IdentifierKind, value: String) -> Result<Self, IdentifierError> {
        if value.is_empty() || value.len() > Self::MAX_LENGTH {
            return Err(IdentifierError::Malformed);
        }
        Ok(Self { kind, value })
    }
}

/// Prints the kind only: identifiers are personal data and do not belong in logs.
impl fmt::Debug for IdentifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentifierKey({}:..)", self.kind.as_str())
    }
}

fn is_local_part_char(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// An identifier of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Identifier {
    /// The normal form, unique in the tenant.
    pub key: IdentifierKey,
    /// When the person proved that it is theirs; `None` until then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub verified_at: Option<OffsetDateTime>,
    /// Set when the account has given it up: it is nobody's until then, neither the account's to sign in with nor
    /// anybody else's to take, so that its owner can get it back.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub reserved_until: Option<OffsetDateTime>,
}

impl Identifier {
    /// An identifier that is not verified.
    #[must_use]
    pub const fn unverified(key: IdentifierKey) -> Self {
        Self { key, verified_at: None, reserved_until: None }
    }

    /// An identifier that was verified at this time.
    #[must_use]
    pub const fn verified(key: IdentifierKey, at: OffsetDateTime) -> Self {
        Self { key, verified_at: Some(at), reserved_until: None }
    }

    /// An identifier that the account has given up, and that nobody else may take before this time.
    #[must_use]
    pub const fn reserved(key: IdentifierKey, until: OffsetDateTime) -> Self {
        Self { key, verified_at: None, reserved_until: Some(until) }
    }

    /// Whether the person proved that it is theirs.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verified_at.is_some() && !self.is_reserved()
    }

    /// Whether the account has given it up and it is kept from others.
    #[must_use]
    pub const fn is_reserved(&self) -> bool {
        self.reserved_until.is_some()
    }
}

/// A text cannot be an identifier of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// The text is not of the kind's form.
    #[error("not a valid identifier of this kind")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_address_have_one_key() {
        let key = IdentifierKey::email("ada@example.com").unwrap();
        for text in
            ["Ada@Example.COM", " ada@example.com ", "\u{ff41}da@example.com", "ada@EXAMPLE\u{ff0e}com"]
        {
            assert_eq!(IdentifierKey::email(text).unwrap(), key, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_address_are_refused() {
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@@example.com",
            "a b@example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "ada@example",
            "ada@[127.0.0.1]",
            "\"ada\"@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@-example.com",
            "ada\0@example.com",
            "<ada@example.com>",
            "ada@example.com,eve@example.com",
        ] {
            assert!(IdentifierKey::email(text).is_err(), "{text:?}");
        }
        assert!(IdentifierKey::email(&format!("{}@example.com", "a".repeat(65))).is_err());
        assert!(IdentifierKey::email(&format!("a@{}.com", "b".repeat(260))).is_err());
    }

    #[test]
    fn phone_numbers_are_e164() {
        assert_eq!(IdentifierKey::phone("+1 (415) 555-0100").unwrap().as_str(), "+14155550100");
        for text in
            ["14155550100", "+0123456789", "+1415555010a", "+123456", "+1234567890123456", "++14155550100"]
        {
            assert!(IdentifierKey::phone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_name_never_looks_like_another_kind() {
        assert_eq!(IdentifierKey::username("Ada_Lovelace").unwrap().as_str(), "ada_lovelace");
        for text in ["a", "ada@example.com", "+14155550100", "-ada", "a b", "ada/../root", "<script>", ""] {
            assert!(IdentifierKey::username(text).is_err(), "{text}");
        }
        assert_eq!(IdentifierKey::guess("Ada").unwrap().kind(), IdentifierKind::Username);
        assert_eq!(IdentifierKey::guess("+14155550100").unwrap().kind(), IdentifierKind::Phone);
        assert_eq!(IdentifierKey::guess("ada@example.com").unwrap().kind(), IdentifierKind::Email);
    }

    proptest! {
        #[test]
        fn normal_forms_are_fixed_points(text in ".{0,80}") {
            for normalise in [IdentifierKey::email, IdentifierKey::phone, IdentifierKey::username] {
                if let Ok(key) = normalise(&text) {
                    prop_assert_eq!(&normalise(key.as_str()).unwrap(), &key);
                }
            }
        }
    }
}
