//! How a profile is read: the rule, without I/O.

use serde_json::Value;

use super::email::{EmailSource, EmailTrust};
use super::provider::OAuthProviderError;
use crate::rp::identity::{Identity, picture, short};

/// Where in a profile what stands. Places are JSON pointers ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileMapping {
    /// The person's lasting name.
    pub subject: String,
    /// What the lasting name is.
    pub subject_kind: SubjectKind,
    /// The address.
    pub email: EmailSource,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The picture.
    pub picture: Option<String>,
}

/// What a provider's lasting name for a person is.
///
/// It is one of them and never both: `1` and `"1"` would be the same subject, and who could choose a name would be able to
/// choose a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by JSON: what else there is names nobody")]
pub enum SubjectKind {
    /// A positive whole number.
    Number,
    /// A text.
    Text,
}

impl ProfileMapping {
    /// A mapping that knows the subject only.
    #[must_use]
    pub fn new(subject: impl Into<String>, subject_kind: SubjectKind) -> Self {
        Self {
            subject: subject.into(),
            subject_kind,
            email: EmailSource::Nowhere,
            name: None,
            given_name: None,
            family_name: None,
            picture: None,
        }
    }

    /// Sets where the address stands.
    #[must_use]
    pub fn with_email(mut self, source: EmailSource) -> Self {
        self.email = source;
        self
    }

    /// Sets where the full name stands.
    #[must_use]
    pub fn with_name(mut self, at: impl Into<String>) -> Self {
        self.name = Some(at.into());
        self
    }

    /// Sets where the given and the family name stand.
    #[must_use]
    pub fn with_names(mut self, given: impl Into<String>, family: impl Into<String>) -> Self {
        (self.given_name, self.family_name) = (Some(given.into()), Some(family.into()));
        self
    }

