//! Transactions that their person confirms with a passkey: what is to be done is shown, and signed for.

use axum::extract::State;
use ciam_core::secret::Secret;
use ciam_mfa::{
    transaction::{TransactionDetails, TransactionError, Transactions},
    webauthn::AuthenticationResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, Json, Problem, Resource};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(offer_transaction, confirm_transaction))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .post("/transactions/offer", offer_transaction)
        .post("/transactions", confirm_transaction)
}

/// What is to be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTransaction {
    /// Objects with a `type` each, as `authorization_details` of RFC 9396.
    #[schema(value_type = Vec<Object>)]
    authorization_details: Vec<Value>,
}

/// What is to be shown, and signed for.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TransactionOffered {
    /// The transaction, to send back with the answer. Good in this session only, once, for five minutes.
    transaction: String,
    /// What to show, and nothing else.
    #[schema(value_type = Vec<Object>)]
    authorization_details: Vec<Value>,
    /// Options for `PublicKeyCredential.parseRequestOptionsFromJSON()`, or for the platform's own methods.
    #[schema(value_type = Object)]
    options: Value,
}

/// The signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignedAnswer {
    /// The transaction.
    #[schema(value_type = String)]
    transaction: Secret,
    /// What the authenticator answered: `AuthenticationResponseJSON`.
    #[schema(value_type = Object)]
    response: Value,
}

/// What was signed for, to be kept: with the relying party alone it can be shown at any time what was agreed to.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TransactionConfirmed {
    /// The details, the challenge's nonce, the key and the answer of the authenticator.
    #[schema(value_type = Object)]
    signed: Value,
}

fn transactions(app: &App) -> Result<&Transactions, Problem> {
    // Known by an address, the server is no relying party.
    app.services().transactions.as_ref().ok_or(Code::NotAllowed.into())
}

/// Begins: gives what is to be shown, and the question for the passkey.
#[utoipa::path(
    post,
    path = "/transactions/offer",
    request_body = NewTransaction,
    responses((status = 200, body = TransactionOffered))
)]
async fn offer_transaction(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewTransaction>,
) -> Result<Json<TransactionOffered>, Problem> {
    let text = serde_json::to_string(&new.authorization_details).map_err(Problem::internal)?;
    let malformed = |_| Problem::unacceptable([("authorization_details", "malformed")]);
    let details = TransactionDetails::parse(&text).map_err(malformed)?;
    let offer = transactions(&app)?.begin(&caller.viewer, details).await.map_err(refused)?;
    Ok(Json(TransactionOffered {
        transaction: offer.transaction.expose().to_owned(),
        authorization_details: offer.details.items().to_vec(),
        options: serde_json::to_value(&offer.options).map_err(Problem::internal)?,
    }))
}

/// Takes the signature.
#[utoipa::path(
    post,
    path = "/transactions",
    request_body = SignedAnswer,
    responses((status = 200, body = TransactionConfirmed))
)]
async fn confirm_transaction(
    State(app): State<App>,
    caller: Caller,
    Json(answer): Json<SignedAnswer>,
) -> Result<Json<TransactionConfirmed>, Problem> {
    let response = AuthenticationResponse::deserialize(&answer.response).map_err(|_| Code::NotProved)?;
    let confirmed = transactions(&app)?.confirm(&caller.viewer, &answer.transaction, &response).await;
    let signed = serde_json::to_value(confirmed.map_err(refused)?).map_err(Problem::internal)?;
    Ok(Json(TransactionConfirmed { signed }))
}

fn refused(error: TransactionError) -> Problem {
    match error {
        TransactionError::Port(error) => error.into(),
        TransactionError::TooMany { retry_after } => {
            Problem::slow_down(retry_after.whole_seconds().unsigned_abs().saturating_add(1))
        }
        TransactionError::NotFound => Code::NotFound.into(),
        TransactionError::Refused(_) => Code::NotProved.into(),
        TransactionError::Changed => Code::Conflict.into(),
        other => Problem::new(Code::NotAllowed, other.to_string()),
    }
}
