//! Password and other ways to sign in, and the end of the account.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::{
    account::{OwnerError, WaysIn},
    password::PasswordFactor,
    secret::{Secret, TokenDigest},
    session::Authenticated,
};
use http::{StatusCode, header::SET_COOKIE};

use super::owner;
use crate::{
    app::App,
    pages::{
        Fault, StepLink,
        account::{
            Section,
            security::{ClosedPage, IdentityLine, SecurityPage},
        },
        parts::{Confirm, Field, Input, Notice},
    },
    web::{Failure, Form, Visit, moment, page, see_other},
};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(show).post(change))
}

async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let t = app.texts(visit.language);
    let done = [
        ("password", t.security.done_password.as_str()),
        ("password_removed", t.security.done_password_removed.as_str()),
        ("unlinked", t.security.done_unlinked.as_str()),
        ("linked", t.upstream.linked.as_str()),
    ];
    let notice = owner::notice(t, &visit, &done);
    render(&app, &visit, &viewer, notice, None, StatusCode::OK).await
}

async fn change(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let accounts = &app.services().accounts;
    let who = owner::owner(&visit, &viewer);
    let refused = match form.text("action") {
        "password" => match accounts.set_password(&who, &Secret::from(form.text("new-password"))).await {
            Ok(started) => return owner::renewed(&app, &started, &format!("{PATH}?done=password")),
            Err(error) => error,
        },
        "remove-password" => match accounts.remove_password(&who).await {
            Ok(started) => return owner::renewed(&app, &started, &format!("{PATH}?done=password_removed")),
            Err(error) => error,
        },
        "unlink" => {
            let id =
                TokenDigest::try_from(form.text("identity").to_owned()).map_err(|_| Fault::BadRequest)?;
            match accounts.unlink(&who, &id).await {
                Ok(()) => return see_other(&format!("{PATH}?done=unlinked")),
                Err(error) => error,
            }
        }
        "close" => match accounts.close(&who).await {
            Ok(until) => return closed(&app, &visit, until),
            Err(error) => error,
        },
        _ => return Err(Fault::BadRequest.into()),
    };
    let rejected = matches!(refused, OwnerError::Password(_));
    let (status, text) = super::privacy::refusal(&app, app.texts(visit.language), refused).await?;
    let (notice, error) = if rejected { (None, Some(text)) } else { (Some(Notice::bad(text)), None) };
    render(&app, &visit, &viewer, notice, error, status).await
}

/// The last page of an account, and how to get it back.
pub(super) fn closed(app: &App, visit: &Visit, until: time::OffsetDateTime) -> Result<Response, Failure> {
    let shown = ClosedPage { frame: app.frame(visit, false), until: moment(until) };
    let mut response = page(StatusCode::OK, &shown)?;
    let gone = ciam_core::http::expired_cookie(ciam_core::http::SESSION_COOKIE)?;
    response.headers_mut().append(SET_COOKIE, gone);
    Ok(response)
}

async fn render(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    notice: Option<Notice>,
    rejected: Option<String>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let (accounts, account) = (&app.services().accounts, &viewer.account.value);
    let credentials = app.ports().store().credentials_of(account.id).await?;
    let identities = accounts.identities_of(account.id).await?;
    let has_password = PasswordFactor::credential_in(&credentials).is_some();
    let ways = WaysIn::of(account, &credentials, identities.len(), accounts.policy());
    let ask = |action: &str, words: &str, question: &str| {
        Confirm::new(visit.action(PATH), words, question, words).with_hidden("action", action).dangerous()
    };
    let min = app.services().password.policy().min_length;
    let words = &t.security;
    let removable = has_password && !ways.without_password().is_empty();
    let unlinkable = !ways.without_identity().is_empty();
    let shown = SecurityPage {
        frame: app.frame(visit, true),
        nav: Section::Security.nav(t),
        notice,
        proof: owner::proof(app, visit, viewer, PATH).await?,
        password: visit.action(PATH),
        has_password,
        new_password: Field::new(
            "new-password",
            Input::NewPassword { min: u16::try_from(min).unwrap_or(u16::MAX) },
            words.password_new.as_str(),
        )
        .with_hint(words.password_hint.with("min", min))
        .with_error(rejected),
        remove_password: removable.then(|| {
            ask("remove-password", words.password_remove.as_str(), words.password_remove_question.as_str())
        }),
        identities: identities
            .iter()
            .map(|it| {
                let issuer = &it.value.issuer;
                let name = app.services().label_of(issuer).unwrap_or_else(|| issuer.clone());
                IdentityLine {
                    linked: moment(it.value.linked_at),
                    unlink: unlinkable.then(|| {
                        ask("unlink", words.unlink.as_str(), words.unlink_question.as_str())
                            .with_hidden("identity", it.value.id.to_text())
                            .about(&name)
                    }),
                    name,
                }
            })
            .collect(),
        link: app
            .services()
            .elsewhere()
            .into_iter()
            .filter(|way| !identities.iter().any(|own| way.is_issuer(&own.value.issuer)))
            .map(|way| StepLink {
                href: format!("/upstream/{}?link=1", way.name),
                text: t.upstream.link.with("name", way.label),
            })
            .collect(),
        close: ask("close", words.close.as_str(), words.close_question.as_str()),
        days: accounts.policy().grace.whole_days(),
    };
    page(status, &shown)
}

const PATH: &str = "/account/security";
