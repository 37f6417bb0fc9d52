//! What an organization demands of a sign-in, and who may join.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::{
    assurance::Acr,
    organization::{DomainName, OrganizationError, OrganizationPolicy, Permission, RoleName, SignInFacts},
};
use http::StatusCode;

use super::{Console, complaint, words};
use crate::{
    app::App,
    pages::{
        organization::{FormPart, Panel, Section},
        parts::{Field, Input, Notice, Select},
    },
    web::{Failure, Form, Visit},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/policy", get(show).post(submit))
}

async fn show(State(app): State<App>, visit: Visit, Path(slug): Path<String>) -> Result<Response, Failure> {
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => {
            let policy = console.standing.organization.value.policy.clone();
            render(&app, &visit, &console, &policy, None)
        }
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
    let t = app.texts(visit.language);
    let before = &console.standing.organization.value.policy;
    let policy = match typed(before, &form) {
        Ok(policy) => policy,
        Err(error) => return render(&app, &visit, &console, before, Some(complaint(t, error)?)),
    };
    // Who sets a policy must meet it, so that nobody locks themselves out by a slip.
    let now = app.ports().now();
    let facts = SignInFacts::of_session(&console.viewer.session.value, now);
    let organizations = &app.services().organizations;
    if policy.check(&facts, &organizations.settings().ladder, now).is_err() {
        let notice = Notice::bad(t.console.locks_out.as_str());
        return render(&app, &visit, &console, &policy, Some((StatusCode::UNPROCESSABLE_ENTITY, notice)));
    }
    match organizations.set_policy(&console.actor, console.id, &policy).await {
        Ok(()) => console.done(Section::Policy),
        Err(error) => render(&app, &visit, &console, &policy, Some(complaint(t, error)?)),
    }
}

/// The policy as it was typed. What the form does not show stays as it is.
pub(super) fn typed(
    before: &OrganizationPolicy,
    form: &Form,
) -> Result<OrganizationPolicy, OrganizationError> {
    let minutes = |name: &'static str| match form.text(name).trim() {
        "" => Ok(None),
        text => {
            let minutes: u32 = text.parse().map_err(|_| OrganizationError::Invalid(name))?;
            minutes.checked_mul(60).map(Some).ok_or(OrganizationError::Invalid(name))
        }
    };
    let some = |name| Some(form.text(name).trim()).filter(|text| !text.is_empty());
    let mut policy = before.clone();
    policy.methods = words(form.text("methods")).map(str::to_owned).collect();
    policy.acr = some("acr").map(Acr::new);
    policy.session_idle = minutes("session_idle")?;
    policy.session_absolute = minutes("session_absolute")?;
    policy.join_domains = words(form.text("join_domains"))
        .map(DomainName::new)
        .collect::<Result<_, _>>()
        .map_err(|_| OrganizationError::Invalid("join_domains"))?;
    policy.auto_join_role = match some("auto_join_role") {
        Some(name) => Some(RoleName::new(name).map_err(|_| OrganizationError::Invalid("auto_join_role"))?),
        None => None,
    };
    Ok(policy)
}

fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    policy: &OrganizationPolicy,
    complained: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let t = &app.texts(visit.language).console;
    let methods = policy.methods.iter().cloned().collect::<Vec<_>>().join(" ");
    let minutes = |seconds: Option<u32>| seconds.map(|it| (it / 60).to_string()).unwrap_or_default();
    let domains = policy.join_domains.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if !console.may(&Permission::POLICY_WRITE) {
        let acr = policy.acr.as_ref().map_or("", |acr| acr.as_str());
        let panel = Panel::new("policy", t.policy.as_str())
            .with_line(t.acr.as_str(), acr)
            .with_line(t.methods.as_str(), methods)
            .with_line(t.session_idle.as_str(), minutes(policy.session_idle))
            .with_line(t.session_absolute.as_str(), minutes(policy.session_absolute));
        return console.page(app, visit, Section::Policy, vec![panel], complained);
    }
    let ladder = &app.services().organizations.settings().ladder;
    let mut acr = Select::new("acr", t.acr.as_str()).with("", t.any.as_str(), policy.acr.is_none());
    for level in ladder.levels() {
        let name = level.acr.as_str();
        acr = acr.with(name, name, policy.acr.as_ref() == Some(&level.acr));
    }
    let mut role = Select::new("auto_join_role", t.auto_join.as_str()).with(
        "",
        t.nobody.as_str(),
        policy.auto_join_role.is_none(),
    );
    for known in console.standing.book.iter().filter(|role| role.assignable) {
        let name = known.name.as_str();
        role = role.with(name, name, policy.auto_join_role.as_ref() == Some(&known.name));
    }
    let form = FormPart::new(visit.action(&console.path(Section::Policy)), t.save.as_str())
        .with(acr)
        .with(
            Field::new("methods", Input::Text { max: 1000 }, t.methods.as_str())
                .with_hint(t.methods_hint.as_str())
                .with_value(methods)
                .optional(),
        )
        .with(
            Field::new("session_idle", Input::Number, t.session_idle.as_str())
                .with_value(minutes(policy.session_idle))
                .optional(),
        )
        .with(
            Field::new("session_absolute", Input::Number, t.session_absolute.as_str())
                .with_value(minutes(policy.session_absolute))
                .optional(),
        )
        .with(
            Field::new("join_domains", Input::Lines { max: 8192 }, t.join_domains.as_str())
                .with_hint(t.join_domains_hint.as_str())
                .with_value(domains)
                .optional(),
        )
        .with(role.with_hint(t.auto_join_hint.as_str()));
    let panel = Panel::new("policy", t.policy.as_str()).with_form(form);
    console.page(app, visit, Section::Policy, vec![panel], complained)
}
