//! Public keys as authenticators write them: COSE ([RFC 9052](https://www.rfc-editor.org/rfc/rfc9052),
//! [RFC 9053](https://www.rfc-editor.org/rfc/rfc9053)), as
//! [WebAuthn, section 5.8.5](https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier) narrows it.

use std::sync::Arc;

use ciam_core::crypto::{Crypto, EcCurve, PublicKey, SignatureScheme, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::cbor::Item;
use super::der::fixed_signature;
use super::error::WebauthnError;

/// A signature algorithm that is offered to authenticators.
///
/// ES512 and Ed448 are not among them: the cryptographic backends cannot check them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[non_exhaustive]
pub enum CoseAlgorithm {
    /// ECDSA on P-256 with SHA-256, −7: what every passkey can do.
    Es256,
    /// Ed25519, −8.
    EdDsa,
    /// ECDSA on P-384 with SHA-384, −35.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256, −257: older Windows machines.
    Rs256,
}

impl CoseAlgorithm {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Es384, Self::Rs256];

    /// The registered number.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Es384 => -35,
            Self::Rs256 => -257,
        }
    }

    /// The algorithm with a number.
    ///
    /// # Errors
    ///
    /// Fails when it is none of those that are offered.
    pub const fn of(number: i64) -> Result<Self, WebauthnError> {
        match number {
            -7 => Ok(Self::Es256),
            -8 => Ok(Self::EdDsa),
            -35 => Ok(Self::Es384),
            -257 => Ok(Self::Rs256),
            _ => Err(WebauthnError::Algorithm),
        }
    }

    pub(super) const fn scheme(self) -> SignatureScheme {
        match self {
            Self::Es256 => SignatureScheme::EcdsaP256Sha256,
            Self::EdDsa => SignatureScheme::Ed25519,
            Self::Es384 => SignatureScheme::EcdsaP384Sha384,
            Self::Rs256 => SignatureScheme::RsaPkcs1Sha256,
        }
    }
}

impl From<CoseAlgorithm> for i64 {
    fn from(algorithm: CoseAlgorithm) -> Self {
        algorithm.number()
    }
}

impl TryFrom<i64> for CoseAlgorithm {
    type Error = WebauthnError;

    fn try_from(number: i64) -> Result<Self, WebauthnError> {
        Self::of(number)
    }
}

/// A public key as an authenticator gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoseKey {
    /// The algorithm that it is for.
    pub algorithm: CoseAlgorithm,
    /// The key.
    pub key: PublicKey,
}

impl CoseKey {
    /// Reads a key, and nothing behind it.
    ///
    /// # Errors
    ///
    /// Fails when it is no key, one of another type than its algorithm's, or for an algorithm that is not offered.
    pub fn read(bytes: &[u8]) -> Result<Self, WebauthnError> {
        Self::of(&Item::read(bytes, "public key")?)
    }

    /// Reads a key from a CBOR map.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn of(item: &Item<'_>) -> Result<Self, WebauthnError> {
        let number = |label| item.at(label).and_then(Item::integer);
        let bytes = |label| item.at(label).and_then(Item::bytes).ok_or(WebauthnError::Key);
        let algorithm = CoseAlgorithm::of(number(ALGORITHM).ok_or(WebauthnError::Key)?)?;
        let (key_type, curve) = (number(KEY_TYPE), number(FIRST));
        let ec = |curve: EcCurve| -> Result<PublicKey, WebauthnError> {
            let (x, y) = (bytes(SECOND)?, bytes(THIRD)?);
            let length = curve.coordinate_length();
            if x.len() != length || y.len() != length {
                return Err(WebauthnError::Key);
            }
            Ok(PublicKey::Ec { curve, x: x.to_vec(), y: y.to_vec() })
        };
        let key = match (algorithm, key_type, curve) {
            (CoseAlgorithm::Es256, Some(EC2), Some(1)) => ec(EcCurve::P256)?,
            (CoseAlgorithm::Es384, Some(EC2), Some(2)) => ec(EcCurve::P384)?,
            (CoseAlgorithm::EdDsa, Some(OKP), Some(6)) => PublicKey::Ed25519(bytes(SECOND)?.to_vec()),
            (CoseAlgorithm::Rs256, Some(RSA), _) => {
                PublicKey::Rsa { modulus: bytes(FIRST)?.to_vec(), exponent: bytes(SECOND)?.to_vec() }
            }
            _ => return Err(WebauthnError::Key),
        };
        Ok(Self { algorithm, key })
    }

    /// Parses the key, which checks that it can be one.
    ///
    /// # Errors
    ///
    /// Fails when it cannot.
    pub fn parse(&self, crypto: &dyn Crypto) -> Result<PasskeyKey, WebauthnError> {
        PasskeyKey::new(crypto, self.algorithm, &self.key)
    }

    /// Parses a key that was checked when it was registered: once more that it can be one would cost as much as the signature.
    pub(super) fn parse_known(&self, crypto: &dyn Crypto) -> Result<PasskeyKey, WebauthnError> {
        let key = crypto.known_key(self.algorithm.scheme(), &self.key).map_err(|_| WebauthnError::Key)?;
        Ok(PasskeyKey { algorithm: self.algorithm, key })
    }
}

