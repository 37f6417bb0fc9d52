//! What `ring` and `aws-lc-rs` spell alike. Compiled once for each of them: `super::library` is the one or the other.

use std::fmt;
use std::sync::Arc;

use super::library::rand::SystemRandom;
use super::library::signature::{self, KeyPair as _};
use super::library::{aead, digest, hkdf, hmac, rsa};
use crate::crypto::{
    AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Digest, DigestAlgorithm, Digester, EcCurve, GenerateError,
    InvalidSignature, KeyRejected, MacKey, OneTimeHash, OperationFailed, PublicKey, SignatureScheme,
    SigningKey, rsa_checks,
};
use crate::secret::SecretBytes;

/// Wraps an ECDSA key pair that was parsed.
pub(super) fn ecdsa_signing_key(
    scheme: SignatureScheme,
    curve: EcCurve,
    pair: signature::EcdsaKeyPair,
) -> Result<Arc<dyn SigningKey>, KeyRejected> {
    let public = PublicKey::from_uncompressed_point(curve, pair.public_key().as_ref())
        .ok_or(KeyRejected::Malformed)?;
    Ok(Arc::new(EcdsaKey { scheme, pair, public, random: SystemRandom::new() }))
}

/// Parses a key pair of any scheme; those of ECDSA as the library wants it.
pub(super) fn signing_key(
    scheme: SignatureScheme,
    pkcs8: &[u8],
    ecdsa: impl FnOnce(EcCurve) -> Result<Arc<dyn SigningKey>, KeyRejected>,
) -> Result<Arc<dyn SigningKey>, KeyRejected> {
    match scheme {
        SignatureScheme::EcdsaP256Sha256 => ecdsa(EcCurve::P256),
        SignatureScheme::EcdsaP384Sha384 => ecdsa(EcCurve::P384),
        SignatureScheme::EcdsaP521Sha512 => ecdsa(EcCurve::P521),
        SignatureScheme::Ed25519 => ed25519_signing_key(pkcs8),
        SignatureScheme::RsaPkcs1Sha256 => rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA256, pkcs8),
        SignatureScheme::RsaPkcs1Sha384 => rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA384, pkcs8),
        SignatureScheme::RsaPkcs1Sha512 => rsa_signing_key(scheme, &signature::RSA_PKCS1_SHA512, pkcs8),
        SignatureScheme::RsaPssSha256 => rsa_signing_key(scheme, &signature::RSA_PSS_SHA256, pkcs8),
    }
}

/// Accepts version 1 documents too, which hold no public key and are what OpenSSL writes.
fn ed25519_signing_key(pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
    let pair =
        signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyRejected::Malformed)?;
    let public = PublicKey::Ed25519(pair.public_key().as_ref().to_vec());
    Ok(Arc::new(Ed25519Key { pair, public }))
}

fn rsa_signing_key(
    scheme: SignatureScheme,
    encoding: &'static dyn signature::RsaEncoding,
    pkcs8: &[u8],
) -> Result<Arc<dyn SigningKey>, KeyRejected> {
    let pair = rsa::KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyRejected::Malformed)?;
    let parts = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    rsa_checks::check(&parts.n, &parts.e)?;
    let public = PublicKey::Rsa { modulus: parts.n, exponent: parts.e };
    Ok(Arc::new(RsaSigningKey { scheme, encoding, pair, public, random: SystemRandom::new() }))
}

/// Generates a key of a curve.
pub(super) fn generate_curve_key(scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
    let random = SystemRandom::new();
    let document = match scheme {
        SignatureScheme::EcdsaP256Sha256 => {
            signature::EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        }
        SignatureScheme::EcdsaP384Sha384 => {
            signature::EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, &random)
        }
        SignatureScheme::Ed25519 => signature::Ed25519KeyPair::generate_pkcs8(&random),
        SignatureScheme::EcdsaP521Sha512
        | SignatureScheme::RsaPkcs1Sha256
        | SignatureScheme::RsaPkcs1Sha384
        | SignatureScheme::RsaPkcs1Sha512
        | SignatureScheme::RsaPssSha256 => return Err(GenerateError::Unsupported),
    };
    document
        .map(|document| SecretBytes::new(document.as_ref().to_vec()))
        .map_err(|_| GenerateError::RandomSource)
}

pub(super) fn mac_key(key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
    if key.expose().len() < digest::SHA256_OUTPUT_LEN {
        return Err(KeyRejected::UnacceptableSize);
    }
    Ok(Arc::new(HmacKey(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))))
}

pub(super) fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
    Digest::new(digest::digest(hash(algorithm), bytes).as_ref())
}

pub(super) fn digester(algorithm: DigestAlgorithm) -> Box<dyn Digester> {
    Box::new(Pieces(digest::Context::new(hash(algorithm))))
}

fn hash(algorithm: DigestAlgorithm) -> &'static digest::Algorithm {
    match algorithm {
        DigestAlgorithm::Sha256 => &digest::SHA256,
        DigestAlgorithm::Sha384 => &digest::SHA384,
        DigestAlgorithm::Sha512 => &digest::SHA512,
    }
}

pub(super) fn one_time_mac(algorithm: OneTimeHash, key: &SecretBytes, message: &[u8]) -> Digest {
    let algorithm = match algorithm {
        OneTimeHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        OneTimeHash::Sha256 => hmac::HMAC_SHA256,
        OneTimeHash::Sha512 => hmac::HMAC_SHA512,
    };
    Digest::new(hmac::sign(&hmac::Key::new(algorithm, key.expose()), message).as_ref())
}

pub(super) fn aead_seal(
    key: &[u8; AEAD_KEY_LENGTH],
    nonce: [u8; AEAD_NONCE_LENGTH],
    associated: &[u8],
    text: &mut Vec<u8>,
) -> Result<(), OperationFailed> {
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    aead_key(key)?
        .seal_in_place_append_tag(nonce, aead::Aad::from(associated), text)
        .map_err(|_| OperationFailed)
}

pub(super) fn aead_open(
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

fn aead_key(key: &[u8; AEAD_KEY_LENGTH]) -> Result<aead::LessSafeKey, OperationFailed> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| OperationFailed)?;
    Ok(aead::LessSafeKey::new(key))
}

pub(super) fn derive(
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

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
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
        let mut signature = vec![0; self.pair.public_key().modulus_len()];
        self.pair.sign(self.encoding, &self.random, message, &mut signature).map_err(|_| OperationFailed)?;
        Ok(signature)
    }
}

impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.scheme)
    }
}

struct Pieces(digest::Context);

impl Digester for Pieces {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Digest {
        Digest::new(self.0.finish().as_ref())
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester(..)")
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
