//! A vault with a key for each account.

use std::sync::Arc;

use async_trait::async_trait;

use super::cache::{Cached, KeyCache};
use super::local::lookup_hash;
use super::store::{VaultEntry, VaultStore};
use super::wrap::{KeyEncryption, SALT_LENGTH, WrappedKey, open_with, seal_with};
use super::{KeyCachePolicy, KeyVault, KeyedHash, LocalKeyVault, SealScope, Sealed, SealedProblem};
use crate::clock::{Clock, SystemClock};
use crate::crypto::{self, AEAD_KEY_LENGTH, Crypto};
use crate::encoding::base64url;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::id::{AccountId, TenantId};
use crate::secret::SecretBytes;

/// A vault with a random data key for each account, and one for the tenant: envelope encryption.
///
/// The data keys are kept in a [`VaultStore`], wrapped by a [`KeyEncryption`]. Each value is encrypted (AES-256-GCM) with a
/// key of its own that is derived (HKDF-SHA-256) from the data key and a random salt; tenant, scope and purpose are
/// authenticated with it.
///
/// Data keys that are in use are in memory, up to [`KeyCachePolicy::capacity`] of them for [`KeyCachePolicy::lifetime`] each:
/// sealing and opening then cost one look-up in memory and no call. When one node shreds a key, the others forget it
/// within that time. They cannot revive it: nothing that a node has in memory is ever written to the store.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
///
/// use ciam_core::id::{AccountId, TenantId};
/// use ciam_core::memory::MemoryVaultDatabase;
/// use ciam_core::secret::SecretBytes;
/// use ciam_core::vault::{EnvelopeVault, KeyEncryptionKey, KeyVault, LocalKeyEncryption, SealScope, is_shredded};
/// # use ciam_core::clock::SystemClock;
/// # use ciam_core::entropy::SystemEntropy;
///
/// let tenant = TenantId::generate(&SystemClock::new(), &SystemEntropy::new())?;
/// let key = KeyEncryptionKey::new(SecretBytes::random(&SystemEntropy::new(), 32)?)?;
/// let store = MemoryVaultDatabase::new().tenant(tenant);
/// let vault = EnvelopeVault::new(tenant, Arc::new(LocalKeyEncryption::new(key)), Arc::new(store));
///
/// let ada = AccountId::generate(&SystemClock::new(), &SystemEntropy::new())?;
/// let sealed = vault.seal(&SealScope::Account(ada), "app.note", b"Lovelace").await?;
/// vault.shred(ada).await?;
/// let error = vault.open(&SealScope::Account(ada), "app.note", &sealed).await.unwrap_err();
/// assert!(is_shredded(&error));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct EnvelopeVault {
    tenant: TenantId,
    wrapping: Arc<dyn KeyEncryption>,
    store: Arc<dyn VaultStore>,
    cache: Arc<KeyCache>,
    crypto: Arc<dyn Crypto>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    before: Option<LocalKeyVault>,
}

impl EnvelopeVault {
    /// A vault of one tenant, on the system's clock and entropy and the `ring` backend.
    #[must_use]
    pub fn new(tenant: TenantId, wrapping: Arc<dyn KeyEncryption>, store: Arc<dyn VaultStore>) -> Self {
        Self {
            tenant,
            wrapping,
            store,
            cache: Arc::new(KeyCache::new(KeyCachePolicy::default())),
            crypto: crypto::ring(),
            entropy: Arc::new(SystemEntropy::new()),
            clock: Arc::new(SystemClock::new()),
            before: None,
        }
    }

    /// Opens also what this vault has sealed, which the host used before. New values are sealed in the new way.
    #[must_use]
    pub fn with_values_of(mut self, before: LocalKeyVault) -> Self {
        self.before = Some(before);
        self
    }

    /// Sets how many keys are in memory, and for how long.
    #[must_use]
    pub fn with_cache(mut self, policy: KeyCachePolicy) -> Self {
        self.cache = Arc::new(KeyCache::new(policy));
        self
    }

    /// Replaces the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
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

    /// Wraps up to `limit` data keys anew that are wrapped by another than the current key-encryption key; gives back how
    /// many it looked at. Call it again until it gives back fewer than `limit`; then the older keys can be retired.
    ///
    /// # Errors
    ///
    /// Fails when the store or the key encryption does.
    pub async fn rewrap(&self, limit: u32) -> Result<u32, PortError> {
        let scopes = self.store.wrapped_by_others(self.wrapping.current_key(), limit).await?;
        for scope in &scopes {
            if let Some(VaultEntry::Key(old)) = self.store.get(scope).await? {
                let context = self.context(scope, "");
                let key = self.wrapping.unwrap(&context, &old).await?;
                let new = self.wrapping.wrap(self.wrapping.current_key(), &context, &key).await?;
                // When somebody was faster, or the key was destroyed, there is nothing left to do.
                let _replaced = self.store.replace(scope, &old, &new).await?;
            }
        }
        Ok(u32::try_from(scopes.len()).unwrap_or(u32::MAX))
    }

