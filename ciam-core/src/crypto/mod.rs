//! Cryptography behind one door.
//!
//! A backend is a value that implements [`Crypto`]: whoever needs signatures, authenticated encryption or key derivation is
//! handed one when it is made. [`ring()`](ring()) is the default. The feature `aws-lc-rs` adds the constructor `aws_lc_rs()`,
//! which is faster where RSA and Ed25519 are concerned and generates RSA keys; enabling it changes no default. No other module
//! names a backend.
//!
//! ```
//! use ciam_core::crypto::{self, SignatureScheme};
//!
//! let crypto = crypto::ring();
//! let pkcs8 = crypto.generate_signing_key(SignatureScheme::EcdsaP256Sha256)?;
//! let signing = crypto.signing_key(SignatureScheme::EcdsaP256Sha256, pkcs8.expose())?;
//! let verifying = crypto.verifying_key(SignatureScheme::EcdsaP256Sha256, signing.public_key())?;
//!
//! let signature = signing.sign(b"message")?;
//! assert!(verifying.verify(b"message", &signature).is_ok());
//! assert!(verifying.verify(b"another", &signature).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//!
//! Keys are checked when they are parsed, not when they are first used: points must lie on their curve, RSA moduli have 2048
//! to 8192 bits and exponents from 65537 on, and keys with known weaknesses are refused.

#[cfg(feature = "jwe")]
mod aes_modes;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc_backend;
#[cfg(all(feature = "aws-lc-rs", feature = "jwe"))]
mod aws_lc_encryption;
mod delegate;
#[cfg(feature = "jwe")]
mod encryption;
#[cfg(feature = "foreign-hashes")]
mod password_digests;
mod public_key;
mod ring_backend;
#[cfg(feature = "jwe")]
mod ring_encryption;
mod rsa_checks;
#[cfg(feature = "jwe")]
mod software_agreement;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "jwe")]
#[cfg_attr(docsrs, doc(cfg(feature = "jwe")))]
pub use self::encryption::{ContentCipher, DecryptingKey, DecryptionKeyKind, Encryption, OaepHash};
#[cfg(feature = "foreign-hashes")]
pub(crate) use self::password_digests::{ForeignDigest, sha256_of};
pub use self::public_key::{EcCurve, PublicKey};
use crate::error::PortError;
use crate::secret::{SecretBytes, ct_eq};

/// The `ring` backend.
#[must_use]
pub fn ring() -> Arc<dyn Crypto> {
    Arc::new(ring_backend::Ring::new())
}

/// The `aws-lc-rs` backend.
///
/// Checks RS256 and EdDSA signatures about a third faster than [`ring()`](ring()), signs with RSA and Ed25519 in less than half the
/// time, and can generate RSA keys (of 2048 bits). Needs a C compiler when it is built.
#[cfg(feature = "aws-lc-rs")]
#[cfg_attr(docsrs, doc(cfg(feature = "aws-lc-rs")))]
#[must_use]
pub fn aws_lc_rs() -> Arc<dyn Crypto> {
    Arc::new(aws_lc_backend::AwsLc)
}

/// The SHA-256 digest of some bytes.
///
/// The one operation that takes no backend: its result is the same with each, and digests of tokens are made where no
/// backend is at hand.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    ring_backend::sha256(bytes)
}

/// The SHA-1 digest by which lists of breached passwords are asked. Broken for anything else.
pub(crate) fn sha1_for_breach_lists(bytes: &[u8]) -> [u8; 20] {
    ring_backend::sha1(bytes)
}

/// Fills a buffer from the operating system's random source.
pub(crate) fn fill_random(buffer: &mut [u8]) -> Result<(), PortError> {
    ring_backend::fill_random(buffer).map_err(|_| PortError::transient("the system random source failed"))
}

/// The primitives that the libraries need of a backend.
///
/// # Contract
///
/// - Parsing a key does all the work that can be done once; the parsed key is shared between threads and reused.
/// - Comparisons of secrets are constant-time.
/// - Nonces and salts of signatures, and generated keys, come from the backend's own secure random source.
pub trait Crypto: fmt::Debug + Send + Sync {
    /// The backend's name, for logs.
    fn name(&self) -> &'static str;

