//! The factors of an account.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    account::{Owner, WaysIn},
    id::CredentialId,
    secret::Secret,
    session::{Authenticated, StartedSession},
};
use ciam_mfa::{
    manage::{EnrolledFactor, FactorError},
    otp::{OtpParameters, OtpSeed, provisioning_uri},
    recovery::RecoveryCodeFactor,
    webauthn::RegistrationResponse,
};
use http::{StatusCode, header::SET_COOKIE};

use super::{super::factor::name_of, owner};
use crate::{
    app::App,
    pages::{
        Fault,
        account::{
            Section,
            factors::{CodesPage, FactorLine, FactorsPage, Qr, TotpPage},
        },
        factor::PasskeyForm,
        parts::{Confirm, Field, Input, Notice},
    },
    web::{Failure, Form, Scripts, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(change))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = app.texts(visit.language);
    let done = [
        ("added", t.factors.done_added.as_str()),
        ("renamed", t.factors.done_renamed.as_str()),
        ("removed", t.factors.done_removed.as_str()),
    ];
    let notice = owner::notice(t, &visit, &done);
    render(&app, &visit, &viewer, notice, StatusCode::OK).await
}

async fn change(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let who = owner::owner(&visit, &viewer);
    let factors = &app.services().factors;
    let refused = match form.text("action") {
        "totp" => match factors.begin_totp(&who, &app.config().ui.product, &shown_name(&viewer)).await {
            Ok(offer) => {
                let seed = offer.seed.expose();
                let enrolling = Enrolling { enrolment: offer.enrolment.expose(), seed, failed: false };
                return totp(&app, &visit, &viewer, &enrolling);
            }
            Err(error) => error,
        },
        "totp-confirm" => match confirm_totp(&app, &visit, &viewer, &who, &form).await? {
            Ok(response) => return Ok(response),
            Err(error) => error,
        },
        "passkey" => match confirm_passkey(&app, &who, &form).await {
            Ok(started) => return owner::renewed(&app, &started, &format!("{PATH}?done=added")),
            Err(error) => error,
        },
        "codes" => match factors.replace_recovery_codes(&who).await {
            Ok((codes, started)) => return show_codes(&app, &visit, &codes.codes, &started),
            Err(error) => error,
        },
        "rename" => match factors.rename(&who, id(&form)?, form.text("label")).await {
            Ok(()) => return see_other(&format!("{PATH}?done=renamed")),
            Err(error) => error,
        },
        "remove" => match factors.remove(&who, id(&form)?).await {
            Ok(started) => return owner::renewed(&app, &started, &format!("{PATH}?done=removed")),
            Err(error) => error,
        },
        _ => return Err(Fault::BadRequest.into()),
    };
    let (status, text) = complaint(&app, &visit, refused)?;
    render(&app, &visit, &viewer, Some(Notice::bad(text)), status).await
}

fn id(form: &Form) -> Result<CredentialId, Failure> {
    form.text("factor").parse().map_err(|_| Fault::BadRequest.into())
}

async fn confirm_totp(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    who: &Owner<'_>,
    form: &Form,
) -> Result<Result<Response, FactorError>, Failure> {
    let enrolment = Secret::from(form.text("enrolment"));
    let factors = &app.services().factors;
    match factors.confirm_totp(who, &enrolment, form.text("code"), form.text("label")).await {
        Ok(started) => owner::renewed(app, &started, &format!("{PATH}?done=added")).map(Ok),
        Err(FactorError::Code) => {
            let seed: String = form.text("seed").split_whitespace().collect();
            let enrolling = Enrolling { enrolment: enrolment.expose(), seed: &seed, failed: true };
            totp(app, visit, viewer, &enrolling).map(Ok)
        }
        Err(error) => Ok(Err(error)),
    }
}

