//! The `ring` backend: the one file that names it.

use std::fmt;
use std::sync::Arc;

use ring as library;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{agreement, digest, rsa, signature};

use super::delegate::crypto_by_primitives;
use super::public_key::{UNCOMPRESSED, checked_ed25519};
use super::{
    AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Crypto, Digest, DigestAlgorithm, EcCurve, GenerateError,
    InvalidSignature, KeyRejected, MacKey, OneTimeHash, OperationFailed, PublicKey, SignatureScheme,
    SigningKey, VerifyingKey, rsa_checks,
};
use crate::secret::SecretBytes;

#[cfg_attr(
    feature = "aws-lc-rs",
    expect(clippy::duplicate_mod, reason = "one source for what the libraries spell alike")
)]
#[path = "primitives.rs"]
mod primitives;

/// The backend. Keys, nonces and salts come from the operating system.
#[derive(Debug)]
pub(super) struct Ring {
    random: SystemRandom,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { random: SystemRandom::new() }
    }

    /// Checks that a point is on its curve. `ring` decodes ECDSA keys at each verification and cannot tell a bad key from a
    /// bad signature; a key agreement with the point does decode it alone.
    fn check_point(&self, curve: EcCurve, point: &[u8]) -> Result<(), KeyRejected> {
        let algorithm = match curve {
            EcCurve::P256 => &agreement::ECDH_P256,
            EcCurve::P384 => &agreement::ECDH_P384,
            EcCurve::P521 => return Err(KeyRejected::Unsupported),
        };
        let ours = agreement::EphemeralPrivateKey::generate(algorithm, &self.random)
            .map_err(|_| KeyRejected::Unsupported)?;
        agreement::agree_ephemeral(ours, &agreement::UnparsedPublicKey::new(algorithm, point), |_| ())
            .map_err(|_| KeyRejected::InvalidPoint)
    }

    fn ec_key(
        &self,
        scheme: SignatureScheme,
        curve: EcCurve,
        x: &[u8],
        y: &[u8],
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        let (algorithm, point) = point_of(scheme, curve, x, y)?;
        self.check_point(curve, &point)?;
        Ok(Arc::new(PointKey { scheme, key: signature::UnparsedPublicKey::new(algorithm, point) }))
    }

    fn ecdsa_signing_key(
        &self,
        scheme: SignatureScheme,
        curve: EcCurve,
        pkcs8: &[u8],
    ) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        let algorithm = match curve {
            EcCurve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            EcCurve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            EcCurve::P521 => return Err(KeyRejected::Unsupported),
        };
        let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &self.random)
            .map_err(|_| KeyRejected::Malformed)?;
        primitives::ecdsa_signing_key(scheme, curve, pair)
    }
}

impl Crypto for Ring {
    fn name(&self) -> &'static str {
        "ring"
    }

    fn verifying_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        match key {
            PublicKey::Ec { curve, x, y } => self.ec_key(scheme, *curve, x, y),
            PublicKey::Ed25519(point) => ed25519_key(scheme, point),
            PublicKey::Rsa { modulus, exponent } => rsa_key(scheme, modulus, exponent),
        }
    }

    fn known_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        match key {
            // `ring` decodes the point at each verification.
            PublicKey::Ec { curve, x, y } => {
                let (algorithm, point) = point_of(scheme, *curve, x, y)?;
                Ok(Arc::new(PointKey { scheme, key: signature::UnparsedPublicKey::new(algorithm, point) }))
            }
            _ => self.verifying_key(scheme, key),
        }
    }

    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        primitives::signing_key(scheme, pkcs8, |curve| self.ecdsa_signing_key(scheme, curve, pkcs8))
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        primitives::generate_curve_key(scheme)
    }

    crypto_by_primitives!();
}

/// What checks signatures by a point, and the point as it is encoded.
fn point_of(
    scheme: SignatureScheme,
    curve: EcCurve,
    x: &[u8],
    y: &[u8],
) -> Result<(&'static dyn signature::VerificationAlgorithm, Vec<u8>), KeyRejected> {
    let algorithm: &'static dyn signature::VerificationAlgorithm = match (scheme, curve) {
        (SignatureScheme::EcdsaP256Sha256, EcCurve::P256) => &signature::ECDSA_P256_SHA256_FIXED,
        (SignatureScheme::EcdsaP384Sha384, EcCurve::P384) => &signature::ECDSA_P384_SHA384_FIXED,
        (SignatureScheme::EcdsaP521Sha512, EcCurve::P521) => return Err(KeyRejected::Unsupported),
        _ => return Err(KeyRejected::WrongType),
    };
    if x.len() != curve.coordinate_length() || y.len() != curve.coordinate_length() {
        return Err(KeyRejected::Malformed);
    }
    Ok((algorithm, [&[UNCOMPRESSED], x, y].concat()))
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    fixed(&digest::SHA256, bytes)
}

pub(super) fn sha1(bytes: &[u8]) -> [u8; 20] {
    fixed(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
}

/// Digests into as many bytes as the function gives.
fn fixed<const LENGTH: usize>(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> [u8; LENGTH] {
    let mut out = [0_u8; LENGTH];
    for (to, from) in out.iter_mut().zip(digest::digest(algorithm, bytes).as_ref()) {
        *to = *from;
    }
    out
}

pub(super) fn fill_random(buffer: &mut [u8]) -> Result<(), OperationFailed> {
    SystemRandom::new().fill(buffer).map_err(|_| OperationFailed)
}

fn ed25519_key(scheme: SignatureScheme, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
    let point = checked_ed25519(scheme, point)?;
    let key = signature::UnparsedPublicKey::new(
        &signature::ED25519 as &'static dyn signature::VerificationAlgorithm,
        point.to_vec(),
    );
    Ok(Arc::new(PointKey { scheme, key }))
}

fn rsa_key(
    scheme: SignatureScheme,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
    let parameters = match scheme {
        SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SignatureScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        _ => return Err(KeyRejected::WrongType),
    };
    rsa_checks::check(modulus, exponent)?;
    let parts = rsa::PublicKeyComponents { n: modulus.to_vec(), e: exponent.to_vec() };
    Ok(Arc::new(RsaKey { scheme, parameters, parts }))
}

/// A key that is a point: ECDSA and Ed25519.
struct PointKey {
    scheme: SignatureScheme,
    key: signature::UnparsedPublicKey<Vec<u8>>,
}

impl VerifyingKey for PointKey {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.key.verify(message, signature).map_err(|_| InvalidSignature)
    }
}

impl fmt::Debug for PointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?})", self.scheme)
    }
}

struct RsaKey {
    scheme: SignatureScheme,
    parameters: &'static signature::RsaParameters,
    parts: rsa::PublicKeyComponents<Vec<u8>>,
}

impl VerifyingKey for RsaKey {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.parts.verify(self.parameters, message, signature).map_err(|_| InvalidSignature)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({:?})", self.scheme)
    }
}
