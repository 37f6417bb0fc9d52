//! Our backend as a provider for applications that call `jsonwebtoken` themselves.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, new_error};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};

use super::algorithm::Algorithm;
use super::key_set::VerificationKey;
use super::signer::LocalSigner;
use crate::crypto::{self, DigestAlgorithm, EcCurve, PublicKey};
use crate::secret::SecretBytes;

/// A provider on the `ring` backend for `jsonwebtoken`'s own `encode` and `decode`.
///
/// It has the algorithms of [`Algorithm`] and our rules about keys; others are errors. An application that calls
/// `jsonwebtoken` installs it once, in `main`. These libraries neither install nor use it.
///
/// ```
/// use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
///
/// ciam_core::jose::jsonwebtoken_provider().install_default().expect("nothing is installed yet");
///
/// let secret = b"at least thirty-two bytes of secret";
/// let claims = serde_json::json!({ "sub": "alice", "exp": 4102444800_u32 });
/// let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(secret))?;
/// let read = jsonwebtoken::decode::<serde_json::Value>(
///     &token,
///     &DecodingKey::from_secret(secret),
///     &Validation::default(),
/// )?;
/// assert_eq!(read.claims["sub"], "alice");
/// # Ok::<(), jsonwebtoken::errors::Error>(())
/// ```
#[must_use]
pub fn jsonwebtoken_provider() -> &'static CryptoProvider {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: signer,
        verifier_factory: verifier,
        key_utils: KeyUtils {
            rsa_pub_components_from_private_key: rsa_from_private,
            rsa_pub_components_from_public_key: rsa_from_public,
            ec_pub_components_from_private_key: ec_from_private,
            ed_pub_components_from_private_key: ed_from_private,
            compute_digest: digest,
        },
    };
    &PROVIDER
}

fn signer(algorithm: &jsonwebtoken::Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let ours = supported(*algorithm, key.family())?;
    let crypto = crypto::ring();
    let bytes = key.as_bytes();
    let signer = match key.family() {
        AlgorithmFamily::Hmac => LocalSigner::from_secret(&*crypto, &SecretBytes::new(bytes.to_vec())),
        AlgorithmFamily::Rsa => LocalSigner::from_pkcs8(&*crypto, ours, wrap_pkcs1(bytes)?.expose()),
        AlgorithmFamily::Ec | AlgorithmFamily::Ed => LocalSigner::from_pkcs8(&*crypto, ours, bytes),
    };
    Ok(Box::new(ProvidedSigner(*algorithm, signer.map_err(|_| bad_key())?)))
}

fn verifier(algorithm: &jsonwebtoken::Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let ours = supported(*algorithm, key.family())?;
    let crypto = crypto::ring();
    let public = match (key.family(), key.kind()) {
        (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            let key = VerificationKey::from_secret(&*crypto, &SecretBytes::new(secret.clone()), None);
            return Ok(Box::new(ProvidedVerifier(*algorithm, ours, key.map_err(|_| bad_key())?)));
        }
        (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            Some(PublicKey::Rsa { modulus: n.clone(), exponent: e.clone() })
        }
        (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => rsa_numbers(der),
        (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            let curve = if ours == Algorithm::Es256 { EcCurve::P256 } else { EcCurve::P384 };
            PublicKey::from_uncompressed_point(curve, point)
        }
        (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => Some(PublicKey::Ed25519(point.clone())),
        _ => None,
    };
    let key = VerificationKey::from_public_key(&*crypto, ours, &public.ok_or_else(bad_key)?, None);
    Ok(Box::new(ProvidedVerifier(*algorithm, ours, key.map_err(|_| bad_key())?)))
}

/// The algorithm as ours, if it is one of the key's family.
fn supported(algorithm: jsonwebtoken::Algorithm, family: AlgorithmFamily) -> Result<Algorithm, Error> {
    if algorithm.family() != family {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    Algorithm::try_from(algorithm).map_err(|_| new_error(ErrorKind::UnsupportedAlgorithm))
}

fn bad_key() -> Error {
    new_error(ErrorKind::InvalidKeyFormat)
}

struct ProvidedSigner(jsonwebtoken::Algorithm, LocalSigner);

impl Signer<Vec<u8>> for ProvidedSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        self.1.sign_now(message).map_err(signature::Error::from_source)
    }
}

impl JwtSigner for ProvidedSigner {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.0
    }
}

