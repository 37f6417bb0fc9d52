//! An invitation into an organization: seen by its link, accepted by the account that holds the invited address.

use axum::{extract::State, response::Response};
use ciam_core::{organization::InvitationError, secret::Secret};
use http::StatusCode;

use super::pending::name_of;
use crate::{
    app::App,
    pages::{Fault, invitation::InvitationPage, parts::Notice},
    web::{Failure, Form, Visit, page, see_other},
};

/// What the invitation is for. Every link that is no good says the same.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let token = visit.query("token").ok_or(Fault::NotFound)?;
    render(&app, &visit, &token, StatusCode::OK).await
}

/// Accepts it.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let token = Secret::from(form.text("token"));
    let organizations = &app.services().organizations;
    match organizations.accept_invitation(&token, viewer.account.value.id).await {
        Ok(_) => see_other("/account/organizations?done=joined"),
        Err(InvitationError::Port(error)) => Err(error.into()),
        Err(InvitationError::OtherAccount) => {
            render(&app, &visit, form.text("token"), StatusCode::FORBIDDEN).await
        }
        Err(_) => Err(Fault::Expired.into()),
    }
}

async fn render(app: &App, visit: &Visit, token: &str, status: StatusCode) -> Result<Response, Failure> {
    let open = app.services().organizations.invitation(&Secret::from(token)).await?;
    let open = open.ok_or(Fault::Expired)?;
    let viewer = app.viewer(visit).await?;
    let frame = app.frame(visit, viewer.is_some());
    let t = &frame.t.console;
    let theirs = viewer.as_ref().is_some_and(|viewer| open.is_for(&viewer.account.value));
    let email = open.email.as_str();
    let other = viewer.is_some() && !theirs;
    let shown = InvitationPage {
        notice: other.then(|| Notice::bad(t.invitation_other.with("email", email))),
        organization: open.organization().name.clone(),
        email: email.to_owned(),
        accept: theirs.then(|| visit.action("/invitation")),
        token: token.to_owned(),
        viewer: viewer.as_ref().map(name_of),
        sign_up: (viewer.is_none() && app.config().ui.sign_up).then(|| "/sign-up".to_owned()),
        frame,
    };
    page(status, &shown)
}
