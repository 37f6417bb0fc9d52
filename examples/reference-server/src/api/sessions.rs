//! Where the account is signed in.

use axum::extract::{Path, State};
use ciam_core::{
    id::SessionId,
    session::{Session, SessionEnd},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, DONE, Json, List, Listing, Moment, Problem, Resource};
use crate::{app::App, web::device};

#[derive(OpenApi)]
#[openapi(paths(list, end_others, end))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/sessions", list)
        .delete("/sessions", end_others)
        .delete("/sessions/{id}", end)
}

/// A place where the account is signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    /// Which it is.
    id: String,
    /// Browser and system as the browser names them, if they are known.
    #[schema(required)]
    device: Option<String>,
    /// When it began.
    started_at: Moment,
    /// When it was last used, to a few minutes.
    last_seen_at: Moment,
    /// When it ends in any case.
    expires_at: Moment,
    /// It is the one that asks.
    current: bool,
}

/// How many there were.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Ended {
    /// How many sessions ended.
    ended: u32,
}

/// Lists the sessions, the oldest first.
#[utoipa::path(get, path = "/sessions", params(Listing), responses((status = 200, body = List<SessionView>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<List<SessionView>>, Problem> {
    let (account, current) = (caller.viewer.account.value.id, caller.viewer.session.value.id);
    let page = app.services().sessions.list(account, listing.request()).await?;
    Ok(Json(List::of(page, |it| view(&it.value, current))))
}

/// Ends every session but the one that asks.
#[utoipa::path(delete, path = "/sessions", responses((status = 200, body = Ended)))]
async fn end_others(State(app): State<App>, caller: Caller) -> Result<Json<Ended>, Problem> {
    let current = &caller.viewer.session.value;
    let ended =
        app.services().sessions.end_others(current.account, Some(current.id), SessionEnd::Revoked).await?;
    Ok(Json(Ended { ended }))
}

/// Ends a session; ending the one that asks signs out.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 204, description = "It has ended."))
)]
async fn end(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let sessions = &app.services().sessions;
    let id: SessionId = id.parse().map_err(|_| Code::NotFound)?;
    let own = |it: &Session| it.account == caller.viewer.account.value.id;
    sessions.live(id).await?.filter(|it| own(&it.value)).ok_or(Code::NotFound)?;
    sessions.end(id, SessionEnd::Revoked).await?;
    Ok(DONE)
}

fn view(session: &Session, current: SessionId) -> SessionView {
    SessionView {
        id: session.id.to_string(),
        device: session.user_agent.as_deref().and_then(device),
        started_at: session.created_at.into(),
        last_seen_at: session.last_seen_at.into(),
        expires_at: session.expires_at.into(),
        current: session.id == current,
    }
}
