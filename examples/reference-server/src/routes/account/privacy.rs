//! What is kept about the person, what they agreed to, and the end of it.

use std::collections::BTreeMap;

use axum::{Router, body::Body, extract::State, response::Response, routing::get};
use ciam_core::{
    account::OwnerError,
    audit::AuditLog,
    consent::ConsentEntry,
    privacy::Export,
    session::{Authenticated, Session},
    store::{Cursor, PageRequest},
    terms::{TermsAcceptance, TermsVersion},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
};

use super::{owner, security};
use crate::{
    activity,
    agreements::{Agreed, Recipient},
    app::App,
    i18n::{Language, Texts},
    pages::{
        Fault,
        account::{
            Section,
            privacy::{ConsentLine, PrivacyListPage, PrivacyPage, PurposeLine, TermsLine},
        },
        parts::{Cell, Confirm, Notice, Pager, Row, Table},
    },
    privacy::kinds,
    routes::{consent::scope_line, saml},
    web::{Failure, Form, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(PATH, get(show).post(submit))
        .route(CONSENTS, get(history))
        .route(ACTIVITY, get(happened))
        .route("/account/privacy/export", get(export))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = app.texts(visit.language);
    let done = [("given", t.privacy.done_given.as_str()), ("withdrawn", t.privacy.done_withdrawn.as_str())];
    let notice = owner::notice(t, &visit, &done);
    render(&app, &visit, &viewer, notice, StatusCode::OK).await
}

/// Gives a consent to a purpose, takes one back, or deletes the account.
async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let account = viewer.account.value.id;
    match form.text("action") {
        "give" => {
            let purpose = app.purpose(form.text("purpose")).ok_or(Fault::BadRequest)?;
            app.allow_purpose(account, purpose, visit.language, HOW).await?;
            see_other(&format!("{PATH}?done=given"))
        }
        "withdraw" => {
            let recipient = Recipient::of(form.text("recipient")).ok_or(Fault::BadRequest)?;
            app.withdraw(account, &recipient, HOW).await?;
            see_other(&format!("{PATH}?done=withdrawn"))
        }
        "delete" => match app.services().accounts.close(&owner::owner(&visit, &viewer)).await {
            Ok(until) => security::closed(&app, &visit, until),
            Err(error) => {
                let (status, text) = refusal(&app, app.texts(visit.language), error).await?;
                render(&app, &visit, &viewer, Some(Notice::bad(text)), status).await
            }
        },
        _ => Err(Fault::BadRequest.into()),
    }
}

/// Why the account is not closed; the organizations that it is about by their names.
pub(super) async fn refusal(
    app: &App,
    t: &Texts,
    error: OwnerError,
) -> Result<(StatusCode, String), Failure> {
    let OwnerError::LastOwner { organizations } = &error else { return owner::complaint(t, error) };
    let mut names = Vec::with_capacity(organizations.len());
    for id in organizations {
        names.extend(app.ports().store().organization(*id).await?.map(|found| found.value.name));
    }
    let text = t.privacy.last_owner.with("organizations", names.join(", "));
    Ok((StatusCode::UNPROCESSABLE_ENTITY, text))
}

async fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let (t, account) = (app.texts(visit.language), viewer.account.value.id);
    let after = visit.query("after");
    let agreed = app.agreed(account, visit.language, request(after.as_deref(), super::SHOWN)?).await?;
    let next = agreed.next.as_ref().map(Cursor::as_str);
    let line = |it: &Agreed| consent_line(app, visit, t, it);
    let of_client = |it: &&Agreed| !matches!(it.recipient, Recipient::Purpose(_));
    let ask = |action: &str, words: &str, question: &str| {
        Confirm::new(visit.action(PATH), words, question, words).with_hidden("action", action).dangerous()
    };
    let shown = PrivacyPage {
        nav: Section::Privacy.nav(t),
        notice,
        give: visit.action(PATH),
        purposes: purposes(app, visit, &agreed.items, &line),
        clients: agreed.items.iter().filter(of_client).map(line).collect(),
        pager: Pager::new(PATH, after.as_deref(), next),
        terms: app
            .accepted_terms(account)
            .await?
            .iter()
            .map(|(it, of)| terms_line(t, visit, it, of))
            .collect(),
        proof: owner::proof(app, visit, viewer, PATH).await?,
        delete: ask("delete", t.privacy.delete.as_str(), t.privacy.delete_question.as_str()),
        days: app.services().accounts.policy().grace.whole_days(),
        frame: app.frame(visit, true),
    };
    page(status, &shown)
}

