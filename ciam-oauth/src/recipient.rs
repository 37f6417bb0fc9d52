//! Encrypting tokens for the client or the resource that they go to.
//!
//! A token is signed first and encrypted then ([RFC 7519, section 11.2](https://www.rfc-editor.org/rfc/rfc7519#section-11.2)):
//! what the client opens is a token whose signature it checks. The key is one that the client published; it is chosen by the
//! registered algorithm, never by what a request says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ciam_core::error::PortError;
use ciam_core::jose::JwkSetLimits;
use ciam_core::jose::jwe::{self, EncryptionJwkSet, KeyManagement, Recipient};
use ciam_core::outbound::Outbound;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::AuthorizationServer;
use crate::client::{Client, ClientKeys, TokenEncryption};

/// The encryption keys of clients and resources that publish them, by their address.
#[derive(Debug, Default)]
pub(crate) struct RecipientCache {
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    keys: Option<Arc<EncryptionJwkSet>>,
    fetched_at: OffsetDateTime,
    attempted_at: OffsetDateTime,
}

impl RecipientCache {
    /// At most this many key sets are kept.
    const MAX: usize = 1_000;
    /// Keys older than this are fetched again.
    const REFRESH_AFTER: Duration = Duration::minutes(15);
    /// Keys older than this are no longer used when they cannot be fetched.
    const STALE_AFTER: Duration = Duration::hours(24);
    /// No fetch begins sooner than this after the last one.
    const COOLDOWN: Duration = Duration::seconds(30);

    fn get(&self, url: &str) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    fn put(&self, url: &str, kept: Kept) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= Self::MAX && !all.contains_key(url) {
            // Whichever goes is fetched again when it is needed.
            let any = all.keys().next().cloned();
            any.and_then(|any| all.remove(&any));
        }
        all.insert(url.to_owned(), kept);
    }
}

impl AuthorizationServer {
    /// How tokens can be encrypted for clients: what the cryptographic backend does with public keys.
    #[must_use]
    pub fn key_managements(&self) -> Vec<KeyManagement> {
        offered(self.ports().crypto())
    }

    /// Encrypts a signed token for a client, as it is registered.
    ///
    /// # Errors
    ///
    /// Fails when the client has no key that serves the encryption, and when its keys cannot be fetched. Nothing is ever sent
    /// unencrypted instead.
    pub async fn encrypt_for(
        &self,
        client: &Client,
        encryption: TokenEncryption,
        token: &str,
    ) -> Result<String, PortError> {
        self.encrypt_to(client.public_keys(), encryption, Some("JWT"), token.as_bytes()).await
    }

    /// Encrypts claims that are not signed for a client, as it is registered.
    ///
    /// # Errors
    ///
    /// As [`encrypt_for`](Self::encrypt_for).
    pub async fn encrypt_claims_for(
        &self,
        client: &Client,
        encryption: TokenEncryption,
        claims: &[u8],
    ) -> Result<String, PortError> {
        self.encrypt_to(client.public_keys(), encryption, None, claims).await
    }

    /// Encrypts for whoever published these keys.
    pub(crate) async fn encrypt_to(
        &self,
        keys: Option<&ClientKeys>,
        encryption: TokenEncryption,
        content_type: Option<&str>,
        content: &[u8],
    ) -> Result<String, PortError> {
        let keys = self.recipient_keys(keys).await?;
        let key = keys
            .find(encryption.alg)
            .ok_or_else(|| PortError::permanent("the recipient has no key to encrypt for"))?;
        let recipient = Recipient::new(key, encryption.alg, encryption.enc).map_err(PortError::permanent)?;
        let crypto = self.ports().crypto();
        jwe::encrypt(crypto, &recipient, content_type, content).map_err(PortError::permanent)
    }

    async fn recipient_keys(&self, keys: Option<&ClientKeys>) -> Result<Arc<EncryptionJwkSet>, PortError> {
        match keys {
            Some(ClientKeys::Jwks(set)) => parse(set).map(Arc::new),
            Some(ClientKeys::JwksUri(url)) => self.remote_recipient_keys(url).await,
            None => Err(PortError::permanent("the recipient has no keys")),
        }
    }

    async fn remote_recipient_keys(&self, url: &str) -> Result<Arc<EncryptionJwkSet>, PortError> {
        let now = self.ports().now();
        let known = self.recipients().get(url);
        let kept =
            known.as_ref().and_then(|known| known.keys.clone().map(|keys| (keys, now - known.fetched_at)));
        if let Some((keys, age)) = &kept
            && *age < RecipientCache::REFRESH_AFTER
        {
            return Ok(Arc::clone(keys));
        }
        let usable = kept.filter(|(_, age)| *age < RecipientCache::STALE_AFTER).map(|(keys, _)| keys);
        let cooling = known.as_ref().is_some_and(|known| now - known.attempted_at < RecipientCache::COOLDOWN);
        let fetched = if cooling { None } else { self.fetch_recipient_keys(url).await };
        match (fetched, usable) {
            (Some(keys), _) => {
                let kept = Kept { keys: Some(Arc::clone(&keys)), fetched_at: now, attempted_at: now };
                self.recipients().put(url, kept);
                Ok(keys)
            }
            (None, usable) => {
                if !cooling {
                    let fetched_at = known.map_or(now, |known| known.fetched_at);
                    self.recipients().put(url, Kept { keys: usable.clone(), fetched_at, attempted_at: now });
                }
                usable.ok_or_else(|| PortError::transient("the recipient's keys cannot be fetched"))
            }
        }
    }

    async fn fetch_recipient_keys(&self, url: &str) -> Option<Arc<EncryptionJwkSet>> {
        let set: Value = Outbound::new(self.ports().clone()).get_json(url).await.ok()?;
        parse(&set).ok().map(Arc::new)
    }
}

fn parse(set: &Value) -> Result<EncryptionJwkSet, PortError> {
    EncryptionJwkSet::parse(&set.to_string(), &JwkSetLimits::default()).map_err(PortError::permanent)
}

/// How a backend encrypts for public keys. What it decrypts it encrypts too; secrets are not shared with clients, because only
/// digests of them are stored.
pub(crate) fn offered(crypto: &dyn ciam_core::crypto::Crypto) -> Vec<KeyManagement> {
    KeyManagement::decryptable_with(crypto).into_iter().filter(|way| *way != KeyManagement::Dir).collect()
}
