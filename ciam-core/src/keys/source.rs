//! Where private keys come from and where they are.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::crypto::{GenerateError, PublicKey};
use crate::error::PortError;
use crate::jose::{Algorithm, JwkError, LocalSigner, Signer};
use crate::ports::Ports;
use crate::secret::SecretBytes;

/// Makes private keys and signs with them.
///
/// [`LocalKeys`] is the default: keys are made by the backend, sealed by the [`KeyVault`](crate::vault::KeyVault), and held
/// in memory while they sign. A host overrides [`generate`](Self::generate) alone to add keys that the backend cannot make,
/// such as RSA; or both methods, to leave private keys in a KMS or an HSM: then the material is whatever names the key there.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Makes a key, or `None` when this source does not make keys for the algorithm: then they are imported.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn generate(&self, ports: &Ports, algorithm: Algorithm) -> Result<Option<NewKey>, PortError>;

    /// Prepares to sign with a key that was made before. The signer must have the algorithm and the name given here.
    ///
    /// # Errors
    ///
    /// Fails when the backend does, and when the material is not of such a key.
    async fn open(
        &self,
        ports: &Ports,
        algorithm: Algorithm,
        kid: &str,
        material: &SecretBytes,
    ) -> Result<Arc<dyn Signer>, PortError> {
        let signer = LocalSigner::from_pkcs8(ports.crypto(), algorithm, material.expose());
        let signer = signer.map_err(PortError::permanent)?;
        Ok(Arc::new(signer.with_kid(kid).with_runtime(Arc::clone(ports.runtime()))))
    }
}

/// A private key that is to join a key ring.
#[derive(Clone, Debug)]
pub struct NewKey {
    material: SecretBytes,
    public: PublicKey,
}

impl NewKey {
    /// An unencrypted PKCS #8 private key (DER).
    ///
    /// # Errors
    ///
    /// Fails when it is not a key for the algorithm, or is refused.
    pub fn from_pkcs8(ports: &Ports, algorithm: Algorithm, pkcs8: SecretBytes) -> Result<Self, JwkError> {
        let signer = LocalSigner::from_pkcs8(ports.crypto(), algorithm, pkcs8.expose())?;
        let public = signer.public_key().cloned().ok_or(JwkError::AlgorithmMismatch)?;
        Ok(Self { material: pkcs8, public })
    }

    /// A key that is elsewhere: its public part, and what [`KeySource::open`] needs to find it.
    #[must_use]
    pub const fn external(material: SecretBytes, public: PublicKey) -> Self {
        Self { material, public }
    }

    pub(super) const fn material(&self) -> &SecretBytes {
        &self.material
    }

    pub(super) const fn public(&self) -> &PublicKey {
        &self.public
    }
}

/// Keys that the backend makes and this process holds: ES256, ES384 and EdDSA.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LocalKeys;

impl LocalKeys {
    /// The default source.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl KeySource for LocalKeys {
    async fn generate(&self, ports: &Ports, algorithm: Algorithm) -> Result<Option<NewKey>, PortError> {
        let Some(scheme) = algorithm.scheme() else { return Ok(None) };
        match ports.crypto().generate_signing_key(scheme) {
            Ok(pkcs8) => NewKey::from_pkcs8(ports, algorithm, pkcs8).map(Some).map_err(PortError::permanent),
            Err(GenerateError::Unsupported) => Ok(None),
            Err(error) => Err(PortError::transient(error)),
        }
    }
}
