//! Where the account is signed in, and the browsers that it remembers.

use crate::{
    app::App,
    pages::{
        Fault,
        account::{
            Section,
            sessions::{DeviceLine, SessionLine, SessionsPage},
        },
        parts::Notice,
    },
    web::{Failure, Form, Visit, moment, page, see_other},
};
use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    actor::Actor,
    id::{DeviceId, SessionId},
    session::{Authenticated, Device, RememberedDevice, Session},
    store::PageRequest,
};
use http::StatusCode;

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(end))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = &app.texts(visit.language);
    let done = match visit.query("done").as_deref() {
        Some("others") => Some(&t.sessions.ended),
        Some("one") => Some(&t.sessions.ended_one),
        Some("device") => Some(&t.sessions.forgotten),
        Some("trusted") => Some(&t.sessions.done_trusted),
        Some("distrusted") => Some(&t.sessions.done_distrusted),
        _ => None,
    };
    let current = &viewer.session.value;
    let list = app.services().sessions.list(current.account, PageRequest::first(super::SHOWN)).await?;
    let mut sessions: Vec<_> = list.items.iter().map(|it| line(&it.value, current.id)).collect();
    // The newest first, and this one before all.
    sessions.reverse();
    sessions.sort_by_key(|it| !it.current);
    let shown = SessionsPage {
        frame: app.frame(&visit, true),
        nav: Section::Sessions.nav(t),
        notice: done.map(|it| Notice::good(it.as_str())),
        end: visit.action(PATH),
        others: sessions.iter().any(|it| !it.current),
        sessions,
        devices: devices(&app, &viewer).await?,
    };
    page(StatusCode::OK, &shown)
}

async fn devices(app: &App, viewer: &Authenticated) -> Result<Vec<DeviceLine>, Failure> {
    let first = PageRequest::first(super::SHOWN);
    let list = app.services().devices().list(&viewer.account.value, first).await?;
    let mut lines: Vec<_> = list.items.iter().map(|it| device_line(app, it, viewer)).collect();
    lines.reverse();
    lines.sort_by_key(|it| !it.current);
    Ok(lines)
}

/// Ends one session, or all but this one; forgets a device, trusts it, or trusts it no longer.
async fn end(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let sessions = &app.services().sessions;
    let current = &viewer.session.value;
    let actor = Actor::Account(current.account);
    match form.text("action") {
        "end-others" => {
            sessions.revoke_others(current.account, Some(current.id), &actor).await?;
            see_other(&format!("{PATH}?done=others"))
        }
        "end" => {
            let id: SessionId = form.text("session").parse().map_err(|_| Fault::BadRequest)?;
            // Only one's own: the id of somebody else's session is as good as none.
            if sessions.live(id).await?.is_some_and(|it| it.value.account == current.account) {
                sessions.revoke(id, &actor).await?;
            }
            see_other(&format!("{PATH}?done=one"))
        }
        "forget" => {
            let id: DeviceId = form.text("device").parse().map_err(|_| Fault::BadRequest)?;
            app.services().devices().revoke(sessions, current.account, id, &actor).await?;
            see_other(&format!("{PATH}?done=device"))
        }
        "trust" => {
            // This browser alone, whatever the form names.
            if let Some(id) = current.device.filter(|_| may_trust(&viewer)) {
                app.services().devices().trust(&viewer.account.value, id).await?;
                return see_other(&format!("{PATH}?done=trusted"));
            }
            Err(Fault::Forbidden.into())
        }
        "distrust" => {
            let id: DeviceId = form.text("device").parse().map_err(|_| Fault::BadRequest)?;
            app.services().devices().distrust(current.account, id, &actor).await?;
            see_other(&format!("{PATH}?done=distrusted"))
        }
        _ => Err(Fault::BadRequest.into()),
    }
}

fn line(session: &Session, current: SessionId) -> SessionLine {
    SessionLine {
        id: session.id.to_string(),
        device: device(session.user_agent.as_deref()),
        place: session.place.as_ref().map(ToString::to_string),
        started: moment(session.created_at),
        seen: moment(session.last_seen_at),
        current: session.id == current,
    }
}

fn device_line(app: &App, found: &RememberedDevice, viewer: &Authenticated) -> DeviceLine {
    let current = viewer.session.value.device == Some(found.id);
    let trusted = found.is_trusted(app.ports().now());
    DeviceLine {
        id: found.id.to_string(),
        device: device(found.user_agent.as_deref()),
        place: found.place.as_ref().map(ToString::to_string),
        since: moment(found.created_at),
        seen: moment(found.last_seen_at),
        trusted,
        may_trust: current && !trusted && may_trust(viewer),
        current,
    }
}

/// Only who has proved a further factor in the session makes its device one that spares it.
fn may_trust(viewer: &Authenticated) -> bool {
    viewer.session.value.context.has_further_factor()
}

fn device(user_agent: Option<&str>) -> Option<String> {
    user_agent.and_then(Device::of).map(|it| it.to_string())
}

const PATH: &str = "/account/sessions";
