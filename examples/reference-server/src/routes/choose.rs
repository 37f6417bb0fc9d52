//! The choice of an account.

use axum::{extract::State, response::Response};
use ciam_core::interaction::Ask;
use ciam_oauth::authorize::Visitor;
use http::StatusCode;

use super::pending::{Pending, name_of};
use crate::{
    app::App,
    pages::{ChoosePage, Fault},
    web::{Failure, Form, Visit, page, see_other},
};

/// The question.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("handle").ok_or(Fault::NotFound)?;
    let pending = Pending::load(&app, &visit, &handle).await?;
    let Ask::SelectAccount(ask) = &pending.interaction.ask else {
        return see_other(&format!("/interaction/{handle}"));
    };
    let other = format!("/sign-in?continue={handle}");
    let Some(viewer) = app.viewer(&visit).await? else { return see_other(&other) };
    visit.prefer(&ask.ui_locales);
    let identifier = viewer.account.value.identifiers.first();
    let shown = ChoosePage {
        frame: app.frame(&visit, true),
        csrf: visit.csrf("/choose"),
        handle,
        client: ask.client_name.clone(),
        name: name_of(&viewer),
        identifier: identifier.map(|it| it.key.as_str().to_owned()).unwrap_or_default(),
        other,
    };
    let mut response = page(StatusCode::OK, &shown)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}

/// The account that is signed in is the right one.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Pending::load(&app, &visit, form.text("handle")).await?;
    let visitor = Visitor::new(visit.known_browser().cloned(), app.viewer(&visit).await?);
    let target = app.services().server.answer_account(&pending.handle, &visitor).await?;
    let mut response = see_other(&target)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}
