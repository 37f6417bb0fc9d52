//! Breached passwords as a port.

use std::fmt;

use async_trait::async_trait;

use crate::error::PortError;

/// Knows which passwords have been seen in breaches.
///
/// # Contract
///
/// Only a SHA-1 prefix ever leaves the process (k-anonymity): an implementation that asks a remote service sends the
/// first five hexadecimal digits and compares the rest itself. The caller passes the whole upper-case hexadecimal digest.
#[async_trait]
pub trait BreachedPasswords: fmt::Debug + Send + Sync {
    /// How often the password with this SHA-1 digest (40 upper-case hexadecimal digits) was seen; 0 when never.
    ///
    /// # Errors
    ///
    /// Fails when the backend does. The password policy says what that means.
    async fn occurrences(&self, sha1_hex: &str) -> Result<u64, PortError>;
}

/// A list that knows no password.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoBreachedPasswords;

impl NoBreachedPasswords {
    /// A list that knows no password.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl BreachedPasswords for NoBreachedPasswords {
    async fn occurrences(&self, _sha1_hex: &str) -> Result<u64, PortError> {
        Ok(0)
    }
}
