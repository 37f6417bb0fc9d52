//! Single logout of the identity provider: who is signed out here is signed out of the services.

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    response::Response,
};
use ciam_core::{
    ephemeral::{self, EphemeralKey},
    http::{SESSION_COOKIE, expired_cookie},
    id::SessionId,
    secret::TokenDigest,
    session::SessionEnd,
};
use ciam_saml::{
    binding::{Direction, PostMessage, RedirectMessage, SoapMessage, SoapReply},
    idp::Propagation,
    logout::{LogoutDemand, LogoutError},
    transport::Incoming,
};
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use time::Duration;

use super::{MESSAGE, again, away, idp::provider, send, soap, sp::leaving};
use crate::{
    app::App,
    pages::Fault,
    routes::sign_out::SIGNED_OUT,
    web::{Failure, Visit, see_other},
};

/// A sign-out that goes from service to service through the browser.
#[derive(Serialize, Deserialize)]
struct Round {
    /// The service that asked, to be answered in the end.
    asked: Option<LogoutDemand>,
    /// Where the browser goes in the end, when nobody has to be answered.
    then: String,
    left: Propagation,
}

/// A message in a query.
pub(super) async fn redirected(
    State(app): State<App>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    provider(&app)?;
    match RedirectMessage::from_raw_query(&query.unwrap_or_default()) {
        Ok(message) => arrived(&app, &visit, message.direction(), Incoming::Redirect(&message)).await,
        Err(error) => Err(refused(&error.into())),
    }
}

/// A message in a form.
pub(super) async fn posted(State(app): State<App>, visit: Visit, body: Bytes) -> Result<Response, Failure> {
    provider(&app)?;
    if let Some(response) = again(&app, &visit, &body, MESSAGE)? {
        return Ok(response);
    }
    match PostMessage::parse(&body) {
        Ok(message) => arrived(&app, &visit, message.direction(), Incoming::Post(&message)).await,
        Err(error) => Err(refused(&error.into())),
    }
}

async fn arrived(
    app: &App,
    visit: &Visit,
    direction: Direction,
    incoming: Incoming<'_>,
) -> Result<Response, Failure> {
    match direction {
        Direction::Request => asked(app, visit, incoming).await,
        Direction::Response => answered(app, visit, incoming).await,
    }
}

/// A service asks.
async fn asked(app: &App, visit: &Visit, incoming: Incoming<'_>) -> Result<Response, Failure> {
    let (demand, sessions) = match provider(app)?.accept_logout_request(incoming).await {
        Ok(found) => found,
        Err(LogoutError::Port(error)) => return Err(error.into()),
        Err(error) => return Err(refused(&error)),
    };
    let left = end(app, &sessions, Some(&demand.peer)).await?;
    let round = Round { asked: Some(demand), then: SIGNED_OUT.to_owned(), left };
    go_on(app, visit, round).await
}

/// A service answers.
async fn answered(app: &App, visit: &Visit, incoming: Incoming<'_>) -> Result<Response, Failure> {
    let browser = visit.known_browser().ok_or(Fault::Expired)?;
    let answer = match provider(app)?.accept_logout_answer(browser, incoming).await {
        Ok(answer) => answer,
        Err(LogoutError::Port(error)) => return Err(error.into()),
        Err(error) => return Err(refused(&error)),
    };
    let stored = app.ports().ephemeral().take(&key(&answer.request_id)).await?.ok_or(Fault::Expired)?;
    let mut round: Round = ephemeral::decode(&stored)?;
    round.left.record(&answer);
    go_on(app, visit, round).await
}

/// A service asks from server to server.
pub(super) async fn directly(State(app): State<App>, body: Bytes) -> Result<Response, Failure> {
    let idp = provider(&app)?;
    let found = match SoapMessage::parse(&body) {
        Ok(message) => idp.accept_soap_logout(&message).await,
        Err(error) => Err(error.into()),
    };
    match found {
        Ok((demand, sessions)) => {
            // Who can only be reached through the browser is reported as not reached.
            let left = end(&app, &sessions, Some(&demand.peer)).await?;
            Ok(soap(idp.answer_soap_logout(&demand, left.status()).map_err(Failure::internal)?))
        }
        Err(LogoutError::Port(error)) => Err(error.into()),
        Err(error) => {
            let _said = refused(&error);
            Ok(soap(SoapReply::fault()))
        }
    }
}

