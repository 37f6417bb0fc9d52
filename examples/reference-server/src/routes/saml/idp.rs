//! Requests of services for sign-in.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::Response,
};
use ciam_core::{
    consent::Consent,
    interaction::{Ask, ConsentAsk},
    session::Authenticated,
    store::load,
};
use ciam_saml::{
    binding::{PostMessage, RedirectMessage, SoapMessage, SoapReply},
    idp::{IdentityProvider, IssueError, RequestRefused, ResolveRefused, SignOn},
    model::{Status, StatusCode},
    transport::Incoming,
};

use super::{MESSAGE, METADATA_VALID, PendingSaml, again, metadata_of, send, soap};
use crate::{
    agreements::Recipient,
    app::App,
    pages::Fault,
    saml::{Next, Service, Situation, classes},
    web::{Failure, Visit, see_other},
};

/// Who this server is as an identity provider.
pub(super) async fn metadata(State(app): State<App>) -> Result<Response, Failure> {
    let idp = provider(&app)?;
    let xml = idp.metadata(app.ports().now() + METADATA_VALID).map_err(Failure::internal)?;
    Ok(metadata_of(xml))
}

/// A request in a query.
pub(super) async fn redirected(
    State(app): State<App>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let idp = provider(&app)?;
    let message = RedirectMessage::from_raw_query(&query.unwrap_or_default());
    let sign_on = message.map_err(RequestRefused::from).and_then(|it| idp.receive(Incoming::Redirect(&it)));
    begin(&app, &visit, sign_on).await
}

/// A request in a form.
pub(super) async fn posted(State(app): State<App>, visit: Visit, body: Bytes) -> Result<Response, Failure> {
    let idp = provider(&app)?;
    if let Some(response) = again(&app, &visit, &body, MESSAGE)? {
        return Ok(response);
    }
    let message = PostMessage::parse(&body);
    let sign_on = message.map_err(RequestRefused::from).and_then(|it| idp.receive(Incoming::Post(&it)));
    begin(&app, &visit, sign_on).await
}

/// Sign-in that starts here, for services that allow it.
pub(super) async fn start(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let service = visit.query("service").ok_or(Fault::NotFound)?;
    let sign_on = provider(&app)?.start(&service);
    begin(&app, &visit, sign_on).await
}

/// A service fetches a message by its artifact.
pub(super) async fn fetched(State(app): State<App>, body: Bytes) -> Result<Response, Failure> {
    let idp = provider(&app)?;
    let answer = match SoapMessage::parse(&body) {
        Ok(message) => idp.resolve(&message).await,
        Err(error) => Err(error.into()),
    };
    match answer {
        Ok(reply) => Ok(soap(reply)),
        Err(ResolveRefused::Port(error)) => Err(error.into()),
        Err(error) => {
            tracing::info!(error = &error as &dyn std::error::Error, "a request for a message was refused");
            Ok(soap(SoapReply::fault()))
        }
    }
}

async fn begin(
    app: &App,
    visit: &Visit,
    sign_on: Result<SignOn, RequestRefused>,
) -> Result<Response, Failure> {
    let sign_on = match sign_on {
        Ok(sign_on) => sign_on,
        Err(refused) => {
            // Who asks, or where to answer, is in doubt: nobody but the person is told.
            tracing::info!(error = &refused as &dyn std::error::Error, "a service's request was refused");
            return Err(match refused {
                RequestRefused::UnknownSp => Fault::NotFound.into(),
                _ => Fault::BadRequest.into(),
            });
        }
    };
    match next(app, visit, &sign_on, false).await? {
        (Next::Tell(class), Some(viewer)) => tell(app, visit, &sign_on, &viewer, &class).await,
        (Next::Refuse(status), _) => refuse(app, visit, &sign_on, &status).await,
        (Next::SignIn(ask), _) => wait(app, visit, &sign_on, Ask::SignIn(ask)).await,
        (Next::Consent | Next::Tell(_), _) => {
            let service = service_of(app, &sign_on)?;
            let ask = consent_ask(&service, &sign_on);
            wait(app, visit, &sign_on, ask).await
        }
    }
}

