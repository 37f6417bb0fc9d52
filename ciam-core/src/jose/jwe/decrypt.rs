//! Opening encrypted tokens.

use std::fmt;
use std::sync::Arc;

use super::algorithm::{ContentEncryption, KeyManagement};
use super::concat_kdf::{self, Context};
use super::error::JweError;
use super::header::{JweHeader, ParsedHeader};
use super::jwk::EncryptionJwk;
use crate::crypto::{self, Crypto, DecryptingKey, Encryption};
use crate::encoding::base64url;
use crate::jose::{CompactForm, JwkError};
use crate::secret::SecretBytes;

/// How large an encrypted token may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JweLimits {
    /// The whole token, in bytes. Default 65536: a signed token of the largest size, encrypted, fits.
    pub token: usize,
    /// The encoded header, in bytes. Default 8192.
    pub header: usize,
}

impl Default for JweLimits {
    fn default() -> Self {
        Self { token: 65_536, header: 8_192 }
    }
}

/// One of our keys, bound to one key management.
#[derive(Clone)]
pub struct DecryptionKey {
    management: KeyManagement,
    kid: Option<String>,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Private(Arc<dyn DecryptingKey>),
    Shared(SecretBytes),
}

impl DecryptionKey {
    /// A private key from unencrypted PKCS #8 (DER).
    ///
    /// # Errors
    ///
    /// Fails when the key is refused, is not for this key management, or the backend does not decrypt with it.
    pub fn from_pkcs8(
        crypto: &dyn Crypto,
        management: KeyManagement,
        pkcs8: &[u8],
    ) -> Result<Self, JwkError> {
        let key = crypto.encryption().ok_or(JwkError::Unsupported)?.decryption_key(pkcs8)?;
        if !management.takes(key.public_key()) {
            return Err(JwkError::AlgorithmMismatch);
        }
        Ok(Self { management, kid: None, key: Key::Private(key) })
    }

    /// A shared secret: `dir`. It serves the content encryptions whose key is as long as it.
    #[must_use]
    pub const fn shared(secret: SecretBytes) -> Self {
        Self { management: KeyManagement::Dir, kid: None, key: Key::Shared(secret) }
    }

    /// Names the key. A token that names another is not tried with it.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The public key as others need it to encrypt for this one, or `None` for a shared secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<EncryptionJwk> {
        let Key::Private(key) = &self.key else { return None };
        let jwk = EncryptionJwk::new(key.public_key().clone()).ok()?.bound_to(self.management);
        Some(match &self.kid {
            Some(kid) => jwk.with_kid(kid.as_str()),
            None => jwk,
        })
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("management", &self.management)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Opens tokens with our keys, by a policy that they cannot influence.
#[derive(Clone, Debug)]
pub struct Decrypter {
    crypto: Arc<dyn Crypto>,
    keys: Vec<DecryptionKey>,
    encryptions: Vec<ContentEncryption>,
    limits: JweLimits,
}

impl Decrypter {
    /// At most this many keys are tried when a token does not name one.
    pub const MAX_TRIED: usize = 4;

    /// A decrypter that accepts every content encryption, with the default limits.
    #[must_use]
    pub fn new(crypto: Arc<dyn Crypto>, keys: Vec<DecryptionKey>) -> Self {
        Self { crypto, keys, encryptions: ContentEncryption::ALL.to_vec(), limits: JweLimits::default() }
    }

    /// Accepts these content encryptions and no other.
    #[must_use]
    pub fn with_encryptions(mut self, encryptions: &[ContentEncryption]) -> Self {
        self.encryptions = encryptions.to_vec();
        self
    }

    /// Replaces the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: JweLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Opens a token.
    ///
    /// # Errors
    ///
    /// Fails when the token is not exactly what the policy wants, or does not open with one of the keys.
    pub fn decrypt(&self, token: &str) -> Result<Decrypted, JweError> {
        if token.len() > self.limits.token {
            return Err(JweError::TooLarge);
        }
        let encoded = Encoded::split(token)?;
        if encoded.header.len() > self.limits.header {
            return Err(JweError::TooLarge);
        }
        let parsed = ParsedHeader::parse(&decode(encoded.header)?)?;
        if !self.encryptions.contains(&parsed.header.encryption) {
            return Err(JweError::AlgorithmNotAllowed);
        }
        let parts = Parts::decode(&encoded)?;
        let encryption = self.crypto.encryption().ok_or(JweError::UnsupportedAlgorithm)?;
        let candidates = self.candidates(&parsed.header)?;
        let opened = candidates.into_iter().find_map(|key| self.open(encryption, key, &parsed, &parts).ok());
        opened.map(|content| Decrypted { header: parsed.header, content }).ok_or(JweError::Decryption)
    }

    fn candidates(&self, header: &JweHeader) -> Result<Vec<&DecryptionKey>, JweError> {
        let named: Vec<_> = self
            .keys
            .iter()
            .filter(|key| match (&header.kid, &key.kid) {
                (Some(wanted), Some(kid)) => wanted == kid,
                _ => true,
            })
            .collect();
        if named.is_empty() {
            return Err(JweError::UnknownKey);
        }
        let fitting: Vec<_> = named.into_iter().filter(|key| key.management == header.management).collect();
        match fitting.len() {
            0 => Err(JweError::AlgorithmNotAllowed),
            tried if tried > Self::MAX_TRIED => Err(JweError::UnknownKey),
            _ => Ok(fitting),
        }
    }

