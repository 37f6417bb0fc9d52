//! Password hashing.

use std::fmt;

use crate::error::PortError;
use crate::secret::Secret;

/// Hashes and verifies passwords, as PHC strings
/// ([the PHC string format](https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md)).
///
/// # Contract
///
/// - The methods block and are expensive: callers run them through [`Runtime`](crate::runtime::Runtime).
/// - [`verify`](Self::verify) compares in constant time and answers `false` for a text that it does not know.
pub trait PasswordHasher: fmt::Debug + Send + Sync {
    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source or the allocation of memory does.
    fn hash(&self, password: &Secret) -> Result<String, PortError>;

    /// Whether the password is the one that was hashed.
    fn verify(&self, password: &Secret, hash: &str) -> bool;

    /// Whether the hash is weaker than what [`hash`](Self::hash) makes today, and is to be replaced at the next sign-in.
    fn needs_rehash(&self, hash: &str) -> bool;
}
