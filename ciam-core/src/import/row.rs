//! One account of another system, understood.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::account::schema::{AttributeProblem, AttributeSchema, Party};
use crate::account::{
    Account, AccountStatus, Identifier, IdentifierKey, IdentifierKind, Profile, ProfileError,
};
use crate::migration::{ExternalId, InvalidExternalId};
use crate::password::foreign::{ForeignHash, ForeignHashError};

/// What one row of an import says of an account.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ImportRow {
    /// The name that the other system knows the account by.
    pub external_id: Option<ExternalId>,
    /// Its identifiers, in the order of their importance.
    pub identifiers: Vec<Identifier>,
    /// What is known of the person.
    pub profile: Profile,
    /// The hash of the password.
    pub password: Option<ForeignHash>,
    /// Where the account is in its life; `None` makes it active when an identifier is verified, and pending otherwise.
    pub status: Option<AccountStatus>,
    /// When the other system made it.
    pub created_at: Option<OffsetDateTime>,
    /// Whether the old system is asked for the password at the first sign-in: [`crate::migration`].
    pub ask_old_system: bool,
    /// The fields that have no place here and are left out. For the report: names, no values.
    pub ignored: Vec<String>,
}

impl ImportRow {
    /// An empty row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an e-mail address, phone number or user name.
    ///
    /// # Errors
    ///
    /// Fails when the text is none, or there are too many.
    pub fn add(
        &mut self,
        kind: IdentifierKind,
        text: &str,
        verified_at: Option<OffsetDateTime>,
    ) -> Result<(), RowProblem> {
        let key = match kind {
            IdentifierKind::Email => IdentifierKey::email(text),
            IdentifierKind::Phone => IdentifierKey::phone(text),
            IdentifierKind::Username => IdentifierKey::username(text),
        };
        let key = key.map_err(|_| RowProblem::Identifier(kind))?;
        if let Some(known) = self.identifiers.iter_mut().find(|known| known.key == key) {
            known.verified_at = known.verified_at.or(verified_at);
            return Ok(());
        }
        if self.identifiers.len() >= Account::MAX_IDENTIFIERS {
            return Err(RowProblem::TooManyIdentifiers);
        }
        self.identifiers.push(match verified_at {
            Some(at) => Identifier::verified(key, at),
            None => Identifier::unverified(key),
        });
        Ok(())
    }

    /// Judges the attributes by a schema and brings them into its form.
    pub(super) fn fit(
        &mut self,
        schema: &AttributeSchema,
        leave_out_unknown: bool,
    ) -> Result<(), RowProblem> {
        let mut attributes = BTreeMap::new();
        for (name, value) in self.profile.iter() {
            if leave_out_unknown && schema.get(name).is_none() {
                self.ignored.push(format!("attributes.{}", shown(name)));
            } else {
                attributes.insert(name.to_owned(), value.clone());
            }
        }
        self.profile = schema.change(&Profile::new(), &attributes, Party::System).map_err(|errors| {
            let first = errors.iter().next().map(|(name, problem)| (shown(name), problem.clone()));
            let (name, problem) = first.unwrap_or_else(|| (String::new(), AttributeProblem::Unknown));
            RowProblem::Schema { name, problem }
        })?;
        Ok(())
    }

    /// Sets an attribute of the profile.
    ///
    /// # Errors
    ///
    /// Fails when the profile refuses it.
    pub fn set(&mut self, name: &str, value: impl Into<serde_json::Value>) -> Result<(), RowProblem> {
        let problem = |error| RowProblem::Attribute { name: shown(name), error };
        self.profile.set(name, value).map_err(problem)
    }
}

/// Why a row is refused. Names fields and never shows what was in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// The row is not a JSON object.
    #[error("not a JSON object")]
    Json,
    /// The row is over the limit of bytes.
    #[error("the row is too long")]
    TooLong,
    /// The file ends in the middle of the row.
    #[error("the file ends in the middle of the row")]
    Truncated,
    /// A field has a value of the wrong type.
    #[error("the field `{name}` cannot have this value")]
    Field {
        /// The field.
        name: String,
    },
    /// The format has no such field.
    #[error("there is no field `{name}`")]
    UnknownField {
        /// The field.
        name: String,
    },
    /// There is neither an e-mail address nor a phone number nor a user name.
    #[error("there is no identifier")]
    NoIdentifier,
    /// A text is no identifier of its kind.
    #[error("not a valid {}", .0.as_str())]
    Identifier(IdentifierKind),
    /// There are more than [`Account::MAX_IDENTIFIERS`].
    #[error("too many identifiers")]
    TooManyIdentifiers,
    /// The name in the other system is empty, too long or has control characters.
    #[error("not a valid external id")]
    ExternalId(#[from] InvalidExternalId),
    /// The profile refuses an attribute.
    #[error("the attribute `{name}` is refused")]
    Attribute {
        /// The attribute.
        name: String,
        /// Why.
        #[source]
        error: ProfileError,
    },
    /// The tenant's schema refuses an attribute.
    #[error("the schema refuses the attribute `{name}`")]
    Schema {
        /// The attribute.
        name: String,
        /// Why.
        #[source]
        problem: AttributeProblem,
    },
    /// The password's hash is refused.
    #[error("the password's hash is refused")]
    Hash(#[from] ForeignHashError),
    /// An identifier belongs to another account, from before or from an earlier row.
    #[error("an identifier belongs to another account")]
    Taken,
    /// The host's check refuses the row, with this code.
    #[error("refused by the host: {0}")]
    Host(&'static str),
}

impl RowProblem {
    /// The stable code, for reports.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::TooLong => "too_long",
            Self::Truncated => "truncated",
            Self::Field { .. } => "field",
            Self::UnknownField { .. } => "unknown_field",
            Self::NoIdentifier => "no_identifier",
            Self::Identifier(IdentifierKind::Email) => "email",
            Self::Identifier(IdentifierKind::Phone) => "phone",
            Self::Identifier(IdentifierKind::Username) => "username",
            Self::TooManyIdentifiers => "too_many_identifiers",
            Self::ExternalId(_) => "external_id",
            Self::Attribute { .. } => "attribute",
            Self::Schema { problem, .. } => schema_code(problem),
            Self::Hash(error) => error.code(),
            Self::Taken => "taken",
            Self::Host(code) => code,
        }
    }

    /// The field that it is about, where the code does not say.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field { name }
            | Self::UnknownField { name }
            | Self::Attribute { name, .. }
            | Self::Schema { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(super) fn in_field(name: &str) -> Self {
        Self::Field { name: shown(name) }
    }
}

/// The code of [`AttributeProblem`], as one of a row.
const fn schema_code(problem: &AttributeProblem) -> &'static str {
    match problem {
        AttributeProblem::Unknown => "attribute_unknown",
        AttributeProblem::NotWritable => "attribute_not_writable",
        AttributeProblem::Required => "attribute_required",
        AttributeProblem::WrongType => "attribute_wrong_type",
        AttributeProblem::TooLong { .. } => "attribute_too_long",
        AttributeProblem::Control => "attribute_control_characters",
        AttributeProblem::Format { .. } => "attribute_format",
        AttributeProblem::OutOfRange { .. } => "attribute_out_of_range",
        AttributeProblem::NotListed => "attribute_not_listed",
        AttributeProblem::TooMany { .. } => "attribute_too_many",
    }
}

/// A field's name as a report may show it: short, and without what could be anything.
pub(super) fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.$".contains(c) { c } else { '?' };
    name.chars().take(64).map(plain).collect()
}
