//! Errors of device authorization.

use ciam_core::error::PortError;
use http::StatusCode;

use crate::error::{AuthorizeError, ClientAuthError, RequestProblem, SafeError};

/// Why a device was given no code ([RFC 8628, section 3.2](https://www.rfc-editor.org/rfc/rfc8628#section-3.2)). Sent as JSON.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The client was not authenticated.
    #[error("the client was not authenticated")]
    Client(#[from] ClientAuthError),
    /// The request is refused, as it would be at the authorization endpoint.
    #[error("the device authorization request is refused")]
    Request(#[from] AuthorizeError),
    /// The client asks too often. Sent with status 429.
    #[error("too many device authorization requests")]
    TooMany,
}

impl DeviceError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::TooMany => "temporarily_unavailable",
        }
    }

    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Client(error) => error.description(),
            Self::Request(error) => error.description(),
            Self::TooMany => "too many requests; try again later",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Client(error) => error.status(),
            Self::Request(error) => error.status(),
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl From<RequestProblem> for DeviceError {
    fn from(problem: RequestProblem) -> Self {
        Self::Request(problem.into())
    }
}

impl From<PortError> for DeviceError {
    fn from(error: PortError) -> Self {
        Self::Request(error.into())
    }
}

/// Why a user code leads nowhere. Shown to the person by the host's page.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserCodeError {
    /// The code is unknown, expired or was used: which of them is not told.
    #[error("the user code cannot be used")]
    Unknown,
    /// Too many codes were tried from this address.
    #[error("too many user codes were tried")]
    TooMany,
    /// The request of the device cannot go on.
    #[error("the request of the device cannot go on")]
    Request(#[from] SafeError),
}

impl From<PortError> for UserCodeError {
    fn from(error: PortError) -> Self {
        Self::Request(error.into())
    }
}
