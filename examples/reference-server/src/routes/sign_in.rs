//! Sign-in.

use axum::{extract::State, response::Response};
use ciam_core::journey::{Answer, JourneyError, Refusal, RefusalReason, SignedIn, Step};
use http::{StatusCode, header::SET_COOKIE};

use super::{
    pending::{Pending, visitor},
    recover,
    steps::At,
};
use crate::{
    app::App,
    pages::{
        Fault, SignInPage,
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Visit, page, see_other},
};

/// The form.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let pending = Pending::of(&app, &visit, visit.query("continue").as_deref()).await?;
    if pending.is_none() && app.viewer(&visit).await?.is_some() {
        return see_other("/account");
    }
    let ask = pending.as_ref().and_then(Pending::sign_in);
    let hint = ask.and_then(|it| it.login_hint.clone()).unwrap_or_default();
    visit.prefer(ask.map_or(&[], |it| &it.ui_locales));
    // A recovery that did not end with a session leads here.
    let recovered = visit.query("journey").is_some();
    let notice = recovered.then(|| Notice::good(app.texts(visit.language).journey.recovered.as_str()));
    render(&app, &visit, pending.as_ref(), &hint, notice, StatusCode::OK)
}

/// The form, filled in.
pub(super) async fn submit(
    State(app): State<App>,
    mut visit: Visit,
    form: Form,
) -> Result<Response, Failure> {
    let pending = Pending::of(&app, &visit, form.optional("continue")).await?;
    let ask = pending.as_ref().and_then(Pending::sign_in);
    visit.prefer(ask.map_or(&[], |it| &it.ui_locales));
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let requirements = recover::requirements(&visit, pending.as_ref());
    let journeys = &app.services().journeys;
    let (handle, _) = journeys.begin_sign_in(&visitor, requirements).await?;
    let identifier = form.text("identifier");
    let answer = match form.text("action") {
        "code" => Answer::send_code(identifier),
        _ => Answer::credentials(identifier, form.text("password")),
    };
    match journeys.answer(&handle, &visitor, answer).await? {
        Step::Done(done) => finish(&app, &visit, pending.as_ref(), &done).await,
        Step::Refused(refusal) => {
            let (status, notice) = complaint(&app, &visit, &refusal);
            render(&app, &visit, pending.as_ref(), identifier, Some(notice), status)
        }
        Step::Challenge(next) => At { handle: &handle, pending: pending.as_ref() }.to(&next),
    }
}

/// Gives the browser its session and sends it on: to what was interrupted, else to the account.
pub(super) async fn finish(
    app: &App,
    visit: &Visit,
    pending: Option<&Pending>,
    done: &SignedIn,
) -> Result<Response, Failure> {
    let target = match pending {
        Some(pending) => pending.resume(app, visit, done).await?,
        None => "/account".to_owned(),
    };
    // Whoever has an address in the domain of an organization that lets such people in joins now. It can wait if it fails.
    if let Err(error) = app.services().organizations.join_by_domain(done.account.id).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot join organizations by domain");
    }
    let mut response = see_other(&target)?;
    let cookie = done.cookie.set_cookie(Some(app.config().sessions.lifetime.time()))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    if let Some(device) = &done.device {
        let remembered = app.services().sessions.policy().devices.unwrap_or_default().forgotten_after;
        response.headers_mut().append(SET_COOKIE, device.set_cookie(remembered)?);
    }
    if let Some(pending) = pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}

/// The form again, with something to say.
pub(super) fn again(
    app: &App,
    visit: &Visit,
    pending: Option<&Pending>,
    notice: Notice,
) -> Result<Response, Failure> {
    render(app, visit, pending, "", Some(notice), StatusCode::UNPROCESSABLE_ENTITY)
}

/// Says the same of an unknown account, a wrong password and an account that may not sign in.
fn complaint(app: &App, visit: &Visit, refusal: &Refusal) -> (StatusCode, Notice) {
    let t = app.texts(visit.language);
    match refusal.reason {
        RefusalReason::TooManyAttempts => {
            (StatusCode::TOO_MANY_REQUESTS, Notice::bad(t.field.slow_down.as_str()))
        }
        RefusalReason::Method => (StatusCode::UNPROCESSABLE_ENTITY, Notice::bad(t.journey.method.as_str())),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, Notice::bad(t.sign_in.failed.as_str())),
    }
}

fn render(
    app: &App,
    visit: &Visit,
    pending: Option<&Pending>,
    identifier: &str,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let t = app.texts(visit.language);
    let ask = pending.and_then(Pending::sign_in);
    let again = ask.is_some_and(|it| !it.reasons.iter().any(|reason| reason == "no_session"));
    let notice = notice.or_else(|| again.then(|| Notice::good(t.sign_in.again.as_str())));
    let continuation = pending.map(|it| it.handle.expose().to_owned());
    let sign_up = match &continuation {
        Some(handle) => format!("/sign-up?continue={handle}"),
        None => "/sign-up".to_owned(),
    };
    let recover = match &continuation {
        Some(handle) => format!("/recover?continue={handle}"),
        None => "/recover".to_owned(),
    };
    let view = SignInPage {
        frame: app.frame(visit, false),
        csrf: visit.csrf("/sign-in"),
        notice,
        client: ask.and_then(|it| it.client_name.clone()),
        identifier: Field::new("identifier", Input::Identifier, t.sign_in.identifier.as_str())
            .with_value(identifier)
            .with_focus(identifier.is_empty()),
        password: Field::new("password", Input::CurrentPassword, t.field.password.as_str())
            .with_focus(!identifier.is_empty()),
        continuation,
        recover,
        sign_up: app.config().ui.sign_up.then_some(sign_up),
    };
    let mut response = page(status, &view)?;
    if let Some(pending) = pending {
        response.extensions_mut().insert(pending.targets());
    }
    Ok(response)
}

impl From<JourneyError> for Failure {
    fn from(error: JourneyError) -> Self {
        match error {
            JourneyError::Port(error) => error.into(),
            _ => Fault::Expired.into(),
        }
    }
}
