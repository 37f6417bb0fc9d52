//! A forgotten password: who it is, and later the new one.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    journey::{Answer, Challenge, JourneyHandle, RefusalReason, Requirements, Step},
    password::PasswordRejection,
};
use http::StatusCode;

use super::{
    onward::{Onward, link},
    pending::visitor,
    steps::{At, Led, complaint},
};
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault, StepLink, StepPage,
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Visit, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/recover", get(ask).post(asked)).route("/new-password", get(choose).post(chosen))
}

async fn ask(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let mut hint = pending.as_ref().and_then(Onward::sign_in).and_then(|it| it.login_hint.clone());
    let mut handle = JourneyHandle::from_text("");
    if let Some(journey) = visit.query("journey") {
        handle = JourneyHandle::from_text(&journey);
        let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, None)).await?;
        let Challenge::Recovery { login_hint } = challenge else {
            return At { handle: &handle, pending: pending.as_ref() }.to(&challenge);
        };
        hint = login_hint.or(hint);
    }
    let at = At { handle: &handle, pending: pending.as_ref() };
    show_ask(&app, &visit, &at, &hint.unwrap_or_default(), StatusCode::OK, None)
}

async fn asked(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let requirements = requirements(&visit, pending.as_ref());
    let journeys = &app.services().journeys;
    let identifier = form.text("identifier");
    let handle = match form.optional("journey").map(JourneyHandle::from_text) {
        Some(handle) => handle,
        None => {
            let (handle, first) = journeys.begin_recovery(&visitor, requirements).await?;
            if matches!(first, Challenge::Human { .. }) {
                return At { handle: &handle, pending: pending.as_ref() }.to(&first);
            }
            handle
        }
    };
    let step = journeys.answer(&handle, &visitor, Answer::recover(identifier)).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    match at.go(&app, &visit, step).await? {
        Led::Away(response) => Ok(response),
        Led::Again(refusal) => {
            let (status, notice) = complaint(&app, &visit, &refusal.reason);
            show_ask(&app, &visit, &at, identifier, status, notice)
        }
    }
}

fn show_ask(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    identifier: &str,
    status: StatusCode,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    let frame = app.frame(visit, false);
    let (t, label) = (&frame.t.journey, frame.t.sign_in.identifier.as_str().to_owned());
    let back = link("/sign-in", &[("continue", at.pending.map(Onward::text))]);
    let mut shown = StepPage::new(frame.clone(), t.recover_title.as_str(), t.recover_lead.as_str());
    shown.notice = notice;
    shown.fields =
        vec![Field::new("identifier", Input::Identifier, label).with_value(identifier).with_focus(true)];
    // Without one, the journey begins when the form comes.
    shown.form = Some(at.form(visit, "/recover", t.recover_submit.as_str()));
    shown.aside = Some(StepLink { href: back, text: frame.t.frame.sign_in.to_string() });
    at.show(status, &shown)
}

async fn choose(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = JourneyHandle::from_text(&visit.query("journey").ok_or(Fault::NotFound)?);
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, None)).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    match challenge {
        Challenge::NewPassword { .. } => show_choice(&app, &visit, &at, StatusCode::OK, None, None),
        other => at.to(&other),
    }
}

async fn chosen(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let handle = JourneyHandle::from_text(form.text("journey"));
    let answer = Answer::new_password(form.text("password"));
    let step = app.services().journeys.answer(&handle, &visitor, answer).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    if let Step::Challenge(Challenge::Credentials { .. }) = &step {
        return see_other(&link(
            "/sign-in",
            &[("done", Some("recovered")), ("continue", pending.as_ref().map(Onward::text))],
        ));
    }
    match at.go(&app, &visit, step).await? {
        Led::Away(response) => Ok(response),
        Led::Again(refusal) => {
            let (status, notice) = complaint(&app, &visit, &refusal.reason);
            let wrong = match &refusal.reason {
                RefusalReason::Password(rejection) => {
                    Some(password_complaint(app.texts(visit.language), rejection))
                }
                _ => None,
            };
            show_choice(&app, &visit, &at, status, notice, wrong)
        }
    }
}

fn show_choice(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    status: StatusCode,
    notice: Option<Notice>,
    wrong: Option<String>,
) -> Result<Response, Failure> {
    let frame = app.frame(visit, false);
    let t = frame.t;
    let min = u16::try_from(app.services().password.policy().min_length).unwrap_or(u16::MAX);
    let mut shown = StepPage::new(frame, t.journey.password_title.as_str(), t.journey.password_lead.as_str());
    shown.notice = notice;
    shown.fields = vec![
        Field::new("password", Input::NewPassword { min }, t.field.password.as_str())
            .with_hint(t.sign_up.password_hint.with("min", min))
            .with_error(wrong)
            .with_focus(true),
    ];
    shown.form = Some(at.form(visit, "/new-password", t.journey.password_submit.as_str()));
    at.show(status, &shown)
}

/// What is wrong with a new password.
pub(super) fn password_complaint(t: &Texts, rejection: &PasswordRejection) -> String {
    match rejection {
        PasswordRejection::TooShort { min } => t.field.password_short.with("min", min),
        PasswordRejection::TooLong { max } => t.field.password_long.with("max", max),
        PasswordRejection::Personal => t.field.password_context.to_string(),
        _ => t.field.password_common.to_string(),
    }
}

/// What a journey is begun with: what was interrupted, and the language of the page.
pub(super) fn requirements(visit: &Visit, pending: Option<&Onward>) -> Requirements {
    let languages = vec![visit.language.code().to_owned()];
    let ask = pending.and_then(Onward::sign_in);
    let requirements = ask.map(Requirements::of).unwrap_or_default().with_languages(languages);
    let Some(pending) = pending else { return requirements };
    let requirements = requirements.with_continuation(Some(pending.text().to_owned()));
    let Some(request) = pending.request().map(|it| &it.interaction.request) else { return requirements };
    let scopes = request.scopes.iter().map(ToString::to_string).collect();
    requirements.with_client(request.client.as_str(), scopes)
}
