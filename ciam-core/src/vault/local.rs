//! Envelope encryption under a key that the host keeps.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{KeyVault, KeyedHash, SealScope, Sealed};
use crate::crypto::{self, AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, AEAD_TAG_LENGTH, Crypto, OperationFailed};
use crate::encoding::base64url;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::id::{AccountId, TenantId};
use crate::secret::SecretBytes;

/// A 256-bit key under which everything else is sealed. The host keeps it: in a file, a secret manager, a KMS.
///
/// Its id is a fingerprint, so that a sealed value says which key it needs and nobody has to name keys.
#[derive(Clone)]
pub struct KeyEncryptionKey {
    id: Arc<str>,
    pub(super) key: Arc<SecretBytes>,
}

impl KeyEncryptionKey {
    /// The length, in bytes.
    pub const LENGTH: usize = 32;

    /// Wraps a key of 32 random bytes.
    ///
    /// # Errors
    ///
    /// Fails when the key has another length, or is the same byte over and over: a placeholder that was never replaced.
    pub fn new(key: SecretBytes) -> Result<Self, InvalidKey> {
        let bytes = key.expose();
        if bytes.len() != Self::LENGTH || bytes.windows(2).all(|pair| pair.first() == pair.last()) {
            return Err(InvalidKey);
        }
        let mut fingerprint = [0; 9];
        crypto::ring()
            .derive(&key, b"", b"ciam.vault.v1 key id", &mut fingerprint)
            .map_err(|OperationFailed { .. }| InvalidKey)?;
        Ok(Self { id: Arc::from(base64url::encode(&fingerprint)), key: Arc::new(key) })
    }

    /// The key's fingerprint.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.id)
    }
}

/// The bytes are not a key of 32 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key-encryption key is 32 random bytes")]
#[non_exhaustive]
pub struct InvalidKey;

/// Why a sealed value does not open: the source of the port's permanent error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedProblem {
    /// It was altered, or sealed for another tenant, scope or purpose.
    #[error("the sealed value was altered or belongs elsewhere")]
    Altered,
    /// It is not of a known format.
    #[error("the sealed value has an unknown format")]
    Format,
    /// It was sealed under a key that this vault does not have.
    #[error("the sealed value needs the key-encryption key `{id}`")]
    UnknownKey {
        /// The key's fingerprint.
        id: String,
    },
    /// The account's key was shredded.
    #[error("the account's key was shredded")]
    Shredded,
    /// Nothing was ever sealed in this scope.
    #[error("nothing was sealed in this scope")]
    NoKey,
    /// This vault derives all keys from one and cannot destroy one of them.
    #[error("this vault cannot shred; use an envelope vault")]
    CannotShred,
}

/// A vault whose keys are in memory: envelope encryption under a [`KeyEncryptionKey`].
///
/// Each value is encrypted (AES-256-GCM) with a random key of its own. That key is encrypted with one derived (HKDF-SHA-256)
/// from the key-encryption key, the tenant, the scope and a random salt. Tenant, scope and purpose are authenticated with
/// both, so that a sealed value opens only in its place.
///
/// To change the key-encryption key, make the vault with the new one and [`with_previous`](Self::with_previous): new values
/// are sealed under the new key, old ones still open, and [`reseal`](Self::reseal) moves them.
///
/// ```
/// use ciam_core::id::TenantId;
/// use ciam_core::secret::SecretBytes;
/// use ciam_core::vault::{KeyEncryptionKey, KeyVault, LocalKeyVault, SealScope};
/// # use ciam_core::clock::SystemClock;
/// # use ciam_core::entropy::SystemEntropy;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let key = KeyEncryptionKey::new(SecretBytes::random(&SystemEntropy::new(), 32)?)?;
/// let tenant = TenantId::generate(&SystemClock::new(), &SystemEntropy::new())?;
/// let vault = LocalKeyVault::new(tenant, key);
///
/// let sealed = vault.seal(&SealScope::Tenant, "app.note", b"attack at dawn").await?;
/// assert_eq!(vault.open(&SealScope::Tenant, "app.note", &sealed).await?.expose(), b"attack at dawn");
/// assert!(vault.open(&SealScope::Tenant, "app.other", &sealed).await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// Whoever has the key-encryption key and the database has every sealed secret. Erasing one account's key apart from the
/// others is not possible here, because all are derived from the one key: [`shred`](KeyVault::shred) fails. A host that
/// keeps people's data uses an [`EnvelopeVault`](super::EnvelopeVault).
#[derive(Clone, Debug)]
pub struct LocalKeyVault {
    tenant: TenantId,
    current: KeyEncryptionKey,
    previous: Vec<KeyEncryptionKey>,
    crypto: Arc<dyn Crypto>,
    entropy: Arc<dyn Entropy>,
}

