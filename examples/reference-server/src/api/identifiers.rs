//! Addresses, numbers and names that identify the account.

use axum::extract::{Path, State};
use ciam_core::{
    account::{Account, IdentifierKey, IdentifierKind, identifiers::ChangeHandle},
    secret::{Secret, TokenDigest},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    Caller, Code, Json, Moment, Problem, Resource,
    owner::{owner, refused},
};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(
    list_identifiers,
    add_identifier,
    confirm_identifier,
    make_primary,
    remove_identifier,
    set_username
))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/identifiers", list_identifiers)
        .post("/identifiers", add_identifier)
        .post("/identifiers/confirm", confirm_identifier)
        .post("/identifiers/{id}/primary", make_primary)
        .delete("/identifiers/{id}", remove_identifier)
        .put("/username", set_username)
}

/// What identifies the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Identifiers {
    /// The identifiers; the first of a kind is the primary one.
    items: Vec<IdentifierView>,
}

/// An identifier of the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Identifier)]
struct IdentifierView {
    /// Which it is.
    id: String,
    /// `email`, `phone` or `username`.
    kind: &'static str,
    /// The address, number or name in its normal form.
    value: String,
    /// The person has proved that it is theirs.
    verified: bool,
    /// It is the primary one of its kind.
    primary: bool,
}

/// An address or number to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewIdentifier {
    /// An email address, or a phone number with its country code.
    #[schema(max_length = 300)]
    identifier: String,
    /// The `id` of the identifier whose place it takes.
    #[serde(default)]
    replaces: Option<String>,
}

/// A code was sent to the new address or number, or its holder was told; the answer is the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PendingChange {
    /// The name of the change, to confirm it with. Good in the session that asked for it only.
    change: String,
    /// How many digits the code has.
    digits: u32,
    /// When it is no longer good.
    expires_at: Moment,
}

/// The code that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmedChange {
    /// The name of the change.
    change: String,
    /// The code.
    #[schema(value_type = String)]
    code: Secret,
}

/// A name to sign in with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUsername {
    /// The name.
    username: String,
}

/// Lists the identifiers.
#[utoipa::path(get, path = "/identifiers", responses((status = 200, body = Identifiers)))]
async fn list_identifiers(caller: Caller) -> Result<Json<Identifiers>, Problem> {
    Ok(Json(view(&caller.viewer.account.value)))
}

/// Begins to add an email address or phone number, and sends a code to it.
#[utoipa::path(
    post,
    path = "/identifiers",
    request_body = NewIdentifier,
    responses((status = 202, body = PendingChange))
)]
async fn add_identifier(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewIdentifier>,
) -> Result<(StatusCode, Json<PendingChange>), Problem> {
    let key = IdentifierKey::guess(&new.identifier).ok().filter(|it| it.kind() != IdentifierKind::Username);
    let key = key.ok_or_else(|| Problem::unacceptable([("identifier", "malformed")]))?;
    let unknown = || Problem::unacceptable([("replaces", "not_found")]);
    let find = |id: String| held(&caller, &id).ok_or_else(unknown);
    let replaces = new.replaces.map(find).transpose()?;
    let pending = app.services().accounts.add_identifier(&owner(&caller), &key, replaces.as_ref()).await;
    let pending = pending.map_err(|it| refused(it, "identifier"))?;
    let change = PendingChange {
        change: pending.handle.expose().to_owned(),
        digits: pending.digits,
        expires_at: pending.expires_at.into(),
    };
    Ok((StatusCode::ACCEPTED, Json(change)))
}

/// Confirms a new address or number by the code that was sent to it.
#[utoipa::path(
    post,
    path = "/identifiers/confirm",
    request_body = ConfirmedChange,
    responses((status = 200, body = Identifiers))
)]
async fn confirm_identifier(
    State(app): State<App>,
    caller: Caller,
    Json(confirmed): Json<ConfirmedChange>,
) -> Result<Json<Identifiers>, Problem> {
    let handle = ChangeHandle::from_text(&confirmed.change);
    let accounts = &app.services().accounts;
    let changed = accounts.confirm_identifier(&owner(&caller), &handle, &confirmed.code).await;
    Ok(Json(view(&changed.map_err(|it| refused(it, "code"))?)))
}

/// Makes a verified identifier the primary one of its kind.
#[utoipa::path(
    post,
    path = "/identifiers/{id}/primary",
    params(("id" = String, Path, description = "The identifier.")),
    responses((status = 200, body = Identifiers))
)]
async fn make_primary(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Identifiers>, Problem> {
    let key = held(&caller, &id).ok_or(Code::NotFound)?;
    let changed = app.services().accounts.make_primary(&owner(&caller), &key).await;
    Ok(Json(view(&changed.map_err(|it| refused(it, "id"))?)))
}

/// Removes an identifier. Its holder gets a message with a link to take it back.
#[utoipa::path(
    delete,
    path = "/identifiers/{id}",
    params(("id" = String, Path, description = "The identifier.")),
    responses((status = 200, body = Identifiers))
)]
async fn remove_identifier(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Identifiers>, Problem> {
    let key = held(&caller, &id).ok_or(Code::NotFound)?;
    let changed = app.services().accounts.remove_identifier(&owner(&caller), &key).await;
    Ok(Json(view(&changed.map_err(|it| refused(it, "id"))?)))
}

/// Sets the name to sign in with.
#[utoipa::path(put, path = "/username", request_body = NewUsername, responses((status = 200, body = Identifiers)))]
async fn set_username(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewUsername>,
) -> Result<Json<Identifiers>, Problem> {
    let changed = app.services().accounts.set_username(&owner(&caller), &new.username).await;
    Ok(Json(view(&changed.map_err(|it| refused(it, "username"))?)))
}

fn id_of(key: &IdentifierKey) -> String {
    TokenDigest::of(&format!("{}:{}", key.kind().as_str(), key.as_str())).to_text()
}

/// The caller's own identifier of this id.
fn held(caller: &Caller, id: &str) -> Option<IdentifierKey> {
    caller.viewer.account.value.held().map(|it| &it.key).find(|key| id_of(key) == id).cloned()
}

fn view(account: &Account) -> Identifiers {
    let items = account.held().map(|it| IdentifierView {
        id: id_of(&it.key),
        kind: it.key.kind().as_str(),
        value: it.key.as_str().to_owned(),
        verified: it.is_verified(),
        primary: account.identifier(it.key.kind()).is_some_and(|first| first.key == it.key),
    });
    Identifiers { items: items.collect() }
}
