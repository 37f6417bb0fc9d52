//! What anybody may do where the configuration dangerously says so, and what is nowhere else: for test suites.

use axum::{Router, extract::State, routing::post};
use ciam_core::{
    assurance::{Amr, AuthenticationContext, FactorKind, Proof},
    secret::Secret,
    session::SessionError,
};
use http::StatusCode;

use crate::{
    app::App,
    backchannel::{Answered, Decision, answer, named_by_client},
    pages::Fault,
    web::{Failure, Visit},
};

pub(super) fn routes(app: &App) -> Router<App> {
    match app.config().dangerous.answer_backchannel {
        true => Router::new().route("/dangerous/answer", post(answer_backchannel)),
        false => Router::new(),
    }
}

/// Answers in place of a person, as if they had signed in with their password: the `automated_ciba_approval_url` of the conformance
/// suite. `auth_req_id` names the request, and `action` is `allow` or `deny`.
async fn answer_backchannel(State(app): State<App>, visit: Visit) -> Result<StatusCode, Failure> {
    let decision = match visit.query("action").as_deref() {
        Some("allow") => Decision::Allow,
        Some("deny") => Decision::Deny,
        _ => return Err(Fault::BadRequest.into()),
    };
    let named = Secret::from(visit.query("auth_req_id").ok_or(Fault::BadRequest)?).digest();
    let services = app.services();
    let (account, handle) = named_by_client(services, named).await?.ok_or(Fault::NotFound)?;
    let account = app.ports().store().account(account).await?.ok_or(Fault::NotFound)?;
    let password = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], app.ports().now());
    let context = AuthenticationContext::new([password]);
    let started =
        services.sessions.start(&account, context, None, None).await.map_err(|error| match error {
            SessionError::Port(error) => Failure::from(error),
            other => Failure::internal(other),
        })?;
    let viewer = services.sessions.authenticate_by(&started.cookie).await?.ok_or(Fault::Expired)?;
    match answer(services, viewer, &handle, decision).await? {
        Answered::Done => Ok(StatusCode::NO_CONTENT),
        Answered::Gone => Err(Fault::Expired.into()),
        Answered::MoreIsAsked => Err(Fault::BadRequest.into()),
    }
}
