//! What an owner proves before they change what they sign in with, and why they are told no.

use axum::extract::State;
use ciam_core::{
    account::{Owner, OwnerError},
    secret::Secret,
    session::StartedSession,
};
use http::{HeaderMap, header::AUTHORIZATION, header::SET_COOKIE};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, Json, Moment, Problem, Resource};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(show_proof, give_proof))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi()).get("/proof", show_proof).post("/proof", give_proof)
}

/// Whether the person has proved themselves just now.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Proof {
    /// What they sign in with can be changed without another proof.
    recent: bool,
}

/// The current password, as proof.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GivenProof {
    /// The current password.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// A session that goes on with a new secret. A page gets it as cookie, an application as `token`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Renewed {
    /// The token of the session from now on; the one of before is worth nothing. Null for a caller with a cookie.
    #[schema(required)]
    token: Option<String>,
    /// When the session ends in any case.
    expires_at: Moment,
}

/// Says whether the person has proved themselves just now; if not, changes answer `step_up_required`.
#[utoipa::path(get, path = "/proof", responses((status = 200, body = Proof)))]
async fn show_proof(State(app): State<App>, caller: Caller) -> Result<Json<Proof>, Problem> {
    let recent = app.services().accounts.is_recent(&caller.viewer).await?;
    Ok(Json(Proof { recent }))
}

/// Takes the current password as proof, and gives the session a new secret.
#[utoipa::path(post, path = "/proof", request_body = GivenProof, responses((status = 200, body = Renewed)))]
async fn give_proof(
    State(app): State<App>,
    caller: Caller,
    Json(given): Json<GivenProof>,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let owner = owner(&caller).with_password(&given.password);
    let started =
        app.services().accounts.prove_password(&owner).await.map_err(|it| refused(it, "password"))?;
    renewed(&app, &caller, &started)
}

/// The person, with the language in which they are written to.
pub(super) fn owner(caller: &Caller) -> Owner<'_> {
    Owner::new(&caller.viewer).with_languages(vec![caller.visit.language.code().to_owned()])
}

/// Hands the new secret of a session over in the way in which the old one came.
pub(super) fn renewed(
    app: &App,
    caller: &Caller,
    started: &StartedSession,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let mut headers = HeaderMap::new();
    let by_token = caller.visit.headers().contains_key(AUTHORIZATION);
    if !by_token {
        let cookie = started.cookie.set_cookie(Some(app.config().sessions.lifetime.time()))?;
        headers.insert(SET_COOKIE, cookie);
    }
    let token = by_token.then(|| started.cookie.token().expose().to_owned());
    Ok((headers, Json(Renewed { token, expires_at: started.session.expires_at.into() })))
}

/// Why it was refused; `field` is the member of the request that it is about.
pub(super) fn refused(error: OwnerError, field: &'static str) -> Problem {
    match error {
        OwnerError::Port(error) => error.into(),
        OwnerError::TooMany { retry_after } => {
            let seconds = (retry_after + time::Duration::milliseconds(999)).whole_seconds();
            Problem::slow_down(seconds.unsigned_abs())
        }
        OwnerError::NeedsProof => Code::StepUpRequired.into(),
        OwnerError::WrongPassword | OwnerError::Code => Code::NotProved.into(),
        OwnerError::NotFound => Code::NotFound.into(),
        OwnerError::Denied { .. } => Code::NotAllowed.into(),
        OwnerError::LastOwner { organizations } => {
            let ids: Vec<_> = organizations.iter().map(ToString::to_string).collect();
            Problem::new(Code::LastOwner, format!("make somebody else an owner first of: {}", ids.join(", ")))
        }
        OwnerError::Changed | OwnerError::Status(_) | OwnerError::LinkedElsewhere => {
            Problem::new(Code::Conflict, error.to_string())
        }
        other => Problem::unacceptable([(field, other.code())]),
    }
}
