//! Members and invitations of an organization.

use axum::extract::{Path, State};
use ciam_core::{
    actor::Actor,
    id::{AccountId, InvitationId, OrganizationId},
    organization::{Member, PendingInvitation},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{place, role_names, texts};
use crate::{
    api::{Caller, Code, DONE, Json, List, Listing, Moment, Problem, Resource},
    app::App,
};

#[derive(OpenApi)]
#[openapi(paths(members, member, change, remove, invitations, invite, resend, revoke))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/organizations/{id}/members", members)
        .get("/organizations/{id}/members/{account}", member)
        .patch("/organizations/{id}/members/{account}", change)
        .delete("/organizations/{id}/members/{account}", remove)
        .get("/organizations/{id}/invitations", invitations)
        .post("/organizations/{id}/invitations", invite)
        .post("/organizations/{id}/invitations/{invitation}/resend", resend)
        .delete("/organizations/{id}/invitations/{invitation}", revoke)
}

/// A member of an organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Member)]
struct MemberView {
    /// The account.
    account: String,
    /// The person's name, if they gave one.
    #[schema(required)]
    name: Option<String>,
    /// The person's primary e-mail address.
    #[schema(required)]
    email: Option<String>,
    /// The roles.
    roles: Vec<String>,
    /// `active` or `suspended`.
    status: &'static str,
    /// When the person joined.
    joined_at: Moment,
}

/// What is to become of a member; what is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    /// These roles and no others.
    #[serde(default)]
    roles: Option<Vec<String>>,
    /// `active` or `suspended`.
    #[serde(default)]
    status: Option<MemberStatus>,
}

/// Whether a member may act.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MemberStatus {
    Active,
    Suspended,
}

/// An open invitation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
struct InvitationView {
    /// Which it is.
    id: String,
    /// The invited address.
    email: String,
    /// The roles that it gives.
    roles: Vec<String>,
    /// How often it was sent.
    sent: u32,
    /// When it was last sent.
    sent_at: Moment,
    /// From when it is void.
    expires_at: Moment,
}

/// A new invitation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    /// The address to invite.
    email: String,
    /// The roles that it gives.
    roles: Vec<String>,
}

/// Lists the members.
#[utoipa::path(get, path = "/organizations/{id}/members", operation_id = "list_members", params(("id" = String, Path, description = "The organization."), Listing), responses((status = 200, body = List<MemberView>)))]
async fn members(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    listing: Listing,
) -> Result<Json<List<MemberView>>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let page = app.services().organizations.members(&actor, id, listing.request()).await?;
    Ok(Json(List::of(page, seen)))
}

/// Shows a member.
#[utoipa::path(get, path = "/organizations/{id}/members/{account}", operation_id = "get_member", params(("id" = String, Path, description = "The organization."), ("account" = String, Path, description = "The member.")), responses((status = 200, body = MemberView)))]
async fn member(
    State(app): State<App>,
    caller: Caller,
    Path((id, account)): Path<(String, String)>,
) -> Result<Json<MemberView>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let account = account.parse().map_err(|_| Code::NotFound)?;
    Ok(Json(seen(app.services().organizations.member(&actor, id, account).await?)))
}

/// Gives a member other roles, or suspends or reactivates them.
#[utoipa::path(patch, path = "/organizations/{id}/members/{account}", operation_id = "change_member", params(("id" = String, Path, description = "The organization."), ("account" = String, Path, description = "The member.")), request_body = MemberChange, responses((status = 204, description = "It is so.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path((id, account)): Path<(String, String)>,
    Json(wanted): Json<MemberChange>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let account: AccountId = account.parse().map_err(|_| Code::NotFound)?;
    let services = app.services();
    if let Some(roles) = wanted.roles {
        services.organizations.set_roles(&actor, id, account, role_names(roles)?).await?;
    }
    match wanted.status {
        Some(MemberStatus::Active) => services.organizations.reactivate_member(&actor, id, account).await?,
        Some(MemberStatus::Suspended) => services.suspend_membership(&actor, id, account).await?,
        None => {}
    }
    Ok(DONE)
}

