//! The modes of AES that no backend has in common: CBC and key wrap, by the RustCrypto crates.

use aes::{Aes128, Aes256};
use aes_kw::KwAes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyInit as _, KeyIvInit as _};
use zeroize::Zeroizing;

use super::OperationFailed;
use crate::secret::SecretBytes;

/// Encrypts with the key's size of AES and pads as PKCS #7 does.
pub(super) fn cbc_encrypt(key: &[u8], iv: &[u8], text: &[u8]) -> Result<Vec<u8>, OperationFailed> {
    match key.len() {
        16 => cbc::Encryptor::<Aes128>::new_from_slices(key, iv)
            .map(|cipher| cipher.encrypt_padded_vec::<Pkcs7>(text)),
        _ => cbc::Encryptor::<Aes256>::new_from_slices(key, iv)
            .map(|cipher| cipher.encrypt_padded_vec::<Pkcs7>(text)),
    }
    .map_err(|_| OperationFailed)
}

/// Decrypts a text that was authenticated before.
pub(super) fn cbc_decrypt(key: &[u8], iv: &[u8], text: &[u8]) -> Result<Vec<u8>, OperationFailed> {
    let failed = |_| OperationFailed;
    if key.len() == 16 {
        let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key, iv).map_err(failed)?;
        cipher.decrypt_padded_vec::<Pkcs7>(text).map_err(|_| OperationFailed)
    } else {
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).map_err(failed)?;
        cipher.decrypt_padded_vec::<Pkcs7>(text).map_err(|_| OperationFailed)
    }
}

pub(super) fn wrap_key(with: &SecretBytes, key: &SecretBytes) -> Result<Vec<u8>, OperationFailed> {
    let cipher = KwAes256::new_from_slice(with.expose()).map_err(|_| OperationFailed)?;
    let mut out = vec![0; key.expose().len() + BLOCK];
    let length = cipher.wrap_key(key.expose(), &mut out).map_err(|_| OperationFailed)?.len();
    out.truncate(length);
    Ok(out)
}

pub(super) fn unwrap_key(with: &SecretBytes, wrapped: &[u8]) -> Result<SecretBytes, OperationFailed> {
    let cipher = KwAes256::new_from_slice(with.expose()).map_err(|_| OperationFailed)?;
    let mut out = Zeroizing::new(vec![0; wrapped.len()]);
    let key = cipher.unwrap_key(wrapped, &mut out).map_err(|_| OperationFailed)?;
    Ok(SecretBytes::new(key.to_vec()))
}

/// What wrapping adds, in bytes.
const BLOCK: usize = 8;
