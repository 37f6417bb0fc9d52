//! Keys: those of others that we believe, and our own.

use std::fmt;
use std::sync::Arc;

use ciam_core::crypto::{Crypto, KeyRejected, PublicKey, SigningKey, VerifyingKey};
use ciam_core::secret::TokenDigest;

use super::SignatureAlgorithm;
use crate::cert::Certificate;

/// A public key of a peer, parsed for each algorithm that it can be used with.
#[derive(Clone)]
pub struct TrustedKey {
    prepared: Vec<(SignatureAlgorithm, Arc<dyn VerifyingKey>)>,
    fingerprint: TokenDigest,
}

impl TrustedKey {
    /// Parses a public key.
    ///
    /// # Errors
    ///
    /// Fails when the key is malformed, too weak, or of a type that no algorithm is for.
    pub fn new(crypto: &dyn Crypto, key: &PublicKey) -> Result<Self, KeyError> {
        let mut prepared = Vec::new();
        let mut refused = KeyRejected::WrongType;
        for algorithm in SignatureAlgorithm::ALL {
            match crypto.verifying_key(algorithm.scheme(), key) {
                Ok(key) => prepared.push((algorithm, key)),
                Err(KeyRejected::WrongType) => {}
                Err(rejected) => refused = rejected,
            }
        }
        if prepared.is_empty() {
            return Err(KeyError::Rejected(refused));
        }
        Ok(Self { prepared, fingerprint: fingerprint(key) })
    }

    /// The key of a certificate (DER). Nothing else of the certificate counts: who vouches for the key is metadata, or the
    /// administrator who entered it, and its dates are the peer's affair
    /// ([metadata interoperability profile](https://docs.oasis-open.org/security/saml/Post2.0/sstc-metadata-iop-os.html)).
    ///
    /// # Errors
    ///
    /// Fails when the certificate or its key cannot be read, or the key is too weak.
    pub fn from_certificate(crypto: &dyn Crypto, der: &[u8]) -> Result<Self, KeyError> {
        Self::new(crypto, Certificate::parse(der).ok_or(KeyError::Certificate)?.public_key())
    }

    /// The digest by which logs and states name the key.
    #[must_use]
    pub const fn fingerprint(&self) -> &TokenDigest {
        &self.fingerprint
    }

    pub(super) fn for_algorithm(&self, algorithm: SignatureAlgorithm) -> Option<&dyn VerifyingKey> {
        self.prepared.iter().find(|(known, _)| *known == algorithm).map(|(_, key)| &**key)
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedKey({})", self.fingerprint.to_text())
    }
}

/// The keys of one peer: at least one, at most [`MAX`](Self::MAX).
#[derive(Clone, Debug)]
pub struct TrustedKeys(Arc<[TrustedKey]>);

impl TrustedKeys {
    /// Most keys of one peer: two are enough to change them over.
    pub const MAX: usize = 8;

    /// Bundles keys.
    ///
    /// # Errors
    ///
    /// Fails without a key: there is no such thing as a peer whose signatures need not be checked.
    pub fn new(keys: Vec<TrustedKey>) -> Result<Self, KeyError> {
        match keys.len() {
            0 => Err(KeyError::None),
            count if count > Self::MAX => Err(KeyError::TooMany),
            _ => Ok(Self(keys.into())),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TrustedKey> {
        self.0.iter()
    }

    /// Checks a signature over octets: that of the redirect binding.
    pub(crate) fn verify_octets(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<&TrustedKey> {
        self.iter().find(|key| {
            key.for_algorithm(algorithm).is_some_and(|key| key.verify(message, signature).is_ok())
        })
    }
}

/// Our key, with the algorithm that it is used with and the certificate that peers know it by.
#[derive(Clone)]
pub struct Signer {
    key: Arc<dyn SigningKey>,
    algorithm: SignatureAlgorithm,
    certificate: Vec<u8>,
}

impl Signer {
    /// Parses a private key from unencrypted PKCS #8 (DER); the certificate (DER) has to be for it.
    ///
    /// # Errors
    ///
    /// Fails when the key is refused, or the certificate is for another.
    pub fn new(
        crypto: &dyn Crypto,
        algorithm: SignatureAlgorithm,
        pkcs8: &[u8],
        certificate: Vec<u8>,
    ) -> Result<Self, KeyError> {
        let key = crypto.signing_key(algorithm.scheme(), pkcs8).map_err(KeyError::Rejected)?;
        let parsed = Certificate::parse(&certificate).ok_or(KeyError::Certificate)?;
        if parsed.public_key() != key.public_key() {
            return Err(KeyError::OtherCertificate);
        }
        Ok(Self { key, algorithm, certificate })
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.sign(message).map_err(|_| KeyError::Failed)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?})", self.algorithm)
    }
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no key.
    #[error("there is no key")]
    None,
    /// There are more keys than [`TrustedKeys::MAX`].
    #[error("there are too many keys")]
    TooMany,
    /// The certificate cannot be read.
    #[error("the certificate cannot be read")]
    Certificate,
    /// The certificate is for another key.
    #[error("the certificate is for another key")]
    OtherCertificate,
    /// The key is refused.
    #[error("the key is refused")]
    Rejected(#[source] KeyRejected),
    /// Signing failed.
    #[error("signing failed")]
    Failed,
}

fn fingerprint(key: &PublicKey) -> TokenDigest {
    let bytes = match key {
        PublicKey::Ec { x, y, .. } => [&b"ec:"[..], x, y].concat(),
        PublicKey::Rsa { modulus, exponent } => [&b"rsa:"[..], modulus, b":", exponent].concat(),
        PublicKey::Ed25519(point) => [&b"ed:"[..], point].concat(),
        _ => Vec::new(),
    };
    TokenDigest::of_bytes(&bytes)
}
