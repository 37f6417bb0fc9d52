//! The attributes that a tenant keeps of its people: their types, when they are required, and who may read and write them.
//!
//! One place judges every change of a profile: [`AttributeSchema::change`], for sign-up, self-service, administrators,
//! imports and directories alike. What the schema does not name is refused. A change that is refused says why for each
//! attribute, and changes nothing.
//!
//! ```
//! use ciam_core::account::Profile;
//! use ciam_core::account::schema::{Attribute, AttributeSchema, AttributeType, Occasion, Party, Required};
//! use serde_json::json;
//!
//! let schema = AttributeSchema::standard()
//!     .with("plan", Attribute::new(AttributeType::one_of(["basic", "pro"])).required(Required::AtSignUp));
//! let changes = [("name".to_owned(), json!("Ada")), ("plan".to_owned(), json!("gold"))].into();
//! let refused = schema.change(&Profile::new(), &changes, Party::Owner).unwrap_err();
//! assert_eq!(refused.problem("plan").map(|problem| problem.code()), Some("not_listed"));
//! assert_eq!(schema.missing_for(&Profile::new(), &Occasion::sign_up()), ["plan"]);
//! ```

mod problem;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

pub use self::problem::{AttributeProblem, SchemaErrors};
pub use self::types::AttributeType;
use super::{Profile, ProfileError};

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Attribute {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// When the person is asked for it.
    #[serde(default)]
    pub required: Vec<Required>,
    /// Who may see it. Default: its owner and administrators.
    #[serde(default)]
    pub readers: Access,
    /// Who may change it. Default: its owner and administrators.
    #[serde(default)]
    pub writers: Access,
    /// It is sealed where it is stored.
    #[serde(default)]
    pub sensitive: bool,
    /// The key of its name in the host's texts; without it, the attribute's own name.
    #[serde(default)]
    pub label: Option<String>,
}

impl Attribute {
    /// An attribute that is never required, for its owner and administrators.
    #[must_use]
    pub fn new(kind: AttributeType) -> Self {
        Self {
            kind,
            required: Vec::new(),
            readers: Access::default(),
            writers: Access::default(),
            sensitive: false,
            label: None,
        }
    }

    /// Adds an occasion on which it is required.
    #[must_use]
    pub fn required(mut self, when: Required) -> Self {
        self.required.push(when);
        self
    }

    /// Sets who may see it.
    #[must_use]
    pub fn readers(mut self, readers: Access) -> Self {
        self.readers = readers;
        self
    }

    /// Sets who may change it.
    #[must_use]
    pub fn writers(mut self, writers: Access) -> Self {
        self.writers = writers;
        self
    }

    /// Has it sealed where it is stored.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

/// When an attribute is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Required {
    /// Always: whoever lacks it is asked at the next sign-in, and it cannot be removed.
    Always,
    /// At sign-up.
    AtSignUp,
    /// When signing in to this client.
    ForClient(String),
    /// When a client asks for this scope value.
    ForScope(String),
    /// From so many days after the account was made: not everything is asked on the first day.
    AfterDays(u16),
}

/// Who may do something with an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Access {
    /// The account's owner.
    pub owner: bool,
    /// Administrators.
    pub administrators: bool,
    /// Applications that were granted one of these scope values.
    pub scopes: BTreeSet<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self { owner: true, administrators: true, scopes: BTreeSet::new() }
    }
}

impl Access {
    /// Administrators only.
    #[must_use]
    pub fn administrators() -> Self {
        Self { owner: false, ..Self::default() }
    }

    /// Adds a scope value that gives it to applications.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.insert(scope.into());
        self
    }

    fn allows(&self, party: Party<'_>) -> bool {
        match party {
            Party::Owner => self.owner,
            Party::Administrator => self.administrators,
            Party::Application { scopes } => scopes.iter().any(|scope| self.scopes.contains(scope)),
            Party::System => true,
        }
    }
}

