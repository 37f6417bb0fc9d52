//! The organizations of the account: which there are, for which one the session acts, and their settings.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use ciam_core::{
    actor::Actor,
    assurance::Acr,
    organization::{
        DomainName, InvitationError, Organization, OrganizationPolicy, RoleName, SignInFacts, Slug,
    },
    secret::Secret,
};
use http::{
    StatusCode,
    header::{AUTHORIZATION, SET_COOKIE},
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{place, refused, texts};
use crate::{
    api::{Caller, Code, DONE, Json, List, Listing, Moment, Problem, Resource},
    app::App,
};

#[derive(OpenApi)]
#[openapi(paths(list, create, act, accept, show, rename, policy, set_policy))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/organizations", list)
        .post("/organizations", create)
        .put("/acting", act)
        .post("/invitations/accept", accept)
        .get("/organizations/{id}", show)
        .patch("/organizations/{id}", rename)
        .get("/organizations/{id}/policy", policy)
        .put("/organizations/{id}/policy", set_policy)
}

/// An organization of the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
struct OrganizationView {
    /// Which it is.
    id: String,
    /// Its name in URLs.
    slug: String,
    /// Its name.
    name: String,
    /// `active` or `suspended`.
    status: &'static str,
    /// When it was made.
    created_at: Moment,
    /// The roles of the account in it.
    roles: Vec<String>,
    /// Whether the account may act for it: `active` or `suspended`.
    membership: &'static str,
    /// Whether the session that asks acts for it.
    acting: bool,
}

/// A new organization.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrganization {
    /// Its name in URLs.
    slug: String,
    /// Its name.
    name: String,
}

/// For which organization the session is to act.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActFor {
    /// The organization; null for none.
    #[schema(required)]
    organization: Option<String>,
}

/// What the session became.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ActsFor {
    /// The organization; null for none.
    #[schema(required)]
    organization: Option<String>,
    /// The session's new token, for a caller that came by token; the one before is no longer good. Null for a page, whose cookie
    /// was replaced.
    #[schema(required)]
    token: Option<String>,
}

/// The link of an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accept {
    /// What the link in the mail holds.
    #[schema(value_type = String)]
    token: Secret,
}

/// What may be changed of an organization.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// Its name.
    name: String,
}

/// What an organization demands of a sign-in, and who may join.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Policy {
    /// The ways to sign in that count, by their `amr` names; empty for all.
    methods: Vec<String>,
    /// The level of assurance that must be reached; null for any.
    #[schema(required)]
    acr: Option<String>,
    /// A session ends without use, in seconds; null for no limit of its own.
    #[schema(required)]
    session_idle: Option<u32>,
    /// A session ends in any case, in seconds; null for no limit of its own.
    #[schema(required)]
    session_absolute: Option<u32>,
    /// The e-mail domains that may join; empty for all.
    join_domains: Vec<String>,
    /// The role of who joins by a verified domain; null for nobody.
    #[schema(required)]
    auto_join_role: Option<String>,
    /// The name of the connection that its people sign in by; null for none.
    #[schema(required)]
    connection: Option<String>,
}

/// Lists the organizations that the account belongs to.
#[utoipa::path(get, path = "/organizations", operation_id = "list_organizations", params(Listing), responses((status = 200, body = List<OrganizationView>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<List<OrganizationView>>, Problem> {
    let account = caller.viewer.account.value.id;
    let page = app.services().organizations.of_account(account, listing.request()).await?;
    Ok(Json(List::of(page, |(organization, membership)| OrganizationView {
        acting: caller.viewer.session.value.organization == Some(organization.id),
        id: organization.id.to_string(),
        slug: organization.slug.as_str().to_owned(),
        name: organization.name,
        status: organization.status.as_str(),
        created_at: organization.created_at.into(),
        roles: texts(&membership.roles),
        membership: membership.status.as_str(),
    })))
}

/// Creates an organization, of which the account is the owner.
#[utoipa::path(post, path = "/organizations", operation_id = "create_organization", request_body = NewOrganization, responses((status = 200, body = OrganizationView)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(wanted): Json<NewOrganization>,
) -> Result<Json<OrganizationView>, Problem> {
    let slug = Slug::new(wanted.slug).map_err(|_| Problem::unacceptable([("slug", "invalid")]))?;
    let actor = Actor::Account(caller.viewer.account.value.id);
    let made = app.services().organizations.create(&actor, slug, &wanted.name, None).await?;
    Ok(Json(seen(&made, &[RoleName::owner()], false)))
}

fn seen<'a>(
    organization: &Organization,
    roles: impl IntoIterator<Item = &'a RoleName>,
    acting: bool,
) -> OrganizationView {
    OrganizationView {
        id: organization.id.to_string(),
        slug: organization.slug.as_str().to_owned(),
        name: organization.name.clone(),
        status: organization.status.as_str(),
        created_at: organization.created_at.into(),
        roles: texts(roles),
        membership: "active",
        acting,
    }
}

