//! Records: the state that a protocol crate owns, in a shape that any store can hold.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Store;
use crate::error::PortError;
use crate::id::AccountId;

/// How often an entity has been written: 1 after the insert. Counted by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(i64);

impl Version {
    /// The version of an entity that was just inserted.
    pub const FIRST: Self = Self(1);

    /// Wraps a stored version.
    #[must_use]
    pub const fn new(version: i64) -> Self {
        Self(version)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The version after one more write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// An entity as it was read, with the version to require when it is written back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Versioned<T> {
    /// The entity.
    pub value: T,
    /// Its version when it was read.
    pub version: Version,
}

impl<T> Versioned<T> {
    /// Pairs an entity with its version.
    #[must_use]
    pub const fn new(value: T, version: Version) -> Self {
        Self { value, version }
    }

    /// Converts the entity and keeps the version.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { value: convert(self.value), version: self.version }
    }
}

/// The name of the index by which a kind says which account its records belong to. Its value is the account's id. What such
/// a record says is sealed by a [`SealingStore`](crate::sealing::SealingStore), exported and erased with the account.
pub const OWNER_INDEX: &str = "account";

/// A kind of record, declared once as a constant by the module that owns it.
///
/// ```
/// use ciam_core::store::{IndexDeclaration, RecordKind};
///
/// const CLIENT: RecordKind = RecordKind::new("oauth.client", &[IndexDeclaration::many("owner")]);
/// assert_eq!(CLIENT.name(), "oauth.client");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordKind {
    name: &'static str,
    indexes: &'static [IndexDeclaration],
    private: bool,
}

impl RecordKind {
    /// Declares a kind: a stable name of the form `crate.thing`, and the indexes that reads may ask for.
    #[must_use]
    pub const fn new(name: &'static str, indexes: &'static [IndexDeclaration]) -> Self {
        Self { name, indexes, private: false }
    }

    /// Says that records of this kind hold personal data though they belong to no account, such as an invitation to somebody
    /// who has none yet.
    #[must_use]
    pub const fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Whether its records hold personal data though they belong to no account.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// Whether its records belong to accounts: it has an index of the name [`OWNER_INDEX`].
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.index(OWNER_INDEX).is_some()
    }

    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The declared indexes.
    #[must_use]
    pub const fn indexes(&self) -> &'static [IndexDeclaration] {
        self.indexes
    }

    /// The declaration of an index, if the kind has it.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<&'static IndexDeclaration> {
        self.indexes.iter().find(|index| index.name == name)
    }
}

/// An index of a record kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexDeclaration {
    name: &'static str,
    unique: bool,
    hashed: bool,
}

impl IndexDeclaration {
    /// An index in which many records may share a value.
    #[must_use]
    pub const fn many(name: &'static str) -> Self {
        Self { name, unique: false, hashed: false }
    }

    /// An index in which each value belongs to at most one record of the kind.
    #[must_use]
    pub const fn unique(name: &'static str) -> Self {
        Self { name, unique: true, hashed: false }
    }

    /// Says that its values are personal data, such as e-mail addresses: a [`SealingStore`](crate::sealing::SealingStore)
    /// keeps keyed hashes of them. Of a kind that belongs to accounts or is [`private`](RecordKind::private), and from the
    /// kind's beginning.
    #[must_use]
    pub const fn hashed(mut self) -> Self {
        self.hashed = true;
        self
    }

    /// Whether its values are personal data.
    #[must_use]
    pub const fn is_hashed(&self) -> bool {
        self.hashed
    }

    /// The index's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a value belongs to at most one record.
    #[must_use]
    pub const fn is_unique(&self) -> bool {
        self.unique
    }
}

/// The value of a declared index of one record. Secrets only as digests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct IndexValue {
    /// The declared index.
    pub index: IndexDeclaration,
    /// The value; a record may have several values in one index, each written once.
    pub value: String,
}

impl IndexValue {
    /// A value in an index.
    #[must_use]
    pub fn new(index: IndexDeclaration, value: impl Into<String>) -> Self {
        Self { index, value: value.into() }
    }
}

