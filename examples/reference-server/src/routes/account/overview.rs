//! The first page of the account area.

use axum::{Router, extract::State, response::Response, routing::get};
use http::StatusCode;

use super::requests;
use crate::{
    app::App,
    backchannel,
    pages::account::overview::OverviewPage,
    routes::pending::name_of,
    web::{Failure, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/account", get(show))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let account = &viewer.account.value;
    let identifier = account.identifiers.first().map(|it| it.key.as_str().to_owned());
    let since = moment(account.created_at);
    let frame = app.frame(&visit, true);
    let waits = !backchannel::waiting(app.services(), account.id).await?.is_empty();
    let mut shown = OverviewPage::new(frame, name_of(&viewer), identifier.unwrap_or_default(), since);
    shown.waiting = waits.then_some(requests::PATH);
    page(StatusCode::OK, &shown)
}
