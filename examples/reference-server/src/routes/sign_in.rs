//! Sign-in.

use axum::{extract::State, response::Response};
use ciam_core::journey::{
    Answer, Challenge, JourneyError, JourneyHandle, Methods, Refusal, RefusalReason, SignInMethod, SignedIn,
    Step,
};
use ciam_core::notify::Channel;
use http::{StatusCode, header::SET_COOKIE};
use serde_json::Value;

use super::{
    agree_again, factor,
    onward::{Onward, link},
    pending::visitor,
    recover,
    steps::At,
    upstream,
};
use crate::{
    app::App,
    pages::{
        Fault, SignInPage, StepLink,
        factor::PasskeyForm,
        own_device,
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Scripts, Visit, page, see_other},
};

/// The form.
pub(super) async fn show(State(app): State<App>, mut visit: Visit) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let ask = pending.as_ref().and_then(Onward::sign_in);
    let hint = ask.and_then(|it| it.login_hint.clone());
    visit.prefer(ask.map_or(&[], |it| &it.ui_locales));
    let t = app.texts(visit.language);
    let notice = match visit.query("done").as_deref() {
        Some("prove") => Some(Notice::info(t.upstream.prove.as_str())),
        // A recovery that did not end with a session leads here.
        Some("recovered") => Some(Notice::good(t.journey.recovered.as_str())),
        _ => None,
    };
    let notice = match visit.query("upstream").as_deref() {
        Some("cancelled") => Some(Notice::info(t.upstream.cancelled.as_str())),
        Some("unavailable") => Some(Notice::bad(t.upstream.unavailable.as_str())),
        Some(_) => Some(Notice::bad(t.upstream.refused.as_str())),
        None => notice,
    };
    let viewer = app.viewer(&visit).await?;
    let visitor = visitor(&visit, viewer.as_ref());
    let journeys = &app.services().journeys;
    if let Some(handle) = visit.query("journey").map(|it| JourneyHandle::from_text(&it)) {
        let at = At { handle: &handle, pending: pending.as_ref() };
        match journeys.challenge(&handle, &visitor).await {
            Ok(challenge @ Challenge::Credentials { .. }) => {
                let view = View { notice, journey: Some(&handle), ..View::of(&challenge) };
                return render(&app, &visit, pending.as_ref(), view).await;
            }
            Ok(other) => return at.to(&other),
            Err(JourneyError::Port(error)) => return Err(error.into()),
            // Over, or another browser's: from the beginning.
            Err(_) => {}
        }
    } else if pending.is_none() && viewer.is_some() {
        return see_other("/account");
    }
    let requirements = recover::requirements(&visit, pending.as_ref());
    let (handle, challenge) = journeys.begin_sign_in(&visitor, requirements).await?;
    let at = At { handle: &handle, pending: pending.as_ref() };
    // A session that one more factor lifts far enough, or a check before anything else.
    if !matches!(challenge, Challenge::Credentials { .. }) {
        return at.to(&challenge);
    }
    let passkey = factor::options(&challenge).map(|it| factor::first(&app, &visit, &at, it));
    let view = View { notice, identifier: hint.unwrap_or_default(), passkey, ..View::default() };
    render(&app, &visit, pending.as_ref(), view).await
}

