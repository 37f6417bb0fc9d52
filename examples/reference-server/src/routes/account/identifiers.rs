//! Addresses, numbers and names that identify the account.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::account::{Account, Identifier, IdentifierKind};
use http::StatusCode;

use crate::{
    app::App,
    i18n::Texts,
    pages::account::{
        Section,
        identifiers::{IdentifierLine, IdentifiersPage},
    },
    web::{Failure, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/identifiers", get(show))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = app.texts(visit.language);
    let shown = IdentifiersPage {
        frame: app.frame(&visit, true),
        nav: Section::Identifiers.nav(t),
        notice: None,
        identifiers: identifiers(t, &viewer.account.value),
    };
    page(StatusCode::OK, &shown)
}

fn identifiers(t: &Texts, account: &Account) -> Vec<IdentifierLine> {
    let kind = |kind| match kind {
        IdentifierKind::Email => t.identifiers.kind_email.to_string(),
        IdentifierKind::Phone => t.identifiers.kind_phone.to_string(),
        IdentifierKind::Username => t.identifiers.kind_username.to_string(),
        other => other.as_str().to_owned(),
    };
    let line = |it: &Identifier| IdentifierLine {
        value: it.key.as_str().to_owned(),
        kind: kind(it.key.kind()),
        verified: it.is_verified(),
        primary: account.identifier(it.key.kind()).is_some_and(|first| first.key == it.key),
    };
    account.identifiers.iter().map(line).collect()
}
