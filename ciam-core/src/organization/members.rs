//! Members: joining, roles, suspension, leaving.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::decision::Resource;
use super::error::OrganizationError;
use super::model::{Membership, MembershipStatus, Organization, OrganizationStatus};
use super::role::{Permission, RoleName};
use super::service::{Organizations, Standing};
use crate::account::IdentifierKind;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, OrganizationId};
use crate::store::{Batch, EntityRef, Page, PageRequest, Versioned, Write};

/// A member as administrators of the organization see them: nothing of the account but how to address its person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// The person's name, if they gave one.
    pub name: Option<String>,
    /// The person's primary e-mail address.
    pub email: Option<String>,
}

/// What is to become of a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It has these roles and no others.
    Roles(BTreeSet<RoleName>),
    /// It stops for a while.
    Suspend,
    /// It goes on.
    Reactivate,
    /// It ends.
    Remove,
}

/// What comes of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// The membership as it will be; `None` when it ends.
    pub(super) membership: Option<Membership>,
    /// The owners, when they change.
    pub(super) owners: Option<BTreeSet<AccountId>>,
    pub(super) event: EventType,
}

impl Change {
    const fn permission(&self) -> Permission {
        match self {
            Self::Remove => Permission::MEMBER_REMOVE,
            Self::Roles(_) | Self::Suspend | Self::Reactivate => Permission::MEMBER_UPDATE,
        }
    }

    /// Decides a change by somebody who may make changes of its kind; `None` when it is so already.
    pub(super) fn decide(
        &self,
        standing: &Standing,
        target: &Membership,
        now: OffsetDateTime,
    ) -> Result<Option<Changed>, OrganizationError> {
        let mut next = target.clone();
        let event = match self {
            Self::Roles(roles) => {
                if roles.len() > Membership::MAX_ROLES {
                    return Err(OrganizationError::TooMany);
                }
                next.roles.clone_from(roles);
                EventType::MEMBERSHIP_CHANGED
            }
            Self::Suspend => {
                next.status = MembershipStatus::Suspended;
                EventType::MEMBERSHIP_SUSPENDED
            }
            Self::Reactivate => {
                next.status = MembershipStatus::Active;
                if !target.is_active() {
                    next.active_since = Some(now);
                }
                EventType::MEMBERSHIP_REACTIVATED
            }
            Self::Remove => EventType::MEMBERSHIP_ENDED,
        };
        // Who leaves needs nobody's leave.
        let leaves = *self == Self::Remove && standing.actor.is(target.account);
        if !leaves {
            standing.held.may_change(&standing.book, &target.roles, &next.roles)?;
        }
        let membership = (*self != Self::Remove).then_some(next);
        if membership.as_ref() == Some(target) {
            return Ok(None);
        }
        let owners = owners_after(&standing.organization.value, target, membership.as_ref())?;
        Ok(Some(Changed { membership, owners, event }))
    }
}

/// The owners after a membership became another one, when that changes them.
pub(super) fn owners_after(
    organization: &Organization,
    before: &Membership,
    after: Option<&Membership>,
) -> Result<Option<BTreeSet<AccountId>>, OrganizationError> {
    let mut owners = organization.owners.clone();
    if after.is_some_and(Membership::is_owner) {
        owners.insert(before.account);
        if owners.len() > Organization::MAX_OWNERS {
            return Err(OrganizationError::TooMany);
        }
    } else {
        owners.remove(&before.account);
        if before.is_owner() && owners.is_empty() {
            return Err(OrganizationError::LastOwner);
        }
    }
    Ok((owners != organization.owners).then_some(owners))
}

impl Organizations {
    /// The members of an organization, a page at a time.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not see them, and when the store fails.
    pub async fn members(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        request: PageRequest,
    ) -> Result<Page<Member>, OrganizationError> {
        self.permitted(actor, organization, &Permission::MEMBER_READ).await?;
        let page = self.ports.store().members_of(organization, request).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for membership in page.items {
            items.push(self.described(membership.value).await?);
        }
        Ok(Page::new(items, page.next))
    }

    /// One member of an organization. Everybody may see themselves.
    ///
    /// # Errors
    ///
    /// Fails when there is no such member, when the actor may not see them, and when the store fails.
    pub async fn member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Member, OrganizationError> {
        if actor.is(account) {
            self.standing(actor, organization).await?;
        } else {
            self.permitted(actor, organization, &Permission::MEMBER_READ).await?;
        }
        let found = self.ports.store().membership(organization, account).await?;
        Ok(self.described(found.ok_or(OrganizationError::NotFound)?.value).await?)
    }

