//! Public keys as JSON ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517),
//! [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)).

use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType,
    Jwk, OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, UnsupportedAlgorithm};
use super::error::JwkError;
use super::json::{self, JsonProblem};
use crate::crypto::{self, EcCurve, PublicKey};
use crate::encoding::base64url;

/// A public signature key: its numbers, its name, and the algorithm that it is bound to.
///
/// Reading one is strict: members appear once, base64url is canonical, coordinates have their full length, `kty`, `crv` and
/// `alg` agree, `use` and `key_ops` allow verification, and private members are refused. Whether the numbers are any good
/// (the point on its curve, the modulus long enough) is checked by
/// [`VerificationKey::from_jwk`](super::VerificationKey::from_jwk), which needs a backend.
///
/// ```
/// use ciam_core::jose::{Algorithm, JwkError, PublicJwk};
///
/// let jwk = PublicJwk::parse(
///     r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1"}"#,
/// )?;
/// assert_eq!(jwk.kid(), Some("k1"));
/// // RFC 8037, appendix A.3.
/// assert_eq!(jwk.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), JwkError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Jwk", try_from = "Map<String, Value>")]
pub struct PublicJwk {
    key: PublicKey,
    kid: Option<String>,
    algorithm: Option<Algorithm>,
}

impl PublicJwk {
    /// A key without a name that serves every algorithm of its type.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self { key, kid: None, algorithm: None }
    }

    /// Names the key.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Binds the key to one algorithm; one that is not for its type is ignored.
    #[must_use]
    pub fn bound_to(mut self, algorithm: Algorithm) -> Self {
        if Algorithm::of_public_key(&self.key).contains(&algorithm) {
            self.algorithm = Some(algorithm);
        }
        self
    }

    /// Reads a JWK.
    ///
    /// # Errors
    ///
    /// Fails when the text is not the JWK of a public signature key of a supported type.
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        Self::from_members(&strict_object(text)?)
    }

    /// Reads the members of a JWK that was already found to have none twice.
    pub(super) fn from_members(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let members = Members(members);
        members.refuse_private()?;
        let key = match members.text("kty")?.ok_or(JwkError::Malformed)? {
            "EC" => members.ec_key()?,
            "OKP" => members.ed25519_key()?,
            "RSA" => members.rsa_key()?,
            _ => return Err(JwkError::Unsupported),
        };
        members.check_use_for("sig", &["verify"])?;
        let algorithm = match members.text("alg")? {
            None => None,
            Some(name) => Some(name.parse().map_err(|UnsupportedAlgorithm { .. }| JwkError::Unsupported)?),
        };
        if algorithm.is_some_and(|algorithm| !Algorithm::of_public_key(&key).contains(&algorithm)) {
            return Err(JwkError::AlgorithmMismatch);
        }
        Ok(Self { key, kid: members.text("kid")?.map(ToOwned::to_owned), algorithm })
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

    /// The algorithm that the key is bound to.
    #[must_use]
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The SHA-256 thumbprint ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)), base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        base64url::encode(&self.thumbprint_bytes())
    }

    /// The bytes of the [thumbprint](Self::thumbprint).
    #[must_use]
    pub fn thumbprint_bytes(&self) -> [u8; 32] {
        let encode = base64url::encode;
        let canonical = match &self.key {
            PublicKey::Ec { curve, x, y } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                curve_name(*curve),
                encode(x),
                encode(y)
            ),
            PublicKey::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
            PublicKey::Rsa { modulus, exponent } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(exponent), encode(modulus))
            }
        };
        crypto::sha256(canonical.as_bytes())
    }
}

impl From<PublicJwk> for Jwk {
    fn from(jwk: PublicJwk) -> Self {
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: jwk.algorithm.map(|algorithm| jsonwebtoken::Algorithm::from(algorithm).into()),
            key_id: jwk.kid,
            ..CommonParameters::default()
        };
        let algorithm = match &jwk.key {
            PublicKey::Ec { curve, x, y } => AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                key_type: EllipticCurveKeyType::EC,
                curve: match curve {
                    EcCurve::P256 => EllipticCurve::P256,
                    EcCurve::P384 => EllipticCurve::P384,
                    EcCurve::P521 => EllipticCurve::P521,
                },
                x: base64url::encode(x),
                y: base64url::encode(y),
            }),
            PublicKey::Ed25519(x) => AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                key_type: OctetKeyPairType::OctetKeyPair,
                curve: EllipticCurve::Ed25519,
                x: base64url::encode(x),
            }),
            PublicKey::Rsa { modulus, exponent } => AlgorithmParameters::RSA(RSAKeyParameters {
                key_type: RSAKeyType::RSA,
                n: base64url::encode(modulus),
                e: base64url::encode(exponent),
            }),
        };
        Self { common, algorithm }
    }
}

