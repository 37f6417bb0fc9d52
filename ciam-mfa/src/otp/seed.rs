//! Seeds.

use std::fmt;

use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::secret::{Secret, SecretBytes};

/// The secret from which codes are made, shared with a person's authenticator.
#[derive(Clone)]
pub struct OtpSeed(SecretBytes);

impl OtpSeed {
    /// How long a new seed is, in bytes: [RFC 4226, section 4](https://www.rfc-editor.org/rfc/rfc4226#section-4) recommends
    /// 160 bits.
    pub const LENGTH: usize = 20;

    /// A new seed.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source does.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, PortError> {
        Ok(Self(SecretBytes::random(entropy, Self::LENGTH)?))
    }

    /// A seed that was made elsewhere: of a hardware token, or in another system. 10 to 128 bytes.
    ///
    /// # Errors
    ///
    /// Fails when it is too short or too long.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidSeed> {
        let bytes = SecretBytes::new(bytes);
        if (10..=128).contains(&bytes.expose().len()) { Ok(Self(bytes)) } else { Err(InvalidSeed) }
    }

    /// A seed from its text: base32 of [RFC 4648](https://www.rfc-editor.org/rfc/rfc4648#section-6), in upper or lower case,
    /// with or without spaces and padding.
    ///
    /// # Errors
    ///
    /// Fails when it is no base32, too short or too long.
    pub fn from_base32(text: &str) -> Result<Self, InvalidSeed> {
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
        for letter in text.trim_end_matches('=').bytes().filter(|letter| !matches!(letter, b' ' | b'-')) {
            let value = match letter.to_ascii_uppercase() {
                letter @ b'A'..=b'Z' => letter - b'A',
                digit @ b'2'..=b'7' => digit - b'2' + 26,
                _ => return Err(InvalidSeed),
            };
            bits = (bits << 5 | u32::from(value)) & 0xfff;
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            }
        }
        Self::from_bytes(bytes)
    }

    /// The text that a person can type: base32 without padding.
    #[must_use]
    pub fn to_base32(&self) -> Secret {
        Secret::new(base32(self.0.expose()))
    }

    pub(super) const fn key(&self) -> &SecretBytes {
        &self.0
    }
}

impl fmt::Debug for OtpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSeed(..)")
    }
}

/// The seed is no base32, or not 10 to 128 bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seed has 10 to 128 bytes, in base32")]
#[non_exhaustive]
pub struct InvalidSeed;

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        for (to, from) in group.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let bits = u64::from_be_bytes(group);
        for index in 0..(chunk.len() * 8).div_ceil(5) {
            let value = usize::try_from(bits >> (35 - 5 * index) & 0x1f).unwrap_or_default();
            text.push(char::from(ALPHABET.get(value).copied().unwrap_or_default()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let seed = OtpSeed::from_base32("gezd gnbv-GY3TQOJQ gezdgnbvgy3tqojq====").unwrap();
        assert_eq!(seed.key().expose(), b"12345678901234567890");
        assert_eq!(seed.to_base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for wrong in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJ\u{f6}", &"A".repeat(300)] {
            assert_eq!(OtpSeed::from_base32(wrong).unwrap_err(), InvalidSeed, "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_seed() {
        let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec()).unwrap();
        assert_eq!(format!("{seed:?}"), "OtpSeed(..)");
    }
}
