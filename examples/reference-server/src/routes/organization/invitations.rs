//! Inviting people.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::{
    id::InvitationId,
    organization::{OrganizationError, PendingInvitation, RoleName},
    store::{Cursor, PageRequest},
};
use http::StatusCode;

use super::{Console, complaint, role_boxes, ticked};
use crate::{
    app::App,
    i18n::ConsoleTexts,
    pages::{
        Fault,
        organization::{Boxes, FormPart, Panel, Section},
        parts::{Action, Cell, Confirm, Field, Input, Notice, Pager, Row, Table},
    },
    web::{Failure, Form, Visit, moment},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/invitations", get(show).post(submit))
}

/// So many invitations are on a page.
const SHOWN: u32 = 50;

async fn show(State(app): State<App>, visit: Visit, Path(slug): Path<String>) -> Result<Response, Failure> {
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => render(&app, &visit, &console, "", None).await,
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
    let (organizations, actor, id) = (&app.services().organizations, &console.actor, console.id);
    let named = || form.text("invitation").parse::<InvitationId>().map_err(|_| OrganizationError::NotFound);
    let done = match form.text("do") {
        "invite" => {
            let roles = ticked(&console.standing.book, &form, "role");
            let languages = vec![visit.language.code().to_owned()];
            organizations.invite(actor, id, form.text("email"), roles, languages).await.map(|_| ())
        }
        "resend" => match named() {
            Ok(invitation) => organizations.resend_invitation(actor, id, invitation).await.map(|_| ()),
            Err(error) => Err(error),
        },
        "revoke" => match named() {
            Ok(invitation) => organizations.revoke_invitation(actor, id, invitation).await,
            Err(error) => Err(error),
        },
        _ => return Err(Fault::BadRequest.into()),
    };
    match done {
        Ok(()) => console.done(Section::Invitations),
        Err(error) => {
            let complaint = complaint(app.texts(visit.language), error)?;
            render(&app, &visit, &console, form.text("email"), Some(complaint)).await
        }
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    typed: &str,
    complained: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let after = visit.query("after");
    let request = match &after {
        None => PageRequest::first(SHOWN),
        Some(text) => PageRequest::after(Cursor::new(text.as_str()).map_err(|_| Fault::BadRequest)?, SHOWN),
    };
    let found = app.services().organizations.invitations(&console.actor, console.id, request).await;
    let page = match found {
        Ok(page) => page,
        Err(error) => {
            let complaint = complained.map_or_else(|| complaint(t, error), Ok)?;
            return console.page(app, visit, Section::Invitations, Vec::new(), Some(complaint));
        }
    };
    let t = &t.console;
    let path = console.path(Section::Invitations);
    let action = || visit.action(&path);
    let member = RoleName::member();
    let boxes = role_boxes(&console.standing.book, &console.standing.held, |role| *role == member);
    let email = Field::new("email", Input::Email, t.email.as_str())
        .with_value(typed.chars().take(254).collect::<String>());
    let form = FormPart::new(action(), t.invite.as_str())
        .with_hidden("do", "invite")
        .with(email)
        .with(Boxes::new(t.roles.as_str(), boxes));
    let invite = Panel::new("invite", t.invite.as_str()).with_hint(t.invite_hint.as_str()).with_form(form);
    let rows = page.items.iter().map(|pending| row(t, &action, pending)).collect();
    let columns =
        vec![t.email.to_string(), t.roles.to_string(), t.expires.to_string(), t.actions.to_string()];
    let pager = Pager::new(&path, after.as_deref(), page.next.as_ref().map(Cursor::as_str));
    let table = Table::new(t.invitations.as_str(), columns, t.no_invitations.as_str());
    let list = Panel::new("list", t.invitations.as_str()).with_table(table.with_rows(rows).with_pager(pager));
    console.page(app, visit, Section::Invitations, vec![invite, list], complained)
}

fn row(t: &ConsoleTexts, action: &impl Fn() -> Action, pending: &PendingInvitation) -> Row {
    let (invitation, email) = (&pending.invitation, pending.email.as_str());
    let button = |ask: &str, question: String, what: &str| {
        Confirm::new(action(), ask, question, ask)
            .with_hidden("do", what)
            .with_hidden("invitation", invitation.id.to_string())
            .about(email)
    };
    let roles = invitation.roles.iter().fold(Cell::empty(), |cell, role| cell.with_tag(role.as_str()));
    let resend = button(t.resend.as_str(), t.resend_question.with("email", email), "resend");
    let revoke = button(t.revoke.as_str(), t.revoke_question.with("email", email), "revoke").dangerous();
    Row::new(vec![
        Cell::text(email),
        roles,
        Cell::text(moment(invitation.expires_at)).with_confirm(resend),
        Cell::empty().with_confirm(revoke),
    ])
}
