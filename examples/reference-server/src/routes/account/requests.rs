//! What applications ask the account's owner from elsewhere, and the code by which they let themselves be asked.

use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use http::StatusCode;

use crate::{
    app::App,
    backchannel,
    pages::{
        Fault,
        account::{
            Section,
            requests::{RequestLine, RequestsPage},
        },
        parts::Notice,
    },
    routes::{consent::scope_line, request},
    web::{Failure, Form, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(open)).route(CODE, post(change_code))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    if !app.asks_elsewhere() {
        return Err(Fault::NotFound.into());
    }
    let account = viewer.account.value.id;
    let frame = app.frame(&visit, true);
    let t = &frame.t.request;
    let notice = match visit.query("done").as_deref() {
        Some("made") => Some(Notice::good(t.code_made.as_str())),
        Some("removed") => Some(Notice::good(t.code_removed.as_str())),
        _ => None,
    };
    let mut requests = Vec::new();
    for (name, asked) in backchannel::waiting(app.services(), account).await? {
        let Some(client) = app.services().server.clients().get(&asked.client).await? else { continue };
        let words: Vec<_> =
            asked.scopes.iter().map(|it| scope_line(&app, frame.t, it.as_str()).title).collect();
        requests.push(RequestLine {
            name,
            client: client.value.display.name.unwrap_or_else(|| asked.client.to_string()),
            message: asked.binding_message,
            until: moment(asked.expires_at),
            scopes: words.join(" · "),
        });
    }
    let code = backchannel::code_of(app.ports(), account).await?.map(|code| code.expose().to_owned());
    let shown = RequestsPage {
        nav: Section::Applications.nav(frame.t),
        notice,
        open: visit.action(PATH),
        requests,
        change_code: visit.action(CODE),
        code,
        frame,
    };
    page(StatusCode::OK, &shown)
}

/// Goes on to the question itself.
async fn open(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let account = viewer.account.value.id;
    let handle = backchannel::handle_of(app.ports(), account, form.text("request")).await?;
    request::question(&app, &visit, &handle.ok_or(Fault::Expired)?).await
}

async fn change_code(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    if !app.asks_elsewhere() {
        return Err(Fault::NotFound.into());
    }
    let account = viewer.account.value.id;
    match form.text("action") {
        "make" => {
            backchannel::make_code(app.ports(), account).await?;
            see_other(&format!("{PATH}?done=made"))
        }
        "remove" => {
            backchannel::remove_code(app.ports(), account).await?;
            see_other(&format!("{PATH}?done=removed"))
        }
        _ => Err(Fault::BadRequest.into()),
    }
}

pub(super) const PATH: &str = "/account/requests";
const CODE: &str = "/account/requests/code";