/// Removes a member; who removes themselves leaves.
#[utoipa::path(delete, path = "/organizations/{id}/members/{account}", operation_id = "remove_member", params(("id" = String, Path, description = "The organization."), ("account" = String, Path, description = "The member.")), responses((status = 204, description = "The account is no member.")))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((id, account)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let account: AccountId = account.parse().map_err(|_| Code::NotFound)?;
    app.services().end_membership(&actor, id, account).await?;
    Ok(DONE)
}

/// Lists the open invitations.
#[utoipa::path(get, path = "/organizations/{id}/invitations", operation_id = "list_invitations", params(("id" = String, Path, description = "The organization."), Listing), responses((status = 200, body = List<InvitationView>)))]
async fn invitations(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    listing: Listing,
) -> Result<Json<List<InvitationView>>, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let page = app.services().organizations.invitations(&actor, id, listing.request()).await?;
    Ok(Json(List::of(page, shown)))
}

/// Invites an address. An open invitation for it is replaced.
#[utoipa::path(post, path = "/organizations/{id}/invitations", operation_id = "invite", params(("id" = String, Path, description = "The organization.")), request_body = NewInvitation, responses((status = 204, description = "The invitation is on its way.")))]
async fn invite(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(wanted): Json<NewInvitation>,
) -> Result<StatusCode, Problem> {
    let (actor, id) = place(&app, &caller, &id).await?;
    let languages = vec![caller.visit.language.code().to_owned()];
    let roles = role_names(wanted.roles)?;
    app.services().organizations.invite(&actor, id, &wanted.email, roles, languages).await?;
    Ok(DONE)
}

/// Sends an invitation again, with another link.
#[utoipa::path(post, path = "/organizations/{id}/invitations/{invitation}/resend", operation_id = "resend_invitation", params(("id" = String, Path, description = "The organization."), ("invitation" = String, Path, description = "The invitation.")), responses((status = 204, description = "It is on its way.")))]
async fn resend(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (actor, id, invitation) = invitation_at(&app, &caller, &path).await?;
    app.services().organizations.resend_invitation(&actor, id, invitation).await?;
    Ok(DONE)
}

/// Withdraws an invitation.
#[utoipa::path(delete, path = "/organizations/{id}/invitations/{invitation}", operation_id = "revoke_invitation", params(("id" = String, Path, description = "The organization."), ("invitation" = String, Path, description = "The invitation.")), responses((status = 204, description = "It is no longer good.")))]
async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (actor, id, invitation) = invitation_at(&app, &caller, &path).await?;
    app.services().organizations.revoke_invitation(&actor, id, invitation).await?;
    Ok(DONE)
}

/// The invitation of a path, and who asks.
async fn invitation_at(
    app: &App,
    caller: &Caller,
    (id, invitation): &(String, String),
) -> Result<(Actor, OrganizationId, InvitationId), Problem> {
    let (actor, id) = place(app, caller, id).await?;
    Ok((actor, id, invitation.parse().map_err(|_| Code::NotFound)?))
}

fn seen(member: Member) -> MemberView {
    MemberView {
        account: member.membership.account.to_string(),
        name: member.name,
        email: member.email,
        roles: texts(&member.membership.roles),
        status: member.membership.status.as_str(),
        joined_at: member.membership.joined_at.into(),
    }
}

fn shown(pending: PendingInvitation) -> InvitationView {
    InvitationView {
        id: pending.invitation.id.to_string(),
        email: pending.email.as_str().to_owned(),
        roles: texts(&pending.invitation.roles),
        sent: pending.invitation.sent,
        sent_at: pending.invitation.sent_at.into(),
        expires_at: pending.invitation.expires_at.into(),
    }
}
