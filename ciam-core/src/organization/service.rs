//! The service: who stands where in an organization, and what they may.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use time::Duration;

use super::decision::{Question, Resource, Verdict};
use super::domain::RefusedDomains;
use super::error::OrganizationError;
use super::model::{Membership, Organization};
use super::resolve::{Held, Resolved, RoleBook};
use super::role::{BY_SCOPE, Permission, Role, RoleName, RoleScope};
use crate::actor::Actor;
use crate::assurance::AcrLadder;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, OrganizationId};
use crate::ports::Ports;
use crate::ratelimit::{Limit, RateLimiter};
use crate::store::{Batch, Cursor, EntityRef, Page, PageRequest, StoredRecord as _, Versioned};

/// Limits and rules of organizations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OrganizationSettings {
    /// The levels of assurance that policies may name; those of the sign-in.
    pub ladder: AcrLadder,
    /// Whether people may create organizations themselves. Default no.
    pub self_service: bool,
    /// How many organizations one person may create. Default 5 in a day.
    pub created_per_account: Limit,
    /// How long an invitation is good. Default 7 days.
    pub invitation_lifetime: Duration,
    /// How many invitations an organization may send. Default 200 in an hour.
    pub invitations_per_organization: Limit,
    /// How much invitation mail one address gets from all organizations together. Default 5 in a day.
    pub invitations_per_address: Limit,
    /// Domains that nobody may claim.
    pub refused_domains: RefusedDomains,
    /// How many domains an organization may claim. Default 50.
    pub max_domains: usize,
    /// How often an organization may have its domains looked up. Default 60 in an hour.
    pub verifications_per_organization: Limit,
    /// When the proof of a verified domain is looked for again. Default after 7 days.
    pub recheck_after: Duration,
    /// When it is looked for again after it was missing, or DNS did not answer. Default after a day.
    pub recheck_after_miss: Duration,
    /// After how many misses in a row a domain lapses. Default 3.
    pub max_misses: u32,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            ladder: AcrLadder::default(),
            self_service: false,
            created_per_account: Limit::new("organization.create", 5, Duration::days(1)),
            invitation_lifetime: Duration::days(7),
            invitations_per_organization: Limit::new("organization.invite", 200, Duration::hours(1)),
            invitations_per_address: Limit::new("organization.invite_address", 5, Duration::days(1)),
            refused_domains: RefusedDomains::default(),
            max_domains: 50,
            verifications_per_organization: Limit::new("organization.verify_domain", 60, Duration::hours(1)),
            recheck_after: Duration::days(7),
            recheck_after_miss: Duration::days(1),
            max_misses: 3,
        }
    }
}

/// Creates, reads and changes organizations, their members, roles, invitations and domains. See [the module](super).
#[derive(Clone, Debug)]
pub struct Organizations {
    pub(super) ports: Ports,
    pub(super) settings: Arc<OrganizationSettings>,
    pub(super) limiter: RateLimiter,
}

/// Where somebody stands in an organization: loaded once, and required unchanged by what is committed on its ground.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// Who.
    pub actor: Actor,
    /// The organization.
    pub organization: Versioned<Organization>,
    /// The membership; `None` for the tenant itself.
    pub membership: Option<Versioned<Membership>>,
    /// The roles that mean something here.
    pub book: RoleBook,
    /// The actor's roles, with those that are inherited.
    pub roles: BTreeSet<RoleName>,
    /// What the actor holds.
    pub held: Held,
}

impl Standing {
    /// Where the member of an organization, or the tenant itself, stands.
    pub(super) fn new(
        actor: Actor,
        organization: Versioned<Organization>,
        membership: Option<Versioned<Membership>>,
        book: RoleBook,
    ) -> Self {
        let (roles, held) = match &membership {
            None => (BTreeSet::new(), Held::Everything),
            Some(found) => {
                let Resolved { roles, permissions } = book.resolve(&found.value.roles);
                (roles, Held::Only(permissions))
            }
        };
        Self { actor, organization, membership, book, roles, held }
    }

    /// Requires that everything is as it was when it was looked at: the organization with its roles, and the actor's place.
    pub(super) fn required(&self, batch: Batch) -> Batch {
        let id = self.organization.value.id;
        let batch = batch.require_version(EntityRef::Organization(id), self.organization.version);
        match &self.membership {
            Some(found) => {
                batch.require_version(EntityRef::Membership(id, found.value.account), found.version)
            }
            None => batch,
        }
    }
}

impl Organizations {
    /// How often a change is decided again when it lost a race.
    pub(super) const MAX_RACES: usize = 8;

