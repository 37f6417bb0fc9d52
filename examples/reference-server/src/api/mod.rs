//! The JSON API for a person's own account: what the pages do, for single-page and native applications.
//!
//! It is mounted at [`BASE`], and described by an OpenAPI document made from the handlers at `openapi.json` below it.
//! `README.md` says how to add to it.
//!
//! # Who calls
//!
//! Exactly one of two, and a request with both is refused, so that nobody has to know which of them counts:
//!
//! - a page of this origin, by the session cookie. What changes something must come from this origin, and a browser says so in
//!   `Origin`; a request of another origin, or one that does not say, is refused. No other origin is let in by CORS.
//! - an application without cookies, by `Authorization: Bearer` with the session's token
//!   ([`SessionCookie::token`](ciam_core::session::SessionCookie::token)). Browsers never send it by themselves.
//!
//! # What it answers
//!
//! JSON, or a problem ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a stable [`Code`]. What belongs to somebody
//! else is answered as what does not exist.

mod body;
mod caller;
mod credentials;
mod document;
mod factors;
mod identifiers;
mod journeys;
mod listing;
mod organizations;
mod owner;
mod privacy;
mod problem;
mod profile;
mod push;
mod requests;
mod resource;
mod sessions;
mod transactions;

use axum::{Router, http::StatusCode, response::IntoResponse as _};
pub use body::Json;
pub use caller::Caller;
#[cfg(test)]
pub(crate) use document::document;
pub use listing::{List, Listing, Moment};
pub use problem::{Code, FieldProblem, Problem};
pub use resource::Resource;

use crate::app::App;

/// Where the API is mounted.
pub const BASE: &str = "/api/account/v1";

/// What the API consists of, each with the part of the document that describes it: a new one is one line.
fn resources() -> Vec<Resource> {
    let mut all = vec![
        sessions::resource(),
        owner::resource(),
        profile::resource(),
        identifiers::resource(),
        credentials::resource(),
        factors::resource(),
        push::resource(),
        requests::resource(),
        privacy::resource(),
        transactions::resource(),
        journeys::resource(),
    ];
    all.extend(organizations::resources());
    all
}

/// The routes of the API.
pub(crate) fn routes() -> Router<App> {
    let mut router = Router::new();
    for resource in resources() {
        router = router.merge(resource.router);
    }
    let router = router
        .merge(document::routes())
        .fallback(async || Problem::from(Code::NotFound).into_response())
        .method_not_allowed_fallback(async || Problem::from(Code::MethodNotAllowed).into_response());
    Router::new().nest(BASE, router)
}

/// Whether a request is for the API, whose errors are problems rather than pages.
pub(crate) fn is_for_api(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// No content.
pub(crate) const DONE: StatusCode = StatusCode::NO_CONTENT;

#[cfg(test)]
pub(crate) mod tests;
