//! Who the person is, by the tenant's schema.

use std::collections::BTreeMap;

use axum::extract::State;
use ciam_core::account::{
    Account, ProfileChangeError,
    schema::{AttributeType, Party, Required},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, Json, Moment, Problem, Resource, owner::owner};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(paths(show_profile, change_profile, show_schema))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/profile", show_profile)
        .patch("/profile", change_profile)
        .get("/profile/schema", show_schema)
}

/// What the account says of its holder.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Profile {
    /// The account.
    account: String,
    /// The attributes that the person may see, by name.
    #[schema(value_type = BTreeMap<String, Object>)]
    attributes: BTreeMap<String, Value>,
    /// Since when the account exists.
    created_at: Moment,
}

/// A change of attributes. Those that are not named stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProfileChange {
    /// The new values by name; null removes one.
    #[schema(value_type = BTreeMap<String, Object>)]
    attributes: BTreeMap<String, Value>,
}

/// An attribute that the account may have.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AttributeView {
    /// Its name.
    name: String,
    /// What it holds: `text`, `url`, `date`, `locale`, `zoneinfo`, `phone`, `boolean`, `integer`, `one_of`, `list`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The person may change it.
    writable: bool,
    /// It cannot be empty.
    required: bool,
    /// The most characters of a text, or values of a list.
    #[schema(required)]
    max: Option<usize>,
    /// The values to choose from.
    values: Vec<String>,
}

/// Every attribute of the account that its holder may see or change.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ProfileSchema {
    /// The attributes.
    attributes: Vec<AttributeView>,
}

/// Shows the profile.
#[utoipa::path(get, path = "/profile", responses((status = 200, body = Profile)))]
async fn show_profile(State(app): State<App>, caller: Caller) -> Result<Json<Profile>, Problem> {
    Ok(Json(view(&app, &caller.viewer.account.value)))
}

/// Changes attributes: all of them, or none and `errors` says which are not acceptable.
#[utoipa::path(patch, path = "/profile", request_body = ProfileChange, responses((status = 200, body = Profile)))]
async fn change_profile(
    State(app): State<App>,
    caller: Caller,
    Json(change): Json<ProfileChange>,
) -> Result<Json<Profile>, Problem> {
    match app.services().accounts.change_profile(&owner(&caller), &change.attributes).await {
        Ok(account) => Ok(Json(view(&app, &account))),
        Err(ProfileChangeError::Refused(errors)) => Err(Problem::unacceptable(
            errors.iter().map(|(name, problem)| (format!("attributes.{name}"), problem.code())),
        )),
        Err(ProfileChangeError::Port(error)) => Err(error.into()),
        Err(_) => Err(Code::Conflict.into()),
    }
}

/// Says which attributes there are.
#[utoipa::path(get, path = "/profile/schema", responses((status = 200, body = ProfileSchema)))]
async fn show_schema(State(app): State<App>, _caller: Caller) -> Result<Json<ProfileSchema>, Problem> {
    let schema = app.services().accounts.schema();
    let own = |attribute: &ciam_core::account::schema::Attribute| {
        attribute.readers.owner || attribute.writers.owner
    };
    let attributes =
        schema.iter().filter(|(_, attribute)| own(attribute)).map(|(name, attribute)| AttributeView {
            name: name.to_owned(),
            kind: attribute.kind.as_str(),
            writable: attribute.writers.owner,
            required: attribute.required.contains(&Required::Always),
            max: match &attribute.kind {
                AttributeType::Text { max } | AttributeType::List { max, .. } => Some(*max),
                _ => None,
            },
            values: match &attribute.kind {
                AttributeType::OneOf(values) => values.clone(),
                _ => Vec::new(),
            },
        });
    Ok(Json(ProfileSchema { attributes: attributes.collect() }))
}

fn view(app: &App, account: &Account) -> Profile {
    Profile {
        account: account.id.to_string(),
        attributes: app.services().accounts.schema().readable(&account.profile, Party::Owner),
        created_at: account.created_at.into(),
    }
}
