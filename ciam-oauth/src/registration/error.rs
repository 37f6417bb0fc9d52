//! Errors of registration.

use ciam_core::error::PortError;
use http::StatusCode;

use crate::client::{ClientProblem, ClientsError};
use crate::error::{port_code, port_status};

/// Why a client was not registered, changed or removed
/// ([RFC 7591, section 3.2.2](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2)). Sent as JSON.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// There is no token, or one that is unknown, used up, expired or another client's. Sent as `invalid_token` with status 401.
    #[error("the token is not good for this")]
    InvalidToken,
    /// A redirect URI is missing or not acceptable. Sent as `invalid_redirect_uri`.
    #[error("a redirect URI is not acceptable")]
    InvalidRedirectUri,
    /// The metadata are malformed, contradict themselves, or ask for what the server does not have. Sent as
    /// `invalid_client_metadata`. The text is for the client's developer.
    #[error("the metadata are not acceptable: {0}")]
    InvalidMetadata(&'static str),
    /// The registration breaks a rule. Sent as `invalid_client_metadata`.
    #[error("the registration breaks a rule")]
    Problem(#[source] ClientProblem),
    /// The software statement is not one, or was altered. Sent as `invalid_software_statement`.
    #[error("the software statement is not acceptable")]
    InvalidStatement,
    /// The software statement is of nobody who is trusted. Sent as `unapproved_software_statement`.
    #[error("the software statement is of nobody who is trusted")]
    UnapprovedStatement,
    /// The policy refused. Sent as `access_denied` with status 403.
    #[error("the policy refused")]
    Denied,
    /// Too many registrations. Sent with status 429.
    #[error("too many registrations")]
    TooMany,
    /// The body is too large. Sent with status 413.
    #[error("the body is too large")]
    TooLarge,
    /// A port failed.
    #[error("the registration cannot be processed now")]
    Port(#[from] PortError),
}

impl RegistrationError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidMetadata(_) | Self::Problem(_) | Self::TooLarge => "invalid_client_metadata",
            Self::InvalidStatement => "invalid_software_statement",
            Self::UnapprovedStatement => "unapproved_software_statement",
            Self::Denied => "access_denied",
            Self::TooMany => "temporarily_unavailable",
            Self::Port(error) => port_code(error),
        }
    }

    /// A text for the client's developer. It never repeats what was sent.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::InvalidToken => "the token is missing or not good for this",
            Self::InvalidRedirectUri => "a redirect URI is missing or not acceptable",
            Self::InvalidMetadata(text) => text,
            Self::Problem(problem) => problem_description(problem),
            Self::InvalidStatement => "the software statement is not acceptable",
            Self::UnapprovedStatement => "the software statement is not of a trusted issuer",
            Self::Denied => "the registration was denied",
            Self::TooMany => "too many requests; try again later",
            Self::TooLarge => "the body is too large",
            Self::Port(_) => "try again later",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Port(error) => port_status(error),
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

const fn problem_description(problem: &ClientProblem) -> &'static str {
    match problem {
        ClientProblem::TooLong(_) => "a member is too long",
        ClientProblem::Grant { .. } => "a grant type is off, or needs what the client does not have",
        ClientProblem::Method(_) => "token_endpoint_auth_method is not supported",
        ClientProblem::Keys(_) => "jwks or jwks_uri is not usable",
        ClientProblem::Algorithm(_) => "an algorithm is not supported",
        ClientProblem::Url(_) => "an address is not an absolute https URL",
        ClientProblem::Text(_) => "client_name cannot be shown",
        ClientProblem::Scope(_) => "a scope value is not supported",
        ClientProblem::Sector => "a pairwise client with several hosts needs sector_identifier_uri",
        _ => "the metadata contradict themselves or the server",
    }
}

impl From<ClientProblem> for RegistrationError {
    fn from(problem: ClientProblem) -> Self {
        match problem {
            ClientProblem::NativeOnly(_) => Self::InvalidRedirectUri,
            other => Self::Problem(other),
        }
    }
}

impl From<ClientsError> for RegistrationError {
    fn from(error: ClientsError) -> Self {
        match error {
            ClientsError::Problem(problem) => problem.into(),
            ClientsError::Port(error) => Self::Port(error),
            _ => Self::Port(PortError::transient("the client was changed meanwhile")),
        }
    }
}