    async fn described(&self, membership: Membership) -> Result<Member, PortError> {
        let account = self.ports.store().account(membership.account).await?.map(|found| found.value);
        let name = account.as_ref().and_then(|account| account.profile.text("name")).map(ToOwned::to_owned);
        let email = account.as_ref().and_then(|account| account.identifier(IdentifierKind::Email));
        let email = email.map(|found| found.key.as_str().to_owned());
        Ok(Member { membership, name, email })
    }

    /// Makes an account a member. Only the tenant does that: people join by invitation, or by a verified domain.
    ///
    /// # Errors
    ///
    /// Fails when a person asks, when there is no such account or it is a member already, when a role is unknown, and when
    /// the store fails.
    pub async fn add_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
        roles: BTreeSet<RoleName>,
    ) -> Result<Membership, OrganizationError> {
        if !matches!(actor, Actor::System(_)) {
            return Err(OrganizationError::denied("invite"));
        }
        for _ in 0..Self::MAX_RACES {
            let standing = self.standing(actor, organization).await?;
            if self.ports.store().account(account).await?.is_none() {
                return Err(OrganizationError::NotFound);
            }
            if self.ports.store().membership(organization, account).await?.is_some() {
                return Err(OrganizationError::AlreadyMember);
            }
            let membership = Membership::new(organization, account, roles.clone(), self.ports.now());
            let batch = self.joining(&standing, &membership, Batch::new())?;
            if self.commit(batch).await? {
                return Ok(membership);
            }
        }
        Err(OrganizationError::Busy)
    }

    /// Decides a new membership without committing it: for whoever has to commit it together with something else, as a
    /// directory does that provisions an account.
    ///
    /// # Errors
    ///
    /// Fails when somebody else than the tenant asks, when a role is unknown, and when a port fails.
    pub fn prepare_joining(
        &self,
        standing: &Standing,
        membership: &Membership,
    ) -> Result<Batch, OrganizationError> {
        if !matches!(standing.actor, Actor::System(_)) {
            return Err(OrganizationError::denied("invite"));
        }
        self.joining(standing, membership, Batch::new())
    }

    /// Decides the change of a membership without committing it; `None` when it is so already.
    ///
    /// # Errors
    ///
    /// Fails when somebody else than the tenant asks, when the last owner would go, and when a port fails.
    pub fn prepare_change(
        &self,
        standing: &Standing,
        target: &Versioned<Membership>,
        change: &Change,
    ) -> Result<Option<Batch>, OrganizationError> {
        if !matches!(standing.actor, Actor::System(_)) {
            return Err(OrganizationError::denied("member"));
        }
        let changed = change.decide(standing, &target.value, self.ports.now())?;
        Ok(changed.map(|changed| self.changing(standing, target, changed)).transpose()?)
    }

    /// Adds a new membership to a batch, on the ground of where somebody stands who gives it.
    pub(super) fn joining(
        &self,
        standing: &Standing,
        membership: &Membership,
        batch: Batch,
    ) -> Result<Batch, OrganizationError> {
        if membership.roles.len() > Membership::MAX_ROLES {
            return Err(OrganizationError::TooMany);
        }
        standing.held.may_change(&standing.book, &BTreeSet::new(), &membership.roles)?;
        let organization = &standing.organization.value;
        let owners = owners_after(organization, &unjoined(membership), Some(membership))?;
        let place = EntityRef::Membership(organization.id, membership.account);
        let event = self.member_event(EventType::MEMBERSHIP_JOINED, membership, &standing.actor)?;
        let batch = standing.required(batch).require_absent(place);
        let batch = batch.write(Write::PutMembership(membership.clone())).event(event);
        Ok(with_owners(batch, organization, owners))
    }

    /// Gives a member these roles and no others.
    ///
    /// # Errors
    ///
    /// Fails when there is no such member, when the actor may not change members, gives or takes what they do not hold, or
    /// would take the last owner away, and when the store fails.
    pub async fn set_roles(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
        roles: BTreeSet<RoleName>,
    ) -> Result<(), OrganizationError> {
        self.change_member(actor, organization, account, &Change::Roles(roles)).await
    }

    /// Stops a member for a while.
    ///
    /// # Errors
    ///
    /// As [`set_roles`](Self::set_roles).
    pub async fn suspend_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), OrganizationError> {
        self.change_member(actor, organization, account, &Change::Suspend).await
    }

    /// Lets a suspended member act again. What was granted before the suspension stays void.
    ///
    /// # Errors
    ///
    /// As [`set_roles`](Self::set_roles).
    pub async fn reactivate_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), OrganizationError> {
        self.change_member(actor, organization, account, &Change::Reactivate).await
    }

    /// Removes a member; who removes themselves leaves, which everybody but the last owner may.
    ///
    /// # Errors
    ///
    /// As [`set_roles`](Self::set_roles).
    pub async fn remove_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), OrganizationError> {
        self.change_member(actor, organization, account, &Change::Remove).await
    }

    async fn change_member(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
        change: &Change,
    ) -> Result<(), OrganizationError> {
        for _ in 0..Self::MAX_RACES {
            let standing = self.standing(actor, organization).await?;
            if *change != Change::Remove || !actor.is(account) {
                let resource = Resource::new("member", account.to_string(), organization);
                self.demand(&standing, &change.permission(), &resource).await?;
            }
            let found = self.ports.store().membership(organization, account).await?;
            let target = found.ok_or(OrganizationError::NotFound)?;
            let Some(changed) = change.decide(&standing, &target.value, self.ports.now())? else {
                return Ok(());
            };
            let batch = self.changing(&standing, &target, changed)?;
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    fn changing(
        &self,
        standing: &Standing,
        target: &Versioned<Membership>,
        changed: Changed,
    ) -> Result<Batch, PortError> {
        let organization = &standing.organization.value;
        let account = target.value.account;
        let place = EntityRef::Membership(organization.id, account);
        let shown = changed.membership.as_ref().unwrap_or(&target.value);
        let event = self.member_event(changed.event, shown, &standing.actor)?;
        let batch = standing.required(Batch::new()).require_version(place, target.version).event(event);
        let batch = batch.write(match changed.membership {
            Some(membership) => Write::PutMembership(membership),
            None => Write::DeleteMembership(organization.id, account),
        });
        Ok(with_owners(batch, organization, changed.owners))
    }

    /// Ends the membership of an account that is being erased, whatever its organization would say. An organization that is left
    /// without an owner is suspended, until the tenant makes somebody one.
    pub(crate) async fn erase_member(&self, membership: &Membership) -> Result<(), PortError> {
        let (id, account) = (membership.organization, membership.account);
        let store = self.ports.store();
        for _ in 0..Self::MAX_RACES {
            let Some(found) = store.membership(id, account).await? else { return Ok(()) };
            let actor = Actor::system("erasure");
            let event = self.member_event(EventType::MEMBERSHIP_ENDED, &found.value, &actor)?;
            let place = EntityRef::Membership(id, account);
            let mut batch = Batch::new()
                .require_version(place, found.version)
                .write(Write::DeleteMembership(id, account))
                .event(event);
            let organization = store.organization(id).await?;
            if let Some(organization) = organization.filter(|it| it.value.owners.contains(&account)) {
                let mut owners = organization.value.owners.clone();
                owners.remove(&account);
                batch = batch.require_version(EntityRef::Organization(id), organization.version);
                let mut after = Organization { owners, ..organization.value };
                if after.owners.is_empty() && after.is_active() {
                    after.status = OrganizationStatus::Suspended;
                    let event = self.event(EventType::ORGANIZATION_CHANGED, &after, &actor)?;
                    batch = batch.event(event.with("what", "status").with("reason", "no_owner"));
                }
                batch = batch.write(Write::PutOrganization(after));
            }
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(PortError::transient("the organization is being changed by others"))
    }

    pub(super) fn member_event(
        &self,
        event_type: EventType,
        membership: &Membership,
        actor: &Actor,
    ) -> Result<Event, PortError> {
        let roles: Vec<String> = membership.roles.iter().map(|role| role.as_str().to_owned()).collect();
        Ok(Event::new(&self.ports, event_type, crate::account::event_subject(membership.account))?
            .by(actor)
            .with("organization", membership.organization.to_string())
            .with("roles", roles))
    }
}

/// Adds the owners to a batch, when they change.
pub(super) fn with_owners(
    batch: Batch,
    organization: &Organization,
    owners: Option<BTreeSet<AccountId>>,
) -> Batch {
    match owners {
        Some(owners) => batch.write(Write::PutOrganization(Organization { owners, ..organization.clone() })),
        None => batch,
    }
}

/// Somebody before they joined: without roles.
fn unjoined(membership: &Membership) -> Membership {
    Membership { roles: BTreeSet::new(), ..membership.clone() }
}
