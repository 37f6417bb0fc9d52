//! The choice of an organization.

use axum::{extract::State, response::Response};
use ciam_core::{interaction::Ask, organization::RoleName};
use ciam_oauth::authorize::Visitor;
use http::StatusCode;

use super::pending::Pending;
use crate::{
    app::App,
    pages::{
        Fault,
        choose_organization::{Choice, ChooseOrganizationPage},
    },
    web::{Failure, Form, Visit, page, see_other},
};

/// The question.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("handle").ok_or(Fault::NotFound)?;
    let pending = Pending::load(&app, &visit, &handle).await?;
    let Ask::SelectOrganization(ask) = &pending.interaction.ask else {
        return see_other(&format!("/interaction/{handle}"));
    };
    let other = format!("/sign-in?continue={handle}");
    let Some(viewer) = app.viewer(&visit).await? else { return see_other(&other) };
    visit.prefer(&ask.ui_locales);
    let choices = app.services().organizations.choices(viewer.account.value.id).await?;
    let organizations = choices.into_iter().map(|(organization, membership)| Choice {
        id: organization.id.to_string(),
        name: organization.name,
        roles: membership.roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", "),
    });
    let shown = ChooseOrganizationPage {
        frame: app.frame(&visit, true),
        notice: None,
        choose: visit.action("/choose-organization"),
        handle,
        client: ask.client_name.clone(),
        organizations: organizations.collect(),
        other,
    };
    let mut response = page(StatusCode::OK, &shown)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}

/// The answer. Whether the person may act for the organization is decided when the request goes on.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Pending::load(&app, &visit, form.text("handle")).await?;
    let organization = form.text("organization").parse().map_err(|_| Fault::BadRequest)?;
    let visitor = Visitor::new(visit.known_browser().cloned(), app.viewer(&visit).await?);
    let server = &app.services().server;
    let target = server.answer_organization(&pending.handle, &visitor, organization).await?;
    let mut response = see_other(&target)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}
