//! What is closed and erased by itself because it is not needed any more.
//!
//! | what | rule | default |
//! | --- | --- | --- |
//! | An account of which nobody proved an identifier | erased after [`unverified`](RetentionPolicy::unverified) | 30 days |
//! | An account that nobody uses | its owner is told, it is closed, and erased after a grace period: [`inactive`](RetentionPolicy::inactive) | kept |
//! | A closed account | erased when its grace period is over, by [`Erasure::run`] | 30 days |
//! | Entries of the audit log | removed after [`audit`](RetentionPolicy::audit) | kept |
//!
//! Ended and expired sessions, devices, grants, interactions, codes, messages and dead letters are not in here: they say
//! themselves when they end, and [`prune`](crate::store::Store::prune) removes them.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::erasure::{Erasure, ErasureError};
use super::inactivity::{InactivityPolicy, InactivityRecord, InactivityStep};
use crate::account::lifecycle::RETENTION;
use crate::account::owner::notice_to;
use crate::account::{Account, AccountStatus, LifecycleError, ReasonCode, Transition, event_subject};
use crate::audit::{AuditEntry, AuditLog};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::notify::{Message, MessageCode};
use crate::organization::Organizations;
use crate::session::SessionEnd;
use crate::store::{
    Batch, Cursor, EntityRef, OWNER_INDEX, PageRequest, StoredRecord as _, Versioned, Write, load,
};

/// How long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionPolicy {
    /// How long an account is kept of which nobody proved an identifier. Default 30 days; `None` for ever.
    pub unverified: Option<Duration>,
    /// What becomes of accounts that nobody uses. Default `None`: nothing.
    pub inactive: Option<InactivityPolicy>,
    /// How long the audit log has an event. Default `None`: for ever.
    pub audit: Option<Duration>,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self { unverified: Some(Duration::days(30)), inactive: None, audit: None }
    }
}

/// Applies the policy, a page of accounts at a time.
#[derive(Clone, Debug)]
pub struct Retention {
    erasure: Erasure,
    policy: RetentionPolicy,
}

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionReport {
    /// How many accounts were looked at.
    pub seen: u32,
    /// How many were erased.
    pub erased: u32,
    /// Of how many the owners were told that they will be closed.
    pub warned: u32,
    /// How many were closed because nobody uses them.
    pub closed: u32,
    /// How many would have been closed, were they not the last owner of an organization in which others work.
    pub kept: u32,
    /// Where the next step goes on; `None` when all were seen.
    pub next: Option<Cursor>,
}

impl Retention {
    /// Retention by a policy.
    #[must_use]
    pub const fn new(erasure: Erasure, policy: RetentionPolicy) -> Self {
        Self { erasure, policy }
    }

