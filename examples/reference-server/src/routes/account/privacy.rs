//! What is kept about the person, and why.

use axum::{Router, body::Body, extract::State, response::Response, routing::get};
use ciam_core::privacy::Export;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
};

use crate::{
    app::App,
    pages::account::{Section, privacy::PrivacyPage},
    privacy::kinds,
    web::{Failure, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/privacy", get(show)).route("/account/privacy/export", get(export))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    if app.viewer(&visit).await?.is_none() {
        return see_other("/sign-in");
    }
    let frame = app.frame(&visit, true);
    page(StatusCode::OK, &PrivacyPage { nav: Section::Privacy.nav(frame.t), notice: None, frame })
}

/// Everything that is held about the person, as one file that is written while it is read.
async fn export(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let export = Export::new(app.ports().clone(), kinds(), viewer.account.value.id);
    let parts = futures_util::stream::try_unfold(export, async |mut export| {
        Ok::<_, ciam_core::error::PortError>(export.next().await?.map(|part| (part, export)))
    });
    let mut response = Response::new(Body::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"export.json\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
