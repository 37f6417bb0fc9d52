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
use futures_util::lock::Mutex as AsyncMutex;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::AuthorizationServer;
use crate::client::{Client, ClientKeys, TokenEncryption};

/// The encryption keys of clients and resources that publish them, by their address.
#[derive(Debug, Default)]
pub(crate) struct RecipientCache {
    remote: Mutex<HashMap<String, Arc<Remote>>>,
}

/// The keys at one address.
#[derive(Debug, Default)]
struct Remote {
    kept: Mutex<Kept>,
    /// Held by whoever fetches.
    fetching: AsyncMutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    /// What was fetched last, and when.
    keys: Option<(Arc<EncryptionJwkSet>, OffsetDateTime)>,
    attempted_at: Option<OffsetDateTime>,
}

impl Kept {
    fn within(&self, age: Duration, now: OffsetDateTime) -> Option<Arc<EncryptionJwkSet>> {
        let (keys, fetched_at) = self.keys.as_ref()?;
        (now - *fetched_at < age).then(|| Arc::clone(keys))
    }

    fn is_cooling(&self, now: OffsetDateTime) -> bool {
        self.attempted_at.is_some_and(|at| now - at < RecipientCache::COOLDOWN)
    }
}

impl Remote {
    fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner));
    }
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

    fn at(&self, url: &str) -> Arc<Remote> {
        let mut all = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(url) {
            return Arc::clone(known);
        }
        if all.len() >= Self::MAX {
            // Whichever goes is fetched again when it is needed.
            let any = all.keys().next().cloned();
            any.and_then(|any| all.remove(&any));
        }
        Arc::clone(all.entry(url.to_owned()).or_default())
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

    /// Of requests that come at once one fetches; the others use what is known, or wait for it.
    async fn remote_recipient_keys(&self, url: &str) -> Result<Arc<EncryptionJwkSet>, PortError> {
        let now = self.ports().now();
        let remote = self.recipients().at(url);
        let known = remote.kept();
        if let Some(keys) = known.within(RecipientCache::REFRESH_AFTER, now) {
            return Ok(keys);
        }
        let usable = known.within(RecipientCache::STALE_AFTER, now);
        let _one_at_a_time = match (remote.fetching.try_lock(), usable) {
            (None, Some(usable)) => return Ok(usable),
            (None, None) => remote.fetching.lock().await,
            (Some(guard), _) => guard,
        };
        // Whoever waited here finds what the one before has fetched.
        let kept = remote.kept();
        if kept.within(RecipientCache::REFRESH_AFTER, now).is_none() && !kept.is_cooling(now) {
            remote.change(|kept| kept.attempted_at = Some(now));
            if let Some(keys) = self.fetch_recipient_keys(url).await {
                remote.change(|kept| kept.keys = Some((keys, now)));
            }
        }
        let usable = remote.kept().within(RecipientCache::STALE_AFTER, now);
        usable.ok_or_else(|| PortError::transient("the recipient's keys cannot be fetched"))
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
