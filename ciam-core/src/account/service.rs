//! What is done with an account after it was made: load, decide, commit.

use std::sync::Arc;

use super::due::{DueKind, ErasureDue, StatusDue};
use super::lifecycle::{LifecycleError, ReasonCode, Transition};
use super::policy::AccountPolicy;
use super::schema::{AttributeSchema, InvalidSchema};
use super::{Account, AccountStatus};
use crate::actor::Actor;
use crate::error::PortError;
use crate::factor::Factor;
use crate::id::AccountId;
use crate::organization::Organizations;
use crate::password::PasswordFactor;
use crate::ports::Ports;
use crate::ratelimit::RateLimiter;
use crate::session::{SessionEnd, SessionManager};
use crate::store::{
    Batch, Commit, EntityRef, Page, PageRequest, Precondition, StoredRecord as _, Version, Versioned, Write,
};
use time::OffsetDateTime;

/// What is done with an account after it was made: by its owner, by administrators, by protection rules and by time.
///
/// Each function is one change: one commit with its event, by whoever the [`Actor`] says. Of changes that meet, each is
/// decided on what the other has left.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub(super) ports: Ports,
    pub(super) sessions: SessionManager,
    pub(super) password: Arc<PasswordFactor>,
    pub(super) factors: Vec<Arc<dyn Factor>>,
    pub(super) policy: Arc<AccountPolicy>,
    pub(super) schema: Arc<AttributeSchema>,
    pub(super) limiter: RateLimiter,
}

impl Accounts {
    /// How often a change is decided again when what it was decided on has changed at the same moment.
    pub(super) const MAX_RACES: usize = 8;

    /// The accounts of a tenant, with the default policy and no factor but the password.
    #[must_use]
    pub fn new(ports: Ports, sessions: SessionManager, password: PasswordFactor) -> Self {
        Self {
            limiter: RateLimiter::new(ports.clone()),
            ports,
            sessions,
            password: Arc::new(password),
            factors: Vec::new(),
            policy: Arc::new(AccountPolicy::default()),
            schema: Arc::new(AttributeSchema::standard()),
        }
    }

