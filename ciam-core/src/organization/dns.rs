//! The one question to DNS: which TXT records does a name have?

use std::fmt;

use async_trait::async_trait;

use crate::error::PortError;

/// Looks TXT records up.
///
/// # Contract
///
/// - The strings of one record are joined without a separator ([RFC 7208, section
///   3.3](https://www.rfc-editor.org/rfc/rfc7208#section-3.3) does the same).
/// - A name that does not exist, or has no TXT record, has none: an empty list, not an error.
/// - The answer is no older than a few minutes: no cache beyond the records' own time to live.
///
/// # Cancel safety
///
/// A look-up changes nothing.
#[async_trait]
pub trait DnsTxt: fmt::Debug + Send + Sync {
    /// The TXT records of a name.
    ///
    /// # Errors
    ///
    /// Fails when DNS does not answer: nothing is known then, neither that there is a record nor that there is none.
    async fn txt(&self, name: &str) -> Result<Vec<String>, PortError>;
}

/// No DNS: every look-up fails, so no domain is ever verified, and none lapses.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoDns;

impl NoDns {
    /// No DNS.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl DnsTxt for NoDns {
    async fn txt(&self, _name: &str) -> Result<Vec<String>, PortError> {
        Err(PortError::permanent("no DNS resolver is configured"))
    }
}
