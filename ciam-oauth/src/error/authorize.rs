//! Errors of the authorization endpoint and of pushed authorization requests.

use ciam_core::error::PortError;
use ciam_core::interaction::InteractionError;
use http::StatusCode;

use super::client_auth::ClientAuthError;
use super::token::dpop_description;
use super::{port_code, port_status};
use crate::dpop::DpopError;

/// Why an authorization request was refused, after the client and its redirect URI were found good.
///
/// Sent to the redirect URI with the code, `state` and `iss`; by the pushed authorization request endpoint as JSON.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizeError {
    /// A parameter is missing, malformed or there twice. Sent as `invalid_request`.
    #[error("the authorization request is malformed")]
    InvalidRequest(#[from] RequestProblem),
    /// The client may not use this grant, or not in this way. Sent as `unauthorized_client`.
    #[error("the client may not ask for this")]
    UnauthorizedClient,
    /// The response type is not `code`. Sent as `unsupported_response_type`.
    #[error("the response type is not supported")]
    UnsupportedResponseType,
    /// The scope is malformed, or more than the client may ask for. Sent as `invalid_scope`.
    #[error("the scope is not allowed")]
    InvalidScope,
    /// The resource is unknown, or not the client's to name. Sent as `invalid_target`
    /// ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
    #[error("the resource is not allowed")]
    InvalidTarget,
    /// The authorization details are malformed, of an unknown type, or not the client's to ask for. Sent as
    /// `invalid_authorization_details` ([RFC 9396, section 5](https://www.rfc-editor.org/rfc/rfc9396#section-5)).
    #[error("the authorization details are not allowed")]
    InvalidAuthorizationDetails,
    /// The person refused, or a rule of the host did. Sent as `access_denied`.
    #[error("access was denied")]
    AccessDenied,
    /// Nobody is signed in who satisfies the request, and nobody may be asked. Sent as `login_required`.
    #[error("a sign-in is required")]
    LoginRequired,
    /// Consent is missing, and nobody may be asked. Sent as `consent_required`.
    #[error("consent is required")]
    ConsentRequired,
    /// The person has to choose an account, and may not be asked. Sent as `account_selection_required`.
    #[error("the choice of an account is required")]
    AccountSelectionRequired,
    /// Something else has to be asked, and may not be. Sent as `interaction_required`.
    #[error("an interaction is required")]
    InteractionRequired,
    /// The required level of assurance was not reached. Sent as `unmet_authentication_requirements`
    /// ([specification](https://openid.net/specs/openid-connect-unmet-authentication-requirements-1_0.html)).
    #[error("the authentication requirements are not met")]
    UnmetAuthenticationRequirements,
    /// The request object is not one, not signed as registered, or does not say what it must. Sent as `invalid_request_object`
    /// ([RFC 9101, section 7](https://www.rfc-editor.org/rfc/rfc9101#section-7)).
    #[error("the request object is refused")]
    InvalidRequestObject(#[from] RequestObjectProblem),
    /// The request object cannot be fetched, or may not be. Sent as `invalid_request_uri`.
    #[error("the request object cannot be fetched")]
    InvalidRequestUri,
    /// A request object was sent, and there are none here. Sent as `request_not_supported`.
    #[error("request objects are not supported")]
    RequestNotSupported,
    /// A request by reference was sent. Sent as `request_uri_not_supported`.
    #[error("requests by reference are not supported")]
    RequestUriNotSupported,
    /// A registration parameter was sent. Sent as `registration_not_supported`.
    #[error("registration by request is not supported")]
    RegistrationNotSupported,
    /// A port failed. Sent as `temporarily_unavailable` when it may pass, otherwise as `server_error`.
    #[error("the request cannot be processed now")]
    Port(#[from] PortError),
}

impl AuthorizeError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::InteractionRequired => "interaction_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidRequestObject(_) => "invalid_request_object",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::Port(error) => port_code(error),
        }
    }

    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::InvalidRequest(problem) => problem.description(),
            Self::UnauthorizedClient => "the client is not registered for this",
            Self::UnsupportedResponseType => "the response_type is not supported",
            Self::InvalidScope => "the scope is malformed or not registered for the client",
            Self::InvalidTarget => "the resource is unknown or not registered for the client",
            Self::InvalidAuthorizationDetails => {
                "the authorization_details are malformed, unknown or not registered for the client"
            }
            Self::AccessDenied => "the request was denied",
            Self::LoginRequired => "the person has to sign in",
            Self::ConsentRequired => "the person has to consent",
            Self::AccountSelectionRequired => "the person has to choose an account",
            Self::InteractionRequired => "the person has to be asked",
            Self::UnmetAuthenticationRequirements => "the required authentication was not reached",
            Self::InvalidRequestObject(problem) => problem.description(),
            Self::InvalidRequestUri => "the request_uri is not registered or cannot be fetched",
            Self::RequestNotSupported => "the request parameter is not supported",
            Self::RequestUriNotSupported => "only pushed request_uri values are supported",
            Self::RegistrationNotSupported => "the registration parameter is not supported",
            Self::Port(_) => "try again later",
        }
    }
}

