//! Roles and domains of an organization.

use axum::extract::{Path, State};
use ciam_core::organization::{DomainClaim, DomainName, Permission, Role, RoleName, RoleScope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{place, role_names, texts};
use crate::{
    api::{Caller, Code, DONE, Json, Moment, Problem, Resource},
    app::App,
};

#[derive(OpenApi)]
#[openapi(paths(roles, save_role, delete_role, domains, claim, verify, release))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/organizations/{id}/roles", roles)
        .put("/organizations/{id}/roles/{name}", save_role)
        .delete("/organizations/{id}/roles/{name}", delete_role)
        .get("/organizations/{id}/domains", domains)
        .post("/organizations/{id}/domains", claim)
        .post("/organizations/{id}/domains/{domain}/verify", verify)
        .delete("/organizations/{id}/domains/{domain}", release)
}

/// A role.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Role)]
struct RoleView {
    /// Its name.
    name: String,
    /// What people read.
    description: String,
    /// The permissions of its own.
    permissions: Vec<String>,
    /// The roles whose permissions it has as well.
    inherits: Vec<String>,
    /// Whether it is the organization's own, which can be changed; otherwise it is given.
    own: bool,
}

/// What a role is to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleText {
    /// What people read.
    #[serde(default)]
    description: String,
    /// The permissions of its own: `resource:action`.
    permissions: Vec<String>,
    /// The roles whose permissions it has as well.
    #[serde(default)]
    inherits: Vec<String>,
}

/// The claim to a domain.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Domain)]
struct DomainView {
    /// The domain.
    domain: String,
    /// `pending`, `verified` or `lapsed`.
    state: &'static str,
    /// The name of the TXT record that proves it.
    txt_name: String,
    /// The content of the TXT record that proves it.
    txt_value: String,
    /// When it was claimed.
    created_at: Moment,
}

/// A domain to claim.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDomain {
    /// The domain.
    domain: String,
}

/// Lists the roles, given ones first.
#[utoipa::path(get, path = "/organizations/{id}/roles", operation_id = "list_roles", params(("id" = String, Path, description = "The organization.")), responses((status = 200, body = Vec<RoleView>)))]
async fn roles(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<RoleView>>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let roles = app.services().organizations.roles(&actor, id).await?;
    let shown = roles.into_iter().map(|role| RoleView {
        name: role.name.as_str().to_owned(),
        description: role.description,
        permissions: role.permissions.into_iter().map(String::from).collect(),
        inherits: texts(&role.inherits),
        own: matches!(role.scope, RoleScope::Organization(_)),
    });
    Ok(Json(shown.collect()))
}

/// Makes a role, or replaces it.
#[utoipa::path(put, path = "/organizations/{id}/roles/{name}", operation_id = "save_role", params(("id" = String, Path, description = "The organization."), ("name" = String, Path, description = "The role.")), request_body = RoleText, responses((status = 204, description = "The role is so.")))]
async fn save_role(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    Json(wanted): Json<RoleText>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let name = RoleName::new(name).map_err(|_| Problem::unacceptable([("name", "invalid")]))?;
    let permissions: Result<Vec<_>, _> = wanted.permissions.into_iter().map(Permission::new).collect();
    let permissions = permissions.map_err(|_| Problem::unacceptable([("permissions", "invalid")]))?;
    let role = Role::new(RoleScope::Organization(id), name, permissions)
        .with_description(wanted.description)
        .with_inherited(role_names(wanted.inherits)?);
    app.services().organizations.save_role(&actor, id, role).await?;
    Ok(DONE)
}

/// Deletes a role of the organization's own.
#[utoipa::path(delete, path = "/organizations/{id}/roles/{name}", operation_id = "delete_role", params(("id" = String, Path, description = "The organization."), ("name" = String, Path, description = "The role.")), responses((status = 204, description = "There is no such role.")))]
async fn delete_role(
    State(app): State<App>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let name = RoleName::new(name).map_err(|_| Code::NotFound)?;
    app.services().organizations.delete_role(&actor, id, &name).await?;
    Ok(DONE)
}

/// Lists the domains that the organization claims.
#[utoipa::path(get, path = "/organizations/{id}/domains", operation_id = "list_domains", params(("id" = String, Path, description = "The organization.")), responses((status = 200, body = Vec<DomainView>)))]
async fn domains(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<DomainView>>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let claims = app.services().organizations.domains(&actor, id).await?;
    Ok(Json(claims.iter().map(seen).collect()))
}

/// Claims a domain; the answer says which TXT record proves it.
#[utoipa::path(post, path = "/organizations/{id}/domains", operation_id = "claim_domain", params(("id" = String, Path, description = "The organization.")), request_body = NewDomain, responses((status = 200, body = DomainView)))]
async fn claim(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(wanted): Json<NewDomain>,
) -> Result<Json<DomainView>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    Ok(Json(seen(&app.services().organizations.claim_domain(&actor, id, &wanted.domain).await?)))
}

/// Looks for the TXT record, and verifies the domain when it is there.
#[utoipa::path(post, path = "/organizations/{id}/domains/{domain}/verify", operation_id = "verify_domain", params(("id" = String, Path, description = "The organization."), ("domain" = String, Path, description = "The domain.")), responses((status = 200, body = DomainView)))]
async fn verify(
    State(app): State<App>,
    caller: Caller,
    Path((id, domain)): Path<(String, String)>,
) -> Result<Json<DomainView>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let domain = DomainName::new(domain).map_err(|_| Code::NotFound)?;
    Ok(Json(seen(&app.services().organizations.verify_domain(&actor, id, &domain).await?)))
}

/// Gives a domain up.
#[utoipa::path(delete, path = "/organizations/{id}/domains/{domain}", operation_id = "release_domain", params(("id" = String, Path, description = "The organization."), ("domain" = String, Path, description = "The domain.")), responses((status = 204, description = "It is not claimed.")))]
async fn release(
    State(app): State<App>,
    caller: Caller,
    Path((id, domain)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let domain = DomainName::new(domain).map_err(|_| Code::NotFound)?;
    app.services().organizations.release_domain(&actor, id, &domain).await?;
    Ok(DONE)
}

fn seen(claim: &DomainClaim) -> DomainView {
    DomainView {
        domain: claim.domain.as_str().to_owned(),
        state: claim.state.as_str(),
        txt_name: claim.txt_name(),
        txt_value: claim.txt_value(),
        created_at: claim.created_at.into(),
    }
}
