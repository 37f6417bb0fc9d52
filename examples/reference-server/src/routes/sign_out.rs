//! Sign-out.

use axum::{extract::State, response::Response};
use ciam_core::{
    http::{SESSION_COOKIE, expired_cookie},
    interaction::InteractionHandle,
    session::SessionEnd,
};
use ciam_oauth::authorize::Visitor;
use ciam_oidc::logout::PendingSignOut;
use http::{StatusCode, header::SET_COOKIE};

use super::{pending::name_of, saml};
use crate::{
    app::App,
    pages::{Frame, SignOutPage, SignedOutPage},
    web::{Failure, Form, FormTargets, Visit, page, see_other},
};

/// The question: the person's own, or an application's.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("handle");
    let asked = match &handle {
        Some(handle) => Some(pending(&app, &visit, handle).await?),
        None => None,
    };
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/signed-out") };
    visit.prefer(asked.as_ref().map_or(&[], |it| &it.ask.ui_locales));
    let shown = SignOutPage {
        // The form below is the way to sign out; one more in the header would ask twice.
        frame: Frame { sign_out: None, ..app.frame(&visit, true) },
        csrf: visit.csrf("/sign-out"),
        viewer: name_of(&viewer),
        client: asked.as_ref().and_then(|it| it.ask.client_name.clone()),
        handle,
    };
    let mut response = page(StatusCode::OK, &shown)?;
    if let Some(asked) = &asked {
        response.extensions_mut().insert(FormTargets::leading_to(&asked.location));
    }
    Ok(response)
}

/// The answer.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let services = app.services();
    let viewer = app.viewer(&visit).await?;
    let (target, targets) = match form.optional("handle") {
        Some(handle) => {
            let asked = pending(&app, &visit, handle).await?;
            let handle = InteractionHandle::from_text(handle);
            let session = viewer.as_ref().map(|viewer| viewer.session.value.id);
            let visitor = Visitor::new(visit.known_browser().cloned(), viewer);
            let target = services.provider.confirm_sign_out(&services.server, &handle, &visitor).await?;
            if let Some(session) = session
                && let Some(response) = saml::sign_out(&app, &visit, session, &target).await?
            {
                return Ok(response);
            }
            (target, FormTargets::leading_to(&asked.location))
        }
        None => {
            if let Some(viewer) = viewer {
                let session = viewer.session.value.id;
                // Before the session ends, so that nobody else tells the services while we do.
                let told = saml::sign_out(&app, &visit, session, SIGNED_OUT).await?;
                services.sessions.end(session, SessionEnd::SignedOut).await?;
                if let Some(response) = told {
                    return Ok(response);
                }
            }
            (SIGNED_OUT.to_owned(), FormTargets::default())
        }
    };
    let mut response = see_other(&target)?;
    response.headers_mut().append(SET_COOKIE, expired_cookie(SESSION_COOKIE)?);
    response.extensions_mut().insert(targets);
    Ok(response)
}

/// Where sign-out ends.
pub(super) const SIGNED_OUT: &str = "/signed-out";

async fn pending(app: &App, visit: &Visit, handle: &str) -> Result<PendingSignOut, Failure> {
    let services = app.services();
    let handle = InteractionHandle::from_text(handle);
    let browser = visit.known_browser();
    Ok(services.provider.pending_sign_out(&services.server, &handle, browser).await?)
}

/// Nobody is signed in any more.
pub(super) async fn done(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    page(StatusCode::OK, &SignedOutPage { frame: app.frame(&visit, false) })
}
