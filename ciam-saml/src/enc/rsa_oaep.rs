//! RSA-OAEP with two hashes, which no backend of core has: by the `rsa` crate, the one file that names it.

use std::fmt;
use std::sync::Arc;

use ciam_core::crypto::PublicKey;
use ciam_core::entropy::Entropy;
use ciam_core::secret::SecretBytes;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::sha2::Sha256;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, Oaep, PrivateKey as RsaPrivateKey, PublicKey as RsaPublicKey};
use sha1::Sha1;

use super::{KeyTransport, OaepDigest};
use crate::cert::Certificate;
use crate::dsig::KeyError;

/// A private RSA key for what others encrypt for us.
#[derive(Clone)]
pub struct DecryptionKey {
    key: Arc<RsaPrivateKey>,
    certificate: Arc<[u8]>,
}

impl DecryptionKey {
    /// Parses a private key from unencrypted PKCS #8 (DER); the certificate (DER) has to be for it.
    ///
    /// # Errors
    ///
    /// Fails when the key is not RSA of at least 2048 bits, and when the certificate is for another.
    pub fn new(pkcs8: &[u8], certificate: &[u8]) -> Result<Self, KeyError> {
        let key = RsaPrivateKey::from_pkcs8_der(pkcs8).map_err(|_| KeyError::Rejected(MALFORMED))?;
        if key.size() < 256 {
            return Err(KeyError::Rejected(ciam_core::crypto::KeyRejected::UnacceptableSize));
        }
        let parsed = Certificate::parse(certificate).ok_or(KeyError::Certificate)?;
        let same = match parsed.public_key() {
            PublicKey::Rsa { modulus, .. } => *modulus == *key.n_bytes(),
            _ => false,
        };
        if !same {
            return Err(KeyError::OtherCertificate);
        }
        Ok(Self { key: Arc::new(key), certificate: certificate.into() })
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(super) fn unwrap(
        &self,
        entropy: &dyn Entropy,
        transport: KeyTransport,
        wrapped: &[u8],
    ) -> Option<SecretBytes> {
        let mut random = Random(entropy);
        // With blinding; the crate's arithmetic takes constant time beside it.
        let key = &self.key;
        let text = match (transport.digest, transport.mask) {
            (OaepDigest::Sha1, OaepDigest::Sha1) => {
                key.decrypt_blinded(&mut random, Oaep::<Sha1>::new(), wrapped)
            }
            (OaepDigest::Sha256, OaepDigest::Sha256) => {
                key.decrypt_blinded(&mut random, Oaep::<Sha256>::new(), wrapped)
            }
            (OaepDigest::Sha256, OaepDigest::Sha1) => {
                key.decrypt_blinded(&mut random, Oaep::<Sha256, Sha1>::new_with_mgf_hash(), wrapped)
            }
            (OaepDigest::Sha1, OaepDigest::Sha256) => {
                key.decrypt_blinded(&mut random, Oaep::<Sha1, Sha256>::new_with_mgf_hash(), wrapped)
            }
        };
        text.ok().map(SecretBytes::new)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey(..)")
    }
}

/// Our keys for decryption, the current one first: those before it stay until no peer uses them any more.
#[derive(Clone, Debug, Default)]
pub struct DecryptionKeys(Vec<DecryptionKey>);

impl DecryptionKeys {
    /// Most keys.
    pub const MAX: usize = 3;

    /// Bundles keys; those after the third are not used.
    #[must_use]
    pub fn new(mut keys: Vec<DecryptionKey>) -> Self {
        keys.truncate(Self::MAX);
        Self(keys)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DecryptionKey> {
        self.0.iter()
    }
}

/// Encrypts a key for the owner of an RSA key.
pub(super) fn wrap(
    entropy: &dyn Entropy,
    transport: KeyTransport,
    public: &PublicKey,
    key: &SecretBytes,
) -> Option<Vec<u8>> {
    let PublicKey::Rsa { modulus, exponent } = public else { return None };
    let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
    let public = RsaPublicKey::new(number(modulus), number(exponent)).ok()?;
    let mut random = Random(entropy);
    let text = key.expose();
    match (transport.digest, transport.mask) {
        (OaepDigest::Sha1, OaepDigest::Sha1) => public.encrypt(&mut random, Oaep::<Sha1>::new(), text),
        (OaepDigest::Sha256, OaepDigest::Sha256) => public.encrypt(&mut random, Oaep::<Sha256>::new(), text),
        (OaepDigest::Sha256, OaepDigest::Sha1) => {
            public.encrypt(&mut random, Oaep::<Sha256, Sha1>::new_with_mgf_hash(), text)
        }
        (OaepDigest::Sha1, OaepDigest::Sha256) => {
            public.encrypt(&mut random, Oaep::<Sha1, Sha256>::new_with_mgf_hash(), text)
        }
    }
    .ok()
}

const MALFORMED: ciam_core::crypto::KeyRejected = ciam_core::crypto::KeyRejected::Malformed;

/// The port, as the crate knows it.
struct Random<'e>(&'e dyn Entropy);

impl TryRng for Random<'_> {
    type Error = ciam_core::error::PortError;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for Random<'_> {}