impl LocalKeyVault {
    /// A vault of one tenant on the system's entropy and the `ring` backend. Several tenants may share a key.
    #[must_use]
    pub fn new(tenant: TenantId, key: KeyEncryptionKey) -> Self {
        Self {
            tenant,
            current: key,
            previous: Vec::new(),
            crypto: crypto::ring(),
            entropy: Arc::new(SystemEntropy::new()),
        }
    }

    /// Adds a key that older values were sealed under.
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

    /// Replaces the entropy source.
    ///
    /// # Security
    ///
    /// For tests. Data keys are as strong as this source.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Seals a value again under the current key, if it is sealed under a previous one.
    ///
    /// # Errors
    ///
    /// Fails when the value does not open.
    pub fn reseal(
        &self,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, PortError> {
        let (id, _) = split(sealed.as_str()).map_err(PortError::permanent)?;
        if id == self.current.id() {
            return Ok(None);
        }
        let text = self.open_now(scope, purpose, sealed)?;
        self.seal_now(scope, purpose, text.expose()).map(Some)
    }

    fn seal_now(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError> {
        let context = context(self.tenant, scope, purpose);
        let mut salt = [0; SALT_LENGTH];
        self.entropy.fill(&mut salt)?;
        let mut data_key = Zeroizing::new([0; AEAD_KEY_LENGTH]);
        self.entropy.fill(&mut *data_key)?;

        let wrapping = self.wrapping_key(&self.current, &salt, scope)?;
        let mut wrapped = data_key.to_vec();
        let sealed = self.crypto.aead_seal(&wrapping.key, wrapping.nonce, &context, &mut wrapped);
        sealed.map_err(PortError::permanent)?;

        let mut text = plaintext.to_vec();
        // The data key is used once, so its nonce can be a constant.
        let sealed = self.crypto.aead_seal(&data_key, [0; AEAD_NONCE_LENGTH], &context, &mut text);
        sealed.map_err(PortError::permanent)?;

        let envelope = [&salt[..], &wrapped, &text].concat();
        let (id, body) = (self.current.id(), base64url::encode(&envelope));
        Ok(Sealed::from_text(format!("{FORMAT}.{id}.{body}")))
    }

    fn open_now(&self, scope: &SealScope, purpose: &str, sealed: &Sealed) -> Result<SecretBytes, PortError> {
        self.try_open(scope, purpose, sealed.as_str()).map_err(PortError::permanent)
    }

    fn try_open(&self, scope: &SealScope, purpose: &str, sealed: &str) -> Result<SecretBytes, SealedProblem> {
        let (id, body) = split(sealed)?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id() == id)
            .ok_or_else(|| SealedProblem::UnknownKey { id: id.to_owned() })?;
        let envelope = base64url::decode(body).map_err(|_| SealedProblem::Format)?;
        let (salt, rest) = envelope.split_first_chunk::<SALT_LENGTH>().ok_or(SealedProblem::Format)?;
        let (wrapped, text) = rest.split_at_checked(WRAPPED_LENGTH).ok_or(SealedProblem::Format)?;

        let altered = |OperationFailed { .. }| SealedProblem::Altered;
        let context = context(self.tenant, scope, purpose);
        let wrapping = self.wrapping_key(key, salt, scope).map_err(|_| SealedProblem::Format)?;
        let data_key =
            self.crypto.aead_open(&wrapping.key, wrapping.nonce, &context, wrapped).map_err(altered)?;
        let data_key = data_key.expose().try_into().map_err(|_| SealedProblem::Format)?;
        self.crypto.aead_open(data_key, [0; AEAD_NONCE_LENGTH], &context, text).map_err(altered)
    }

    /// The key and nonce that wrap one data key. Both are new with each salt, so no pair is ever used twice.
    fn wrapping_key(
        &self,
        key: &KeyEncryptionKey,
        salt: &[u8; SALT_LENGTH],
        scope: &SealScope,
    ) -> Result<Wrapping, PortError> {
        let mut material = Zeroizing::new([0; AEAD_KEY_LENGTH + AEAD_NONCE_LENGTH]);
        let info = context(self.tenant, scope, "");
        let derived = self.crypto.derive(&key.key, salt, &info, &mut *material);
        derived.map_err(PortError::permanent)?;
        let mut wrapping =
            Wrapping { key: Zeroizing::new([0; AEAD_KEY_LENGTH]), nonce: [0; AEAD_NONCE_LENGTH] };
        let places = wrapping.key.iter_mut().chain(&mut wrapping.nonce);
        places.zip(material.iter()).for_each(|(to, from)| *to = *from);
        Ok(wrapping)
    }
}

#[async_trait]
impl KeyVault for LocalKeyVault {
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError> {
        self.seal_now(scope, purpose, plaintext)
    }

