//! One more factor, a sign-in that begins with a passkey, and the proof that it is still the same person.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use ciam_core::{
    assurance::Acr,
    journey::{Answer, Challenge, JourneyHandle, RefusalReason, Requirements},
    password::PasswordFactor,
    session::Authenticated,
};
use ciam_mfa::{
    otp::{HotpFactor, TotpFactor},
    push::{PushFactor, PushStatus},
    recovery::RecoveryCodeFactor,
    webauthn::{PasskeyFactor, PasskeyRecord, RelyingParty},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    onward::Onward,
    pending::visitor,
    recover, sign_in,
    steps::{At, Led},
};
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault,
        factor::{FactorPage, PasskeyForm, PushShown},
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Scripts, Sources, Visit, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(PATH, get(show).post(submit))
        .route(CONFIRM, get(confirm).post(confirmed))
        .route("/.well-known/webauthn", get(related_origins))
}

/// Which pages of other domains may ask for our passkeys: browsers ask here.
async fn related_origins(State(app): State<App>) -> Result<Response, Failure> {
    let party = app.services().relying_party.as_ref();
    let document = party.and_then(RelyingParty::related_origins).ok_or(Fault::NotFound)?;
    Ok(crate::api::Json(document).into_response())
}

/// The passkey with which a sign-in can begin, for the page that asks for a password.
pub(super) async fn passkey_form(
    app: &App,
    visit: &Visit,
    pending: Option<&Onward>,
) -> Result<Option<PasskeyForm>, Failure> {
    if app.services().relying_party.is_none() {
        return Ok(None);
    }
    let viewer = app.viewer(visit).await?;
    let requirements = recover::requirements(visit, pending);
    let journeys = &app.services().journeys;
    let (handle, challenge) = journeys.begin_sign_in(&visitor(visit, viewer.as_ref()), requirements).await?;
    let at = At { handle: &handle, pending };
    Ok(options(&challenge).map(|options| first(app, visit, &at, options)))
}

/// What the browser is asked for where a sign-in can begin with a passkey.
pub(super) fn options(challenge: &Challenge) -> Option<&Value> {
    let Challenge::Credentials { first, .. } = challenge else { return None };
    first.iter().find(|it| it.factor == PasskeyFactor::NAME).map(|it| &it.data)
}

/// A passkey in place of user name and password.
pub(super) fn first(app: &App, visit: &Visit, at: &At<'_>, options: &Value) -> PasskeyForm {
    PasskeyForm { kind: "conditional", ..question(app, visit, at, options, PATH) }
}

fn question(app: &App, visit: &Visit, at: &At<'_>, options: &Value, path: &str) -> PasskeyForm {
    let mut hidden = at.hidden();
    hidden.push(("factor", PasskeyFactor::NAME.to_owned()));
    PasskeyForm {
        action: visit.action(path),
        hidden,
        kind: "get",
        options: options.to_string(),
        submit: app.texts(visit.language).factors.passkey_use.to_string(),
        script: Some(app.assets().passkey().to_owned()),
    }
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = JourneyHandle::from_text(&visit.query("journey").ok_or(Fault::NotFound)?);
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let viewer = app.viewer(&visit).await?;
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, viewer.as_ref())).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    render(&app, &visit, &at, &challenge, None, StatusCode::OK).await
}

async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let handle = JourneyHandle::from_text(form.text("journey"));
    let at = At { handle: &handle, pending: pending.as_ref() };
    let answer = match form.optional("other") {
        Some(other) => Answer::another_factor(other),
        None => Answer::factor(form.text("factor"), response(&form)),
    };
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let step = app.services().journeys.answer(&handle, &visitor, answer).await?;
    let refusal = match at.go(&app, &visit, step).await? {
        Led::Away(response) => return Ok(response),
        Led::Again(refusal) => refusal,
    };
    let t = app.texts(visit.language);
    match &refusal.challenge {
        Some(challenge @ Challenge::Factor { factor, .. }) => {
            let (status, notice) = complaint(t, &refusal.reason, wrong(t, factor));
            render(&app, &visit, &at, challenge, Some(notice), status).await
        }
        _ => {
            let (_, notice) = complaint(t, &refusal.reason, t.factors.passkey_refused.as_str());
            sign_in::again(&app, &visit, at.pending, notice).await
        }
    }
}

