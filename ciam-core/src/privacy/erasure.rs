//! Erasing accounts.
//!
//! # The order, and why
//!
//! 1. One commit makes the account a tombstone (erased, no identifiers, no profile), stores an open [`ErasureRecord`] and the
//!    event, and forgets that it was due. From here on it cannot be signed in to, and its identifiers are free.
//! 2. The account's key is shredded: what is stored of it anywhere, backups included, is unreadable from this moment.
//! 3. What hangs on the account is deleted, a bounded batch at a time.
//! 4. The record is closed.
//!
//! A crash after any step leaves an open record, and [`Erasure::run`] goes on with step 2, which is harmless to repeat. The key
//! is not shredded before the first commit, because a restoration could win against that; and not after the deletions,
//! because a crash among them would leave the rest readable.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::kinds::PersonalKinds;
use crate::account::{
    Account, AccountStatus, ErasureDue, IdentifierKey, LifecycleError, Profile, ReasonCode, Transition,
};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, OrganizationId};
use crate::organization::Organizations;
use crate::ports::Ports;
use crate::session::{SessionEnd, SessionManager};
use crate::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, PageRequest, RecordKind, StoredRecord, Versioned, Write,
    load,
};
use crate::vault::KeyedHash;

/// What is left of an erased account, beside the tombstone: nothing that names the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErasureRecord {
    /// Which account.
    pub account: AccountId,
    /// Who wanted it.
    pub by: Actor,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// When all of it was done.
    #[serde(with = "time::serde::rfc3339::option")]
    pub erased_at: Option<OffsetDateTime>,
    /// Keyed hashes of the identifiers that the account held: they tell that an identifier was somebody else's before.
    pub identifiers: Vec<String>,
}

const BY_STATE: IndexDeclaration = IndexDeclaration::many("state");
const BY_IDENTIFIER: IndexDeclaration = IndexDeclaration::many("identifier");
const OPEN: &str = "open";
const CLOSED: &str = "closed";

impl StoredRecord for ErasureRecord {
    const KIND: RecordKind = RecordKind::new("core.erasure", &[BY_STATE, BY_IDENTIFIER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        let state = if self.erased_at.is_some() { CLOSED } else { OPEN };
        let identifiers = self.identifiers.iter().map(|hash| IndexValue::new(BY_IDENTIFIER, hash.clone()));
        std::iter::once(IndexValue::new(BY_STATE, state)).chain(identifiers).collect()
    }
}

/// Erases accounts of one tenant.
#[derive(Clone, Debug)]
pub struct Erasure {
    pub(super) ports: Ports,
    pub(super) kinds: PersonalKinds,
    pub(super) sessions: SessionManager,
}

impl Erasure {
    const MAX_RACES: usize = 8;

    /// Erasure of a tenant's accounts with the records of these kinds.
    #[must_use]
    pub const fn new(ports: Ports, sessions: SessionManager, kinds: PersonalKinds) -> Self {
        Self { ports, kinds, sessions }
    }

