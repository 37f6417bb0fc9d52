//! Password hashing.

use std::fmt;
use std::sync::Arc;

use crate::error::PortError;
use crate::secret::Secret;

/// Hashes and verifies passwords, as PHC strings
/// ([the PHC string format](https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md)).
///
/// # Contract
///
/// - The methods block and are expensive: callers run them through [`Runtime`](crate::runtime::Runtime).
/// - [`verify`](Self::verify) compares in constant time and answers `false` for a text that it does not recognise.
/// - [`recognises`](Self::recognises) and [`needs_rehash`](Self::needs_rehash) only look at the text and are cheap.
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

    /// Whether [`verify`](Self::verify) can work with this hash. A hash that nothing recognises proves nobody, at the cost
    /// of a verification all the same.
    fn recognises(&self, hash: &str) -> bool;
}

/// Verifies hashes of another system, so that its passwords keep working after a migration.
pub trait PasswordVerifier: fmt::Debug + Send + Sync {
    /// Whether a hash is of this verifier's form, by its text alone.
    fn recognises(&self, hash: &str) -> bool;

    /// Whether the password is the one that was hashed; `false` for a text that is not recognised. Blocks, and compares in
    /// constant time.
    fn verify(&self, password: &Secret, hash: &str) -> bool;
}

/// A hasher that also verifies what other systems have hashed. Their hashes are replaced by its own at the next sign-in.
///
/// # Security
///
/// A foreign hash takes its own time to verify, so until its owner has signed in once, timing can tell such an account from
/// others; [`PasswordFactor::with_floor`](super::PasswordFactor::with_floor) hides it.
///
/// ```
/// use std::sync::Arc;
///
/// use ciam_core::password::{MigratingHasher, PasswordHasher, PasswordVerifier};
/// # #[cfg(feature = "argon2")] {
/// use ciam_core::password::Argon2idHasher;
/// use ciam_core::secret::Secret;
///
/// #[derive(Debug)]
/// struct Legacy;
///
/// impl PasswordVerifier for Legacy {
///     fn recognises(&self, hash: &str) -> bool {
///         hash.starts_with("$legacy$")
///     }
///     fn verify(&self, password: &Secret, hash: &str) -> bool {
///         # let _ = (password, hash);
///         // The old system's algorithm.
///         false
///     }
/// }
///
/// let hasher = MigratingHasher::new(Arc::new(Argon2idHasher::new()?)).with_verifier(Arc::new(Legacy));
/// assert!(hasher.recognises("$legacy$1234") && hasher.needs_rehash("$legacy$1234"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MigratingHasher {
    current: Arc<dyn PasswordHasher>,
    others: Vec<Arc<dyn PasswordVerifier>>,
}

impl MigratingHasher {
    /// A hasher that hashes as `current` does.
    #[must_use]
    pub fn new(current: Arc<dyn PasswordHasher>) -> Self {
        Self { current, others: Vec::new() }
    }

    /// Adds a verifier. The first one that recognises a hash verifies it; `current` is asked before all.
    #[must_use]
    pub fn with_verifier(mut self, verifier: Arc<dyn PasswordVerifier>) -> Self {
        self.others.push(verifier);
        self
    }

    fn other(&self, hash: &str) -> Option<&Arc<dyn PasswordVerifier>> {
        self.others.iter().find(|verifier| verifier.recognises(hash))
    }
}

impl PasswordHasher for MigratingHasher {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        self.current.hash(password)
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        if self.current.recognises(hash) {
            return self.current.verify(password, hash);
        }
        self.other(hash).is_some_and(|verifier| verifier.verify(password, hash))
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        !self.current.recognises(hash) || self.current.needs_rehash(hash)
    }

    fn recognises(&self, hash: &str) -> bool {
        self.current.recognises(hash) || self.other(hash).is_some()
    }
}