/// The form, filled in.
pub(super) async fn submit(
    State(app): State<App>,
    mut visit: Visit,
    form: Form,
) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, form.optional("continue")).await?;
    let ask = pending.as_ref().and_then(Onward::sign_in);
    visit.prefer(ask.map_or(&[], |it| &it.ui_locales));
    let viewer = app.viewer(&visit).await?;
    // Who says only who they are was not asked.
    let own = (form.text("action") != "identify").then(|| form.text("own") == "yes");
    let visitor = visitor(&visit, viewer.as_ref()).saying_own_device(own);
    let requirements = recover::requirements(&visit, pending.as_ref());
    let journeys = &app.services().journeys;
    let identifier = form.text("identifier");
    let answer = || answer(&form, journeys.policy().methods.allow(SignInMethod::SmsCode));
    let begun = form.optional("journey").map(JourneyHandle::from_text);
    let going_on = match &begun {
        Some(handle) => match journeys.answer(handle, &visitor, answer()).await {
            Ok(step) => Some((handle.clone(), step)),
            Err(JourneyError::NotFound | JourneyError::OtherBrowser) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let (handle, step) = match going_on {
        Some(going_on) => going_on,
        None => {
            let (handle, first) = journeys.begin_sign_in(&visitor, requirements).await?;
            if matches!(first, Challenge::Human { .. }) {
                return At { handle: &handle, pending: pending.as_ref() }.to(&first);
            }
            let step = journeys.answer(&handle, &visitor, answer()).await?;
            (handle, step)
        }
    };
    let at = At { handle: &handle, pending: pending.as_ref() };
    match step {
        Step::Done(done) => finish(&app, &visit, &at, &done).await,
        Step::Challenge(next) => at.to(&next),
        Step::Refused(refusal) => {
            let (status, notice) = complaint(&app, &visit, &refusal);
            let challenge = refusal.challenge.as_ref();
            let journey = challenge.is_some_and(|it| matches!(it, Challenge::Credentials { .. }));
            let view = challenge.map(View::of).unwrap_or_default();
            let view = View {
                notice: Some(notice),
                identifier: identifier.to_owned(),
                journey: journey.then_some(&handle),
                status,
                ..view
            };
            render(&app, &visit, pending.as_ref(), view).await
        }
    }
}

/// What the form says. Where there are two buttons for a code, each says how it is to come.
fn answer(form: &Form, sms: bool) -> Answer {
    let identifier = form.text("identifier");
    let by = |channel| Answer::SendCode { identifier: identifier.to_owned(), channel: Some(channel) };
    match form.text("action") {
        "identify" => Answer::identify(identifier),
        "sms" => by(Channel::Sms),
        "code" if sms => by(Channel::Email),
        "code" => Answer::send_code(identifier),
        _ => Answer::credentials(identifier, form.text("password")),
    }
}

/// Gives the browser its session and sends it on: to what was interrupted, else to the account.
pub(super) async fn finish(
    app: &App,
    visit: &Visit,
    at: &At<'_>,
    done: &SignedIn,
) -> Result<Response, Failure> {
    let pending = at.pending;
    let target = match pending {
        Some(pending) => pending.resume(app, visit, done).await?,
        None => "/account".to_owned(),
    };
    welcome(app, done).await;
    upstream::arrived(app, at.handle, done).await?;
    let targets = pending.map(Onward::targets).unwrap_or_default();
    let target = agree_again::by_way_of(app, done, target, &targets).await?;
    let mut response = see_other(&target)?;
    // In a browser that is not the person's own it goes when the browser is closed.
    let lasting = done.own_device != Some(false);
    let cookie = done.cookie.set_cookie(lasting.then(|| app.config().sessions.lifetime.time()))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    if let Some(device) = &done.device {
        let remembered = app.services().sessions.policy().devices.unwrap_or_default().forgotten_after;
        response.headers_mut().append(SET_COOKIE, device.set_cookie(remembered)?);
    }
    #[cfg(feature = "draft-dbsc")]
    super::dbsc::offer(app, &done.session, &mut response).await?;
    response.extensions_mut().insert(targets);
    Ok(response)
}

/// What follows a sign-in, whichever way it came: whoever has an address in the domain of an organization that lets such people
/// in joins now. It can wait if it fails.
pub(crate) async fn welcome(app: &App, done: &SignedIn) {
    if let Err(error) = app.services().organizations.join_by_domain(done.account.id).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot join organizations by domain");
    }
}

/// The form again, with something to say.
pub(super) async fn again(
    app: &App,
    visit: &Visit,
    pending: Option<&Onward>,
    notice: Notice,
) -> Result<Response, Failure> {
    let view = View { notice: Some(notice), status: StatusCode::UNPROCESSABLE_ENTITY, ..View::default() };
    render(app, visit, pending, view).await
}

/// Says the same of an unknown account, a wrong password and an account that may not sign in.
fn complaint(app: &App, visit: &Visit, refusal: &Refusal) -> (StatusCode, Notice) {
    let t = app.texts(visit.language);
    match refusal.reason {
        RefusalReason::TooManyAttempts => {
            (StatusCode::TOO_MANY_REQUESTS, Notice::bad(t.field.slow_down.as_str()))
        }
        RefusalReason::Connection => {
            (StatusCode::UNPROCESSABLE_ENTITY, Notice::bad(t.sign_in.no_connection.as_str()))
        }
        RefusalReason::Method => (StatusCode::UNPROCESSABLE_ENTITY, Notice::bad(t.journey.method.as_str())),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, Notice::bad(t.sign_in.failed.as_str())),
    }
}

