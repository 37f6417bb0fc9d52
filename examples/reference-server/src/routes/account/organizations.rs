//! Where the account is a member.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::store::PageRequest;
use http::StatusCode;

use crate::{
    app::App,
    pages::account::{
        Section,
        organizations::{OrganizationLine, OrganizationsPage},
    },
    web::{Failure, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/organizations", get(show))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let store = app.ports().store();
    let mut organizations = Vec::new();
    let request = PageRequest::first(super::SHOWN);
    for membership in store.memberships_of(viewer.account.value.id, request).await?.items {
        if let Some(organization) = store.organization(membership.value.organization).await? {
            let roles: Vec<_> = membership.value.roles.iter().map(|it| it.as_str()).collect();
            organizations
                .push(OrganizationLine { name: organization.value.name.clone(), roles: roles.join(", ") });
        }
    }
    let frame = app.frame(&visit, true);
    let nav = Section::Organizations.nav(frame.t);
    page(StatusCode::OK, &OrganizationsPage { frame, nav, notice: None, organizations })
}
