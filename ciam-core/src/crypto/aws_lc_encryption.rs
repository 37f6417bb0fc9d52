//! Encryption by `aws-lc-rs`, RSA included.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs as library;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::{agreement, rsa};

use super::aws_lc_backend::AwsLc;
use super::delegate::encryption_by_content;
use super::encryption::{ContentCipher, DecryptingKey, DecryptionKeyKind, Encryption, OaepHash};
use super::{
    Crypto as _, EcCurve, GenerateError, KeyRejected, OperationFailed, PublicKey, SignatureScheme, aes_modes,
    rsa_checks,
};
use crate::secret::SecretBytes;

#[expect(clippy::duplicate_mod, reason = "one source for what the libraries spell alike")]
#[path = "content.rs"]
mod content;

impl Encryption for AwsLc {
    fn can_decrypt_with(&self, _: DecryptionKeyKind) -> bool {
        true
    }

    encryption_by_content!();

    fn agree_ephemeral(&self, with: &PublicKey) -> Result<(PublicKey, SecretBytes), KeyRejected> {
        let PublicKey::Ec { curve, .. } = with else { return Err(KeyRejected::WrongType) };
        if *curve == EcCurve::P521 {
            return Err(KeyRejected::Unsupported);
        }
        let private =
            agreement::PrivateKey::generate(algorithm_of(*curve)).map_err(|_| KeyRejected::Unsupported)?;
        let ours = CurveKey::new(*curve, private)?;
        let secret = ours.agree(with).map_err(|_| KeyRejected::InvalidPoint)?;
        Ok((ours.public, secret))
    }

    fn encrypt_oaep(
        &self,
        hash: OaepHash,
        key: &PublicKey,
        text: &SecretBytes,
    ) -> Result<Vec<u8>, KeyRejected> {
        let PublicKey::Rsa { modulus, exponent } = key else { return Err(KeyRejected::WrongType) };
        rsa_checks::check(modulus, exponent)?;
        let parts = rsa::PublicKeyComponents { n: modulus, e: exponent };
        let key: PublicEncryptingKey = parts.try_into().map_err(|_| KeyRejected::Malformed)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| KeyRejected::Malformed)?;
        let mut out = vec![0; key.ciphertext_size()];
        let length = key
            .encrypt(oaep(hash), text.expose(), &mut out, None)
            .map_err(|_| KeyRejected::UnacceptableSize)?
            .len();
        out.truncate(length);
        Ok(out)
    }

    fn decryption_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn DecryptingKey>, KeyRejected> {
        if let Ok(key) = rsa::KeyPair::from_pkcs8(pkcs8) {
            return rsa_key(&key, pkcs8);
        }
        for curve in [EcCurve::P256, EcCurve::P384] {
            if let Ok(private) = agreement::PrivateKey::from_private_key_der(algorithm_of(curve), pkcs8) {
                return Ok(Arc::new(CurveKey::new(curve, private)?));
            }
        }
        Err(KeyRejected::Malformed)
    }

    fn generate_decryption_key(&self, kind: DecryptionKeyKind) -> Result<SecretBytes, GenerateError> {
        let scheme = match kind {
            DecryptionKeyKind::P256 => SignatureScheme::EcdsaP256Sha256,
            DecryptionKeyKind::P384 => SignatureScheme::EcdsaP384Sha384,
            DecryptionKeyKind::Rsa => {
                let key = PrivateDecryptingKey::generate(rsa::KeySize::Rsa2048)
                    .map_err(|_| GenerateError::RandomSource)?;
                let document: Pkcs8V1Der<'_> = key.as_der().map_err(|_| GenerateError::RandomSource)?;
                return Ok(SecretBytes::new(document.as_ref().to_vec()));
            }
        };
        self.generate_signing_key(scheme)
    }
}

const fn algorithm_of(curve: EcCurve) -> &'static agreement::Algorithm {
    match curve {
        EcCurve::P256 => &agreement::ECDH_P256,
        EcCurve::P384 => &agreement::ECDH_P384,
        EcCurve::P521 => &agreement::ECDH_P521,
    }
}

const fn oaep(hash: OaepHash) -> &'static OaepAlgorithm {
    match hash {
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
    }
}

fn rsa_key(pair: &rsa::KeyPair, pkcs8: &[u8]) -> Result<Arc<dyn DecryptingKey>, KeyRejected> {
    use aws_lc_rs::signature::KeyPair as _;

    let parts = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    rsa_checks::check(&parts.n, &parts.e)?;
    let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| KeyRejected::Malformed)?;
    let private = OaepPrivateDecryptingKey::new(key).map_err(|_| KeyRejected::Malformed)?;
    Ok(Arc::new(RsaKey { private, public: PublicKey::Rsa { modulus: parts.n, exponent: parts.e } }))
}

struct RsaKey {
    private: OaepPrivateDecryptingKey,
    public: PublicKey,
}

impl DecryptingKey for RsaKey {
    fn kind(&self) -> DecryptionKeyKind {
        DecryptionKeyKind::Rsa
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn agree(&self, _: &PublicKey) -> Result<SecretBytes, OperationFailed> {
        Err(OperationFailed)
    }

    fn decrypt_oaep(&self, hash: OaepHash, text: &[u8]) -> Result<SecretBytes, OperationFailed> {
        let mut out = vec![0; self.private.min_output_size()];
        let length =
            self.private.decrypt(oaep(hash), text, &mut out, None).map_err(|_| OperationFailed)?.len();
        out.truncate(length);
        Ok(SecretBytes::new(out))
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptingKey(Rsa)")
    }
}

struct CurveKey {
    curve: EcCurve,
    private: agreement::PrivateKey,
    public: PublicKey,
}

impl CurveKey {
    fn new(curve: EcCurve, private: agreement::PrivateKey) -> Result<Self, KeyRejected> {
        let point = private.compute_public_key().map_err(|_| KeyRejected::Malformed)?;
        let public =
            PublicKey::from_uncompressed_point(curve, point.as_ref()).ok_or(KeyRejected::Malformed)?;
        Ok(Self { curve, private, public })
    }
}

impl DecryptingKey for CurveKey {
    fn kind(&self) -> DecryptionKeyKind {
        match self.curve {
            EcCurve::P256 => DecryptionKeyKind::P256,
            // Keys of other curves are not parsed for this.
            EcCurve::P384 | EcCurve::P521 => DecryptionKeyKind::P384,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn agree(&self, with: &PublicKey) -> Result<SecretBytes, OperationFailed> {
        let (curve, point) = with.uncompressed_point().ok_or(OperationFailed)?;
        if curve != self.curve {
            return Err(OperationFailed);
        }
        let theirs = agreement::UnparsedPublicKey::new(algorithm_of(curve), &point);
        agreement::agree(&self.private, theirs, OperationFailed, |secret| {
            Ok(SecretBytes::new(secret.to_vec()))
        })
    }

    fn decrypt_oaep(&self, _: OaepHash, _: &[u8]) -> Result<SecretBytes, OperationFailed> {
        Err(OperationFailed)
    }
}

impl fmt::Debug for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptingKey({:?})", self.kind())
    }
}
