//! The roles of an organization: templates to see, its own to change.

use std::collections::BTreeSet;

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::organization::{OrganizationError, Permission, Role, RoleName, RoleScope};
use http::StatusCode;

use super::{Console, complaint, ticked, words};
use crate::{
    app::App,
    pages::{
        Fault,
        organization::{Boxes, FormPart, Panel, Section},
        parts::{Cell, Checkbox, Confirm, Field, Input, Notice, Row, Table},
    },
    web::{Failure, Form, Visit},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/roles", get(show).post(submit))
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
    let (organizations, actor, id) = (&app.services().organizations, &console.actor, console.id);
    let name = RoleName::new(form.text("name").trim());
    let done = match (form.text("do"), name) {
        ("save", Ok(name)) => match typed(&console, &form, name) {
            Ok(role) => organizations.save_role(actor, id, role).await,
            Err(error) => Err(error),
        },
        ("delete", Ok(name)) => organizations.delete_role(actor, id, &name).await,
        ("save" | "delete", Err(_)) => Err(OrganizationError::Invalid("name")),
        _ => return Err(Fault::BadRequest.into()),
    };
    match done {
        Ok(()) => console.done(Section::Roles),
        Err(error) => {
            let complaint = complaint(app.texts(visit.language), error)?;
            render(&app, &visit, &console, Some(complaint))
        }
    }
}

/// The role as it was typed.
fn typed(console: &Console, form: &Form, name: RoleName) -> Result<Role, OrganizationError> {
    let permissions: Result<BTreeSet<Permission>, _> =
        words(form.text("permissions")).map(Permission::new).collect();
    let permissions = permissions.map_err(|_| OrganizationError::Invalid("permissions"))?;
    let mut inherits = ticked(&console.standing.book, form, "inherits");
    inherits.remove(&RoleName::owner());
    let role = Role::new(RoleScope::Organization(console.id), name, permissions).with_inherited(inherits);
    Ok(role.with_description(form.text("description").trim()))
}

fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    complained: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let t = &app.texts(visit.language).console;
    let action = || visit.action(&console.path(Section::Roles));
    let writes = console.may(&Permission::ROLE_WRITE);
    let book = &console.standing.book;
    let rows = book.iter().map(|role| {
        let name = role.name.as_str();
        let permissions = book.resolve([&role.name]).permissions;
        let permissions: Vec<&str> = permissions.iter().map(Permission::as_str).collect();
        let own = matches!(role.scope, RoleScope::Organization(_));
        let kind = if own { &t.own_role } else { &t.template };
        let mut last = Cell::empty().with_tag(kind.as_str());
        if own && writes {
            let question = t.delete_role_question.with("role", name);
            let confirm = Confirm::new(action(), t.delete.as_str(), question, t.delete.as_str());
            let confirm = confirm.with_hidden("do", "delete").with_hidden("name", name).about(name);
            last = last.with_confirm(confirm.dangerous());
        }
        let named = Cell::text(name).with_hint(role.description.clone());
        Row::new(vec![named, Cell::text(permissions.join(", ")), last])
    });
    let columns = vec![t.role.to_string(), t.permissions.to_string(), t.actions.to_string()];
    let table = Table::new(t.roles.as_str(), columns, t.no_roles.as_str()).with_rows(rows.collect());
    let mut panels = vec![Panel::new("list", t.roles.as_str()).with_table(table)];
    if writes {
        let boxes = book.iter().map(|role| {
            let name = role.name.as_str();
            let id = format!("inherits-{}", name.replace([':', '.'], "-"));
            Checkbox::new(id, name).named(format!("inherits.{name}"), "yes")
        });
        let form = FormPart::new(action(), t.save.as_str())
            .with_hidden("do", "save")
            .with(
                Field::new("name", Input::Text { max: 64 }, t.role_name.as_str())
                    .with_hint(t.role_name_hint.as_str()),
            )
            .with(Field::new("description", Input::Text { max: 256 }, t.description.as_str()).optional())
            .with(
                Field::new("permissions", Input::Lines { max: 4096 }, t.permissions.as_str())
                    .with_hint(t.permissions_hint.as_str())
                    .optional(),
            )
            .with(Boxes::new(t.inherits.as_str(), boxes.collect()));
        panels.push(
            Panel::new("save", t.save_role.as_str()).with_hint(t.save_role_hint.as_str()).with_form(form),
        );
    }
    console.page(app, visit, Section::Roles, panels, complained)
}
