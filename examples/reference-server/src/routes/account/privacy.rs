//! What is kept about the person, and why.

use axum::{Router, extract::State, response::Response, routing::get};
use http::StatusCode;

use crate::{
    app::App,
    pages::account::{Section, privacy::PrivacyPage},
    web::{Failure, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/privacy", get(show))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    if app.viewer(&visit).await?.is_none() {
        return see_other("/sign-in");
    }
    let frame = app.frame(&visit, true);
    page(StatusCode::OK, &PrivacyPage { nav: Section::Privacy.nav(frame.t), notice: None, frame })
}