    /// Sets where the picture stands.
    #[must_use]
    pub fn with_picture(mut self, at: impl Into<String>) -> Self {
        self.picture = Some(at.into());
        self
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// Fails when there is no subject of the kind that the provider has.
    ///
    /// # Security
    ///
    /// A subject that looks like an e-mail address is refused: whoever gets the address next would get the account.
    pub fn read(&self, issuer: &str, profile: &Value) -> Result<Identity, IdentityError> {
        let text = |at: &Option<String>| profile.pointer(at.as_deref()?)?.as_str();
        Ok(Identity {
            email: self.email.read(profile),
            name: text(&self.name).and_then(short),
            given_name: text(&self.given_name).and_then(short),
            family_name: text(&self.family_name).and_then(short),
            picture: text(&self.picture).and_then(picture),
            ..Identity::new(issuer, self.subject(profile)?)
        })
    }

    fn subject(&self, profile: &Value) -> Result<String, IdentityError> {
        let value = profile.pointer(&self.subject).ok_or(IdentityError::NoSubject)?;
        let subject = match (self.subject_kind, value) {
            // What JSON writes with a point or an exponent is no number that was counted, and may have been rounded.
            (SubjectKind::Number, Value::Number(number)) => {
                number.as_u64().filter(|number| *number > 0).map(|number| number.to_string())
            }
            (SubjectKind::Text, Value::String(text)) => Some(text.clone()).filter(|text| is_subject(text)),
            _ => None,
        };
        subject.ok_or(IdentityError::Subject)
    }

    /// Whether the places are such, and the subject is not the address.
    pub(super) fn check(&self) -> Result<(), OAuthProviderError> {
        let mut places = vec![self.subject.as_str()];
        places.extend(
            [&self.name, &self.given_name, &self.family_name, &self.picture]
                .into_iter()
                .flatten()
                .map(String::as_str),
        );
        match &self.email {
            EmailSource::Nowhere => {}
            EmailSource::Profile { at, trust } => {
                if *at == self.subject {
                    return Err(OAuthProviderError::EmailAsSubject);
                }
                places.push(at);
                if let EmailTrust::Flag(flag) = trust {
                    places.push(flag);
                }
            }
            EmailSource::List(list) => {
                if !list.at.is_empty() {
                    places.push(&list.at);
                }
            }
        }
        let pointers = places.iter().all(|place| place.starts_with('/'));
        if pointers { Ok(()) } else { Err(OAuthProviderError::Pointer) }
    }
}

/// The longest subject, in bytes; that of an ID token.
const MAX_SUBJECT: usize = 255;

fn is_subject(text: &str) -> bool {
    (1..=MAX_SUBJECT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
}

/// A profile says of nobody who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The profile is no JSON object, or has a member twice, or is too deep.
    #[error("the profile is malformed")]
    Malformed,
    /// The profile is not JSON.
    #[error("the profile is of another type")]
    ContentType,
    /// The profile is larger than any profile.
    #[error("the profile is too large")]
    TooLarge,
    /// There is no subject.
    #[error("the profile names nobody")]
    NoSubject,
    /// The subject is not what the provider's subjects are.
    #[error("the profile's subject cannot be used")]
    Subject,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::rp::oauth::EmailList;

    fn subject(kind: SubjectKind, text: &str) -> Result<String, IdentityError> {
        let profile: Value = serde_json::from_str(&format!("{{\"id\":{text}}}")).unwrap();
        let read = ProfileMapping::new("/id", kind).read("https://up.example", &profile);
        read.map(|identity| identity.subject)
    }

    #[test]
    fn a_number_is_never_the_text_that_looks_like_it() {
        use SubjectKind::{Number, Text};
        assert_eq!(subject(Number, "1").unwrap(), "1");
        assert_eq!(subject(Number, "18446744073709551615").unwrap(), "18446744073709551615");
        assert_eq!(subject(Text, "\"1\"").unwrap(), "1");
        // Whoever may choose a text does not become the person with that number, and the other way round.
        for bad in [
            "\"1\"",
            "1.0",
            "1e0",
            "-1",
            "0",
            "-0",
            "18446744073709551616",
            "1e30",
            "true",
            "null",
            "[1]",
            "{}",
        ] {
            assert_eq!(subject(Number, bad), Err(IdentityError::Subject), "{bad}");
        }
        for bad in
            ["1", "1.0", "true", "null", "[\"1\"]", "\"\"", "\" 1\"", "\"1\\u0000\"", "\"1\\n\"", "\"é\""]
        {
            assert_eq!(subject(Text, bad), Err(IdentityError::Subject), "{bad}");
        }
    }

    #[test]
    fn an_address_is_no_subject() {
        assert_eq!(subject(SubjectKind::Text, "\"ada@example.com\""), Err(IdentityError::Subject));
        let at = || "/email".to_owned();
        let email = EmailSource::Profile { at: at(), trust: EmailTrust::Always };
        let mapping = ProfileMapping::new(at(), SubjectKind::Text).with_email(email);
        assert_eq!(mapping.check(), Err(OAuthProviderError::EmailAsSubject));
    }

    #[test]
    fn subjects_end_at_255_bytes() {
        let text = |length: usize| format!("\"{}\"", "x".repeat(length));
        assert!(subject(SubjectKind::Text, &text(255)).is_ok());
        assert_eq!(subject(SubjectKind::Text, &text(256)), Err(IdentityError::Subject));
    }

    #[test]
    fn places_are_json_pointers() {
        for bad in ["", "id", "data.id"] {
            let mapping = ProfileMapping::new(bad, SubjectKind::Text);
            assert_eq!(mapping.check(), Err(OAuthProviderError::Pointer), "{bad}");
        }
        let good = || ProfileMapping::new("/data/id", SubjectKind::Text);
        let email = |at: &str, trust: EmailTrust| {
            good().with_email(EmailSource::Profile { at: at.to_owned(), trust })
        };
        assert_eq!(email("/mail", EmailTrust::Flag("/ok".to_owned())).with_names("/a", "/b").check(), Ok(()));
        for (at, bad) in [
            good().with_name("name"),
            good().with_names("given", "/family"),
            good().with_names("/given", "family"),
            good().with_picture("picture"),
            email("mail", EmailTrust::Never),
            email("/mail", EmailTrust::Flag("ok".to_owned())),
            good().with_email(EmailSource::List(EmailList::new("https://up.example/emails").at("emails"))),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(bad.check(), Err(OAuthProviderError::Pointer), "row {at}");
        }
    }

    #[test]
    fn what_is_not_there_or_not_of_its_form_is_left_out() {
        let mapping = ProfileMapping::new("/data/id", SubjectKind::Text)
            .with_name("/data/name")
            .with_names("/first", "/last")
            .with_picture("/data/picture/url")
            .with_email(EmailSource::Profile { at: "/mail".to_owned(), trust: EmailTrust::Never });
        let profile = json!({
            "data": { "id": "7", "name": ["Ada"], "picture": { "url": "http://img.example/" } },
            "first": "Ada", "last": "", "mail": 7,
        });
        let identity = mapping.read("https://up.example", &profile).unwrap();
        let mut expected = Identity::new("https://up.example", "7");
        expected.given_name = Some("Ada".to_owned());
        assert_eq!(identity, expected);
        let names = json!({ "data": { "id": "7", "name": "a\u{0}b" }, "first": "a\nb", "last": "\u{1b}[2J" });
        let identity = mapping.read("https://up.example", &names).unwrap();
        assert_eq!(identity, Identity::new("https://up.example", "7"), "what cannot be shown");
    }

    proptest! {
        #[test]
        fn whatever_is_read_has_a_subject_that_can_be_used(text in "\\PC{0,300}", number in any::<i64>()) {
            for (kind, value) in [(SubjectKind::Text, json!(text)), (SubjectKind::Number, json!(number))] {
                let read = ProfileMapping::new("/id", kind).read("https://up.example", &json!({ "id": value }));
                if let Ok(identity) = read {
                    prop_assert!(is_subject(&identity.subject));
                }
            }
        }
    }
}
