//! Errors of the endpoints, grouped by fault, and their one mapping to the wire.
//!
//! Each endpoint has one enum. `code()` is the standard's error code, `description()` a fixed text for the client's
//! developer; neither ever repeats what was sent. The nested detail is for logs and events.

mod authorize;
mod client_auth;
mod token;

pub use self::authorize::{AuthorizeError, RequestProblem, SafeError};
pub use self::client_auth::{AssertionProblem, ClientAuthError};
pub use self::token::{GrantProblem, TokenError};
