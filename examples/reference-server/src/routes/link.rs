//! The page of a link from a mail. Opening it changes nothing; its button does.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::journey::{Challenge, JourneyLink, LinkOpened};
use http::StatusCode;

use super::{
    onward::Onward,
    pending::visitor,
    steps::{At, Led, complaint},
};
use crate::{
    app::App,
    pages::{Fault, StepForm, StepPage},
    web::{Failure, Form, Visit},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/link", get(open).post(follow))
}

async fn open(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let link = JourneyLink::from_text(&visit.query("token").ok_or(Fault::NotFound)?);
    let opened = app.services().journeys.open_link(&link, &visitor(&visit, None)).await?;
    let frame = app.frame(&visit, false);
    let t = &frame.t.journey;
    let shown = match opened {
        LinkOpened::Here(challenge) => {
            let lead = t.link_lead.with("to", sent_to(&challenge));
            let mut shown = StepPage::new(frame.clone(), t.link_title.as_str(), lead);
            shown.form = Some(StepForm {
                action: visit.action("/link"),
                hidden: vec![("token", link.expose())],
                submit: t.link_submit.to_string(),
            });
            shown
        }
        LinkOpened::Elsewhere { code, .. } => {
            let mut shown =
                StepPage::new(frame.clone(), t.elsewhere_title.as_str(), t.elsewhere_lead.as_str());
            shown.code = Some(code.expose().to_owned());
            shown
        }
    };
    At { handle: link.handle(), pending: None }.show(StatusCode::OK, &shown)
}

async fn follow(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let link = JourneyLink::from_text(form.text("token"));
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let journeys = &app.services().journeys;
    // The mail knows nothing of what was interrupted; the journey does.
    let requirements = journeys.requirements(link.handle(), &visitor).await?;
    let pending = Onward::of(&app, &visit, requirements.continuation.as_deref()).await?;
    let step = journeys.answer(link.handle(), &visitor, link.answer()).await?;
    let at = At { handle: link.handle(), pending: pending.as_ref() };
    match at.go(&app, &visit, step).await? {
        Led::Away(response) => Ok(response),
        Led::Again(refusal) => {
            let (status, notice) = complaint(&app, &visit, &refusal.reason);
            let frame = app.frame(&visit, false);
            let t = &frame.t.journey;
            let to = refusal.challenge.as_ref().map_or("", sent_to);
            let mut shown = StepPage::new(frame.clone(), t.link_title.as_str(), t.link_lead.with("to", to));
            shown.notice = notice;
            at.show(status, &shown)
        }
    }
}

fn sent_to(challenge: &Challenge) -> &str {
    match challenge {
        Challenge::Code { sent_to, .. } => sent_to,
        _ => "",
    }
}
