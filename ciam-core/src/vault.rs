//! Sealing secrets at rest: the key vault port, and the vault that holds its keys in memory.

mod local;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::local::{InvalidKey, KeyEncryptionKey, LocalKeyVault, SealedProblem};
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

/// Seals and opens secrets that must be stored: private keys, seeds, undelivered messages.
///
/// # Contract
///
/// - **One tenant.** A handle is bound to one tenant when it is made.
/// - **Bound.** A sealed value opens only with the tenant, the scope and the purpose that it was sealed with: it cannot be
///   moved to another place.
/// - **Authenticated.** An altered value does not open.
#[async_trait]
pub trait KeyVault: fmt::Debug + Send + Sync {
    /// Seals a value for a purpose, a constant such as `core.message`.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError>;

    /// Opens a sealed value.
    ///
    /// # Errors
    ///
    /// Fails permanently when the value was altered, moved, or sealed with a key that is gone.
    async fn open(&self, scope: &SealScope, purpose: &str, sealed: &Sealed)
    -> Result<SecretBytes, PortError>;
}
