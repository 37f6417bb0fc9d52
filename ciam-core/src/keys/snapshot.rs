//! The keys of a ring as one node knows them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::record::{AlgorithmKeys, StoredKey};
use super::source::KeySource;
use super::state::KeyState;
use crate::error::PortError;
use crate::jose::{Algorithm, KeySet, PublicJwk, PublicJwkSet, Signer, VerificationKey};
use crate::ports::Ports;
use crate::store::Version;
use crate::vault::{SealScope, Sealed};

/// The keys of a ring at one moment: immutable, parsed, shared without copying.
pub struct KeySnapshot {
    keys: KeySet,
    remembered: KeySet,
    jwks: PublicJwkSet,
    jwks_json: Bytes,
    parsed: Vec<ParsedKey>,
    versions: Vec<(Algorithm, Version)>,
}

/// A key with all that was parsed of it, kept from one snapshot to the next.
#[derive(Clone)]
struct ParsedKey {
    algorithm: Algorithm,
    jwk: PublicJwk,
    state: KeyState,
    verification: VerificationKey,
    signer: Option<Arc<dyn Signer>>,
}

impl KeySnapshot {
    /// The keys that verify what the ring signed: pending, current and retiring ones.
    ///
    /// Pending ones are among them because another node may have begun to use them.
    #[must_use]
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// All keys that the ring remembers and has not withdrawn, retired ones included: for tokens that have expired and are
    /// only a hint, such as an `id_token_hint`. They prove nothing but that the ring once signed them.
    #[must_use]
    pub const fn remembered_keys(&self) -> &KeySet {
        &self.remembered
    }

    /// The published keys, the current ones first.
    #[must_use]
    pub const fn jwks(&self) -> &PublicJwkSet {
        &self.jwks
    }

    /// The JWKS document.
    #[must_use]
    pub const fn jwks_json(&self) -> &Bytes {
        &self.jwks_json
    }

    /// The signer of an algorithm's current key.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm) -> Option<&Arc<dyn Signer>> {
        self.parsed
            .iter()
            .find(|key| key.algorithm == algorithm && key.state.is_current())
            .and_then(|key| key.signer.as_ref())
    }

    /// The state of a key; `None` when it is unknown.
    #[must_use]
    pub fn state(&self, kid: &str) -> Option<KeyState> {
        self.find(kid).map(|key| key.state)
    }

    /// The algorithm of a key; `None` when it is unknown.
    #[must_use]
    pub fn algorithm(&self, kid: &str) -> Option<Algorithm> {
        self.find(kid).map(|key| key.algorithm)
    }

    fn find(&self, kid: &str) -> Option<&ParsedKey> {
        self.parsed.iter().find(|key| key.jwk.kid() == Some(kid))
    }

    /// Whether these are the records that the snapshot was made of.
    pub(super) fn is_of(&self, versions: &[(Algorithm, Version)]) -> bool {
        self.versions == versions
    }

    /// Parses records; what `old` has parsed already is taken from there.
    pub(super) async fn load(
        ports: &Ports,
        source: &dyn KeySource,
        records: &[AlgorithmKeys],
        versions: Vec<(Algorithm, Version)>,
        old: Option<&Self>,
    ) -> Result<Self, PortError> {
        let mut parsed = Vec::new();
        for record in records {
            for key in &record.keys {
                parsed.push(parse(ports, source, record.algorithm, key, old).await?);
            }
        }
        parsed.sort_by_key(|key| !key.state.is_current());
        Self::assemble(parsed, versions)
    }

    fn assemble(parsed: Vec<ParsedKey>, versions: Vec<(Algorithm, Version)>) -> Result<Self, PortError> {
        let set = |wanted: fn(KeyState) -> bool| {
            let keys = parsed.iter().filter(|key| wanted(key.state));
            KeySet::new(keys.map(|key| key.verification.clone()).collect()).map_err(PortError::permanent)
        };
        let keys = set(KeyState::is_published)?;
        let remembered = set(|state| !matches!(state, KeyState::Retired { withdrawn: true, .. }))?;
        let published = parsed.iter().filter(|key| key.state.is_published());
        let jwks = PublicJwkSet::new(published.map(|key| key.jwk.clone()).collect());
        let jwks_json = Bytes::from(serde_json::to_vec(&jwks).map_err(PortError::permanent)?);
        Ok(Self { keys, remembered, jwks, jwks_json, parsed, versions })
    }
}

async fn parse(
    ports: &Ports,
    source: &dyn KeySource,
    algorithm: Algorithm,
    key: &StoredKey,
    old: Option<&KeySnapshot>,
) -> Result<ParsedKey, PortError> {
    let known = old.and_then(|old| {
        old.parsed.iter().find(|parsed| parsed.algorithm == algorithm && parsed.jwk == key.jwk)
    });
    let verification = match known {
        Some(known) => known.verification.clone(),
        None => VerificationKey::from_jwk(ports.crypto(), &key.jwk).map_err(PortError::permanent)?,
    };
    // Pending keys are opened too: one that cannot sign is found out before it is needed.
    let signer = match (&key.material, known.and_then(|known| known.signer.as_ref())) {
        (None, _) => None,
        (Some(_), Some(signer)) => Some(Arc::clone(signer)),
        (Some(material), None) => Some(open(ports, source, algorithm, key, material).await?),
    };
    Ok(ParsedKey { algorithm, jwk: key.jwk.clone(), state: key.state, verification, signer })
}

async fn open(
    ports: &Ports,
    source: &dyn KeySource,
    algorithm: Algorithm,
    key: &StoredKey,
    material: &Sealed,
) -> Result<Arc<dyn Signer>, PortError> {
    let material = ports.vault().open(&SealScope::Tenant, PURPOSE, material).await?;
    let signer = source.open(ports, algorithm, key.kid(), &material).await?;
    if signer.algorithm() == algorithm && signer.kid() == Some(key.kid()) {
        Ok(signer)
    } else {
        Err(PortError::permanent("the key source opened another key"))
    }
}

/// What private keys are sealed for.
pub(super) const PURPOSE: &str = "core.signing_key";

impl fmt::Debug for KeySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.parsed.iter().map(|key| (key.jwk.kid().unwrap_or_default(), key.state.name()));
        f.debug_map().entries(keys).finish()
    }
}