    /// Erases a closed account whose grace period is over; tells whether it was still so.
    ///
    /// # Errors
    ///
    /// Fails when a port does. Once it has begun, [`run`](Self::run) finishes it.
    pub async fn erase_due(&self, id: AccountId) -> Result<bool, ErasureError> {
        let Some(account) = self.ports.store().account(id).await? else { return Ok(false) };
        let by =
            account.value.status_cause.as_ref().map_or(Actor::system("erasure"), |cause| cause.by.clone());
        if !account.value.is_due_for_erasure(self.ports.now()) {
            return Ok(false);
        }
        if self.begin(&account, &by, &ReasonCode::time_over()).await? {
            self.finish(id).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Erases an account now, whatever its state: at a legal request, or by an administrator.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when it is erased already, when others would be left in an organization without an
    /// owner, and when a port fails. Once it has begun, [`run`](Self::run) finishes it.
    pub async fn erase_now(
        &self,
        id: AccountId,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<(), ErasureError> {
        for _ in 0..Self::MAX_RACES {
            let account = self.ports.store().account(id).await?.ok_or(ErasureError::NotFound)?;
            if account.value.status == AccountStatus::Erased {
                return Err(ErasureError::AlreadyErased);
            }
            if account.value.status != AccountStatus::Deactivated {
                self.close(&account, by, reason).await?;
                continue;
            }
            if self.begin(&account, by, reason).await? {
                self.finish(id).await?;
                return Ok(());
            }
        }
        Err(PortError::transient("the account kept changing").into())
    }

    /// Whether an identifier was held by an account that was erased: then whoever registers it now may be somebody else.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn was_held_before(&self, key: &IdentifierKey) -> Result<bool, PortError> {
        let (hash, page) = (self.hash(key).await?, PageRequest::first(1));
        let store = self.ports.store();
        let found = store.records_by(ErasureRecord::KIND, BY_IDENTIFIER.name(), &hash, page).await?;
        Ok(!found.items.is_empty())
    }

    /// The record of an account's erasure.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn record(&self, id: AccountId) -> Result<Option<ErasureRecord>, PortError> {
        Ok(self.load(id).await?.map(|found| found.value))
    }

    pub(super) async fn load(&self, id: AccountId) -> Result<Option<Versioned<ErasureRecord>>, PortError> {
        load(self.ports.store(), &id.to_string()).await
    }

    /// Up to `limit` accounts whose erasure has begun and is not done.
    pub(super) async fn open(&self, limit: u32) -> Result<Vec<AccountId>, PortError> {
        let (kind, index, page) = (ErasureRecord::KIND, BY_STATE.name(), PageRequest::first(limit));
        let found = self.ports.store().records_by(kind, index, OPEN, page).await?;
        let records = found.items.into_iter().map(|found| found.value.decode::<ErasureRecord>());
        Ok(records.map(|record| record.map(|it| it.account)).collect::<Result<_, _>>()?)
    }

    /// Closes an account that is to be erased at once, and ends its sessions, so that others hear of it.
    async fn close(
        &self,
        account: &Versioned<Account>,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<(), ErasureError> {
        let transition = Transition::Deactivate { erase_after: self.ports.now() };
        let prepared = transition.prepare(&self.ports, account, by, reason)?;
        let leaving = Organizations::new(self.ports.clone()).leaving(account.value.id).await?;
        if !leaving.stranded.is_empty() {
            return Err(ErasureError::LastOwner { organizations: leaving.stranded });
        }
        if self.ports.store().commit(prepared.batch.append(leaving.batch)).await?.is_applied() {
            self.sessions.end_others(account.value.id, None, SessionEnd::AccountStopped).await?;
        }
        Ok(())
    }

    /// The first step; tells whether the account was still as it was read.
    async fn begin(
        &self,
        account: &Versioned<Account>,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<bool, PortError> {
        let batch = self.beginning(account, by, reason).await?;
        Ok(self.ports.store().commit(batch).await?.is_applied())
    }

    pub(super) async fn beginning(
        &self,
        account: &Versioned<Account>,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Batch, PortError> {
        let mut identifiers = Vec::with_capacity(account.value.identifiers.len());
        for identifier in &account.value.identifiers {
            identifiers.push(self.hash(&identifier.key).await?);
        }
        let record = ErasureRecord {
            account: account.value.id,
            by: by.clone(),
            reason: reason.clone(),
            begun_at: self.ports.now(),
            erased_at: None,
            identifiers,
        };
        let event = Event::new(&self.ports, EventType::ACCOUNT_ERASED, account.value.event_subject())?
            .by(by)
            .with("reason", reason.as_str());
        let mut batch = Batch::new()
            .require_version(EntityRef::Account(account.value.id), account.version)
            .write(Write::PutAccount(tombstone(&account.value, self.ports.now())))
            .put(&record)?
            .event(event);
        if let Some(erase_after) = account.value.erase_after {
            let due = ErasureDue::new(account.value.id, erase_after);
            batch = batch.write(Write::DeleteRecord(ErasureDue::KIND, due.key()));
        }
        Ok(batch)
    }

    async fn hash(&self, key: &IdentifierKey) -> Result<String, PortError> {
        let value = format!("{}\0{}", key.kind().as_str(), key.as_str());
        let hash: KeyedHash =
            self.ports.vault().lookup_hash("core.erased_identifier", value.as_bytes()).await?;
        Ok(hash.to_text())
    }
}

/// What is left of an account: that it was, and when it began and ended.
fn tombstone(account: &Account, now: OffsetDateTime) -> Account {
    let mut erased = account.clone();
    erased.status = AccountStatus::Erased;
    erased.erase_after = None;
    erased.identifiers = Vec::new();
    erased.profile = Profile::new();
    erased.session_epoch = account.session_epoch.saturating_add(1);
    erased.updated_at = now;
    erased
}

/// An account was not erased.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasureError {
    /// There is no such account in this tenant.
    #[error("there is no such account")]
    NotFound,
    /// It is erased already.
    #[error("the account is erased already")]
    AlreadyErased,
    /// Others would be left in these organizations without an owner. Make somebody else an owner there, or suspend them, first.
    #[error("organizations would be left without an owner")]
    LastOwner {
        /// Which they are.
        organizations: Vec<OrganizationId>,
    },
    /// It cannot be closed.
    #[error("the account cannot be closed")]
    Lifecycle(#[from] LifecycleError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}