    /// The service with the default settings.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self {
            limiter: RateLimiter::new(ports.clone()),
            ports,
            settings: Arc::new(OrganizationSettings::default()),
        }
    }

    /// Sets the limits and rules.
    #[must_use]
    pub fn with_settings(mut self, settings: OrganizationSettings) -> Self {
        self.settings = Arc::new(settings);
        self
    }

    /// The limits and rules.
    #[must_use]
    pub fn settings(&self) -> &OrganizationSettings {
        &self.settings
    }

    /// Where somebody stands in an organization.
    ///
    /// # Errors
    ///
    /// Fails with [`OrganizationError::NotFound`] unless they are an active member of an organization that exists, with
    /// [`OrganizationError::Suspended`] when it is suspended, and when the store fails.
    pub async fn standing(
        &self,
        actor: &Actor,
        organization: OrganizationId,
    ) -> Result<Standing, OrganizationError> {
        let store = self.ports.store();
        let found = store.organization(organization).await?.ok_or(OrganizationError::NotFound)?;
        let membership = match actor {
            Actor::System(_) => None,
            Actor::Account(account) => {
                let found = store.membership(organization, *account).await?;
                let active = found.filter(|found| found.value.is_active());
                Some(active.ok_or(OrganizationError::NotFound)?)
            }
        };
        if membership.is_some() && !found.value.is_active() {
            return Err(OrganizationError::Suspended);
        }
        let book = self.role_book(Some(organization)).await?;
        Ok(Standing::new(actor.clone(), found, membership, book))
    }

    /// Whether somebody may do something to something of an organization, by the host's [`Decision`](super::Decision) point.
    /// Who is no active member may do nothing.
    ///
    /// # Errors
    ///
    /// Fails when the store or the decision point does: nothing may be done then.
    pub async fn may(
        &self,
        actor: &Actor,
        action: &Permission,
        resource: &Resource,
        context: &Map<String, Value>,
    ) -> Result<Verdict, PortError> {
        match self.standing(actor, resource.organization).await {
            Ok(standing) => self.decide(&standing, action, resource, context).await,
            Err(OrganizationError::Port(error)) => Err(error),
            Err(error) => Ok(Verdict::deny(vec![error.code().to_owned()])),
        }
    }

    async fn decide(
        &self,
        standing: &Standing,
        action: &Permission,
        resource: &Resource,
        context: &Map<String, Value>,
    ) -> Result<Verdict, PortError> {
        let question = Question {
            actor: &standing.actor,
            action,
            resource,
            roles: &standing.roles,
            held: &standing.held,
            context,
        };
        self.ports.decisions().decide(&question).await
    }

    /// Stops who may not.
    pub(super) async fn demand(
        &self,
        standing: &Standing,
        action: &Permission,
        resource: &Resource,
    ) -> Result<(), OrganizationError> {
        let verdict = self.decide(standing, action, resource, &Map::new()).await?;
        if verdict.allowed { Ok(()) } else { Err(OrganizationError::Denied { reasons: verdict.reasons }) }
    }

    /// Where somebody stands who may do this to the organization itself.
    pub(super) async fn permitted(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        action: &Permission,
    ) -> Result<Standing, OrganizationError> {
        let standing = self.standing(actor, organization).await?;
        self.demand(&standing, action, &Resource::organization(organization)).await?;
        Ok(standing)
    }

    /// The roles that mean something in an organization; without one, the templates.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn role_book(&self, organization: Option<OrganizationId>) -> Result<RoleBook, PortError> {
        let mut roles = Vec::new();
        for scope in
            [Some(RoleScope::Tenant), organization.map(RoleScope::Organization)].into_iter().flatten()
        {
            let request = PageRequest::first(PageRequest::MAX_LIMIT);
            let page = self
                .ports
                .store()
                .records_by(Role::KIND, BY_SCOPE.name(), &scope.to_string(), request)
                .await?;
            for record in page.items {
                roles.push(record.value.decode::<Role>()?);
            }
        }
        Ok(RoleBook::new(roles))
    }

    /// The organizations in which an account is a member, a page at a time, with the memberships, suspended ones included.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn of_account(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<(Organization, Membership)>, PortError> {
        let page = self.ports.store().memberships_of(account, request).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for membership in page.items {
            if let Some(found) = self.ports.store().organization(membership.value.organization).await? {
                items.push((found.value, membership.value));
            }
        }
        Ok(Page::new(items, page.next))
    }

    /// The organizations that an account may act for: active ones in which it is an active member. At most
    /// [`MAX_CHOICES`](Self::MAX_CHOICES) of them.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn choices(&self, account: AccountId) -> Result<Vec<(Organization, Membership)>, PortError> {
        let mut request = PageRequest::first(100);
        let mut choices = Vec::new();
        loop {
            let page = self.of_account(account, request).await?;
            let usable = |it: &(Organization, Membership)| it.0.is_active() && it.1.is_active();
            choices.extend(page.items.into_iter().filter(usable));
            choices.truncate(Self::MAX_CHOICES);
            match page.next {
                Some(next) if choices.len() < Self::MAX_CHOICES => request = next_page(next),
                _ => return Ok(choices),
            }
        }
    }

    /// A person is shown at most this many organizations to choose from.
    pub const MAX_CHOICES: usize = 200;

    /// Commits a batch; `false` when the race was lost.
    pub(super) async fn commit(&self, batch: Batch) -> Result<bool, PortError> {
        Ok(self.ports.store().commit(batch).await?.is_applied())
    }

    pub(super) fn event(
        &self,
        event_type: EventType,
        organization: &Organization,
        actor: &Actor,
    ) -> Result<Event, PortError> {
        Ok(Event::new(&self.ports, event_type, organization.event_subject())?.by(actor))
    }
}

fn next_page(cursor: Cursor) -> PageRequest {
    PageRequest::after(cursor, 100)
}
