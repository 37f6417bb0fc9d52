//! A further factor that is to be added before the session.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::journey::{Answer, Challenge, JourneyHandle, RefusalReason, Step};
use ciam_mfa::{otp::TotpFactor, webauthn::PasskeyFactor};
use http::StatusCode;
use serde_json::{Value, json};

use super::{factor::name_of, onward::Onward, pending::visitor, steps::At};
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault,
        account::factors::Qr,
        enrol::{EnrolPage, NewApp},
        factor::PasskeyForm,
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Scripts, Visit, moment, page},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(submit))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = JourneyHandle::from_text(&visit.query("journey").ok_or(Fault::NotFound)?);
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let viewer = app.viewer(&visit).await?;
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, viewer.as_ref())).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    render(&app, &visit, &at, &challenge, None)
}

async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let handle = JourneyHandle::from_text(form.text("journey"));
    let at = At { handle: &handle, pending: pending.as_ref() };
    let answer = match (form.optional("choose"), form.optional("later")) {
        (Some(factor), _) => Answer::begin_enrolment(factor),
        (None, Some(_)) => Answer::postpone_enrolment(),
        (None, None) => Answer::enrol(form.text("factor"), response(&form)),
    };
    let viewer = app.viewer(&visit).await?;
    let journeys = &app.services().journeys;
    let step = journeys.answer(&handle, &visitor(&visit, viewer.as_ref()), answer).await?;
    match step {
        Step::Done(done) => super::sign_in::finish(&app, &visit, &at, &done).await,
        Step::Challenge(challenge) => at.to(&challenge),
        Step::Refused(refusal) => match &refusal.challenge {
            Some(challenge) => render(&app, &visit, &at, challenge, Some(&refusal.reason)),
            None => Err(Fault::Expired.into()),
        },
    }
}

/// The answer of the browser, or what was typed.
fn response(form: &Form) -> Value {
    match form.optional("response") {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => json!({ "code": form.text("code") }),
    }
}

fn render(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    challenge: &Challenge,
    refused: Option<&RefusalReason>,
) -> Result<Response, Failure> {
    let Challenge::Enrolment { offered, chosen, data, postponable_until } = challenge else {
        return at.to(challenge);
    };
    let data = data.expose();
    let t = app.texts(visit.language);
    let chosen = chosen.as_deref();
    let is_app = chosen == Some(TotpFactor::NAME);
    let wrong = refused.is_some();
    let notice = match refused {
        Some(RefusalReason::Code) if !is_app => Some(Notice::bad(t.factors.passkey_failed.as_str())),
        Some(RefusalReason::Code) | None => None,
        Some(_) => Some(Notice::bad(t.factors.enrol_now.as_str())),
    };
    let shown = EnrolPage {
        frame: app.frame(visit, false),
        lead: lead(t, chosen),
        notice,
        action: visit.action(PATH),
        hidden: at.hidden(),
        choices: offered
            .iter()
            .filter(|it| chosen != Some(it.as_str()))
            .map(|it| (it.clone(), name_of(t, it)))
            .collect(),
        app: if is_app { Some(new_app(t, data, wrong)?) } else { None },
        passkey: (chosen == Some(PasskeyFactor::NAME)).then(|| {
            let mut hidden = at.hidden();
            hidden.push(("factor", PasskeyFactor::NAME.to_owned()));
            PasskeyForm {
                action: visit.action(PATH),
                hidden,
                kind: "create",
                options: data.to_string(),
                submit: t.factors.passkey_add.to_string(),
                script: Some(app.assets().passkey().to_owned()),
            }
        }),
        until: postponable_until.map(moment),
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = page(status, &shown)?;
    response.extensions_mut().insert(Scripts::Ours);
    if let Some(pending) = at.pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}

fn lead(t: &Texts, chosen: Option<&str>) -> String {
    match chosen {
        Some(TotpFactor::NAME) => t.factors.totp_scan.to_string(),
        Some(PasskeyFactor::NAME) => t.factors.passkey_lead.to_string(),
        _ => t.factors.enrol_lead.to_string(),
    }
}

fn new_app(t: &Texts, data: &Value, wrong: bool) -> Result<NewApp, Failure> {
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    let digits = data.get("digits").and_then(Value::as_u64).and_then(|it| u8::try_from(it).ok());
    let letters: Vec<char> = text("seed").chars().collect();
    let grouped: Vec<String> = letters.chunks(4).map(|it| it.iter().collect()).collect();
    Ok(NewApp {
        seed: grouped.join(" "),
        uri: text("uri").to_owned(),
        qr: Qr::of(text("uri")).ok_or(Fault::Expired)?,
        code: Field::new("code", Input::Code { digits: digits.unwrap_or(6) }, t.field.code.as_str())
            .with_error(wrong.then(|| t.factors.code_wrong.to_string())),
    })
}

const PATH: &str = "/enrol";
