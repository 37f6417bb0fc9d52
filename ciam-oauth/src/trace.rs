//! Log lines, with the feature `tracing`: codes and causes, never a value that was sent.

use std::error::Error;

/// A request was refused. What is the client's or person's doing is information; a port that failed is an error, with its
/// causes, because somebody has to look.
#[cfg(feature = "tracing")]
pub(crate) fn refused(code: &str, error: &(dyn Error + 'static)) {
    let causes = causes(error);
    if failed_port(error) {
        tracing::error!(code, causes, "a request could not be processed");
    } else {
        tracing::info!(code, causes, "a request was refused");
    }
}

/// Nothing is said without the feature.
#[cfg(not(feature = "tracing"))]
pub(crate) const fn refused(_code: &str, _error: &(dyn Error + 'static)) {}

/// What happened and why, outermost first.
#[cfg(any(test, feature = "tracing"))]
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text.push_str(": ");
        text.push_str(&found.to_string());
        cause = found.source();
    }
    text
}

#[cfg(any(test, feature = "tracing"))]
fn failed_port(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(found) = cause {
        if found.is::<ciam_core::error::PortError>() {
            return true;
        }
        cause = found.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use ciam_core::error::PortError;

    use super::*;
    use crate::error::{AuthorizeError, ClientAuthError, PushError, RequestProblem, TokenError};

    #[test]
    fn causes_are_told_to_the_last() {
        let port = || PortError::transient("connection reset");
        let text =
            "the request cannot be processed now: a backend is temporarily unavailable: connection reset";
        assert_eq!(causes(&AuthorizeError::Port(port())), text);
        assert!(failed_port(&PushError::Request(port().into())));
        assert!(failed_port(&TokenError::InvalidClient(ClientAuthError::Port(port()))));
        assert!(!failed_port(&AuthorizeError::from(RequestProblem::Duplicate)));
        let refused = AuthorizeError::from(RequestProblem::Missing("scope"));
        assert_eq!(causes(&refused), "the authorization request is malformed: `scope` is missing");
    }
}
