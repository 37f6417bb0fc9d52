//! The algorithms that this library encrypts and decrypts with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::crypto::{ContentCipher, Crypto, DecryptionKeyKind, EcCurve, OaepHash, PublicKey};

/// How the content's key reaches the recipient: `alg`
/// ([RFC 7518, section 4.1](https://www.rfc-editor.org/rfc/rfc7518#section-4.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KeyManagement {
    /// A shared secret is the content's key.
    #[serde(rename = "dir")]
    Dir,
    /// Agreement with an ephemeral key gives the content's key.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// Agreement with an ephemeral key gives a key that wraps the content's key with AES-256.
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
    /// RSA with OAEP and SHA-1.
    #[serde(rename = "RSA-OAEP")]
    RsaOaep,
    /// RSA with OAEP and SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
}

impl KeyManagement {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Dir, Self::EcdhEs, Self::EcdhEsA256Kw, Self::RsaOaep, Self::RsaOaep256];

    /// The name in a header's `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }

    /// What a backend can decrypt, as metadata may advertise it: with `ring` the agreements and shared secrets, with
    /// `aws-lc-rs` RSA too. Empty when the backend has no encryption.
    #[must_use]
    pub fn decryptable_with(crypto: &dyn Crypto) -> Vec<Self> {
        let Some(encryption) = crypto.encryption() else { return Vec::new() };
        let can = |way: &Self| match way {
            Self::Dir => true,
            Self::EcdhEs | Self::EcdhEsA256Kw => encryption.can_decrypt_with(DecryptionKeyKind::P256),
            Self::RsaOaep | Self::RsaOaep256 => encryption.can_decrypt_with(DecryptionKeyKind::Rsa),
        };
        Self::ALL.into_iter().filter(can).collect()
    }

    /// Whether keys of this type serve it.
    pub(super) const fn takes(self, key: &PublicKey) -> bool {
        matches!(
            (self, key),
            (Self::EcdhEs | Self::EcdhEsA256Kw, PublicKey::Ec { curve: EcCurve::P256 | EcCurve::P384, .. })
                | (Self::RsaOaep | Self::RsaOaep256, PublicKey::Rsa { .. })
        )
    }

    pub(super) const fn oaep_hash(self) -> Option<OaepHash> {
        match self {
            Self::RsaOaep => Some(OaepHash::Sha1),
            Self::RsaOaep256 => Some(OaepHash::Sha256),
            Self::Dir | Self::EcdhEs | Self::EcdhEsA256Kw => None,
        }
    }
}

/// How the content is encrypted: `enc` ([RFC 7518, section 5.1](https://www.rfc-editor.org/rfc/rfc7518#section-5.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ContentEncryption {
    /// AES-128 in CBC mode with HMAC-SHA-256, which OpenID Connect makes the default.
    #[serde(rename = "A128CBC-HS256")]
    A128CbcHs256,
    /// AES-256 in CBC mode with HMAC-SHA-512.
    #[serde(rename = "A256CBC-HS512")]
    A256CbcHs512,
    /// AES-128 in Galois/Counter mode.
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES-256 in Galois/Counter mode.
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl ContentEncryption {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::A128CbcHs256, Self::A256CbcHs512, Self::A128Gcm, Self::A256Gcm];

    /// The name in a header's `enc`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The cipher.
    #[must_use]
    pub const fn cipher(self) -> ContentCipher {
        match self {
            Self::A128CbcHs256 => ContentCipher::Aes128CbcHmacSha256,
            Self::A256CbcHs512 => ContentCipher::Aes256CbcHmacSha512,
            Self::A128Gcm => ContentCipher::Aes128Gcm,
            Self::A256Gcm => ContentCipher::Aes256Gcm,
        }
    }
}

/// The name is not one of an algorithm that this library encrypts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encryption algorithm is not supported")]
#[non_exhaustive]
pub struct UnsupportedEncryption;

impl FromStr for KeyManagement {
    type Err = UnsupportedEncryption;

    fn from_str(name: &str) -> Result<Self, UnsupportedEncryption> {
        Self::ALL.into_iter().find(|way| way.as_str() == name).ok_or(UnsupportedEncryption)
    }
}

impl FromStr for ContentEncryption {
    type Err = UnsupportedEncryption;

    fn from_str(name: &str) -> Result<Self, UnsupportedEncryption> {
        Self::ALL.into_iter().find(|way| way.as_str() == name).ok_or(UnsupportedEncryption)
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
