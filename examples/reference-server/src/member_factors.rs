//! The factors of a member who has lost them, taken away by an administrator of the organization.
//!
//! An organization has a say over accounts that are its own: they have no address but of its verified domains, and belong to no
//! other organization. Whoever has a private address, or works for somebody else as well, is asked to come to the operator of the
//! server (`reference-server reset-factors`), because their account is not the organization's.

use std::collections::BTreeSet;

use ciam_core::{
    account::{Account, Identifier, ReasonCode},
    actor::Actor,
    error::PortError,
    id::{AccountId, OrganizationId},
    organization::{AccountTies, DomainName, OrganizationError, Permission, Resource, Standing},
    session::Authenticated,
    store::{EntityRef, PageRequest, Precondition},
};
use ciam_mfa::manage::FactorError;
use serde_json::Map;

use crate::services::Services;

/// The factors of a member were not taken away.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberFactorsError {
    /// The administrator has to prove themselves again first.
    #[error("the administrator has to prove themselves again first")]
    NeedsProof,
    /// The account is not the organization's alone.
    #[error("the account is not the organization's alone")]
    NotTheirs,
    /// The administrator may not, or there is no such member.
    #[error("the administrator may not change the member")]
    Organization(#[from] OrganizationError),
    /// Something stands against it.
    #[error("the factors cannot be taken away")]
    Factors(#[from] FactorError),
}

impl From<PortError> for MemberFactorsError {
    fn from(error: PortError) -> Self {
        Self::Organization(error.into())
    }
}

impl Services {
    /// Whether somebody may take the factors of a member away, as far as nothing but a fresh proof of themselves is missing.
    /// Gives what has to stay as it is until it is done.
    ///
    /// # Errors
    ///
    /// Says what stands against it.
    pub async fn may_reset_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Vec<Precondition>, MemberFactorsError> {
        // For oneself there is the page of one's own account, which asks for more.
        if actor.is(account) {
            return Err(OrganizationError::Denied { reasons: vec!["own_account".to_owned()] }.into());
        }
        let standing = self.organizations.standing(actor, organization).await?;
        let resource = Resource::new("member", account.to_string(), organization);
        let asked = self.organizations.may(actor, &Permission::MEMBER_UPDATE, &resource, &Map::new()).await?;
        if !asked.allowed {
            return Err(OrganizationError::Denied { reasons: asked.reasons }.into());
        }
        let store = self.ports.store();
        let member = store.membership(organization, account).await?.ok_or(OrganizationError::NotFound)?;
        // Nobody takes the factors of a member who holds more than they do.
        let roles = &member.value.roles;
        standing.held.may_change(&standing.book, roles, roles).map_err(OrganizationError::from)?;
        let found = store.account(account).await?.ok_or(OrganizationError::NotFound)?;
        if !self.is_theirs(actor, &standing, &found.value).await? {
            return Err(MemberFactorsError::NotTheirs);
        }
        let at = |entity, version| Precondition::VersionIs(entity, version);
        let mut holds = vec![at(EntityRef::Membership(organization, account), member.version)];
        if let (Some(own), Actor::Account(id)) = (&standing.membership, actor) {
            holds.push(at(EntityRef::Membership(organization, *id), own.version));
        }
        Ok(holds)
    }

    /// Takes every factor but the password from a member, for an administrator of the organization who has proved themselves
    /// just now. The event says who it was and why; the member gets a message, and all their sessions are over. Gives how many
    /// factors it were.
    ///
    /// # Errors
    ///
    /// Says what stands against it.
    pub async fn reset_member_factors(
        &self,
        administrator: &Authenticated,
        organization: OrganizationId,
        account: AccountId,
        reason: &ReasonCode,
    ) -> Result<usize, MemberFactorsError> {
        let actor = Actor::Account(administrator.account.value.id);
        let holds = self.may_reset_member(&actor, organization, account).await?;
        if !self.accounts.is_recent(administrator).await? {
            return Err(MemberFactorsError::NeedsProof);
        }
        let mut taken = 0;
        // One call takes as many as fit into one commit.
        loop {
            match self.factors.reset_while(&actor, account, reason, &holds).await? {
                0 => return Ok(taken),
                some => taken += some,
            }
        }
    }

    /// Whether an account is the organization's alone.
    async fn is_theirs(
        &self,
        actor: &Actor,
        standing: &Standing,
        account: &Account,
    ) -> Result<bool, MemberFactorsError> {
        let organization = standing.organization.value.id;
        let claims = self.organizations.domains(actor, organization).await?;
        let theirs: BTreeSet<DomainName> =
            claims.into_iter().filter(|it| it.state.is_verified()).map(|it| it.domain).collect();
        let held = account.held().filter_map(|it: &Identifier| DomainName::of_email(&it.key));
        let addresses = held.map(|domain| theirs.contains(&domain));
        let memberships = self.organizations.of_account(account.id, PageRequest::first(2)).await?;
        let elsewhere =
            memberships.next.is_some() || memberships.items.iter().any(|(it, _)| it.id != organization);
        // Who made it is for the directory to know: here an address says whose it is.
        Ok(AccountTies::new(false, addresses, elsewhere).is_theirs_alone())
    }
}
