//! Whether a service may know of a person what it would be told.

use axum::{extract::State, response::Response};
use ciam_core::{
    consent::{Consent, ConsentProof},
    event::{Event, EventType},
    interaction::Ask,
    store::{Batch, EntityRef, load},
};
use ciam_saml::model::{Status, StatusCode};
use http::StatusCode as Http;

use super::{
    PendingSaml,
    idp::{recipient, refuse, service_of},
};
use crate::{
    app::App,
    i18n::Texts,
    pages::{AboutClient, ConsentPage, Fault, ScopeLine},
    routes::pending::name_of,
    web::{Failure, Form, Visit, page, see_other},
};

/// The question.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("handle").ok_or(Fault::NotFound)?;
    let pending = PendingSaml::load(&app, &visit, &handle).await?;
    let Ask::Consent(ask) = &pending.interaction.ask else { return see_other(pending.resume_url()) };
    let Some(viewer) = app.viewer(&visit).await? else { return see_other(pending.resume_url()) };
    visit.prefer(&ask.ui_locales);
    let t = app.texts(visit.language);
    let service = service_of(&app, &pending.sign_on)?;
    let host = url::Url::parse(&pending.sign_on.consumer).ok();
    let shown = ConsentPage {
        notice: None,
        payments: Vec::new(),
        sign: None,
        frame: app.frame(&visit, true),
        action: PATH,
        csrf: visit.csrf(PATH),
        client: service.name.clone(),
        viewer: name_of(&viewer),
        host: host.and_then(|it| it.host_str().map(str::to_owned)).unwrap_or_default(),
        asked: service.items().iter().map(|item| ScopeLine { title: words(t, item), detail: None }).collect(),
        granted: Vec::new(),
        remembered: true,
        waits: None,
        about: AboutClient::default(),
        switch: format!("/sign-in?continue={}", pending.text()),
        handle,
    };
    let mut response = page(Http::OK, &shown)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}

/// The answer.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = PendingSaml::load(&app, &visit, form.text("handle")).await?;
    let Ask::Consent(ask) = &pending.interaction.ask else { return Err(Fault::Expired.into()) };
    let viewer = app.viewer(&visit).await?.ok_or(Fault::Expired)?;
    match form.text("decision") {
        "allow" => {
            allow(&app, viewer.account.value.id, &pending.sign_on.sp, &ask.scopes).await?;
            see_other(pending.resume_url())
        }
        "deny" => {
            PendingSaml::all(&app).finish(&pending.handle, &pending.interaction).await?;
            let status = Status::new(StatusCode::Responder, Some(StatusCode::RequestDenied));
            refuse(&app, &visit, &pending.sign_on, &status).await
        }
        _ => Err(Fault::BadRequest.into()),
    }
}

/// Stores the consent to what was shown.
async fn allow(
    app: &App,
    account: ciam_core::id::AccountId,
    service: &str,
    shown: &[String],
) -> Result<(), Failure> {
    let (ports, recipient) = (app.ports(), recipient(service));
    let key = Consent::record_key(account, &recipient);
    let stored = load::<Consent>(ports.store(), &key).await?;
    let entity = EntityRef::record::<Consent>(key);
    let mut consent = Consent::new(account, recipient.as_str(), shown.iter().cloned().collect(), ports.now());
    let batch = match stored {
        Some(stored) => {
            consent.given_at = stored.value.given_at;
            consent.allowed.extend(stored.value.allowed);
            Batch::new().require_version(entity, stored.version)
        }
        None => Batch::new().require_absent(entity),
    };
    let event = Event::new(ports, EventType::CONSENT_GIVEN, format!("account:{account}"))?;
    let event = event.with("recipient", recipient.as_str());
    let batch = consent.write_to(batch, ports, ConsentProof::new("consent_page"))?.event(event);
    // When another tab was first, the page after this one looks at what is stored, and asks again if need be.
    let _first = ports.store().commit(batch).await?;
    Ok(())
}

/// What a service would know, in words.
pub(in crate::routes) fn words(t: &Texts, item: &str) -> String {
    let title = match item {
        "identifier" => &t.saml.identifier,
        "mail" => &t.saml.mail,
        "displayName" => &t.saml.display_name,
        "givenName" => &t.saml.given_name,
        _ => &t.saml.surname,
    };
    title.to_string()
}

const PATH: &str = "/saml/consent";