/// Who reads or writes a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Party<'a> {
    /// The account's owner.
    Owner,
    /// An administrator.
    Administrator,
    /// An application, with the scope values that it was granted.
    Application {
        /// The scope values.
        scopes: &'a [String],
    },
    /// An import, a directory, the host itself: may write and read every attribute, of its type all the same.
    System,
}

/// On what occasion it is asked what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occasion<'a> {
    /// The account is being made.
    pub sign_up: bool,
    /// The client that is signed in to.
    pub client: Option<&'a str>,
    /// The scope values that the client asks for.
    pub scopes: &'a [String],
    /// How old the account is.
    pub age: Option<Duration>,
}

impl<'a> Occasion<'a> {
    /// The account is being made.
    #[must_use]
    pub const fn sign_up() -> Self {
        Self { sign_up: true, client: None, scopes: &[], age: None }
    }

    /// Somebody signs in to an account that was made at this time.
    #[must_use]
    pub fn sign_in(created_at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self { sign_up: false, client: None, scopes: &[], age: Some(now - created_at) }
    }

    /// Adds the client that is signed in to, and what it asks for.
    #[must_use]
    pub const fn for_client(mut self, client: &'a str, scopes: &'a [String]) -> Self {
        self.client = Some(client);
        self.scopes = scopes;
        self
    }

    fn is_meant(&self, when: &Required) -> bool {
        match when {
            Required::Always => true,
            Required::AtSignUp => self.sign_up,
            Required::ForClient(client) => self.client == Some(client),
            Required::ForScope(scope) => self.scopes.contains(scope),
            Required::AfterDays(days) => self.age.is_some_and(|age| age >= Duration::days(i64::from(*days))),
        }
    }
}

/// The attributes of a tenant, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeSchema(BTreeMap<String, Attribute>);

impl AttributeSchema {
    /// A schema without attributes.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Names and the other
    /// [standard claims](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims), none of them required.
    #[must_use]
    pub fn standard() -> Self {
        let text = |max| Attribute::new(AttributeType::text(max));
        Self::empty()
            .with("name", text(128))
            .with("given_name", text(128))
            .with("family_name", text(128))
            .with("middle_name", text(128))
            .with("nickname", text(64))
            .with("gender", text(32))
            .with("birthdate", Attribute::new(AttributeType::Date))
            .with("locale", Attribute::new(AttributeType::Locale))
            .with("zoneinfo", Attribute::new(AttributeType::Zoneinfo))
            .with("picture", Attribute::new(AttributeType::Url))
            .with("profile", Attribute::new(AttributeType::Url))
            .with("website", Attribute::new(AttributeType::Url))
    }