/// What the operator asks for, and what was consented to and is asked for no more.
fn purposes(
    app: &App,
    visit: &Visit,
    agreed: &[Agreed],
    line: &dyn Fn(&Agreed) -> ConsentLine,
) -> Vec<PurposeLine> {
    let given = |id: &str| agreed.iter().find(|it| it.recipient == Recipient::Purpose(id.to_owned()));
    let mut lines: Vec<PurposeLine> = app
        .purposes()
        .map(|it| {
            let (title, text) = it.words(visit.language);
            let given = given(&it.id);
            PurposeLine {
                id: it.id.clone(),
                title: title.to_owned(),
                text: text.to_owned(),
                changed: given.is_some_and(|given| !given.consent.is_to(&it.version)),
                given: given.map(line),
            }
        })
        .collect();
    for it in agreed {
        if let Recipient::Purpose(id) = &it.recipient
            && app.purpose(id).is_none()
        {
            let (title, given) = (it.name.clone(), Some(line(it)));
            lines.push(PurposeLine { id: id.clone(), title, text: String::new(), given, changed: false });
        }
    }
    lines
}

fn consent_line(app: &App, visit: &Visit, t: &Texts, it: &Agreed) -> ConsentLine {
    let (is_client, what) = match &it.recipient {
        Recipient::Purpose(_) => (false, String::new()),
        Recipient::Client(_) => (true, scopes(app, t, it.consent.allowed.iter())),
        Recipient::Service(_) => {
            let known: Vec<_> = it.consent.allowed.iter().map(|item| saml::words(t, item)).collect();
            (true, known.join(" · "))
        }
    };
    let proof = it.proof.as_ref().map(|entry| &entry.proof);
    let mut facts = vec![t.privacy.given.with("time", moment(it.consent.updated_at))];
    facts.extend(proof.and_then(|it| it.version.as_deref()).map(|it| t.privacy.version.with("version", it)));
    if let Some(tag) = proof.and_then(|it| it.locale.as_deref()) {
        let named = Language::from_tag(tag).map_or(tag, |it| app.texts(it).meta.name.as_str());
        facts.push(t.privacy.shown_in.with("language", named));
    }
    let question = if is_client { &t.privacy.clients_question } else { &t.privacy.withdraw_question };
    let withdraw = Confirm::new(
        visit.action(PATH),
        t.privacy.withdraw.as_str(),
        question.as_str(),
        t.privacy.withdraw.as_str(),
    );
    ConsentLine {
        name: it.name.clone(),
        what,
        facts,
        digest: proof.and_then(|it| it.digest).map(|it| it.to_text()),
        withdraw: withdraw
            .with_hidden("action", "withdraw")
            .with_hidden("recipient", it.recipient.text())
            .about(it.name.as_str()),
    }
}

/// Scopes in t.privacy. Consent for one resource is kept as `<resource> <scope>`; people are shown the scope.
fn scopes<'a>(app: &App, t: &Texts, allowed: impl Iterator<Item = &'a String>) -> String {
    let mut all: Vec<_> =
        allowed.map(|it| scope_line(app, t, it.rsplit(' ').next().unwrap_or(it)).title).collect();
    all.dedup();
    all.join(" · ")
}

fn terms_line(
    t: &Texts,
    visit: &Visit,
    accepted: &TermsAcceptance,
    version: &Option<TermsVersion>,
) -> TermsLine {
    let languages = [visit.language.code().to_owned()];
    let text = version.as_ref().and_then(|it| it.text_for(&languages)).map(|(_, text)| text);
    let time = moment(accepted.accepted_at);
    TermsLine {
        title: text.and_then(|it| it.title.clone()).unwrap_or_else(|| accepted.document.as_str().to_owned()),
        url: text.and_then(|it| it.url.clone()).filter(|it| it.starts_with("https://")),
        facts: t.privacy.terms_line.fill(&[("version", accepted.version.as_str()), ("time", &time)]),
    }
}

/// What was agreed to and taken back, a page at a time.
async fn history(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let after = visit.query("after");
    let consents = app.services().consents();
    let found = consents.history(viewer.account.value.id, request(after.as_deref(), ROWS)?).await?;
    let t = app.texts(visit.language);
    let mut rows = Vec::with_capacity(found.items.len());
    for entry in &found.items {
        rows.push(history_row(&app, &visit, entry).await?);
    }
    let columns =
        [&t.privacy.history_when, &t.privacy.history_whom, &t.privacy.history_what, &t.privacy.history_how];
    let table = Table::new(
        t.privacy.history.as_str(),
        columns.map(ToString::to_string).into(),
        t.privacy.history_none.as_str(),
    );
    let next = found.next.as_ref().map(Cursor::as_str);
    let shown = PrivacyListPage {
        nav: Section::Privacy.nav(t),
        title: t.privacy.history.as_str(),
        lead: t.privacy.history_lead.as_str(),
        table: table.with_rows(rows).with_pager(Pager::new(CONSENTS, after.as_deref(), next)),
        frame: app.frame(&visit, true),
    };
    page(StatusCode::OK, &shown)
}

