//! The key vault of ports in memory.

use std::sync::Arc;

use async_trait::async_trait;

use crate::entropy::Entropy;
use crate::error::PortError;
use crate::id::TenantId;
use crate::secret::SecretBytes;
use crate::vault::{KeyEncryptionKey, KeyVault, LocalKeyVault, SealScope, Sealed};

/// A vault with a new random key; one that refuses everything when there is no randomness to make it of.
pub(super) fn vault(tenant: TenantId, entropy: Arc<dyn Entropy>) -> Arc<dyn KeyVault> {
    let key = SecretBytes::random(&*entropy, KeyEncryptionKey::LENGTH)
        .ok()
        .and_then(|key| KeyEncryptionKey::new(key).ok());
    match key {
        Some(key) => Arc::new(LocalKeyVault::new(tenant, key).with_entropy(entropy)),
        None => Arc::new(NoVault),
    }
}

/// A vault without a key.
#[derive(Debug)]
struct NoVault;

#[async_trait]
impl KeyVault for NoVault {
    async fn seal(&self, _scope: &SealScope, _purpose: &str, _plaintext: &[u8]) -> Result<Sealed, PortError> {
        Err(no_key())
    }

    async fn open(
        &self,
        _scope: &SealScope,
        _purpose: &str,
        _sealed: &Sealed,
    ) -> Result<SecretBytes, PortError> {
        Err(no_key())
    }
}

fn no_key() -> PortError {
    PortError::permanent("the entropy source failed when the vault was made")
}
