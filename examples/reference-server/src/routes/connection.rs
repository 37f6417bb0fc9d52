//! The way to the identity provider of an organization.

use axum::{extract::State, response::Response};
use ciam_core::journey::{Challenge, JourneyHandle};
use http::StatusCode;

use super::{
    onward::{Onward, link},
    pending::visitor,
    steps::At,
};
use crate::{
    app::App,
    pages::{ConnectionPage, Fault},
    web::{Failure, Visit, page},
};

/// Says where it goes on. The browser is sent on by a link and not by a form: a page's policy says where its forms lead in the
/// end, and that is the provider's to decide.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = JourneyHandle::from_text(&visit.query("journey").ok_or(Fault::NotFound)?);
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let viewer = app.viewer(&visit).await?;
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, viewer.as_ref())).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    let Challenge::Connection { connection, organization, login_hint } = challenge else {
        return at.to(&challenge);
    };
    let onward = pending.as_ref().map(Onward::text);
    let shown = ConnectionPage {
        frame: app.frame(&visit, false),
        notice: None,
        organization,
        who: login_hint,
        go: at.link(&format!("/upstream/{connection}")),
        other: link("/sign-in", &[("continue", onward)]),
    };
    page(StatusCode::OK, &shown)
}