/// The person has signed in, or has answered.
pub(super) async fn resume(
    State(app): State<App>,
    visit: Visit,
    Path(handle): Path<String>,
) -> Result<Response, Failure> {
    let pending = PendingSaml::load(&app, &visit, &handle).await?;
    let all = PendingSaml::all(&app);
    let ask = match next(&app, &visit, &pending.sign_on, true).await? {
        (Next::Tell(class), Some(viewer)) => {
            // Of two tabs one answers.
            all.finish(&pending.handle, &pending.interaction).await?;
            return tell(&app, &visit, &pending.sign_on, &viewer, &class).await;
        }
        (Next::Refuse(status), _) => {
            all.finish(&pending.handle, &pending.interaction).await?;
            return refuse(&app, &visit, &pending.sign_on, &status).await;
        }
        (Next::SignIn(ask), _) => Ask::SignIn(ask),
        (Next::Consent | Next::Tell(_), _) => {
            let service = service_of(&app, &pending.sign_on)?;
            consent_ask(&service, &pending.sign_on)
        }
    };
    let mut changed = pending.interaction.clone();
    changed.ask = ask;
    let changed = all.update(&pending.handle, &pending.interaction, changed).await?;
    see_other(&page_of(&changed.ask, &handle))
}

/// What becomes of a request now.
async fn next(
    app: &App,
    visit: &Visit,
    sign_on: &SignOn,
    returned: bool,
) -> Result<(Next, Option<Authenticated>), Failure> {
    let service = service_of(app, sign_on)?;
    let (viewer, now) = (app.viewer(visit).await?, app.ports().now());
    let ladder = &app.services().server.config().acr;
    let session = viewer.as_ref().map(|viewer| {
        let session = &viewer.session.value;
        (session.context.auth_time().unwrap_or(session.created_at), classes(session, ladder, now))
    });
    let consented = match &viewer {
        Some(viewer) => {
            let key = Consent::record_key(viewer.account.value.id, &recipient(&sign_on.sp));
            let stored = load::<Consent>(app.ports().store(), &key).await?;
            stored.is_some_and(|it| it.value.covers(service.items().iter().map(String::as_str)))
        }
        None => false,
    };
    let has_format = provider(app)?.offers_format(sign_on);
    let next = Situation { sign_on, service: &service, session, consented, returned, has_format }.decide();
    Ok((next, viewer))
}

async fn wait(app: &App, visit: &Visit, sign_on: &SignOn, ask: Ask) -> Result<Response, Failure> {
    let path = |handle: &str| page_of(&ask, handle);
    let handle = PendingSaml::open(app, visit, sign_on, ask.clone()).await?;
    see_other(&path(handle.expose()))
}

fn page_of(ask: &Ask, handle: &str) -> String {
    match ask {
        Ask::Consent(_) => format!("/saml/consent?handle={handle}"),
        _ => format!("/sign-in?continue={}{handle}", PendingSaml::PREFIX),
    }
}

async fn tell(
    app: &App,
    visit: &Visit,
    sign_on: &SignOn,
    viewer: &Authenticated,
    class: &str,
) -> Result<Response, Failure> {
    let session = &viewer.session.value;
    let at = session.context.auth_time().unwrap_or(session.created_at);
    let person = service_of(app, sign_on)?.person(viewer, class, at);
    match provider(app)?.issue(sign_on, &person).await {
        Ok(issued) => send(app, visit, &issued.outgoing),
        Err(IssueError::NameId) => {
            let status = Status::new(StatusCode::Responder, Some(StatusCode::InvalidNameIdPolicy));
            refuse(app, visit, sign_on, &status).await
        }
        Err(error) => Err(failed(error)),
    }
}

pub(super) async fn refuse(
    app: &App,
    visit: &Visit,
    sign_on: &SignOn,
    status: &Status,
) -> Result<Response, Failure> {
    send(app, visit, &provider(app)?.fail(sign_on, status).await.map_err(failed)?)
}

fn failed(error: IssueError) -> Failure {
    match error {
        IssueError::Port(error) => error.into(),
        IssueError::UnknownSp => Fault::NotFound.into(),
        error => Failure::internal(error),
    }
}

fn consent_ask(service: &Service, sign_on: &SignOn) -> Ask {
    let mut ask = ConsentAsk::new(sign_on.sp.as_str(), service.items().into_iter().collect());
    ask.client_name = Some(service.name.clone());
    Ask::Consent(ask)
}

/// How a consent names a service.
pub(super) fn recipient(entity_id: &str) -> String {
    Recipient::Service(entity_id.to_owned()).text()
}

pub(super) fn provider(app: &App) -> Result<IdentityProvider, Failure> {
    app.services().saml.idp().ok_or_else(|| Fault::NotFound.into())
}

pub(super) fn service_of(app: &App, sign_on: &SignOn) -> Result<Arc<Service>, Failure> {
    app.services().saml.service(&sign_on.sp).ok_or_else(|| Fault::NotFound.into())
}
