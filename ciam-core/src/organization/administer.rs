//! Organizations themselves and their roles: creating, settings, templates, roles of their own.

use super::error::OrganizationError;
use super::members::with_owners;
use super::model::{Membership, Organization, OrganizationStatus, Slug};
use super::policy::OrganizationPolicy;
use super::resolve::{GrantProblem, RoleBook};
use super::role::{Permission, Role, RoleName, RoleScope};
use super::service::{Organizations, Standing};
use crate::actor::Actor;
use crate::event::{Event, EventType};
use crate::id::{AccountId, OrganizationId};
use crate::store::{Batch, Commit, Conflict, EntityRef, RecordKind, StoredRecord as _, Write, load};

use std::collections::BTreeSet;

impl Organizations {
    /// Creates an organization, with its first owner where one is named. People create organizations of which they are the
    /// owner, where [the settings](super::OrganizationSettings::self_service) let them.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when the name is none or the slug is taken, when the owner's account does not exist,
    /// when the actor created too many lately, and when a port fails.
    pub async fn create(
        &self,
        actor: &Actor,
        slug: Slug,
        name: &str,
        owner: Option<AccountId>,
    ) -> Result<Organization, OrganizationError> {
        let name = Organization::checked_name(name).ok_or(OrganizationError::Invalid("name"))?;
        if let Actor::Account(account) = actor {
            if !self.settings.self_service || owner.is_some_and(|owner| owner != *account) {
                return Err(OrganizationError::denied("self_service"));
            }
            self.limiter.attempt(&self.settings.created_per_account, &account.to_string()).await?;
        }
        let owner = match actor {
            Actor::Account(account) => Some(*account),
            Actor::System(_) => owner,
        };
        let now = self.ports.now();
        let id = OrganizationId::generate(self.ports.clock(), self.ports.entropy())?;
        let organization = Organization::new(id, slug, name, now);
        let event = self.event(EventType::ORGANIZATION_CREATED, &organization, actor)?;
        let mut batch = Batch::new().require_absent(EntityRef::Organization(id)).event(event);
        let mut owners = BTreeSet::new();
        if let Some(owner) = owner {
            let found = self.ports.store().account(owner).await?.ok_or(OrganizationError::NotFound)?;
            let membership = Membership::new(id, owner, BTreeSet::from([RoleName::owner()]), now);
            let joined = self.member_event(EventType::MEMBERSHIP_JOINED, &membership, actor)?;
            batch = batch.require_version(EntityRef::Account(owner), found.version).event(joined);
            owners.insert(owner);
            batch = with_owners(batch, &organization, Some(owners.clone()));
            batch = batch.write(Write::PutMembership(membership));
        } else {
            batch = batch.write(Write::PutOrganization(organization.clone()));
        }
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(Organization { owners, ..organization }),
            Commit::Conflict(Conflict::Unique(_)) => Err(OrganizationError::SlugTaken),
            Commit::Conflict(_) => Err(OrganizationError::Busy),
        }
    }

    /// Gives an organization another name.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when the name is none, and when the store fails.
    pub async fn rename(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        name: &str,
    ) -> Result<(), OrganizationError> {
        let name = Organization::checked_name(name).ok_or(OrganizationError::Invalid("name"))?;
        let change = |it: &mut Organization| it.name.clone_from(&name);
        self.change(actor, organization, &Permission::ORGANIZATION_UPDATE, "name", change, |_| Ok(())).await
    }

    /// Sets what a sign-in must be for people to act for the organization, and who may join.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when the policy cannot be kept, when its role for who joins uninvited is unknown or holds
    /// more than the actor does, and when the store fails.
    pub async fn set_policy(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        policy: &OrganizationPolicy,
    ) -> Result<(), OrganizationError> {
        policy.validate(&self.settings.ladder).map_err(OrganizationError::Invalid)?;
        let role: BTreeSet<RoleName> = policy.auto_join_role.iter().cloned().collect();
        let change = |it: &mut Organization| it.policy.clone_from(policy);
        self.change(actor, organization, &Permission::POLICY_WRITE, "policy", change, |standing| {
            if standing.organization.value.policy.auto_join_role == policy.auto_join_role {
                return Ok(());
            }
            Ok(standing.held.may_change(&standing.book, &BTreeSet::new(), &role)?)
        })
        .await
    }

    /// Stops an organization, or lets it go on. Only the tenant does that: its members cannot act for it meanwhile.
    ///
    /// # Errors
    ///
    /// Fails when a person asks, when there is no such organization, and when the store fails.
    pub async fn set_status(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        status: OrganizationStatus,
    ) -> Result<(), OrganizationError> {
        if !matches!(actor, Actor::System(_)) {
            return Err(OrganizationError::denied("tenant"));
        }
        let change = |it: &mut Organization| it.status = status;
        self.change(actor, organization, &Permission::ORGANIZATION_UPDATE, "status", change, |_| Ok(())).await
    }

    async fn change(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        action: &Permission,
        what: &str,
        change: impl Fn(&mut Organization) + Send + Sync,
        check: impl Fn(&Standing) -> Result<(), OrganizationError> + Send + Sync,
    ) -> Result<(), OrganizationError> {
        for _ in 0..Self::MAX_RACES {
            let standing = self.permitted(actor, organization, action).await?;
            check(&standing)?;
            let mut next = standing.organization.value.clone();
            change(&mut next);
            if next == standing.organization.value {
                return Ok(());
            }
            let event = self.event(EventType::ORGANIZATION_CHANGED, &next, actor)?.with("what", what);
            let batch = standing.required(Batch::new()).write(Write::PutOrganization(next)).event(event);
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    /// Writes a template: a role for every organization of the tenant. Only the tenant does that.
    ///
    /// # Errors
    ///
    /// Fails when a person asks, when the role cannot be written like that, and when the store fails.
    pub async fn save_template(&self, actor: &Actor, role: Role) -> Result<(), OrganizationError> {
        if !matches!(actor, Actor::System(_)) || role.scope != RoleScope::Tenant {
            return Err(OrganizationError::denied("tenant"));
        }
        for _ in 0..Self::MAX_RACES {
            // Two templates that are written at once could inherit each other, so each write goes over one mark.
            let mark = load::<TemplatesMark>(self.ports.store(), MARK).await?;
            self.role_book(None).await?.check(&role)?;
            let place = EntityRef::record::<TemplatesMark>(MARK);
            let batch = match &mark {
                Some(mark) => Batch::new().require_version(place, mark.version),
                None => Batch::new().require_absent(place),
            };
            let event =
                Event::new(&self.ports, EventType::ROLE_CHANGED, format!("role:{}", role.name.as_str()))?
                    .by(actor)
                    .with("role", role.name.as_str());
            let batch = batch.put(&TemplatesMark {}).and_then(|batch| batch.put(&role));
            let batch = batch.map_err(crate::error::PortError::from)?.event(event);
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    /// Writes a role of an organization's own, new or in the place of the one with its name.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when the role held or would hold what the actor does not, when it cannot be written
    /// like that, and when the store fails.
    pub async fn save_role(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        mut role: Role,
    ) -> Result<(), OrganizationError> {
        role.scope = RoleScope::Organization(organization);
        for _ in 0..Self::MAX_RACES {
            let standing = self.permitted(actor, organization, &Permission::ROLE_WRITE).await?;
            standing.book.check(&role)?;
            covers_role(&standing, &role.name)?;
            let after = RoleBook::new(
                standing.book.iter().filter(|it| it.name != role.name).cloned().chain([role.clone()]),
            );
            if !standing.held.covers(&after.resolve([&role.name]).permissions) {
                return Err(GrantProblem::Escalation.into());
            }
            let batch = self.role_batch(&standing, &role.name, "written")?;
            let batch = batch.put(&role).map_err(crate::error::PortError::from)?;
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    /// Deletes a role of an organization's own. Who has it keeps its name, which means nothing; a role that is made again under
    /// the name is theirs again.
    ///
    /// # Errors
    ///
    /// Fails when there is no such role, when the actor may not or does not hold what it holds, and when the store fails.
    pub async fn delete_role(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        name: &RoleName,
    ) -> Result<(), OrganizationError> {
        for _ in 0..Self::MAX_RACES {
            let standing = self.permitted(actor, organization, &Permission::ROLE_WRITE).await?;
            let own =
                standing.book.get(name).filter(|role| role.scope == RoleScope::Organization(organization));
            let role = own.ok_or(OrganizationError::NotFound)?;
            covers_role(&standing, name)?;
            let batch = self.role_batch(&standing, name, "deleted")?;
            let batch = batch.write(Write::DeleteRecord(Role::KIND, role.key()));
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    /// The roles of an organization: templates and its own. Every member may see them.
    ///
    /// # Errors
    ///
    /// Fails when the actor is no active member, and when the store fails.
    pub async fn roles(
        &self,
        actor: &Actor,
        organization: OrganizationId,
    ) -> Result<Vec<Role>, OrganizationError> {
        let standing = self.permitted(actor, organization, &Permission::ORGANIZATION_READ).await?;
        Ok(standing.book.iter().cloned().collect())
    }

    /// The change of a role: the organization is written as well, so that no two roles are written on the ground of the same
    /// others, and nobody is given a role that is being changed.
    fn role_batch(
        &self,
        standing: &Standing,
        name: &RoleName,
        what: &str,
    ) -> Result<Batch, OrganizationError> {
        let organization = standing.organization.value.clone();
        let event = self.event(EventType::ROLE_CHANGED, &organization, &standing.actor)?;
        let event = event.with("role", name.as_str()).with("what", what);
        Ok(standing.required(Batch::new()).write(Write::PutOrganization(organization)).event(event))
    }
}

/// Nobody changes a role that holds more than they do.
fn covers_role(standing: &Standing, name: &RoleName) -> Result<(), OrganizationError> {
    if standing.held.covers(&standing.book.resolve([name]).permissions) {
        Ok(())
    } else {
        Err(GrantProblem::HoldsMore.into())
    }
}

/// What every write of a template goes over.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct TemplatesMark {}

const MARK: &str = "templates";

impl crate::store::StoredRecord for TemplatesMark {
    const KIND: RecordKind = RecordKind::new("core.role_templates", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        MARK.to_owned()
    }
}
