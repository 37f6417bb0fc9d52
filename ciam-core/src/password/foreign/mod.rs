//! Passwords that other systems have hashed.
//!
//! A migration brings hashes along, and nobody can make better ones of them without the passwords. So each is verified as
//! it is when its owner signs in, and replaced by one of today's in the same commit: [`ForeignHashes`] knows the kinds,
//! [`MigratingHasher`](super::MigratingHasher) puts it beside the hasher of new passwords, and
//! [`PasswordFactor`](super::PasswordFactor) replaces what it verifies. A password that is changed at the same moment wins.
//!
//! | kind | texts that are understood |
//! | --- | --- |
//! | bcrypt | `$2a$`, `$2b$`, `$2y$`; the first 72 bytes of a password count, as they always did |
//! | scrypt | `$scrypt$ln=…,r=…,p=…$` (PHC, Passlib), `$s0$`, `$7$`, Django's `scrypt$`, Werkzeug's `scrypt:`, `SCRYPT:N:r:p:` |
//! | PBKDF2 | `$pbkdf2-sha256$i=…$` (PHC), Passlib's `$pbkdf2-sha256$…$`, Django's `pbkdf2_sha256$`, Werkzeug's `pbkdf2:`, OpenLDAP's `{PBKDF2-SHA256}`, Keycloak's JSON; each with SHA-1, -256, -384, -512 |
//! | Argon2 | `$argon2id$`, `$argon2i$`, `$argon2d$`; Keycloak's JSON |
//! | SHA-crypt | `$5$`, `$6$` |
//! | Firebase | [`ForeignHash::firebase`], with the [project's parameters](FirebaseProject) |
//! | salted SHA | `{SHA}`, `{SSHA}`, `{SSHA256}`, `{SSHA384}`, `{SSHA512}`; [`ForeignHash::salted`] with a salt before or behind |
//!
//! Around any of them `{CRYPT}`, `{BCRYPT}` and the like are understood. There is no MD5, salted or not: no backend of ours
//! has it, and what it protects is as good as known. Let these people choose a new password through recovery, or ask the old
//! system [once](crate::migration).
//!
//! ```
//! use std::sync::Arc;
//!
//! use ciam_core::password::foreign::ForeignHashes;
//! use ciam_core::password::{Argon2idHasher, MigratingHasher, PasswordHasher};
//! use ciam_core::secret::Secret;
//!
//! let hasher = MigratingHasher::new(Arc::new(Argon2idHasher::new()?)).with_verifier(Arc::new(ForeignHashes::new()));
//! let old = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
//! assert!(hasher.verify(&Secret::from("U*U"), old) && hasher.needs_rehash(old));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//!
//! - **What a hash costs is bounded** by [`ForeignLimits`], when it is imported and again when it is verified.
//! - **A hash takes its own time.** Whoever measures can tell an account with an imported hash from others until its owner
//!   has signed in once, unless [`PasswordFactor::with_floor`](super::PasswordFactor::with_floor) gives every verification
//!   the time of the slowest.
//! - **The weak stay weak** until then. Whoever has a copy of the database guesses at the old hash.
//! - Passwords are brought to NFC before they are verified, as always. Where the old system hashed another form, the few
//!   whose passwords differ in it choose a new one.

mod argon2;
mod bcrypt;
mod firebase;
mod keycloak;
mod limits;
mod pbkdf2;
mod salted;
mod scrypt;
mod sha_crypt;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use self::argon2::ForeignArgon2;
use self::bcrypt::Bcrypt;
use self::firebase::Firebase;
pub use self::firebase::{FirebaseProject, InvalidFirebaseProject};
pub use self::limits::ForeignLimits;
use self::pbkdf2::Pbkdf2;
use self::salted::Salted;
use self::scrypt::Scrypt;
use self::sha_crypt::ShaCrypt;
pub(crate) use self::text::{unbase64, unhex};
use super::{PasswordHash, PasswordVerifier};
use crate::crypto::ForeignDigest;
use crate::secret::Secret;

/// Verifies the hashes of other systems, within limits.
#[derive(Clone, Debug, Default)]
pub struct ForeignHashes {
    limits: ForeignLimits,
    firebase: BTreeMap<String, FirebaseProject>,
}

