//! Where the account is a member: acting for an organization, making one.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    id::OrganizationId,
    organization::{ActingError, OrganizationError, RoleName, Slug},
    session::Authenticated,
    store::{Cursor, PageRequest},
};
use http::{StatusCode, header::SET_COOKIE};

use crate::{
    app::App,
    pages::{
        Fault,
        account::{
            Section,
            organizations::{OrganizationLine, OrganizationsPage},
        },
        parts::{Field, Input, Notice, Pager},
    },
    routes::{
        organization::{complaint, demand_text},
        step_up,
    },
    web::{Failure, Form, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(submit))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = &app.texts(visit.language).organizations;
    let done = match visit.query("done").as_deref() {
        Some("acting") => Some(Notice::good(t.acting.as_str())),
        Some("stopped") => Some(Notice::good(t.stopped.as_str())),
        Some(_) => Some(Notice::good(app.texts(visit.language).console.saved.as_str())),
        None => None,
    };
    render(&app, &visit, &viewer, StatusCode::OK, done, None).await
}

async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    match form.text("do") {
        "act" => {
            let id = form.text("organization").parse().map_err(|_| Fault::NotFound)?;
            switch(&app, &visit, &viewer, Some(id)).await
        }
        "stop" => switch(&app, &visit, &viewer, None).await,
        "create" => create(&app, &visit, &viewer, &form).await,
        _ => Err(Fault::BadRequest.into()),
    }
}

/// The session acts for another organization from now on, under another secret.
async fn switch(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    organization: Option<OrganizationId>,
) -> Result<Response, Failure> {
    let services = app.services();
    match services.organizations.switch(&services.sessions, viewer, organization).await {
        Ok(started) => {
            let done = if organization.is_some() { "acting" } else { "stopped" };
            let mut response = see_other(&format!("{PATH}?done={done}"))?;
            let cookie = started.cookie.set_cookie(Some(app.config().sessions.lifetime.time()))?;
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(ActingError::Demands(demand)) => {
            let notice = Notice::bad(demand_text(app.texts(visit.language), &demand));
            let named = organization.map(|id| id.to_string()).unwrap_or_default();
            let step_up = step_up::path(&named, PATH);
            render(app, visit, viewer, StatusCode::FORBIDDEN, Some(notice), Some(step_up)).await
        }
        Err(ActingError::NotAMember) => Err(Fault::NotFound.into()),
        Err(ActingError::Changed) => Err(Fault::Expired.into()),
        Err(ActingError::Port(error)) => Err(error.into()),
        Err(_) => Err(Fault::Forbidden.into()),
    }
}

async fn create(app: &App, visit: &Visit, viewer: &Authenticated, form: &Form) -> Result<Response, Failure> {
    let actor = ciam_core::actor::Actor::Account(viewer.account.value.id);
    let made = match Slug::new(form.text("slug").trim()) {
        Ok(slug) => app.services().organizations.create(&actor, slug, form.text("name"), None).await,
        Err(_) => Err(OrganizationError::Invalid("slug")),
    };
    match made {
        Ok(organization) => see_other(&format!("/organizations/{}", organization.slug.as_str())),
        Err(error) => {
            let (status, notice) = complaint(app.texts(visit.language), error)?;
            render(app, visit, viewer, status, Some(notice), None).await
        }
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    status: StatusCode,
    notice: Option<Notice>,
    step_up: Option<String>,
) -> Result<Response, Failure> {
    let after = visit.query("after");
    let request = match &after {
        None => PageRequest::first(super::SHOWN),
        Some(text) => {
            PageRequest::after(Cursor::new(text.as_str()).map_err(|_| Fault::BadRequest)?, super::SHOWN)
        }
    };
    let found = app.services().organizations.of_account(viewer.account.value.id, request).await?;
    let acting = viewer.session.value.organization;
    let lines = found.items.iter().map(|(organization, membership)| OrganizationLine {
        id: organization.id.to_string(),
        name: organization.name.clone(),
        roles: membership.roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", "),
        href: format!("/organizations/{}", organization.slug.as_str()),
        usable: organization.is_active() && membership.is_active(),
        acting: acting == Some(organization.id),
    });
    let frame = app.frame(visit, true);
    let t = frame.t;
    let action = || visit.action(PATH);
    let may_create = app.services().organizations.settings().self_service;
    let shown = OrganizationsPage {
        nav: Section::Organizations.nav(t),
        notice,
        step_up,
        organizations: lines.collect(),
        pager: Pager::new(PATH, after.as_deref(), found.next.as_ref().map(Cursor::as_str)),
        act: action(),
        create: may_create.then(action),
        name: Field::new("name", Input::Text { max: 128 }, t.console.name.as_str()),
        slug: Field::new("slug", Input::Text { max: 63 }, t.console.slug.as_str())
            .with_hint(t.organizations.slug_hint.as_str()),
        frame,
    };
    page(status, &shown)
}

const PATH: &str = "/account/organizations";
