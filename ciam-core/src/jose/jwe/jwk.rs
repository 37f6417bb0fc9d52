//! Public keys to encrypt for, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::algorithm::KeyManagement;
use crate::crypto::PublicKey;
use crate::encoding::base64url;
use crate::jose::jwk::{Members, curve_name, strict_object};
use crate::jose::{JwkError, JwkSetLimits};

/// A public key that others encrypt for: its numbers, its name, and the key management that it is bound to.
///
/// Reading one is as strict as reading a [`PublicJwk`](crate::jose::PublicJwk), with `use` and `key_ops` for encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Map<String, Value>")]
pub struct EncryptionJwk {
    key: PublicKey,
    kid: Option<String>,
    management: Option<KeyManagement>,
}

impl EncryptionJwk {
    /// A key without a name that serves every key management of its type.
    ///
    /// # Errors
    ///
    /// Fails when nothing can be encrypted for keys of this type.
    pub fn new(key: PublicKey) -> Result<Self, JwkError> {
        if KeyManagement::ALL.iter().any(|way| way.takes(&key)) {
            Ok(Self { key, kid: None, management: None })
        } else {
            Err(JwkError::Unsupported)
        }
    }

    /// Names the key.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Binds the key to one key management; one that is not for its type is ignored.
    #[must_use]
    pub fn bound_to(mut self, management: KeyManagement) -> Self {
        if management.takes(&self.key) {
            self.management = Some(management);
        }
        self
    }

    /// Reads a JWK.
    ///
    /// # Errors
    ///
    /// Fails when the text is not the JWK of a public encryption key of a supported type.
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        Self::from_members(&strict_object(text)?)
    }

    fn from_members(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let members = Members(members);
        members.refuse_private()?;
        let key = match members.text("kty")?.ok_or(JwkError::Malformed)? {
            "EC" => members.ec_key()?,
            "RSA" => members.rsa_key()?,
            _ => return Err(JwkError::Unsupported),
        };
        members.check_use_for("enc", &["encrypt", "wrapKey", "deriveKey", "deriveBits"])?;
        let management: Option<KeyManagement> = match members.text("alg")? {
            None => None,
            Some(name) => Some(name.parse().map_err(|_| JwkError::Unsupported)?),
        };
        if management.is_some_and(|management| !management.takes(&key)) {
            return Err(JwkError::AlgorithmMismatch);
        }
        Ok(Self { key, kid: members.text("kid")?.map(ToOwned::to_owned), management })
    }

    /// The key's numbers.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the key serves this key management.
    #[must_use]
    pub fn serves(&self, management: KeyManagement) -> bool {
        management.takes(&self.key) && self.management.is_none_or(|bound| bound == management)
    }
}

impl From<EncryptionJwk> for Value {
    fn from(jwk: EncryptionJwk) -> Self {
        let mut members = public_members(&jwk.key);
        members.insert("use".to_owned(), json!("enc"));
        if let Some(kid) = jwk.kid {
            members.insert("kid".to_owned(), json!(kid));
        }
        if let Some(management) = jwk.management {
            members.insert("alg".to_owned(), json!(management.as_str()));
        }
        Self::Object(members)
    }
}

impl TryFrom<Map<String, Value>> for EncryptionJwk {
    type Error = JwkError;

    fn try_from(members: Map<String, Value>) -> Result<Self, JwkError> {
        Self::from_members(&members)
    }
}

/// The numbers of a key as members of a JWK.
pub(super) fn public_members(key: &PublicKey) -> Map<String, Value> {
    let encode = base64url::encode;
    let members: [(&str, String); 4] = match key {
        PublicKey::Ec { curve, x, y } => [
            ("kty", "EC".to_owned()),
            ("crv", curve_name(*curve).to_owned()),
            ("x", encode(x)),
            ("y", encode(y)),
        ],
        PublicKey::Rsa { modulus, exponent } => {
            [("kty", "RSA".to_owned()), ("n", encode(modulus)), ("e", encode(exponent)), ("", String::new())]
        }
        PublicKey::Ed25519(point) => [
            ("kty", "OKP".to_owned()),
            ("crv", "Ed25519".to_owned()),
            ("x", encode(point)),
            ("", String::new()),
        ],
    };
    members
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect()
}

/// The encryption keys among a JWK set. Keys for other uses are left out, as
/// [`PublicJwkSet`](crate::jose::PublicJwkSet) leaves out these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptionJwkSet {
    keys: Vec<EncryptionJwk>,
}

impl EncryptionJwkSet {
    /// Reads a set.
    ///
    /// # Errors
    ///
    /// Fails when the text is not a JWK set, is too large, has a member twice, or holds private or symmetric keys.
    pub fn parse(text: &str, limits: &JwkSetLimits) -> Result<Self, JwkError> {
        if text.len() > limits.bytes {
            return Err(JwkError::TooLarge);
        }
        let document = strict_object(text)?;
        let items = document.get("keys").and_then(Value::as_array).ok_or(JwkError::Malformed)?;
        if items.len() > limits.keys {
            return Err(JwkError::TooLarge);
        }
        let mut set = Self::default();
        for item in items {
            match EncryptionJwk::from_members(item.as_object().ok_or(JwkError::Malformed)?) {
                Ok(key) => set.keys.push(key),
                Err(JwkError::PrivateMaterial) => return Err(JwkError::PrivateMaterial),
                Err(_) => {}
            }
        }
        Ok(set)
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[EncryptionJwk] {
        &self.keys
    }

    /// The first key that serves this key management.
    #[must_use]
    pub fn find(&self, management: KeyManagement) -> Option<&EncryptionJwk> {
        self.keys.iter().find(|key| key.serves(management))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    #[test]
    fn a_key_says_what_it_is_for() {
        let parse = |more: &str| EncryptionJwk::parse(&format!("{{{POINT}{more}}}"));
        let jwk = parse(r#","use":"enc","alg":"ECDH-ES","kid":"k""#).unwrap();
        assert!(jwk.serves(KeyManagement::EcdhEs) && !jwk.serves(KeyManagement::EcdhEsA256Kw));
        assert_eq!(
            serde_json::from_value::<EncryptionJwk>(serde_json::to_value(&jwk).unwrap()).unwrap(),
            jwk
        );
        assert!(parse("").unwrap().serves(KeyManagement::EcdhEsA256Kw));
        for (more, error) in [
            (r#","use":"sig""#, JwkError::NotForEncryption),
            (r#","key_ops":["verify"]"#, JwkError::NotForEncryption),
            (r#","alg":"ES256""#, JwkError::Unsupported),
            (r#","alg":"RSA-OAEP""#, JwkError::AlgorithmMismatch),
            (r#","d":"AA""#, JwkError::PrivateMaterial),
            (r#","kty":"EC""#, JwkError::DuplicateMember),
        ] {
            assert_eq!(parse(more), Err(error), "{more}");
        }
    }

    #[test]
    fn a_set_gives_the_keys_for_encryption() {
        let text = format!(
            r#"{{"keys":[{{{POINT},"use":"sig"}},{{{POINT},"use":"enc","kid":"e"}},{{"kty":"OKP","crv":"X25519","x":"AA"}}]}}"#
        );
        let set = EncryptionJwkSet::parse(&text, &JwkSetLimits::default()).unwrap();
        assert_eq!(set.keys().len(), 1);
        assert_eq!(set.find(KeyManagement::EcdhEs).and_then(EncryptionJwk::kid), Some("e"));
        assert!(set.find(KeyManagement::RsaOaep256).is_none());
    }
}
