//! Consent. What is to be done once, such as a payment, is shown as it is and signed for with a passkey.

use axum::{extract::State, response::Response};
use ciam_core::{
    interaction::{Ask, ConsentAsk},
    secret::Secret,
    session::Authenticated,
};
use ciam_mfa::{
    transaction::{TransactionDetails, TransactionError},
    webauthn::AuthenticationResponse,
};
use ciam_oauth::authorize::{ConsentDecision, Visitor};
use http::StatusCode;

use super::pending::{Pending, name_of};
use crate::{
    app::App,
    i18n::Texts,
    pages::{AboutClient, ConsentPage, Fault, PaymentLines, ScopeLine, factor::PasskeyForm, parts::Notice},
    transactions::{self, Payment},
    web::{Failure, Form, Images, Scripts, Visit, page, see_other},
};

/// The question.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("handle").ok_or(Fault::NotFound)?;
    let pending = Pending::load(&app, &visit, &handle).await?;
    if let Ask::Consent(ask) = &pending.interaction.ask {
        visit.prefer(&ask.ui_locales);
    }
    render(&app, &visit, &pending, None, StatusCode::OK).await
}

async fn render(
    app: &App,
    visit: &Visit,
    pending: &Pending,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let handle = pending.handle.expose().to_owned();
    let Ask::Consent(ask) = &pending.interaction.ask else {
        return see_other(&format!("/interaction/{handle}"));
    };
    let viewer = app.viewer(visit).await?.ok_or(Fault::Expired)?;
    let t = app.texts(visit.language);
    let words = |scopes: &[String]| scopes.iter().map(|it| scope_line(app, t, it)).collect();
    let uri = &pending.interaction.request.redirect_uri;
    let origin = uri.origin().unwrap_or_else(|| format!("{}:", uri.scheme()));
    let details = &pending.interaction.request.details;
    let payments: Vec<_> =
        details.iter().filter_map(Payment::read).map(|it| PaymentLines::new(t, it)).collect();
    // What this page has no words for is not shown, and what is not shown is not agreed to.
    if payments.len() != details.len() {
        return Err(Fault::BadRequest.into());
    }
    let sign = if payments.is_empty() { None } else { signing(app, visit, pending, &viewer).await? };
    let shown = ConsentPage {
        frame: app.frame(visit, true),
        notice,
        action: "/consent",
        csrf: visit.csrf("/consent"),
        client: ask.client_name.clone().unwrap_or_else(|| ask.client_id.clone()),
        viewer: name_of(&viewer),
        host: origin.split_once("://").map_or(origin.clone(), |(_, host)| host.to_owned()),
        asked: words(&ask.scopes),
        granted: words(&ask.already_allowed),
        remembered: payments.is_empty(),
        payments,
        sign,
        waits: waits(t, pending, ask),
        about: AboutClient {
            logo: ask.client_logo.clone(),
            policy: ask.client_policy.clone(),
            terms: ask.client_terms.clone(),
        },
        switch: format!("/sign-in?continue={handle}"),
        handle,
    };
    let mut response = page(status, &shown)?;
    response.extensions_mut().insert(pending.targets());
    if let Some(logo) = &ask.client_logo {
        response.extensions_mut().insert(Images::of(logo));
    }
    if shown.sign.is_some() {
        response.extensions_mut().insert(Scripts::Ours);
    }
    Ok(response)
}

/// What waits for the answer elsewhere, in words with what the person compares; nothing for an application in this browser.
fn waits(t: &Texts, pending: &Pending, ask: &ConsentAsk) -> Option<String> {
    let elsewhere = pending.interaction.request.device.as_ref()?;
    let client = ask.client_name.as_deref().unwrap_or(&ask.client_id);
    Some(match (elsewhere.person, &ask.user_code) {
        (Some(_), Some(shown)) => t.request.compare.fill(&[("client", client), ("message", shown.as_str())]),
        (Some(_), None) => t.request.started.to_string(),
        (None, code) => t.consent.device.with("code", code.as_deref().unwrap_or_default()),
    })
}

