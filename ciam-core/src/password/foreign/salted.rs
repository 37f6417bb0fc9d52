//! One round of SHA over the password and a salt: LDAP's `{SSHA}` and its kin, and plain digests with a salt.

use super::limits::ForeignLimits;
use super::text::{Phc, base64, unbase64};
use super::{ForeignHashError, ForeignKind, SaltPosition};
use crate::crypto::ForeignDigest;
use crate::secret::ct_eq;

/// A salted digest.
///
/// The weakest of all: a graphics card tries thousands of millions a second. It is verified once, and replaced.
#[derive(Clone)]
pub(super) struct Salted {
    pub(super) digest: ForeignDigest,
    position: SaltPosition,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Salted {
    pub(super) fn new(
        digest: ForeignDigest,
        position: SaltPosition,
        salt: Vec<u8>,
        hash: Vec<u8>,
    ) -> Option<Self> {
        (hash.len() == digest.length()).then_some(Self { digest, position, salt, hash })
    }

    pub(super) fn is_written_as(text: &str) -> bool {
        text.starts_with("$salted-sha") || ldap_digest(text).is_some()
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        match ldap_digest(text) {
            Some((digest, salted, rest)) => Self::ldap(digest, salted, rest),
            None => Self::phc(text),
        }
    }

    /// `{SSHA}` and base64 of the digest with the salt behind it; `{SHA}` has no salt.
    fn ldap(digest: ForeignDigest, salted: bool, rest: &str) -> Option<Self> {
        let bytes = unbase64(rest)?;
        let (hash, salt) = bytes.split_at_checked(digest.length())?;
        // A salted form without a salt, and a plain one with something behind it, are neither.
        let consistent = salted != salt.is_empty();
        consistent.then(|| Self::new(digest, SaltPosition::Suffix, salt.to_vec(), hash.to_vec()))?
    }

    /// Our own `$salted-sha256$at=suffix$salt$hash`, for what has no text of its own.
    fn phc(text: &str) -> Option<Self> {
        let phc = Phc::parse(text).filter(|phc| phc.version.is_none() && phc.has_only(&["at"]))?;
        let position = match phc.parameter("at")? {
            "prefix" => SaltPosition::Prefix,
            "suffix" => SaltPosition::Suffix,
            _ => return None,
        };
        let digest =
            [ForeignDigest::Sha1, ForeignDigest::Sha256, ForeignDigest::Sha384, ForeignDigest::Sha512]
                .into_iter()
                .find(|digest| name_of(*digest) == phc.id)?;
        Self::new(digest, position, phc.salt, phc.hash)
    }

    pub(super) const fn check(&self, limits: &ForeignLimits) -> Result<(), ForeignHashError> {
        super::check_lengths(self.salt.as_slice(), self.hash.as_slice(), limits, ForeignKind::SaltedSha)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let hash = match self.position {
            SaltPosition::Prefix => self.digest.of(&[&self.salt, password]),
            SaltPosition::Suffix => self.digest.of(&[password, &self.salt]),
        };
        ct_eq(&hash, &self.hash)
    }

    pub(super) fn write(&self) -> String {
        let at = match self.position {
            SaltPosition::Prefix => "prefix",
            SaltPosition::Suffix => "suffix",
        };
        format!("${}$at={at}${}${}", name_of(self.digest), base64(&self.salt), base64(&self.hash))
    }
}

const fn name_of(digest: ForeignDigest) -> &'static str {
    match digest {
        ForeignDigest::Sha1 => "salted-sha1",
        ForeignDigest::Sha256 => "salted-sha256",
        ForeignDigest::Sha384 => "salted-sha384",
        ForeignDigest::Sha512 => "salted-sha512",
    }
}

/// The digest of an LDAP scheme, whether it is salted, and what is behind the scheme.
fn ldap_digest(text: &str) -> Option<(ForeignDigest, bool, &str)> {
    let (scheme, rest) = text.strip_prefix('{')?.split_once('}')?;
    let (digest, salted) = match scheme.to_ascii_uppercase().as_str() {
        "SHA" => (ForeignDigest::Sha1, false),
        "SSHA" => (ForeignDigest::Sha1, true),
        "SHA256" => (ForeignDigest::Sha256, false),
        "SSHA256" => (ForeignDigest::Sha256, true),
        "SHA384" => (ForeignDigest::Sha384, false),
        "SSHA384" => (ForeignDigest::Sha384, true),
        "SHA512" => (ForeignDigest::Sha512, false),
        "SSHA512" => (ForeignDigest::Sha512, true),
        _ => return None,
    };
    Some((digest, salted, rest))
}
