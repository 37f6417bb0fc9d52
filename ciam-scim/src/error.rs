//! What a client is told when something was not done ([RFC 7644, section 3.12]).
//!
//! [RFC 7644, section 3.12]: https://www.rfc-editor.org/rfc/rfc7644#section-3.12

use ciam_core::error::PortError;
use ciam_core::store::RecordError;
use serde_json::{Map, Value, json};

/// The kind of a mistake, the `scimType` of an error ([RFC 7644, section 3.12], [RFC 9865, section 3]).
///
/// [RFC 7644, section 3.12]: https://www.rfc-editor.org/rfc/rfc7644#section-3.12
/// [RFC 9865, section 3]: https://www.rfc-editor.org/rfc/rfc9865#section-3
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScimType {
    /// The filter is no filter, or compares what cannot be compared.
    InvalidFilter,
    /// The filter would have to look at more resources than the server is willing to.
    TooMany,
    /// Something of the same name exists already.
    Uniqueness,
    /// An attribute would change that may not.
    Mutability,
    /// The request is not of the form.
    InvalidSyntax,
    /// The path of a patch operation is none.
    InvalidPath,
    /// The path of a patch operation leads nowhere.
    NoTarget,
    /// A value is missing or not of the attribute's type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request has personal data in its URL.
    Sensitive,
    /// The cursor is not one that this server made for this query.
    InvalidCursor,
    /// The cursor is too old.
    ExpiredCursor,
    /// The page size changed between the pages of a cursor.
    InvalidCount,
}

impl ScimType {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }

    /// The status that goes with it: 409 for a lost uniqueness, 403 for what is sensitive, else 400.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            Self::Sensitive => 403,
            _ => 400,
        }
    }
}

/// Something was not done, and nothing changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
#[non_exhaustive]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// The kind of the mistake, where the standard has one for it.
    pub scim_type: Option<ScimType>,
    /// What a person who configures the client reads. Nothing of another tenant or organization, and no secret.
    pub detail: String,
    /// What the store said, for logs only.
    #[source]
    pub source: Option<PortError>,
}

impl ScimError {
    /// The schema of an error message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:api:messages:2.0:Error";

    /// A mistake of a kind.
    #[must_use]
    pub fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: scim_type.status(), scim_type: Some(scim_type), detail: detail.into(), source: None }
    }

    /// An error that has a status and no kind.
    #[must_use]
    pub fn status(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into(), source: None }
    }

    /// There is no such resource, as far as this connection can see.
    #[must_use]
    pub fn not_found() -> Self {
        Self::status(404, "there is no such resource")
    }

    /// The body is not of the form.
    #[must_use]
    pub fn syntax(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidSyntax, detail)
    }

    /// A value is not one.
    #[must_use]
    pub fn value(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidValue, detail)
    }

    /// Others kept changing the same thing.
    #[must_use]
    pub fn busy() -> Self {
        Self::status(503, "the resource is being changed by others")
    }

    /// The message on the wire. The status is a string there.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut message = Map::new();
        message.insert("schemas".to_owned(), json!([Self::SCHEMA]));
        message.insert("status".to_owned(), Value::String(self.status.to_string()));
        if let Some(kind) = self.scim_type {
            message.insert("scimType".to_owned(), kind.as_str().into());
        }
        message.insert("detail".to_owned(), self.detail.clone().into());
        Value::Object(message)
    }
}

impl From<PortError> for ScimError {
    fn from(error: PortError) -> Self {
        Self {
            status: 503,
            scim_type: None,
            detail: "the service is not available".to_owned(),
            source: Some(error),
        }
    }
}

impl From<RecordError> for ScimError {
    fn from(error: RecordError) -> Self {
        PortError::from(error).into()
    }
}
