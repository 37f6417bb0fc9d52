//! Sign-in, sign-up, recovery and invitation as JSON, for single-page and native applications: the same journeys as on the
//! pages, step by step, with the same rules and limits.
//!
//! A journey belongs to who began it. A page of this origin is known by its cookie; an application without cookies gets a
//! secret, sends it in `Ciam-Browser` from then on, and keeps it: an account that has signed in there before is counted on
//! its own. What a step was refused for is part of the journey, and is no error of the request.

use axum::{
    extract::{FromRequestParts, Path, State},
    response::{IntoResponse, Response},
};
use ciam_core::{
    assurance::Acr,
    http::{BrowserId, SESSION_COOKIE, cookie},
    journey::{Answer, JourneyError, JourneyHandle, Requirements, Step, Visitor},
    session::{Authenticated, DeviceCookie, SessionCookie},
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, SET_COOKIE},
    request::Parts,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::{
    Code, Json, Problem, Resource,
    caller::{Presented, comes_from, presented},
};
use crate::{app::App, web::Visit};

#[derive(OpenApi)]
#[openapi(paths(begin, show, answer), components(schemas(JourneyStep)))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .post("/journeys", begin)
        .get("/journeys/{journey}", show)
        .post("/journeys/{journey}/answers", answer)
}

/// Somebody who walks a journey, signed in or not.
#[derive(Clone, Debug)]
pub struct Walker {
    visit: Visit,
    browser: BrowserId,
    /// An application without cookies, and whether it got its secret just now.
    app: Option<bool>,
    device: Option<DeviceCookie>,
    viewer: Option<Authenticated>,
}

impl FromRequestParts<App> for Walker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let visit = parts.extensions.get::<Visit>().cloned().ok_or(Code::Internal)?;
        let headers = &parts.headers;
        let has_cookie = visit.known_browser().is_some() || cookie(headers, SESSION_COOKIE).is_some();
        let from_page =
            has_cookie || headers.contains_key("origin") || headers.contains_key("sec-fetch-site");
        let named = headers.contains_key(BROWSER) || headers.contains_key(AUTHORIZATION);
        if from_page && named {
            return Err(Code::AmbiguousCredentials.into());
        }
        if from_page && !parts.method.is_safe() && !comes_from(app.config().issuer.as_str(), headers) {
            return Err(Code::CrossSite.into());
        }
        let viewer = match presented(headers) {
            Ok(Presented::Cookie(secret) | Presented::Token(secret)) => authenticated(app, &secret).await?,
            Err(_) if headers.contains_key(AUTHORIZATION) => return Err(Code::NotSignedIn.into()),
            Err(_) => None,
        };
        if headers.contains_key(AUTHORIZATION) && viewer.is_none() {
            return Err(Code::NotSignedIn.into());
        }
        if from_page {
            let device = DeviceCookie::from_headers(headers);
            let browser = visit.browser().clone();
            return Ok(Self { visit, browser, app: None, device, viewer });
        }
        let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
        let known =
            text(BROWSER).map(|it| BrowserId::from_token(it).ok_or(Code::MalformedRequest)).transpose()?;
        let fresh = known.is_none();
        let browser = known.map_or_else(|| BrowserId::generate(app.ports().entropy()), Ok)?;
        let device = text(DEVICE).and_then(DeviceCookie::from_token);
        Ok(Self { visit, browser, app: Some(fresh), device, viewer })
    }
}

async fn authenticated(app: &App, secret: &SessionCookie) -> Result<Option<Authenticated>, Problem> {
    Ok(app.services().sessions.authenticate_by(secret).await?)
}

impl Walker {
    fn visitor(&self) -> Visitor<'_> {
        Visitor::new(&self.browser, self.visit.peer.clone())
            .with_user_agent(self.visit.user_agent())
            .with_device(self.device.clone())
            .with_session(self.viewer.as_ref())
    }
}

/// What to begin.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// Which journey.
    kind: Kind,
    /// The person's languages as BCP 47 tags, best first: of letters and of terms.
    #[serde(default)]
    languages: Vec<String>,
    /// Levels of assurance that are asked for, best first. With a session, the one is lifted that there is.
    #[serde(default)]
    acr_values: Vec<String>,
    /// Which identifier is expected.
    #[serde(default)]
    login_hint: Option<String>,
    /// What the session has proved before does not count: before something is changed that needs a fresh proof.
    #[serde(default)]
    prove_again: bool,
}

