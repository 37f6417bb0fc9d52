//! Passkeys, authenticator apps and recovery codes.

use axum::extract::{Path, State};
use ciam_core::{id::CredentialId, secret::Secret};
use ciam_mfa::{
    manage::{EnrolledFactor, FactorError},
    webauthn::RegistrationResponse,
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::{
    Caller, Code, DONE, Json, Moment, Problem, Resource,
    owner::{Renewed, owner, renewed},
};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(
    list_factors,
    rename_factor,
    remove_factor,
    offer_passkey,
    add_passkey,
    offer_totp,
    add_totp,
    replace_recovery_codes
))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/factors", list_factors)
        .patch("/factors/{id}", rename_factor)
        .delete("/factors/{id}", remove_factor)
        .post("/passkeys/offer", offer_passkey)
        .post("/passkeys", add_passkey)
        .post("/totp/offer", offer_totp)
        .post("/totp", add_totp)
        .put("/recovery-codes", replace_recovery_codes)
}

/// What the account proves itself with beside the password.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct FactorList {
    /// The factors, oldest first.
    items: Vec<FactorView>,
}

/// A factor of the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Factor)]
struct FactorView {
    /// Which it is.
    id: String,
    /// `passkey`, `totp`, `hotp`, `push` or `recovery_code`.
    kind: String,
    /// What its owner calls it.
    #[schema(required)]
    label: Option<String>,
    /// Since when it is there.
    created_at: Moment,
    /// When it was last used.
    #[schema(required)]
    last_used_at: Option<Moment>,
    /// Of recovery codes: how many are left.
    #[schema(required)]
    left: Option<usize>,
    /// Of a passkey: whether it is kept in more than one place.
    #[schema(required)]
    synchronised: Option<bool>,
}

impl From<EnrolledFactor> for FactorView {
    fn from(it: EnrolledFactor) -> Self {
        Self {
            id: it.id.to_string(),
            kind: it.factor,
            label: it.label,
            created_at: it.created_at.into(),
            last_used_at: it.last_used_at.map(Into::into),
            left: it.left,
            synchronised: it.synchronised,
        }
    }
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FactorName {
    /// The name; empty for none.
    #[schema(max_length = 64)]
    label: String,
}

/// A passkey that can be made.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PasskeyOffered {
    /// The enrolment, to send back with the answer. Good in this session only, once, for ten minutes.
    enrolment: String,
    /// Options for `PublicKeyCredential.parseCreationOptionsFromJSON()`, or for the platform's own methods.
    #[schema(value_type = Object)]
    options: Value,
}

/// A passkey that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPasskey {
    /// The enrolment.
    #[schema(value_type = String)]
    enrolment: Secret,
    /// What the authenticator answered: `RegistrationResponseJSON`.
    #[schema(value_type = Object)]
    response: Value,
    /// What it is to be called.
    #[serde(default)]
    #[schema(max_length = 64)]
    label: String,
}

/// An authenticator app that can be added.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TotpOffered {
    /// The enrolment, to send back with a code. Good in this session only, for ten minutes and five tries.
    enrolment: String,
    /// The seed in base 32, to type.
    seed: String,
    /// The seed as an address, for a QR code.
    uri: String,
}

/// A code of the app that is to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTotp {
    /// The enrolment.
    #[schema(value_type = String)]
    enrolment: Secret,
    /// The code that the app shows.
    #[schema(value_type = String)]
    code: Secret,
    /// What it is to be called.
    #[serde(default)]
    #[schema(max_length = 64)]
    label: String,
}

/// New recovery codes, and the session that goes on with a new secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct NewRecoveryCodes {
    /// The codes, which cannot be read again.
    codes: Vec<String>,
    /// The session.
    session: Renewed,
}

/// Lists the factors beside the password.
#[utoipa::path(get, path = "/factors", responses((status = 200, body = FactorList)))]
async fn list_factors(State(app): State<App>, caller: Caller) -> Result<Json<FactorList>, Problem> {
    let listed = app.services().factors.list(caller.viewer.account.value.id).await?;
    Ok(Json(FactorList { items: listed.into_iter().map(Into::into).collect() }))
}

/// Gives a factor another name.
#[utoipa::path(
    patch,
    path = "/factors/{id}",
    params(("id" = String, Path, description = "The factor.")),
    request_body = FactorName,
    responses((status = 204, description = "It has the name."))
)]
async fn rename_factor(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(name): Json<FactorName>,
) -> Result<StatusCode, Problem> {
    app.services().factors.rename(&owner(&caller), named(&id)?, &name.label).await.map_err(refused)?;
    Ok(DONE)
}