/// The answer of the browser, or what was typed.
fn response(form: &Form) -> Value {
    match form.optional("response") {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => json!({ "code": form.text("code") }),
    }
}

fn complaint(t: &Texts, reason: &RefusalReason, wrong: &str) -> (StatusCode, Notice) {
    match reason {
        RefusalReason::TooManyAttempts => {
            (StatusCode::TOO_MANY_REQUESTS, Notice::bad(t.field.slow_down.as_str()))
        }
        _ => (StatusCode::UNPROCESSABLE_ENTITY, Notice::bad(wrong)),
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    challenge: &Challenge,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let Challenge::Factor { factor, data, others } = challenge else { return at.to(challenge) };
    let t = app.texts(visit.language);
    let passkey = (factor == PasskeyFactor::NAME).then(|| question(app, visit, at, data, PATH));
    let (push, over) = if factor == PushFactor::NAME { approval(app, data).await? } else { (None, false) };
    let notice = notice.or_else(|| over.then(|| Notice::bad(t.factors.push_over.as_str())));
    let mut hidden = at.hidden();
    hidden.push(("factor", factor.clone()));
    let digits = data.get("digits").and_then(Value::as_u64).and_then(|it| u8::try_from(it).ok());
    let input = match digits {
        Some(digits) if factor == TotpFactor::NAME => Input::Code { digits },
        _ => Input::Text { max: 64 },
    };
    let shown = FactorPage {
        frame: app.frame(visit, false),
        title: t.factors.ask_title.to_string(),
        lead: lead(t, factor),
        notice,
        action: visit.action(PATH),
        hidden,
        typed: (passkey.is_none() && factor != PushFactor::NAME)
            .then(|| Field::new("code", input, t.field.code.as_str()).with_focus(true)),
        passkey,
        push,
        others: others.iter().map(|it| (it.clone(), name_of(t, it))).collect(),
        other: visit.action(PATH),
        more: None,
    };
    let asks = shown.push.is_some();
    let mut response = answered(at, page(status, &shown)?)?;
    if asks {
        response.extensions_mut().insert(Scripts::Of(&ASKING));
    }
    Ok(response)
}

/// What the page shows of an approval on a phone, and whether nothing comes of it any more: it was denied, took too long, or the
/// account had too many.
async fn approval(app: &App, data: &Value) -> Result<(Option<PushShown>, bool), Failure> {
    let request = data.get("request").and_then(Value::as_str);
    let (Some(request), Some(number)) = (request, data.get("number").and_then(Value::as_u64)) else {
        return Ok((None, true));
    };
    match app.services().push.status(request).await? {
        PushStatus::Pending | PushStatus::Approved => {}
        _ => return Ok((None, true)),
    }
    let shown = PushShown {
        number,
        request: request.to_owned(),
        status: format!("{}/push/status", crate::api::BASE),
        script: Some(app.assets().push().to_owned()),
    };
    Ok((Some(shown), false))
}

/// Says which scripts the page runs, and where its forms lead.
fn answered(at: &At<'_>, mut response: Response) -> Result<Response, Failure> {
    response.extensions_mut().insert(Scripts::Ours);
    if let Some(pending) = at.pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}

/// Asks the person to prove, with all that their account is capable of, that it is they; then goes on with a page of ours.
async fn confirm(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let onward =
        Onward::of(&app, &visit, visit.query("continue").as_deref()).await?.ok_or(Fault::NotFound)?;
    ask_again(&app, &visit, &viewer, &onward, None, StatusCode::OK).await
}

async fn ask_again(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    onward: &Onward,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let mut requirements = Requirements::default()
        .proving_again()
        .with_acr_values(vec![Acr::new("urn:ciam:acr:aal2")])
        .with_languages(vec![visit.language.code().to_owned()])
        .with_continuation(Some(onward.text().to_owned()));
    requirements.login_hint = identifier(viewer);
    let journeys = &app.services().journeys;
    let (handle, challenge) = journeys.begin_sign_in(&visitor(visit, Some(viewer)), requirements).await?;
    let at = At { handle: &handle, pending: Some(onward) };
    confirm_page(app, visit, viewer, &at, &challenge, notice, status).await
}

async fn confirm_page(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    at: &At<'_>,
    challenge: &Challenge,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let credentials = app.ports().store().credentials_of(viewer.account.value.id).await?;
    let has_passkey = credentials.iter().any(|it| PasskeyRecord::of(&it.value).is_some());
    let passkey = options(challenge).filter(|_| has_passkey);
    let has_password = PasswordFactor::credential_in(&credentials).is_some() && identifier(viewer).is_some();
    if passkey.is_none() && !has_password || !matches!(challenge, Challenge::Credentials { .. }) {
        return at.to(challenge);
    }
    let shown = FactorPage {
        frame: app.frame(visit, true),
        title: t.factors.confirm_title.to_string(),
        lead: t.factors.confirm_lead.to_string(),
        notice,
        action: visit.action(CONFIRM),
        hidden: at.hidden(),
        typed: has_password
            .then(|| Field::new("password", Input::CurrentPassword, t.field.password.as_str())),
        passkey: passkey.map(|options| question(app, visit, at, options, CONFIRM)),
        push: None,
        others: Vec::new(),
        other: visit.action(CONFIRM),
        more: Some(at.link("/sign-in")),
    };
    answered(at, page(status, &shown)?)
}

async fn confirmed(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let onward = Onward::of(&app, &visit, form.optional("continue")).await?.ok_or(Fault::BadRequest)?;
    let handle = JourneyHandle::from_text(form.text("journey"));
    let at = At { handle: &handle, pending: Some(&onward) };
    let answer = match form.optional("factor") {
        Some(factor) => Answer::factor(factor, response(&form)),
        None => Answer::credentials(identifier(&viewer).unwrap_or_default(), form.text("password")),
    };
    let t = app.texts(visit.language);
    let wrong = match &answer {
        Answer::Factor { .. } => t.factors.passkey_refused.as_str(),
        _ => t.owner.wrong_password.as_str(),
    };
    let visitor = visitor(&visit, Some(&viewer));
    let step = app.services().journeys.answer(&handle, &visitor, answer).await?;
    match at.go(&app, &visit, step).await? {
        Led::Away(response) => Ok(response),
        Led::Again(refusal) => {
            let (status, notice) = complaint(t, &refusal.reason, wrong);
            match &refusal.challenge {
                Some(challenge) => {
                    confirm_page(&app, &visit, &viewer, &at, challenge, Some(notice), status).await
                }
                None => ask_again(&app, &visit, &viewer, &onward, Some(notice), status).await,
            }
        }
    }
}

/// What the person's password is typed with.
fn identifier(viewer: &Authenticated) -> Option<String> {
    let verified = viewer.account.value.held().find(|it| it.is_verified());
    verified.map(|it| it.key.as_str().to_owned())
}

/// What a factor is called.
pub(super) fn name_of(t: &Texts, factor: &str) -> String {
    match factor {
        PasskeyFactor::NAME => t.factors.passkey.to_string(),
        TotpFactor::NAME => t.factors.totp.to_string(),
        HotpFactor::NAME => t.factors.hotp.to_string(),
        PushFactor::NAME => t.factors.push.to_string(),
        RecoveryCodeFactor::NAME => t.factors.recovery_code.to_string(),
        other => other.to_owned(),
    }
}

fn lead(t: &Texts, factor: &str) -> String {
    match factor {
        PasskeyFactor::NAME => t.factors.ask_passkey.to_string(),
        HotpFactor::NAME => t.factors.ask_hotp.to_string(),
        PushFactor::NAME => t.factors.ask_push.to_string(),
        RecoveryCodeFactor::NAME => t.factors.ask_recovery_code.to_string(),
        _ => t.factors.ask_totp.to_string(),
    }
}

fn wrong<'a>(t: &'a Texts, factor: &str) -> &'a str {
    match factor {
        PasskeyFactor::NAME => t.factors.passkey_refused.as_str(),
        PushFactor::NAME => t.factors.push_not_yet.as_str(),
        _ => t.factors.code_wrong.as_str(),
    }
}

const PATH: &str = "/factor";
const CONFIRM: &str = "/confirm";
/// Our own scripts, and what they ask here.
const ASKING: Sources = Sources { scripts: &["'self'"], frames: &[], connections: &["'self'"], styles: &[] };
