//! Making encrypted tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::algorithm::{ContentEncryption, KeyManagement};
use super::concat_kdf::{self, Context};
use super::error::EncryptError;
use super::jwk::{EncryptionJwk, public_members};
use crate::crypto::{self, Crypto, Encryption, PublicKey};
use crate::jose::JwkError;
use crate::secret::SecretBytes;

/// For whom content is encrypted, and how.
#[derive(Clone, Debug)]
pub struct Recipient {
    key: Key,
    kid: Option<String>,
    management: KeyManagement,
    encryption: ContentEncryption,
}

#[derive(Clone, Debug)]
enum Key {
    Public(PublicKey),
    Shared(SecretBytes),
}

impl Recipient {
    /// The owner of a public key.
    ///
    /// # Errors
    ///
    /// Fails when the key is not for this key management.
    pub fn new(
        jwk: &EncryptionJwk,
        management: KeyManagement,
        encryption: ContentEncryption,
    ) -> Result<Self, JwkError> {
        if !jwk.serves(management) {
            return Err(JwkError::AlgorithmMismatch);
        }
        let kid = jwk.kid().map(ToOwned::to_owned);
        Ok(Self { key: Key::Public(jwk.key().clone()), kid, management, encryption })
    }

    /// Somebody with whom a secret is shared: `dir`.
    ///
    /// # Errors
    ///
    /// Fails when the secret has not the length of the content encryption's key.
    pub fn sharing(secret: SecretBytes, encryption: ContentEncryption) -> Result<Self, JwkError> {
        if secret.expose().len() != encryption.cipher().key_length() {
            return Err(JwkError::Rejected(crypto::KeyRejected::UnacceptableSize));
        }
        Ok(Self { key: Key::Shared(secret), kid: None, management: KeyManagement::Dir, encryption })
    }

    /// Names the key.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }
}

/// Encrypts content as a compact JWE. `content_type` becomes `cty`: `JWT` for a token that was signed before.
///
/// # Errors
///
/// Fails when the recipient's key is refused, or the backend does not encrypt in this way.
pub fn encrypt(
    crypto: &dyn Crypto,
    recipient: &Recipient,
    content_type: Option<&str>,
    content: &[u8],
) -> Result<String, EncryptError> {
    let encryption = crypto.encryption().ok_or(EncryptError::Unsupported)?;
    let mut header = recipient.header(content_type);
    let key = recipient.content_key(crypto, encryption, &mut header)?;
    let cipher = recipient.encryption.cipher();
    let mut nonce = vec![0; cipher.nonce_length()];
    crypto::fill_random(&mut nonce)?;
    let protected = URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
    let mut text = content.to_vec();
    let tag = encryption
        .seal(cipher, &key.content, &nonce, protected.as_bytes(), &mut text)
        .map_err(|_| EncryptError::Unsupported)?;
    let mut token = protected;
    for part in [&key.encrypted, &nonce, &text, &tag] {
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(part, &mut token);
    }
    Ok(token)
}

/// The content's key and what the recipient gets of it.
struct ContentKey {
    content: SecretBytes,
    encrypted: Vec<u8>,
}

impl Recipient {
    fn header(&self, content_type: Option<&str>) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), self.management.as_str().into());
        header.insert("enc".to_owned(), self.encryption.as_str().into());
        for (name, value) in [("kid", self.kid.as_deref()), ("cty", content_type)] {
            if let Some(value) = value {
                header.insert(name.to_owned(), value.into());
            }
        }
        header
    }

    fn content_key(
        &self,
        crypto: &dyn Crypto,
        encryption: &dyn Encryption,
        header: &mut Map<String, Value>,
    ) -> Result<ContentKey, EncryptError> {
        let public = match &self.key {
            Key::Shared(secret) => {
                return Ok(ContentKey { content: secret.clone(), encrypted: Vec::new() });
            }
            Key::Public(public) => public,
        };
        if let Some(hash) = self.management.oaep_hash() {
            let content = self.random_key()?;
            let encrypted = encryption.encrypt_oaep(hash, public, &content)?;
            return Ok(ContentKey { content, encrypted });
        }
        let (ephemeral, secret) = encryption.agree_ephemeral(public)?;
        header.insert("epk".to_owned(), Value::Object(public_members(&ephemeral)));
        let nobody = Context { producer: &[], recipient: &[] };
        let derived = concat_kdf::derive(crypto, &secret, self.management, self.encryption, &nobody);
        if self.management == KeyManagement::EcdhEs {
            return Ok(ContentKey { content: derived, encrypted: Vec::new() });
        }
        let content = self.random_key()?;
        let encrypted = encryption.wrap_key(&derived, &content).map_err(|_| EncryptError::Unsupported)?;
        Ok(ContentKey { content, encrypted })
    }

    fn random_key(&self) -> Result<SecretBytes, EncryptError> {
        let mut key = vec![0; self.encryption.cipher().key_length()];
        crypto::fill_random(&mut key)?;
        Ok(SecretBytes::new(key))
    }
}
