//! Sign-in with an OpenID Provider elsewhere: there, and back.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use ciam_core::{
    account::{
        Owner, OwnerError,
        federated::{FederatedError, Joined, UpstreamIdentity},
    },
    error::PortError,
    http::{Params, ParamsLimits},
    journey::{Challenge, JourneyHandle, SignedIn as Begun},
    session::SessionEnd,
};
use ciam_oidc::rp::{IdTokenError, LogoutTokenError, SignInError, SignInOptions};
use http::{StatusCode, header::CACHE_CONTROL};

use super::{
    onward::{Onward, link},
    pending::visitor,
    recover, saml,
    steps::{At, Led},
};
use crate::{
    app::App,
    pages::Fault,
    upstream::{Arriving, Origin, Upstream},
    web::{Failure, Visit, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/upstream/{name}", get(begin))
        .route("/upstream/{name}/callback", get(back))
        .route("/upstream/{name}/backchannel-logout", post(ended))
}

/// Sends the browser there.
async fn begin(State(app): State<App>, visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let linking = visit.query("link").is_some();
    let onward = pending.as_ref().map(Onward::text);
    let return_to = saml::return_to(onward, linking);
    let Some(upstream) = app.services().upstreams.get(&name) else {
        return saml::begin(&app, &visit, &name, return_to, onward).await;
    };
    let mut options = SignInOptions::new();
    options.ui_locales = vec![visit.language.code().to_owned()];
    if let Some(journey) = visit.query("journey") {
        let handle = JourneyHandle::from_text(&journey);
        let journeys = &app.services().journeys;
        // Whom the journey was about is a courtesy; without it they say so there.
        if let Ok(Challenge::Connection { connection, login_hint, .. }) =
            journeys.challenge(&handle, &visitor(&visit, None)).await
            && connection == name
        {
            options.login_hint = login_hint;
        }
    }
    if linking {
        options = options.with_prompt("select_account");
    }
    match upstream.party.begin(visit.browser(), &options, Some(return_to)).await {
        Ok(url) => see_other(&url),
        Err(error) => unavailable(&name, &error, onward),
    }
}

/// Takes who comes back.
async fn back(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let upstream = app.services().upstreams.get(&name).ok_or(Fault::NotFound)?;
    let params =
        Params::parse(&query.unwrap_or_default(), ParamsLimits::default()).map_err(|_| Fault::BadRequest)?;
    let signed_in = match upstream.party.finish(visit.known_browser(), &params).await {
        Ok(signed_in) => signed_in,
        Err(error) => return refused(&name, error),
    };
    let return_to = signed_in.return_to.clone().unwrap_or_default();
    let kept = Params::parse(return_to.trim_start_matches('?'), ParamsLimits::default())
        .map_err(|_| Fault::BadRequest)?;
    let onward = kept.one("continue").ok().flatten();
    let pending = Onward::of(&app, &visit, onward).await?;
    let identity = match upstream.identity(&signed_in, app.ports().now()).await {
        Ok(identity) => identity,
        Err(error) => return refused(&name, error),
    };
    if kept.one("link").ok().flatten().is_some() {
        return link_identity(&app, &visit, &identity).await;
    }
    let arriving = Arriving {
        upstream: name,
        session: Some(Origin {
            subject: signed_in.tokens.claims.subject.clone(),
            sid: signed_in.tokens.claims.session.clone(),
        }),
        saml: None,
        link: None,
    };
    join(&app, &visit, pending.as_ref(), &identity, arriving).await
}

/// Signs them in to their account, to a new one, or asks them to prove the one that has their address.
pub(super) async fn join(
    app: &App,
    visit: &Visit,
    pending: Option<&Onward>,
    identity: &UpstreamIdentity,
    mut arriving: Arriving,
) -> Result<Response, Failure> {
    let viewer = app.viewer(visit).await?;
    let visitor = visitor(visit, viewer.as_ref());
    let requirements = recover::requirements(visit, pending);
    let (services, onward) = (app.services(), pending.map(Onward::text));
    match services.accounts.join(identity).await {
        Ok(Joined::Account { .. }) => {
            let (handle, step) = services.journeys.begin_federated(&visitor, requirements, identity).await?;
            arriving.keep(app.ports(), &handle).await?;
            let at = At { handle: &handle, pending };
            match at.go(app, visit, step).await? {
                Led::Away(response) => Ok(response),
                Led::Again(_) => failed("refused", onward),
            }
        }
        Ok(Joined::ProveAccount { email }) => {
            let requirements = requirements.proved_here().with_login_hint(email.as_str());
            let (handle, challenge) = services.journeys.begin_sign_in(&visitor, requirements).await?;
            (arriving.session, arriving.saml, arriving.link) = (None, None, Some(identity.clone()));
            arriving.keep(app.ports(), &handle).await?;
            match challenge {
                Challenge::Credentials { .. } => see_other(&link(
                    "/sign-in",
                    &[("journey", Some(handle.expose())), ("continue", onward), ("done", Some("prove"))],
                )),
                other => At { handle: &handle, pending }.to(&other),
            }
        }
        Err(FederatedError::Port(error)) => Err(error.into()),
        Err(_) => failed("refused", onward),
        Ok(_) => Err(Failure::internal("there is no page for what became of an identity")),
    }
}

/// Links the identity to the account that is signed in.
pub(super) async fn link_identity(
    app: &App,
    visit: &Visit,
    identity: &UpstreamIdentity,
) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(visit).await? else { return see_other("/sign-in") };
    let owner = Owner::new(&viewer).with_languages(vec![visit.language.code().to_owned()]);
    match app.services().accounts.link(&owner, identity).await {
        Ok(()) => see_other("/account/security?done=linked"),
        Err(OwnerError::Port(error)) => Err(error.into()),
        Err(error) => see_other(&format!("/account/security?failed={}", error.code())),
    }
}

