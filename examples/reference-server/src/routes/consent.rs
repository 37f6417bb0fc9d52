//! Consent.

use axum::{extract::State, response::Response};
use ciam_core::interaction::Ask;
use ciam_oauth::authorize::{ConsentDecision, Visitor};
use http::StatusCode;

use super::pending::{Pending, name_of};
use crate::{
    app::App,
    i18n::Texts,
    pages::{AboutClient, ConsentPage, Fault, ScopeLine},
    web::{Failure, Form, Images, Visit, page, see_other},
};

/// The question.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("handle").ok_or(Fault::NotFound)?;
    let pending = Pending::load(&app, &visit, &handle).await?;
    let Ask::Consent(ask) = &pending.interaction.ask else {
        return see_other(&format!("/interaction/{handle}"));
    };
    let viewer = app.viewer(&visit).await?.ok_or(Fault::Expired)?;
    visit.prefer(&ask.ui_locales);
    let t = app.texts(visit.language);
    let words = |scopes: &[String]| scopes.iter().map(|it| scope_line(&app, t, it)).collect::<Vec<_>>();
    let uri = &pending.interaction.request.redirect_uri;
    let origin = uri.origin().unwrap_or_else(|| format!("{}:", uri.scheme()));
    let shown = ConsentPage {
        frame: app.frame(&visit, true),
        action: "/consent",
        csrf: visit.csrf("/consent"),
        client: ask.client_name.clone().unwrap_or_else(|| ask.client_id.clone()),
        viewer: name_of(&viewer),
        host: origin.split_once("://").map_or(origin.clone(), |(_, host)| host.to_owned()),
        asked: words(&ask.scopes).into_iter().chain(ask.details.iter().map(|it| detail_line(it))).collect(),
        granted: words(&ask.already_allowed),
        remembered: true,
        device: ask.user_code.clone(),
        about: AboutClient {
            logo: ask.client_logo.clone(),
            policy: ask.client_policy.clone(),
            terms: ask.client_terms.clone(),
        },
        switch: format!("/sign-in?continue={handle}"),
        handle,
    };
    let mut response = page(StatusCode::OK, &shown)?;
    response.extensions_mut().insert(pending.targets());
    if let Some(logo) = &ask.client_logo {
        response.extensions_mut().insert(Images::of(logo));
    }
    Ok(response)
}

/// The answer.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Pending::load(&app, &visit, form.text("handle")).await?;
    let decision = match form.text("decision") {
        "allow" => ConsentDecision::AllowAll,
        "deny" => ConsentDecision::Deny,
        _ => return Err(Fault::BadRequest.into()),
    };
    let visitor = Visitor::new(visit.known_browser().cloned(), app.viewer(&visit).await?);
    let target = app.services().server.answer_consent(&pending.handle, &visitor, decision).await?;
    let mut response = see_other(&target)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}

/// The words for something that is asked for once, as its type says it.
fn detail_line(words: &str) -> ScopeLine {
    ScopeLine { title: words.to_owned(), detail: None }
}

/// The words for a scope: those of the catalogue, else the operator's.
pub(super) fn scope_line(app: &App, t: &Texts, scope: &str) -> ScopeLine {
    let known = &app.services().server.config().scopes;
    let description = known.get(scope).map(|it| it.description.as_str()).filter(|it| *it != scope);
    ScopeLine::new(t, scope, description)
}
