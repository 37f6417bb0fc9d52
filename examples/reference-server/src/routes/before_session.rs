//! What is asked before a session begins: whether to take a closed account back, terms to accept, attributes that are missing.

use std::collections::BTreeMap;

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    account::schema::AttributeType,
    journey::{AcceptedVersion, Answer, AttributeAsk, Challenge, JourneyHandle, RefusalReason, TermsAsk},
};
use http::StatusCode;
use serde_json::Value;

use super::{
    attributes,
    onward::Onward,
    pending::visitor,
    steps::{At, Led, complaint},
};
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault, StepLink, StepPage,
        parts::{Checkbox, Field, Notice, Select},
    },
    web::{Failure, Form, Visit, moment},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/take-back", get(show).post(take_back))
        .route("/terms", get(show).post(accept))
        .route("/complete", get(show).post(complete))
}

/// Any of the pages: whichever the journey has come to.
async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = JourneyHandle::from_text(&visit.query("journey").ok_or(Fault::NotFound)?);
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let challenge = app.services().journeys.challenge(&handle, &visitor(&visit, None)).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    render(&app, &visit, &at, &challenge, &Problem::default())
}

/// What is wrong with what was sent.
struct Problem<'a> {
    status: StatusCode,
    notice: Option<Notice>,
    reason: Option<&'a RefusalReason>,
    typed: BTreeMap<String, String>,
}

impl Default for Problem<'_> {
    fn default() -> Self {
        Self { status: StatusCode::OK, notice: None, reason: None, typed: BTreeMap::new() }
    }
}

async fn take_back(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let answer =
        |challenge: &Challenge| matches!(challenge, Challenge::TakeBack { .. }).then_some(Answer::TakeBack);
    submit(&app, &visit, &form, answer).await
}

async fn accept(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let answer = |challenge: &Challenge| {
        let Challenge::Terms { documents } = challenge else { return None };
        // Only what was shown on the page that was sent can be accepted with it.
        let ticked = |(at, ask): (usize, &TermsAsk)| {
            let shown = form.optional(&format!("terms-{at}"))?;
            let (document, version) = shown.split_once('|')?;
            let document = ciam_core::terms::DocumentName::new(document).ok()?;
            let _position = ask;
            Some(AcceptedVersion::new(document, version))
        };
        Some(Answer::AcceptTerms { accepted: documents.iter().enumerate().filter_map(ticked).collect() })
    };
    submit(&app, &visit, &form, answer).await
}

async fn complete(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let answer = |challenge: &Challenge| {
        let Challenge::Profile { attributes } = challenge else { return None };
        let value = |ask: &AttributeAsk| {
            let text = form.text(&ask.name);
            // What cannot be read is refused at its field.
            let value = ask.kind.parse_text(text).unwrap_or_else(|_| Value::from(text));
            (ask.name.clone(), value)
        };
        let attributes: BTreeMap<String, Value> = attributes.iter().map(value).collect();
        Some(Answer::Profile { attributes })
    };
    submit(&app, &visit, &form, answer).await
}

async fn submit(
    app: &App,
    visit: &Visit,
    form: &Form,
    answer: impl Fn(&Challenge) -> Option<Answer>,
) -> Result<Response, Failure> {
    let pending = Onward::of(app, visit, form.optional("continue")).await?;
    let viewer = app.viewer(visit).await?;
    let visitor = visitor(visit, viewer.as_ref());
    let handle = JourneyHandle::from_text(form.text("journey"));
    let at = At { handle: &handle, pending: pending.as_ref() };
    let journeys = &app.services().journeys;
    let challenge = journeys.challenge(&handle, &visitor).await?;
    let Some(answer) = answer(&challenge) else { return at.to(&challenge) };
    let step = journeys.answer(&handle, &visitor, answer).await?;
    match at.go(app, visit, step).await? {
        Led::Away(response) => Ok(response),
        Led::Again(refusal) => {
            let (status, notice) = complaint(app, visit, &refusal.reason);
            let typed = match &challenge {
                Challenge::Profile { attributes } => {
                    attributes.iter().map(|it| (it.name.clone(), form.text(&it.name).to_owned())).collect()
                }
                _ => BTreeMap::new(),
            };
            let problem = Problem { status, notice, reason: Some(&refusal.reason), typed };
            render(app, visit, &at, refusal.challenge.as_ref().unwrap_or(&challenge), &problem)
        }
    }
}