impl AuthorizeError {
    /// The HTTP status where it is not a redirect.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Port(error) => port_status(error),
            Self::InvalidRequest(problem) => problem.status(),
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// What is wrong with the parameters of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestProblem {
    /// Too many or too large parameters.
    #[error("the parameters are too many or too large")]
    TooLarge,
    /// A name or value is not UTF-8 under correct percent-encoding.
    #[error("a parameter is wrongly encoded")]
    Encoding,
    /// A parameter is there more than once.
    #[error("a parameter is there more than once")]
    Duplicate,
    /// The body is not a form.
    #[error("the body is not form-encoded")]
    ContentType,
    /// There are parameters in the query beside those in the body.
    #[error("there are parameters in the query of a POST")]
    Query,
    /// A required parameter is absent.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A parameter has a value that it cannot have.
    #[error("`{0}` is not valid")]
    Invalid(&'static str),
    /// Two parameters contradict each other, such as `prompt=none login`.
    #[error("`{0}` contradicts itself or another parameter")]
    Contradiction(&'static str),
    /// The client must push its authorization requests.
    #[error("the request was not pushed")]
    NotPushed,
    /// The client must send its authorization requests as request objects.
    #[error("the request was not signed")]
    NotSigned,
    /// The pushed request is unknown, expired, used, or another client's.
    #[error("the pushed request cannot be used")]
    PushedRequest,
}

impl RequestProblem {
    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::TooLarge => "too many or too large parameters",
            Self::Encoding => "a parameter is wrongly encoded",
            Self::Duplicate => "a parameter is there more than once",
            Self::ContentType => "the content type must be application/x-www-form-urlencoded",
            Self::Query => "the parameters of a POST must be in its body",
            Self::Missing(_) => "a required parameter is missing",
            Self::Invalid(_) => "a parameter is not valid",
            Self::Contradiction(_) => "parameters contradict each other",
            Self::NotSigned => "the client must use signed request objects",
            Self::NotPushed => "the client must use pushed authorization requests",
            Self::PushedRequest => "the request_uri is unknown, expired or used",
        }
    }

    /// The HTTP status where it is not a redirect.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<ciam_core::http::ParamsError> for RequestProblem {
    fn from(error: ciam_core::http::ParamsError) -> Self {
        use ciam_core::http::ParamsError;
        match error {
            ParamsError::Duplicate => Self::Duplicate,
            ParamsError::Encoding => Self::Encoding,
            _ => Self::TooLarge,
        }
    }
}

/// What is wrong with a request object. For logs and the client's developer; sent as `invalid_request_object`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestObjectProblem {
    /// Neither a signed nor an encrypted JWT in the compact form, too large, or without an object of claims inside.
    #[error("the request object is malformed")]
    Malformed,
    /// The algorithm is not the registered one, or none that is accepted. An unsigned one is among them.
    #[error("the request object's algorithm is not allowed")]
    Algorithm,
    /// It is of another type than a request object.
    #[error("the token is not a request object")]
    Type,
    /// No registered key made the signature, or the client has none.
    #[error("the request object is not signed by the client")]
    Signature,
    /// The client's keys cannot be fetched.
    #[error("the client's keys cannot be fetched")]
    KeysUnavailable,
    /// It is not encrypted and has to be, cannot be decrypted, or is encrypted in another way than the registered one.
    #[error("the request object's encryption is not as registered")]
    Encryption,
    /// `iss` or `client_id` is not the client, or `sub` is
    /// ([RFC 9101, section 10.8](https://www.rfc-editor.org/rfc/rfc9101#section-10.8)).
    #[error("the request object is not the client's")]
    Party,
    /// `aud` does not name this server.
    #[error("the request object is for another server")]
    Audience,
    /// It has expired, is not valid yet, lives too long, or does not say.
    #[error("the request object is not valid now")]
    Time,
    /// It holds a request object, or the address of one.
    #[error("the request object holds another")]
    Nested,
    /// A member has a value that no parameter has.
    #[error("a member of the request object is of the wrong type")]
    Member,
}

impl RequestObjectProblem {
    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Malformed => "the request object is not a signed or encrypted JWT",
            Self::Algorithm => "the request object's algorithm is not registered or not supported",
            Self::Type => "the request object has the type of another token",
            Self::Signature => "the request object is not signed with a registered key",
            Self::KeysUnavailable => "the client's jwks_uri cannot be fetched",
            Self::Encryption => "the request object's encryption is not as registered",
            Self::Party => "iss and client_id of the request object must be the client, and sub must not",
            Self::Audience => "aud of the request object must name the issuer",
            Self::Time => "exp or nbf of the request object is missing, past or too far away",
            Self::Nested => "the request object must not hold request or request_uri",
            Self::Member => "a member of the request object is of the wrong type",
        }
    }
}

