//! What the forms have in common with which owners change what they sign in with.

use axum::{Router, extract::State, response::Response, routing::post};
use ciam_core::{
    account::{Owner, OwnerError},
    password::{PasswordFactor, PasswordRejection},
    secret::Secret,
    session::{Authenticated, StartedSession},
};
use http::{StatusCode, header::SET_COOKIE};

use crate::{
    app::App,
    i18n::Texts,
    pages::{Fault, account::proof::Proof, parts::Notice},
    web::{Failure, Form, Visit, see_other},
};

/// The route on which a password is taken as proof.
pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, post(prove))
}

async fn prove(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return see_other("/sign-in") };
    let to = RETURNS.iter().find(|it| **it == form.text("to")).ok_or(Fault::BadRequest)?;
    let password = Secret::from(form.text("current-password"));
    let owner = owner(&visit, &viewer).with_password(&password);
    match app.services().accounts.prove_password(&owner).await {
        Ok(started) => renewed(&app, &started, to),
        Err(OwnerError::Port(error)) => Err(error.into()),
        Err(error) => see_other(&format!("{to}?failed={}", error.code())),
    }
}

/// The person, with the language in which they are written to.
pub(super) fn owner<'a>(visit: &Visit, viewer: &'a Authenticated) -> Owner<'a> {
    Owner::new(viewer).with_languages(vec![visit.language.code().to_owned()])
}

/// Sends the browser on with the new secret of its session.
pub(super) fn renewed(app: &App, started: &StartedSession, to: &str) -> Result<Response, Failure> {
    let mut response = see_other(to)?;
    let cookie = started.cookie.set_cookie(Some(app.config().sessions.lifetime.time()))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// What is asked for before something can be changed on the page `to`; `None` when the person has proved themselves just
/// now.
pub(super) async fn proof(
    app: &App,
    visit: &Visit,
    viewer: &Authenticated,
    to: &'static str,
) -> Result<Option<Proof>, Failure> {
    if app.services().accounts.is_recent(viewer).await? {
        return Ok(None);
    }
    let credentials = app.ports().store().credentials_of(viewer.account.value.id).await?;
    // Where there is a further factor, the password alone proves too little.
    let by_password = PasswordFactor::credential_in(&credentials).is_some()
        && !app.services().further.iter().any(|factor| factor.is_enrolled(&credentials));
    Ok(Some(Proof::new(app.texts(visit.language), visit.action(PATH), to, by_password)))
}

/// Why something was refused, in words; a port that failed is a failure.
pub(super) fn complaint(t: &Texts, error: OwnerError) -> Result<(StatusCode, String), Failure> {
    let text = match error {
        OwnerError::Port(error) => return Err(error.into()),
        OwnerError::TooMany { .. } => {
            return Ok((StatusCode::TOO_MANY_REQUESTS, t.field.slow_down.to_string()));
        }
        OwnerError::Password(rejection) => rejected(t, rejection),
        OwnerError::NeedsProof => t.owner.needs_proof.to_string(),
        OwnerError::WrongPassword => t.owner.wrong_password.to_string(),
        OwnerError::LastWayIn => t.owner.last_way_in.to_string(),
        OwnerError::LastOwner { .. } => t.owner.last_owner.to_string(),
        OwnerError::LastIdentifier => t.owner.last_identifier.to_string(),
        OwnerError::Code => t.owner.code.to_string(),
        OwnerError::AlreadyTheirs => t.owner.already_yours.to_string(),
        OwnerError::Taken => t.owner.taken.to_string(),
        OwnerError::ReservedName => t.owner.reserved_name.to_string(),
        OwnerError::NotVerified => t.owner.not_verified.to_string(),
        OwnerError::LinkedElsewhere => t.owner.linked_elsewhere.to_string(),
        OwnerError::TooManyThings => t.owner.too_many.to_string(),
        OwnerError::Malformed => t.identifiers.username_invalid.to_string(),
        _ => t.owner.gone.to_string(),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, text))
}

/// Why a password is not accepted, in t.owner.
pub(super) fn rejected(t: &Texts, rejection: PasswordRejection) -> String {
    match rejection {
        PasswordRejection::TooShort { min } => t.field.password_short.with("min", min),
        PasswordRejection::TooLong { max } => t.field.password_long.with("max", max),
        PasswordRejection::Personal => t.field.password_context.to_string(),
        _ => t.field.password_common.to_string(),
    }
}

/// The notice that a page begins with: what was done, or why it was not.
pub(super) fn notice(t: &Texts, visit: &Visit, done: &[(&str, &str)]) -> Option<Notice> {
    if let Some(what) = visit.query("done") {
        return done.iter().find(|(code, _)| *code == what).map(|(_, text)| Notice::good(*text));
    }
    let failed = match visit.query("failed")?.as_str() {
        "wrong_password" => t.owner.wrong_password.as_str(),
        "too_many_attempts" => t.field.slow_down.as_str(),
        "cancelled" => t.upstream.cancelled.as_str(),
        _ => t.owner.gone.as_str(),
    };
    Some(Notice::bad(failed))
}

const PATH: &str = "/account/prove";

/// The pages that ask for a proof.
const RETURNS: [&str; 4] =
    ["/account/factors", "/account/identifiers", "/account/privacy", "/account/security"];
