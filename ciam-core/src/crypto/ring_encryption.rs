//! Encryption beside `ring`: what the library lacks comes from the RustCrypto crates, and RSA encryption is not offered.

use std::sync::Arc;

use ring as library;

use super::delegate::encryption_by_content;
use super::encryption::{ContentCipher, DecryptingKey, DecryptionKeyKind, Encryption, OaepHash};
use super::ring_backend::Ring;
use super::{
    Crypto as _, GenerateError, KeyRejected, OperationFailed, PublicKey, SignatureScheme, aes_modes,
    software_agreement,
};
use crate::secret::SecretBytes;

#[cfg_attr(
    feature = "aws-lc-rs",
    expect(clippy::duplicate_mod, reason = "one source for what the libraries spell alike")
)]
#[path = "content.rs"]
mod content;

impl Encryption for Ring {
    fn can_decrypt_with(&self, kind: DecryptionKeyKind) -> bool {
        matches!(kind, DecryptionKeyKind::P256 | DecryptionKeyKind::P384)
    }

    encryption_by_content!();

    fn agree_ephemeral(&self, with: &PublicKey) -> Result<(PublicKey, SecretBytes), KeyRejected> {
        software_agreement::agree_ephemeral(with)
    }

    fn encrypt_oaep(&self, _: OaepHash, _: &PublicKey, _: &SecretBytes) -> Result<Vec<u8>, KeyRejected> {
        Err(KeyRejected::Unsupported)
    }

    fn decryption_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn DecryptingKey>, KeyRejected> {
        software_agreement::decryption_key(pkcs8)
    }

    fn generate_decryption_key(&self, kind: DecryptionKeyKind) -> Result<SecretBytes, GenerateError> {
        self.generate_signing_key(match kind {
            DecryptionKeyKind::P256 => SignatureScheme::EcdsaP256Sha256,
            DecryptionKeyKind::P384 => SignatureScheme::EcdsaP384Sha384,
            DecryptionKeyKind::Rsa => return Err(GenerateError::Unsupported),
        })
    }
}
