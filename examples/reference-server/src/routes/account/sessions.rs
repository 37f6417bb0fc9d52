//! Where the account is signed in.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    id::SessionId,
    session::{Session, SessionEnd},
    store::PageRequest,
};
use http::StatusCode;

use crate::{
    app::App,
    pages::{
        Fault,
        account::{
            Section,
            sessions::{SessionLine, SessionsPage},
        },
        parts::Notice,
    },
    web::{Failure, Form, Visit, device, moment, page, see_other},
};

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
        _ => None,
    };
    let request = PageRequest::first(super::SHOWN);
    let list = app.services().sessions.list(viewer.account.value.id, request).await?;
    let current = viewer.session.value.id;
    let mut sessions: Vec<_> = list.items.iter().map(|it| line(&it.value, current)).collect();
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
    };
    page(StatusCode::OK, &shown)
}

/// Ends one session, or all but this one.
async fn end(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let sessions = &app.services().sessions;
    let current = &viewer.session.value;
    match form.text("action") {
        "end-others" => {
            sessions.end_others(current.account, Some(current.id), SessionEnd::Revoked).await?;
            see_other(&format!("{PATH}?done=others"))
        }
        "end" => {
            let id: SessionId = form.text("session").parse().map_err(|_| Fault::BadRequest)?;
            // Only one's own: the id of somebody else's session is as good as none.
            if sessions.live(id).await?.is_some_and(|it| it.value.account == current.account) {
                sessions.end(id, SessionEnd::Revoked).await?;
            }
            see_other(&format!("{PATH}?done=one"))
        }
        _ => Err(Fault::BadRequest.into()),
    }
}

fn line(session: &Session, current: SessionId) -> SessionLine {
    SessionLine {
        id: session.id.to_string(),
        device: session.user_agent.as_deref().and_then(device),
        started: moment(session.created_at),
        seen: moment(session.last_seen_at),
        current: session.id == current,
    }
}

const PATH: &str = "/account/sessions";
