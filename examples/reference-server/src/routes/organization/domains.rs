//! The domains of an organization.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::organization::{DomainClaim, DomainName, DomainState, OrganizationError, Permission};
use http::StatusCode;

use super::{Console, complaint};
use crate::{
    app::App,
    i18n::ConsoleTexts,
    pages::{
        Fault,
        organization::{FormPart, Panel, Section},
        parts::{Confirm, Field, Input, Notice},
    },
    web::{Failure, Form, Visit, moment},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/domains", get(show).post(submit))
}

async fn show(State(app): State<App>, visit: Visit, Path(slug): Path<String>) -> Result<Response, Failure> {
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => render(&app, &visit, &console, None).await,
        Err(response) => Ok(response),
    }
}

async fn submit(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let console = match Console::open(&app, &visit, &slug).await? {
        Ok(console) => console,
        Err(response) => return Ok(response),
    };
    let (organizations, actor, id) = (&app.services().organizations, &console.actor, console.id);
    let t = app.texts(visit.language);
    let domain = DomainName::new(form.text("domain")).map_err(|_| OrganizationError::Invalid("domain"));
    let done = match (form.text("do"), domain) {
        ("claim" | "verify" | "release", Err(error)) => Err(error),
        ("claim", Ok(domain)) => organizations.claim_domain(actor, id, domain.as_str()).await.map(|_| ()),
        ("release", Ok(domain)) => organizations.release_domain(actor, id, &domain).await,
        ("verify", Ok(domain)) => match organizations.verify_domain(actor, id, &domain).await {
            Ok(claim) if claim.state.is_verified() => Ok(()),
            Ok(_) => {
                let notice = Notice::bad(t.console.not_proved.as_str());
                let complaint = (StatusCode::UNPROCESSABLE_ENTITY, notice);
                return render(&app, &visit, &console, Some(complaint)).await;
            }
            Err(error) => Err(error),
        },
        _ => return Err(Fault::BadRequest.into()),
    };
    match done {
        Ok(()) => console.done(Section::Domains),
        Err(error) => render(&app, &visit, &console, Some(complaint(t, error)?)).await,
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    complained: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let claims = match app.services().organizations.domains(&console.actor, console.id).await {
        Ok(claims) => claims,
        Err(error) => {
            let complaint = complained.map_or_else(|| complaint(t, error), Ok)?;
            return console.page(app, visit, Section::Domains, Vec::new(), Some(complaint));
        }
    };
    let t = &t.console;
    let writes = console.may(&Permission::DOMAIN_WRITE);
    let mut panels: Vec<Panel> =
        claims.iter().enumerate().map(|(i, claim)| panel(t, visit, console, i, claim, writes)).collect();
    if writes {
        let domain = Field::new("domain", Input::Text { max: 253 }, t.domain.as_str())
            .with_hint(t.domain_hint.as_str());
        let action = visit.action(&console.path(Section::Domains));
        let form = FormPart::new(action, t.claim.as_str()).with_hidden("do", "claim").with(domain);
        panels.push(Panel::new("claim", t.claim.as_str()).with_form(form));
    }
    if claims.is_empty() {
        panels.insert(0, Panel::new("none", t.domains.as_str()).with_hint(t.no_domains.as_str()));
    }
    console.page(app, visit, Section::Domains, panels, complained)
}

fn panel(
    t: &ConsoleTexts,
    visit: &Visit,
    console: &Console,
    number: usize,
    claim: &DomainClaim,
    writes: bool,
) -> Panel {
    let action = || visit.action(&console.path(Section::Domains));
    let name = claim.domain.as_str();
    let state = match claim.state {
        DomainState::Verified { since, .. } => t.verified_since.with("time", moment(since)),
        DomainState::Lapsed { since } => t.lapsed_since.with("time", moment(since)),
        _ => t.pending.to_string(),
    };
    let mut panel = Panel::new(format!("domain-{number}"), name).with_line(t.state.as_str(), state);
    if !writes {
        return panel;
    }
    if !claim.state.is_verified() {
        panel = panel
            .with_hint(t.proof_hint.as_str())
            .with_line(t.txt_name.as_str(), claim.txt_name())
            .with_line(t.txt_value.as_str(), claim.txt_value());
    }
    let verify = FormPart::new(action(), t.verify.as_str())
        .with_hidden("do", "verify")
        .with_hidden("domain", name)
        .about(name)
        .quiet();
    let question = t.release_question.with("domain", name);
    let release = Confirm::new(action(), t.release.as_str(), question, t.release.as_str())
        .with_hidden("do", "release")
        .with_hidden("domain", name)
        .about(name)
        .dangerous();
    panel.with_form(verify).with_confirm(release)
}