    /// The key of a scope; made when there is none.
    async fn key_to_seal(&self, scope: &SealScope) -> Result<Arc<SecretBytes>, PortError> {
        let now = self.clock.now();
        match self.cache.get(scope, now) {
            Some(Cached::Key(key)) => return Ok(key),
            Some(Cached::Destroyed) => return Err(shredded()),
            Some(Cached::Absent) | None => {}
        }
        if let Some(entry) = self.store.get(scope).await? {
            return self.take_up(scope, entry).await;
        }
        let key = SecretBytes::random(&*self.entropy, AEAD_KEY_LENGTH)?;
        let wrapped = self.wrapping.wrap(self.wrapping.current_key(), &self.context(scope, ""), &key).await?;
        match self.store.insert_if_absent(scope, &wrapped).await? {
            VaultEntry::Key(stored) if stored == wrapped => Ok(self.keep(scope, key)),
            entry => self.take_up(scope, entry).await,
        }
    }

    /// The key of a scope, if it has one.
    ///
    /// For a scope without one it makes the same calls as for one that has: what an account's first look-up costs does not
    /// tell whether there is an account. `known_absent` is believed where nothing could be opened anyway.
    async fn key_to_open(
        &self,
        scope: &SealScope,
        known_absent: bool,
    ) -> Result<Arc<SecretBytes>, PortError> {
        let now = self.clock.now();
        match self.cache.get(scope, now) {
            Some(Cached::Key(key)) => return Ok(key),
            Some(Cached::Destroyed) => return Err(shredded()),
            Some(Cached::Absent) if known_absent => return Err(PortError::permanent(SealedProblem::NoKey)),
            Some(Cached::Absent) | None => {}
        }
        if let Some(entry) = self.store.get(scope).await? {
            return self.take_up(scope, entry).await;
        }
        let nothing = WrappedKey::new(self.wrapping.current_key(), NOTHING);
        let _fails = self.wrapping.unwrap(&self.context(scope, ""), &nothing).await;
        self.cache.put(scope, Cached::Absent, self.clock.now());
        Err(PortError::permanent(SealedProblem::NoKey))
    }

    async fn take_up(&self, scope: &SealScope, entry: VaultEntry) -> Result<Arc<SecretBytes>, PortError> {
        match entry {
            VaultEntry::Key(wrapped) => {
                let key = self.wrapping.unwrap(&self.context(scope, ""), &wrapped).await?;
                Ok(self.keep(scope, key))
            }
            VaultEntry::Destroyed => {
                self.cache.put(scope, Cached::Destroyed, self.clock.now());
                Err(shredded())
            }
        }
    }

    fn keep(&self, scope: &SealScope, key: SecretBytes) -> Arc<SecretBytes> {
        let key = Arc::new(key);
        self.cache.put(scope, Cached::Key(Arc::clone(&key)), self.clock.now());
        key
    }

    /// Where a value belongs, unambiguous: fixed-length parts first, the purpose last.
    fn context(&self, scope: &SealScope, purpose: &str) -> Vec<u8> {
        let (tag, account) = match scope {
            SealScope::Tenant => (0, [0; 16]),
            SealScope::Account(account) => (1, *account.as_uuid().as_bytes()),
        };
        let mut context = Vec::with_capacity(64 + purpose.len());
        context.extend_from_slice(b"ciam.vault.v2\0");
        context.extend_from_slice(self.tenant.as_uuid().as_bytes());
        context.push(tag);
        context.extend_from_slice(&account);
        context.extend_from_slice(purpose.as_bytes());
        context
    }
}

#[async_trait]
impl KeyVault for EnvelopeVault {
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError> {
        let key = self.key_to_seal(scope).await?;
        let mut salt = [0; SALT_LENGTH];
        self.entropy.fill(&mut salt)?;
        let context = self.context(scope, purpose);
        let sealed = seal_with(&*self.crypto, &key, &salt, VALUE, &context, plaintext)?;
        Ok(Sealed::from_text(format!("{FORMAT}{}", base64url::encode(&sealed))))
    }

    async fn open(
        &self,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<SecretBytes, PortError> {
        let body = sealed.as_str().strip_prefix(FORMAT);
        let key = self.key_to_open(scope, body.is_none()).await;
        let Some(body) = body else {
            return match (&self.before, key) {
                // An account whose key was shredded has no values in the older form either.
                (Some(_), Err(error)) if super::is_shredded(&error) => Err(error),
                (Some(before), _) => before.open(scope, purpose, sealed).await,
                (None, _) => Err(PortError::permanent(SealedProblem::Format)),
            };
        };
        let key = key?;
        let bytes = base64url::decode(body).map_err(|_| PortError::permanent(SealedProblem::Format))?;
        open_with(&*self.crypto, &key, VALUE, &self.context(scope, purpose), &bytes)
            .map_err(PortError::permanent)
    }

    async fn lookup_hash(&self, purpose: &str, value: &[u8]) -> Result<KeyedHash, PortError> {
        let key = self.key_to_seal(&SealScope::Tenant).await?;
        lookup_hash(&*self.crypto, &key, &self.context(&SealScope::Tenant, ""), purpose, value)
    }

    async fn shred(&self, account: AccountId) -> Result<(), PortError> {
        let scope = SealScope::Account(account);
        self.store.destroy(&scope).await?;
        self.cache.put(&scope, Cached::Destroyed, self.clock.now());
        Ok(())
    }
}

fn shredded() -> PortError {
    PortError::permanent(SealedProblem::Shredded)
}

/// What stands before a value that this vault has sealed.
const FORMAT: &str = "v2.";
const VALUE: &[u8] = b"ciam.vault.value.v2";
/// A wrapped key that is none: 80 bytes of zeros.
const NOTHING: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests;
