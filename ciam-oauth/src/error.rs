//! Errors of the endpoints, grouped by fault, and their one mapping to the wire.
//!
//! Each endpoint has one enum. `code()` is the standard's error code, `description()` a fixed text for the client's
//! developer; neither ever repeats what was sent. The nested detail is for logs and events.

mod authorize;
mod client_auth;
mod token;

use ciam_core::error::{PortError, PortErrorKind};

pub use self::authorize::{
    AnswerError, AuthorizeError, PushError, RequestObjectProblem, RequestProblem, SafeError,
};
pub use self::client_auth::{AssertionProblem, ClientAuthError};
pub use self::token::{GrantProblem, TokenError};

/// The error code of a failed port.
pub(crate) const fn port_code(error: &PortError) -> &'static str {
    match error.kind() {
        PortErrorKind::Transient => "temporarily_unavailable",
        _ => "server_error",
    }
}

/// The HTTP status of a failed port.
pub(crate) const fn port_status(error: &PortError) -> http::StatusCode {
    match error.kind() {
        PortErrorKind::Transient => http::StatusCode::SERVICE_UNAVAILABLE,
        _ => http::StatusCode::INTERNAL_SERVER_ERROR,
    }
}
