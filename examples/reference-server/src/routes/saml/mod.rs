//! SAML: as an identity provider for services, and as a service of organizations' identity providers.

mod consent;
mod idp;
mod logout;
mod pending;
mod sp;

use axum::{
    Router,
    body::{Body, Bytes},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use ciam_saml::{
    binding::{PostForm, SoapReply},
    transport::Outgoing,
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, REFRESH},
};

pub(super) use self::{
    consent::words,
    logout::sign_out,
    pending::PendingSaml,
    sp::{arrived, begin, return_to},
};
use crate::{
    app::App,
    pages::SamlPostPage,
    saml::{ARTIFACTS, LOGOUT, METADATA, SIGN_ON, SOAP_LOGOUT},
    web::{Failure, FormTargets, Scripts, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(METADATA, get(idp::metadata))
        .route(SIGN_ON, get(idp::redirected).post(idp::posted))
        .route("/saml/start", get(idp::start))
        .route("/saml/resume/{handle}", get(idp::resume))
        .route("/saml/consent", get(consent::show).post(consent::submit))
        .route(ARTIFACTS, post(idp::fetched))
        .route(LOGOUT, get(logout::redirected).post(logout::posted))
        .route(SOAP_LOGOUT, post(logout::directly))
        .route("/saml/sp/{name}", get(sp::metadata))
        .route("/saml/sp/{name}/acs", get(sp::by_artifact).post(sp::answered))
        .route("/saml/sp/{name}/leave/{handle}", get(sp::leave))
        .route("/saml/sp/{name}/slo", get(sp::logout_redirected).post(sp::logout_posted))
        .route("/saml/sp/{name}/slo/soap", post(sp::logout_directly))
}

/// Sends the browser off with a message.
fn send(app: &App, visit: &Visit, outgoing: &Outgoing) -> Result<Response, Failure> {
    match outgoing {
        Outgoing::Redirect(url) => away(app, visit, url),
        Outgoing::Post(form) => send_form(app, visit, form),
    }
}

/// Sends the browser to an address that may be elsewhere, or lead there.
///
/// Browsers hold every redirect that follows a form against the policy of the page that the form was on. Ours name no
/// services: after a form, a page leads on.
pub(super) fn away(app: &App, visit: &Visit, url: &str) -> Result<Response, Failure> {
    if !visit.is_post() {
        return see_other(url);
    }
    let url = if url.starts_with('/') { app.config().issuer.join(url) } else { url.to_owned() };
    let shown = SamlPostPage {
        frame: app.frame(visit, false),
        script: None,
        host: host_of(&url),
        action: url.clone(),
        fields: Vec::new(),
    };
    let mut response = page(StatusCode::OK, &shown)?;
    let refresh = HeaderValue::try_from(format!("0; url={url}")).map_err(Failure::internal)?;
    response.headers_mut().insert(REFRESH, refresh);
    Ok(response)
}

fn send_form(app: &App, visit: &Visit, form: &PostForm) -> Result<Response, Failure> {
    let mut fields = vec![(form.direction.parameter(), form.message.clone())];
    fields.extend(form.relay_state.clone().map(|state| ("RelayState", state)));
    form_page(app, visit, &form.action, fields)
}

/// A page with a form that sends itself, or has a button for it.
fn form_page(
    app: &App,
    visit: &Visit,
    action: &str,
    fields: Vec<(&'static str, String)>,
) -> Result<Response, Failure> {
    let shown = SamlPostPage {
        frame: app.frame(visit, false),
        script: Some(app.assets().submit().to_owned()),
        host: host_of(action),
        action: action.to_owned(),
        fields,
    };
    let mut response = page(StatusCode::OK, &shown)?;
    response.extensions_mut().insert(FormTargets::leading_to(action));
    response.extensions_mut().insert(Scripts::Ours);
    Ok(response)
}

fn host_of(address: &str) -> String {
    let host = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_default()
}

/// Browsers do not send the cookies of a site with a form that another site has sent to it. The same form again, from here, has
/// them. `None` when this is that one, or the cookies are there.
pub(super) fn again(
    app: &App,
    visit: &Visit,
    body: &Bytes,
    names: &[&'static str],
) -> Result<Option<Response>, Failure> {
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    if visit.known_browser().is_some() || fields.iter().any(|(name, _)| name == AGAIN) {
        return Ok(None);
    }
    let mut kept = vec![(AGAIN, "1".to_owned())];
    for name in names.iter().copied() {
        // What is there twice is so again, and refused.
        kept.extend(fields.iter().filter(|(found, _)| found == name).map(|(_, value)| (name, value.clone())));
    }
    form_page(app, visit, &app.config().issuer.join(visit.path()), kept).map(Some)
}

fn metadata_of(xml: String) -> Response {
    let kind = HeaderValue::from_static("application/samlmetadata+xml");
    let keep = HeaderValue::from_static("public, max-age=3600");
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, keep)], xml).into_response()
}

fn soap(reply: SoapReply) -> Response {
    reply.into_response().map(Body::from)
}

/// What stands in a form of SAML.
const MESSAGE: &[&str] = &["SAMLRequest", "SAMLResponse", "RelayState", "SAMLart"];
const AGAIN: &str = "again";
/// How long metadata may be used: as peers that fetch it look again every day.
const METADATA_VALID: time::Duration = time::Duration::days(7);
