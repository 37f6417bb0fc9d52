//! Content encryption by what `ring` and `aws-lc-rs` spell alike. Compiled once for each of them, as `primitives.rs` is.

use super::library::{aead, hmac};
use crate::crypto::{ContentCipher, DigestAlgorithm, OperationFailed, aes_modes};
use crate::secret::{SecretBytes, ct_eq};

pub(super) fn seal(
    cipher: ContentCipher,
    key: &SecretBytes,
    nonce: &[u8],
    associated: &[u8],
    text: &mut Vec<u8>,
) -> Result<Vec<u8>, OperationFailed> {
    check_lengths(cipher, key, nonce)?;
    if let Some(hash) = cipher.mac_hash() {
        let (mac_key, encryption_key) = halves(key)?;
        *text = aes_modes::cbc_encrypt(encryption_key, nonce, text)?;
        return mac(hash, cipher.tag_length(), mac_key, associated, nonce, text);
    }
    let nonce = gcm_nonce(nonce)?;
    gcm_key(cipher, key)?
        .seal_in_place_separate_tag(nonce, aead::Aad::from(associated), text)
        .map(|tag| tag.as_ref().to_vec())
        .map_err(|_| OperationFailed)
}

pub(super) fn open(
    cipher: ContentCipher,
    key: &SecretBytes,
    nonce: &[u8],
    associated: &[u8],
    text: &[u8],
    tag: &[u8],
) -> Result<SecretBytes, OperationFailed> {
    check_lengths(cipher, key, nonce)?;
    if tag.len() != cipher.tag_length() {
        return Err(OperationFailed);
    }
    if let Some(hash) = cipher.mac_hash() {
        let (mac_key, encryption_key) = halves(key)?;
        let expected = mac(hash, cipher.tag_length(), mac_key, associated, nonce, text)?;
        if !ct_eq(&expected, tag) {
            return Err(OperationFailed);
        }
        return aes_modes::cbc_decrypt(encryption_key, nonce, text).map(SecretBytes::new);
    }
    let nonce = gcm_nonce(nonce)?;
    let mut buffer = [text, tag].concat();
    let length = gcm_key(cipher, key)?
        .open_in_place(nonce, aead::Aad::from(associated), &mut buffer)
        .map_err(|_| OperationFailed)?
        .len();
    buffer.truncate(length);
    Ok(SecretBytes::new(buffer))
}

fn check_lengths(cipher: ContentCipher, key: &SecretBytes, nonce: &[u8]) -> Result<(), OperationFailed> {
    if key.expose().len() == cipher.key_length() && nonce.len() == cipher.nonce_length() {
        Ok(())
    } else {
        Err(OperationFailed)
    }
}

fn gcm_key(cipher: ContentCipher, key: &SecretBytes) -> Result<aead::LessSafeKey, OperationFailed> {
    let algorithm = match cipher {
        ContentCipher::Aes128Gcm => &aead::AES_128_GCM,
        _ => &aead::AES_256_GCM,
    };
    let key = aead::UnboundKey::new(algorithm, key.expose()).map_err(|_| OperationFailed)?;
    Ok(aead::LessSafeKey::new(key))
}

fn gcm_nonce(nonce: &[u8]) -> Result<aead::Nonce, OperationFailed> {
    aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| OperationFailed)
}

/// The first half of the key authenticates, the second encrypts.
fn halves(key: &SecretBytes) -> Result<(&[u8], &[u8]), OperationFailed> {
    key.expose().split_at_checked(key.expose().len() / 2).ok_or(OperationFailed)
}

/// The truncated code over the associated data, the nonce, the text and the length of the associated data in bits.
fn mac(
    hash: DigestAlgorithm,
    length: usize,
    key: &[u8],
    associated: &[u8],
    nonce: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, OperationFailed> {
    let algorithm = match hash {
        DigestAlgorithm::Sha256 => hmac::HMAC_SHA256,
        DigestAlgorithm::Sha384 => hmac::HMAC_SHA384,
        DigestAlgorithm::Sha512 => hmac::HMAC_SHA512,
    };
    let bits = u64::try_from(associated.len()).map_err(|_| OperationFailed)?.saturating_mul(8);
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    context.update(associated);
    context.update(nonce);
    context.update(text);
    context.update(&bits.to_be_bytes());
    context.sign().as_ref().get(..length).map(<[u8]>::to_vec).ok_or(OperationFailed)
}