/// Ends sessions, and tells all services that can be told without a browser.
async fn end(app: &App, sessions: &[String], asked_by: Option<&str>) -> Result<Propagation, Failure> {
    let idp = provider(app)?;
    let mut left = Propagation::default();
    for session in sessions {
        let Ok(id) = session.parse::<SessionId>() else { continue };
        // First, so that nobody else tells them while we do.
        let mut more = idp.propagation(session, asked_by).await.map_err(failed)?;
        idp.forget(session).await?;
        app.services().sessions.end(id, SessionEnd::SignedOut).await?;
        idp.ask_all(&mut more).await;
        left.waiting.append(&mut more.waiting);
        left.done.append(&mut more.done);
        left.failed.append(&mut more.failed);
    }
    Ok(left)
}

/// Asks the next service, or ends the round.
async fn go_on(app: &App, visit: &Visit, mut round: Round) -> Result<Response, Failure> {
    let idp = provider(app)?;
    let next = idp.ask_next(visit.browser(), &mut round.left).await.map_err(failed)?;
    let mut response = match (next, &round.asked) {
        (Some(asked), _) => {
            let kept = ephemeral::encode(&round)?;
            app.ports().ephemeral().put(&key(&asked.request_id), kept, ROUND).await?;
            send(app, visit, &asked.outgoing)?
        }
        (None, Some(demand)) => {
            report(&round.left);
            match idp.answer_logout(demand, round.left.status()) {
                Ok(outgoing) => send(app, visit, &outgoing)?,
                // It has no address for the answer.
                Err(LogoutError::NotSetUp) => end_at(app, visit, &round.then)?,
                Err(error) => return Err(failed(error)),
            }
        }
        (None, None) => {
            report(&round.left);
            end_at(app, visit, &round.then)?
        }
    };
    response.headers_mut().append(SET_COOKIE, expired_cookie(SESSION_COOKIE)?);
    Ok(response)
}

/// The end of a round: here, or where the person came from.
pub(super) fn end_at(app: &App, visit: &Visit, then: &str) -> Result<Response, Failure> {
    if then == SIGNED_OUT { see_other(then) } else { away(app, visit, then) }
}

/// Says who was not reached.
fn report(left: &Propagation) {
    if !left.failed.is_empty() {
        tracing::warn!(failed = ?left.failed, done = ?left.done, "not every service was told of a sign-out");
    }
}

/// A person has signed out here: the services of the session are told, those with a browser between us one after the other, and
/// then where they came from, where that is wanted, and then the browser goes on. `None` when there is nowhere to go before.
pub(in crate::routes) async fn sign_out(
    app: &App,
    visit: &Visit,
    session: SessionId,
    then: &str,
) -> Result<Option<Response>, Failure> {
    if app.services().saml.idp().is_none() {
        return Ok(None);
    }
    let left = end(app, &[session.to_string()], None).await?;
    let there = leaving(app, visit, session, then).await?;
    if left.waiting.is_empty() && there.is_none() {
        report(&left);
        return Ok(None);
    }
    let then = there.unwrap_or_else(|| then.to_owned());
    go_on(app, visit, Round { asked: None, then, left }).await.map(Some)
}

fn refused(error: &LogoutError) -> Failure {
    tracing::info!(error = error as &dyn std::error::Error, "a message of single logout was refused");
    match error {
        LogoutError::InResponseTo => Fault::Expired.into(),
        _ => Fault::BadRequest.into(),
    }
}

fn failed(error: LogoutError) -> Failure {
    match error {
        LogoutError::Port(error) => error.into(),
        error => Failure::internal(error),
    }
}

fn key(request_id: &str) -> EphemeralKey {
    EphemeralKey::new("server.saml_logout", TokenDigest::of(request_id).to_text())
}

/// As long as an answer is waited for.
const ROUND: Duration = Duration::minutes(10);
