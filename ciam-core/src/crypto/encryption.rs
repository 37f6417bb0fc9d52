//! What encrypted tokens need of a backend, beside what [`Crypto`](super::Crypto) always has.

use std::fmt;
use std::sync::Arc;

use super::{DigestAlgorithm, GenerateError, KeyRejected, OperationFailed, PublicKey};
use crate::secret::SecretBytes;

/// Encryption of content, wrapping of keys and agreement upon them, as JWE uses them
/// ([RFC 7518](https://www.rfc-editor.org/rfc/rfc7518)). A backend hands it out by
/// [`Crypto::encryption`](super::Crypto::encryption).
///
/// # Contract
///
/// - Authentication comes before decryption is given away: of a text whose tag is wrong nothing is returned.
/// - Comparisons of tags and operations with private keys take constant time; a padding that is wrong looks like a tag that
///   is wrong.
/// - Points of others are checked to lie on their curve before they meet a private key.
pub trait Encryption: fmt::Debug + Send + Sync {
    /// Whether keys of this type can be made, parsed and used to decrypt.
    fn can_decrypt_with(&self, kind: DecryptionKeyKind) -> bool;

    /// Encrypts in place and returns the tag.
    ///
    /// # Errors
    ///
    /// Fails when key or nonce have another length than the cipher's.
    fn seal(
        &self,
        cipher: ContentCipher,
        key: &SecretBytes,
        nonce: &[u8],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<Vec<u8>, OperationFailed>;

    /// Decrypts what [`seal`](Self::seal) made.
    ///
    /// # Errors
    ///
    /// Fails when anything is not what was sealed, without saying what.
    fn open(
        &self,
        cipher: ContentCipher,
        key: &SecretBytes,
        nonce: &[u8],
        associated: &[u8],
        text: &[u8],
        tag: &[u8],
    ) -> Result<SecretBytes, OperationFailed>;

    /// Wraps a key with AES-256 key wrap ([RFC 3394](https://www.rfc-editor.org/rfc/rfc3394)).
    ///
    /// # Errors
    ///
    /// Fails when the wrapping key has not 32 bytes, or the key is not a multiple of 8 bytes.
    fn wrap_key(&self, with: &SecretBytes, key: &SecretBytes) -> Result<Vec<u8>, OperationFailed>;

    /// Unwraps what [`wrap_key`](Self::wrap_key) made.
    ///
    /// # Errors
    ///
    /// Fails when it was altered or wrapped with another key.
    fn unwrap_key(&self, with: &SecretBytes, wrapped: &[u8]) -> Result<SecretBytes, OperationFailed>;

    /// Agrees upon a secret with the owner of a key, by a key pair that is made for this and forgotten; returns its public
    /// half and the secret.
    ///
    /// # Errors
    ///
    /// Fails when the key is no point of a supported curve.
    fn agree_ephemeral(&self, with: &PublicKey) -> Result<(PublicKey, SecretBytes), KeyRejected>;

    /// Encrypts a short text for the owner of an RSA key with OAEP
    /// ([RFC 8017, section 7.1](https://www.rfc-editor.org/rfc/rfc8017#section-7.1)).
    ///
    /// # Errors
    ///
    /// Fails when the key is refused, the text is too long, or the backend has no RSA encryption.
    fn encrypt_oaep(
        &self,
        hash: OaepHash,
        key: &PublicKey,
        text: &SecretBytes,
    ) -> Result<Vec<u8>, KeyRejected>;

    /// Parses a private key for decryption from unencrypted PKCS #8 (DER).
    ///
    /// # Errors
    ///
    /// Fails when the key is malformed, too weak, or of a type that the backend cannot decrypt with.
    fn decryption_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn DecryptingKey>, KeyRejected>;

    /// Generates a private key for decryption as unencrypted PKCS #8 (DER).
    ///
    /// # Errors
    ///
    /// Fails when the backend cannot generate keys of this type, and when the random source does.
    fn generate_decryption_key(&self, kind: DecryptionKeyKind) -> Result<SecretBytes, GenerateError>;
}

/// A parsed private key for decryption.
pub trait DecryptingKey: fmt::Debug + Send + Sync {
    /// The type.
    fn kind(&self) -> DecryptionKeyKind;

    /// The public key of the pair.
    fn public_key(&self) -> &PublicKey;

    /// Agrees upon a secret with the owner of another key.
    ///
    /// # Errors
    ///
    /// Fails when the other key is not a point of this key's curve, and for RSA.
    fn agree(&self, with: &PublicKey) -> Result<SecretBytes, OperationFailed>;

    /// Decrypts what [`Encryption::encrypt_oaep`] made.
    ///
    /// # Errors
    ///
    /// Fails when it was altered or made for another key, and for keys that are not RSA.
    fn decrypt_oaep(&self, hash: OaepHash, text: &[u8]) -> Result<SecretBytes, OperationFailed>;
}

/// A type of key that content is encrypted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecryptionKeyKind {
    /// P-256, for agreement.
    P256,
    /// P-384, for agreement.
    P384,
    /// RSA with 2048 to 8192 bits; what is generated has 2048.
    Rsa,
}

/// The hash of OAEP, also that of its mask generation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OaepHash {
    /// SHA-1, which OAEP does not need to be free of collisions.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// A cipher that encrypts and authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentCipher {
    /// AES-128 in Galois/Counter mode.
    Aes128Gcm,
    /// AES-256 in Galois/Counter mode.
    Aes256Gcm,
    /// AES-128 in CBC mode with HMAC-SHA-256
    /// ([RFC 7518, section 5.2.3](https://www.rfc-editor.org/rfc/rfc7518#section-5.2.3)).
    Aes128CbcHmacSha256,
    /// AES-256 in CBC mode with HMAC-SHA-512
    /// ([RFC 7518, section 5.2.5](https://www.rfc-editor.org/rfc/rfc7518#section-5.2.5)).
    Aes256CbcHmacSha512,
}

impl ContentCipher {
    /// The length of its key, in bytes.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::Aes128CbcHmacSha256 => 32,
            Self::Aes256CbcHmacSha512 => 64,
        }
    }

    /// The length of its nonce, in bytes.
    #[must_use]
    pub const fn nonce_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            Self::Aes128CbcHmacSha256 | Self::Aes256CbcHmacSha512 => 16,
        }
    }

    /// The length of its tag, in bytes.
    #[must_use]
    pub const fn tag_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm | Self::Aes128CbcHmacSha256 => 16,
            Self::Aes256CbcHmacSha512 => 32,
        }
    }

    /// The hash of its message authentication code, where it has one of its own.
    pub(super) const fn mac_hash(self) -> Option<DigestAlgorithm> {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => None,
            Self::Aes128CbcHmacSha256 => Some(DigestAlgorithm::Sha256),
            Self::Aes256CbcHmacSha512 => Some(DigestAlgorithm::Sha512),
        }
    }
}
