//! What came of a request that was not done.

use std::time::Duration;

use ciam_core::error::PortError;
use ciam_core::outbound::OutboundError;

/// A request to a service provider was not done, or nobody knows whether it was.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The service provider refused it.
    #[error("refused with {status} {scim_type}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The kind of the mistake, where it was told.
        scim_type: String,
        /// What a person reads, cut to 300 characters. It is the service provider's text: it may have personal data.
        detail: String,
    },
    /// The service provider asks to be left alone for longer than the policy waits.
    #[error("to be tried again after {} s", after.as_secs())]
    Later {
        /// For how long.
        after: Duration,
    },
    /// The answer is not one of the protocol.
    #[error("the answer cannot be read: {0}")]
    Answer(&'static str),
    /// There is no answer: nobody knows whether it was done.
    #[error("no answer")]
    Unreachable(#[from] OutboundError),
    /// A port failed.
    #[error("a backend failed")]
    Port(#[from] PortError),
}

impl ClientError {
    /// There is something of the same name already.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// It is about one resource: the next one may go well.
    #[must_use]
    pub const fn is_of_one(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !matches!(status, 401 | 403 | 429 | 500..),
            Self::Answer(_) => true,
            Self::Later { .. } | Self::Unreachable(_) | Self::Port(_) => false,
        }
    }
}
