//! Sign-in with an organization's identity provider: there, and back.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::Response,
};
use ciam_core::{
    ephemeral::{self, EphemeralKey},
    error::PortError,
    http::{Params, ParamsLimits},
    id::SessionId,
    journey::SignedIn as Begun,
    secret::{Secret, TokenDigest},
    session::SessionEnd,
};
use ciam_saml::{
    binding::{
        ArtifactMessage, BindingError, Direction, PostMessage, RedirectMessage, SoapMessage, SoapReply,
    },
    logout::{LogoutDemand, LogoutError},
    model::{Status, StatusCode},
    sp::{Accepted, Reject, Start, StartError},
    transport::Incoming,
};
use serde::{Deserialize, Serialize};
use time::Duration;

use super::{MESSAGE, METADATA_VALID, again, logout::end_at, metadata_of, send, soap};
use crate::{
    app::App,
    pages::Fault,
    routes::{
        onward::{Onward, link},
        upstream,
    },
    saml::Connection,
    upstream::{Arriving, SamlOrigin},
    web::{Failure, Visit},
};

/// Who this server is for the identity provider of a connection.
pub(super) async fn metadata(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Failure> {
    let found = connection(&app, &name)?;
    let party = &found.party;
    Ok(metadata_of(party.metadata(app.ports().now() + METADATA_VALID).map_err(Failure::internal)?))
}

/// Sends the browser there.
pub(in crate::routes) async fn begin(
    app: &App,
    visit: &Visit,
    name: &str,
    return_to: String,
    onward: Option<&str>,
) -> Result<Response, Failure> {
    let connection = connection(app, name)?;
    let idp = connection.idp.as_deref().ok_or(Fault::NotFound)?;
    let start = Start::new().with_target(return_to);
    match connection.party.start(visit.browser(), idp, start).await {
        Ok(started) => send(app, visit, &started.outgoing),
        Err(StartError::Port(error)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(
                connection = name,
                error = &error as &dyn std::error::Error,
                "no request can be made"
            );
            upstream::failed("unavailable", onward)
        }
    }
}

/// Takes who comes back with a form.
pub(super) async fn answered(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    let found = connection(&app, &name)?;
    let party = &found.party;
    if let Some(response) = again(&app, &visit, &body, MESSAGE)? {
        return Ok(response);
    }
    if let Ok(message) = ArtifactMessage::parse(&body) {
        let accepted = party.accept_artifact(visit.known_browser(), &message).await;
        return come_back(&app, &visit, &name, accepted).await;
    }
    let accepted = match PostMessage::parse(&body) {
        Ok(message) => party.accept(visit.known_browser(), &message).await,
        Err(error) => Err(error.into()),
    };
    come_back(&app, &visit, &name, accepted).await
}

/// Takes who comes back with an artifact.
pub(super) async fn by_artifact(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let found = connection(&app, &name)?;
    let party = &found.party;
    let accepted = match ArtifactMessage::parse(query.unwrap_or_default().as_bytes()) {
        Ok(message) => party.accept_artifact(visit.known_browser(), &message).await,
        Err(error) => Err(error.into()),
    };
    come_back(&app, &visit, &name, accepted).await
}

async fn come_back(
    app: &App,
    visit: &Visit,
    name: &str,
    accepted: Result<Accepted, Reject>,
) -> Result<Response, Failure> {
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(reject) => return refused(name, reject),
    };
    let connection = connection(app, name)?;
    let identity = match connection.identity(&accepted.person, app.ports().now()) {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(connection = name, error = &error as &dyn std::error::Error, "nobody is named");
            return upstream::failed("refused", None);
        }
    };
    let return_to = accepted.target.unwrap_or_default();
    let kept = Params::parse(return_to.trim_start_matches('?'), ParamsLimits::default())
        .map_err(|_| Fault::BadRequest)?;
    let pending = Onward::of(app, visit, kept.one("continue").ok().flatten()).await?;
    if kept.one("link").ok().flatten().is_some() {
        return upstream::link_identity(app, visit, &identity).await;
    }
    let origin =
        SamlOrigin { name: accepted.person.name_id.clone(), index: accepted.person.session_index.clone() };
    let arriving = Arriving { upstream: name.to_owned(), session: None, saml: Some(origin), link: None };
    upstream::join(app, visit, pending.as_ref(), &identity, arriving).await
}