    /// Looks at up to `limit` accounts, and does what the policy wants with them. Go through all of them once a day: where
    /// there is a rule for accounts that nobody uses, an account costs some reads.
    ///
    /// # Errors
    ///
    /// Fails when a port does; what was done so far stays done.
    pub async fn step(&self, after: Option<Cursor>, limit: u32) -> Result<RetentionReport, PortError> {
        let request = match after {
            Some(cursor) => PageRequest::after(cursor, limit),
            None => PageRequest::first(limit),
        };
        let now = self.erasure.ports.now();
        let page = self.erasure.ports.store().accounts(request).await?;
        let mut report = RetentionReport { next: page.next, ..RetentionReport::default() };
        for found in page.items {
            report.seen += 1;
            match found.value.status {
                AccountStatus::Pending => {
                    let too_old =
                        self.policy.unverified.is_some_and(|keep| found.value.created_at + keep <= now);
                    if too_old {
                        self.erase(found.value.id, &mut report).await?;
                    }
                }
                AccountStatus::Active => {
                    if let Some(policy) = self.policy.inactive {
                        self.look(&policy, found, &mut report).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(report)
    }

    /// Removes up to `limit` entries of the audit log that are kept no longer; returns how many.
    ///
    /// # Errors
    ///
    /// As [`AuditLog::trim`].
    pub async fn trim_audit(&self, limit: u32) -> Result<u32, PortError> {
        let Some(keep) = self.policy.audit else { return Ok(0) };
        let ports = &self.erasure.ports;
        AuditLog::new(ports.clone()).trim(ports.now().saturating_sub(keep), limit).await
    }

    async fn erase(&self, id: AccountId, report: &mut RetentionReport) -> Result<(), PortError> {
        match self.erasure.erase_now(id, &RETENTION, &ReasonCode::time_over()).await {
            Ok(()) => report.erased += 1,
            Err(ErasureError::Port(error)) => return Err(error),
            // It changed meanwhile, and is looked at again the next time.
            Err(_) => {}
        }
        Ok(())
    }

    async fn look(
        &self,
        policy: &InactivityPolicy,
        account: Versioned<Account>,
        report: &mut RetentionReport,
    ) -> Result<(), PortError> {
        let (id, now) = (account.value.id, self.erasure.ports.now());
        let known = load::<InactivityRecord>(self.erasure.ports.store(), &id.to_string()).await?;
        let mut seen = self.last_seen(id).await?;
        let record = || known.as_ref().map(|it| &it.value);
        let mut step = policy.decide(record(), seen, now);
        if matches!(step, InactivityStep::Warn | InactivityStep::Close) {
            // Before anything is done to it, the audit log is asked, which remembers the longest.
            seen = seen.max(self.last_sign_in(id).await?);
            step = policy.decide(record(), seen, now);
        }
        let change = match step {
            InactivityStep::Nothing => return Ok(()),
            InactivityStep::Remember => remembering(known.as_ref(), &InactivityRecord::new(id, now))?,
            InactivityStep::Forget => forgetting(known.as_ref(), id),
            InactivityStep::Warn => self.warning(policy, &account.value, known.as_ref()).await?,
            InactivityStep::Close => match self.closing(policy, &account, known.as_ref()).await? {
                Some(batch) => batch,
                None => {
                    report.kept += 1;
                    return Ok(());
                }
            },
        };
        // Where somebody signs in at the same moment, the account's version or the record's moves, and it is looked at again.
        let batch = Batch::new().require_version(EntityRef::Account(id), account.version).append(change);
        if self.erasure.ports.store().commit(batch).await?.is_applied() {
            report.warned += u32::from(step == InactivityStep::Warn);
            if step == InactivityStep::Close {
                report.closed += 1;
                self.erasure.sessions.end_others(id, None, SessionEnd::AccountStopped).await?;
            }
        }
        Ok(())
    }

    /// When the person was last there, as far as what is kept of them tells.
    async fn last_seen(&self, id: AccountId) -> Result<Option<OffsetDateTime>, PortError> {
        let (store, now) = (self.erasure.ports.store(), self.erasure.ports.now());
        let credentials = store.credentials_of(id).await?;
        let mut seen = credentials.iter().filter_map(|found| found.value.last_used_at).max();
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = store.sessions_of(id, request).await?;
            seen = seen.max(page.items.iter().map(|found| found.value.last_seen_at).max());
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => break,
            }
        }
        let owner = id.to_string();
        for kind in self.erasure.kinds.all().iter().filter(|kind| kind.tells_last_use()) {
            let mut request = PageRequest::first(PAGE);
            loop {
                let page = store.records_by(kind.kind(), OWNER_INDEX, &owner, request).await?;
                for found in &page.items {
                    seen = seen.max(kind.last_use(&found.value, now)?);
                }
                match page.next {
                    Some(next) => request = PageRequest::after(next, PAGE),
                    None => break,
                }
            }
        }
        Ok(seen)
    }

    /// When the audit log saw the person sign in, where there is one.
    async fn last_sign_in(&self, id: AccountId) -> Result<Option<OffsetDateTime>, PortError> {
        const SIGN_INS: [EventType; 2] = [EventType::SIGNED_IN, EventType::SESSION_RENEWED];
        let (log, subject) = (AuditLog::new(self.erasure.ports.clone()), event_subject(id));
        let mut request = PageRequest::first(NEWEST);
        loop {
            let page = log.latest_about(&subject, request).await?;
            let there = |it: &&AuditEntry| SIGN_INS.iter().any(|t| t.as_str() == it.event_type);
            // The log is in the order in which things happened to somebody: the first is the last.
            if let Some(entry) = page.items.iter().find(there) {
                return Ok(Some(entry.time));
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, NEWEST),
                None => return Ok(None),
            }
        }
    }

    async fn warning(
        &self,
        policy: &InactivityPolicy,
        account: &Account,
        known: Option<&Versioned<InactivityRecord>>,
    ) -> Result<Batch, PortError> {
        let ports = &self.erasure.ports;
        let now = ports.now();
        let date = (now + policy.warning).format(&Rfc3339).map_err(PortError::permanent)?;
        let quiet = known.map_or_else(|| InactivityRecord::new(account.id, now), |it| it.value.clone());
        let event = Event::new(ports, EventType::ACCOUNT_INACTIVE, account.event_subject())?
            .by(&RETENTION)
            .with("close_after", date.as_str());
        let batch = remembering(known, &quiet.warned(now))?.event(event);
        self.told(batch, account, MessageCode::AccountInactive, date).await
    }

    /// `None` when it is the last owner of an organization in which others work.
    async fn closing(
        &self,
        policy: &InactivityPolicy,
        account: &Versioned<Account>,
        known: Option<&Versioned<InactivityRecord>>,
    ) -> Result<Option<Batch>, PortError> {
        let ports = &self.erasure.ports;
        let leaving = Organizations::new(ports.clone()).leaving(account.value.id).await?;
        if !leaving.stranded.is_empty() {
            return Ok(None);
        }
        let erase_after = ports.now() + policy.grace;
        let closing = Transition::Deactivate { erase_after };
        let prepared = closing.prepare(ports, account, &RETENTION, &ReasonCode::inactive());
        let prepared = prepared.map_err(|error| match error {
            LifecycleError::Port(error) => error,
            other => PortError::permanent(other),
        })?;
        let date = erase_after.format(&Rfc3339).map_err(PortError::permanent)?;
        let batch = prepared.batch.append(leaving.batch).append(forgetting(known, account.value.id));
        self.told(batch, &account.value, MessageCode::AccountClosed, date).await.map(Some)
    }

    /// Adds the message to the owner, where there is a way to reach them.
    async fn told(
        &self,
        batch: Batch,
        account: &Account,
        code: MessageCode,
        date: String,
    ) -> Result<Batch, PortError> {
        let ports = &self.erasure.ports;
        let languages: Vec<String> = account.profile.text("locale").map(str::to_owned).into_iter().collect();
        let notice: Option<Message> = notice_to(ports, account, code, &languages)?;
        match notice {
            Some(message) => Ok(batch.message(message.with("date", date).seal(ports).await?)),
            None => Ok(batch),
        }
    }
}

/// Writes the record, as it was found.
fn remembering(
    known: Option<&Versioned<InactivityRecord>>,
    record: &InactivityRecord,
) -> Result<Batch, PortError> {
    let entity = EntityRef::record::<InactivityRecord>(record.key());
    let batch = match known {
        Some(known) => Batch::new().require_version(entity, known.version),
        None => Batch::new().require_absent(entity),
    };
    Ok(batch.put(record)?)
}

/// Deletes the record, as it was found.
fn forgetting(known: Option<&Versioned<InactivityRecord>>, id: AccountId) -> Batch {
    let Some(known) = known else { return Batch::new() };
    let entity = EntityRef::record::<InactivityRecord>(id.to_string());
    let batch = Batch::new().require_version(entity, known.version);
    batch.write(Write::DeleteRecord(InactivityRecord::KIND, id.to_string()))
}

const PAGE: u32 = 100;

/// How many entries of the audit log are looked at at once: the newest of them are mostly a sign-in.
const NEWEST: u32 = 20;