async fn confirm_passkey(app: &App, who: &Owner<'_>, form: &Form) -> Result<StartedSession, FactorError> {
    let response: RegistrationResponse =
        serde_json::from_str(form.text("response")).map_err(|_| FactorError::NotFound)?;
    let enrolment = Secret::from(form.text("enrolment"));
    app.services().factors.confirm_passkey(who, &enrolment, &response, form.text("label")).await
}

/// An enrolment that is under way.
struct Enrolling<'a> {
    enrolment: &'a str,
    seed: &'a str,
    failed: bool,
}

fn totp(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    enrolling: &Enrolling<'_>,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let seed = OtpSeed::from_base32(enrolling.seed).map_err(|_| Fault::BadRequest)?;
    let uri =
        provisioning_uri(&app.config().ui.product, &shown_name(viewer), &seed, &OtpParameters::default());
    let letters: Vec<char> = enrolling.seed.chars().collect();
    let grouped: Vec<String> = letters.chunks(4).map(|it| it.iter().collect()).collect();
    let shown = TotpPage {
        frame: app.frame(visit, true),
        nav: Section::Factors.nav(t),
        notice: None,
        action: visit.action(PATH),
        enrolment: enrolling.enrolment.to_owned(),
        seed: grouped.join(" "),
        uri: uri.expose().to_owned(),
        qr: Qr::of(uri.expose()).ok_or(Fault::BadRequest)?,
        label: Field::new("label", Input::Text { max: 64 }, t.factors.label.as_str()).optional(),
        code: Field::new("code", Input::Code { digits: 6 }, t.field.code.as_str())
            .with_error(enrolling.failed.then(|| t.factors.code_wrong.to_string())),
    };
    let status = if enrolling.failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, &shown)
}

/// The codes, once. The session has another secret already, so the page carries it.
fn show_codes(
    app: &App,
    visit: &Visit,
    codes: &[Secret],
    started: &StartedSession,
) -> Result<Response, Failure> {
    let shown = CodesPage {
        frame: app.frame(visit, true),
        nav: Section::Factors.nav(app.texts(visit.language)),
        codes: codes.iter().map(|it| it.expose().to_owned()).collect(),
    };
    let mut response = page(StatusCode::OK, &shown)?;
    let cookie = started.cookie.set_cookie(Some(app.config().sessions.lifetime.time()))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

async fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let factors = &app.services().factors;
    let account = viewer.account.value.id;
    let proof = owner::proof(app, visit, viewer, PATH).await?;
    let listed = factors.list(account).await?;
    let lines = lines(app, visit, viewer, &listed, proof.is_none()).await?;
    let codes = Confirm::new(
        visit.action(PATH),
        t.factors.codes_new.as_str(),
        t.factors.codes_question.as_str(),
        t.factors.codes_new.as_str(),
    )
    .with_hidden("action", "codes")
    .dangerous();
    let accepted = match app.services().relying_party {
        Some(_) => {
            let accepted = factors.accepted_passkeys(account).await.map_err(Failure::internal)?;
            Some(serde_json::to_string(&accepted).map_err(Failure::internal)?)
        }
        None => None,
    };
    let shown = FactorsPage {
        frame: app.frame(visit, true),
        nav: Section::Factors.nav(t),
        notice,
        passkey: if proof.is_none() { passkey_form(app, visit, viewer).await? } else { None },
        proof,
        factors: lines,
        accepted,
        action: visit.action(PATH),
        label: Field::new("label", Input::Text { max: 64 }, t.factors.label.as_str()).optional(),
        codes: listed.iter().any(|it| it.factor == RecoveryCodeFactor::NAME).then_some(codes),
    };
    let mut response = page(status, &shown)?;
    response.extensions_mut().insert(Scripts::Ours);
    Ok(response)
}