    /// Adds an attribute, or replaces the one of this name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, attribute: Attribute) -> Self {
        self.0.insert(name.into(), attribute);
        self
    }

    /// Adds the attributes of another schema; those of the same name take the place of these.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// Takes an attribute out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// The attribute of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.get(name)
    }

    /// The attributes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, attribute)| (name.as_str(), attribute))
    }

    /// The names of the attributes that are sealed where they are stored.
    pub fn sensitive(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(_, attribute)| attribute.sensitive).map(|(name, _)| name)
    }

    /// Checks the schema itself: names that a profile can hold, and bounds that make sense.
    ///
    /// # Errors
    ///
    /// Fails with the first attribute that cannot be.
    pub fn validate(&self) -> Result<(), InvalidSchema> {
        if self.0.len() > Profile::MAX_ATTRIBUTES {
            return Err(InvalidSchema { name: String::new(), reason: "there are too many attributes" });
        }
        for (name, attribute) in self.iter() {
            let refuse = |reason| Err(InvalidSchema { name: name.to_owned(), reason });
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_:.-/".contains(&b);
            if !name.bytes().all(plain) || Profile::new().set(name, true).is_err() {
                return refuse("it has a name that an attribute cannot have");
            }
            if let Some(reason) = attribute.kind.contradiction() {
                return refuse(reason);
            }
        }
        Ok(())
    }

    /// Judges changes and applies them to a profile: `null`, and a text without anything in it, remove an attribute.
    ///
    /// # Errors
    ///
    /// Fails with a problem for each attribute that cannot be changed like that; nothing is changed then.
    pub fn change(
        &self,
        profile: &Profile,
        changes: &BTreeMap<String, Value>,
        by: Party<'_>,
    ) -> Result<Profile, SchemaErrors> {
        let mut changed = profile.clone();
        let mut errors = SchemaErrors::default();
        for (name, value) in changes {
            let outcome = self.judge(name, value, by).and_then(|value| {
                changed.set(name, value).map_err(|error| match error {
                    ProfileError::TooMany => AttributeProblem::TooMany { max: Profile::MAX_ATTRIBUTES },
                    ProfileError::ValueTooLong => {
                        AttributeProblem::TooLong { max: Profile::MAX_VALUE_LENGTH }
                    }
                    ProfileError::Name => AttributeProblem::Unknown,
                })
            });
            if let Err(problem) = outcome {
                errors.add(name, problem);
            }
        }
        errors.or(changed)
    }

    /// Judges a whole profile, as an import brings it.
    ///
    /// # Errors
    ///
    /// Fails with a problem for each attribute that cannot be like that.
    pub fn check(&self, profile: &Profile) -> Result<(), SchemaErrors> {
        let mut errors = SchemaErrors::default();
        for (name, value) in profile.iter() {
            if let Err(problem) = self.judge(name, value, Party::System) {
                errors.add(name, problem);
            }
        }
        errors.or(())
    }

    /// The attributes that are required on an occasion and not there, by name, as far as the owner can give them.
    #[must_use]
    pub fn missing_for(&self, profile: &Profile, occasion: &Occasion<'_>) -> Vec<&str> {
        self.iter()
            .filter(|(name, attribute)| {
                attribute.writers.owner
                    && profile.get(name).is_none()
                    && attribute.required.iter().any(|when| occasion.is_meant(when))
            })
            .map(|(name, _)| name)
            .collect()
    }

    /// What somebody may see of a profile.
    #[must_use]
    pub fn readable(&self, profile: &Profile, by: Party<'_>) -> BTreeMap<String, Value> {
        profile
            .iter()
            .filter(|(name, _)| self.get(name).is_some_and(|attribute| attribute.readers.allows(by)))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// The attributes that somebody may change, for their form.
    pub fn writable<'a>(&'a self, by: Party<'a>) -> impl Iterator<Item = (&'a str, &'a Attribute)> {
        self.iter().filter(move |(_, attribute)| attribute.writers.allows(by))
    }

    /// Makes the value of an attribute out of what a form sent.
    ///
    /// # Errors
    ///
    /// Fails when the schema has no such attribute, or the text is none of its type.
    pub fn parse_text(&self, name: &str, text: &str) -> Result<Value, AttributeProblem> {
        self.get(name).ok_or(AttributeProblem::Unknown)?.kind.parse_text(text)
    }

    fn judge(&self, name: &str, value: &Value, by: Party<'_>) -> Result<Value, AttributeProblem> {
        let attribute = self.get(name).ok_or(AttributeProblem::Unknown)?;
        if !attribute.writers.allows(by) {
            // What somebody may not even see, they do not learn of.
            let seen = attribute.readers.allows(by);
            return Err(if seen { AttributeProblem::NotWritable } else { AttributeProblem::Unknown });
        }
        let value = attribute.kind.accept(value)?;
        let kept = attribute.required.contains(&Required::Always);
        if value.is_null() && kept && by != Party::System {
            return Err(AttributeProblem::Required);
        }
        Ok(value)
    }
}

/// An attribute of a schema cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the attribute `{name}` cannot be: {reason}")]
#[non_exhaustive]
pub struct InvalidSchema {
    /// Which one.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests;