/// Removes a factor, where another way in remains. Every other session ends, and this one goes on with a new secret.
#[utoipa::path(
    delete,
    path = "/factors/{id}",
    params(("id" = String, Path, description = "The factor.")),
    responses((status = 200, body = Renewed))
)]
async fn remove_factor(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let started = app.services().factors.remove(&owner(&caller), named(&id)?).await.map_err(refused)?;
    renewed(&app, &caller, &started)
}

/// Begins to add a passkey.
#[utoipa::path(post, path = "/passkeys/offer", responses((status = 200, body = PasskeyOffered)))]
async fn offer_passkey(State(app): State<App>, caller: Caller) -> Result<Json<PasskeyOffered>, Problem> {
    // Known by an address, the server is no relying party.
    if app.services().relying_party.is_none() {
        return Err(Code::NotAllowed.into());
    }
    let offer = app.services().factors.begin_passkey(&owner(&caller)).await.map_err(refused)?;
    let options = serde_json::to_value(&offer.options).map_err(Problem::internal)?;
    Ok(Json(PasskeyOffered { enrolment: offer.enrolment.expose().to_owned(), options }))
}

/// Adds the passkey that the authenticator made. The session goes on with a new secret.
#[utoipa::path(post, path = "/passkeys", request_body = NewPasskey, responses((status = 200, body = Renewed)))]
async fn add_passkey(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPasskey>,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let response = RegistrationResponse::deserialize(&new.response).map_err(|_| Code::NotProved)?;
    let factors = &app.services().factors;
    let added = factors.confirm_passkey(&owner(&caller), &new.enrolment, &response, &new.label).await;
    renewed(&app, &caller, &added.map_err(refused)?)
}

/// Begins to add an authenticator app.
#[utoipa::path(post, path = "/totp/offer", responses((status = 200, body = TotpOffered)))]
async fn offer_totp(State(app): State<App>, caller: Caller) -> Result<Json<TotpOffered>, Problem> {
    let held = caller.viewer.account.value.held().find(|it| it.is_verified());
    let name = held.map(|it| it.key.as_str()).unwrap_or_default();
    let product = &app.config().ui.product;
    let offer = app.services().factors.begin_totp(&owner(&caller), product, name).await.map_err(refused)?;
    Ok(Json(TotpOffered {
        enrolment: offer.enrolment.expose().to_owned(),
        seed: offer.seed.expose().to_owned(),
        uri: offer.uri.expose().to_owned(),
    }))
}

/// Adds the authenticator app, with a code that it shows. The session goes on with a new secret.
#[utoipa::path(post, path = "/totp", request_body = NewTotp, responses((status = 200, body = Renewed)))]
async fn add_totp(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewTotp>,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let factors = &app.services().factors;
    let added = factors.confirm_totp(&owner(&caller), &new.enrolment, new.code.expose(), &new.label).await;
    renewed(&app, &caller, &added.map_err(refused)?)
}

/// Makes recovery codes, in the place of those that there are. The session goes on with a new secret.
#[utoipa::path(put, path = "/recovery-codes", responses((status = 200, body = NewRecoveryCodes)))]
async fn replace_recovery_codes(
    State(app): State<App>,
    caller: Caller,
) -> Result<(HeaderMap, Json<NewRecoveryCodes>), Problem> {
    let replaced = app.services().factors.replace_recovery_codes(&owner(&caller)).await;
    let (sheet, started) = replaced.map_err(refused)?;
    let (headers, Json(session)) = renewed(&app, &caller, &started)?;
    let codes = sheet.codes.iter().map(|it| it.expose().to_owned()).collect();
    Ok((headers, Json(NewRecoveryCodes { codes, session })))
}

fn named(id: &str) -> Result<CredentialId, Problem> {
    id.parse().map_err(|_| Code::NotFound.into())
}

/// Why it was refused.
pub(super) fn refused(error: FactorError) -> Problem {
    match error {
        FactorError::Port(error) => error.into(),
        FactorError::TooMany { retry_after } => {
            Problem::slow_down(retry_after.whole_seconds().unsigned_abs().saturating_add(1))
        }
        FactorError::NeedsProof | FactorError::NeedsStrongerProof => {
            Problem::new(Code::StepUpRequired, error.to_string())
        }
        FactorError::Code | FactorError::Passkey(_) => Code::NotProved.into(),
        FactorError::NotFound => Code::NotFound.into(),
        FactorError::Denied { .. } => Code::NotAllowed.into(),
        FactorError::Changed | FactorError::AlreadyRegistered => {
            Problem::new(Code::Conflict, error.to_string())
        }
        FactorError::Label => Problem::unacceptable([("label", error.code())]),
        other => Problem::unacceptable([("id", other.code())]),
    }
}
