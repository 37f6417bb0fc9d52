//! What both backends hand to the modules that are compiled once for each of them: one text for two implementations.

/// The methods of [`Crypto`](super::Crypto) that `primitives` of the calling module answers.
macro_rules! crypto_by_primitives {
    () => {
        fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
            primitives::mac_key(key)
        }

        fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
            primitives::digest(algorithm, bytes)
        }

        fn digester(&self, algorithm: DigestAlgorithm) -> Box<dyn super::Digester> {
            primitives::digester(algorithm)
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
    };
}

/// The methods of [`Encryption`](super::Encryption) that `content` of the calling module and the AES modes answer.
#[cfg(feature = "jwe")]
macro_rules! encryption_by_content {
    () => {
        fn seal(
            &self,
            cipher: ContentCipher,
            key: &SecretBytes,
            nonce: &[u8],
            associated: &[u8],
            text: &mut Vec<u8>,
        ) -> Result<Vec<u8>, OperationFailed> {
            content::seal(cipher, key, nonce, associated, text)
        }

        fn open(
            &self,
            cipher: ContentCipher,
            key: &SecretBytes,
            nonce: &[u8],
            associated: &[u8],
            text: &[u8],
            tag: &[u8],
        ) -> Result<SecretBytes, OperationFailed> {
            content::open(cipher, key, nonce, associated, text, tag)
        }

        fn wrap_key(&self, with: &SecretBytes, key: &SecretBytes) -> Result<Vec<u8>, OperationFailed> {
            aes_modes::wrap_key(with, key)
        }

        fn unwrap_key(&self, with: &SecretBytes, wrapped: &[u8]) -> Result<SecretBytes, OperationFailed> {
            aes_modes::unwrap_key(with, wrapped)
        }
    };
}

pub(super) use crypto_by_primitives;
#[cfg(feature = "jwe")]
pub(super) use encryption_by_content;