/// A kind of journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Sign in, or lift the session that there is.
    SignIn,
    /// Make an account.
    SignUp,
    /// Choose a new password.
    Recovery,
    /// Accept an invitation without an account.
    Invitation,
}

/// Where a journey has got to. Members that say nothing are not there.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct JourneyStep {
    /// The journey, for the next answer. Keep it as you keep a password.
    #[schema(required = false)]
    journey: Option<String>,
    /// Of an application without cookies that had none: its secret, to send in `Ciam-Browser` and to keep.
    #[schema(required = false)]
    browser: Option<String>,
    /// `challenge`: go on with `challenge`. `refused`: not like that, `reason` says why and `next` how to go on; without
    /// `next` the journey is over. `done`: there is a session.
    step: StepKind,
    /// What is asked for: `credentials`, `connection`, `registration`, `invitation`, `code`, `human`, `factor`, `recovery`,
    /// `new_password`, `take_back`, `terms`, `profile` or `enrolment`. What belongs to it stands beside it.
    #[schema(required = false)]
    challenge: Option<String>,
    /// Why an answer was refused.
    #[schema(required = false)]
    reason: Option<String>,
    /// After how many seconds to try again.
    #[schema(required = false)]
    retry_after: Option<i64>,
    /// The challenge with which a refused journey goes on.
    #[schema(required = false)]
    next: Option<Value>,
    /// The session that began.
    #[schema(required = false)]
    session: Option<String>,
    /// The account.
    #[schema(required = false)]
    account: Option<String>,
    /// Of an application without cookies: the session's token, for `Authorization: Bearer`.
    #[schema(required = false)]
    token: Option<String>,
    /// Of an application without cookies: what the account knows it by, to send in `Ciam-Device` and to keep.
    #[schema(required = false)]
    device: Option<String>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes what the library serializes")]
enum StepKind {
    /// Something is asked for.
    Challenge,
    /// It was not accepted.
    Refused,
    /// There is a session.
    Done,
}

/// An answer: `answer` says of which kind, and what belongs to it stands beside it.
///
/// `identify` (`identifier`), `credentials` (`identifier`, `password`), `send_code` (`identifier`, `channel`), `code`
/// (`code`), `link` (`proof`), `resend`, `register` (`identifier`, `password`, `name`), `accept_invitation` (`token`,
/// `password`, `name`), `recover` (`identifier`), `new_password` (`password`), `human` (`response`), `factor` (`factor`,
/// `response`), `another_factor` (`factor`), `begin_enrolment` (`factor`), `enrol` (`factor`, `response`),
/// `postpone_enrolment`, `take_back`, `accept_terms` (`accepted`: `document`, `version`), `profile` (`attributes`).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what the library reads")]
struct JourneyAnswer {
    /// The kind of answer.
    answer: String,
    /// What belongs to it.
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Value>,
}

/// Begins a journey, and says what is asked for first.
#[utoipa::path(post, path = "/journeys", request_body = Begin, responses((status = 201, body = JourneyStep)), security(()))]
async fn begin(
    State(app): State<App>,
    walker: Walker,
    Json(wanted): Json<Begin>,
) -> Result<Response, Problem> {
    let mut requirements = Requirements::default()
        .with_languages(wanted.languages.into_iter().take(MANY).collect())
        .with_acr_values(wanted.acr_values.into_iter().take(MANY).map(Acr::new).collect());
    requirements.login_hint = wanted.login_hint.filter(|it| it.len() <= 254);
    requirements.prove_again = wanted.prove_again;
    let journeys = &app.services().journeys;
    let visitor = walker.visitor();
    let (handle, challenge) = match wanted.kind {
        Kind::SignIn => journeys.begin_sign_in(&visitor, requirements).await?,
        Kind::SignUp if !app.config().ui.sign_up => return Err(Code::NotAllowed.into()),
        Kind::SignUp => journeys.begin_sign_up(&visitor, requirements).await?,
        Kind::Recovery => journeys.begin_recovery(&visitor, requirements).await?,
        Kind::Invitation => journeys.begin_invitation(&visitor, requirements).await?,
    };
    let mut seen = view(&Step::Challenge(challenge))?;
    seen.insert("journey".to_owned(), handle.expose().into());
    if walker.app == Some(true) {
        seen.insert("browser".to_owned(), walker.browser.token().expose().into());
    }
    Ok((StatusCode::CREATED, Json(seen)).into_response())
}

