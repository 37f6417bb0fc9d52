//! The digests and the key derivation of password hashes that other systems made. Weak ones are here to be verified once
//! and replaced; nothing of ours is hashed with them.

use std::num::NonZeroU32;

use ring::{digest, pbkdf2};

/// The SHA-256 digest of everything that a reader gives.
pub(crate) fn sha256_of(mut input: impl std::io::Read) -> std::io::Result<[u8; 32]> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
    context.finish().as_ref().try_into().map_err(std::io::Error::other)
}

/// A digest that another system's password hashes are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignDigest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl ForeignDigest {
    /// How many bytes it has.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of these parts, one behind the other.
    pub(crate) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = digest::Context::new(match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        });
        for part in parts {
            context.update(part);
        }
        context.finish().as_ref().to_vec()
    }

    /// PBKDF2 with HMAC of this digest ([RFC 8018, section 5.2](https://www.rfc-editor.org/rfc/rfc8018#section-5.2)).
    pub(crate) fn pbkdf2(self, iterations: NonZeroU32, salt: &[u8], password: &[u8], out: &mut [u8]) {
        let algorithm = match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        pbkdf2::derive(algorithm, iterations, salt, password, out);
    }
}