/// What is done when a journey that a provider has begun ended with a session.
pub(super) async fn arrived(app: &App, journey: &JourneyHandle, done: &Begun) -> Result<(), PortError> {
    let services = app.services();
    if services.upstreams.is_empty() && services.saml.idp().is_none() {
        return Ok(());
    }
    let Some(arriving) = Arriving::take(app.ports(), journey).await? else { return Ok(()) };
    if let (Some(origin), Some(upstream)) = (&arriving.session, services.upstreams.get(&arriving.upstream)) {
        remember(upstream, origin, done).await?;
    }
    if let Some(origin) = &arriving.saml {
        saml::arrived(app, &arriving.upstream, origin, done).await?;
    }
    if let Some(identity) = &arriving.link
        && let Err(error) = services.accounts.join_proved(identity, done.account.id).await
    {
        // They are signed in to what they have proved; the link can be made from their account.
        tracing::warn!(error = &error as &dyn std::error::Error, "an identity was not linked");
    }
    Ok(())
}

async fn remember(upstream: &Upstream, origin: &Origin, done: &Begun) -> Result<(), PortError> {
    let (subject, sid) = (origin.subject.as_str(), origin.sid.as_deref());
    let (account, session) = (done.account.id, &done.session);
    upstream.party.remember(account, session.id, session.expires_at, subject, sid).await
}

/// The provider says that a session has ended: ours that came from it end too.
async fn ended(State(app): State<App>, Path(name): Path<String>, body: Bytes) -> Result<Response, Failure> {
    let upstream = app.services().upstreams.get(&name).ok_or(Fault::NotFound)?;
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let token = Params::parse(text, ParamsLimits::default()).ok();
    let token = token.as_ref().and_then(|it| it.one("logout_token").ok().flatten()).unwrap_or_default();
    let no_store = [(CACHE_CONTROL, "no-store")];
    let token = match upstream.party.check_logout_token(token).await {
        Ok(token) => token,
        Err(LogoutTokenError::Port(error)) => return Err(error.into()),
        Err(LogoutTokenError::Keys) => return Err(Fault::Unavailable.into()),
        Err(error) => {
            tracing::info!(upstream = name, %error, "a logout token was refused");
            return Ok((StatusCode::BAD_REQUEST, no_store, "{\"error\":\"invalid_request\"}").into_response());
        }
    };
    for session in upstream.party.sessions_of(&token).await? {
        app.services().sessions.end(session, SessionEnd::SignedOut).await?;
    }
    Ok((StatusCode::OK, no_store).into_response())
}

/// What is said of a sign-in that did not come to its end there.
fn refused(name: &str, error: SignInError) -> Result<Response, Failure> {
    match error {
        SignInError::Port(error) => Err(error.into()),
        SignInError::UnknownState | SignInError::OtherBrowser | SignInError::Malformed => {
            Err(Fault::Expired.into())
        }
        SignInError::Refused { code } => {
            tracing::info!(upstream = name, code, "the provider refused");
            failed("cancelled", None)
        }
        error @ (SignInError::IdToken(IdTokenError::Keys)
        | SignInError::Exchange(_)
        | SignInError::Discovery(_)) => unavailable(name, &error, None),
        error => {
            tracing::warn!(
                upstream = name,
                error = &error as &dyn std::error::Error,
                "the provider's answer does not hold"
            );
            failed("refused", None)
        }
    }
}

fn unavailable(name: &str, error: &SignInError, onward: Option<&str>) -> Result<Response, Failure> {
    tracing::warn!(upstream = name, error = error as &dyn std::error::Error, "the provider does not answer");
    failed("unavailable", onward)
}

/// Back to the sign-in page, which says why.
pub(super) fn failed(why: &str, onward: Option<&str>) -> Result<Response, Failure> {
    see_other(&link("/sign-in", &[("upstream", Some(why)), ("continue", onward)]))
}
