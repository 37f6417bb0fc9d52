//! A key vault that keeps the secrets themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::entropy::Entropy;
use crate::error::PortError;
use crate::secret::{Secret, SecretBytes};
use crate::vault::{KeyVault, SealScope, Sealed};

/// Keeps secrets in memory and hands out random names for them. For tests.
#[derive(Debug)]
pub struct MemoryVault {
    entropy: Arc<dyn Entropy>,
    sealed: Mutex<BTreeMap<String, (SealScope, String, SecretBytes)>>,
}

impl MemoryVault {
    /// An empty one.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, sealed: Mutex::default() }
    }
}

#[async_trait]
impl KeyVault for MemoryVault {
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError> {
        let name = Secret::random(&*self.entropy)?;
        let entry = (*scope, purpose.to_owned(), SecretBytes::new(plaintext.to_vec()));
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.expose().to_owned(), entry);
        Ok(Sealed::from_text(name.expose()))
    }

    async fn open(
        &self,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<SecretBytes, PortError> {
        let entries = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(sealed.as_str()) {
            Some((of, wanted, secret)) if of == scope && wanted == purpose => Ok(secret.clone()),
            _ => Err(PortError::permanent("the sealed value does not open")),
        }
    }
}
