//! The password factor: policy, hashing and the list of breached passwords.

#[cfg(feature = "argon2")]
mod argon2;
mod breached;
mod factor;
mod hasher;
mod policy;

#[cfg(feature = "argon2")]
#[cfg_attr(docsrs, doc(cfg(feature = "argon2")))]
pub use self::argon2::{Argon2idHasher, InvalidArgon2Params};
pub use self::breached::{BreachedPasswords, NoBreachedPasswords};
pub use self::factor::{PasswordFactor, PasswordHash};
pub use self::hasher::PasswordHasher;
pub use self::policy::{PasswordError, PasswordPolicy, PasswordRejection, Unanswered};
