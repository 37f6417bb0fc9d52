//! The error of every port.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A port failed: the database is down, the mail server refused, the random source is empty.
///
/// Opaque but for its [`kind`](Self::kind): the cause is for logs, never for a client. Refusals and absence are values of
/// the port's methods, not errors.
///
/// ```
/// use ciam_core::error::{PortError, PortErrorKind};
///
/// let error = PortError::transient("connection reset");
/// assert_eq!(error.kind(), PortErrorKind::Transient);
/// assert_eq!(error.to_string(), "a backend is temporarily unavailable");
/// ```
#[derive(Clone)]
pub struct PortError {
    kind: PortErrorKind,
    source: Arc<dyn Error + Send + Sync>,
}

/// Whether it can help to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// The same call may succeed later: a time-out, a lock, a lost connection.
    Transient,
    /// The same call will fail again: corrupt data, a violated contract, a wrong configuration.
    Permanent,
}

impl PortError {
    /// A failure that may pass.
    #[must_use]
    pub fn transient(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: PortErrorKind::Transient, source: Arc::from(source.into()) }
    }

    /// A failure that will not pass by itself.
    #[must_use]
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: PortErrorKind::Permanent, source: Arc::from(source.into()) }
    }

    /// Whether it can help to try again.
    #[must_use]
    pub const fn kind(&self) -> PortErrorKind {
        self.kind
    }
}

impl fmt::Debug for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PortErrorKind::Transient => "a backend is temporarily unavailable",
            PortErrorKind::Permanent => "a backend failed",
        })
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
