//! Acting for an organization: choosing one in a session, and what tokens say about it.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::error::OrganizationError;
use super::model::{Membership, Organization};
use super::policy::{PolicyDemand, SignInFacts};
use super::resolve::Resolved;
use super::role::{Permission, RoleName};
use super::service::Organizations;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, OrganizationId};
use crate::session::{Authenticated, SessionError, SessionManager, StartedSession};
use crate::store::{Batch, EntityRef, Versioned};

/// A person in an organization that they may act for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Acting {
    /// The organization, active.
    pub organization: Versioned<Organization>,
    /// The membership, active.
    pub membership: Versioned<Membership>,
    /// The roles, with those that are inherited.
    pub roles: BTreeSet<RoleName>,
    /// What the roles allow.
    pub permissions: BTreeSet<Permission>,
}

/// Why a person does not act for an organization.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActingError {
    /// There is no such organization, or the person is no active member, or it is suspended: all the same to who asks.
    #[error("the person may not act for the organization")]
    NotAMember,
    /// The sign-in does not meet the organization's policy.
    #[error("the sign-in does not meet the policy of the organization")]
    Demands(Box<PolicyDemand>),
    /// The session or the account changed meanwhile, or is over.
    #[error("the session has changed meanwhile")]
    Changed,
    /// The host's hook refused.
    #[error("the host refused the session")]
    Denied {
        /// The hook's code.
        code: String,
    },
    /// A port failed.
    #[error("the organization cannot be read")]
    Port(#[from] PortError),
}

impl From<SessionError> for ActingError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Denied { code } => Self::Denied { code },
            SessionError::Port(error) => Self::Port(error),
            _ => Self::Changed,
        }
    }
}

impl Organizations {
    /// A person in an organization, if they may act for it as far as their membership goes. What it demands of the sign-in is
    /// for the caller to ask with [`OrganizationPolicy::check`](super::OrganizationPolicy::check).
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn acting(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Acting>, PortError> {
        let store = self.ports.store();
        let Some(found) = store.organization(organization).await? else { return Ok(None) };
        let membership = store.membership(organization, account).await?;
        let Some(membership) = membership.filter(|it| it.value.is_active() && found.value.is_active()) else {
            return Ok(None);
        };
        let Resolved { roles, permissions } =
            self.role_book(Some(organization)).await?.resolve(&membership.value.roles);
        Ok(Some(Acting { organization: found, membership, roles, permissions }))
    }

    /// As [`acting`](Self::acting), and the sign-in meets the organization's policy.
    ///
    /// # Errors
    ///
    /// Fails when the person may not act for it, when the sign-in lacks something, and when the store fails.
    pub async fn admitted(
        &self,
        organization: OrganizationId,
        account: AccountId,
        sign_in: &SignInFacts<'_>,
        now: OffsetDateTime,
    ) -> Result<Acting, ActingError> {
        let acting = self.acting(organization, account).await?.ok_or(ActingError::NotAMember)?;
        let policy = &acting.organization.value.policy;
        match policy.check(sign_in, &self.settings.ladder, now) {
            Ok(()) => Ok(acting),
            Err(demand) => Err(ActingError::Demands(Box::new(demand))),
        }
    }

    /// Makes a session act for an organization, or with `None` for none. The session gets another secret, and keeps to the
    /// organization's limits from now on, also when it acts for another one later: limits only ever become stricter.
    ///
    /// # Errors
    ///
    /// Fails when the person may not act for it, when the sign-in does not meet its policy (what is lacking says what a further
    /// factor or another sign-in must bring), when the session changed meanwhile, and when a port fails. Nothing changes then.
    pub async fn switch(
        &self,
        sessions: &SessionManager,
        current: &Authenticated,
        organization: Option<OrganizationId>,
    ) -> Result<StartedSession, ActingError> {
        let session = &current.session.value;
        let now = self.ports.now();
        let mut batch = Batch::new();
        let (mut idle, mut end) = (None, None);
        if let Some(id) = organization {
            let facts = SignInFacts::of_session(session, now);
            let acting = self.admitted(id, session.account, &facts, now).await?;
            batch = batch
                .require_version(EntityRef::Organization(id), acting.organization.version)
                .require_version(EntityRef::Membership(id, session.account), acting.membership.version);
            let policy = &acting.organization.value.policy;
            idle = policy.session_idle;
            end = policy.absolute_limit().map(|limit| facts.began_at + limit);
        }
        let event = Event::new(
            &self.ports,
            EventType::SESSION_ORGANIZATION_CHANGED,
            crate::account::event_subject(session.account),
        )?
        .with("session", session.id.to_string())
        .with("organization", organization.map(|id| id.to_string()));
        let (batch, renewed) =
            sessions.acting_for(batch.event(event), current, organization, idle, end).await?;
        if self.commit(batch).await? { Ok(renewed) } else { Err(ActingError::Changed) }
    }

    /// The organization that a session acts for, if its person still may: the membership or the policy may have changed since
    /// it was chosen.
    ///
    /// # Errors
    ///
    /// Fails when the session acts for none or may not any more, and when the store fails.
    pub async fn of_session(&self, current: &Authenticated) -> Result<Acting, ActingError> {
        let session = &current.session.value;
        let id = session.organization.ok_or(ActingError::NotAMember)?;
        let now = self.ports.now();
        self.admitted(id, session.account, &SignInFacts::of_session(session, now), now).await
    }

    /// The id of the organization that a text names, by id or slug; `None` when it names none. Whether a person may act for it
    /// is another question.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn named(&self, text: &str) -> Result<Option<OrganizationId>, PortError> {
        if let Ok(id) = text.parse::<OrganizationId>() {
            return Ok(Some(id));
        }
        let found = self.ports.store().organization_by_slug(text).await?;
        Ok(found.map(|found| found.value.id))
    }
}

impl From<ActingError> for OrganizationError {
    fn from(error: ActingError) -> Self {
        match error {
            ActingError::Port(error) => Self::Port(error),
            _ => Self::NotFound,
        }
    }
}