fn render(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    challenge: &Challenge,
    problem: &Problem<'_>,
) -> Result<Response, Failure> {
    let frame = app.frame(visit, false);
    let t = &frame.t.journey;
    let mut shown = match challenge {
        Challenge::TakeBack { erase_after } => {
            let lead = t.back_lead.with("time", moment(*erase_after));
            let mut shown = StepPage::new(frame.clone(), t.back_title.as_str(), lead);
            shown.form = Some(at.form(visit, "/take-back", t.back_submit.as_str()));
            shown
        }
        Challenge::Terms { documents } => {
            let mut shown = StepPage::new(frame.clone(), t.terms_title.as_str(), t.terms_lead.as_str());
            for (position, ask) in documents.iter().enumerate() {
                let name = ask.title.as_deref().unwrap_or(ask.document.as_str());
                let readable = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
                if let Some(url) = ask.url.as_deref().filter(readable) {
                    let text = t.terms_read.with("document", name);
                    shown.links.push(StepLink { href: url.to_owned(), text });
                }
                let id = format!("terms-{position}");
                let value = format!("{}|{}", ask.document, ask.version);
                let mut check =
                    Checkbox::new(id.clone(), t.terms_accept.with("document", name)).named(id, value);
                check = match ask.postponable_until {
                    Some(until) => check.with_hint(t.terms_later.with("date", moment(until))),
                    None => check.required(),
                };
                shown.checks.push(check);
            }
            shown.form = Some(at.form(visit, "/terms", t.terms_submit.as_str()));
            shown
        }
        Challenge::Profile { attributes: asked } => {
            let mut shown = StepPage::new(frame.clone(), t.profile_title.as_str(), t.profile_lead.as_str());
            for ask in asked {
                let wrong = match problem.reason {
                    Some(RefusalReason::Profile(errors)) => errors.problem(&ask.name),
                    _ => None,
                };
                let wrong = wrong.map(|it| attributes::complaint(frame.t, it));
                let label = attributes::label(app, visit.language, &ask.name, ask.label.as_deref());
                let typed = problem.typed.get(&ask.name).cloned().unwrap_or_default();
                match choices(frame.t, &ask.kind) {
                    Some(choices) => {
                        let select = Select::new(ask.name.clone(), label).with_error(wrong);
                        let choose = |select: Select, (value, words): (String, String)| {
                            let chosen = value == typed;
                            select.with(value, words, chosen)
                        };
                        shown.selects.push(choices.into_iter().fold(select, choose));
                    }
                    None => {
                        let input = attributes::input_of(&ask.name, &ask.kind);
                        let field = Field::new(ask.name.clone(), input, label).with_value(typed);
                        shown.fields.push(field.with_error(wrong));
                    }
                }
            }
            shown.form = Some(at.form(visit, "/complete", t.profile_submit.as_str()));
            shown
        }
        other => return at.to(other),
    };
    shown.notice = problem.notice.clone();
    at.show(problem.status, &shown)
}

/// The values to choose from, with the words for them.
fn choices(t: &Texts, kind: &AttributeType) -> Option<Vec<(String, String)>> {
    match kind {
        AttributeType::OneOf(values) => Some(values.iter().map(|it| (it.clone(), it.clone())).collect()),
        AttributeType::Boolean => Some(vec![
            ("true".to_owned(), t.attributes.yes.to_string()),
            ("false".to_owned(), t.attributes.no.to_string()),
        ]),
        _ => None,
    }
}