impl ForeignHashes {
    /// Knows every kind but Firebase's, which needs a project, with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: ForeignLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a Firebase project under the name that its hashes were [imported](ForeignHash::firebase) with.
    #[must_use]
    pub fn with_firebase(mut self, name: impl Into<String>, project: FirebaseProject) -> Self {
        self.firebase.insert(name.into(), project);
        self
    }

    /// Judges a hash before it is stored: whether it is understood, and whether it can be afforded.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong. A hash that is refused here proves nobody.
    pub fn judge(&self, hash: &ForeignHash) -> Result<(), ForeignHashError> {
        let limits = &self.limits;
        match &hash.0 {
            Form::Bcrypt(hash) => hash.check(limits),
            Form::Scrypt(hash) => hash.check(limits),
            Form::Pbkdf2(hash) => hash.check(limits),
            Form::Argon2(hash) => hash.check(limits),
            Form::ShaCrypt(hash) => hash.check(limits),
            Form::Salted(hash) => hash.check(limits),
            Form::Firebase(hash) => hash.check(self.firebase.get(&hash.project), limits),
        }
    }

    /// Reads and judges the text of a hash.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong.
    pub fn accept(&self, text: &str) -> Result<ForeignHash, ForeignHashError> {
        let hash = ForeignHash::parse(text)?;
        self.judge(&hash)?;
        Ok(hash)
    }
}

impl PasswordVerifier for ForeignHashes {
    fn recognises(&self, hash: &str) -> bool {
        self.accept(hash).is_ok()
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        let Ok(hash) = self.accept(hash) else { return false };
        let password = password.expose().as_bytes();
        match &hash.0 {
            Form::Bcrypt(hash) => hash.verify(password),
            Form::Scrypt(hash) => hash.verify(password),
            Form::Pbkdf2(hash) => hash.verify(password),
            Form::Argon2(hash) => hash.verify(password),
            Form::ShaCrypt(hash) => hash.verify(password),
            Form::Salted(hash) => hash.verify(password),
            Form::Firebase(hash) => {
                self.firebase.get(&hash.project).is_some_and(|project| hash.verify(project, password))
            }
        }
    }
}

/// A hash of another system, understood. What it costs is not judged yet: [`ForeignHashes::judge`].
#[derive(Clone)]
pub struct ForeignHash(Form);

#[derive(Clone)]
enum Form {
    Bcrypt(Bcrypt),
    Scrypt(Scrypt),
    Pbkdf2(Pbkdf2),
    Argon2(ForeignArgon2),
    ShaCrypt(ShaCrypt),
    Salted(Salted),
    Firebase(Firebase),
}

impl ForeignHash {
    /// Reads the text of a hash, in any form that [the module](self) lists.
    ///
    /// # Errors
    ///
    /// Fails when the text is of no known form, or of one that it breaks.
    pub fn parse(text: &str) -> Result<Self, ForeignHashError> {
        if text.len() > ForeignLimits::MAX_TEXT {
            return Err(ForeignHashError::Unknown);
        }
        let text = without_wrapper(text.trim());
        let malformed = |kind| ForeignHashError::Malformed(kind);
        let (kind, form) = if text.starts_with(Bcrypt::PREFIX) {
            (ForeignKind::Bcrypt, Bcrypt::parse(text).map(Form::Bcrypt))
        } else if text.starts_with(ForeignArgon2::PREFIX) {
            (ForeignKind::Argon2, ForeignArgon2::parse(text).map(Form::Argon2))
        } else if text.starts_with(Firebase::PREFIX) {
            (ForeignKind::FirebaseScrypt, Firebase::parse(text).map(Form::Firebase))
        } else if ShaCrypt::is_written_as(text) {
            (ForeignKind::ShaCrypt, ShaCrypt::parse(text).map(Form::ShaCrypt))
        } else if Scrypt::is_written_as(text) {
            (ForeignKind::Scrypt, Scrypt::parse(text).map(Form::Scrypt))
        } else if Pbkdf2::is_written_as(text) {
            (ForeignKind::Pbkdf2, Pbkdf2::parse(text).map(Form::Pbkdf2))
        } else if Salted::is_written_as(text) {
            (ForeignKind::SaltedSha, Salted::parse(text).map(Form::Salted))
        } else {
            return Err(ForeignHashError::Unknown);
        };
        form.map(Self).ok_or_else(|| malformed(kind))
    }

