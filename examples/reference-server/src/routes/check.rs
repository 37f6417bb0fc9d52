//! The check that a journey stops for.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    abuse::ProofOfWork,
    journey::{Answer, Challenge, JourneyHandle},
};
use http::StatusCode;
use serde_json::Value;

use super::{
    onward::Onward,
    pending::visitor,
    steps::{At, Led, complaint},
};
use crate::{
    app::App,
    config::CaptchaKind,
    pages::{CaptchaBox, CheckPage, Fault, Work, parts::Notice},
    web::{Failure, Form, Scripts, Visit, page},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(submit))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = JourneyHandle::from_text(&visit.query("journey").ok_or(Fault::NotFound)?);
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, None)).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    render(&app, &visit, &at, &challenge, StatusCode::OK, None)
}

async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let handle = JourneyHandle::from_text(form.text("journey"));
    let at = At { handle: &handle, pending: pending.as_ref() };
    let journeys = &app.services().journeys;
    let challenge = journeys.challenge(&handle, &visitor).await?;
    let Challenge::Human { check, .. } = &challenge else { return at.to(&challenge) };
    let field = CaptchaKind::named(check).map_or("response", CaptchaKind::field);
    let answer = Answer::Human { response: form.text(field).to_owned() };
    let step = journeys.answer(&handle, &visitor, answer).await?;
    match at.go(&app, &visit, step).await? {
        Led::Away(response) => Ok(response),
        Led::Again(refusal) => {
            let (status, notice) = complaint(&app, &visit, &refusal.reason);
            // Without a challenge the journey is over.
            let again = refusal.challenge.ok_or(Fault::Expired)?;
            render(&app, &visit, &at, &again, status, notice)
        }
    }
}

fn render(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    challenge: &Challenge,
    status: StatusCode,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    let Challenge::Human { check, data } = challenge else { return at.to(challenge) };
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| data.get(name).and_then(Value::as_u64);
    let captcha = CaptchaKind::named(check);
    let (script, scripts) = match captcha {
        Some(kind) => (kind.script().to_owned(), Scripts::Of(kind.sources())),
        None => (app.assets().check().to_owned(), Scripts::Ours),
    };
    let frame = app.frame(visit, false);
    let shown = CheckPage {
        notice,
        script: Some(script),
        form: at.form(visit, PATH, frame.t.check.submit.as_str()),
        work: captcha.is_none().then(|| Work {
            challenge: text("challenge"),
            bits: number("bits").unwrap_or_default(),
            wait: number("wait"),
            otherwise: ProofOfWork::WAITED,
        }),
        captcha: captcha.map(|kind| CaptchaBox { class: kind.class(), site_key: text("site_key") }),
        frame,
    };
    let mut response = page(status, &shown)?;
    response.extensions_mut().insert(scripts);
    if let Some(pending) = at.pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}

const PATH: &str = "/check";
