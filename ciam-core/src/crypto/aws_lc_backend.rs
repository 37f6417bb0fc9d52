//! The `aws-lc-rs` backend: the one file that names it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs as library;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::{agreement, rsa, signature};

use super::public_key::{UNCOMPRESSED, checked_ed25519};
use super::{
    AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Crypto, Digest, DigestAlgorithm, EcCurve, GenerateError,
    InvalidSignature, KeyRejected, MacKey, OneTimeHash, OperationFailed, PublicKey, SignatureScheme,
    SigningKey, VerifyingKey, rsa_checks,
};
use crate::secret::SecretBytes;

#[expect(clippy::duplicate_mod, reason = "one source for what the libraries spell alike")]
#[path = "primitives.rs"]
mod primitives;

/// The backend. Keys, nonces and salts come from the library's own generator, which the operating system seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct AwsLc;

impl Crypto for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn verifying_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        let key = match key {
            PublicKey::Ec { curve, x, y } => ec_key(scheme, *curve, x, y)?,
            PublicKey::Ed25519(point) => ed25519_key(scheme, point)?,
            PublicKey::Rsa { modulus, exponent } => rsa_key(scheme, modulus, exponent)?,
        };
        Ok(Arc::new(ParsedKey { scheme, key }))
    }

    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        match scheme {
            SignatureScheme::EcdsaP256Sha256 => ecdsa_signing_key(scheme, EcCurve::P256, pkcs8),
            SignatureScheme::EcdsaP384Sha384 => ecdsa_signing_key(scheme, EcCurve::P384, pkcs8),
            SignatureScheme::Ed25519 => primitives::ed25519_signing_key(pkcs8),
            SignatureScheme::RsaPkcs1Sha256 => {
                primitives::rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA256, pkcs8)
            }
            SignatureScheme::RsaPkcs1Sha384 => {
                primitives::rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA384, pkcs8)
            }
            SignatureScheme::RsaPkcs1Sha512 => {
                primitives::rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA512, pkcs8)
            }
            SignatureScheme::RsaPssSha256 => {
                primitives::rsa_signing_key(scheme, &signature::RSA_PSS_SHA256, pkcs8)
            }
        }
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        if !scheme.is_rsa() {
            return primitives::generate_curve_key(scheme);
        }
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(|_| GenerateError::RandomSource)?;
        let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| GenerateError::RandomSource)?;
        Ok(SecretBytes::new(document.as_ref().to_vec()))
    }

    fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
        primitives::mac_key(key)
    }

    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
        primitives::digest(algorithm, bytes)
    }

    fn one_time_mac(&self, algorithm: OneTimeHash, key: &SecretBytes, message: &[u8]) -> Digest {
        primitives::one_time_mac(algorithm, key, message)
    }

    fn aead_seal(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), OperationFailed> {
        primitives::aead_seal(key, nonce, associated, text)
    }

    fn aead_open(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OperationFailed> {
        primitives::aead_open(key, nonce, associated, sealed)
    }

    fn derive(
        &self,
        secret: &SecretBytes,
        salt: &[u8],
        info: &[u8],
        output: &mut [u8],
    ) -> Result<(), OperationFailed> {
        primitives::derive(secret, salt, info, output)
    }

    #[cfg(feature = "jwe")]
    fn encryption(&self) -> Option<&dyn super::Encryption> {
        Some(self)
    }
}

fn ec_key(
    scheme: SignatureScheme,
    curve: EcCurve,
    x: &[u8],
    y: &[u8],
) -> Result<signature::ParsedPublicKey, KeyRejected> {
    let (algorithm, of_point): (&'static dyn signature::VerificationAlgorithm, _) = match (scheme, curve) {
        (SignatureScheme::EcdsaP256Sha256, EcCurve::P256) => {
            (&signature::ECDSA_P256_SHA256_FIXED, &agreement::ECDH_P256)
        }
        (SignatureScheme::EcdsaP384Sha384, EcCurve::P384) => {
            (&signature::ECDSA_P384_SHA384_FIXED, &agreement::ECDH_P384)
        }
        _ => return Err(KeyRejected::WrongType),
    };
    if x.len() != curve.coordinate_length() || y.len() != curve.coordinate_length() {
        return Err(KeyRejected::Malformed);
    }
    let point = [&[UNCOMPRESSED], x, y].concat();
    // Of keys for agreements the library checks more than of those for signatures.
    agreement::ParsedPublicKey::try_from(agreement::UnparsedPublicKey::new(of_point, &point))
        .map_err(|_| KeyRejected::InvalidPoint)?;
    signature::ParsedPublicKey::new(algorithm, point).map_err(|_| KeyRejected::InvalidPoint)
}

fn ed25519_key(scheme: SignatureScheme, point: &[u8]) -> Result<signature::ParsedPublicKey, KeyRejected> {
    let point = checked_ed25519(scheme, point)?;
    signature::ParsedPublicKey::new(&signature::ED25519, point).map_err(|_| KeyRejected::InvalidPoint)
}

fn rsa_key(
    scheme: SignatureScheme,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<signature::ParsedPublicKey, KeyRejected> {
    let parameters = match scheme {
        SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SignatureScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        _ => return Err(KeyRejected::WrongType),
    };
    rsa_checks::check(modulus, exponent)?;
    let parts = rsa::PublicKeyComponents { n: modulus, e: exponent };
    parts.to_parsed_public_key(parameters).map_err(|_| KeyRejected::Malformed)
}

fn ecdsa_signing_key(
    scheme: SignatureScheme,
    curve: EcCurve,
    pkcs8: &[u8],
) -> Result<Arc<dyn SigningKey>, KeyRejected> {
    let algorithm = match curve {
        EcCurve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        EcCurve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
    };
    let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(|_| KeyRejected::Malformed)?;
    primitives::ecdsa_signing_key(scheme, curve, pair)
}

struct ParsedKey {
    scheme: SignatureScheme,
    key: signature::ParsedPublicKey,
}

impl VerifyingKey for ParsedKey {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.key.verify_sig(message, signature).map_err(|_| InvalidSignature)
    }
}

impl fmt::Debug for ParsedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?})", self.scheme)
    }
}
