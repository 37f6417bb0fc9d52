//! Errors of the token endpoint.

use ciam_core::error::PortError;

use super::authorize::RequestProblem;
use super::client_auth::ClientAuthError;
use super::{port_code, port_status};
use crate::dpop::DpopError;

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
    /// The code, refresh token, assertion or whatever else was shown is not usable. Sent as `invalid_grant`.
    #[error("the grant is not usable")]
    InvalidGrant(#[from] GrantProblem),
    /// The DPoP proof is missing where one is demanded, or was refused. Sent as `invalid_dpop_proof` or `use_dpop_nonce`
    /// ([RFC 9449, sections 5 and 8](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
    #[error("the proof was refused")]
    InvalidDpopProof(#[source] DpopError),
    /// The connection has no certificate to bind the token to. Sent as `invalid_request`.
    #[error("the connection has no certificate")]
    CertificateRequired,
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
    /// The person has not answered yet. Sent as `authorization_pending`
    /// ([RFC 8628, section 3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)).
    #[error("the person has not answered yet")]
    AuthorizationPending,
    /// The device did not wait. Sent as `slow_down`.
    #[error("the client asks too often")]
    SlowDown,
    /// The person did not answer in time. Sent as `expired_token`.
    #[error("the person did not answer in time")]
    ExpiredToken,
    /// The person refused. Sent as `access_denied`.
    #[error("the person refused")]
    PersonRefused,
    /// The authorization details are malformed, or more than was granted. Sent as `invalid_authorization_details`
    /// ([RFC 9396, section 6](https://www.rfc-editor.org/rfc/rfc9396#section-6)).
    #[error("the authorization details are not allowed")]
    InvalidAuthorizationDetails,
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
            Self::InvalidDpopProof(DpopError::UseNonce { .. }) => "use_dpop_nonce",
            Self::InvalidDpopProof(_) => "invalid_dpop_proof",
            Self::CertificateRequired => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::Denied | Self::PersonRefused => "access_denied",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
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
            Self::InvalidDpopProof(error) => dpop_description(error),
            Self::CertificateRequired => "the connection has no client certificate",
            Self::UnauthorizedClient => "the client is not registered for this grant type",
            Self::UnsupportedGrantType => "the grant type is not supported",
            Self::InvalidScope => "the scope is malformed or exceeds what was granted",
            Self::InvalidTarget => "the resource is unknown or was not granted",
            Self::AuthorizationPending => "the person has not answered yet",
            Self::SlowDown => "wait five seconds longer between requests",
            Self::ExpiredToken => "the person did not answer in time",
            Self::Denied | Self::PersonRefused => "the request was denied",
            Self::InvalidAuthorizationDetails => {
                "the authorization_details are malformed or were not granted"
            }
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

impl From<DpopError> for TokenError {
    fn from(error: DpopError) -> Self {
        match error {
            DpopError::Unavailable(port) => Self::Port(port),
            refused => Self::InvalidDpopProof(refused),
        }
    }
}

/// A fixed text about a proof, for the client's developer.
pub(super) const fn dpop_description(error: &DpopError) -> &'static str {
    match error {
        DpopError::UseNonce { .. } => "the proof needs the nonce of this response",
        DpopError::Missing => "a DPoP proof is required",
        _ => "the proof is not valid for this request",
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
            | Self::WrongCertificate
            | Self::Assertion(_) => "invalid_client",
            Self::StaleAttestation => "use_fresh_attestation",
            Self::ChallengeRequired => "use_attestation_challenge",
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
            | Self::WrongCertificate
            | Self::Assertion(_) => "client authentication failed",
            Self::StaleAttestation => "the client attestation has expired",
            Self::ChallengeRequired => "the proof needs the challenge of this response",
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
            | Self::WrongCertificate
            | Self::StaleAttestation
            | Self::ChallengeRequired
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
    /// An assertion of nobody who is trusted, or that says what it must not.
    #[error("the assertion is not acceptable")]
    Assertion,
    /// A grant of the host's own was refused.
    #[error("the host refused the grant")]
    Custom,
    /// The sender has not proved to have the key or certificate that it is bound to.
    #[error("another sender's")]
    OtherSender,
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