    /// Parses and checks a public key.
    ///
    /// # Errors
    ///
    /// Fails when the key is of another type than the scheme's, malformed, or too weak.
    fn verifying_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected>;

    /// Parses a public key that [`verifying_key`](Self::verifying_key) has accepted before, such as one that was stored then, for few
    /// signatures: what costs as much as a signature need not be checked again. A key that is no good verifies nothing.
    ///
    /// # Errors
    ///
    /// As [`verifying_key`](Self::verifying_key), as far as it is checked.
    fn known_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        self.verifying_key(scheme, key)
    }

    /// Parses a private key from unencrypted PKCS #8 (DER).
    ///
    /// # Errors
    ///
    /// Fails when the key is of another type than the scheme's, malformed, or too weak, and when the backend cannot sign
    /// with the scheme.
    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected>;

    /// Generates a private key as unencrypted PKCS #8 (DER).
    ///
    /// # Errors
    ///
    /// Fails with [`GenerateError::Unsupported`] when the backend cannot generate keys of this type (`ring` cannot generate
    /// RSA keys), and when the random source does.
    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError>;

    /// Prepares a key for HMAC-SHA-256.
    ///
    /// # Errors
    ///
    /// Fails when the key is shorter than the hash, 32 bytes
    /// ([RFC 7518, section 3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
    fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected>;

    /// Digests bytes.
    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest;

    /// Begins a digest of bytes that come in pieces: what is too large to be in memory at once.
    fn digester(&self, algorithm: DigestAlgorithm) -> Box<dyn Digester>;

    /// The HMAC ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)) from which a one-time code is cut
    /// ([RFC 4226](https://www.rfc-editor.org/rfc/rfc4226), [RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)).
    ///
    /// # Security
    ///
    /// For one-time codes alone: it takes keys of any length, and its most common hash is SHA-1, because that is what
    /// people's authenticators know. HMAC does not need a hash that resists collisions; anything that signs or compares
    /// messages takes [`mac_key`](Self::mac_key).
    fn one_time_mac(&self, algorithm: OneTimeHash, key: &SecretBytes, message: &[u8]) -> Digest;

    /// Encrypts in place with AES-256-GCM and appends the tag.
    ///
    /// # Security
    ///
    /// A nonce must never be used twice with one key.
    ///
    /// # Errors
    ///
    /// Fails only when the text is too long for the cipher.
    fn aead_seal(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), OperationFailed>;

    /// Decrypts what [`aead_seal`](Self::aead_seal) made.
    ///
    /// # Errors
    ///
    /// Fails when the text, the tag, the nonce or the associated data are not those that were sealed.
    fn aead_open(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OperationFailed>;

    /// Derives key material with HKDF-SHA-256 ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)), filling `output`.
    ///
    /// # Errors
    ///
    /// Fails when `output` is longer than 8160 bytes.
    fn derive(
        &self,
        secret: &SecretBytes,
        salt: &[u8],
        info: &[u8],
        output: &mut [u8],
    ) -> Result<(), OperationFailed>;

    /// What the backend offers for encrypted tokens; nothing by default.
    #[cfg(feature = "jwe")]
    #[cfg_attr(docsrs, doc(cfg(feature = "jwe")))]
    fn encryption(&self) -> Option<&dyn Encryption> {
        None
    }
}

/// The length of an AES-256-GCM key, in bytes.
pub const AEAD_KEY_LENGTH: usize = 32;
/// The length of an AES-GCM nonce, in bytes.
pub const AEAD_NONCE_LENGTH: usize = 12;
/// The length of an AES-GCM tag, in bytes.
pub const AEAD_TAG_LENGTH: usize = 16;

/// A way to sign, with its hash and its encoding of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// ECDSA on P-256 with SHA-256; the signature is `r || s`, 64 bytes.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384; the signature is `r || s`, 96 bytes.
    EcdsaP384Sha384,
    /// ECDSA on P-521 with SHA-512; the signature is `r || s`, 132 bytes. `aws-lc-rs` has it, `ring` has not.
    EcdsaP521Sha512,
    /// Ed25519 ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)).
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt as long as the hash.
    RsaPssSha256,
}