async fn history_row(app: &App, visit: &Visit, entry: &ConsentEntry) -> Result<Row, Failure> {
    let t = app.texts(visit.language);
    let recipient = Recipient::of(&entry.recipient);
    let whom = match &recipient {
        Some(recipient) => app.name_of_recipient(recipient, visit.language).await?,
        None => entry.recipient.clone(),
    };
    let what = match &recipient {
        _ if entry.allowed.is_empty() => t.privacy.history_nothing.to_string(),
        Some(Recipient::Purpose(_)) => {
            entry.proof.version.as_deref().map_or(String::new(), |it| t.privacy.version.with("version", it))
        }
        _ => scopes(app, t, entry.allowed.iter()),
    };
    let what = match entry.proof.digest {
        Some(digest) => Cell::text(what).with_hint(t.privacy.proof.with("digest", digest.to_text())),
        None => Cell::text(what),
    };
    let how = match entry.proof.how.as_str() {
        "consent_page" => &t.privacy.how_consent_page,
        HOW => &t.privacy.how_account_page,
        "api" => &t.privacy.how_api,
        "sign_in" => &t.privacy.how_sign_in,
        _ => &t.privacy.how_other,
    };
    Ok(Row::new(vec![Cell::text(moment(entry.at)), Cell::text(whom), what, Cell::text(how.as_str())]))
}

/// What was recorded about the account, the newest first.
async fn happened(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let account = viewer.account.value.id;
    let after = visit.query("after");
    let log = AuditLog::new(app.ports().clone());
    let found = log.latest_about(&format!("account:{account}"), request(after.as_deref(), ROWS)?).await?;
    let sessions = app.ports().store().sessions_of(account, PageRequest::first(SESSIONS)).await?;
    let place = |it: &Session| it.place.as_ref().map(|place| (it.id.to_string(), place.to_string()));
    let places: BTreeMap<_, _> = sessions.items.iter().filter_map(|it| place(&it.value)).collect();
    let t = app.texts(visit.language);
    let rows = found.items.iter().map(|it| {
        let (what, who) = (activity::words(t, it), activity::by(t, it, account));
        let what = Cell::text(what);
        let what = match activity::unusual(t, it, &places) {
            Some(unusual) => what.with_hint(unusual),
            None => what,
        };
        Row::new(vec![Cell::text(moment(it.time)), what, Cell::text(who)])
    });
    let columns = [&t.privacy.activity_when, &t.privacy.activity_what, &t.privacy.activity_who];
    let table = Table::new(
        t.privacy.activity.as_str(),
        columns.map(ToString::to_string).into(),
        t.privacy.activity_none.as_str(),
    );
    let next = found.next.as_ref().map(Cursor::as_str);
    let shown = PrivacyListPage {
        nav: Section::Privacy.nav(t),
        title: t.privacy.activity.as_str(),
        lead: t.privacy.activity_lead.as_str(),
        table: table.with_rows(rows.collect()).with_pager(Pager::new(ACTIVITY, after.as_deref(), next)),
        frame: app.frame(&visit, true),
    };
    page(StatusCode::OK, &shown)
}

/// Everything that is held about the person, as one file that is written while it is read.
async fn export(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    Ok(exported(&app, &viewer))
}

/// The file, for the page and for the API.
pub(crate) fn exported(app: &App, viewer: &Authenticated) -> Response {
    let export = Export::new(app.ports().clone(), kinds(), viewer.account.value.id);
    let parts = futures_util::stream::try_unfold(export, async |mut export| {
        Ok::<_, ciam_core::error::PortError>(export.next().await?.map(|part| (part, export)))
    });
    let mut response = Response::new(Body::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"export.json\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn request(after: Option<&str>, limit: u32) -> Result<PageRequest, Fault> {
    match after {
        None => Ok(PageRequest::first(limit)),
        Some(text) => Ok(PageRequest::after(Cursor::new(text).map_err(|_| Fault::BadRequest)?, limit)),
    }
}

const PATH: &str = "/account/privacy";
const CONSENTS: &str = "/account/privacy/consents";
const ACTIVITY: &str = "/account/privacy/activity";
/// How a consent that is changed here was changed.
const HOW: &str = "account_page";
/// How many rows a list has.
const ROWS: u32 = 50;
/// Of how many sessions the list of what happened says where they began.
const SESSIONS: u32 = 100;