struct ProvidedVerifier(jsonwebtoken::Algorithm, Algorithm, VerificationKey);

impl Verifier<Vec<u8>> for ProvidedVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.2.verify(self.1, message, signature).map_err(signature::Error::from_source)
    }
}

impl JwtVerifier for ProvidedVerifier {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.0
    }
}

fn public_of(algorithm: Algorithm, pkcs8: &[u8]) -> Result<PublicKey, Error> {
    let signer = LocalSigner::from_pkcs8(&*crypto::ring(), algorithm, pkcs8).map_err(|_| bad_key())?;
    signer.public_key().cloned().ok_or_else(bad_key)
}

fn rsa_from_private(pkcs1: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    match public_of(Algorithm::Rs256, wrap_pkcs1(pkcs1)?.expose())? {
        PublicKey::Rsa { modulus, exponent } => Ok((modulus, exponent)),
        _ => Err(bad_key()),
    }
}

fn rsa_from_public(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    match rsa_numbers(der) {
        Some(PublicKey::Rsa { modulus, exponent }) => Ok((modulus, exponent)),
        _ => Err(bad_key()),
    }
}

fn ec_from_private(
    pkcs8: &[u8],
    algorithm: jsonwebtoken::Algorithm,
) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>), Error> {
    let curve = match algorithm {
        jsonwebtoken::Algorithm::ES256 => EllipticCurve::P256,
        jsonwebtoken::Algorithm::ES384 => EllipticCurve::P384,
        _ => return Err(new_error(ErrorKind::InvalidAlgorithm)),
    };
    match public_of(supported(algorithm, AlgorithmFamily::Ec)?, pkcs8)? {
        PublicKey::Ec { x, y, .. } => Ok((curve, x, y)),
        _ => Err(bad_key()),
    }
}

fn ed_from_private(pkcs8: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>, Error> {
    match (curve, public_of(Algorithm::EdDsa, pkcs8)?) {
        (EllipticCurve::Ed25519, PublicKey::Ed25519(point)) => Ok(point),
        _ => Err(bad_key()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the provider's signature")]
fn digest(bytes: &[u8], function: ThumbprintHash) -> Result<Vec<u8>, Error> {
    let algorithm = match function {
        ThumbprintHash::SHA256 => DigestAlgorithm::Sha256,
        ThumbprintHash::SHA384 => DigestAlgorithm::Sha384,
        ThumbprintHash::SHA512 => DigestAlgorithm::Sha512,
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    };
    Ok(crypto::ring().digest(algorithm, bytes).as_ref().to_vec())
}

/// `RSAPrivateKey` of PKCS #1 inside the `PrivateKeyInfo` of PKCS #8.
fn wrap_pkcs1(pkcs1: &[u8]) -> Result<SecretBytes, Error> {
    // INTEGER 0; SEQUENCE { OID 1.2.840.113549.1.1.1, NULL }
    const PREAMBLE: [u8; 18] = [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let length = |length: usize| u16::try_from(length).map(u16::to_be_bytes).map_err(|_| bad_key());
    let mut out = vec![0x30, 0x82];
    out.extend(length(PREAMBLE.len() + 4 + pkcs1.len())?);
    out.extend(PREAMBLE);
    out.extend([0x04, 0x82]);
    out.extend(length(pkcs1.len())?);
    out.extend_from_slice(pkcs1);
    Ok(SecretBytes::new(out))
}

/// The numbers of an `RSAPublicKey` of PKCS #1.
fn rsa_numbers(der: &[u8]) -> Option<PublicKey> {
    let (sequence, rest) = der_value(der, 0x30)?;
    let (modulus, exponent) = der_value(sequence, 0x02)?;
    let (exponent, end) = der_value(exponent, 0x02)?;
    let unsigned = |number: &[u8]| match number {
        [0, rest @ ..] => rest.to_vec(),
        whole => whole.to_vec(),
    };
    (rest.is_empty() && end.is_empty())
        .then(|| PublicKey::Rsa { modulus: unsigned(modulus), exponent: unsigned(exponent) })
}

/// Splits one value of this tag off.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, short, rest @ ..] if *first == tag && *short < 0x80 => (usize::from(*short), rest),
        [first, 0x81, length, rest @ ..] if *first == tag && *length >= 0x80 => (usize::from(*length), rest),
        [first, 0x82, high, low, rest @ ..] if *first == tag && *high > 0 => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
