//! Sign-in with a provider elsewhere: there, and back.

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
use ciam_oidc::rp::{AppleNoticeError, IdTokenError, LogoutTokenError, SignInError, SignInOptions};
use http::{StatusCode, header::CACHE_CONTROL};
use serde::Deserialize;

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
        .route("/upstream/{name}/callback", get(back).post(posted_back))
        .route("/upstream/{name}/backchannel-logout", post(ended))
        .route("/upstream/{name}/notices", post(noticed))
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
    match upstream.provider.begin(visit.browser(), &options, Some(return_to)).await {
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
    come_back(&app, &visit, name, &query.unwrap_or_default()).await
}

/// Takes who comes back with a form, from a provider that sends one.
async fn posted_back(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    let upstream = app.services().upstreams.get(&name).ok_or(Fault::NotFound)?;
    if !upstream.provider.posts_back() {
        return Err(Fault::BadRequest.into());
    }
    if body.len() > MAX_FORM {
        return Err(Fault::TooLarge.into());
    }
    if let Some(response) = saml::again(&app, &visit, &body, ANSWER)? {
        return Ok(response);
    }
    come_back(&app, &visit, name, std::str::from_utf8(&body).map_err(|_| Fault::BadRequest)?).await
}

/// The largest form that a provider sends: a code, a state, a name.
const MAX_FORM: usize = 16 * 1024;
/// What stands in a response.
const ANSWER: &[&str] = &["state", "code", "iss", "error", "user", "response"];

async fn come_back(app: &App, visit: &Visit, name: String, answer: &str) -> Result<Response, Failure> {
    let upstream = app.services().upstreams.get(&name).ok_or(Fault::NotFound)?;
    // In the way that was asked for, and in no other.
    if upstream.provider.posts_back() != visit.is_post() {
        return Err(Fault::BadRequest.into());
    }
    let params = Params::parse(answer, ParamsLimits::default()).map_err(|_| Fault::BadRequest)?;
    let arrived = match upstream.provider.finish(visit.known_browser(), &params).await {
        Ok(arrived) => arrived,
        Err(error) => return refused(&name, error),
    };
    let kept = kept(arrived.return_to.as_deref())?;
    let onward = kept.one("continue").ok().flatten();
    let pending = Onward::of(app, visit, onward).await?;
    let identity = upstream.described(&arrived.identity, app.ports().now());
    if kept.one("link").ok().flatten().is_some() {
        return link_identity(app, visit, &identity).await;
    }
    let claims = arrived.granted.open_id().map(|tokens| &tokens.claims);
    let session =
        claims.map(|claims| Origin { subject: claims.subject.clone(), sid: claims.session.clone() });
    let arriving = Arriving { upstream: name, session, saml: None, link: None };
    join(app, visit, pending.as_ref(), &identity, arriving).await
}

/// What was kept of the way here.
fn kept(return_to: Option<&str>) -> Result<Params, Failure> {
    let text = return_to.unwrap_or_default().trim_start_matches('?');
    Params::parse(text, ParamsLimits::default()).map_err(|_| Fault::BadRequest.into())
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
    let Some(party) = upstream.provider.open_id_party() else { return Ok(()) };
    party.remember(account, session.id, session.expires_at, subject, sid).await
}

/// The provider says that a session has ended: ours that came from it end too.
async fn ended(State(app): State<App>, Path(name): Path<String>, body: Bytes) -> Result<Response, Failure> {
    let upstream = app.services().upstreams.get(&name).ok_or(Fault::NotFound)?;
    let party = upstream.provider.open_id_party().ok_or(Fault::NotFound)?;
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let token = Params::parse(text, ParamsLimits::default()).ok();
    let token = token.as_ref().and_then(|it| it.one("logout_token").ok().flatten()).unwrap_or_default();
    let no_store = [(CACHE_CONTROL, "no-store")];
    let token = match party.check_logout_token(token).await {
        Ok(token) => token,
        Err(LogoutTokenError::Port(error)) => return Err(error.into()),
        Err(LogoutTokenError::Keys) => return Err(Fault::Unavailable.into()),
        Err(error) => {
            tracing::info!(upstream = name, %error, "a logout token was refused");
            return Ok((StatusCode::BAD_REQUEST, no_store, "{\"error\":\"invalid_request\"}").into_response());
        }
    };
    for session in party.sessions_of(&token).await? {
        app.services().sessions.end(session, SessionEnd::SignedOut).await?;
    }
    Ok((StatusCode::OK, no_store).into_response())
}

/// Apple says what became of somebody's account there: with the last of their consent, ours that came from it ends too.
async fn noticed(State(app): State<App>, Path(name): Path<String>, body: Bytes) -> Result<Response, Failure> {
    #[derive(Deserialize)]
    struct Posted {
        payload: String,
    }
    let upstream = app.services().upstreams.get(&name).ok_or(Fault::NotFound)?;
    let party = upstream.provider.open_id_party().filter(|party| party.config().issuer == APPLE);
    let party = party.ok_or(Fault::NotFound)?;
    let no_store = [(CACHE_CONTROL, "no-store")];
    let posted: Posted = serde_json::from_slice(&body).map_err(|_| Fault::BadRequest)?;
    let notice = match party.check_apple_notice(&posted.payload).await {
        Ok(notice) => notice,
        Err(AppleNoticeError::Port(error)) => return Err(error.into()),
        Err(AppleNoticeError::Keys) => return Err(Fault::Unavailable.into()),
        Err(error) => {
            tracing::info!(upstream = name, %error, "a notice was refused");
            return Ok((StatusCode::BAD_REQUEST, no_store, "{\"error\":\"invalid_request\"}").into_response());
        }
    };
    if let Some(token) = notice.ends() {
        for session in party.sessions_of(&token).await? {
            app.services().sessions.end(session, SessionEnd::SignedOut).await?;
        }
    }
    Ok((StatusCode::OK, no_store).into_response())
}

const APPLE: &str = "https://appleid.apple.com";

/// What is said of a sign-in that did not come to its end there.
fn refused(name: &str, error: SignInError) -> Result<Response, Failure> {
    match error {
        SignInError::Port(error) => Err(error.into()),
        SignInError::UnknownState | SignInError::OtherBrowser | SignInError::Malformed => {
            Err(Fault::Expired.into())
        }
        SignInError::Declined { code, return_to } => {
            tracing::info!(upstream = name, code, "somebody came back without a sign-in");
            let kept = kept(return_to.as_deref())?;
            if kept.one("link").ok().flatten().is_some() {
                return see_other("/account/security?failed=cancelled");
            }
            failed("cancelled", kept.one("continue").ok().flatten())
        }
        SignInError::Refused { code } => {
            tracing::warn!(upstream = name, code, "the provider refused the exchange");
            failed("refused", None)
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
