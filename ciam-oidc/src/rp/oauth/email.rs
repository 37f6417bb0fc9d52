//! Where a person's address stands, and whether the provider's word for it is taken.

use serde_json::Value;

use crate::rp::identity::{EmailAddress, email};

/// Where a person's address stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailSource {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In the profile.
    Profile {
        /// The place, as a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).
        at: String,
        /// When the provider's word for it is taken.
        trust: EmailTrust,
    },
    /// In a list, which is asked for by itself.
    List(EmailList),
}

/// When the provider's word for an address in a profile is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailTrust {
    /// Never: the provider does not say whether it has verified it.
    Never,
    /// Always: the provider documents that it hands out verified addresses only.
    Always,
    /// When the value at this JSON pointer is `true`, or the number 1.
    Flag(String),
}

/// A list of addresses. Taken is the one that is both primary and verified, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmailList {
    /// Where the list is asked for.
    pub url: String,
    /// The place of the list in the answer, as a JSON pointer; empty when the answer is the list.
    pub at: String,
    /// The member with the address.
    pub address: String,
    /// The member that says that an address is the primary one.
    pub primary: String,
    /// The member that says that an address is verified.
    pub verified: String,
}

impl EmailList {
    /// A list with the members `email`, `primary` and `verified`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            at: String::new(),
            address: "email".to_owned(),
            primary: "primary".to_owned(),
            verified: "verified".to_owned(),
        }
    }

    /// Looks for the list at a place in the answer.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = at.into();
        self
    }

    /// Sets the names of the members.
    #[must_use]
    pub fn with_members(mut self, address: &str, primary: &str, verified: &str) -> Self {
        (self.address, self.primary, self.verified) =
            (address.to_owned(), primary.to_owned(), verified.to_owned());
        self
    }

    /// The address in the answer that is both primary and verified. Where two say so, none is.
    pub(super) fn read(&self, answer: &Value) -> Option<EmailAddress> {
        let list = answer.pointer(&self.at)?.as_array()?;
        let is = |entry: &Value, member: &str| entry.get(member) == Some(&Value::Bool(true));
        let both = |entry: &&Value| is(entry, &self.primary) && is(entry, &self.verified);
        let mut found = list.iter().take(MAX_EMAILS).filter(both);
        let (one, more) = (found.next()?, found.next());
        let address = one.get(&self.address)?.as_str().filter(|_| more.is_none())?;
        email(address, true)
    }
}

impl EmailSource {
    /// The address in the profile.
    pub(super) fn read(&self, profile: &Value) -> Option<EmailAddress> {
        let Self::Profile { at, trust } = self else { return None };
        let verified = match trust {
            EmailTrust::Never => false,
            EmailTrust::Always => true,
            EmailTrust::Flag(at) => match profile.pointer(at) {
                Some(Value::Bool(yes)) => *yes,
                Some(Value::Number(number)) => number.as_u64() == Some(1),
                _ => false,
            },
        };
        email(profile.pointer(at)?.as_str()?, verified)
    }
}

/// Addresses of one person that are looked at.
const MAX_EMAILS: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_list_only_the_address_that_is_primary_and_verified_is_taken() {
        let list = EmailList::new("https://api.example/emails");
        let entry = |address: &str, primary: bool, verified: bool| json!({ "email": address, "primary": primary, "verified": verified });
        let of = |answer: Value| list.read(&answer).map(|email| (email.address, email.verified));
        let ada = Some(("ada@example.com".to_owned(), true));
        assert_eq!(
            of(json!([entry("x@example.com", false, true), entry("ada@example.com", true, true)])),
            ada
        );
        for none in [
            json!([]),
            json!([entry("ada@example.com", true, false)]),
            json!([entry("ada@example.com", false, true)]),
            json!([{ "email": "ada@example.com", "primary": "true", "verified": "true" }]),
            json!([{ "email": "ada@example.com", "primary": 1, "verified": 1 }]),
            json!([{ "email": ["ada@example.com"], "primary": true, "verified": true }]),
            json!([entry("nonsense", true, true)]),
            // Two primary addresses: nobody can say which.
            json!([entry("ada@example.com", true, true), entry("eve@example.com", true, true)]),
            json!({ "emails": [entry("ada@example.com", true, true)] }),
            json!("ada@example.com"),
            json!(null),
        ] {
            assert_eq!(of(none.clone()), None, "{none}");
        }
        let after = |others: usize| {
            let mut all = vec![entry("x@example.com", false, true); others];
            all.push(entry("ada@example.com", true, true));
            of(Value::Array(all))
        };
        assert_eq!((after(MAX_EMAILS - 1), after(MAX_EMAILS)), (ada, None));
    }

    #[test]
    fn the_word_of_a_provider_is_taken_where_it_is_trusted_and_says_yes() {
        let source = |trust| EmailSource::Profile { at: "/data/mail".to_owned(), trust };
        let profile = |flag: Value| json!({ "data": { "mail": "ada@example.com" }, "ok": flag });
        let read = |trust: EmailTrust, flag: Value| source(trust).read(&profile(flag)).unwrap().verified;
        assert!(read(EmailTrust::Always, json!(false)));
        assert!(!read(EmailTrust::Never, json!(true)));
        for (flag, verified) in [
            (json!(true), true),
            (json!(1), true),
            (json!("true"), false),
            (json!("1"), false),
            (json!(2), false),
            (json!(false), false),
            (json!(null), false),
            (json!([true]), false),
        ] {
            assert_eq!(read(EmailTrust::Flag("/ok".to_owned()), flag.clone()), verified, "{flag}");
        }
    }
}