/// A parsed key that checks signatures as authenticators encode them.
#[derive(Clone, Debug)]
pub struct PasskeyKey {
    algorithm: CoseAlgorithm,
    key: Arc<dyn VerifyingKey>,
}

impl PasskeyKey {
    pub(super) fn new(
        crypto: &dyn Crypto,
        algorithm: CoseAlgorithm,
        key: &PublicKey,
    ) -> Result<Self, WebauthnError> {
        let key = crypto.verifying_key(algorithm.scheme(), key).map_err(|_| WebauthnError::Key)?;
        Ok(Self { algorithm, key })
    }

    /// Checks a signature: of ECDSA in its ASN.1 encoding
    /// ([WebAuthn, section 6.5.5](https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types)).
    ///
    /// # Errors
    ///
    /// Fails when it is not one of this key over this message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebauthnError> {
        let curve = match self.algorithm {
            CoseAlgorithm::Es256 => Some(EcCurve::P256),
            CoseAlgorithm::Es384 => Some(EcCurve::P384),
            CoseAlgorithm::EdDsa | CoseAlgorithm::Rs256 => None,
        };
        let verified = match curve {
            Some(curve) => {
                let fixed = fixed_signature(curve, signature).ok_or(WebauthnError::Signature)?;
                self.key.verify(message, &fixed)
            }
            None => self.key.verify(message, signature),
        };
        verified.map_err(|_| WebauthnError::Signature)
    }
}

const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
/// The curve, or the modulus.
const FIRST: i64 = -1;
/// The first coordinate, or the exponent.
const SECOND: i64 = -2;
const THIRD: i64 = -3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(entries: Vec<(i64, Item<'_>)>) -> Result<CoseKey, WebauthnError> {
        let entries = entries.into_iter().map(|(label, value)| (Item::Integer(label), value)).collect();
        CoseKey::of(&Item::Map(entries))
    }

    #[test]
    fn a_key_is_of_the_type_of_its_algorithm() {
        use Item::{Bytes, Integer};
        let (short, long) = ([7_u8; 32], [7_u8; 48]);
        let ec = |algorithm, key_type, curve, x| {
            key(vec![
                (1, Integer(key_type)),
                (3, Integer(algorithm)),
                (-1, Integer(curve)),
                (-2, Bytes(x)),
                (-3, Bytes(x)),
            ])
        };
        assert!(ec(-7, 2, 1, &short).is_ok());
        assert!(ec(-35, 2, 2, &long).is_ok());
        let refused = [
            (ec(-7, 2, 2, &long), WebauthnError::Key), // a curve of another algorithm
            (ec(-7, 2, 1, &long), WebauthnError::Key), // coordinates of another curve
            (ec(-7, 3, 1, &short), WebauthnError::Key), // another type
            (ec(-35, 2, 1, &short), WebauthnError::Key),
            (ec(-7, 2, 8, &short), WebauthnError::Key), // secp256k1
            (ec(-36, 2, 3, &long), WebauthnError::Algorithm), // ES512
            (ec(-53, 1, 7, &long), WebauthnError::Algorithm), // Ed448
            (ec(-47, 2, 8, &short), WebauthnError::Algorithm), // ES256K
            (ec(-65535, 3, 1, &short), WebauthnError::Algorithm), // RS1
            (ec(5, 4, 1, &short), WebauthnError::Algorithm), // HMAC
            (ec(-35, 2, 1, &long), WebauthnError::Key),
            (ec(-8, 1, 4, &short), WebauthnError::Key), // X25519
            (ec(-8, 2, 6, &short), WebauthnError::Key),
            (
                key(vec![(1, Integer(2)), (3, Integer(-257)), (-1, Bytes(&long)), (-2, Bytes(&short))]),
                WebauthnError::Key,
            ),
            (key(vec![]), WebauthnError::Key),
            (key(vec![(3, Integer(-7))]), WebauthnError::Key),
            // A compressed point.
            (
                key(vec![
                    (1, Integer(2)),
                    (3, Integer(-7)),
                    (-1, Integer(1)),
                    (-2, Bytes(&short)),
                    (-3, Item::Bool(true)),
                ]),
                WebauthnError::Key,
            ),
        ];
        for (row, (found, expected)) in refused.into_iter().enumerate() {
            assert_eq!(found, Err(expected), "row {row}");
        }
    }
}
