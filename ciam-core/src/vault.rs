//! Sealing secrets and personal data at rest: the key vault port, and two vaults.
//!
//! - [`EnvelopeVault`] has a random key for each account and each tenant. The keys are kept, wrapped by a
//!   [`KeyEncryption`] (a key file, a KMS), in a [`VaultStore`] outside the database and its backups. Shredding an
//!   account's key makes everything that was ever sealed for the account unreadable, wherever a copy of it may lie.
//! - [`LocalKeyVault`] derives every key from one. It needs no store, and cannot shred.

mod cache;
mod envelope;
mod local;
mod store;
mod wrap;

use std::error::Error as _;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::cache::KeyCachePolicy;
pub use self::envelope::EnvelopeVault;
pub use self::local::{InvalidKey, KeyEncryptionKey, LocalKeyVault, SealedProblem};
pub use self::store::{VaultEntry, VaultStore};
pub use self::wrap::{KeyEncryption, LocalKeyEncryption, WrappedKey};
use crate::encoding::base64url;
use crate::error::PortError;
use crate::id::AccountId;
use crate::secret::SecretBytes;

/// Whose key seals a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SealScope {
    /// The tenant's key.
    Tenant,
    /// The key of one account.
    Account(AccountId),
}

/// A sealed value: opaque text that only the vault which made it can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Wraps the text that a vault made.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keyed hash of a value: the same for the same value, and of no use without the tenant's key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyedHash([u8; 32]);

impl KeyedHash {
    /// Wraps the bytes that a vault made.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash as 43 characters of base64url text, usable as a key.
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(&self.0)
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHash(..)")
    }
}

/// Whether a value did not open, or was not sealed, because the account's key was shredded.
#[must_use]
pub fn is_shredded(error: &PortError) -> bool {
    let problem = error.source().and_then(|source| source.downcast_ref::<SealedProblem>());
    matches!(problem, Some(SealedProblem::Shredded))
}

/// Seals and opens what must be stored and not be read: private keys, seeds, undelivered messages, personal data.
///
/// # Contract
///
/// - **One tenant.** A handle is bound to one tenant when it is made.
/// - **Bound.** A sealed value opens only with the tenant, the scope and the purpose that it was sealed with: it cannot be
///   moved to another place.
/// - **Authenticated.** An altered value does not open.
/// - **Looked up.** [`lookup_hash`](Self::lookup_hash) is the same for the same purpose and value through every handle and
///   for as long as the tenant lives, and tells nothing to who does not have the tenant's key.
/// - **Shredded.** After [`shred`](Self::shred) nothing of the account opens any more, and nothing is sealed for it any
///   more: not by a call that was under way, and not because an older copy of the database came back. Other handles may
///   still open for as long as the implementation says that they keep keys in memory; none of them can bring the key back.
#[async_trait]
pub trait KeyVault: fmt::Debug + Send + Sync {
    /// Seals a value for a purpose, a constant such as `core.message`.
    ///
    /// # Errors
    ///
    /// Fails when the backend does; permanently, with [`SealedProblem::Shredded`] as its source, when the account's key was
    /// shredded.
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError>;

    /// Opens a sealed value.
    ///
    /// # Errors
    ///
    /// Fails permanently when the value was altered, moved, or sealed with a key that is gone; with
    /// [`SealedProblem::Shredded`] as its source when the account's key was shredded ([`is_shredded`] tells).
    async fn open(&self, scope: &SealScope, purpose: &str, sealed: &Sealed)
    -> Result<SecretBytes, PortError>;

    /// The keyed hash of a value under the tenant's key, by which what is sealed can be found again.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn lookup_hash(&self, purpose: &str, value: &[u8]) -> Result<KeyedHash, PortError>;

    /// Destroys the key of an account for good. An account that never had a key, or was shredded before, is fine.
    ///
    /// # Errors
    ///
    /// Fails when the backend does; permanently when this vault cannot destroy the key of one account.
    async fn shred(&self, account: AccountId) -> Result<(), PortError>;
}
