//! What the account allowed to applications.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    consent::{Consent, ConsentProof},
    error::PortError,
    event::{Event, EventType},
    id::AccountId,
    store::{Batch, EntityRef, PageRequest, StoredRecord as _, Versioned, load},
};
use ciam_oauth::{
    client::ClientId,
    grant::{Grant, RevocationReason},
};

use http::StatusCode;

use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault,
        account::{
            Section,
            applications::{ApplicationLine, ApplicationsPage},
        },
        parts::Notice,
    },
    routes::consent::scope_line,
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
        applications: list(&app, frame.t, viewer.account.value.id).await?,
        frame,
    };
    page(StatusCode::OK, &shown)
}

/// The applications with consent, by name.
async fn list(app: &App, t: &Texts, account: AccountId) -> Result<Vec<ApplicationLine>, PortError> {
    let store = app.ports().store();
    let first = PageRequest::first(super::SHOWN);
    let found = store.records_by(Consent::KIND, "account", &account.to_string(), first).await?;
    let mut lines = Vec::new();
    for record in found.items {
        let consent: Consent = record.value.decode()?;
        let Some(id) = client_of(&consent) else { continue };
        let client = app.services().server.clients().get(&id).await?;
        let name = client.and_then(|it| it.value.display.name).unwrap_or_else(|| id.as_str().to_owned());
        // Consent for one resource is kept as `<resource> <scope>`; people are shown the scope.
        let scope = |it: &String| scope_line(app, t, it.rsplit(' ').next().unwrap_or(it)).title;
        let mut scopes: Vec<_> = consent.allowed.iter().map(scope).collect();
        scopes.dedup();
        lines.push(ApplicationLine {
            id: id.as_str().to_owned(),
            name,
            since: moment(consent.given_at),
            scopes: scopes.join(" · "),
        });
    }
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(lines)
}

/// Takes back what an application was allowed: the consent first, so that nothing new is granted silently, then every
/// grant that it holds.
async fn revoke(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let account = viewer.account.value.id;
    let client: ClientId = form.text("client").parse().map_err(|_| Fault::BadRequest)?;
    withdraw_consent(&app, account, &client).await?;
    revoke_grants(&app, account, &client).await?;
    see_other(&format!("{PATH}?done=revoked"))
}

async fn withdraw_consent(app: &App, account: AccountId, client: &ClientId) -> Result<(), PortError> {
    let key = Consent::record_key(account, &client.consent_recipient());
    for _ in 0..RACES {
        let found: Option<Versioned<Consent>> = load(app.ports().store(), &key).await?;
        let Some(found) = found else { return Ok(()) };
        let event = Event::new(app.ports(), EventType::CONSENT_WITHDRAWN, format!("account:{account}"))?;
        let batch = Batch::new().require_version(EntityRef::record::<Consent>(key.as_str()), found.version);
        let batch = found
            .value
            .withdraw_in(batch, app.ports(), ConsentProof::new("account_page"))?
            .event(event.with("recipient", found.value.recipient));
        if app.ports().store().commit(batch).await?.is_applied() {
            return Ok(());
        }
    }
    Err(PortError::transient("the consent kept changing"))
}

async fn revoke_grants(app: &App, account: AccountId, client: &ClientId) -> Result<(), PortError> {
    let store = app.ports().store();
    let mut request = PageRequest::first(super::SHOWN);
    loop {
        let found = store.records_by(Grant::KIND, "account", &account.to_string(), request).await?;
        for record in found.items {
            let grant: Grant = record.value.decode()?;
            if grant.client == *client && grant.is_active(app.ports().now()) {
                revoke_grant(app, Versioned::new(grant, record.version)).await?;
            }
        }
        match found.next {
            Some(next) => request = PageRequest::after(next, super::SHOWN),
            None => return Ok(()),
        }
    }
}

/// A refresh at the same moment moves the version; revocation must win, so it reads again.
async fn revoke_grant(app: &App, mut read: Versioned<Grant>) -> Result<(), PortError> {
    let key = read.value.key();
    for _ in 0..RACES {
        let revoked = read.value.revoke(app.ports().now(), RevocationReason::Person);
        let batch = Batch::new()
            .require_version(EntityRef::record::<Grant>(key.as_str()), read.version)
            .put(&revoked)?;
        if app.ports().store().commit(batch).await?.is_applied() {
            return Ok(());
        }
        match load(app.ports().store(), &key).await? {
            Some(again) => read = again,
            None => return Ok(()),
        }
    }
    Err(PortError::transient("a grant kept changing"))
}

fn client_of(consent: &Consent) -> Option<ClientId> {
    consent.recipient.strip_prefix("client:")?.parse().ok()
}

const RACES: usize = 8;

const PATH: &str = "/account/applications";
