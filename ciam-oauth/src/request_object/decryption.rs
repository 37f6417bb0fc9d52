//! The key that clients encrypt request objects for.
//!
//! A tenant has one record of keys, each sealed by the [`KeyVault`](ciam_core::vault::KeyVault): P-256 keys, and RSA keys where the
//! cryptographic backend decrypts with them. The newest of each kind is published; the one before it still opens what clients
//! encrypted meanwhile. A token that names an unknown key makes the server look again, because another node may have rotated.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ciam_core::crypto::{Crypto, DecryptionKeyKind};
use ciam_core::error::PortError;
use ciam_core::jose::jwe::{Decrypter, DecryptionKey, EncryptionJwk, JweError, KeyManagement};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_core::store::{self, Batch, EntityRef, RecordKind, StoredRecord, Version, Versioned};
use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::client::TokenEncryption;
use crate::error::{AuthorizeError, RequestObjectProblem};
use crate::recipient::offered;

/// The keys of a tenant for request objects, open.
#[derive(Debug)]
pub(crate) struct RequestDecryption {
    ports: Ports,
    open: ArcSwap<OpenKeys>,
}

/// The keys of one version of the record.
#[derive(Debug, Default)]
struct OpenKeys {
    version: Option<Version>,
    keys: Vec<DecryptionKey>,
    published: Vec<EncryptionJwk>,
}

impl RequestDecryption {
    /// Opens the tenant's keys, and makes those that are missing.
    pub(crate) async fn load(ports: Ports) -> Result<Self, PortError> {
        let keys = Self { ports, open: ArcSwap::default() };
        for _ in 0..ATTEMPTS {
            let stored = store::load::<DecryptionRecord>(keys.ports.store(), DecryptionRecord::KEY).await?;
            let mut missing = kinds(keys.ports.crypto());
            missing.retain(|kind| !stored.as_ref().is_some_and(|found| found.value.has(*kind)));
            if missing.is_empty() {
                keys.reload().await?;
                return Ok(keys);
            }
            // Another node may make them at the same time; whichever are stored are everybody's.
            let _stored_by_somebody = keys.add(stored, &missing).await?;
        }
        Err(PortError::transient("the request keys are being changed by others"))
    }

    /// The keys that clients encrypt for, one of each kind, without a `use` for anything else.
    pub(crate) fn published(&self) -> Vec<EncryptionJwk> {
        self.open.load().published.clone()
    }

    pub(crate) async fn rotate(&self) -> Result<(), PortError> {
        let all = kinds(self.ports.crypto());
        for _ in 0..ATTEMPTS {
            let stored = store::load::<DecryptionRecord>(self.ports.store(), DecryptionRecord::KEY).await?;
            if self.add(stored, &all).await? {
                self.reload().await?;
                return Ok(());
            }
        }
        Err(PortError::transient("the request keys are being changed by others"))
    }

    async fn decrypt(&self, token: &str) -> Result<Opened, AuthorizeError> {
        match self.attempt(token) {
            Err(JweError::UnknownKey) => {
                self.reload().await?;
                self.attempt(token)
            }
            opened => opened,
        }
        .map_err(|error| match error {
            JweError::Malformed | JweError::TooLarge | JweError::DuplicateMember => {
                RequestObjectProblem::Malformed.into()
            }
            _ => RequestObjectProblem::Encryption.into(),
        })
    }

    fn attempt(&self, token: &str) -> Result<Opened, JweError> {
        let keys = self.open.load().keys.clone();
        let decrypted = Decrypter::new(Arc::clone(self.ports.crypto_backend()), keys).decrypt(token)?;
        let header = decrypted.header();
        let used = TokenEncryption::new(header.management, header.encryption);
        // What it says it holds does not matter: nothing but a signed request object is taken.
        let signed = std::str::from_utf8(decrypted.content().expose()).map_err(|_| JweError::NotNested)?;
        Ok(Opened { used, signed: Secret::from(signed) })
    }

    async fn reload(&self) -> Result<Option<()>, PortError> {
        let stored = store::load::<DecryptionRecord>(self.ports.store(), DecryptionRecord::KEY).await?;
        let Some(Versioned { value: record, version, .. }) = stored else { return Ok(None) };
        if self.open.load().version == Some(version) {
            return Ok(Some(()));
        }
        let ways = offered(self.ports.crypto());
        let (mut keys, mut published) = (Vec::new(), Vec::<(Kind, EncryptionJwk)>::new());
        for stored in &record.keys {
            // A key of a kind that this node's backend does not use is another node's.
            let of_kind: Vec<KeyManagement> =
                ways.iter().copied().filter(|way| Kind::of(*way) == Some(stored.kind)).collect();
            if of_kind.is_empty() {
                continue;
            }
            let pkcs8 = self.ports.vault().open(&SealScope::Tenant, PURPOSE, &stored.sealed).await?;
            for way in of_kind {
                let key = DecryptionKey::from_pkcs8(self.ports.crypto(), way, pkcs8.expose());
                let key = key.map_err(PortError::permanent)?.with_kid(&stored.kid);
                // One key for all ways of its kind: it is published without one, and the newest of its kind alone.
                let public = key.public_jwk().and_then(|jwk| EncryptionJwk::new(jwk.key().clone()).ok());
                published.retain(|(kind, _)| *kind != stored.kind);
                published.extend(public.map(|jwk| (stored.kind, jwk.with_kid(&stored.kid))));
                keys.push(key);
            }
        }
        let published = published.into_iter().map(|(_, jwk)| jwk).collect();
        self.open.store(Arc::new(OpenKeys { version: Some(version), keys, published }));
        Ok(Some(()))
    }

