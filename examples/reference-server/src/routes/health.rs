//! Probes.

use axum::extract::State;
use ciam_core::{ephemeral::EphemeralKey, store::PageRequest};
use http::StatusCode;

use crate::app::App;

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The process can answer: its database does, and so does what holds short-lived values.
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    let probe = EphemeralKey::new("server.ready", "probe");
    let database = app.ports().store().organizations(PageRequest::first(1)).await.map(drop);
    let ephemeral = app.ports().ephemeral().get(&probe).await.map(drop);
    for (outcome, what) in [
        (database, "the database does not answer\n"),
        (ephemeral, "the store of short-lived values does not answer\n"),
    ] {
        if let Err(error) = outcome {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            return (StatusCode::SERVICE_UNAVAILABLE, what);
        }
    }
    (StatusCode::OK, "ready\n")
}
