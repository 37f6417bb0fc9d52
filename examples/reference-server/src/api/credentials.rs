//! Password and linked identities, and the end of the account.

use axum::extract::{Path, State};
use ciam_core::{
    account::WaysIn,
    password::PasswordFactor,
    secret::{Secret, TokenDigest},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    Caller, Code, DONE, Json, Moment, Problem, Resource,
    owner::{Renewed, owner, refused, renewed},
};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(show_credentials, set_password, remove_password, unlink_identity, close_account))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/credentials", show_credentials)
        .put("/password", set_password)
        .delete("/password", remove_password)
        .delete("/identities/{id}", unlink_identity)
        .post("/close", close_account)
}

/// What the person signs in with.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Credentials {
    /// There is a password.
    password: bool,
    /// The password can be removed: another way in remains.
    password_removable: bool,
    /// Accounts elsewhere that are linked.
    identities: Vec<LinkedIdentity>,
}

/// An account elsewhere that is linked.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct LinkedIdentity {
    /// Which it is.
    id: String,
    /// Who vouches for the person.
    issuer: String,
    /// Since when it is linked.
    linked_at: Moment,
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// The account is closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Closed {
    /// From when it is erased; until then its owner can sign in and take it back.
    erase_after: Moment,
}

/// Shows what the person signs in with.
#[utoipa::path(get, path = "/credentials", responses((status = 200, body = Credentials)))]
async fn show_credentials(State(app): State<App>, caller: Caller) -> Result<Json<Credentials>, Problem> {
    let (accounts, account) = (&app.services().accounts, &caller.viewer.account.value);
    let credentials = app.ports().store().credentials_of(account.id).await?;
    let identities = accounts.identities_of(account.id).await?;
    let password = PasswordFactor::credential_in(&credentials).is_some();
    let ways = WaysIn::of(account, &credentials, identities.len(), accounts.policy());
    let identities = identities.into_iter().map(|it| LinkedIdentity {
        id: it.value.id.to_text(),
        issuer: it.value.issuer,
        linked_at: it.value.linked_at.into(),
    });
    Ok(Json(Credentials {
        password,
        password_removable: password && !ways.without_password().is_empty(),
        identities: identities.collect(),
    }))
}

/// Sets the password. Every other session ends, and this one goes on with a new secret.
#[utoipa::path(put, path = "/password", request_body = NewPassword, responses((status = 200, body = Renewed)))]
async fn set_password(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPassword>,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let started = app.services().accounts.set_password(&owner(&caller), &new.password).await;
    renewed(&app, &caller, &started.map_err(|it| refused(it, "password"))?)
}

/// Removes the password, where another way in remains. Every other session ends, and this one goes on with a new secret.
#[utoipa::path(delete, path = "/password", responses((status = 200, body = Renewed)))]
async fn remove_password(
    State(app): State<App>,
    caller: Caller,
) -> Result<(HeaderMap, Json<Renewed>), Problem> {
    let started = app.services().accounts.remove_password(&owner(&caller)).await;
    renewed(&app, &caller, &started.map_err(|it| refused(it, "password"))?)
}

/// Takes the link of an account elsewhere away, where another way in remains.
#[utoipa::path(
    delete,
    path = "/identities/{id}",
    params(("id" = String, Path, description = "The linked identity.")),
    responses((status = 204, description = "It is no longer linked."))
)]
async fn unlink_identity(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = TokenDigest::try_from(id).map_err(|_| Code::NotFound)?;
    app.services().accounts.unlink(&owner(&caller), &id).await.map_err(|it| refused(it, "id"))?;
    Ok(DONE)
}

/// Closes the account: every session ends, this one too.
#[utoipa::path(post, path = "/close", responses((status = 200, body = Closed)))]
async fn close_account(State(app): State<App>, caller: Caller) -> Result<Json<Closed>, Problem> {
    let erase_after = app.services().accounts.close(&owner(&caller)).await;
    Ok(Json(Closed { erase_after: erase_after.map_err(|it| refused(it, "account"))?.into() }))
}