    /// Reads a password credential of Keycloak's realm export: the object with `credentialData` and `secretData`.
    ///
    /// # Errors
    ///
    /// Fails when it is none, or its algorithm is unknown.
    pub fn keycloak(json: &str) -> Result<Self, ForeignHashError> {
        if json.len() > ForeignLimits::MAX_TEXT {
            return Err(ForeignHashError::Unknown);
        }
        keycloak::parse(json).ok_or(ForeignHashError::Unknown)
    }

    /// A hash of a Firebase project: `salt` and `passwordHash` of its export, in base64, and the name under which the
    /// project's parameters are [configured](ForeignHashes::with_firebase).
    ///
    /// # Errors
    ///
    /// Fails when a text is not base64, or the name has other characters than letters, digits, `-` and `_`.
    pub fn firebase(project: &str, salt: &str, hash: &str) -> Result<Self, ForeignHashError> {
        let decode = || Firebase::new(project, unbase64(salt)?, unbase64(hash)?);
        decode()
            .map(|hash| Self(Form::Firebase(hash)))
            .ok_or(ForeignHashError::Malformed(ForeignKind::FirebaseScrypt))
    }

    /// One round of `sha1`, `sha256`, `sha384` or `sha512` over the password with a salt, which may be empty.
    ///
    /// # Errors
    ///
    /// Fails when the digest is another, or the hash has not its length.
    pub fn salted(
        digest: &str,
        position: SaltPosition,
        salt: Vec<u8>,
        hash: Vec<u8>,
    ) -> Result<Self, ForeignHashError> {
        let digest = match digest {
            "sha1" => ForeignDigest::Sha1,
            "sha256" => ForeignDigest::Sha256,
            "sha384" => ForeignDigest::Sha384,
            "sha512" => ForeignDigest::Sha512,
            _ => return Err(ForeignHashError::Unknown),
        };
        Salted::new(digest, position, salt, hash)
            .map(|hash| Self(Form::Salted(hash)))
            .ok_or(ForeignHashError::Malformed(ForeignKind::SaltedSha))
    }

    /// PBKDF2 with HMAC of `sha1`, `sha256`, `sha384` or `sha512`.
    ///
    /// # Errors
    ///
    /// Fails when the digest is another, or there is no iteration.
    pub fn pbkdf2(
        digest: &str,
        iterations: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    ) -> Result<Self, ForeignHashError> {
        let digest = pbkdf2::digest_of(&format!("pbkdf2-{digest}")).ok_or(ForeignHashError::Unknown)?;
        let iterations =
            iterations.try_into().map_err(|_| ForeignHashError::Malformed(ForeignKind::Pbkdf2))?;
        Ok(Self(Form::Pbkdf2(Pbkdf2::new(digest, iterations, salt, hash))))
    }

    /// scrypt with N = 2 to the power of `log_n`.
    #[must_use]
    pub const fn scrypt(log_n: u8, r: u32, p: u32, salt: Vec<u8>, hash: Vec<u8>) -> Self {
        Self(Form::Scrypt(Scrypt::new(log_n, r, p, salt, hash)))
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ForeignKind {
        match self.0 {
            Form::Bcrypt(_) => ForeignKind::Bcrypt,
            Form::Scrypt(_) => ForeignKind::Scrypt,
            Form::Pbkdf2(_) => ForeignKind::Pbkdf2,
            Form::Argon2(_) => ForeignKind::Argon2,
            Form::ShaCrypt(_) => ForeignKind::ShaCrypt,
            Form::Salted(_) => ForeignKind::SaltedSha,
            Form::Firebase(_) => ForeignKind::FirebaseScrypt,
        }
    }

    /// What its verification costs, in words: `bcrypt cost 10`, `pbkdf2 sha256 27500 iterations`. For reports: how many of
    /// which cost there are says how long the slowest takes.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.0 {
            Form::Bcrypt(hash) => format!("bcrypt cost {}", hash.cost),
            Form::Scrypt(hash) => format!("scrypt ln={},r={},p={}", hash.log_n, hash.r, hash.p),
            Form::Pbkdf2(hash) => format!("pbkdf2 {} {} iterations", name_of(hash.digest), hash.iterations),
            Form::Argon2(hash) => format!(
                "{} m={},t={},p={}",
                hash.algorithm.as_str(),
                hash.memory_kib,
                hash.passes,
                hash.lanes
            ),
            Form::ShaCrypt(hash) => format!("sha_crypt {} rounds", hash.rounds()),
            Form::Salted(hash) => format!("salted_sha {}", name_of(hash.digest)),
            Form::Firebase(hash) => format!("firebase_scrypt of project {}", hash.project),
        }
    }

    /// The text under which it is stored.
    #[must_use]
    pub fn to_hash(&self) -> PasswordHash {
        PasswordHash::from_phc(match &self.0 {
            Form::Bcrypt(hash) => hash.write(),
            Form::Scrypt(hash) => hash.write(),
            Form::Pbkdf2(hash) => hash.write(),
            Form::Argon2(hash) => hash.write(),
            Form::ShaCrypt(hash) => hash.write(),
            Form::Salted(hash) => hash.write(),
            Form::Firebase(hash) => hash.write(),
        })
    }
}

