//! The key vault of ports in memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryVaultDatabase;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::error::PortError;
use crate::id::{AccountId, TenantId};
use crate::secret::SecretBytes;
use crate::vault::{
    EnvelopeVault, KeyEncryptionKey, KeyVault, KeyedHash, LocalKeyEncryption, SealScope, Sealed,
};

/// A vault with a new random key; one that refuses everything when there is no randomness to make it of.
pub(super) fn vault(
    tenant: TenantId,
    clock: &Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Arc<dyn KeyVault> {
    let key = SecretBytes::random(&*entropy, KeyEncryptionKey::LENGTH)
        .ok()
        .and_then(|key| KeyEncryptionKey::new(key).ok());
    match key {
        Some(key) => {
            let store = Arc::new(MemoryVaultDatabase::new().tenant(tenant));
            let vault = EnvelopeVault::new(tenant, Arc::new(LocalKeyEncryption::new(key)), store);
            Arc::new(vault.with_clock(Arc::clone(clock)).with_entropy(entropy))
        }
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

    async fn lookup_hash(&self, _purpose: &str, _value: &[u8]) -> Result<KeyedHash, PortError> {
        Err(no_key())
    }

    async fn shred(&self, _account: AccountId) -> Result<(), PortError> {
        Err(no_key())
    }
}

fn no_key() -> PortError {
    PortError::permanent("the entropy source failed when the vault was made")
}