/// Makes the session act for an organization, or for none. The session gets another secret.
#[utoipa::path(put, path = "/acting", operation_id = "act_for_organization", request_body = ActFor, responses((status = 200, body = ActsFor)))]
async fn act(
    State(app): State<App>,
    caller: Caller,
    Json(wanted): Json<ActFor>,
) -> Result<Response, Problem> {
    let organization = match &wanted.organization {
        Some(text) => Some(text.parse().map_err(|_| Code::NotFound)?),
        None => None,
    };
    let services = app.services();
    let switched = services.organizations.switch(&services.sessions, &caller.viewer, organization).await;
    let started = switched.map_err(refused)?;
    let by_token = caller.visit.headers().contains_key(AUTHORIZATION);
    let token = by_token.then(|| started.cookie.token().expose().to_owned());
    let mut response = Json(ActsFor { organization: wanted.organization, token }).into_response();
    if !by_token {
        let cookie = started.cookie.set_cookie(Some(app.config().sessions.lifetime.time()))?;
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Accepts an invitation with an account that holds the invited address.
#[utoipa::path(post, path = "/invitations/accept", operation_id = "accept_invitation", request_body = Accept, responses((status = 204, description = "The account is a member.")))]
async fn accept(
    State(app): State<App>,
    caller: Caller,
    Json(wanted): Json<Accept>,
) -> Result<StatusCode, Problem> {
    let account = caller.viewer.account.value.id;
    match app.services().organizations.accept_invitation(&wanted.token, account).await {
        Ok(_) => Ok(DONE),
        Err(InvitationError::Port(error)) => Err(error.into()),
        Err(InvitationError::OtherAccount) => {
            Err(Problem::new(Code::NotAllowed, "the invitation is for another address"))
        }
        Err(_) => Err(Code::NotProved.into()),
    }
}

/// Shows an organization.
#[utoipa::path(get, path = "/organizations/{id}", operation_id = "get_organization", params(("id" = String, Path, description = "The organization.")), responses((status = 200, body = OrganizationView)))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<OrganizationView>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let standing = app.services().organizations.standing(&actor, id).await?;
    let acting = caller.viewer.session.value.organization == Some(id);
    let roles = standing.membership.map(|found| found.value.roles).unwrap_or_default();
    Ok(Json(seen(&standing.organization.value, &roles, acting)))
}

/// Gives an organization another name.
#[utoipa::path(patch, path = "/organizations/{id}", operation_id = "rename_organization", params(("id" = String, Path, description = "The organization.")), request_body = Rename, responses((status = 204, description = "It has the name.")))]
async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(wanted): Json<Rename>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    app.services().organizations.rename(&actor, id, &wanted.name).await?;
    Ok(DONE)
}

/// Shows what an organization demands of a sign-in, and who may join.
#[utoipa::path(get, path = "/organizations/{id}/policy", operation_id = "get_organization_policy", params(("id" = String, Path, description = "The organization.")), responses((status = 200, body = Policy)))]
async fn policy(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Policy>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let standing = app.services().organizations.standing(&actor, id).await?;
    let policy = standing.organization.value.policy;
    Ok(Json(Policy {
        methods: policy.methods.into_iter().collect(),
        acr: policy.acr.map(|acr| acr.as_str().to_owned()),
        session_idle: policy.session_idle,
        session_absolute: policy.session_absolute,
        join_domains: policy.join_domains.into_iter().map(String::from).collect(),
        auto_join_role: policy.auto_join_role.map(String::from),
        connection: policy.connection,
    }))
}

/// Sets what an organization demands of a sign-in, and who may join. The caller's own sign-in must meet it.
#[utoipa::path(put, path = "/organizations/{id}/policy", operation_id = "set_organization_policy", params(("id" = String, Path, description = "The organization.")), request_body = Policy, responses((status = 204, description = "It is in effect.")))]
async fn set_policy(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(wanted): Json<Policy>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let bad = |field: &'static str| Problem::unacceptable([(field, "invalid")]);
    let mut policy = OrganizationPolicy::default();
    policy.methods = wanted.methods.into_iter().collect();
    policy.acr = wanted.acr.map(Acr::new);
    policy.session_idle = wanted.session_idle;
    policy.session_absolute = wanted.session_absolute;
    let domains: Result<_, _> = wanted.join_domains.iter().map(DomainName::new).collect();
    policy.join_domains = domains.map_err(|_| bad("join_domains"))?;
    let role = wanted.auto_join_role.map(RoleName::new).transpose();
    policy.auto_join_role = role.map_err(|_| bad("auto_join_role"))?;
    policy.connection = wanted.connection;
    let organizations = &app.services().organizations;
    let now = app.ports().now();
    let facts = SignInFacts::of_session(&caller.viewer.session.value, now);
    if policy.validate(&organizations.settings().ladder).is_ok()
        && policy.check(&facts, &organizations.settings().ladder, now).is_err()
    {
        return Err(Problem::new(Code::Unacceptable, "the caller's own sign-in does not meet the policy"));
    }
    organizations.set_policy(&actor, id, &policy).await?;
    Ok(DONE)
}
