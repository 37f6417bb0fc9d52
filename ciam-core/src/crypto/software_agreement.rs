//! Agreement with a key that is kept, which `ring` does not offer: by the RustCrypto crates.

use std::fmt;
use std::sync::Arc;

use p256::pkcs8::DecodePrivateKey as _;
use zeroize::Zeroizing;

use super::encryption::{DecryptingKey, DecryptionKeyKind, OaepHash};
use super::{EcCurve, KeyRejected, OperationFailed, PublicKey, fill_random};
use crate::secret::SecretBytes;

/// Makes a key pair, agrees with it, and forgets it.
pub(super) fn agree_ephemeral(with: &PublicKey) -> Result<(PublicKey, SecretBytes), KeyRejected> {
    let PublicKey::Ec { curve, .. } = with else { return Err(KeyRejected::WrongType) };
    let ours = CurveKey::random(*curve)?;
    let secret = ours.agree(with).map_err(|_| KeyRejected::InvalidPoint)?;
    Ok((ours.public, secret))
}

/// Parses a private key of a NIST curve.
pub(super) fn decryption_key(pkcs8: &[u8]) -> Result<Arc<dyn DecryptingKey>, KeyRejected> {
    let private = p256::SecretKey::from_pkcs8_der(pkcs8)
        .map(Private::P256)
        .or_else(|_| p384::SecretKey::from_pkcs8_der(pkcs8).map(Private::P384))
        .map_err(|_| KeyRejected::Malformed)?;
    Ok(Arc::new(CurveKey::new(private)?))
}

enum Private {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

struct CurveKey {
    private: Private,
    public: PublicKey,
}

impl CurveKey {
    fn new(private: Private) -> Result<Self, KeyRejected> {
        let (curve, point) = match &private {
            Private::P256(key) => (EcCurve::P256, key.public_key().to_sec1_bytes()),
            Private::P384(key) => (EcCurve::P384, key.public_key().to_sec1_bytes()),
        };
        let public = PublicKey::from_uncompressed_point(curve, &point).ok_or(KeyRejected::Malformed)?;
        Ok(Self { private, public })
    }

    /// A random number is nearly always a key; the ninth that is none would be a broken random source.
    fn random(curve: EcCurve) -> Result<Self, KeyRejected> {
        for _ in 0..8 {
            let mut bytes = Zeroizing::new(vec![0; curve.coordinate_length()]);
            fill_random(&mut bytes).map_err(|_| KeyRejected::Unsupported)?;
            let private = match curve {
                EcCurve::P256 => p256::SecretKey::from_slice(&bytes).map(Private::P256),
                EcCurve::P384 => p384::SecretKey::from_slice(&bytes).map(Private::P384),
                EcCurve::P521 => return Err(KeyRejected::Unsupported),
            };
            if let Ok(private) = private {
                return Self::new(private);
            }
        }
        Err(KeyRejected::Unsupported)
    }
}

impl DecryptingKey for CurveKey {
    fn kind(&self) -> DecryptionKeyKind {
        match self.private {
            Private::P256(_) => DecryptionKeyKind::P256,
            Private::P384(_) => DecryptionKeyKind::P384,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn agree(&self, with: &PublicKey) -> Result<SecretBytes, OperationFailed> {
        let (curve, point) = with.uncompressed_point().ok_or(OperationFailed)?;
        match (&self.private, curve) {
            (Private::P256(ours), EcCurve::P256) => {
                let theirs = p256::PublicKey::from_sec1_bytes(&point).map_err(|_| OperationFailed)?;
                Ok(SecretBytes::new(ours.diffie_hellman(&theirs).raw_secret_bytes().to_vec()))
            }
            (Private::P384(ours), EcCurve::P384) => {
                let theirs = p384::PublicKey::from_sec1_bytes(&point).map_err(|_| OperationFailed)?;
                Ok(SecretBytes::new(ours.diffie_hellman(&theirs).raw_secret_bytes().to_vec()))
            }
            _ => Err(OperationFailed),
        }
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