    /// Stores one more key of each of these kinds behind those that were read; `false` when somebody else was faster.
    async fn add(
        &self,
        stored: Option<Versioned<DecryptionRecord>>,
        wanted: &[Kind],
    ) -> Result<bool, PortError> {
        let encryption = self.ports.crypto().encryption();
        let encryption = encryption.ok_or_else(|| PortError::permanent("the backend has no encryption"))?;
        let entity = EntityRef::record::<DecryptionRecord>(DecryptionRecord::KEY);
        let (mut record, batch) = match stored {
            None => (DecryptionRecord { keys: Vec::new() }, Batch::new().require_absent(entity)),
            Some(found) => (found.value, Batch::new().require_version(entity, found.version)),
        };
        for kind in wanted {
            let pkcs8 = encryption.generate_decryption_key(kind.generated()).map_err(PortError::permanent)?;
            let sealed = self.ports.vault().seal(&SealScope::Tenant, PURPOSE, pkcs8.expose()).await?;
            let kid = Secret::random(self.ports.entropy())?.expose().chars().take(KID_LENGTH).collect();
            record.keys.push(SealedKey { kind: *kind, kid, sealed, made_at: self.ports.now() });
            record.keep_newest(*kind);
        }
        Ok(self.ports.store().commit(batch.put(&record)?).await?.is_applied())
    }
}

/// What was inside of an encrypted request object.
struct Opened {
    used: TokenEncryption,
    signed: Secret,
}

impl AuthorizationServer {
    /// Opens an encrypted request object; what is inside is still to be verified.
    pub(super) async fn decrypt_request(
        &self,
        object: &str,
        registered: Option<TokenEncryption>,
    ) -> Result<String, AuthorizeError> {
        let keys = self.request_decryption().ok_or(RequestObjectProblem::Encryption)?;
        let opened = keys.decrypt(object).await?;
        if registered.is_some_and(|registered| registered != opened.used) {
            return Err(RequestObjectProblem::Encryption.into());
        }
        Ok(opened.signed.expose().to_owned())
    }

    /// Makes a new key for encrypted request objects. Those that were encrypted for the one before are still opened.
    ///
    /// # Errors
    ///
    /// Fails when request objects are not [encrypted](super::RequestObjects::encrypted) here, when a port does, or when other
    /// nodes rotate at the same time.
    pub async fn rotate_request_key(&self) -> Result<(), PortError> {
        match self.request_decryption() {
            Some(keys) => keys.rotate().await,
            None => Err(PortError::permanent("request objects are not encrypted here")),
        }
    }
}

/// What the keys are sealed for.
const PURPOSE: &str = "oauth.request-object-key";

/// How often a lost race for the record is run again.
const ATTEMPTS: usize = 4;

const KID_LENGTH: usize = 16;

/// The sealed keys of a tenant, oldest first.
#[derive(Debug, Serialize, Deserialize)]
struct DecryptionRecord {
    keys: Vec<SealedKey>,
}

impl DecryptionRecord {
    const KEY: &'static str = "request-object";
    /// Of each kind.
    const MAX_KEYS: usize = 2;

    fn has(&self, kind: Kind) -> bool {
        self.keys.iter().any(|key| key.kind == kind)
    }

    fn keep_newest(&mut self, kind: Kind) {
        let of_kind = self.keys.iter().filter(|key| key.kind == kind).count();
        let mut surplus = of_kind.saturating_sub(Self::MAX_KEYS);
        self.keys.retain(|key| {
            let goes = key.kind == kind && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

/// What kind of key one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// P-256, for agreement. Records of the time before there were others do not say it.
    #[default]
    Agreement,
    /// RSA.
    Rsa,
}

impl Kind {
    const fn of(way: KeyManagement) -> Option<Self> {
        match way {
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw => Some(Self::Agreement),
            KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => Some(Self::Rsa),
            _ => None,
        }
    }

    const fn generated(self) -> DecryptionKeyKind {
        match self {
            Self::Agreement => DecryptionKeyKind::P256,
            Self::Rsa => DecryptionKeyKind::Rsa,
        }
    }
}

/// The kinds that a backend decrypts with.
fn kinds(crypto: &dyn Crypto) -> Vec<Kind> {
    let mut all: Vec<Kind> = offered(crypto).into_iter().filter_map(Kind::of).collect();
    all.dedup();
    all
}

#[derive(Debug, Serialize, Deserialize)]
struct SealedKey {
    #[serde(default)]
    kind: Kind,
    kid: String,
    sealed: Sealed,
    #[serde(with = "time::serde::rfc3339")]
    made_at: OffsetDateTime,
}

impl StoredRecord for DecryptionRecord {
    const KIND: RecordKind = RecordKind::new("oauth.request_key", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}
