//! Addresses, numbers and names that identify the account.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    account::{Account, Identifier, IdentifierKey, IdentifierKind, OwnerError, identifiers::ChangeHandle},
    secret::Secret,
    session::Authenticated,
};
use http::StatusCode;

use super::owner;
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault,
        account::{
            Section,
            identifiers::{IdentifierCodePage, IdentifierLine, IdentifiersPage},
        },
        parts::{Confirm, Field, Input, Notice},
    },
    web::{Failure, Form, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(change)).route(CONFIRM, get(code).post(confirm))
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Typed {
    notice: Option<Notice>,
    identifier: (String, Option<String>),
    username: (Option<String>, Option<String>),
    replaces: Option<String>,
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = app.texts(visit.language);
    let done = [
        ("added", t.identifiers.done_added.as_str()),
        ("removed", t.identifiers.done_removed.as_str()),
        ("primary", t.identifiers.done_primary.as_str()),
        ("username", t.identifiers.done_username.as_str()),
    ];
    let typed = Typed {
        notice: owner::notice(t, &visit, &done),
        replaces: visit.query("replaces"),
        ..Typed::default()
    };
    render(&app, &visit, &viewer, typed, StatusCode::OK).await
}

async fn change(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = app.texts(visit.language);
    let accounts = &app.services().accounts;
    let who = owner::owner(&visit, &viewer);
    let held = |name: &str| -> Result<IdentifierKey, Failure> {
        let found = viewer.account.value.held().find(|it| it.key.as_str() == form.text(name));
        found.map(|it| it.key.clone()).ok_or_else(|| Failure::new(Fault::BadRequest))
    };
    let mut typed = Typed::default();
    let refused = match form.text("action") {
        "add" => {
            typed.identifier.0 = form.text("identifier").chars().take(MAX_SHOWN).collect();
            typed.replaces = form.optional("replaces").map(str::to_owned);
            let replaces = typed.replaces.as_ref().map(|_| held("replaces")).transpose()?;
            match address(form.text("identifier")) {
                None => {
                    typed.identifier.1 = Some(t.identifiers.invalid.to_string());
                    return render(&app, &visit, &viewer, typed, StatusCode::UNPROCESSABLE_ENTITY).await;
                }
                Some(key) => match accounts.add_identifier(&who, &key, replaces.as_ref()).await {
                    Ok(pending) => {
                        return see_other(&format!("{CONFIRM}?change={}", pending.handle.expose()));
                    }
                    Err(error) => error,
                },
            }
        }
        "username" => {
            typed.username.0 = Some(form.text("username").chars().take(MAX_SHOWN).collect());
            match accounts.set_username(&who, form.text("username")).await {
                Ok(_) => return see_other(&format!("{PATH}?done=username")),
                Err(error) => error,
            }
        }
        "primary" => match accounts.make_primary(&who, &held("value")?).await {
            Ok(_) => return see_other(&format!("{PATH}?done=primary")),
            Err(error) => error,
        },
        "remove" => match accounts.remove_identifier(&who, &held("value")?).await {
            Ok(_) => return see_other(&format!("{PATH}?done=removed")),
            Err(error) => error,
        },
        _ => return Err(Fault::BadRequest.into()),
    };
    let (status, text) = owner::complaint(t, refused)?;
    match form.text("action") {
        "add" => typed.identifier.1 = Some(text),
        "username" => typed.username.1 = Some(text),
        _ => typed.notice = Some(Notice::bad(text)),
    }
    render(&app, &visit, &viewer, typed, status).await
}

/// The page for the code. A link in the message leads here; nothing happens before the button is pressed.
async fn code(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let handle = ChangeHandle::from_text(&visit.query("change").unwrap_or_default());
    render_code(&app, &visit, &viewer, &handle, None, StatusCode::OK).await
}

async fn confirm(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let handle = ChangeHandle::from_text(form.text("change"));
    let typed = Secret::from(form.text("code"));
    let who = owner::owner(&visit, &viewer);
    match app.services().accounts.confirm_identifier(&who, &handle, &typed).await {
        Ok(_) => see_other(&format!("{PATH}?done=added")),
        Err(error) => {
            let (status, text) = owner::complaint(app.texts(visit.language), error)?;
            render_code(&app, &visit, &viewer, &handle, Some(text), status).await
        }
    }
}

