//! A crypto backend that counts what it is asked to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ciam_core::crypto::{
    self, AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Crypto, Digest, DigestAlgorithm, Digester, GenerateError,
    InvalidSignature, KeyRejected, MacKey, OneTimeHash, OperationFailed, PublicKey, SignatureScheme,
    SigningKey, VerifyingKey,
};
use ciam_core::secret::SecretBytes;

/// `ring`, counted: every call of the port, and every check with a key of its.
#[derive(Debug)]
pub(super) struct Counted {
    inner: Arc<dyn Crypto>,
    calls: Arc<AtomicUsize>,
}

impl Counted {
    pub(super) fn new() -> Self {
        Self { inner: crypto::ring(), calls: Arc::default() }
    }

    /// How many calls there were since it was asked the last time.
    pub(super) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    fn count(&self) -> &dyn Crypto {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &*self.inner
    }
}

#[derive(Debug)]
struct Key<K: ?Sized> {
    calls: Arc<AtomicUsize>,
    inner: Arc<K>,
}

impl<K: ?Sized> Key<K> {
    fn count(&self) -> &K {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &self.inner
    }
}

impl VerifyingKey for Key<dyn VerifyingKey> {
    fn scheme(&self) -> SignatureScheme {
        self.inner.scheme()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.count().verify(message, signature)
    }
}

impl MacKey for Key<dyn MacKey> {
    fn authenticate(&self, message: &[u8]) -> Digest {
        self.count().authenticate(message)
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), InvalidSignature> {
        self.count().verify(message, tag)
    }
}

impl Crypto for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn verifying_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        let inner = self.count().verifying_key(scheme, key)?;
        Ok(Arc::new(Key { calls: self.calls.clone(), inner }))
    }

    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        self.count().signing_key(scheme, pkcs8)
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        self.count().generate_signing_key(scheme)
    }

    fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
        let inner = self.count().mac_key(key)?;
        Ok(Arc::new(Key { calls: self.calls.clone(), inner }))
    }

    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
        self.count().digest(algorithm, bytes)
    }

    fn digester(&self, algorithm: DigestAlgorithm) -> Box<dyn Digester> {
        self.count().digester(algorithm)
    }

    fn one_time_mac(&self, algorithm: OneTimeHash, key: &SecretBytes, message: &[u8]) -> Digest {
        self.count().one_time_mac(algorithm, key, message)
    }

    fn aead_seal(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), OperationFailed> {
        self.count().aead_seal(key, nonce, associated, text)
    }

    fn aead_open(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OperationFailed> {
        self.count().aead_open(key, nonce, associated, sealed)
    }

    fn derive(
        &self,
        secret: &SecretBytes,
        salt: &[u8],
        info: &[u8],
        output: &mut [u8],
    ) -> Result<(), OperationFailed> {
        self.count().derive(secret, salt, info, output)
    }
}