impl TryFrom<&Jwk> for PublicJwk {
    type Error = JwkError;

    fn try_from(jwk: &Jwk) -> Result<Self, JwkError> {
        match serde_json::to_value(jwk) {
            Ok(Value::Object(members)) => Self::from_members(&members),
            _ => Err(JwkError::Malformed),
        }
    }
}

impl TryFrom<Map<String, Value>> for PublicJwk {
    type Error = JwkError;

    fn try_from(members: Map<String, Value>) -> Result<Self, JwkError> {
        Self::from_members(&members)
    }
}

/// Reads a JSON object without duplicate members.
pub(super) fn strict_object(text: &str) -> Result<Map<String, Value>, JwkError> {
    json::check_object(text.as_bytes()).map_err(|problem| match problem {
        JsonProblem::Malformed => JwkError::Malformed,
        JsonProblem::DuplicateMember => JwkError::DuplicateMember,
    })?;
    serde_json::from_str(text).map_err(|_| JwkError::Malformed)
}

/// The members of a JWK, read strictly.
pub(super) struct Members<'m>(pub(super) &'m Map<String, Value>);

impl<'m> Members<'m> {
    /// Members that hold private or symmetric keys, of every registered key type.
    const PRIVATE: [&'static str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

    pub(super) fn refuse_private(&self) -> Result<(), JwkError> {
        if Self::PRIVATE.iter().any(|name| self.0.contains_key(*name)) {
            return Err(JwkError::PrivateMaterial);
        }
        Ok(())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'m str>, JwkError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwkError::Malformed),
        }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, JwkError> {
        let text = self.text(name)?.ok_or(JwkError::Malformed)?;
        base64url::decode(text).map_err(|_| JwkError::Malformed)
    }

    /// Bytes of a fixed length ([RFC 7518, section 6.2.1.2](https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1.2)).
    fn exactly(&self, name: &str, length: usize) -> Result<Vec<u8>, JwkError> {
        let bytes = self.bytes(name)?;
        if bytes.len() == length { Ok(bytes) } else { Err(JwkError::Malformed) }
    }

    /// A positive integer in its shortest form ([RFC 7518, section 2](https://www.rfc-editor.org/rfc/rfc7518#section-2)).
    fn integer(&self, name: &str) -> Result<Vec<u8>, JwkError> {
        let bytes = self.bytes(name)?;
        if bytes.first().is_some_and(|high| *high != 0) { Ok(bytes) } else { Err(JwkError::Malformed) }
    }

    pub(super) fn ec_key(&self) -> Result<PublicKey, JwkError> {
        let curve = match self.text("crv")?.ok_or(JwkError::Malformed)? {
            "P-256" => EcCurve::P256,
            "P-384" => EcCurve::P384,
            _ => return Err(JwkError::Unsupported),
        };
        let length = curve.coordinate_length();
        Ok(PublicKey::Ec { curve, x: self.exactly("x", length)?, y: self.exactly("y", length)? })
    }

    pub(super) fn rsa_key(&self) -> Result<PublicKey, JwkError> {
        Ok(PublicKey::Rsa { modulus: self.integer("n")?, exponent: self.integer("e")? })
    }

    fn ed25519_key(&self) -> Result<PublicKey, JwkError> {
        match self.text("crv")?.ok_or(JwkError::Malformed)? {
            "Ed25519" => Ok(PublicKey::Ed25519(self.exactly("x", 32)?)),
            _ => Err(JwkError::Unsupported),
        }
    }

    /// `use` and `key_ops` must leave what the key is wanted for possible ([RFC 7517, sections 4.2 and
    /// 4.3](https://www.rfc-editor.org/rfc/rfc7517#section-4.2)).
    pub(super) fn check_use_for(&self, purpose: &str, any_of: &[&str]) -> Result<(), JwkError> {
        let other = if purpose == "enc" { JwkError::NotForEncryption } else { JwkError::NotForSignatures };
        if self.text("use")?.is_some_and(|of| of != purpose) {
            return Err(other);
        }
        let Some(operations) = self.0.get("key_ops") else { return Ok(()) };
        let operations: Option<Vec<&str>> =
            operations.as_array().and_then(|all| all.iter().map(Value::as_str).collect());
        let operations = operations.ok_or(JwkError::Malformed)?;
        if operations.iter().any(|operation| any_of.contains(operation)) { Ok(()) } else { Err(other) }
    }
}

pub(super) const fn curve_name(curve: EcCurve) -> &'static str {
    match curve {
        EcCurve::P256 => "P-256",
        EcCurve::P384 => "P-384",
        EcCurve::P521 => "P-521",
    }
}

#[cfg(test)]
mod tests;
