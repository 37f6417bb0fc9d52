//! Who the person is.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    event::{Event, EventType},
    session::Authenticated,
    store::{Batch, EntityRef, Versioned, Write},
};
use http::StatusCode;

use crate::{
    app::App,
    pages::{
        Fault,
        account::{Section, profile::ProfilePage},
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(save))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    render(&app, &visit, &viewer, None, StatusCode::OK)
}

async fn save(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let name = form.text("name").trim();
    let acceptable = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !acceptable {
        let complaint = app.texts(visit.language).field.name_invalid.with("max", MAX_NAME);
        return render(&app, &visit, &viewer, Some(complaint), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let Versioned { value: mut account, version, .. } = viewer.account;
    account.profile.set("name", name).map_err(Failure::internal)?;
    account.updated_at = app.ports().now();
    let event = Event::new(app.ports(), EventType::ACCOUNT_UPDATED, account.event_subject())?;
    let batch = Batch::new()
        .require_version(EntityRef::Account(account.id), version)
        .write(Write::PutAccount(account))
        .event(event);
    // Somebody who changes the same account elsewhere at the same moment is told to look again.
    if app.ports().store().commit(batch).await?.is_applied() {
        see_other(&format!("{PATH}?done=saved"))
    } else {
        Err(Fault::Expired.into())
    }
}

fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    complaint: Option<String>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let account = &viewer.account.value;
    let saved = complaint.is_none() && visit.query("done").as_deref() == Some("saved");
    let shown = ProfilePage {
        frame: app.frame(visit, true),
        nav: Section::Profile.nav(t),
        notice: saved.then(|| Notice::good(t.profile.saved.as_str())),
        save: visit.action(PATH),
        display_name: Field::new("name", Input::Name, t.profile.name.as_str())
            .with_value(account.profile.text("name").unwrap_or_default())
            .with_error(complaint),
        language: account.profile.text("locale").map(str::to_owned),
        since: moment(account.created_at),
    };
    page(status, &shown)
}

const PATH: &str = "/account/profile";

/// The longest name, as at sign-up.
const MAX_NAME: usize = 128;
