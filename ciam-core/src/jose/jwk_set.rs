//! Sets of public keys ([RFC 7517, section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5)).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::JwkError;
use super::jwk::{PublicJwk, strict_object};

/// How large a JWK set from elsewhere may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwkSetLimits {
    /// The document, in bytes. Default 262144: sets with certificate chains are large.
    pub bytes: usize,
    /// The keys. Default 64.
    pub keys: usize,
}

impl Default for JwkSetLimits {
    fn default() -> Self {
        Self { bytes: 262_144, keys: 64 }
    }
}

/// A set of public signature keys.
///
/// Keys that are of an unsupported type, not for signatures, or malformed are left out and counted, as
/// [RFC 7517, section 5](https://www.rfc-editor.org/rfc/rfc7517#section-5) wants it, so that a partner can add a key of a
/// new type. Private or symmetric key material anywhere refuses the whole document: its owner has leaked it.
///
/// ```
/// use ciam_core::jose::{JwkError, JwkSetLimits, PublicJwkSet};
///
/// let text = r#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1"},
///     {"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","use":"enc"}
/// ]}"#;
/// let set = PublicJwkSet::parse(text, &JwkSetLimits::default())?;
/// assert_eq!(set.find("k1").map(|key| key.kid()), Some(Some("k1")));
/// assert_eq!(set.ignored(), 1);
/// # Ok::<(), JwkError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct PublicJwkSet {
    keys: Vec<PublicJwk>,
    #[serde(skip_serializing)]
    ignored: usize,
}

impl PublicJwkSet {
    /// A set of keys.
    #[must_use]
    pub const fn new(keys: Vec<PublicJwk>) -> Self {
        Self { keys, ignored: 0 }
    }

    /// Reads a set.
    ///
    /// # Errors
    ///
    /// Fails when the text is not a JWK set, is too large, has a member twice, or holds private or symmetric keys.
    pub fn parse(text: &str, limits: &JwkSetLimits) -> Result<Self, JwkError> {
        if text.len() > limits.bytes {
            return Err(JwkError::TooLarge);
        }
        Self::from_value(&Value::Object(strict_object(text)?), limits.keys)
    }

    fn from_value(document: &Value, max_keys: usize) -> Result<Self, JwkError> {
        let items = document.get("keys").and_then(Value::as_array).ok_or(JwkError::Malformed)?;
        if items.len() > max_keys {
            return Err(JwkError::TooLarge);
        }
        let mut set = Self::default();
        for item in items {
            let members = item.as_object().ok_or(JwkError::Malformed)?;
            match PublicJwk::from_members(members) {
                Ok(key) => set.keys.push(key),
                Err(JwkError::PrivateMaterial) => return Err(JwkError::PrivateMaterial),
                Err(_) => set.ignored += 1,
            }
        }
        Ok(set)
    }

    /// The usable keys.
    #[must_use]
    pub fn keys(&self) -> &[PublicJwk] {
        &self.keys
    }

    /// How many keys were left out.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    /// The first key of this name.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&PublicJwk> {
        self.keys.iter().find(|key| key.kid() == Some(kid))
    }
}

impl TryFrom<Value> for PublicJwkSet {
    type Error = JwkError;

    fn try_from(document: Value) -> Result<Self, JwkError> {
        Self::from_value(&document, JwkSetLimits::default().keys)
    }
}

impl From<&PublicJwkSet> for jsonwebtoken::jwk::JwkSet {
    fn from(set: &PublicJwkSet) -> Self {
        Self { keys: set.keys.iter().cloned().map(Into::into).collect() }
    }
}