    async fn open(
        &self,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<SecretBytes, PortError> {
        self.open_now(scope, purpose, sealed)
    }

    async fn lookup_hash(&self, purpose: &str, value: &[u8]) -> Result<KeyedHash, PortError> {
        let info = context(self.tenant, &SealScope::Tenant, "");
        // The hash must stay the same when the key-encryption key changes: the oldest key makes it.
        let key = self.previous.last().unwrap_or(&self.current);
        lookup_hash(&*self.crypto, &key.key, &info, purpose, value)
    }

    /// Fails always: see [`EnvelopeVault`](super::EnvelopeVault).
    async fn shred(&self, _account: AccountId) -> Result<(), PortError> {
        Err(PortError::permanent(SealedProblem::CannotShred))
    }
}

/// HMAC-SHA-256 of a value, with a key that is derived for this purpose alone.
pub(super) fn lookup_hash(
    crypto: &dyn Crypto,
    key: &SecretBytes,
    context: &[u8],
    purpose: &str,
    value: &[u8],
) -> Result<KeyedHash, PortError> {
    let mut derived = Zeroizing::new([0; 32]);
    let info = [context, b"\0lookup\0", purpose.as_bytes()].concat();
    crypto.derive(key, b"ciam.vault.lookup", &info, &mut *derived).map_err(PortError::permanent)?;
    let mac = crypto.mac_key(&SecretBytes::new(derived.to_vec())).map_err(PortError::permanent)?;
    let tag = mac.authenticate(value);
    let bytes = tag.as_ref().try_into().map_err(PortError::permanent)?;
    Ok(KeyedHash::from_bytes(bytes))
}

struct Wrapping {
    key: Zeroizing<[u8; AEAD_KEY_LENGTH]>,
    nonce: [u8; AEAD_NONCE_LENGTH],
}

/// `v1.<key id>.<salt, wrapped data key and text in base64url>`.
const FORMAT: &str = "v1";
const SALT_LENGTH: usize = 32;
const WRAPPED_LENGTH: usize = AEAD_KEY_LENGTH + AEAD_TAG_LENGTH;

fn split(sealed: &str) -> Result<(&str, &str), SealedProblem> {
    let mut parts = sealed.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(FORMAT), Some(id), Some(body), None) => Ok((id, body)),
        _ => Err(SealedProblem::Format),
    }
}

/// Where a value belongs, unambiguous: fixed-length parts first, the purpose last.
fn context(tenant: TenantId, scope: &SealScope, purpose: &str) -> Vec<u8> {
    let (tag, account) = match scope {
        SealScope::Tenant => (0, [0; 16]),
        SealScope::Account(account) => (1, *account.as_uuid().as_bytes()),
    };
    let mut context = Vec::with_capacity(64 + purpose.len());
    context.extend_from_slice(b"ciam.vault.v1\0");
    context.extend_from_slice(tenant.as_uuid().as_bytes());
    context.push(tag);
    context.extend_from_slice(&account);
    context.extend_from_slice(purpose.as_bytes());
    context
}

#[cfg(test)]
mod tests;
