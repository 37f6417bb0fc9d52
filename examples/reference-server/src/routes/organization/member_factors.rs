//! The passkeys and codes of a member who has lost them.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::{account::ReasonCode, id::AccountId, organization::OrganizationError};
use ciam_mfa::manage::FactorError;
use http::StatusCode;

use super::{Console, complaint, members::name_of};
use crate::{
    app::App,
    i18n::{ConsoleTexts, Message, Texts},
    member_factors::MemberFactorsError,
    pages::{
        Fault,
        organization::{FormPart, Panel, Section},
        parts::{Notice, Select},
    },
    routes::onward::link,
    web::{Failure, Form, Visit},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/members/{account}/factors", get(show).post(submit))
}

/// The page for a member.
pub(super) fn path(console: &Console, account: AccountId) -> String {
    format!("{}/{account}/factors", console.path(Section::Members))
}

async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((slug, account)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let account = account.parse().map_err(|_| Fault::NotFound)?;
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => render(&app, &visit, &console, account, None).await,
        Err(response) => Ok(response),
    }
}

async fn submit(
    State(app): State<App>,
    visit: Visit,
    Path((slug, account)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let account: AccountId = account.parse().map_err(|_| Fault::NotFound)?;
    let console = match Console::open(&app, &visit, &slug).await? {
        Ok(console) => console,
        Err(response) => return Ok(response),
    };
    let texts = app.texts(visit.language);
    let reason = REASONS.iter().find(|it| **it == form.text("reason")).ok_or(Fault::BadRequest)?;
    let reason = ReasonCode::new(*reason).map_err(Failure::internal)?;
    let services = app.services();
    let done = services.reset_member_factors(&console.viewer, console.id, account, &reason).await;
    let notice = match done {
        Ok(0) => (StatusCode::OK, Notice::good(texts.console.factors_none.as_str())),
        Ok(count) => (StatusCode::OK, Notice::good(texts.console.factors_done.with("count", count))),
        Err(error) => refused(texts, error)?,
    };
    render(&app, &visit, &console, account, Some(notice)).await
}

async fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    account: AccountId,
    notice: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let texts = app.texts(visit.language);
    let t = &texts.console;
    let services = app.services();
    let member = match services.organizations.member(&console.actor, console.id, account).await {
        Ok(member) => member,
        Err(error) => {
            let complaint = notice.map_or_else(|| complaint(texts, error), Ok)?;
            return console.page(app, visit, Section::Members, Vec::new(), Some(complaint));
        }
    };
    let who = name_of(&member);
    let mut panel = Panel::new("factors", t.factors_reset.as_str())
        .with_hint(t.factors_lead.with("who", &who))
        .with_line(t.person.as_str(), who)
        .with_line(t.email.as_str(), member.email.clone().unwrap_or_default());
    if let Err(error) = services.may_reset_member(&console.actor, console.id, account).await {
        let complaint = notice.map_or_else(|| refused(texts, error), Ok)?;
        return console.page(app, visit, Section::Members, vec![panel], Some(complaint));
    }
    let here = path(console, account);
    panel = if services.accounts.is_recent(&console.viewer).await? {
        panel.with_form(form(t, visit, &here))
    } else {
        panel.with_link(link("/confirm", &[("continue", Some(&here))]), t.step_up.as_str())
    };
    console.page(app, visit, Section::Members, vec![panel], notice)
}

fn form(t: &ConsoleTexts, visit: &Visit, here: &str) -> FormPart {
    let mut why = Select::new("reason", t.factors_why.as_str());
    for (at, reason) in REASONS.iter().enumerate() {
        why = why.with(*reason, words(t, reason).as_str(), at == 0);
    }
    FormPart::new(visit.action(here), t.factors_reset.as_str()).with(why)
}

fn words<'a>(t: &'a ConsoleTexts, reason: &str) -> &'a Message {
    match reason {
        "device_stolen" => &t.factors_stolen,
        "device_replaced" => &t.factors_replaced,
        _ => &t.factors_lost,
    }
}

/// Why it was not done, in words; a port that failed is a failure.
fn refused(texts: &Texts, error: MemberFactorsError) -> Result<(StatusCode, Notice), Failure> {
    let t = &texts.console;
    let (status, text) = match error {
        MemberFactorsError::Organization(error) => return complaint(texts, error),
        MemberFactorsError::Factors(FactorError::Port(error)) => return Err(error.into()),
        MemberFactorsError::Factors(FactorError::NotFound) => {
            return complaint(texts, OrganizationError::NotFound);
        }
        MemberFactorsError::NeedsProof => (StatusCode::FORBIDDEN, &t.factors_prove),
        MemberFactorsError::NotTheirs => (StatusCode::FORBIDDEN, &t.factors_not_ours),
        MemberFactorsError::Factors(FactorError::LastWayIn) => {
            (StatusCode::UNPROCESSABLE_ENTITY, &t.factors_last)
        }
        MemberFactorsError::Factors(_) => return Err(Fault::Busy.into()),
    };
    Ok((status, Notice::bad(text.as_str())))
}

/// Why factors are taken away, as the event says it.
const REASONS: [&str; 3] = ["device_lost", "device_stolen", "device_replaced"];
