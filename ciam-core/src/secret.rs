//! Secrets: values that must not be printed, compared in variable time or left in memory.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::crypto;
use crate::encoding::base64url;
use crate::entropy::Entropy;
use crate::error::PortError;

/// A secret text: a password, a token, a verification code.
///
/// `Debug` prints `Secret(..)`; there is no `Display`, no `PartialEq` and no `Serialize`; the memory is wiped on drop.
///
/// ```
/// use ciam_core::secret::Secret;
///
/// let password = Secret::from("correct horse battery staple");
/// assert_eq!(format!("{password:?}"), "Secret(..)");
/// assert!(password.ct_eq("correct horse battery staple"));
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Makes a token of 256 random bits, base64url without padding (43 characters).
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, PortError> {
        let mut bytes = [0_u8; 32];
        entropy.fill(&mut bytes)?;
        let token = Self(base64url::encode(&bytes));
        bytes.zeroize();
        Ok(token)
    }

    /// Takes a text that may be what [`random`](Self::random) made; `None` when it has another form, and so cannot be.
    #[must_use]
    pub fn of_random_form(text: &str) -> Option<Self> {
        Self::has_random_form(text).then(|| Self::from(text))
    }

    /// Whether a text may be what [`random`](Self::random) made.
    #[must_use]
    pub fn has_random_form(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.len() == 43 && text.bytes().all(plain)
    }

    /// The text itself. Named so that every use can be found.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in time that depends on the lengths only.
    #[must_use]
    pub fn ct_eq(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    /// The SHA-256 digest under which a high-entropy token is stored.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Secrets are read from requests, and never written.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// JSON with a secret in it that one person is shown: the seed of an authenticator app, say.
///
/// `Debug` prints `SecretJson(..)`. It serializes as the JSON itself, because it is made to be shown.
///
/// ```
/// use ciam_core::secret::SecretJson;
/// use serde_json::json;
///
/// let shown = SecretJson::new(json!({ "seed": "GEZDGNBVGY3TQOJQ" }));
/// assert_eq!(format!("{shown:?}"), "SecretJson(..)");
/// assert_eq!(shown.expose()["seed"], "GEZDGNBVGY3TQOJQ");
/// ```
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SecretJson(serde_json::Value);

impl SecretJson {
    /// Wraps JSON.
    #[must_use]
    pub const fn new(json: serde_json::Value) -> Self {
        Self(json)
    }

    /// The JSON itself. Named so that every use can be found.
    #[must_use]
    pub const fn expose(&self) -> &serde_json::Value {
        &self.0
    }
}

impl fmt::Debug for SecretJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretJson(..)")
    }
}

/// Secret bytes: a key, a seed, an opened envelope. Wiped on drop, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Wraps bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Makes `length` random bytes.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn random(entropy: &dyn Entropy, length: usize) -> Result<Self, PortError> {
        let mut bytes = vec![0_u8; length];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes themselves. Named so that every use can be found.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// The SHA-256 digest of a high-entropy token: what stores keep in place of the token.
///
/// Serializes as base64url text. Equality is constant-time. Only for values of at least 128 random bits; a password or a
/// six-digit code has too few for a plain digest.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Digests a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self::of_bytes(token.as_bytes())
    }

    /// Digests bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(crypto::sha256(bytes))
    }

    /// Wraps a digest that was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as base64url text, usable as a record or ephemeral key.
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(&self.0)
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

impl From<TokenDigest> for String {
    fn from(digest: TokenDigest) -> Self {
        digest.to_text()
    }
}

impl TryFrom<String> for TokenDigest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        let bytes = base64url::decode(&text).map_err(|_| InvalidDigest)?;
        bytes.try_into().map(Self).map_err(|_| InvalidDigest)
    }
}

/// The text is not a digest: 43 base64url characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token digest")]
#[non_exhaustive]
pub struct InvalidDigest;

/// Compares two byte strings in time that depends on their lengths only.
#[must_use]
pub fn ct_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn secrets_are_never_printed() {
        let secret = Secret::from("hunter2");
        let bytes = SecretBytes::new(b"hunter2".to_vec());
        for text in [format!("{secret:?}"), format!("{bytes:?}"), format!("{:?}", secret.digest())] {
            assert!(!text.contains("hunter2") && !text.contains("9Mg2"), "{text}");
        }
    }

    #[test]
    fn digests_round_trip_and_refuse_other_texts() {
        let digest = Secret::random(&SystemEntropy::new()).unwrap().digest();
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<TokenDigest>(&text).unwrap(), digest);
        for bad in ["\"\"", "\"AAAA\"", "\"not base64!\"", "7"] {
            assert!(serde_json::from_str::<TokenDigest>(bad).is_err(), "{bad}");
        }
    }
}
