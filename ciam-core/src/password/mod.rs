//! The password factor: policy, hashing and the list of breached passwords
//! ([NIST SP 800-63B-4](https://pages.nist.gov/800-63-4/sp800-63b.html)).
//!
//! [`PasswordFactor`] judges and hashes new passwords and proves accounts by the ones they have. What is accepted is a
//! [`PasswordPolicy`]; how it is hashed a [`PasswordHasher`], Argon2id unless the host has another; what other systems
//! have hashed is verified through [`MigratingHasher`]: the module `foreign` (feature `foreign-hashes`) knows the common kinds.

#[cfg(feature = "argon2")]
mod argon2;
mod breached;
mod common;
mod factor;
#[cfg(feature = "foreign-hashes")]
#[cfg_attr(docsrs, doc(cfg(feature = "foreign-hashes")))]
pub mod foreign;
mod hasher;
mod policy;

#[cfg(feature = "argon2")]
#[cfg_attr(docsrs, doc(cfg(feature = "argon2")))]
pub use self::argon2::{Argon2idHasher, InvalidArgon2Params};
pub use self::breached::{BreachedPasswords, NoBreachedPasswords};
pub use self::factor::{PasswordFactor, PasswordHash};
pub use self::hasher::{MigratingHasher, PasswordHasher, PasswordVerifier};
pub use self::policy::{InvalidPasswordPolicy, PasswordError, PasswordPolicy, PasswordRejection, Unanswered};
