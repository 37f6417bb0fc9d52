//! Sign-up.

use axum::{extract::State, response::Response};
use ciam_core::journey::{Answer, Challenge, JourneyHandle, RefusalReason, Registration, Step};
use http::StatusCode;

use super::{
    onward::{Onward, link},
    pending::visitor,
    recover,
    steps::At,
};
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault, SignUpPage,
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Visit, page},
};

/// What the person typed, and what is wrong with it.
#[derive(Default)]
struct Typed<'a> {
    email: &'a str,
    name: &'a str,
    journey: Option<&'a JourneyHandle>,
    complaint: Complaint,
}

/// What is wrong, at the field that it is about.
#[derive(Default)]
struct Complaint {
    form: Option<String>,
    email: Option<String>,
    name: Option<String>,
    password: Option<String>,
}

/// The form.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let ask = pending.as_ref().and_then(Onward::sign_in);
    visit.prefer(ask.map_or(&[], |it| &it.ui_locales));
    let mut hint = ask.and_then(|it| it.login_hint.clone()).unwrap_or_default();
    let visitor = visitor(&visit, None);
    let journeys = &app.services().journeys;
    let mut handle = None;
    if let Some(journey) = visit.query("journey").map(|it| JourneyHandle::from_text(&it)) {
        let challenge = journeys.challenge(&journey, &visitor).await?;
        let Challenge::Registration { login_hint, .. } = challenge else {
            return At { handle: &journey, pending: pending.as_ref() }.to(&challenge);
        };
        hint = login_hint.unwrap_or(hint);
        handle = Some(journey);
    } else if journeys.policy().human_for.sign_up && app.config().ui.sign_up {
        let requirements = recover::requirements(&visit, pending.as_ref());
        let (handle, challenge) = journeys.begin_sign_up(&visitor, requirements).await?;
        if matches!(challenge, Challenge::Human { .. }) {
            return At { handle: &handle, pending: pending.as_ref() }.to(&challenge);
        }
    }
    let typed = Typed { email: &hint, journey: handle.as_ref(), ..Typed::default() };
    render(&app, &visit, pending.as_ref(), &typed, StatusCode::OK)
}

/// The form, filled in.
pub(super) async fn submit(
    State(app): State<App>,
    mut visit: Visit,
    form: Form,
) -> Result<Response, Failure> {
    if !app.config().ui.sign_up {
        return Err(Fault::Forbidden.into());
    }
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let ask = pending.as_ref().and_then(Onward::sign_in);
    visit.prefer(ask.map_or(&[], |it| &it.ui_locales));
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let requirements = recover::requirements(&visit, pending.as_ref());
    let mut typed = Typed { email: form.text("email"), name: form.text("name"), ..Typed::default() };
    let registration = match form.text("action") {
        "passwordless" => Registration::passwordless(typed.email),
        _ => Registration::new(typed.email, form.text("password")),
    };
    let registration = registration.with_name(typed.name);
    let journeys = &app.services().journeys;
    let handle = match form.optional("journey").map(JourneyHandle::from_text) {
        Some(handle) => handle,
        None => {
            let (handle, first) = journeys.begin_sign_up(&visitor, requirements).await?;
            if matches!(first, Challenge::Human { .. }) {
                return At { handle: &handle, pending: pending.as_ref() }.to(&first);
            }
            handle
        }
    };
    match journeys.answer(&handle, &visitor, Answer::Register(registration)).await? {
        Step::Challenge(next) => At { handle: &handle, pending: pending.as_ref() }.to(&next),
        Step::Refused(refusal) => {
            let (status, complaint) = complaint(app.texts(visit.language), &refusal.reason);
            typed.complaint = complaint;
            typed.journey = refusal.challenge.is_some().then_some(&handle);
            render(&app, &visit, pending.as_ref(), &typed, status)
        }
        Step::Done(_) => Err(Failure::internal("a registration ended before its code")),
    }
}

fn complaint(t: &Texts, reason: &RefusalReason) -> (StatusCode, Complaint) {
    let none = Complaint::default();
    let complaint = match reason {
        RefusalReason::Email => Complaint { email: Some(t.field.email_invalid.to_string()), ..none },
        RefusalReason::Name => Complaint { name: Some(t.field.name_invalid.with("max", MAX_NAME)), ..none },
        RefusalReason::Password(rejection) => {
            let text = recover::password_complaint(t, rejection);
            Complaint { password: Some(text), ..none }
        }
        RefusalReason::TooManyAttempts => {
            let form = Some(t.field.slow_down.to_string());
            return (StatusCode::TOO_MANY_REQUESTS, Complaint { form, ..none });
        }
        RefusalReason::Connection => Complaint { form: Some(t.sign_in.no_connection.to_string()), ..none },
        RefusalReason::Method => Complaint { form: Some(t.journey.method.to_string()), ..none },
        _ => Complaint { form: Some(t.error.lead.to_string()), ..none },
    };
    (StatusCode::UNPROCESSABLE_ENTITY, complaint)
}

fn render(
    app: &App,
    visit: &Visit,
    pending: Option<&Onward>,
    typed: &Typed<'_>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let min = u16::try_from(app.services().password.policy().min_length).unwrap_or(u16::MAX);
    let continuation = pending.map(|it| it.text().to_owned());
    let sign_in = link("/sign-in", &[("continue", continuation.as_deref())]);
    let complaint = &typed.complaint;
    let view = SignUpPage {
        frame: app.frame(visit, false),
        csrf: visit.csrf("/sign-up"),
        notice: complaint.form.clone().map(Notice::bad),
        email: Field::new("email", Input::NewEmail, t.field.email.as_str())
            .with_value(typed.email)
            .with_error(complaint.email.clone()),
        name: Field::new("name", Input::Name, t.field.display_name.as_str())
            .with_value(typed.name)
            .with_hint(t.sign_up.name_hint.as_str())
            .with_error(complaint.name.clone()),
        password: Field::new("password", Input::NewPassword { min }, t.field.password.as_str())
            .with_hint(t.sign_up.password_hint.with("min", min))
            .with_error(complaint.password.clone()),
        continuation,
        journey: typed.journey.map(|it| it.expose().to_owned()),
        sign_in,
        open: app.config().ui.sign_up,
    };
    let mut response = page(status, &view)?;
    if let Some(pending) = pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}

/// The longest name that core accepts.
const MAX_NAME: usize = 128;
