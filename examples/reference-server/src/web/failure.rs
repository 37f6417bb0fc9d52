//! What a handler answers when it cannot answer.

use std::{error::Error, fmt, sync::Arc};

use axum::response::{IntoResponse, Response};
use ciam_core::error::{PortError, PortErrorKind};
use http::header::{HeaderValue, RETRY_AFTER};

use crate::{pages::Fault, templates::TemplateError};

/// A problem: its kind for the person, its cause for the log.
///
/// As a response it has no body. The [`guard`](super::guard()) puts the page there, in the person's language, and
/// writes the cause into the log under the reference that the page shows.
#[derive(Clone)]
pub struct Failure {
    fault: Fault,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A problem that needs no explanation in the log.
    pub fn new(fault: Fault) -> Self {
        Self { fault, cause: None }
    }

    /// A defect of the server.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault::Internal, cause: Some(Arc::from(cause.into())) }
    }

    /// The kind of problem.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The cause and its causes, for the log.
    pub fn chain(&self) -> Option<String> {
        let mut cause: &dyn Error = &**self.cause.as_ref()?;
        let mut text = cause.to_string();
        while let Some(next) = cause.source() {
            text = format!("{text}: {next}");
            cause = next;
        }
        Some(text)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("fault", &self.fault).field("cause", &self.chain()).finish()
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        let fault = match error.kind() {
            PortErrorKind::Transient => Fault::Unavailable,
            _ => Fault::Internal,
        };
        Self { fault, cause: Some(Arc::new(error)) }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.fault.status().into_response();
        if matches!(self.fault, Fault::Busy | Fault::Unavailable) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