/// Asks for the signature of a passkey; `None` where the account has none to sign with.
async fn signing(
    app: &App,
    visit: &Visit,
    pending: &Pending,
    viewer: &Authenticated,
) -> Result<Option<PasskeyForm>, Failure> {
    let Some(transactions) = &app.services().transactions else { return Ok(None) };
    let offer = match transactions.begin(viewer, asked(pending)?).await {
        Ok(offer) => offer,
        Err(TransactionError::NoPasskey) => return Ok(None),
        Err(TransactionError::Port(error)) => return Err(error.into()),
        Err(_) => return Err(Fault::Busy.into()),
    };
    Ok(Some(PasskeyForm {
        action: visit.action("/consent"),
        hidden: vec![
            ("handle", pending.handle.expose().to_owned()),
            ("decision", "allow".to_owned()),
            ("transaction", offer.transaction.expose().to_owned()),
        ],
        kind: "get",
        options: serde_json::to_string(&offer.options).map_err(Failure::internal)?,
        submit: app.texts(visit.language).consent.sign.to_string(),
        script: Some(app.assets().passkey().to_owned()),
    }))
}

/// What the application asks for, as it is signed for.
fn asked(pending: &Pending) -> Result<TransactionDetails, Failure> {
    let text = serde_json::to_string(&pending.interaction.request.details).map_err(Failure::internal)?;
    TransactionDetails::parse(&text).map_err(|_| Fault::BadRequest.into())
}

/// The answer.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Pending::load(&app, &visit, form.text("handle")).await?;
    let decision = match form.text("decision") {
        "allow" => ConsentDecision::AllowAll,
        "deny" => ConsentDecision::Deny,
        _ => return Err(Fault::BadRequest.into()),
    };
    let viewer = app.viewer(&visit).await?;
    if decision == ConsentDecision::AllowAll && !pending.interaction.request.details.is_empty() {
        let signer = viewer.as_ref().ok_or(Fault::Expired)?;
        if !is_signed(&app, &pending, signer, &form).await? {
            let notice = Notice::bad(app.texts(visit.language).consent.sign_refused.as_str());
            return render(&app, &visit, &pending, Some(notice), StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    }
    let visitor = Visitor::new(visit.known_browser().cloned(), viewer);
    let target = app.services().server.answer_consent(&pending.handle, &visitor, decision).await?;
    let mut response = see_other(&target)?;
    response.extensions_mut().insert(pending.targets());
    Ok(response)
}

/// Whether the person has signed for exactly what the application asks for. What they signed is kept before anything comes
/// of it.
async fn is_signed(
    app: &App,
    pending: &Pending,
    signer: &Authenticated,
    form: &Form,
) -> Result<bool, Failure> {
    let Some(transactions) = &app.services().transactions else { return Ok(false) };
    let Ok(response) = serde_json::from_str::<AuthenticationResponse>(form.text("response")) else {
        return Ok(false);
    };
    let transaction = Secret::from(form.text("transaction"));
    let signed = match transactions.confirm(signer, &transaction, &response).await {
        Ok(signed) => signed,
        Err(TransactionError::Port(error)) => return Err(error.into()),
        Err(_) => return Ok(false),
    };
    if signed.details != asked(pending)? {
        return Ok(false);
    }
    let Ask::Consent(ask) = &pending.interaction.ask else { return Ok(false) };
    transactions::keep(app.ports(), signed, &ask.client_id).await?;
    Ok(true)
}

/// The words for a scope: those of the catalogue, else the operator's.
pub(super) fn scope_line(app: &App, t: &Texts, scope: &str) -> ScopeLine {
    let known = &app.services().server.config().scopes;
    let description = known.get(scope).map(|it| it.description.as_str()).filter(|it| *it != scope);
    ScopeLine::new(t, scope, description)
}
