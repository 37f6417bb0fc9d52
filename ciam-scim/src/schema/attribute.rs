//! Attributes as data ([RFC 7643, section 7]).
//!
//! [RFC 7643, section 7]: https://www.rfc-editor.org/rfc/rfc7643#section-7

use serde::{Deserialize, Serialize};

/// The type of an attribute ([RFC 7643, section 2.3](https://www.rfc-editor.org/rfc/rfc7643#section-2.3)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AttributeType {
    /// Text.
    #[default]
    String,
    /// True or false.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// A moment.
    DateTime,
    /// Bytes, as base64 text.
    Binary,
    /// The URI of something.
    Reference,
    /// A set of sub-attributes.
    Complex,
}

/// Who may change an attribute ([RFC 7643, section 7](https://www.rfc-editor.org/rfc/rfc7643#section-7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Mutability {
    /// Only the server; what a client sends is ignored.
    ReadOnly,
    /// Clients.
    #[default]
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// Clients, who never read it back.
    WriteOnly,
}

/// When an attribute is in a response ([RFC 7643, section 7](https://www.rfc-editor.org/rfc/rfc7643#section-7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Returned {
    /// In every response.
    Always,
    /// In none.
    Never,
    /// Unless it is excluded or others are asked for.
    #[default]
    Default,
    /// When it is asked for.
    Request,
}

/// How far a value is nobody else's ([RFC 7643, section 7](https://www.rfc-editor.org/rfc/rfc7643#section-7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Uniqueness {
    /// Many may have it.
    #[default]
    None,
    /// One resource of the type in the organization.
    Server,
    /// Treated as [`Server`](Self::Server): other servers are not asked.
    Global,
}

/// One attribute of a schema, in the shape that the standard gives it.
///
/// ```
/// use ciam_scim::schema::{Attribute, AttributeType, Mutability};
///
/// let badge = Attribute::new("badge", AttributeType::Integer).with_mutability(Mutability::Immutable);
/// let same: Attribute = serde_json::from_str(r#"{"name":"badge","type":"integer","mutability":"immutable"}"#)?;
/// assert_eq!(badge, same);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Attribute {
    /// The name, ASCII; case does not matter.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// The sub-attributes of a complex attribute; these are never complex themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Self>,
    /// Whether it has many values.
    pub multi_valued: bool,
    /// What people read.
    pub description: String,
    /// Whether a resource must have it.
    pub required: bool,
    /// Values that are suggested, not demanded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether case makes another value.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is in a response.
    pub returned: Returned,
    /// How far a value is nobody else's.
    pub uniqueness: Uniqueness,
    /// What a reference may point to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
}

impl Attribute {
    /// An attribute of a type with the defaults of the standard: one value, read and write, returned by default.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: AttributeType) -> Self {
        Self { name: name.into(), kind, ..Self::default() }
    }

    /// A complex attribute.
    #[must_use]
    pub fn complex(name: impl Into<String>, sub_attributes: Vec<Self>) -> Self {
        Self { sub_attributes, ..Self::new(name, AttributeType::Complex) }
    }

    /// Sets what people read.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Gives it many values.
    #[must_use]
    pub const fn multi_valued(mut self) -> Self {
        self.multi_valued = true;
        self
    }

    /// Makes it one that a resource must have.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Lets case make another value.
    #[must_use]
    pub const fn case_exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    /// Sets who may change it.
    #[must_use]
    pub const fn with_mutability(mut self, mutability: Mutability) -> Self {
        self.mutability = mutability;
        self
    }

    /// Sets when it is in a response.
    #[must_use]
    pub const fn with_returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    /// Makes each value one resource's alone.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.uniqueness = Uniqueness::Server;
        self
    }

    /// Sets the suggested values.
    #[must_use]
    pub fn with_canonical<const N: usize>(mut self, values: [&str; N]) -> Self {
        self.canonical_values = values.map(ToOwned::to_owned).to_vec();
        self
    }

    /// Sets what a reference may point to.
    #[must_use]
    pub fn referring_to<const N: usize>(mut self, types: [&str; N]) -> Self {
        self.reference_types = types.map(ToOwned::to_owned).to_vec();
        self
    }
}

/// A schema: an identifier and attributes ([RFC 7643, section 7](https://www.rfc-editor.org/rfc/rfc7643#section-7)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Schema {
    /// The URI.
    pub id: String,
    /// A name that people read.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The attributes.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// A schema.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, attributes: Vec<Attribute>) -> Self {
        Self { id: id.into(), name: name.into(), description: String::new(), attributes }
    }

    /// Sets what it is for.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }
}