/// Shows what it costs, and nothing of the hash.
impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignHash({})", self.describe())
    }
}

/// The kind of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ForeignKind {
    /// bcrypt.
    Bcrypt,
    /// scrypt.
    Scrypt,
    /// PBKDF2.
    Pbkdf2,
    /// Argon2.
    Argon2,
    /// SHA-crypt.
    ShaCrypt,
    /// Firebase's modified scrypt.
    FirebaseScrypt,
    /// One round of SHA with a salt.
    SaltedSha,
}

impl ForeignKind {
    /// The stable name: `bcrypt`, `firebase_scrypt`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2 => "pbkdf2",
            Self::Argon2 => "argon2",
            Self::ShaCrypt => "sha_crypt",
            Self::FirebaseScrypt => "firebase_scrypt",
            Self::SaltedSha => "salted_sha",
        }
    }
}

/// Where a salt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a salt is before the password or behind it")]
pub enum SaltPosition {
    /// Before the password.
    Prefix,
    /// Behind the password.
    Suffix,
}

/// A hash of another system is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignHashError {
    /// No known form.
    #[error("no known form of a password hash")]
    Unknown,
    /// It breaks the form that it seems to have.
    #[error("a {} hash that is not one", .0.as_str())]
    Malformed(ForeignKind),
    /// Verifying it would cost more than [`ForeignLimits`] allow.
    #[error("a {} hash that costs too much to verify", .0.as_str())]
    TooExpensive(ForeignKind),
    /// The Firebase project of the hash is not configured.
    #[error("the hash's Firebase project is not configured")]
    UnknownProject,
}

impl ForeignHashError {
    /// The stable code: `hash_unknown`, `hash_malformed`, `hash_too_expensive`, `hash_project`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "hash_unknown",
            Self::Malformed(_) => "hash_malformed",
            Self::TooExpensive(_) => "hash_too_expensive",
            Self::UnknownProject => "hash_project",
        }
    }
}

/// `{CRYPT}`, `{BCRYPT}` and such, which directories write around a hash that says itself what it is.
fn without_wrapper(text: &str) -> &str {
    let Some((scheme, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return text;
    };
    const WRAPPERS: [&str; 5] = ["crypt", "bcrypt", "argon2", "scrypt", "pbkdf2"];
    let wraps = rest.starts_with('$') && WRAPPERS.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if wraps { rest } else { text }
}

const fn check_lengths(
    salt: &[u8],
    hash: &[u8],
    limits: &ForeignLimits,
    kind: ForeignKind,
) -> Result<(), ForeignHashError> {
    if salt.len() > limits.salt_bytes || hash.len() > limits.hash_bytes {
        return Err(ForeignHashError::TooExpensive(kind));
    }
    if hash.len() < ForeignLimits::MIN_HASH {
        return Err(ForeignHashError::Malformed(kind));
    }
    Ok(())
}

const fn name_of(digest: ForeignDigest) -> &'static str {
    match digest {
        ForeignDigest::Sha1 => "sha1",
        ForeignDigest::Sha256 => "sha256",
        ForeignDigest::Sha384 => "sha384",
        ForeignDigest::Sha512 => "sha512",
    }
}
