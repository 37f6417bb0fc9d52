//! The key derivation of ECDH-ES ([RFC 7518, section 4.6.2](https://www.rfc-editor.org/rfc/rfc7518#section-4.6.2)).

use zeroize::Zeroizing;

use super::algorithm::{ContentEncryption, KeyManagement};
use crate::crypto::{Crypto, DigestAlgorithm};
use crate::secret::SecretBytes;

/// What both sides know beside the secret.
pub(super) struct Context<'a> {
    /// `apu`, decoded.
    pub(super) producer: &'a [u8],
    /// `apv`, decoded.
    pub(super) recipient: &'a [u8],
}

/// The key that the agreement gives: the content's own for ECDH-ES, the wrapping one for ECDH-ES+A256KW.
pub(super) fn derive(
    crypto: &dyn Crypto,
    secret: &SecretBytes,
    management: KeyManagement,
    encryption: ContentEncryption,
    context: &Context<'_>,
) -> SecretBytes {
    let (name, length) = match management {
        KeyManagement::EcdhEsA256Kw => (management.as_str(), WRAPPING_KEY_LENGTH),
        _ => (encryption.as_str(), encryption.cipher().key_length()),
    };
    let mut other = Vec::with_capacity(64);
    for part in [name.as_bytes(), context.producer, context.recipient] {
        other.extend(length_of(part).to_be_bytes());
        other.extend_from_slice(part);
    }
    other.extend(bits(length).to_be_bytes());
    let mut key = Zeroizing::new(Vec::with_capacity(length + HASH_LENGTH));
    let mut round = 1_u32;
    while key.len() < length {
        let input = Zeroizing::new([&round.to_be_bytes(), secret.expose(), &other].concat());
        key.extend_from_slice(crypto.digest(DigestAlgorithm::Sha256, &input).as_ref());
        round += 1;
    }
    SecretBytes::new(key.get(..length).unwrap_or_default().to_vec())
}

/// AES-256.
const WRAPPING_KEY_LENGTH: usize = 32;
/// SHA-256.
const HASH_LENGTH: usize = 32;

/// Bounded by the limit of a header, far below the number's range.
fn length_of(part: &[u8]) -> u32 {
    u32::try_from(part.len()).unwrap_or(u32::MAX)
}

fn bits(length: usize) -> u32 {
    u32::try_from(length * 8).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto;
    use crate::encoding::base64url;

    /// RFC 7518, appendix C.
    #[test]
    fn rfc7518_appendix_c() {
        let secret = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163,
            218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let context = Context { producer: b"Alice", recipient: b"Bob" };
        let key = derive(
            &*crypto::ring(),
            &SecretBytes::new(secret.to_vec()),
            KeyManagement::EcdhEs,
            ContentEncryption::A128Gcm,
            &context,
        );
        assert_eq!(base64url::encode(key.expose()), "VqqN6vgjbSBcIijNcacQGg");
    }
}