async fn render_code(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    handle: &ChangeHandle,
    complaint: Option<String>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let pending = match app.services().accounts.pending_identifier(viewer, handle).await {
        Ok(pending) => pending,
        Err(OwnerError::Port(error)) => return Err(error.into()),
        // Of another browser or person, used, too old, or never there: one answer.
        Err(_) => {
            let notice = Some(Notice::bad(t.owner.code.as_str()));
            let typed = Typed { notice, ..Typed::default() };
            return render(app, visit, viewer, typed, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    let shown = IdentifierCodePage {
        frame: app.frame(visit, true),
        nav: Section::Identifiers.nav(t),
        notice: None,
        confirm: visit.action(CONFIRM),
        change: handle.expose().to_owned(),
        value: pending.key.as_str().to_owned(),
        code: Field::new(
            "code",
            Input::Code { digits: pending.digits.try_into().unwrap_or(6) },
            t.field.code.as_str(),
        )
        .with_error(complaint)
        .with_focus(true),
    };
    page(status, &shown)
}

async fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    typed: Typed,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let account = &viewer.account.value;
    let name = account.identifier(IdentifierKind::Username).map(|it| it.key.as_str().to_owned());
    let replaces = typed.replaces.filter(|value| account.held().any(|it| it.key.as_str() == value));
    let shown = IdentifiersPage {
        frame: app.frame(visit, true),
        nav: Section::Identifiers.nav(t),
        notice: typed.notice,
        identifiers: account.held().map(|it| line(t, visit, account, it)).collect(),
        proof: owner::proof(app, visit, viewer, PATH).await?,
        add: visit.action(PATH),
        identifier: Field::new("identifier", Input::Text { max: 254 }, t.identifiers.add_label.as_str())
            .with_hint(t.identifiers.add_hint.as_str())
            .with_value(typed.identifier.0)
            .with_error(typed.identifier.1)
            .with_focus(replaces.is_some()),
        username: Field::new("username", Input::Username, t.identifiers.username_label.as_str())
            .with_hint(t.identifiers.username_hint.as_str())
            .with_value(typed.username.0.or(name).unwrap_or_default())
            .with_error(typed.username.1),
        replaces,
    };
    page(status, &shown)
}

fn line(t: &Texts, visit: &Visit, account: &Account, it: &Identifier) -> IdentifierLine {
    let value = it.key.as_str();
    let kind = match it.key.kind() {
        IdentifierKind::Email => t.identifiers.kind_email.to_string(),
        IdentifierKind::Phone => t.identifiers.kind_phone.to_string(),
        IdentifierKind::Username => t.identifiers.kind_username.to_string(),
        other => other.as_str().to_owned(),
    };
    let primary = account.identifier(it.key.kind()).is_some_and(|first| first.key == it.key);
    let ask = |action: &str, words: &str, question: &str| {
        Confirm::new(visit.action(PATH), words, question, words)
            .with_hidden("action", action)
            .with_hidden("value", value)
            .about(value)
    };
    let named = it.key.kind() == IdentifierKind::Username;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("replaces", value).finish();
    let words = &t.identifiers;
    IdentifierLine {
        value: value.to_owned(),
        kind,
        verified: it.is_verified(),
        primary,
        change: (!named).then(|| format!("{PATH}?{query}#add")),
        make_primary: (!primary && it.is_verified())
            .then(|| ask("primary", words.make_primary.as_str(), words.lead.as_str())),
        remove: Some(ask("remove", words.remove.as_str(), words.remove_question.as_str())),
    }
}

/// An address or a number; a name is set elsewhere.
fn address(text: &str) -> Option<IdentifierKey> {
    IdentifierKey::guess(text).ok().filter(|key| key.kind() != IdentifierKind::Username)
}

const PATH: &str = "/account/identifiers";
const CONFIRM: &str = "/account/identifiers/confirm";

/// How much of what was typed is shown again.
const MAX_SHOWN: usize = 300;
