//! One member: roles, suspension, removal.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::{
    id::AccountId,
    organization::{MembershipStatus, Permission},
};
use http::StatusCode;

use super::{Console, complaint, member_factors, members::name_of, role_boxes, ticked};
use crate::{
    app::App,
    pages::{
        Fault,
        organization::{Boxes, FormPart, Panel, Section},
        parts::{Confirm, Notice},
    },
    web::{Failure, Form, Visit, moment, see_other},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/members/{account}", get(show).post(submit))
}

async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((slug, account)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let account = account.parse().map_err(|_| Fault::NotFound)?;
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => render(&app, &visit, &console, account, None).await,
        Err(response) => Ok(response),
    }
}

async fn submit(
    State(app): State<App>,
    visit: Visit,
    Path((slug, account)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let account: AccountId = account.parse().map_err(|_| Fault::NotFound)?;
    let console = match Console::open(&app, &visit, &slug).await? {
        Ok(console) => console,
        Err(response) => return Ok(response),
    };
    let services = app.services();
    let (organizations, actor, id) = (&services.organizations, &console.actor, console.id);
    let action = form.text("do");
    let done = match action {
        "roles" => {
            let roles = ticked(&console.standing.book, &form, "role");
            organizations.set_roles(actor, id, account, roles).await
        }
        "suspend" => services.suspend_membership(actor, id, account).await,
        "reactivate" => organizations.reactivate_member(actor, id, account).await,
        "remove" => services.end_membership(actor, id, account).await,
        _ => return Err(Fault::BadRequest.into()),
    };
    match done {
        Ok(()) if action == "remove" => console.done(Section::Members),
        Ok(()) => see_other(&format!("{}/{account}?done=1", console.path(Section::Members))),
        Err(error) => {
            let complaint = complaint(app.texts(visit.language), error)?;
            render(&app, &visit, &console, account, Some(complaint)).await
        }
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    account: AccountId,
    complained: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let texts = app.texts(visit.language);
    let t = &texts.console;
    let member = match app.services().organizations.member(&console.actor, console.id, account).await {
        Ok(member) => member,
        Err(error) => {
            let complaint = complained.map_or_else(|| complaint(texts, error), Ok)?;
            return console.page(app, visit, Section::Members, Vec::new(), Some(complaint));
        }
    };
    let (membership, name) = (&member.membership, name_of(&member));
    let active = membership.status == MembershipStatus::Active;
    let state = if active { &t.active } else { &t.suspended };
    let action = || visit.action(&format!("{}/{account}", console.path(Section::Members)));
    let mut about = Panel::new("about", name.clone())
        .with_line(t.email.as_str(), member.email.clone().unwrap_or_default())
        .with_line(t.state.as_str(), state.as_str())
        .with_line(t.since.as_str(), moment(membership.joined_at));
    let mut panels = Vec::new();
    if console.may(&Permission::MEMBER_UPDATE) {
        let boxes = role_boxes(&console.standing.book, &console.standing.held, |role| {
            membership.roles.contains(role)
        });
        let form = FormPart::new(action(), t.save.as_str())
            .with_hidden("do", "roles")
            .with(Boxes::new(t.roles.as_str(), boxes).with_hint(t.roles_hint.as_str()));
        panels.push(Panel::new("roles", t.roles.as_str()).with_form(form));
        let (ask, question, do_it) = if active {
            (&t.suspend, &t.suspend_question, "suspend")
        } else {
            (&t.reactivate, &t.reactivate_question, "reactivate")
        };
        let confirm = Confirm::new(action(), ask.as_str(), question.with("who", &name), ask.as_str());
        about = about.with_confirm(confirm.with_hidden("do", do_it));
    } else {
        let roles: Vec<&str> = membership.roles.iter().map(|role| role.as_str()).collect();
        about = about.with_line(t.roles.as_str(), roles.join(", "));
    }
    if console.may(&Permission::MEMBER_REMOVE) || console.actor.is(account) {
        let question = t.remove_question.with("who", &name);
        let confirm = Confirm::new(action(), t.remove.as_str(), question, t.remove.as_str());
        about = about.with_confirm(confirm.with_hidden("do", "remove").dangerous());
    }
    panels.insert(0, about);
    if console.may(&Permission::MEMBER_UPDATE) && !console.actor.is(account) {
        let lost = Panel::new("factors", t.factors.as_str())
            .with_hint(t.factors_hint.as_str())
            .with_link(member_factors::path(console, account), t.factors_reset.as_str());
        panels.push(lost);
    }
    console.page(app, visit, Section::Members, panels, complained)
}