/// The factors, with what can be done with each.
async fn lines(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    listed: &[EnrolledFactor],
    changeable: bool,
) -> Result<Vec<FactorLine>, Failure> {
    let t = app.texts(visit.language);
    let (accounts, account) = (&app.services().accounts, &viewer.account.value);
    let credentials = app.ports().store().credentials_of(account.id).await?;
    let identities = accounts.identities_of(account.id).await?.len();
    let is_last = |id: CredentialId| {
        let left: Vec<_> = credentials.iter().filter(|it| it.value.id != id).cloned().collect();
        WaysIn::of(account, &left, identities, accounts.policy()).is_empty()
    };
    let line = |(at, it): (usize, &EnrolledFactor)| {
        let kind = name_of(t, &it.factor);
        let about = it.label.as_deref().unwrap_or(&kind);
        let ask = |action: &str, words: &str, question: &str| {
            Confirm::new(visit.action(PATH), words, question, words)
                .with_hidden("action", action)
                .with_hidden("factor", it.id.to_string())
                .about(about)
        };
        let since = moment(it.created_at);
        let hint = match (it.left, it.last_used_at) {
            (Some(left), _) => t.factors.left.with("left", left),
            (None, Some(used)) => t.factors.used.fill(&[("since", since), ("time", moment(used))]),
            (None, None) => t.factors.since.with("time", since),
        };
        let last = is_last(it.id);
        let named = it.factor != RecoveryCodeFactor::NAME;
        FactorLine {
            hint,
            last,
            label: it.label.clone(),
            rename: (changeable && named)
                .then(|| ask("rename", t.factors.rename.as_str(), t.factors.rename_lead.as_str())),
            name: Field::new(format!("name-{at}"), Input::Text { max: 64 }, t.factors.label.as_str())
                .named("label")
                .with_value(it.label.as_deref().unwrap_or_default())
                .optional(),
            remove: (changeable && !last).then(|| {
                ask("remove", t.factors.remove.as_str(), t.factors.remove_question.as_str()).dangerous()
            }),
            kind,
        }
    };
    Ok(listed.iter().enumerate().map(line).collect())
}

/// Asks the browser for a new passkey; none where the account has as many as it may have, or begins too often.
async fn passkey_form(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
) -> Result<Option<PasskeyForm>, Failure> {
    if app.services().relying_party.is_none() {
        return Ok(None);
    }
    let offer = match app.services().factors.begin_passkey(&owner::owner(visit, viewer)).await {
        Ok(offer) => offer,
        Err(FactorError::Port(error)) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    Ok(Some(PasskeyForm {
        action: visit.action(PATH),
        hidden: vec![("action", "passkey".to_owned()), ("enrolment", offer.enrolment.expose().to_owned())],
        kind: "create",
        options: serde_json::to_string(&offer.options).map_err(Failure::internal)?,
        submit: app.texts(visit.language).factors.passkey_add.to_string(),
        script: Some(app.assets().passkey().to_owned()),
    }))
}

/// Why a change was refused, in words; a port that failed is a failure.
fn complaint(app: &App, visit: &Visit, error: FactorError) -> Result<(StatusCode, String), Failure> {
    let t = app.texts(visit.language);
    let text = match error {
        FactorError::Port(error) => return Err(error.into()),
        FactorError::TooMany { .. } => {
            return Ok((StatusCode::TOO_MANY_REQUESTS, t.field.slow_down.to_string()));
        }
        FactorError::NeedsProof => t.owner.needs_proof.to_string(),
        FactorError::NeedsStrongerProof => t.factors.stronger.to_string(),
        FactorError::LastWayIn => t.owner.last_way_in.to_string(),
        FactorError::TooManyThings => t.owner.too_many.to_string(),
        FactorError::Code => t.factors.code_wrong.to_string(),
        FactorError::Label => t.factors.label_bad.to_string(),
        FactorError::Passkey(_) => t.factors.passkey_failed.to_string(),
        FactorError::AlreadyRegistered => t.factors.passkey_known.to_string(),
        _ => t.owner.gone.to_string(),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, text))
}

/// What the authenticator app shows.
fn shown_name(viewer: &Authenticated) -> String {
    let held = viewer.account.value.held().find(|it| it.is_verified());
    held.map(|it| it.key.as_str().to_owned()).unwrap_or_default()
}

const PATH: &str = "/account/factors";
