//! The `aws-lc-rs` backend: the one file that names it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs as library;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::{agreement, rsa, signature};

use super::delegate::crypto_by_primitives;
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
        primitives::signing_key(scheme, pkcs8, |curve| ecdsa_signing_key(scheme, curve, pkcs8))
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        if scheme == SignatureScheme::EcdsaP521Sha512 {
            let document = signature::EcdsaKeyPair::generate_pkcs8(
                &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
                &SystemRandom::new(),
            );
            let document = document.map_err(|_| GenerateError::RandomSource)?;
            return Ok(SecretBytes::new(document.as_ref().to_vec()));
        }
        if !scheme.is_rsa() {
            return primitives::generate_curve_key(scheme);
        }
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(|_| GenerateError::RandomSource)?;
        let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| GenerateError::RandomSource)?;
        Ok(SecretBytes::new(document.as_ref().to_vec()))
    }

    crypto_by_primitives!();
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
        (SignatureScheme::EcdsaP521Sha512, EcCurve::P521) => {
            (&signature::ECDSA_P521_SHA512_FIXED, &agreement::ECDH_P521)
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
        EcCurve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
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
