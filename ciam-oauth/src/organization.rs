//! Organizations in authorization requests and tokens.
//!
//! A server that is built [with organizations](crate::server::ServerBuilder::organizations) has the scope value
//! [`ORGANIZATION`]. A request that asks for it is about an organization: the one that the parameter `organization` names by id or
//! slug, else the one that the session acts for, else the person's only one, else the one that the person chooses
//! ([`Ask::SelectOrganization`](ciam_core::interaction::Ask::SelectOrganization), always with `prompt=select_organization`). Who
//! belongs to none goes on without. The sign-in must meet the organization's policy, or the person is asked for more.
//!
//! The organization is bound to the *grant*: tokens of another organization come of another authorization, and what the
//! person does in their session meanwhile changes nothing. Access tokens, ID tokens, UserInfo and introspection say:
//!
//! | claim | what |
//! | --- | --- |
//! | `org_id` | the organization's id |
//! | `org_slug` | its name in URLs |
//! | `org_name` | the name that people read |
//! | `roles` | the member's roles, with those that are inherited |
//! | `permissions` | what they allow; left out when there are more than [`OrganizationClaims::MAX_PERMISSIONS`] |
//!
//! # Security
//!
//! The membership and the policy are looked at again whenever a token of the grant is exchanged, refreshed, introspected or used
//! at this server: who is suspended or removed is out at once, and what was granted before a suspension stays void after it. A
//! JWT that a resource validates by itself is good until it expires. An organization that the person does not belong to and
//! one that does not exist are the same `access_denied`.

use std::collections::BTreeSet;

use ciam_core::error::PortError;
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::organization::{Acting, ActingError, Organizations, PolicyDemand, SignInFacts};
use ciam_core::session::Session;
use ciam_core::store::PageRequest;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::authorize::{AuthorizeRequest, Prompt};
use crate::grant::{Grant, GrantState, RevocationReason};

/// The scope value that asks for an organization.
pub const ORGANIZATION: &str = "organization";

/// What tokens say about the organization that a person acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrganizationClaims {
    /// The id.
    pub id: OrganizationId,
    /// The name in URLs.
    pub slug: String,
    /// The name that people read.
    pub name: String,
    /// The member's roles, with those that are inherited.
    pub roles: BTreeSet<String>,
    /// What they allow.
    pub permissions: BTreeSet<String>,
}

impl OrganizationClaims {
    /// With more permissions than this, tokens name none: a resource asks for them, or decides by the roles.
    pub const MAX_PERMISSIONS: usize = 64;

    /// The names of the claims.
    pub const NAMES: [&'static str; 5] = ["org_id", "org_slug", "org_name", "roles", "permissions"];

    /// What tokens say of a member.
    #[must_use]
    pub fn of(acting: &Acting) -> Self {
        let organization = &acting.organization.value;
        Self {
            id: organization.id,
            slug: organization.slug.as_str().to_owned(),
            name: organization.name.clone(),
            roles: acting.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            permissions: acting.permissions.iter().map(|held| held.as_str().to_owned()).collect(),
        }
    }

    /// The claims.
    #[must_use]
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("org_id", json!(self.id.to_string()));
        put("org_slug", json!(self.slug));
        put("org_name", json!(self.name));
        put("roles", json!(self.roles));
        if self.permissions.len() <= Self::MAX_PERMISSIONS {
            put("permissions", json!(self.permissions));
        }
        members
    }
}

/// What an authorization request has to do with organizations, for this person, now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Choice {
    /// It is about none, or the person belongs to none.
    #[default]
    None,
    /// The person has to choose one.
    Ask,
    /// It is about one that the person may not act for.
    Refused,
    /// It is about this one; the sign-in lacks this.
    Acting(OrganizationId, Option<Box<PolicyDemand>>),
}

impl Choice {
    /// What the sign-in lacks.
    pub(crate) fn demand(&self) -> Option<&PolicyDemand> {
        match self {
            Self::Acting(_, demand) => demand.as_deref(),
            _ => None,
        }
    }
}

impl AuthorizationServer {
    /// What a request has to do with organizations. `chosen` is what this account chose in this interaction.
    pub(crate) async fn choice(
        &self,
        request: &AuthorizeRequest,
        session: &Session,
        chosen: Option<OrganizationId>,
        now: OffsetDateTime,
    ) -> Result<Choice, PortError> {
        let Some(organizations) = self.organizations().filter(|_| request.scopes.contains(ORGANIZATION))
        else {
            return Ok(Choice::None);
        };
        if let Some(named) = &request.organization {
            let Some(id) = organizations.named(named).await? else { return Ok(Choice::Refused) };
            return Ok(self.admission(organizations, id, session, now).await?.unwrap_or(Choice::Refused));
        }
        let asked = request.prompt.contains(Prompt::SelectOrganization);
        let known = chosen.or_else(|| session.organization.filter(|_| !asked));
        if let Some(id) = known
            && let Some(choice) = self.admission(organizations, id, session, now).await?
        {
            return Ok(choice);
        }
        let choices = organizations.choices(session.account).await?;
        match choices.as_slice() {
            [] => Ok(Choice::None),
            [(only, _)] if !asked => {
                Ok(self.admission(organizations, only.id, session, now).await?.unwrap_or(Choice::None))
            }
            _ => Ok(Choice::Ask),
        }
    }

    /// Whether a person may act for an organization; `None` when it is not theirs.
    async fn admission(
        &self,
        organizations: &Organizations,
        id: OrganizationId,
        session: &Session,
        now: OffsetDateTime,
    ) -> Result<Option<Choice>, PortError> {
        let facts = SignInFacts::of_session(session, now);
        match organizations.admitted(id, session.account, &facts, now).await {
            Ok(_) => Ok(Some(Choice::Acting(id, None))),
            Err(ActingError::Demands(demand)) => Ok(Some(Choice::Acting(id, Some(demand)))),
            Err(ActingError::Port(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The organization of a grant, if its person still may act for it: as a member without a break since it was given, by a
    /// sign-in that meets the policy of now.
    pub(crate) async fn organization_of(
        &self,
        grant: &Grant,
        organization: OrganizationId,
        now: OffsetDateTime,
    ) -> Result<Option<OrganizationClaims>, PortError> {
        let Some(organizations) = self.organizations() else { return Ok(None) };
        let facts = SignInFacts::of_grant(&grant.context, grant.created_at, now);
        match organizations.admitted(organization, grant.account, &facts, now).await {
            Ok(acting) if grant.created_at >= acting.membership.value.active_since() => {
                Ok(Some(OrganizationClaims::of(&acting)))
            }
            Err(ActingError::Port(error)) => Err(error),
            _ => Ok(None),
        }
    }

    /// Revokes the grants that an account gave for an organization, for a host that wants them gone when a membership ends; they
    /// cannot be used then in any case. Returns how many this call revoked.
    ///
    /// # Errors
    ///
    /// Fails when a port does; what was revoked so far stays revoked.
    pub async fn revoke_organization_grants(
        &self,
        account: AccountId,
        organization: OrganizationId,
    ) -> Result<u32, PortError> {
        let mut revoked = 0;
        let mut request = PageRequest::first(100);
        loop {
            let page = Grant::of_account(self.ports().store(), account, request).await?;
            for grant in page.items {
                if grant.organization == Some(organization) && matches!(grant.state, GrantState::Active) {
                    let reason = RevocationReason::OrganizationLeft;
                    revoked += u32::from(self.revoke_grant(grant.id, reason).await?);
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, 100),
                None => return Ok(revoked),
            }
        }
    }
}