/// A record: what a store keeps of a protocol crate's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The kind.
    pub kind: RecordKind,
    /// The key, unique within the kind; at most 512 bytes.
    pub key: String,
    /// The schema version of the body.
    pub schema: u16,
    /// The body: a JSON document.
    pub body: String,
    /// A number that [`Precondition::CounterBelow`](super::Precondition::CounterBelow) compares; 0 when unused.
    pub counter: i64,
    /// The values of the declared indexes.
    pub indexes: Vec<IndexValue>,
    /// From when the record counts as absent; `None` keeps it until it is deleted.
    pub expires_at: Option<OffsetDateTime>,
}

impl Record {
    /// A record without counter, indexes and expiry.
    #[must_use]
    pub fn new(kind: RecordKind, key: impl Into<String>, schema: u16, body: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.into(),
            schema,
            body: body.into(),
            counter: 0,
            indexes: Vec::new(),
            expires_at: None,
        }
    }

    /// The account that it belongs to: the value of its [`OWNER_INDEX`].
    #[must_use]
    pub fn owner(&self) -> Option<AccountId> {
        let value = self.indexes.iter().find(|value| value.index.name() == OWNER_INDEX)?;
        value.value.parse().ok()
    }

    /// Encodes a typed record.
    ///
    /// # Errors
    ///
    /// Fails when the value cannot be written as JSON.
    pub fn encode<T: StoredRecord>(value: &T) -> Result<Self, RecordError> {
        Ok(Self {
            kind: T::KIND,
            key: value.key(),
            schema: T::SCHEMA,
            body: serde_json::to_string(value).map_err(|_| RecordError::Encode { kind: T::KIND.name() })?,
            counter: value.counter(),
            indexes: value.indexes(),
            expires_at: value.expires_at(),
        })
    }

    /// Decodes a typed record.
    ///
    /// # Errors
    ///
    /// Fails when the record is of another kind, of an unknown schema version, or damaged.
    pub fn decode<T: StoredRecord>(&self) -> Result<T, RecordError> {
        if self.kind.name() != T::KIND.name() {
            return Err(RecordError::WrongKind { expected: T::KIND.name() });
        }
        T::decode(self.schema, &self.body)
    }
}

/// A type that is stored as a [`Record`].
pub trait StoredRecord: Serialize + DeserializeOwned {
    /// The kind.
    const KIND: RecordKind;
    /// The schema version that is written today.
    const SCHEMA: u16;

    /// The key, unique within the kind.
    fn key(&self) -> String;

    /// The values of the declared indexes.
    fn indexes(&self) -> Vec<IndexValue> {
        Vec::new()
    }

    /// The number that counter preconditions compare.
    fn counter(&self) -> i64 {
        0
    }

    /// From when the record counts as absent.
    fn expires_at(&self) -> Option<OffsetDateTime> {
        None
    }

    /// Reads a body. Override it to read the schema versions of older releases.
    ///
    /// # Errors
    ///
    /// Fails when the schema version is unknown or the body is damaged.
    fn decode(schema: u16, body: &str) -> Result<Self, RecordError> {
        if schema != Self::SCHEMA {
            return Err(RecordError::UnknownSchema { kind: Self::KIND.name(), schema });
        }
        serde_json::from_str(body).map_err(|_| RecordError::Damaged { kind: Self::KIND.name() })
    }
}

/// A record could not be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The value cannot be written as JSON.
    #[error("a record of kind `{kind}` cannot be encoded")]
    Encode {
        /// The kind's name.
        kind: &'static str,
    },
    /// The record is of another kind than was asked for.
    #[error("the record is not of kind `{expected}`")]
    WrongKind {
        /// The kind's name.
        expected: &'static str,
    },
    /// The record was written by a release that this one does not know.
    #[error("a record of kind `{kind}` has the unknown schema version {schema}")]
    UnknownSchema {
        /// The kind's name.
        kind: &'static str,
        /// The version found.
        schema: u16,
    },
    /// The body is not what the schema says.
    #[error("a record of kind `{kind}` is damaged")]
    Damaged {
        /// The kind's name.
        kind: &'static str,
    },
}

impl From<RecordError> for PortError {
    fn from(error: RecordError) -> Self {
        Self::permanent(error)
    }
}

/// Reads and decodes one typed record.
///
/// # Errors
///
/// Fails when the store does, or when the record cannot be decoded.
pub async fn load<T: StoredRecord>(store: &dyn Store, key: &str) -> Result<Option<Versioned<T>>, PortError> {
    match store.record(T::KIND, key).await? {
        None => Ok(None),
        Some(found) => Ok(Some(Versioned::new(found.value.decode()?, found.version))),
    }
}