impl SignatureScheme {
    /// Whether its keys are RSA keys.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(
            self,
            Self::RsaPkcs1Sha256 | Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512 | Self::RsaPssSha256
        )
    }
}

/// A hash function of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The hash function of a one-time code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OneTimeHash {
    /// SHA-1: what every authenticator app knows, and many know nothing else.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The result of a hash function or a message authentication code. Equality is constant-time.
#[derive(Clone, Copy)]
pub struct Digest {
    bytes: [u8; 64],
    length: usize,
}

impl Digest {
    /// Wraps the output of a hash function; bytes after the 64th are dropped.
    #[must_use]
    pub fn new(output: &[u8]) -> Self {
        let mut bytes = [0_u8; 64];
        let mut length = 0;
        for (to, from) in bytes.iter_mut().zip(output) {
            *to = *from;
            length += 1;
        }
        Self { bytes, length }
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        ct_eq(self.as_ref(), other.as_ref())
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} bytes)", self.length)
    }
}

/// A digest of bytes that come in pieces.
///
/// ```
/// use ciam_core::crypto::{self, DigestAlgorithm};
///
/// let crypto = crypto::ring();
/// let mut digester = crypto.digester(DigestAlgorithm::Sha256);
/// digester.update(b"in ");
/// digester.update(b"pieces");
/// assert_eq!(digester.finish(), crypto.digest(DigestAlgorithm::Sha256, b"in pieces"));
/// ```
pub trait Digester: fmt::Debug + Send {
    /// Takes the next piece.
    fn update(&mut self, bytes: &[u8]);

    /// The digest of all pieces, one after the other.
    fn finish(self: Box<Self>) -> Digest;
}

/// A parsed and checked public key, bound to one scheme.
pub trait VerifyingKey: fmt::Debug + Send + Sync {
    /// The scheme.
    fn scheme(&self) -> SignatureScheme;

    /// Checks a signature.
    ///
    /// # Errors
    ///
    /// Fails when the signature is not one of this key over this message.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;
}

/// A parsed private key, bound to one scheme.
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The scheme.
    fn scheme(&self) -> SignatureScheme;

    /// The public key of the pair.
    fn public_key(&self) -> &PublicKey;

    /// Signs a message.
    ///
    /// # Errors
    ///
    /// Fails only when the random source does.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, OperationFailed>;
}

/// A prepared key for HMAC-SHA-256.
pub trait MacKey: fmt::Debug + Send + Sync {
    /// Authenticates a message.
    fn authenticate(&self, message: &[u8]) -> Digest;

    /// Checks a whole, untruncated tag in constant time.
    ///
    /// # Errors
    ///
    /// Fails when the tag is not one of this key over this message.
    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), InvalidSignature>;
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRejected {
    /// The key cannot be decoded, or its parts do not belong together.
    #[error("the key is malformed")]
    Malformed,
    /// The point is not on the curve, or is one of its few special points.
    #[error("the key is not a valid point of its curve")]
    InvalidPoint,
    /// The key is of another type than the scheme's.
    #[error("the key does not fit the algorithm")]
    WrongType,
    /// The RSA modulus has fewer than 2048 or more than 8192 bits, or a symmetric key fewer than 256.
    #[error("the key has an unacceptable size")]
    UnacceptableSize,
    /// The RSA exponent is even, below 65537 or above 33 bits.
    #[error("the public exponent is unacceptable")]
    UnacceptableExponent,
    /// The key was made by a generator that is known to be broken.
    #[error("the key has a known weakness")]
    KnownWeakness,
    /// The backend cannot do this.
    #[error("the algorithm is not supported by the backend")]
    Unsupported,
}

/// The signature or tag does not belong to the message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is invalid")]
#[non_exhaustive]
pub struct InvalidSignature;

/// The operation could not be done; deliberately without detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic operation failed")]
#[non_exhaustive]
pub struct OperationFailed;

/// A key could not be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The backend cannot generate keys of this type; import one.
    #[error("the backend cannot generate keys of this type")]
    Unsupported,
    /// The random source failed.
    #[error("the random source failed")]
    RandomSource,
}

#[cfg(test)]
mod tests;
