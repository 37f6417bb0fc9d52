//! Taking an address back that was removed from an account, by the link that was sent to it. Nobody need be signed in.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{account::identifiers::RevertError, secret::Secret};
use http::StatusCode;

use crate::{
    app::App,
    pages::{account::identifiers::RevertPage, parts::Notice},
    web::{Failure, Form, Visit, page},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(revert))
}

/// The page with the button. Looking at it, as mail scanners do, changes nothing.
async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let token = visit.query("token").unwrap_or_default();
    match app.services().accounts.revertible(&Secret::from(token.as_str())).await {
        Ok(key) => render(&app, &visit, token, Some(key.as_str().to_owned()), false),
        Err(RevertError::Port(error)) => Err(error.into()),
        Err(_) => render(&app, &visit, String::new(), None, false),
    }
}

async fn revert(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    match app.services().accounts.revert_identifier(&Secret::from(form.text("token"))).await {
        Ok(_) => render(&app, &visit, String::new(), None, true),
        Err(RevertError::Port(error)) => Err(error.into()),
        Err(_) => render(&app, &visit, String::new(), None, false),
    }
}

fn render(
    app: &App,
    visit: &Visit,
    token: String,
    value: Option<String>,
    done: bool,
) -> Result<Response, Failure> {
    let frame = app.frame(visit, false);
    let gone = value.is_none() && !done;
    let shown = RevertPage {
        notice: gone.then(|| Notice::bad(frame.t.identifiers.revert_gone.as_str())),
        revert: visit.action(PATH),
        token,
        value,
        done,
        frame,
    };
    page(if gone { StatusCode::NOT_FOUND } else { StatusCode::OK }, &shown)
}

const PATH: &str = "/identifier/revert";
