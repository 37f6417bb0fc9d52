//! From one step of a journey to the page of the next.

use axum::response::Response;
use ciam_core::journey::{Challenge, JourneyHandle, Refusal, RefusalReason, Step};
use http::StatusCode;

use super::{
    onward::{Onward, link},
    sign_in,
};
use crate::{
    app::App,
    pages::{StepForm, StepPage, parts::Notice},
    web::{Failure, Visit, page, see_other},
};

/// A journey in this browser, and what it interrupted.
pub(super) struct At<'a> {
    pub(super) handle: &'a JourneyHandle,
    pub(super) pending: Option<&'a Onward>,
}

/// What an answer led to: another page, or this one again.
pub(super) enum Led {
    Away(Response),
    Again(Refusal),
}

impl At<'_> {
    /// Goes where a step leads.
    pub(super) async fn go(&self, app: &App, visit: &Visit, step: Step) -> Result<Led, Failure> {
        match step {
            Step::Done(done) => sign_in::finish(app, visit, self, &done).await.map(Led::Away),
            Step::Challenge(challenge) => self.to(&challenge).map(Led::Away),
            Step::Refused(refusal) => Ok(Led::Again(refusal)),
        }
    }

    /// The page of a challenge.
    pub(super) fn to(&self, challenge: &Challenge) -> Result<Response, Failure> {
        let path = match challenge {
            Challenge::Code { .. } => "/verify",
            Challenge::Factor { .. } => "/factor",
            Challenge::Enrolment { .. } => "/enrol",
            Challenge::Recovery { .. } => "/recover",
            Challenge::NewPassword { .. } => "/new-password",
            Challenge::TakeBack { .. } => "/take-back",
            Challenge::Terms { .. } => "/terms",
            Challenge::Profile { .. } => "/complete",
            Challenge::Credentials { .. } => "/sign-in",
            Challenge::Connection { .. } => "/connection",
            Challenge::Human { .. } => "/check",
            Challenge::Registration { .. } => "/sign-up",
            other => return Err(Failure::internal(format!("there is no page for {other:?}"))),
        };
        see_other(&self.link(path))
    }

    /// A page of the journey.
    pub(super) fn link(&self, path: &str) -> String {
        let onward = self.pending.map(Onward::text);
        link(path, &[("journey", Some(self.handle.expose())), ("continue", onward)])
    }

    /// The form of a step, which carries the journey along.
    pub(super) fn form(&self, visit: &Visit, path: &str, submit: &str) -> StepForm {
        StepForm { action: visit.action(path), hidden: self.hidden(), submit: submit.to_owned() }
    }

    /// What every form of a step carries along.
    pub(super) fn hidden(&self) -> Vec<(&'static str, String)> {
        let mut hidden = vec![("journey", self.handle.expose().to_owned())];
        hidden.extend(self.pending.map(|it| ("continue", it.text().to_owned())));
        hidden
    }

    /// Shows the page of a step.
    pub(super) fn show(&self, status: StatusCode, shown: &StepPage<'_>) -> Result<Response, Failure> {
        let mut response = page(status, shown)?;
        if let Some(pending) = self.pending {
            response.extensions_mut().insert(pending.targets());
        }
        Ok(response)
    }
}

/// What is said above a form of a refusal that is about no field, and with which status.
pub(super) fn complaint(app: &App, visit: &Visit, reason: &RefusalReason) -> (StatusCode, Option<Notice>) {
    let t = app.texts(visit.language);
    match reason {
        RefusalReason::TooManyAttempts => {
            (StatusCode::TOO_MANY_REQUESTS, Some(Notice::bad(t.field.slow_down.as_str())))
        }
        RefusalReason::Method => {
            (StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::bad(t.journey.method.as_str())))
        }
        RefusalReason::Human => {
            (StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::bad(t.check.failed.as_str())))
        }
        RefusalReason::Connection => {
            (StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::bad(t.sign_in.no_connection.as_str())))
        }
        RefusalReason::Terms => {
            (StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::bad(t.journey.terms_missing.as_str())))
        }
        RefusalReason::Password(_) | RefusalReason::Profile(_) => (StatusCode::UNPROCESSABLE_ENTITY, None),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::bad(t.error.lead.as_str()))),
    }
}
