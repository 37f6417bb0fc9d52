//! Consents to purposes whose words have changed: asked again on the way from a sign-in to where it leads.
//!
//! Nothing is taken for granted: until the person agrees to the new words, the consent stays one to the old ones. Whoever
//! decides later is asked at the next sign-in.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    ephemeral::{self, EphemeralKey},
    id::SessionId,
    journey::SignedIn,
    secret::{Secret, TokenDigest},
    session::Authenticated,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::Duration;

use super::onward::link;
use crate::{
    agreements::Recipient,
    app::App,
    pages::{AgreeAgainPage, Fault},
    web::{Failure, Form, FormTargets, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(submit))
}

/// Where a sign-in was leading when it came by here.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Way {
    target: String,
    targets: Vec<String>,
    session: SessionId,
}

/// Where a sign-in leads: by this page first, where the account agreed to words that have changed since.
pub(super) async fn by_way_of(
    app: &App,
    done: &SignedIn,
    target: String,
    targets: &FormTargets,
) -> Result<String, Failure> {
    if app.changed_purposes(done.account.id).await?.is_empty() {
        return Ok(target);
    }
    let handle = Secret::random(app.ports().entropy())?;
    let way = Way { target, targets: targets.0.clone(), session: done.session.id };
    app.ports().ephemeral().put(&key(handle.expose()), ephemeral::encode(&way)?, KEPT).await?;
    Ok(link(PATH, &[("then", Some(handle.expose()))]))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let then = visit.query("then").unwrap_or_default();
    let Some(way) = way(&app, &viewer, &then).await? else { return see_other("/account/privacy") };
    let changed = app.changed_purposes(viewer.account.value.id).await?;
    let Some(purpose) = changed.first() else { return on(&app, &then, &way).await };
    let (title, text) = purpose.words(visit.language);
    let shown = AgreeAgainPage {
        action: visit.action(PATH),
        then,
        purpose: purpose.id.clone(),
        title: title.to_owned(),
        text: text.to_owned(),
        version: purpose.version.clone(),
        frame: app.frame(&visit, true),
    };
    let mut response = page(StatusCode::OK, &shown)?;
    response.extensions_mut().insert(FormTargets(way.targets));
    Ok(response)
}

async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let (account, then) = (viewer.account.value.id, form.text("then"));
    let Some(way) = way(&app, &viewer, then).await? else { return see_other("/account/privacy") };
    let purpose = app.purpose(form.text("purpose")).ok_or(Fault::BadRequest)?;
    match form.text("action") {
        // To the words that the page showed: another version has come meanwhile, and is asked for next.
        "give" if form.text("version") != purpose.version => {}
        "give" => app.allow_purpose(account, purpose, visit.language, HOW).await?,
        "withdraw" => {
            app.withdraw(account, &Recipient::Purpose(purpose.id.clone()), HOW).await?;
        }
        "later" => return on(&app, then, &way).await,
        _ => return Err(Fault::BadRequest.into()),
    }
    see_other(&link(PATH, &[("then", Some(then))]))
}

/// Goes on, and forgets the way.
async fn on(app: &App, then: &str, way: &Way) -> Result<Response, Failure> {
    let _gone = app.ports().ephemeral().take(&key(then)).await?;
    see_other(&way.target)
}

/// The way of this session, and of no other.
async fn way(app: &App, viewer: &Authenticated, then: &str) -> Result<Option<Way>, Failure> {
    let found = app.ports().ephemeral().get(&key(then)).await?;
    let way: Option<Way> = found.and_then(|bytes| ephemeral::decode(&bytes).ok());
    Ok(way.filter(|it| it.session == viewer.session.value.id))
}

fn key(handle: &str) -> EphemeralKey {
    EphemeralKey::new("server.way", TokenDigest::of(handle).to_text())
}

const PATH: &str = "/agree-again";
/// How a consent that is changed here was changed.
const HOW: &str = "sign_in";
const KEPT: Duration = Duration::minutes(30);
