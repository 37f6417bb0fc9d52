//! The password factor: policy, hashing and the list of breached passwords.

mod breached;

pub use self::breached::{BreachedPasswords, NoBreachedPasswords};
