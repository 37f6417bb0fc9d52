//! What the account allowed to applications.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    consent::Consent,
    error::PortError,
    id::AccountId,
    store::{PageRequest, StoredRecord as _},
};
use http::StatusCode;

use crate::{
    agreements::Recipient,
    app::App,
    i18n::{Language, Texts},
    pages::{
        Fault,
        account::{
            Section,
            applications::{ApplicationLine, ApplicationsPage},
        },
        parts::Notice,
    },
    routes::{consent::scope_line, saml},
    web::{Failure, Form, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(revoke))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let frame = app.frame(&visit, true);
    let revoked = visit.query("done").as_deref() == Some("revoked");
    let shown = ApplicationsPage {
        nav: Section::Applications.nav(frame.t),
        notice: revoked.then(|| Notice::good(frame.t.applications.revoked.as_str())),
        revoke: visit.action(PATH),
        requests: app.asks_elsewhere().then_some(super::requests::PATH),
        applications: list(&app, frame.t, visit.language, viewer.account.value.id).await?,
        frame,
    };
    page(StatusCode::OK, &shown)
}

/// The applications with consent, by name.
async fn list(
    app: &App,
    t: &Texts,
    language: Language,
    account: AccountId,
) -> Result<Vec<ApplicationLine>, PortError> {
    let store = app.ports().store();
    let first = PageRequest::first(super::SHOWN);
    let found = store.records_by(Consent::KIND, "account", &account.to_string(), first).await?;
    let mut lines = Vec::new();
    for record in found.items {
        let consent: Consent = record.value.decode()?;
        let recipient = Recipient::of(&consent.recipient);
        let Some(recipient) = recipient.filter(|it| !matches!(it, Recipient::Purpose(_))) else { continue };
        // Consent for one resource is kept as `<resource> <scope>`; people are shown the scope.
        let word = |it: &String| match recipient {
            Recipient::Service(_) => saml::words(t, it),
            _ => scope_line(app, t, it.rsplit(' ').next().unwrap_or(it)).title,
        };
        let mut scopes: Vec<_> = consent.allowed.iter().map(word).collect();
        scopes.dedup();
        lines.push(ApplicationLine {
            name: app.name_of_recipient(&recipient, language).await?,
            id: match recipient {
                Recipient::Client(id) => id.as_str().to_owned(),
                other => other.text(),
            },
            since: moment(consent.given_at),
            scopes: scopes.join(" · "),
        });
    }
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(lines)
}

/// Takes back what an application was allowed, with every grant that it holds.
async fn revoke(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let account = viewer.account.value.id;
    let text = form.text("client");
    let recipient = match Recipient::of(text) {
        Some(service @ Recipient::Service(_)) => service,
        _ => Recipient::Client(text.parse().map_err(|_| Fault::BadRequest)?),
    };
    app.withdraw(account, &recipient, "account_page").await?;
    see_other(&format!("{PATH}?done=revoked"))
}

const PATH: &str = "/account/applications";
