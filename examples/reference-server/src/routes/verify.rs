//! Proof of the email address.

use axum::{extract::State, response::Response};
use ciam_core::journey::{Answer, Challenge, CodePurpose, JourneyError, JourneyHandle, RefusalReason, Step};
use ciam_core::notify::Channel;
use http::StatusCode;

use super::{
    onward::{Onward, link},
    pending::visitor,
    sign_in,
    steps::At,
};
use crate::{
    app::App,
    pages::{
        Fault, VerifyPage,
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Visit, page},
};

/// What the page shows.
struct View<'a> {
    journey: &'a str,
    pending: Option<&'a Onward>,
    notice: Option<Notice>,
    complaint: Option<String>,
    status: StatusCode,
}

/// The form.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let journey = visit.query("journey").ok_or(Fault::NotFound)?;
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let handle = JourneyHandle::from_text(&journey);
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, None)).await?;
    let view = View {
        journey: &journey,
        pending: pending.as_ref(),
        notice: None,
        complaint: None,
        status: StatusCode::OK,
    };
    render(&app, &visit, view, &challenge)
}

/// The form, filled in; or the wish for another code.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let journey = form.text("journey");
    let handle = JourneyHandle::from_text(journey);
    let resend = form.text("action") == "resend";
    let answer = if resend { Answer::Resend } else { Answer::code(form.text("code")) };
    let t = app.texts(visit.language);
    let mut view = View {
        journey,
        pending: pending.as_ref(),
        notice: None,
        complaint: None,
        status: StatusCode::UNPROCESSABLE_ENTITY,
    };
    let challenge = match app.services().journeys.answer(&handle, &visitor, answer).await? {
        Step::Done(done) => {
            return sign_in::finish(&app, &visit, &At { handle: &handle, pending: pending.as_ref() }, &done)
                .await;
        }
        Step::Challenge(challenge) if !matches!(challenge, Challenge::Code { .. }) => {
            return At { handle: &handle, pending: pending.as_ref() }.to(&challenge);
        }
        Step::Challenge(challenge) => {
            view.status = StatusCode::OK;
            view.notice = resend.then(|| Notice::good(t.verify.resent.as_str()));
            challenge
        }
        Step::Refused(refusal) => {
            match refusal.reason {
                RefusalReason::TooManyAttempts => {
                    view.status = StatusCode::TOO_MANY_REQUESTS;
                    view.notice = Some(Notice::bad(t.field.slow_down.as_str()));
                }
                RefusalReason::AlreadyRegistered => {
                    let notice = Notice::bad(t.verify.taken.as_str());
                    return sign_in::again(&app, &visit, pending.as_ref(), notice).await;
                }
                _ => view.complaint = Some(t.field.code_wrong.to_string()),
            }
            // Without a challenge the journey is over.
            match refusal.challenge {
                Some(challenge) => challenge,
                None => return Err(JourneyError::NotFound.into()),
            }
        }
    };
    render(&app, &visit, view, &challenge)
}

fn render(app: &App, visit: &Visit, view: View<'_>, challenge: &Challenge) -> Result<Response, Failure> {
    let Challenge::Code { purpose, channel, sent_to, digits, expires_at, .. } = challenge else {
        return Err(Fault::Expired.into());
    };
    let t = app.texts(visit.language);
    let minutes = ((*expires_at - app.ports().now()).whole_seconds() + 59).max(0) / 60;
    let digits = u8::try_from(*digits).unwrap_or(u8::MAX);
    let continuation = view.pending.map(|it| it.text().to_owned());
    let by_phone = *channel == Channel::Sms;
    let (restart, lead) = match purpose {
        CodePurpose::Registration => ("/sign-up", t.verify.lead.with("email", sent_to)),
        CodePurpose::Recovery => ("/recover", t.journey.code_lead.with("to", sent_to)),
        CodePurpose::Confirmation => ("/sign-in", t.risk.page_lead.with("to", sent_to)),
        _ if by_phone => ("/sign-in", t.verify.sms_lead.with("to", sent_to)),
        _ => ("/sign-in", t.journey.code_lead.with("to", sent_to)),
    };
    let restart = link(restart, &[("continue", continuation.as_deref())]);
    let shown = VerifyPage {
        frame: app.frame(visit, false),
        csrf: visit.csrf("/verify"),
        by_phone,
        notice: view.notice,
        lead,
        journey: view.journey.to_owned(),
        continuation,
        code: Field::new("code", Input::Code { digits }, t.field.code.as_str())
            .with_hint(t.verify.hint.fill(&[("digits", i64::from(digits)), ("minutes", minutes)]))
            .with_error(view.complaint)
            .with_focus(true),
        restart,
    };
    let mut response = page(view.status, &shown)?;
    if let Some(pending) = view.pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}
