//! Approvals on a phone: an app registers its key, asks what waits, and answers with the number that the page shows.
//!
//! What an app says it says as a compact JWS by its key: see [`ciam_mfa::push`]. Only the registration needs a session.

use axum::extract::State;
use ciam_core::secret::Secret;
use ciam_mfa::push::{PushAnswered, PushError, PushStatus};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    Caller, Code, Json, Moment, Problem, Resource,
    factors::refused,
    owner::{Renewed, owner, renewed},
};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(offer_push_device, add_push_device, show_waiting, take_answer, show_status))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .post("/push/devices/offer", offer_push_device)
        .post("/push/devices", add_push_device)
        .post("/push/waiting", show_waiting)
        .post("/push/answers", take_answer)
        .post("/push/status", show_status)
}

/// A device that can be registered.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PushDeviceOffered {
    /// The enrolment, to send back with the app's message. Good in this session only, once, for ten minutes.
    enrolment: String,
    /// What the app signs.
    challenge: String,
}

/// A device that is to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPushDevice {
    /// The enrolment.
    #[schema(value_type = String)]
    enrolment: Secret,
    /// A compact JWS of the type `ciam-push-register+jwt` by the app's new key, with the public key as `jwk` in its header; the
    /// claims `challenge`, `address` (where a push service reaches the app) and `attestation`.
    message: String,
    /// What the device is to be called.
    #[serde(default)]
    #[schema(max_length = 64)]
    label: String,
}

/// A device that was registered, and the session that goes on with a new secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PushDeviceAdded {
    /// The device, as the app names itself in what it says.
    device: String,
    /// The account, as the app names it.
    account: String,
    /// The session.
    session: Renewed,
}

/// What an app says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PushMessage {
    /// A compact JWS by the app's key: `ciam-push-look+jwt` (`account`, `device`, `iat`) to ask what waits,
    /// `ciam-push-answer+jwt` (`account`, `device`, `request`, `challenge`, `decision`: `approve` with `number`, `deny`, `report`)
    /// to answer.
    message: String,
}

/// What waits for an answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PushWaiting {
    /// The request; null when none waits.
    #[schema(required)]
    request: Option<PushWaits>,
}

/// A request. Its number is on the page, and nowhere else.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PushWaits {
    /// Its name.
    request: String,
    /// What the app signs with its answer.
    challenge: String,
    /// When it is over.
    expires_at: Moment,
}

/// What came of an answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PushOutcome {
    /// Whether the request is approved; else it was denied, and is over.
    approved: bool,
}

/// A request, as the one who shows its number knows it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PushAsked {
    /// Its name.
    request: String,
}

/// How a request stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PushStands {
    /// `pending`; `approved`: answer the journey with an empty `response`; `over`: denied, used or too late.
    status: &'static str,
}

/// Begins to register the phone that the caller is on.
#[utoipa::path(post, path = "/push/devices/offer", responses((status = 200, body = PushDeviceOffered)))]
async fn offer_push_device(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<PushDeviceOffered>, Problem> {
    let offer = app.services().factors.begin_push(&owner(&caller)).await.map_err(refused)?;
    Ok(Json(PushDeviceOffered { enrolment: offer.enrolment.expose().to_owned(), challenge: offer.challenge }))
}

/// Registers the phone, whose app has signed the challenge. The session goes on with a new secret.
#[utoipa::path(
    post,
    path = "/push/devices",
    request_body = NewPushDevice,
    responses((status = 200, body = PushDeviceAdded))
)]
async fn add_push_device(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPushDevice>,
) -> Result<(HeaderMap, Json<PushDeviceAdded>), Problem> {
    let factors = &app.services().factors;
    let added = factors.confirm_push(&owner(&caller), &new.enrolment, &new.message, &new.label).await;
    let added = added.map_err(refused)?;
    let (headers, Json(session)) = renewed(&app, &caller, &added.session)?;
    let account = caller.viewer.account.value.id.to_string();
    Ok((headers, Json(PushDeviceAdded { device: added.device.to_string(), account, session })))
}

/// Says which request waits for the app's person. Without a session: the app's key is who asks.
#[utoipa::path(
    post,
    path = "/push/waiting",
    request_body = PushMessage,
    responses((status = 200, body = PushWaiting))
)]
async fn show_waiting(
    State(app): State<App>,
    Json(said): Json<PushMessage>,
) -> Result<Json<PushWaiting>, Problem> {
    let waiting = app.services().push.waiting(&said.message).await.map_err(not_taken)?;
    let request = waiting.map(|it| PushWaits {
        request: it.request,
        challenge: it.challenge,
        expires_at: it.expires_at.into(),
    });
    Ok(Json(PushWaiting { request }))
}

/// Takes the answer of the app's person. Without a session: the app's key is who answers. A wrong number ends the request.
#[utoipa::path(
    post,
    path = "/push/answers",
    request_body = PushMessage,
    responses((status = 200, body = PushOutcome))
)]
async fn take_answer(
    State(app): State<App>,
    Json(said): Json<PushMessage>,
) -> Result<Json<PushOutcome>, Problem> {
    let answered = app.services().push.answer(&said.message).await.map_err(not_taken)?;
    Ok(Json(PushOutcome { approved: answered == PushAnswered::Approved }))
}

/// Says how a request stands, to who shows its number.
#[utoipa::path(post, path = "/push/status", request_body = PushAsked, responses((status = 200, body = PushStands)))]
async fn show_status(
    State(app): State<App>,
    Json(asked): Json<PushAsked>,
) -> Result<Json<PushStands>, Problem> {
    let status = match app.services().push.status(&asked.request).await? {
        PushStatus::Pending => "pending",
        PushStatus::Approved => "approved",
        _ => "over",
    };
    Ok(Json(PushStands { status }))
}

fn not_taken(error: PushError) -> Problem {
    match error {
        PushError::Port(error) => error.into(),
        PushError::Over => Code::NotFound.into(),
        _ => Code::NotProved.into(),
    }
}
