//! Who the person is, by the tenant's schema.

use std::collections::BTreeMap;

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    account::{
        ProfileChangeError,
        schema::{Attribute, AttributeProblem, AttributeType, Party},
    },
    session::Authenticated,
};
use http::StatusCode;
use serde_json::Value;

use super::owner;
use crate::routes::attributes::{complaint, input_of, label};
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault,
        account::{
            Section,
            profile::{AttributeInput, AttributeLine, ProfilePage},
        },
        parts::{Checkbox, Field, Notice, Select},
    },
    web::{Failure, Form, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(save))
}

/// What was typed, and what is wrong with it, by attribute.
#[derive(Default)]
struct Typed {
    texts: BTreeMap<String, String>,
    problems: BTreeMap<String, AttributeProblem>,
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    render(&app, &visit, &viewer, &Typed::default(), StatusCode::OK)
}

async fn save(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let accounts = &app.services().accounts;
    let mut typed = Typed::default();
    let mut changes = BTreeMap::new();
    for (name, _) in accounts.schema().writable(Party::Owner) {
        // A box that is not ticked is not sent: its companion says that it was there.
        let was_there = form.optional(&format!("{name}-there")).is_some();
        let Some(text) = form.optional(name).or(was_there.then_some("")) else { continue };
        match accounts.schema().parse_text(name, text) {
            Ok(value) => drop(changes.insert(name.to_owned(), value)),
            Err(problem) => drop(typed.problems.insert(name.to_owned(), problem)),
        }
        typed.texts.insert(name.to_owned(), text.to_owned());
    }
    if typed.problems.is_empty() {
        match accounts.change_profile(&owner::owner(&visit, &viewer), &changes).await {
            Ok(_) => return see_other(&format!("{PATH}?done=saved")),
            Err(ProfileChangeError::Refused(errors)) => {
                typed
                    .problems
                    .extend(errors.iter().map(|(name, problem)| (name.to_owned(), problem.clone())));
            }
            Err(ProfileChangeError::Port(error)) => return Err(error.into()),
            Err(_) => return Err(Fault::Expired.into()),
        }
    }
    render(&app, &visit, &viewer, &typed, StatusCode::UNPROCESSABLE_ENTITY)
}

fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    typed: &Typed,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let account = &viewer.account.value;
    let schema = app.services().accounts.schema();
    let seen = schema.readable(&account.profile, Party::Owner);
    let fixed = |name: &str| schema.get(name).is_some_and(|it| !it.writers.owner);
    let saved = typed.problems.is_empty() && visit.query("done").as_deref() == Some("saved");
    let shown = ProfilePage {
        frame: app.frame(visit, true),
        nav: Section::Profile.nav(t),
        notice: saved.then(|| Notice::good(t.profile.saved.as_str())),
        save: visit.action(PATH),
        attributes: in_order(schema.writable(Party::Owner).collect())
            .into_iter()
            .map(|(name, attribute)| {
                let called = label(app, visit.language, name, attribute.label.as_deref());
                input(t, name, called, attribute, seen.get(name), typed)
            })
            .collect(),
        shown: seen
            .iter()
            .filter(|(name, _)| fixed(name))
            .map(|(name, value)| AttributeLine {
                label: label(app, visit.language, name, schema.get(name).and_then(|it| it.label.as_deref())),
                value: text_of(value),
            })
            .collect(),
        since: moment(account.created_at),
    };
    page(status, &shown)
}

/// The usual attributes as people expect them, and behind them those of the operator.
fn in_order<'a>(mut all: Vec<(&'a str, &'a Attribute)>) -> Vec<(&'a str, &'a Attribute)> {
    const USUAL: [&str; 12] = [
        "name",
        "given_name",
        "middle_name",
        "family_name",
        "nickname",
        "birthdate",
        "gender",
        "locale",
        "zoneinfo",
        "picture",
        "profile",
        "website",
    ];
    all.sort_by_key(|(name, _)| USUAL.iter().position(|it| it == name).unwrap_or(USUAL.len()));
    all
}

fn input(
    t: &Texts,
    name: &str,
    label: String,
    attribute: &Attribute,
    value: Option<&Value>,
    typed: &Typed,
) -> AttributeInput {
    let error = typed.problems.get(name).map(|problem| complaint(t, problem));
    let text = typed.texts.get(name).cloned().unwrap_or_else(|| value.map(text_of).unwrap_or_default());
    let mut shown = AttributeInput::default();
    match &attribute.kind {
        AttributeType::Boolean => {
            let checked =
                typed.texts.get(name).map_or(value == Some(&Value::Bool(true)), |it| !it.is_empty());
            shown.checkbox = Some(Checkbox::new(name.to_owned(), label).checked(checked).with_error(error));
        }
        AttributeType::OneOf(values) => {
            let select = Select::new(name.to_owned(), label).with("", "–", text.is_empty());
            let choose = |select: Select, value: &String| select.with(value, value, *value == text);
            shown.select = Some(values.iter().fold(select, choose).with_error(error));
        }
        kind => {
            let input = input_of(name, kind);
            let field = Field::new(name.to_owned(), input, label).with_value(text).with_error(error);
            let always = attribute.required.contains(&ciam_core::account::schema::Required::Always);
            shown.field = Some(if always { field } else { field.optional() });
        }
    }
    shown
}

/// A value as a form shows it: a list has one value on each line.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

const PATH: &str = "/account/profile";
