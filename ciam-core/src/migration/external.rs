//! Who an account was in another system.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::PortError;
use crate::id::AccountId;
use crate::ports::Ports;
use crate::secret::TokenDigest;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord, load};

const OF_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

/// Who an account was in the system that it was imported from.
///
/// Kept under a digest of the source and the external id, and found again by [`ExternalAccount::find`]: for links that
/// name people by the old id, and so that a second import of the same people makes no second accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExternalAccount {
    /// The name of the source, such as `auth0`.
    pub source: String,
    /// The id there; `None` where the import had none, and the account is remembered by its first identifier.
    pub external_id: Option<String>,
    /// The account here.
    pub account: AccountId,
    /// When it was imported.
    #[serde(with = "time::serde::rfc3339")]
    pub imported_at: OffsetDateTime,
    /// The keyed hash that it is kept under: nobody without the tenant's key can try whose it is.
    key: TokenDigest,
}

impl ExternalAccount {
    pub(crate) async fn new(
        ports: &Ports,
        source: &str,
        name: &Named<'_>,
        account: AccountId,
    ) -> Result<Self, PortError> {
        let external_id = match name {
            Named::Id(id) => Some(id.as_str().to_owned()),
            Named::Identifier(_) => None,
        };
        let key = name.key(ports, source).await?;
        Ok(Self { source: source.to_owned(), external_id, account, imported_at: ports.now(), key })
    }

    pub(crate) fn text_key(&self) -> String {
        self.key.to_text()
    }

    /// The account that a source knows by this id.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn find(ports: &Ports, source: &str, id: &ExternalId) -> Result<Option<AccountId>, PortError> {
        let key = Named::Id(id).key(ports, source).await?.to_text();
        let found = load::<Self>(ports.store(), &key).await?;
        Ok(found.map(|found| found.value.account))
    }
}

impl StoredRecord for ExternalAccount {
    const KIND: RecordKind = RecordKind::new("core.external_account", &[OF_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.key.to_text()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OF_ACCOUNT, self.account.to_string())]
    }
}

const PURPOSE: &str = "core.external_account";

/// What an imported account is remembered by.
#[cfg_attr(not(feature = "foreign-hashes"), expect(dead_code, reason = "only imports know nobody's id"))]
pub(crate) enum Named<'a> {
    Id(&'a ExternalId),
    Identifier(&'a str),
}

impl Named<'_> {
    pub(crate) async fn key(&self, ports: &Ports, source: &str) -> Result<TokenDigest, PortError> {
        let (kind, name) = match self {
            Self::Id(id) => ("id", id.as_str()),
            Self::Identifier(identifier) => ("identifier", *identifier),
        };
        // The length keeps a source that ends like a name begins apart from its neighbour.
        let text = format!("{}\n{source}\n{kind}\n{name}", source.len());
        let hash = ports.vault().lookup_hash(PURPOSE, text.as_bytes()).await?;
        Ok(TokenDigest::from_bytes(*hash.as_bytes()))
    }
}

/// The name that another system knows an account by: `auth0|507f1f77bcf86cd799439020`, a number, a distinguished name. 1
/// to 255 bytes without control characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    /// The longest, in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// Takes a name.
    ///
    /// # Errors
    ///
    /// Fails when it is empty, too long or has control characters.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidExternalId> {
        let id = id.into();
        if id.is_empty() || id.len() > Self::MAX_LENGTH || id.chars().any(char::is_control) {
            return Err(InvalidExternalId);
        }
        Ok(Self(id))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing: it is a pseudonym of a person.
impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(..)")
    }
}

/// The text cannot be an external id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid external id")]
#[non_exhaustive]
pub struct InvalidExternalId;

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::memory;

    #[tokio::test]
    async fn nobody_without_the_tenants_key_can_try_whose_a_name_is() {
        let (one, other) = (memory::ports(), memory::ports());
        let key = async |ports| Named::Identifier("ada@example.com").key(ports, "auth0").await.ok();
        assert!(key(&one).await.is_some());
        assert_eq!(key(&one).await, key(&one).await);
        assert_ne!(key(&one).await, key(&other).await);
    }
}
