//! The account page.

mod applications;

use axum::{extract::State, response::Response};
use ciam_core::{
    account::{Account, IdentifierKind},
    event::{Event, EventType},
    id::SessionId,
    session::{Authenticated, Session, SessionEnd},
    store::{Batch, EntityRef, PageRequest, Versioned, Write},
};
use http::StatusCode;

use super::pending::name_of;
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        AccountPage, AccountTokens, Fault, Field, IdentifierLine, Input, Notice, OrganizationLine,
        SessionLine,
    },
    web::{Failure, Form, Visit, device, moment, page, see_other},
};

pub(super) use applications::revoke as applications;

/// The page.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = &app.texts(visit.language).account;
    let done = match visit.query("done").as_deref() {
        Some("profile") => Some(&t.saved),
        Some("sessions") => Some(&t.ended),
        Some("session") => Some(&t.ended_one),
        Some("application") => Some(&t.revoked),
        _ => None,
    };
    render(&app, &visit, &viewer, done.map(|it| Notice::good(it.as_str())), None, StatusCode::OK).await
}

/// Changes the profile.
pub(super) async fn profile(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let name = form.text("name").trim();
    let acceptable = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !acceptable {
        let complaint = app.texts(visit.language).field.name_invalid.with("max", MAX_NAME);
        return render(&app, &visit, &viewer, None, Some(complaint), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let Versioned { value: mut account, version, .. } = viewer.account;
    account.profile.set("name", name).map_err(Failure::internal)?;
    account.updated_at = app.ports().now();
    let event = Event::new(app.ports(), EventType::ACCOUNT_UPDATED, account.event_subject())?;
    let batch = Batch::new()
        .require_version(EntityRef::Account(account.id), version)
        .write(Write::PutAccount(account))
        .event(event);
    // Somebody who changes the same account elsewhere at the same moment is told to look again.
    if app.ports().store().commit(batch).await?.is_applied() {
        see_other("/account?done=profile")
    } else {
        Err(Fault::Expired.into())
    }
}

/// Ends one session, or all but this one.
pub(super) async fn sessions(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let sessions = &app.services().sessions;
    let current = &viewer.session.value;
    match form.text("action") {
        "end-others" => {
            sessions.end_others(current.account, Some(current.id), SessionEnd::Revoked).await?;
            see_other("/account?done=sessions")
        }
        "end" => {
            let id: SessionId = form.text("session").parse().map_err(|_| Fault::BadRequest)?;
            // Only one's own: the id of somebody else's session is as good as none.
            if sessions.live(id).await?.is_some_and(|it| it.value.account == current.account) {
                sessions.end(id, SessionEnd::Revoked).await?;
            }
            see_other("/account?done=session")
        }
        _ => Err(Fault::BadRequest.into()),
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    notice: Option<Notice>,
    complaint: Option<String>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let account = &viewer.account.value;
    let store = app.ports().store();
    let list = app.services().sessions.list(account.id, PageRequest::first(SHOWN)).await?;
    let current = viewer.session.value.id;
    let mut sessions: Vec<_> = list.items.iter().map(|it| session_line(&it.value, current)).collect();
    // The newest first, and this one before all.
    sessions.reverse();
    sessions.sort_by_key(|it| !it.current);
    let mut organizations = Vec::new();
    for membership in store.memberships_of(account.id, PageRequest::first(SHOWN)).await?.items {
        if let Some(organization) = store.organization(membership.value.organization).await? {
            let roles: Vec<_> = membership.value.roles.iter().map(|it| it.as_str()).collect();
            organizations
                .push(OrganizationLine { name: organization.value.name.clone(), roles: roles.join(", ") });
        }
    }
    let name = name_of(viewer);
    let shown = AccountPage {
        frame: app.frame(visit, true),
        csrf: AccountTokens {
            sign_out: visit.csrf("/sign-out"),
            profile: visit.csrf("/account/profile"),
            sessions: visit.csrf("/account/sessions"),
            applications: visit.csrf("/account/applications"),
        },
        notice,
        display_name: Field::new("name", Input::Name, t.account.name.as_str())
            .with_value(account.profile.text("name").unwrap_or_default())
            .with_error(complaint),
        name,
        since: moment(account.created_at),
        language: account.profile.text("locale").map(str::to_owned),
        identifiers: identifiers(t, account),
        sessions,
        applications: applications::list(app, t, account.id).await?,
        organizations,
    };
    page(status, &shown)
}

fn session_line(session: &Session, current: SessionId) -> SessionLine {
    SessionLine {
        id: session.id.to_string(),
        device: session.user_agent.as_deref().and_then(device),
        started: moment(session.created_at),
        seen: moment(session.last_seen_at),
        current: session.id == current,
    }
}

fn identifiers(t: &Texts, account: &Account) -> Vec<IdentifierLine> {
    let kind = |kind| match kind {
        IdentifierKind::Email => t.account.kind_email.to_string(),
        IdentifierKind::Phone => t.account.kind_phone.to_string(),
        IdentifierKind::Username => t.account.kind_username.to_string(),
        other => other.as_str().to_owned(),
    };
    let line = |it: &ciam_core::account::Identifier| IdentifierLine {
        value: it.key.as_str().to_owned(),
        kind: kind(it.key.kind()),
        verified: it.is_verified(),
        primary: account.identifier(it.key.kind()).is_some_and(|first| first.key == it.key),
    };
    account.identifiers.iter().map(line).collect()
}

/// How many of each the page shows.
const SHOWN: u32 = 100;

/// The longest name, as at sign-up.
const MAX_NAME: usize = 128;
