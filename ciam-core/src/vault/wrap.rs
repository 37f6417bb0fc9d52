//! Key encryption: what wraps the keys of accounts and tenants.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::local::{KeyEncryptionKey, SealedProblem};
use crate::crypto::{self, AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Crypto, OperationFailed};
use crate::encoding::base64url;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::secret::SecretBytes;

/// A data key, encrypted by a [`KeyEncryption`]: what a [`VaultStore`](super::VaultStore) keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WrappedKey {
    /// Which key-encryption key wrapped it.
    pub key_id: String,
    /// The encrypted key: opaque text, at most 8 KiB.
    pub text: String,
}

impl WrappedKey {
    /// A wrapped key.
    #[must_use]
    pub fn new(key_id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key_id: key_id.into(), text: text.into() }
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey(by {})", self.key_id)
    }
}

/// Encrypts and decrypts data keys, as a key management service does.
///
/// # Contract
///
/// - A wrapped key is unwrapped only with the same context (the "encryption context" of a KMS) and the same key id.
/// - [`current_key`](Self::current_key) names the key that new data keys are wrapped with. After a rotation, what older keys
///   wrapped is still unwrapped until they are retired.
///
/// It is called once for each account that a node has not seen for a while, not for each value.
#[async_trait]
pub trait KeyEncryption: fmt::Debug + Send + Sync {
    /// The id of the key that wraps.
    fn current_key(&self) -> &str;

    /// Encrypts a data key with a key of this id.
    ///
    /// # Errors
    ///
    /// Fails permanently when there is no such key, and when the backend fails.
    async fn wrap(&self, key_id: &str, context: &[u8], key: &SecretBytes) -> Result<WrappedKey, PortError>;

    /// Decrypts a data key.
    ///
    /// # Errors
    ///
    /// Fails permanently when the key-encryption key is unknown or the wrapped key was altered or moved, and when the
    /// backend fails.
    async fn unwrap(&self, context: &[u8], wrapped: &WrappedKey) -> Result<SecretBytes, PortError>;
}

/// Key encryption with keys in memory, such as those of a key file (AES-256-GCM under a key that is derived anew each
/// time).
///
/// To rotate: make it with the new key and [`with_previous`](Self::with_previous) the old one, let
/// [`EnvelopeVault::rewrap`](super::EnvelopeVault::rewrap) go through, then leave the old key out.
#[derive(Clone, Debug)]
pub struct LocalKeyEncryption {
    current: KeyEncryptionKey,
    previous: Vec<KeyEncryptionKey>,
    crypto: Arc<dyn Crypto>,
    entropy: Arc<dyn Entropy>,
}

impl LocalKeyEncryption {
    /// Key encryption with one key.
    #[must_use]
    pub fn new(key: KeyEncryptionKey) -> Self {
        Self {
            current: key,
            previous: Vec::new(),
            crypto: crypto::ring(),
            entropy: Arc::new(SystemEntropy::new()),
        }
    }

    /// Adds a key that older data keys were wrapped with.
    #[must_use]
    pub fn with_previous(mut self, key: KeyEncryptionKey) -> Self {
        self.previous.push(key);
        self
    }

    /// Replaces the cryptographic backend.
    #[must_use]
    pub fn with_crypto(mut self, crypto: Arc<dyn Crypto>) -> Self {
        self.crypto = crypto;
        self
    }

    fn key(&self, id: &str) -> Result<&KeyEncryptionKey, PortError> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let unknown = || PortError::permanent(SealedProblem::UnknownKey { id: id.to_owned() });
        keys.find(|key| key.id() == id).ok_or_else(unknown)
    }
}

#[async_trait]
impl KeyEncryption for LocalKeyEncryption {
    fn current_key(&self) -> &str {
        self.current.id()
    }

    async fn wrap(&self, key_id: &str, context: &[u8], key: &SecretBytes) -> Result<WrappedKey, PortError> {
        let wrapping = self.key(key_id)?;
        let mut salt = [0; SALT_LENGTH];
        self.entropy.fill(&mut salt)?;
        let text = seal_with(&*self.crypto, &wrapping.key, &salt, INFO, context, key.expose())?;
        Ok(WrappedKey::new(key_id, base64url::encode(&text)))
    }

    async fn unwrap(&self, context: &[u8], wrapped: &WrappedKey) -> Result<SecretBytes, PortError> {
        let wrapping = self.key(&wrapped.key_id)?;
        let bytes = base64url::decode(&wrapped.text);
        let bytes = bytes.map_err(|_| PortError::permanent(SealedProblem::Format))?;
        open_with(&*self.crypto, &wrapping.key, INFO, context, &bytes).map_err(PortError::permanent)
    }
}

const INFO: &[u8] = b"ciam.vault.wrap.v1";

/// The salt that stands before every sealed text, in bytes.
pub(super) const SALT_LENGTH: usize = 32;

/// Encrypts with a key and nonce that are derived (HKDF-SHA-256) from the key and a random salt, which are new each time, so
/// that no pair is used twice however many values one key seals. The salt stands before the text.
pub(super) fn seal_with(
    crypto: &dyn Crypto,
    key: &SecretBytes,
    salt: &[u8; SALT_LENGTH],
    info: &[u8],
    context: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, PortError> {
    let once = derive(crypto, key, salt, info).map_err(PortError::permanent)?;
    let mut text = plain.to_vec();
    crypto.aead_seal(&once.key, once.nonce, context, &mut text).map_err(PortError::permanent)?;
    Ok([&salt[..], &text].concat())
}

/// Decrypts what [`seal_with`] made.
pub(super) fn open_with(
    crypto: &dyn Crypto,
    key: &SecretBytes,
    info: &[u8],
    context: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, SealedProblem> {
    let (salt, text) = sealed.split_first_chunk::<SALT_LENGTH>().ok_or(SealedProblem::Format)?;
    let once = derive(crypto, key, salt, info).map_err(|_| SealedProblem::Format)?;
    crypto.aead_open(&once.key, once.nonce, context, text).map_err(|_| SealedProblem::Altered)
}

struct Once {
    key: zeroize::Zeroizing<[u8; AEAD_KEY_LENGTH]>,
    nonce: [u8; AEAD_NONCE_LENGTH],
}

fn derive(
    crypto: &dyn Crypto,
    key: &SecretBytes,
    salt: &[u8; SALT_LENGTH],
    info: &[u8],
) -> Result<Once, OperationFailed> {
    let mut material = zeroize::Zeroizing::new([0; AEAD_KEY_LENGTH + AEAD_NONCE_LENGTH]);
    crypto.derive(key, salt, info, &mut *material)?;
    let mut once = Once { key: zeroize::Zeroizing::new([0; AEAD_KEY_LENGTH]), nonce: [0; AEAD_NONCE_LENGTH] };
    let places = once.key.iter_mut().chain(&mut once.nonce);
    places.zip(material.iter()).for_each(|(to, from)| *to = *from);
    Ok(once)
}