    /// Adds a further factor: the same that the [journeys](crate::journey::Journeys) know.
    #[must_use]
    pub fn with_factor(mut self, factor: Arc<dyn Factor>) -> Self {
        self.factors.push(factor);
        self
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: AccountPolicy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// Sets the attributes that are kept. Without it, [`AttributeSchema::standard`].
    ///
    /// # Errors
    ///
    /// Fails when the schema itself cannot be.
    pub fn with_schema(mut self, schema: AttributeSchema) -> Result<Self, InvalidSchema> {
        schema.validate()?;
        self.schema = Arc::new(schema);
        Ok(self)
    }

    /// The attributes that are kept.
    #[must_use]
    pub fn schema(&self) -> &AttributeSchema {
        &self.schema
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &AccountPolicy {
        &self.policy
    }

    /// Takes a pending account into use without its owner's proof, as an administrator may.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is not pending, and when a port fails.
    pub async fn activate(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Account, LifecycleError> {
        self.transition(id, Transition::Activate, by, reason).await
    }

    /// Suspends an account, for ever or until a time. Its sessions are over.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is not active, when `until` has passed, and when a port fails.
    pub async fn suspend(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
        until: Option<OffsetDateTime>,
    ) -> Result<Account, LifecycleError> {
        self.transition(id, Transition::Suspend { until }, by, reason).await
    }

    /// Locks an account, as a protection rule does. Its sessions are over.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is not active, and when a port fails.
    pub async fn lock(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Account, LifecycleError> {
        self.transition(id, Transition::Lock, by, reason).await
    }

    /// Brings a suspended or locked account back. Sessions of before stay over.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is neither suspended nor locked, and when a port fails.
    pub async fn reactivate(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Account, LifecycleError> {
        self.transition(id, Transition::Reactivate, by, reason).await
    }

    /// Closes an account. Its sessions are over, and after the [grace period](AccountPolicy::grace) it is due for erasure.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is closed or erased already, when others would be left in an organization
    /// without an owner, and when a port fails.
    pub async fn deactivate(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Account, LifecycleError> {
        let erase_after = self.ports.now() + self.policy.grace;
        self.transition(id, Transition::Deactivate { erase_after }, by, reason).await
    }

    /// Takes a closed account back. An owner, who has proved themselves to the caller, may where
    /// [`Account::may_return`] says so; an administrator as long as it is not erased.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is not closed or not theirs to take back, and when a port fails.
    pub async fn restore(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Account, LifecycleError> {
        self.transition(id, Transition::Restore, by, reason).await
    }

    /// Does what has become due by now: ends suspensions that have run out, and frees reserved identifiers. Run it now and
    /// then, on any number of nodes; returns how many things were done. An account that it has not come to yet
    /// [stands](Account::standing) as if it had.
    ///
    /// # Errors
    ///
    /// Fails when a port does; what was done so far stays done.
    pub async fn settle_due(&self, limit: u32) -> Result<u32, PortError> {
        let page = self.ports.store().records(StatusDue::KIND, PageRequest::first(limit)).await?;
        let mut done = 0;
        for found in page.items {
            let due: StatusDue = found.value.decode()?;
            if due.at > self.ports.now() {
                break;
            }
            self.settle(&due, found.version).await?;
            done += 1;
        }
        Ok(done)
    }

    /// The closed accounts that are due for erasure, longest due first; see [`ErasureDue`] for how to erase one.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn due_for_erasure(&self, request: PageRequest) -> Result<Page<AccountId>, PortError> {
        let found = self.ports.store().records(ErasureDue::KIND, request).await?;
        let now = self.ports.now();
        let mut page = Page { items: Vec::new(), next: found.next };
        for record in found.items {
            let due: ErasureDue = record.value.decode()?;
            if due.at > now {
                page.next = None;
                break;
            }
            page.items.push(due.account);
        }
        Ok(page)
    }

    async fn transition(
        &self,
        id: AccountId,
        transition: Transition,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Account, LifecycleError> {
        for _ in 0..Self::MAX_RACES {
            let account = self.ports.store().account(id).await?.ok_or(LifecycleError::NotFound)?;
            let prepared = transition.prepare(&self.ports, &account, by, reason)?;
            let batch = match transition {
                Transition::Deactivate { .. } => {
                    let leaving = Organizations::new(self.ports.clone()).leaving(id).await?;
                    if !leaving.stranded.is_empty() {
                        return Err(LifecycleError::LastOwner { organizations: leaving.stranded });
                    }
                    prepared.batch.append(leaving.batch)
                }
                _ => prepared.batch,
            };
            if self.ports.store().commit(batch).await?.is_applied() {
                if !prepared.account.status.may_sign_in() {
                    self.end_sessions(id).await;
                }
                return Ok(prepared.account);
            }
        }
        Err(PortError::transient("the account kept changing").into())
    }

    /// The sessions are over by the account's epoch already; ending each one tells those who wait for the event.
    pub(super) async fn end_sessions(&self, id: AccountId) {
        let _told_less = self.sessions.end_others(id, None, SessionEnd::AccountStopped).await;
    }

    async fn settle(&self, due: &StatusDue, version: Version) -> Result<(), PortError> {
        for _ in 0..Self::MAX_RACES {
            let account = self.ports.store().account(due.account).await?;
            let batch = match (&account, due.kind) {
                (Some(account), DueKind::SuspensionEnds) => self.ending_suspension(account, due)?,
                (Some(account), DueKind::ReservationEnds) => self.freeing(account),
                (None, _) => Batch::new(),
            };
            // Somebody else who settled it has deleted it.
            let entity = EntityRef::Record(StatusDue::KIND, due.key());
            let batch = Batch::new()
                .require(Precondition::VersionIs(entity, version))
                .write(Write::DeleteRecord(StatusDue::KIND, due.key()))
                .append(batch);
            match self.ports.store().commit(batch).await? {
                Commit::Applied => return Ok(()),
                Commit::Conflict(crate::store::Conflict::Precondition(0)) => return Ok(()),
                Commit::Conflict(_) => {}
            }
        }
        Err(PortError::transient("the account kept changing"))
    }

    fn ending_suspension(&self, account: &Versioned<Account>, due: &StatusDue) -> Result<Batch, PortError> {
        let until = account.value.status_cause.as_ref().and_then(|cause| cause.until);
        if account.value.status != AccountStatus::Suspended || until != Some(due.at) {
            return Ok(Batch::new());
        }
        // The account stands as active already: the step of before its end is the one to write down.
        let mut before = account.clone();
        if let Some(cause) = &mut before.value.status_cause {
            cause.until = None;
        }
        let by = Actor::system("suspension_end");
        match Transition::Reactivate.prepare(&self.ports, &before, &by, &ReasonCode::time_over()) {
            Ok(prepared) => Ok(prepared.batch),
            Err(LifecycleError::Port(error)) => Err(error),
            Err(_) => Ok(Batch::new()),
        }
    }

    fn freeing(&self, account: &Versioned<Account>) -> Batch {
        let now = self.ports.now();
        let mut freed = account.value.clone();
        freed.identifiers.retain(|identifier| identifier.reserved_until.is_none_or(|until| now < until));
        if freed.identifiers.len() == account.value.identifiers.len() {
            return Batch::new();
        }
        Batch::new()
            .require_version(EntityRef::Account(freed.id), account.version)
            .write(Write::PutAccount(freed))
    }
}
