//! Where the account is signed in.

use axum::extract::{Path, State};
use ciam_core::{
    actor::Actor,
    id::{DeviceId, SessionId},
    place::Place,
    session::{Device, RememberedDevice, Session},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, DONE, Json, List, Listing, Moment, Problem, Resource};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(list, end_others, end, devices, forget, trust, distrust))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/sessions", list)
        .delete("/sessions", end_others)
        .delete("/sessions/{id}", end)
        .get("/devices", devices)
        .delete("/devices/{id}", forget)
        .put("/devices/{id}/trust", trust)
        .delete("/devices/{id}/trust", distrust)
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
    /// Where it began, if that is known.
    #[schema(required)]
    place: Option<PlaceView>,
    /// When it began.
    started_at: Moment,
    /// When it was last used, to a few minutes.
    last_seen_at: Moment,
    /// When it ends in any case.
    expires_at: Moment,
    /// It is the one that asks.
    current: bool,
}

/// A place, coarsely.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Place)]
struct PlaceView {
    /// The country, as an ISO 3166-1 code of two letters.
    #[schema(required)]
    country: Option<String>,
    /// The city.
    #[schema(required)]
    city: Option<String>,
}

/// A browser in which the account has signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceView {
    /// Which it is.
    id: String,
    /// Browser and system as the browser names them, if they are known.
    #[schema(required)]
    device: Option<String>,
    /// Where it was at the last sign-in, if that is known.
    #[schema(required)]
    place: Option<PlaceView>,
    /// When it was first seen.
    first_seen_at: Moment,
    /// When somebody last signed in with it.
    last_seen_at: Moment,
    /// It spares a further factor.
    trusted: bool,
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
    let actor = Actor::Account(current.account);
    let ended = app.services().sessions.revoke_others(current.account, Some(current.id), &actor).await?;
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
    sessions.revoke(id, &Actor::Account(caller.viewer.account.value.id)).await?;
    Ok(DONE)
}

/// Lists the browsers in which the account has signed in, the oldest first.
#[utoipa::path(get, path = "/devices", params(Listing), responses((status = 200, body = List<DeviceView>)))]
async fn devices(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<List<DeviceView>>, Problem> {
    let page = app.services().devices().list(&caller.viewer.account.value, listing.request()).await?;
    let (current, now) = (caller.viewer.session.value.device, app.ports().now());
    let show = |it: RememberedDevice| DeviceView {
        id: it.id.to_string(),
        device: device(it.user_agent.as_deref()),
        place: it.place.clone().map(place),
        first_seen_at: it.created_at.into(),
        last_seen_at: it.last_seen_at.into(),
        trusted: it.is_trusted(now),
        current: current == Some(it.id),
    };
    Ok(Json(List::of(page, show)))
}

/// Forgets a browser, and ends the sessions that began in it.
#[utoipa::path(
    delete,
    path = "/devices/{id}",
    params(("id" = String, Path, description = "The device.")),
    responses((status = 204, description = "It is forgotten."))
)]
async fn forget(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let account = caller.viewer.account.value.id;
    let id: DeviceId = id.parse().map_err(|_| Code::NotFound)?;
    let services = app.services();
    let own = services.devices().revoke(&services.sessions, account, id, &Actor::Account(account)).await?;
    if own { Ok(DONE) } else { Err(Code::NotFound.into()) }
}

/// Trusts the browser that asks: it is asked for a further factor less often. The session must have proved one.
#[utoipa::path(
    put,
    path = "/devices/{id}/trust",
    params(("id" = String, Path, description = "The device.")),
    responses((status = 204, description = "It is trusted."))
)]
async fn trust(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let session = &caller.viewer.session.value;
    let id: DeviceId = id.parse().map_err(|_| Code::NotFound)?;
    if session.device != Some(id) {
        return Err(Code::NotFound.into());
    }
    if !session.context.has_further_factor() {
        return Err(Code::StepUpRequired.into());
    }
    let own = app.services().devices().trust(&caller.viewer.account.value, id).await?;
    if own { Ok(DONE) } else { Err(Code::NotFound.into()) }
}

/// Trusts a browser no longer; it stays known.
#[utoipa::path(
    delete,
    path = "/devices/{id}/trust",
    params(("id" = String, Path, description = "The device.")),
    responses((status = 204, description = "It is not trusted any more."))
)]
async fn distrust(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let account = caller.viewer.account.value.id;
    let id: DeviceId = id.parse().map_err(|_| Code::NotFound)?;
    let was = app.services().devices().distrust(account, id, &Actor::Account(account)).await?;
    if was { Ok(DONE) } else { Err(Code::NotFound.into()) }
}

fn device(user_agent: Option<&str>) -> Option<String> {
    user_agent.and_then(Device::of).map(|it| it.to_string())
}

fn place(place: Place) -> PlaceView {
    PlaceView { country: place.country, city: place.city }
}

fn view(session: &Session, current: SessionId) -> SessionView {
    SessionView {
        id: session.id.to_string(),
        device: device(session.user_agent.as_deref()),
        place: session.place.clone().map(place),
        started_at: session.created_at.into(),
        last_seen_at: session.last_seen_at.into(),
        expires_at: session.expires_at.into(),
        current: session.id == current,
    }
}
