//! Sign-out.

use axum::{extract::State, response::Response};
use ciam_core::{
    http::{SESSION_COOKIE, expired_cookie},
    session::SessionEnd,
};
use http::{StatusCode, header::SET_COOKIE};

use super::pending::name_of;
use crate::{
    app::App,
    pages::{SignOutPage, SignedOutPage},
    web::{Failure, Form, Visit, page, see_other},
};

/// The question.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/signed-out") };
    page(
        StatusCode::OK,
        &SignOutPage {
            frame: app.frame(&visit, true),
            csrf: visit.csrf("/sign-out"),
            viewer: name_of(&viewer),
            client: None,
            action: "/sign-out".to_owned(),
            handle: None,
        },
    )
}

/// The answer.
pub(super) async fn submit(State(app): State<App>, visit: Visit, _form: Form) -> Result<Response, Failure> {
    if let Some(viewer) = app.viewer(&visit).await? {
        app.services().sessions.end(viewer.session.value.id, SessionEnd::SignedOut).await?;
    }
    let mut response = see_other("/signed-out")?;
    response.headers_mut().append(SET_COOKIE, expired_cookie(SESSION_COOKIE)?);
    Ok(response)
}

/// Nobody is signed in any more.
pub(super) async fn done(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    page(StatusCode::OK, &SignedOutPage { frame: app.frame(&visit, false) })
}