/// What the form shows.
struct View<'a> {
    identifier: String,
    notice: Option<Notice>,
    status: StatusCode,
    /// The journey that the form goes on with.
    journey: Option<&'a JourneyHandle>,
    /// What that journey asks the browser for in place of user name and password.
    options: Option<Value>,
    /// The same, of a journey of its own.
    passkey: Option<PasskeyForm>,
    methods: Option<Methods>,
    /// Whose people sign in like this.
    organization: Option<String>,
}

impl Default for View<'_> {
    fn default() -> Self {
        Self {
            identifier: String::new(),
            notice: None,
            status: StatusCode::OK,
            journey: None,
            options: None,
            passkey: None,
            methods: None,
            organization: None,
        }
    }
}

impl View<'_> {
    fn of(challenge: &Challenge) -> Self {
        let Challenge::Credentials { login_hint, methods, organization, .. } = challenge else {
            return Self::default();
        };
        Self {
            identifier: login_hint.clone().unwrap_or_default(),
            options: factor::options(challenge).cloned(),
            methods: Some(methods.clone()),
            organization: organization.clone(),
            ..Self::default()
        }
    }
}

async fn render(
    app: &App,
    visit: &Visit,
    pending: Option<&Onward>,
    view: View<'_>,
) -> Result<Response, Failure> {
    let passkey = match (view.passkey, view.journey) {
        (Some(form), _) => Some(form),
        (None, Some(handle)) => {
            view.options.as_ref().map(|it| factor::first(app, visit, &At { handle, pending }, it))
        }
        (None, None) => factor::passkey_form(app, visit, pending).await?,
    };
    let t = app.texts(visit.language);
    let ask = pending.and_then(Onward::sign_in);
    let again = ask.is_some_and(|it| !it.reasons.iter().any(|reason| reason == "no_session"));
    let notice = view.notice.or_else(|| again.then(|| Notice::good(t.sign_in.again.as_str())));
    let onward = pending.map(Onward::text);
    let to = |path: &str| link(path, &[("continue", onward)]);
    let methods = view.methods.unwrap_or_else(|| app.services().journeys.policy().methods.clone());
    // Who they are first, and only then what they prove it with.
    let first = app.config().ui.identifier_first && (view.journey.is_none() || view.identifier.is_empty());
    let password = !first && methods.allow(SignInMethod::Password);
    let (code, sms) = (methods.allow(SignInMethod::EmailCode), methods.allow(SignInMethod::SmsCode));
    let label = if sms { &t.sign_in.identifier_or_phone } else { &t.sign_in.identifier };
    let shown = SignInPage {
        frame: app.frame(visit, false),
        csrf: visit.csrf("/sign-in"),
        notice,
        client: ask.and_then(|it| it.client_name.clone()),
        organization: view.organization,
        identifier: Field::new("identifier", Input::Identifier, label.as_str())
            .with_value(view.identifier.as_str())
            .with_focus(view.identifier.is_empty() || !password),
        password: password.then(|| {
            Field::new("password", Input::CurrentPassword, t.field.password.as_str())
                .with_focus(!view.identifier.is_empty())
        }),
        passkey,
        code: !first && code,
        sms: !first && sms,
        own: (!first).then(|| own_device(t)),
        journey: view.journey.map(|it| it.expose().to_owned()),
        continuation: onward.map(str::to_owned),
        recover: to("/recover"),
        sign_up: app.config().ui.sign_up.then(|| to("/sign-up")),
        upstreams: app
            .services()
            .elsewhere()
            .into_iter()
            .map(|way| StepLink {
                href: to(&format!("/upstream/{}", way.name)),
                text: t.upstream.with.with("name", way.label),
            })
            .collect(),
    };
    let mut response = page(view.status, &shown)?;
    if shown.passkey.is_some() {
        response.extensions_mut().insert(Scripts::Ours);
    }
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
