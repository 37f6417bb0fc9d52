//! The members of an organization, a page at a time.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::{
    organization::{Member, MembershipStatus},
    store::{Cursor, PageRequest},
};

use super::{Console, complaint};
use crate::{
    app::App,
    i18n::ConsoleTexts,
    pages::{
        Fault,
        organization::{Panel, Section},
        parts::{Cell, Pager, Row, Table},
    },
    web::{Failure, Visit, moment},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/members", get(show))
}

/// So many members are on a page.
const SHOWN: u32 = 50;

async fn show(State(app): State<App>, visit: Visit, Path(slug): Path<String>) -> Result<Response, Failure> {
    let console = match Console::open(&app, &visit, &slug).await? {
        Ok(console) => console,
        Err(response) => return Ok(response),
    };
    let t = app.texts(visit.language);
    let after = visit.query("after");
    let request = match &after {
        None => PageRequest::first(SHOWN),
        Some(text) => PageRequest::after(Cursor::new(text.as_str()).map_err(|_| Fault::BadRequest)?, SHOWN),
    };
    let organizations = &app.services().organizations;
    let page = match organizations.members(&console.actor, console.id, request).await {
        Ok(page) => page,
        Err(error) => {
            let complaint = complaint(t, error)?;
            return console.page(&app, &visit, Section::Members, Vec::new(), Some(complaint));
        }
    };
    let t = &t.console;
    let path = console.path(Section::Members);
    let rows = page.items.iter().map(|member| row(t, &path, member)).collect();
    let columns = vec![t.person.to_string(), t.roles.to_string(), t.since.to_string()];
    let pager = Pager::new(&path, after.as_deref(), page.next.as_ref().map(Cursor::as_str));
    let table =
        Table::new(t.members.as_str(), columns, t.no_members.as_str()).with_rows(rows).with_pager(pager);
    let list = Panel::new("list", t.members.as_str()).with_table(table);
    console.page(&app, &visit, Section::Members, vec![list], None)
}

fn row(t: &ConsoleTexts, path: &str, member: &Member) -> Row {
    let membership = &member.membership;
    let name = name_of(member);
    let mut person = Cell::link(name.clone(), format!("{path}/{}", membership.account));
    if let Some(email) = member.email.as_ref().filter(|email| **email != name) {
        person = person.with_hint(email.as_str());
    }
    let roles = membership.roles.iter().fold(Cell::empty(), |cell, role| cell.with_tag(role.as_str()));
    let since = Cell::text(moment(membership.joined_at));
    let since = match membership.status {
        MembershipStatus::Active => since,
        _ => since.with_tag(t.suspended.as_str()),
    };
    Row::new(vec![person, roles, since])
}

/// What a member is called.
pub(super) fn name_of(member: &Member) -> String {
    let named = member.name.clone().or_else(|| member.email.clone());
    named.unwrap_or_else(|| member.membership.account.to_string())
}