/// What is said of a sign-in that did not come to its end there.
fn refused(name: &str, reject: Reject) -> Result<Response, Failure> {
    let error: &dyn std::error::Error = &reject;
    match &reject {
        Reject::Port(error) => Err(error.clone().into()),
        Reject::InResponseTo | Reject::OtherBrowser | Reject::Binding(BindingError::Missing) => {
            tracing::info!(connection = name, error, "an answer is to no request of this browser");
            Err(Fault::Expired.into())
        }
        Reject::Status(status) => {
            tracing::info!(connection = name, ?status, "the identity provider refused");
            upstream::failed("cancelled", None)
        }
        Reject::Exchange(_) => {
            tracing::warn!(connection = name, error, "the identity provider does not answer");
            upstream::failed("unavailable", None)
        }
        _ => {
            tracing::warn!(connection = name, error, "the identity provider's answer does not hold");
            upstream::failed("refused", None)
        }
    }
}

/// Remembers which session began with a name there, to end with it.
pub(in crate::routes) async fn arrived(
    app: &App,
    name: &str,
    origin: &SamlOrigin,
    done: &Begun,
) -> Result<(), PortError> {
    let (ports, session) = (app.ports(), done.session.id);
    let lifetime = app.config().sessions.lifetime.time();
    let Some(connection) = app.services().saml.connection(name) else { return Ok(()) };
    // The next message may leave out what this one said, or the other way round.
    let whole = SamlOrigin { name: connection.whole(&origin.name), index: origin.index.clone() };
    whole.remember(ports, name, session, lifetime).await?;
    if connection.sign_out_there {
        origin.keep(ports, name, session, lifetime).await?;
    }
    Ok(())
}

/// The identity provider's message of single logout, in a query.
pub(super) async fn logout_redirected(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    match RedirectMessage::from_raw_query(&query) {
        Ok(message) => arrives(&app, &visit, &name, message.direction(), Incoming::Redirect(&message)).await,
        Err(error) => Err(not_a_logout(&name, &error.into())),
    }
}

/// The same in a form.
pub(super) async fn logout_posted(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    match PostMessage::parse(&body) {
        Ok(message) => {
            // An answer is to this browser; a request is to whoever is meant.
            if message.direction() == Direction::Response
                && let Some(response) = again(&app, &visit, &body, MESSAGE)?
            {
                return Ok(response);
            }
            arrives(&app, &visit, &name, message.direction(), Incoming::Post(&message)).await
        }
        Err(error) => Err(not_a_logout(&name, &error.into())),
    }
}

/// The same from server to server.
pub(super) async fn logout_directly(
    State(app): State<App>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    let found = connection(&app, &name)?;
    let party = &found.party;
    let demand = match SoapMessage::parse(&body) {
        Ok(message) => party.accept_soap_logout(&message).await,
        Err(error) => Err(error.into()),
    };
    match demand {
        Ok(demand) => {
            let status = end(&app, &name, &demand).await?;
            Ok(soap(party.answer_soap_logout(&demand, status).map_err(Failure::internal)?))
        }
        Err(LogoutError::Port(error)) => Err(error.into()),
        Err(error) => {
            let _said = not_a_logout(&name, &error);
            Ok(soap(SoapReply::fault()))
        }
    }
}

async fn arrives(
    app: &App,
    visit: &Visit,
    name: &str,
    direction: Direction,
    incoming: Incoming<'_>,
) -> Result<Response, Failure> {
    match direction {
        Direction::Request => sign_out(app, visit, name, incoming).await,
        Direction::Response => signed_out(app, visit, name, incoming).await,
    }
}

/// Who has signed out here, kept until the browser is sent to where they came from.
#[derive(Serialize, Deserialize)]
struct Leaving {
    browser: TokenDigest,
    origin: SamlOrigin,
    /// Where the browser goes in the end.
    then: String,
}

/// Where the browser goes after sign-out: to where the session came from, where that is wanted.
pub(super) async fn leaving(
    app: &App,
    visit: &Visit,
    session: SessionId,
    then: &str,
) -> Result<Option<String>, Failure> {
    let Some((name, origin)) = SamlOrigin::take(app.ports(), session).await? else { return Ok(None) };
    if !app.services().saml.connection(&name).is_some_and(|it| it.sign_out_there) {
        return Ok(None);
    }
    let handle = Secret::random(app.ports().entropy())?;
    let kept = Leaving { browser: visit.browser().digest(), origin, then: then.to_owned() };
    let kept = ephemeral::encode(&kept)?;
    app.ports().ephemeral().put(&leaving_key(handle.expose()), kept, LEAVING).await?;
    Ok(Some(format!("/saml/sp/{name}/leave/{}", handle.expose())))
}