/// Says what a journey asks for now.
#[utoipa::path(
    get,
    path = "/journeys/{journey}",
    params(("journey" = String, Path, description = "The journey.")),
    responses((status = 200, body = JourneyStep)),
    security(())
)]
async fn show(
    State(app): State<App>,
    walker: Walker,
    Path(journey): Path<String>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let handle = JourneyHandle::from_text(&journey);
    let challenge = app.services().journeys.challenge(&handle, &walker.visitor()).await?;
    Ok(Json(view(&Step::Challenge(challenge))?))
}

/// Answers what a journey asks for, and says how it goes on.
#[utoipa::path(
    post,
    path = "/journeys/{journey}/answers",
    params(
        ("journey" = String, Path, description = "The journey."),
        ("own_device" = Option<bool>, Query, description = "Whether the person says that the device is their own: with a \
            further factor in this sign-in it is trusted, and spares that factor for a while. Said once, it holds for the journey.")
    ),
    request_body = JourneyAnswer,
    responses((status = 200, body = JourneyStep)),
    security(())
)]
async fn answer(
    State(app): State<App>,
    walker: Walker,
    Path(journey): Path<String>,
    Json(answer): Json<Answer>,
) -> Result<Response, Problem> {
    let handle = JourneyHandle::from_text(&journey);
    let registers = matches!(answer, Answer::Register(_));
    if registers && !app.config().ui.sign_up {
        return Err(Code::NotAllowed.into());
    }
    let own = match walker.visit.query("own_device").as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Code::MalformedRequest.into()),
    };
    let visitor = walker.visitor().saying_own_device(own);
    let step = app.services().journeys.answer(&handle, &visitor, answer).await?;
    let mut seen = view(&step)?;
    let mut headers = HeaderMap::new();
    match &step {
        Step::Done(done) => {
            crate::routes::welcome(&app, done).await;
            if walker.app.is_some() {
                seen.insert("token".to_owned(), done.cookie.token().expose().into());
                if let Some(device) = &done.device {
                    seen.insert("device".to_owned(), device.token().expose().into());
                }
            } else {
                let lifetime = app.config().sessions.lifetime.time();
                let lasting = (done.own_device != Some(false)).then_some(lifetime);
                headers.append(SET_COOKIE, done.cookie.set_cookie(lasting)?);
                if let Some(device) = &done.device {
                    let remembered = app.services().sessions.policy().devices.unwrap_or_default();
                    headers.append(SET_COOKIE, device.set_cookie(remembered.forgotten_after)?);
                }
            }
        }
        Step::Refused(refusal) => {
            if let Some(wait) = refusal.retry_after {
                let seconds = u64::try_from(wait.whole_seconds()).unwrap_or_default().saturating_add(1);
                headers.insert(RETRY_AFTER, seconds.into());
            }
        }
        Step::Challenge(_) => {}
    }
    let mut response = Json(seen).into_response();
    response.headers_mut().extend(headers);
    Ok(response)
}

/// What the library says of a step, whole.
fn view(step: &Step) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(step).map_err(Problem::internal)? {
        Value::Object(members) => Ok(members),
        _ => Err(Code::Internal.into()),
    }
}

impl From<JourneyError> for Problem {
    fn from(error: JourneyError) -> Self {
        match error {
            JourneyError::Port(error) => error.into(),
            JourneyError::Changed => Code::Conflict.into(),
            // Another's journey is none.
            _ => Code::NotFound.into(),
        }
    }
}

/// In which an application without cookies names itself.
const BROWSER: &str = "ciam-browser";

/// In which it says what an account knows it by.
const DEVICE: &str = "ciam-device";

/// So many languages and levels are listened to.
const MANY: usize = 16;

#[cfg(test)]
mod tests;