/// Why an authorization request was refused before there was a redirect URI to trust. It is shown to the person and never
/// redirected ([RFC 6749, section 4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SafeError {
    /// The request cannot be read: too large, wrongly encoded, `client_id` or `redirect_uri` twice.
    #[error("the request cannot be read")]
    Malformed(#[source] RequestProblem),
    /// `client_id` is missing, malformed or not registered.
    #[error("the application is not known")]
    UnknownClient,
    /// `redirect_uri` is missing or not registered for the client.
    #[error("the return address is not registered for the application")]
    RedirectUri,
    /// `request_uri` is unknown, expired, used, or another client's.
    #[error("the request has expired or was used")]
    RequestUri,
    /// The interaction is unknown, expired, finished in another tab, or of another browser.
    #[error("the sign-in has expired or was finished elsewhere")]
    Interaction,
    /// A port failed before there was a redirect URI to trust.
    #[error("the request cannot be processed now")]
    Port(#[from] PortError),
}

impl SafeError {
    /// A stable code, for translations and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_request",
            Self::UnknownClient => "unknown_client",
            Self::RedirectUri => "unregistered_redirect_uri",
            Self::RequestUri => "unusable_request_uri",
            Self::Interaction => "unusable_interaction",
            Self::Port(error) => port_code(error),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Port(error) => port_status(error),
            Self::Interaction => StatusCode::GONE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why a pushed authorization request was not stored
/// ([RFC 9126, section 2.3](https://www.rfc-editor.org/rfc/rfc9126#section-2.3)). Sent as JSON.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The client was not authenticated.
    #[error("the client was not authenticated")]
    Client(#[from] ClientAuthError),
    /// The request is refused, as it would be at the authorization endpoint.
    #[error("the pushed request is refused")]
    Request(#[from] AuthorizeError),
    /// The redirect URI is missing or not registered. Sent as `invalid_request`.
    #[error("the redirect URI is not registered")]
    RedirectUri,
    /// The DPoP proof of the push was refused. Sent as `invalid_dpop_proof` or `use_dpop_nonce`
    /// ([RFC 9449, section 10.1](https://www.rfc-editor.org/rfc/rfc9449#section-10.1)).
    #[error("the proof was refused")]
    Proof(#[source] DpopError),
    /// The client pushes too many. Sent with status 429.
    #[error("too many pushed requests")]
    TooMany,
}

impl PushError {
    /// The standard's error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::RedirectUri => "invalid_request",
            Self::Proof(DpopError::UseNonce { .. }) => "use_dpop_nonce",
            Self::Proof(_) => "invalid_dpop_proof",
            Self::TooMany => "temporarily_unavailable",
        }
    }

    /// A fixed text for the client's developer.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Client(error) => error.description(),
            Self::Request(error) => error.description(),
            Self::RedirectUri => "the redirect_uri is missing or not registered for the client",
            Self::Proof(error) => dpop_description(error),
            Self::TooMany => "too many requests; try again later",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Client(error) => error.status(),
            Self::Request(AuthorizeError::Port(error)) => port_status(error),
            Self::Request(AuthorizeError::InvalidRequest(problem)) => problem.status(),
            Self::Request(_) | Self::RedirectUri | Self::Proof(_) => StatusCode::BAD_REQUEST,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl From<RequestProblem> for PushError {
    fn from(problem: RequestProblem) -> Self {
        Self::Request(problem.into())
    }
}

impl From<DpopError> for PushError {
    fn from(error: DpopError) -> Self {
        match error {
            DpopError::Unavailable(port) => port.into(),
            refused => Self::Proof(refused),
        }
    }
}

impl From<PortError> for PushError {
    fn from(error: PortError) -> Self {
        Self::Request(error.into())
    }
}

impl From<SafeError> for PushError {
    fn from(error: SafeError) -> Self {
        match error {
            SafeError::Malformed(problem) => problem.into(),
            SafeError::Port(error) => error.into(),
            SafeError::UnknownClient => Self::Client(ClientAuthError::UnknownClient),
            SafeError::RedirectUri | SafeError::RequestUri | SafeError::Interaction => Self::RedirectUri,
        }
    }
}

/// A person's answer was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The interaction is unknown, expired, finished or changed in another tab, or of another browser.
    #[error("the interaction cannot be answered any more")]
    Interaction,
    /// The interaction asks for something else now.
    #[error("the interaction asks for something else")]
    NotAsked,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// Another account is signed in than the one that the question was shown to.
    #[error("another account is signed in than the one that was asked")]
    OtherAccount,
    /// A scope value that was not asked for.
    #[error("a scope was allowed that was not asked for")]
    ScopeNotAsked,
    /// A port failed.
    #[error("the answer cannot be stored now")]
    Port(#[from] PortError),
}

impl From<InteractionError> for AnswerError {
    fn from(error: InteractionError) -> Self {
        match error {
            InteractionError::Port(error) => Self::Port(error),
            _ => Self::Interaction,
        }
    }
}

impl From<InteractionError> for SafeError {
    fn from(error: InteractionError) -> Self {
        match error {
            InteractionError::Port(error) => Self::Port(error),
            _ => Self::Interaction,
        }
    }
}
