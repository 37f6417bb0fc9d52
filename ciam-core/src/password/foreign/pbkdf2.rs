//! PBKDF2 ([RFC 8018](https://www.rfc-editor.org/rfc/rfc8018)) with HMAC-SHA-1, -256, -384 and -512.

use std::num::NonZeroU32;

use super::limits::ForeignLimits;
use super::text::{Phc, base64, number, parts, unbase64, unhex};
use super::{ForeignHashError, ForeignKind};
use crate::crypto::ForeignDigest;
use crate::secret::ct_eq;

/// A PBKDF2 hash.
#[derive(Clone)]
pub(super) struct Pbkdf2 {
    pub(super) digest: ForeignDigest,
    pub(super) iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    pub(super) const fn new(
        digest: ForeignDigest,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    ) -> Self {
        Self { digest, iterations, salt, hash }
    }

    pub(super) fn is_written_as(text: &str) -> bool {
        ["$pbkdf2", "pbkdf2_", "pbkdf2:", "{PBKDF2"].iter().any(|it| text.starts_with(it))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("{PBKDF2") {
            return Self::ldap(rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return Self::django(rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2:") {
            return Self::werkzeug(rest);
        }
        Self::phc(text).or_else(|| Self::passlib(text))
    }

    /// `$pbkdf2-sha256$i=310000,l=32$salt$hash`.
    fn phc(text: &str) -> Option<Self> {
        let phc = Phc::parse(text).filter(|phc| phc.version.is_none() && phc.has_only(&["i", "l"]))?;
        let length = phc.parameter("l").map(|_| phc.number::<usize>("l"));
        if length.is_some_and(|length| length != Some(phc.hash.len())) {
            return None;
        }
        Some(Self::new(digest_of(phc.id)?, phc.number("i")?, phc.salt, phc.hash))
    }

    /// Passlib's `$pbkdf2-sha256$29000$salt$hash`.
    fn passlib(text: &str) -> Option<Self> {
        let ["", id, iterations, salt, hash] = parts(text, '$')? else { return None };
        Some(Self::new(digest_of(id)?, number(iterations)?, unbase64(salt)?, unbase64(hash)?))
    }

    /// OpenLDAP's `{PBKDF2-SHA256}29000$salt$hash`, without its first word.
    fn ldap(rest: &str) -> Option<Self> {
        let (name, rest) = rest.split_once('}')?;
        let [iterations, salt, hash] = parts(rest, '$')?;
        let id = format!("pbkdf2{}", name.to_ascii_lowercase());
        Some(Self::new(digest_of(&id)?, number(iterations)?, unbase64(salt)?, unbase64(hash)?))
    }

    /// Django's `pbkdf2_sha256$260000$salt$hash`, without its first word; the salt is the text itself.
    fn django(rest: &str) -> Option<Self> {
        let [name, iterations, salt, hash] = parts(rest, '$')?;
        let id = format!("pbkdf2-{name}");
        Some(Self::new(digest_of(&id)?, number(iterations)?, salt.as_bytes().to_vec(), unbase64(hash)?))
    }

    /// Werkzeug's `pbkdf2:sha256:260000$salt$hash`, without its first word; the salt is the text itself.
    fn werkzeug(rest: &str) -> Option<Self> {
        let [head, salt, hash] = parts(rest, '$')?;
        let [name, iterations] = parts(head, ':')?;
        let id = format!("pbkdf2-{name}");
        Some(Self::new(digest_of(&id)?, number(iterations)?, salt.as_bytes().to_vec(), unhex(hash)?))
    }

    pub(super) fn check(&self, limits: &ForeignLimits) -> Result<(), ForeignHashError> {
        super::check_lengths(&self.salt, &self.hash, limits, ForeignKind::Pbkdf2)?;
        let blocks = self.hash.len().div_ceil(self.digest.length());
        let work = u64::from(self.iterations.get()).saturating_mul(u64::try_from(blocks).unwrap_or(u64::MAX));
        if work > limits.pbkdf2_work {
            return Err(ForeignHashError::TooExpensive(ForeignKind::Pbkdf2));
        }
        Ok(())
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut out = vec![0; self.hash.len()];
        self.digest.pbkdf2(self.iterations, &self.salt, password, &mut out);
        ct_eq(&out, &self.hash)
    }

    pub(super) fn write(&self) -> String {
        let name = match self.digest {
            ForeignDigest::Sha1 => "pbkdf2-sha1",
            ForeignDigest::Sha256 => "pbkdf2-sha256",
            ForeignDigest::Sha384 => "pbkdf2-sha384",
            ForeignDigest::Sha512 => "pbkdf2-sha512",
        };
        format!("${name}$i={}${}${}", self.iterations, base64(&self.salt), base64(&self.hash))
    }
}

/// The digest of PBKDF2 by the name that PHC strings, Passlib and Keycloak know it by.
pub(super) fn digest_of(id: &str) -> Option<ForeignDigest> {
    Some(match id {
        "pbkdf2" | "pbkdf2-sha1" => ForeignDigest::Sha1,
        "pbkdf2-sha256" => ForeignDigest::Sha256,
        "pbkdf2-sha384" => ForeignDigest::Sha384,
        "pbkdf2-sha512" => ForeignDigest::Sha512,
        _ => return None,
    })
}