/// Asks the identity provider to end the session there.
pub(super) async fn leave(
    State(app): State<App>,
    visit: Visit,
    Path((name, handle)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let connection = connection(&app, &name)?;
    let idp = connection.idp.as_deref().ok_or(Fault::NotFound)?;
    let browser = visit.known_browser().ok_or(Fault::Expired)?;
    let stored = app.ports().ephemeral().take(&leaving_key(&handle)).await?.ok_or(Fault::Expired)?;
    let Leaving { browser: digest, origin, then } = ephemeral::decode(&stored)?;
    if digest != browser.digest() {
        return Err(Fault::Expired.into());
    }
    let asked = connection.party.start_logout_of(browser, idp, &origin.name, origin.index.as_deref());
    match asked.await {
        Ok(asked) => {
            let then = ephemeral::encode(&then)?;
            app.ports().ephemeral().put(&leaving_key(&asked.request_id), then, LEAVING).await?;
            send(&app, &visit, &asked.outgoing)
        }
        Err(LogoutError::Port(error)) => Err(error.into()),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(connection = name, error, "nobody can be signed out there");
            end_at(&app, &visit, &then)
        }
    }
}

/// The identity provider has answered.
async fn signed_out(
    app: &App,
    visit: &Visit,
    name: &str,
    incoming: Incoming<'_>,
) -> Result<Response, Failure> {
    let browser = visit.known_browser().ok_or(Fault::Expired)?;
    match connection(app, name)?.party.accept_logout_answer(browser, incoming).await {
        Ok(answer) => {
            if !answer.status.is_success() {
                tracing::warn!(connection = name, status = ?answer.status, "the session there goes on");
            }
            let stored = app.ports().ephemeral().take(&leaving_key(&answer.request_id)).await?;
            let then: String = ephemeral::decode(&stored.ok_or(Fault::Expired)?)?;
            end_at(app, visit, &then)
        }
        Err(LogoutError::Port(error)) => Err(error.into()),
        Err(LogoutError::InResponseTo) => Err(Fault::Expired.into()),
        Err(error) => Err(not_a_logout(name, &error)),
    }
}

async fn sign_out(app: &App, visit: &Visit, name: &str, incoming: Incoming<'_>) -> Result<Response, Failure> {
    let found = connection(app, name)?;
    let party = &found.party;
    match party.accept_logout_request(incoming).await {
        Ok(demand) => {
            let status = end(app, name, &demand).await?;
            let outgoing = party.answer_logout(&demand, status).map_err(Failure::internal)?;
            send(app, visit, &outgoing)
        }
        Err(LogoutError::Port(error)) => Err(error.into()),
        Err(error) => Err(not_a_logout(name, &error)),
    }
}

/// Ends the sessions that are meant.
async fn end(app: &App, name: &str, demand: &LogoutDemand) -> Result<Status, Failure> {
    let name_id = connection(app, name)?.whole(&demand.name_id);
    let found = SamlOrigin { name: name_id, index: None }.sessions(app.ports(), name).await?;
    let indexes = &demand.session_indexes;
    let named = |index: &Option<String>| {
        indexes.is_empty() || index.as_ref().is_some_and(|index| indexes.contains(index))
    };
    let mut any = false;
    for (session, _) in found.iter().filter(|(_, index)| named(index)) {
        app.services().sessions.end(*session, SessionEnd::SignedOut).await?;
        any = true;
    }
    // Whoever is not signed in here is signed out here.
    let unknown = Status::new(StatusCode::Requester, Some(StatusCode::UnknownPrincipal));
    Ok(if any { Status::success() } else { unknown })
}

fn not_a_logout(name: &str, error: &LogoutError) -> Failure {
    tracing::info!(
        connection = name,
        error = error as &dyn std::error::Error,
        "a message of logout was refused"
    );
    Fault::BadRequest.into()
}

fn connection(app: &App, name: &str) -> Result<Arc<Connection>, Failure> {
    app.services().saml.connection(name).ok_or_else(|| Fault::NotFound.into())
}

fn leaving_key(handle: &str) -> EphemeralKey {
    EphemeralKey::new("server.saml_leaving", TokenDigest::of(handle).to_text())
}

/// As long as a redirect takes, and somebody is told on the way.
const LEAVING: Duration = Duration::minutes(10);

/// Where the browser goes on once it is back.
pub(in crate::routes) fn return_to(onward: Option<&str>, linking: bool) -> String {
    link("", &[("continue", onward), ("link", linking.then_some("1"))])
}
