//! The `ring` backend: the one file that names it.

use std::fmt;
use std::sync::Arc;

use ring::rand::SecureRandom as _;
use ring::rand::SystemRandom;
use ring::signature::{self, KeyPair as _};
use ring::{aead, agreement, digest, hkdf, hmac, rsa};

use super::public_key::{UNCOMPRESSED, is_degenerate_ed25519};
use super::{
    AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Crypto, Digest, DigestAlgorithm, EcCurve, GenerateError,
    InvalidSignature, KeyRejected, MacKey, OperationFailed, PublicKey, SignatureScheme, SigningKey,
    VerifyingKey, rsa_checks,
};
use crate::secret::SecretBytes;

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
        let algorithm: &'static dyn signature::VerificationAlgorithm = match (scheme, curve) {
            (SignatureScheme::EcdsaP256Sha256, EcCurve::P256) => &signature::ECDSA_P256_SHA256_FIXED,
            (SignatureScheme::EcdsaP384Sha384, EcCurve::P384) => &signature::ECDSA_P384_SHA384_FIXED,
            _ => return Err(KeyRejected::WrongType),
        };
        if x.len() != curve.coordinate_length() || y.len() != curve.coordinate_length() {
            return Err(KeyRejected::Malformed);
        }
        let point = [&[UNCOMPRESSED], x, y].concat();
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
        };
        let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &self.random)
            .map_err(|_| KeyRejected::Malformed)?;
        let public = PublicKey::from_uncompressed_point(curve, pair.public_key().as_ref())
            .ok_or(KeyRejected::Malformed)?;
        Ok(Arc::new(EcdsaKey { scheme, pair, public, random: self.random.clone() }))
    }

    fn rsa_signing_key(
        &self,
        scheme: SignatureScheme,
        encoding: &'static dyn signature::RsaEncoding,
        pkcs8: &[u8],
    ) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        let pair = rsa::KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyRejected::Malformed)?;
        let parts = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
        rsa_checks::check(&parts.n, &parts.e)?;
        let public = PublicKey::Rsa { modulus: parts.n, exponent: parts.e };
        Ok(Arc::new(RsaSigningKey { scheme, encoding, pair, public, random: self.random.clone() }))
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

    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        match scheme {
            SignatureScheme::EcdsaP256Sha256 => self.ecdsa_signing_key(scheme, EcCurve::P256, pkcs8),
            SignatureScheme::EcdsaP384Sha384 => self.ecdsa_signing_key(scheme, EcCurve::P384, pkcs8),
            SignatureScheme::Ed25519 => {
                // Accepts version 1 documents, which hold no public key and are what OpenSSL writes.
                let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
                    .map_err(|_| KeyRejected::Malformed)?;
                let public = PublicKey::Ed25519(pair.public_key().as_ref().to_vec());
                Ok(Arc::new(Ed25519Key { pair, public }))
            }
            SignatureScheme::RsaPkcs1Sha256 => {
                self.rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA256, pkcs8)
            }
            SignatureScheme::RsaPssSha256 => self.rsa_signing_key(scheme, &signature::RSA_PSS_SHA256, pkcs8),
        }
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        let document = match scheme {
            SignatureScheme::EcdsaP256Sha256 => signature::EcdsaKeyPair::generate_pkcs8(
                &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                &self.random,
            ),
            SignatureScheme::EcdsaP384Sha384 => signature::EcdsaKeyPair::generate_pkcs8(
                &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                &self.random,
            ),
            SignatureScheme::Ed25519 => signature::Ed25519KeyPair::generate_pkcs8(&self.random),
            SignatureScheme::RsaPkcs1Sha256 | SignatureScheme::RsaPssSha256 => {
                return Err(GenerateError::Unsupported);
            }
        };
        document
            .map(|document| SecretBytes::new(document.as_ref().to_vec()))
            .map_err(|_| GenerateError::RandomSource)
    }

    fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
        if key.expose().len() < digest::SHA256_OUTPUT_LEN {
            return Err(KeyRejected::UnacceptableSize);
        }
        Ok(Arc::new(HmacKey(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))))
    }

    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
        let algorithm = match algorithm {
            DigestAlgorithm::Sha256 => &digest::SHA256,
            DigestAlgorithm::Sha384 => &digest::SHA384,
            DigestAlgorithm::Sha512 => &digest::SHA512,
        };
        Digest::new(digest::digest(algorithm, bytes).as_ref())
    }

    fn aead_seal(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), OperationFailed> {
        aead_key(key)?
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(associated),
                text,
            )
            .map_err(|_| OperationFailed)
    }

    fn aead_open(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OperationFailed> {
        let mut buffer = sealed.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let length = aead_key(key)?
            .open_in_place(nonce, aead::Aad::from(associated), &mut buffer)
            .map_err(|_| OperationFailed)?
            .len();
        buffer.truncate(length);
        Ok(SecretBytes::new(buffer))
    }

    fn derive(
        &self,
        secret: &SecretBytes,
        salt: &[u8],
        info: &[u8],
        output: &mut [u8],
    ) -> Result<(), OperationFailed> {
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret.expose());
        key.expand(&[info], Length(output.len()))
            .and_then(|material| material.fill(output))
            .map_err(|_| OperationFailed)
    }
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
    if scheme != SignatureScheme::Ed25519 {
        return Err(KeyRejected::WrongType);
    }
    let bytes: &[u8; 32] = point.try_into().map_err(|_| KeyRejected::Malformed)?;
    if is_degenerate_ed25519(bytes) {
        return Err(KeyRejected::InvalidPoint);
    }
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
        SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        _ => return Err(KeyRejected::WrongType),
    };
    rsa_checks::check(modulus, exponent)?;
    let parts = rsa::PublicKeyComponents { n: modulus.to_vec(), e: exponent.to_vec() };
    Ok(Arc::new(RsaKey { scheme, parameters, parts }))
}

fn aead_key(key: &[u8; AEAD_KEY_LENGTH]) -> Result<aead::LessSafeKey, OperationFailed> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| OperationFailed)?;
    Ok(aead::LessSafeKey::new(key))
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
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

#[derive(Debug)]
struct EcdsaKey {
    scheme: SignatureScheme,
    pair: signature::EcdsaKeyPair,
    public: PublicKey,
    random: SystemRandom,
}

impl SigningKey for EcdsaKey {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, OperationFailed> {
        let signature = self.pair.sign(&self.random, message).map_err(|_| OperationFailed)?;
        Ok(signature.as_ref().to_vec())
    }
}

#[derive(Debug)]
struct Ed25519Key {
    pair: signature::Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey for Ed25519Key {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::Ed25519
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, OperationFailed> {
        Ok(self.pair.sign(message).as_ref().to_vec())
    }
}

struct RsaSigningKey {
    scheme: SignatureScheme,
    encoding: &'static dyn signature::RsaEncoding,
    pair: rsa::KeyPair,
    public: PublicKey,
    random: SystemRandom,
}

impl SigningKey for RsaSigningKey {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, OperationFailed> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(self.encoding, &self.random, message, &mut signature).map_err(|_| OperationFailed)?;
        Ok(signature)
    }
}

impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.scheme)
    }
}

struct HmacKey(hmac::Key);

impl MacKey for HmacKey {
    fn authenticate(&self, message: &[u8]) -> Digest {
        Digest::new(hmac::sign(&self.0, message).as_ref())
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), InvalidSignature> {
        hmac::verify(&self.0, message, tag).map_err(|_| InvalidSignature)
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}
