//! Name and state of an organization, and leaving it.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::organization::{OrganizationStatus, Permission};
use http::StatusCode;

use super::{Console, complaint};
use crate::{
    app::App,
    pages::{
        organization::{FormPart, Panel, Section},
        parts::{Confirm, Field, Input, Notice},
    },
    web::{Failure, Form, Visit, moment, see_other},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}", get(show).post(submit))
}

async fn show(State(app): State<App>, visit: Visit, Path(slug): Path<String>) -> Result<Response, Failure> {
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => render(&app, &visit, &console, None),
        Err(response) => Ok(response),
    }
}

async fn submit(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let console = match Console::open(&app, &visit, &slug).await? {
        Ok(console) => console,
        Err(response) => return Ok(response),
    };
    let organizations = &app.services().organizations;
    let leaves = form.text("do") == "leave";
    let done = if leaves {
        let account = console.viewer.account.value.id;
        app.services().end_membership(&console.actor, console.id, account).await
    } else {
        organizations.rename(&console.actor, console.id, form.text("name")).await
    };
    match done {
        Ok(()) if leaves => see_other("/account/organizations"),
        Ok(()) => console.done(Section::Settings),
        Err(error) => {
            let complaint = complaint(app.texts(visit.language), error)?;
            render(&app, &visit, &console, Some(complaint))
        }
    }
}

fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    complaint: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let t = &app.texts(visit.language).console;
    let organization = &console.standing.organization.value;
    let action = || visit.action(&console.path(Section::Settings));
    let active = organization.status == OrganizationStatus::Active;
    let state = if active { &t.active } else { &t.suspended };
    let mut about = Panel::new("about", console.name.clone())
        .with_line(t.slug.as_str(), organization.slug.as_str())
        .with_line(t.id.as_str(), organization.id.to_string())
        .with_line(t.state.as_str(), state.as_str())
        .with_line(t.since.as_str(), moment(organization.created_at));
    if console.may(&Permission::ORGANIZATION_UPDATE) {
        let max = u16::try_from(ciam_core::organization::Organization::MAX_NAME).unwrap_or(u16::MAX);
        let name = Field::new("name", Input::Text { max }, t.name.as_str()).with_value(console.name.clone());
        about = about.with_form(FormPart::new(action(), t.save.as_str()).with(name));
    }
    let question = t.leave_question.with("organization", &console.name);
    let leave = Confirm::new(action(), t.leave.as_str(), question, t.leave.as_str())
        .with_hidden("do", "leave")
        .dangerous();
    let leave = Panel::new("leave", t.leave.as_str()).with_confirm(leave);
    console.page(app, visit, Section::Settings, vec![about, leave], complaint)
}
