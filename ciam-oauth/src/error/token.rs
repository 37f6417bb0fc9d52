//! Errors of the token endpoint.

use ciam_core::error::PortError;

use super::authorize::RequestProblem;
use super::client_auth::ClientAuthError;
use super::{port_code, port_status};

/// Why no token was issued ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A parameter is missing, malformed or there twice. Sent as `invalid_request`.
    #[error("the token request is malformed")]
    InvalidRequest(#[from] RequestProblem),
    /// The client was not authenticated. Sent as `invalid_client`, or `invalid_request` when the credentials are malformed.
    #[error("the client was not authenticated")]
    InvalidClient(#[from] ClientAuthError),
    /// The code or refresh token is not usable. Sent as `invalid_grant`.
    #[error("the grant is not usable")]
    InvalidGrant(#[from] GrantProblem),
    /// The client may not use this grant type. Sent as `unauthorized_client`.
    #[error("the client may not use this grant type")]
    UnauthorizedClient,
    /// The grant type is unknown. Sent as `unsupported_grant_type`.
    #[error("the grant type is not supported")]
    UnsupportedGrantType,
    /// The scope is malformed, or more than was granted. Sent as `invalid_scope`.
    #[error("the scope is not allowed")]
    InvalidScope,
    /// The resource is unknown, or was not granted. Sent as `invalid_target`.
    #[error("the resource is not allowed")]
    InvalidTarget,
    /// A hook of the host refused. Sent as `access_denied`.
    #[error("the host refused")]
    Denied,
    /// A port failed. Sent as `temporarily_unavailable` when it may pass, otherwise as `server_error`.
    #[error("the request cannot be processed now")]
    Port(#[from] PortError),
}

impl TokenError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(error) => error.code(),
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::Denied => "access_denied",
            Self::Port(error) => port_code(error),
        }
    }

    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::InvalidRequest(problem) => problem.description(),
            Self::InvalidClient(error) => error.description(),
            Self::InvalidGrant(_) => "the grant is unknown, expired, used, revoked or another client's",
            Self::UnauthorizedClient => "the client is not registered for this grant type",
            Self::UnsupportedGrantType => "the grant type is not supported",
            Self::InvalidScope => "the scope is malformed or exceeds what was granted",
            Self::InvalidTarget => "the resource is unknown or was not granted",
            Self::Denied => "the request was denied",
            Self::Port(_) => "try again later",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::InvalidClient(error) => error.status(),
            Self::InvalidRequest(problem) => problem.status(),
            Self::Port(error) => port_status(error),
            _ => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl ClientAuthError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::TwoMethods => "invalid_request",
            Self::Missing
            | Self::UnknownClient
            | Self::WrongMethod
            | Self::WrongSecret
            | Self::Assertion(_) => "invalid_client",
            Self::Port(error) => port_code(error),
        }
    }

    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Malformed => "the client credentials are malformed",
            Self::TwoMethods => "more than one client authentication method was used",
            Self::Missing
            | Self::UnknownClient
            | Self::WrongMethod
            | Self::WrongSecret
            | Self::Assertion(_) => "client authentication failed",
            Self::Port(_) => "try again later",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::Malformed | Self::TwoMethods => http::StatusCode::BAD_REQUEST,
            Self::Missing
            | Self::UnknownClient
            | Self::WrongMethod
            | Self::WrongSecret
            | Self::Assertion(_) => http::StatusCode::UNAUTHORIZED,
            Self::Port(error) => port_status(error),
        }
    }
}

/// Why a code or refresh token is not usable. For logs and events, never for the client: all are sent as `invalid_grant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantProblem {
    /// Never issued, or long gone.
    #[error("unknown")]
    Unknown,
    /// Too late.
    #[error("expired")]
    Expired,
    /// Presented before: what it made is revoked.
    #[error("replayed")]
    Replayed,
    /// A refresh token in whose place another one was issued, to a request that ran beside this one.
    #[error("superseded")]
    Superseded,
    /// Presented wrongly too often.
    #[error("too many attempts")]
    TooManyAttempts,
    /// The grant was revoked.
    #[error("revoked")]
    Revoked,
    /// Another client's.
    #[error("another client's")]
    OtherClient,
    /// The redirect URI is not the one of the authorization request.
    #[error("another redirect URI")]
    RedirectUri,
    /// The code verifier is missing or does not answer the challenge.
    #[error("wrong code verifier")]
    Pkce,
    /// The session that it hangs on has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The account may not sign in any more.
    #[error("the account is not active")]
    AccountInactive,
    /// The person does not act for the organization any more that it was given for: by a membership without a break, and a
    /// sign-in that meets the policy.
    #[error("the person does not act for the organization")]
    OrganizationLeft,
}