    fn open(
        &self,
        encryption: &dyn Encryption,
        key: &DecryptionKey,
        parsed: &ParsedHeader,
        parts: &Parts<'_>,
    ) -> Result<SecretBytes, JweError> {
        let cipher = parsed.header.encryption.cipher();
        let content_key = match self.content_key(encryption, key, parsed, parts)? {
            // Goes on with a key that is wrong for sure, so that time does not tell which of the two failed.
            Some(found) if found.expose().len() == cipher.key_length() => found,
            _ => random_key(cipher.key_length())?,
        };
        encryption
            .open(cipher, &content_key, &parts.nonce, parts.associated, &parts.text, &parts.tag)
            .map_err(|_| JweError::Decryption)
    }

    /// The content's key; `None` when what was unwrapped is not one.
    fn content_key(
        &self,
        encryption: &dyn Encryption,
        key: &DecryptionKey,
        parsed: &ParsedHeader,
        parts: &Parts<'_>,
    ) -> Result<Option<SecretBytes>, JweError> {
        let header = &parsed.header;
        let private = match &key.key {
            Key::Shared(secret) => {
                parts.without_key()?;
                return Ok(Some(secret.clone()));
            }
            Key::Private(private) => private,
        };
        if let Some(hash) = header.management.oaep_hash() {
            return Ok(private.decrypt_oaep(hash, &parts.key).ok());
        }
        let ephemeral = parsed.ephemeral.as_ref().ok_or(JweError::Malformed)?;
        let secret = private.agree(ephemeral).map_err(|_| JweError::Decryption)?;
        let context = Context { producer: &parsed.producer, recipient: &parsed.recipient };
        let derived =
            concat_kdf::derive(&*self.crypto, &secret, header.management, header.encryption, &context);
        if header.management == KeyManagement::EcdhEs {
            parts.without_key()?;
            return Ok(Some(derived));
        }
        Ok(encryption.unwrap_key(&derived, &parts.key).ok())
    }
}

fn random_key(length: usize) -> Result<SecretBytes, JweError> {
    let mut key = vec![0; length];
    crypto::fill_random(&mut key).map_err(|_| JweError::Decryption)?;
    Ok(SecretBytes::new(key))
}

/// The five parts as they came.
struct Encoded<'t> {
    header: &'t str,
    key: &'t str,
    nonce: &'t str,
    text: &'t str,
    tag: &'t str,
}

impl<'t> Encoded<'t> {
    fn split(token: &'t str) -> Result<Self, JweError> {
        let mut parts = token.split('.');
        let mut next = || parts.next().ok_or(JweError::Malformed);
        let encoded = Self { header: next()?, key: next()?, nonce: next()?, text: next()?, tag: next()? };
        if parts.next().is_some() { Err(JweError::Malformed) } else { Ok(encoded) }
    }
}

/// The parts after the header, decoded, and the header as it is authenticated.
struct Parts<'t> {
    associated: &'t [u8],
    key: Vec<u8>,
    nonce: Vec<u8>,
    text: Vec<u8>,
    tag: Vec<u8>,
}

impl<'t> Parts<'t> {
    fn decode(encoded: &Encoded<'t>) -> Result<Self, JweError> {
        Ok(Self {
            associated: encoded.header.as_bytes(),
            key: decode(encoded.key)?,
            nonce: decode(encoded.nonce)?,
            text: decode(encoded.text)?,
            tag: decode(encoded.tag)?,
        })
    }

    /// `dir` and `ECDH-ES` leave the part of the key empty.
    fn without_key(&self) -> Result<(), JweError> {
        if self.key.is_empty() { Ok(()) } else { Err(JweError::Malformed) }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, JweError> {
    base64url::decode(text).map_err(|_| JweError::Malformed)
}

/// A token that was opened.
#[derive(Debug)]
pub struct Decrypted {
    header: JweHeader,
    content: SecretBytes,
}

impl Decrypted {
    /// The header.
    #[must_use]
    pub const fn header(&self) -> &JweHeader {
        &self.header
    }

    /// The content.
    #[must_use]
    pub const fn content(&self) -> &SecretBytes {
        &self.content
    }

    /// The token inside, whose signature is still to be verified
    /// ([RFC 7519, section 5.2](https://www.rfc-editor.org/rfc/rfc7519#section-5.2)).
    ///
    /// # Errors
    ///
    /// Fails when the content does not say that it is a token (`cty` of `JWT`), or is itself encrypted.
    pub fn nested(&self) -> Result<&str, JweError> {
        let named = self.header.cty.as_deref().is_some_and(|cty| {
            let short = cty.strip_prefix("application/").unwrap_or(cty);
            short.eq_ignore_ascii_case("JWT")
        });
        let text = std::str::from_utf8(self.content.expose()).map_err(|_| JweError::NotNested)?;
        if named && CompactForm::of(text) == Some(CompactForm::Signed) {
            Ok(text)
        } else {
            Err(JweError::NotNested)
        }
    }
}
