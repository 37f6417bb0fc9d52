//! Errors of backchannel authentication requests.

use ciam_core::error::PortError;
use http::StatusCode;

use super::people::{HintProblem, UserCodeProblem};
use crate::error::{AuthorizeError, ClientAuthError, RequestObjectProblem, RequestProblem};

/// Why a backchannel authentication was not begun
/// ([CIBA Core, section 13](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.13)).
/// Sent as JSON.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackchannelError {
    /// The client was not authenticated.
    #[error("the client was not authenticated")]
    Client(#[from] ClientAuthError),
    /// The request is refused, as it would be at the authorization endpoint.
    #[error("the backchannel authentication request is refused")]
    Request(#[from] AuthorizeError),
    /// The signed request is refused. Sent as `invalid_request`.
    #[error("the signed request is refused")]
    Signed(#[from] RequestObjectProblem),
    /// The hint names nobody. Sent as `unknown_user_id` or `expired_login_hint_token`.
    #[error("the hint names nobody")]
    Hint(#[from] HintProblem),
    /// The person does not let themselves be asked so. Sent as `missing_user_code` or `invalid_user_code`.
    #[error("the person does not let themselves be asked")]
    UserCode(#[from] UserCodeProblem),
    /// The binding message cannot be shown. Sent as `invalid_binding_message`.
    #[error("the binding message cannot be shown")]
    BindingMessage,
    /// The client asks too often. Sent with status 429.
    #[error("too many backchannel authentication requests")]
    TooMany,
}

impl BackchannelError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::Request(AuthorizeError::InvalidRequestObject(_)) | Self::Signed(_) => "invalid_request",
            Self::Request(error) => error.code(),
            Self::Hint(HintProblem::Expired) => "expired_login_hint_token",
            Self::Hint(_) => "unknown_user_id",
            Self::UserCode(UserCodeProblem::Missing) => "missing_user_code",
            Self::UserCode(UserCodeProblem::Invalid) => "invalid_user_code",
            Self::BindingMessage => "invalid_binding_message",
            Self::TooMany => "temporarily_unavailable",
        }
    }

    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Client(error) => error.description(),
            Self::Request(error) => error.description(),
            Self::Signed(_) => "the signed request is malformed, not signed as registered, or not valid",
            Self::Hint(HintProblem::Expired) => "the login_hint_token has expired",
            Self::Hint(_) => "nobody is known by the hint",
            Self::UserCode(UserCodeProblem::Missing) => "the person has a user_code, which is missing",
            Self::UserCode(UserCodeProblem::Invalid) => "the user_code is wrong, or too many were tried",
            Self::BindingMessage => "the binding_message is too long or has characters that cannot be shown",
            Self::TooMany => "too many requests; try again later",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Client(error) => error.status(),
            Self::Request(error) => error.status(),
            Self::Signed(_) | Self::Hint(_) | Self::UserCode(_) | Self::BindingMessage => {
                StatusCode::BAD_REQUEST
            }
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl From<RequestProblem> for BackchannelError {
    fn from(problem: RequestProblem) -> Self {
        Self::Request(problem.into())
    }
}

impl From<PortError> for BackchannelError {
    fn from(error: PortError) -> Self {
        Self::Request(error.into())
    }
}
