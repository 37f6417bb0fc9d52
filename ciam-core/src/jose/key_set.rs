//! Parsed keys that verify tokens.

use std::sync::Arc;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::error::JwkError;
use super::jwk::PublicJwk;
use super::jwk_set::PublicJwkSet;
use crate::crypto::{Crypto, InvalidSignature, MacKey, PublicKey, VerifyingKey};
use crate::secret::SecretBytes;

/// A key that verifies tokens: parsed once, bound to the algorithms that it is meant for.
///
/// # Security
///
/// A public key can never verify HS256 and a secret never anything else: the confusion of the two cannot be expressed.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    kid: Option<Arc<str>>,
    algorithms: AlgorithmSet,
    parsed: Vec<(Algorithm, Parsed)>,
}

#[derive(Clone, Debug)]
enum Parsed {
    Public(Arc<dyn VerifyingKey>),
    Secret(Arc<dyn MacKey>),
}

impl VerificationKey {
    /// Parses a public JWK. Without `alg` the key serves every algorithm of its type.
    ///
    /// # Errors
    ///
    /// Fails when the backend refuses the key's numbers.
    pub fn from_jwk(crypto: &dyn Crypto, jwk: &PublicJwk) -> Result<Self, JwkError> {
        let all = Algorithm::of_public_key(jwk.key());
        let algorithms =
            all.iter().copied().filter(|of_type| jwk.algorithm().is_none_or(|own| own == *of_type));
        Self::public(crypto, algorithms, jwk.key(), jwk.kid())
    }

    /// Parses a public key for one algorithm.
    ///
    /// # Errors
    ///
    /// Fails when the algorithm is symmetric or does not fit the key, and when the backend refuses the key's numbers.
    pub fn from_public_key(
        crypto: &dyn Crypto,
        algorithm: Algorithm,
        key: &PublicKey,
        kid: Option<&str>,
    ) -> Result<Self, JwkError> {
        Self::public(crypto, [algorithm].into_iter(), key, kid)
    }

    /// Prepares a shared secret for HS256.
    ///
    /// # Errors
    ///
    /// Fails when the secret has fewer than 32 bytes
    /// ([RFC 7518, section 3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
    pub fn from_secret(
        crypto: &dyn Crypto,
        secret: &SecretBytes,
        kid: Option<&str>,
    ) -> Result<Self, JwkError> {
        Ok(Self::from_mac_key(crypto.mac_key(secret)?, kid))
    }

    /// Uses a prepared secret for HS256.
    #[must_use]
    pub fn from_mac_key(key: Arc<dyn MacKey>, kid: Option<&str>) -> Self {
        Self {
            kid: kid.map(Arc::from),
            algorithms: AlgorithmSet::of(&[Algorithm::Hs256]),
            parsed: vec![(Algorithm::Hs256, Parsed::Secret(key))],
        }
    }

    fn public(
        crypto: &dyn Crypto,
        algorithms: impl Iterator<Item = Algorithm>,
        key: &PublicKey,
        kid: Option<&str>,
    ) -> Result<Self, JwkError> {
        let mut parsed = Vec::new();
        for algorithm in algorithms {
            let scheme = algorithm.scheme().ok_or(JwkError::AlgorithmMismatch)?;
            parsed.push((algorithm, Parsed::Public(crypto.verifying_key(scheme, key)?)));
        }
        let algorithms = parsed.iter().map(|(algorithm, _)| *algorithm).collect();
        Ok(Self { kid: kid.map(Arc::from), algorithms, parsed })
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms that the key verifies.
    #[must_use]
    pub const fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let parsed = self.parsed.iter().find(|(of, _)| *of == algorithm).map(|(_, parsed)| parsed);
        match parsed {
            Some(Parsed::Public(key)) => key.verify(message, signature),
            Some(Parsed::Secret(key)) => key.verify(message, signature),
            None => Err(InvalidSignature),
        }
    }

    fn is_symmetric(&self) -> bool {
        self.algorithms.contains(Algorithm::Hs256)
    }
}

/// The keys that a token may be signed with: an immutable snapshot, cheap to share.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    ignored: usize,
}

impl KeySet {
    /// How many keys are tried for a token that does not name its key.
    pub const MAX_TRIED: usize = 4;

    /// A set of keys.
    ///
    /// # Errors
    ///
    /// Fails when two keys with the same `kid` could verify the same token, and when secrets and public keys are mixed.
    pub fn new(keys: Vec<VerificationKey>) -> Result<Self, JwkError> {
        if keys.iter().any(VerificationKey::is_symmetric) && !keys.iter().all(VerificationKey::is_symmetric) {
            return Err(JwkError::MixedKeys);
        }
        let mut rest = keys.as_slice();
        while let [key, others @ ..] = rest {
            let clash = |other: &VerificationKey| {
                key.kid.is_some() && other.kid == key.kid && other.algorithms.intersects(key.algorithms)
            };
            if others.iter().any(clash) {
                return Err(JwkError::DuplicateKeyId);
            }
            rest = others;
        }
        Ok(Self { keys, ignored: 0 })
    }

    /// Parses the keys of a JWK set. Keys that the backend refuses (weak, or no points of their curves) are left out, as
    /// [RFC 7517, section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5) wants it, and counted.
    ///
    /// # Errors
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn from_jwks(crypto: &dyn Crypto, jwks: &PublicJwkSet) -> Result<Self, JwkError> {
        let parsed =
            jwks.keys().iter().filter_map(|jwk| VerificationKey::from_jwk(crypto, jwk).ok()).collect();
        let set = Self::new(parsed)?;
        let ignored = jwks.ignored() + (jwks.keys().len() - set.keys.len());
        Ok(Self { ignored, ..set })
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// How many keys of the document could not be used.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    /// Whether there is a key of this name, for whatever algorithm.
    pub(super) fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }
}

impl From<VerificationKey> for KeySet {
    fn from(key: VerificationKey) -> Self {
        Self { keys: vec![key], ignored: 0 }
    }
}
