//! The account area: a file for each section.

mod applications;
mod factors;
mod identifiers;
mod organizations;
mod overview;
mod owner;
pub(crate) mod privacy;
mod profile;
pub(super) mod requests;
mod security;
mod sessions;

use axum::Router;

use crate::app::App;

/// The routes of every section.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(overview::routes())
        .merge(profile::routes())
        .merge(identifiers::routes())
        .merge(security::routes())
        .merge(factors::routes())
        .merge(owner::routes())
        .merge(sessions::routes())
        .merge(applications::routes())
        .merge(requests::routes())
        .merge(privacy::routes())
        .merge(organizations::routes())
}

/// How many of each a page shows.
const SHOWN: u32 = 100;
