//! Probes.

use axum::extract::State;
use ciam_core::store::PageRequest;
use http::StatusCode;

use crate::app::App;

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The process can answer: its database does.
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.ports().store().organizations(PageRequest::first(1)).await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
