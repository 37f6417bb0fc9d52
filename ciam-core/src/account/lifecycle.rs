//! The account's lifecycle: which transition is legal, what it does to the account, and the event that tells of it.
//!
//! Decided here without I/O; [`Accounts`](super::Accounts) loads, decides and commits. Whoever has to commit a transition
//! together with something else, as a sign-in does that takes a closed account back, uses [`Transition::prepare`].

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::due::{DueKind, ErasureDue, StatusDue};
use super::{Account, AccountStatus, InvalidTransition};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::OrganizationId;
use crate::ports::Ports;
use crate::store::{Batch, EntityRef, StoredRecord as _, Versioned, Write};

/// Who gave an account its status, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusCause {
    /// Who did it.
    pub by: Actor,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// When it ends by itself, where it does.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

impl StatusCause {
    /// Whether the account was closed by [`Retention`](crate::privacy::Retention) because nobody used it.
    #[must_use]
    pub fn is_inactivity(&self) -> bool {
        self.by == RETENTION && self.reason == ReasonCode::inactive()
    }
}

/// The part of the system that closes what nobody uses.
pub(crate) const RETENTION: Actor = Actor::system("retention");

/// Why something was done: a code for events and pages, never a sentence about a person.
///
/// ```
/// use ciam_core::account::ReasonCode;
///
/// assert_eq!(ReasonCode::new("terms_violation")?.as_str(), "terms_violation");
/// assert!(ReasonCode::new("Ada wrote rude things").is_err());
/// # Ok::<(), ciam_core::account::InvalidReason>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReasonCode(String);

impl ReasonCode {
    /// The longest code, in bytes.
    pub const MAX_LENGTH: usize = 64;

    /// A code of lower-case letters, digits, `_`, `.` and `-`.
    ///
    /// # Errors
    ///
    /// Fails for any other text, an empty or a long one.
    pub fn new(code: impl Into<String>) -> Result<Self, InvalidReason> {
        let code = code.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
        let fits = !code.is_empty() && code.len() <= Self::MAX_LENGTH && code.bytes().all(allowed);
        if fits { Ok(Self(code)) } else { Err(InvalidReason) }
    }

    /// The owner asked for it: `owner`.
    #[must_use]
    pub fn owner() -> Self {
        Self("owner".to_owned())
    }

    /// The owner has come back by a recovery: `recovery`.
    #[must_use]
    pub fn recovery() -> Self {
        Self("recovery".to_owned())
    }

    /// Nobody has used it for long: `inactive`.
    #[must_use]
    pub fn inactive() -> Self {
        Self("inactive".to_owned())
    }

    /// Its time has come: `time_over`.
    #[must_use]
    pub fn time_over() -> Self {
        Self("time_over".to_owned())
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReasonCode({})", self.0)
    }
}

impl TryFrom<String> for ReasonCode {
    type Error = InvalidReason;

    fn try_from(code: String) -> Result<Self, InvalidReason> {
        Self::new(code)
    }
}

impl From<ReasonCode> for String {
    fn from(code: ReasonCode) -> Self {
        code.0
    }
}

/// The text is no reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is a code of lower-case letters, digits, `_`, `.` and `-`")]
#[non_exhaustive]
pub struct InvalidReason;

/// A step of the lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transition {
    /// A pending account comes into use.
    Activate,
    /// An administrator stops it, perhaps for a time only.
    Suspend {
        /// When the suspension ends by itself.
        until: Option<OffsetDateTime>,
    },
    /// A protection rule stops it.
    Lock,
    /// A suspended or locked account comes back.
    Reactivate,
    /// Its owner or an administrator closes it.
    Deactivate {
        /// From when it is to be erased.
        erase_after: OffsetDateTime,
    },
    /// A closed account comes back. Only an administrator brings back what an administrator closed, or what is due for
    /// erasure and not erased yet.
    Restore,
}

/// A transition that has been decided and not committed.
#[derive(Clone, Debug)]
#[must_use = "nothing has changed before the batch is committed"]
#[non_exhaustive]
pub struct Prepared {
    /// The account as it will be.
    pub account: Account,
    /// The account, at the version that was decided on, with its event and what becomes due.
    pub batch: Batch,
}

impl Transition {
    /// Decides, without I/O, what becomes of an account.
    ///
    /// The session epoch is raised where the account stops: no session survives it, and none of before comes back with it.
    ///
    /// # Errors
    ///
    /// Fails when the lifecycle has no such transition, when a suspension would end before it begins, and when an owner
    /// takes back what is not theirs to take back.
    pub fn decide(
        self,
        account: &Account,
        by: &Actor,
        reason: &ReasonCode,
        now: OffsetDateTime,
    ) -> Result<Account, TransitionError> {
        let from = account.standing(now);
        let to = from.transition(self.target()).map_err(TransitionError::Illegal)?;
        // Active is where three ways lead; each begins elsewhere.
        let right_way = match self {
            Self::Activate => from == AccountStatus::Pending,
            Self::Reactivate => matches!(from, AccountStatus::Suspended | AccountStatus::Locked),
            Self::Restore => from == AccountStatus::Deactivated,
            Self::Suspend { .. } | Self::Lock | Self::Deactivate { .. } => true,
        };
        if !right_way {
            return Err(TransitionError::Illegal(InvalidTransition { from, to }));
        }
        if self == Self::Restore && by.is(account.id) && !account.may_return(now) {
            return Err(TransitionError::NotTheirs);
        }
        let until = match self {
            Self::Suspend { until } => until,
            _ => None,
        };
        if until.is_some_and(|until| until <= now) {
            return Err(TransitionError::EndsBeforeItBegins);
        }
        let mut changed = account.clone();
        changed.status = to;
        changed.updated_at = now;
        changed.erase_after = match self {
            Self::Deactivate { erase_after } => Some(erase_after),
            _ => None,
        };
        changed.status_cause = (!to.may_sign_in()).then(|| StatusCause {
            by: by.clone(),
            reason: reason.clone(),
            at: now,
            until,
        });
        if !to.may_sign_in() {
            changed.session_epoch = changed.session_epoch.saturating_add(1);
        }
        Ok(changed)
    }

    /// Decides, and makes the batch for it: to be committed as it is or with what belongs to the same change.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide), and when a port fails.
    pub fn prepare(
        self,
        ports: &Ports,
        account: &Versioned<Account>,
        by: &Actor,
        reason: &ReasonCode,
    ) -> Result<Prepared, LifecycleError> {
        let now = ports.now();
        let before = &account.value;
        let changed = self.decide(before, by, reason, now)?;
        let mut event = Event::new(ports, self.event_type(), changed.event_subject())?
            .by(by)
            .with("reason", reason.as_str())
            .with("from", before.standing(now).as_str());
        let mut batch = Batch::new()
            .require_version(EntityRef::Account(changed.id), account.version)
            .write(Write::PutAccount(changed.clone()));
        for (name, at) in [
            ("until", changed.status_cause.as_ref().and_then(|cause| cause.until)),
            ("erase_after", changed.erase_after),
        ] {
            if let Some(text) =
                at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
            {
                event = event.with(name, text);
            }
        }
        batch = forget_dues(batch, before);
        if let Some(until) = changed.status_cause.as_ref().and_then(|cause| cause.until) {
            batch = batch
                .put(&StatusDue::new(changed.id, DueKind::SuspensionEnds, until))
                .map_err(PortError::from)?;
        }
        if let Some(erase_after) = changed.erase_after {
            batch = batch.put(&ErasureDue::new(changed.id, erase_after)).map_err(PortError::from)?;
        }
        Ok(Prepared { account: changed, batch: batch.event(event) })
    }

    const fn target(self) -> AccountStatus {
        match self {
            Self::Activate | Self::Reactivate | Self::Restore => AccountStatus::Active,
            Self::Suspend { .. } => AccountStatus::Suspended,
            Self::Lock => AccountStatus::Locked,
            Self::Deactivate { .. } => AccountStatus::Deactivated,
        }
    }

    const fn event_type(self) -> EventType {
        match self {
            Self::Activate => EventType::ACCOUNT_ACTIVATED,
            Self::Suspend { .. } => EventType::ACCOUNT_SUSPENDED,
            Self::Lock => EventType::ACCOUNT_LOCKED,
            Self::Reactivate => EventType::ACCOUNT_REACTIVATED,
            Self::Deactivate { .. } => EventType::ACCOUNT_DEACTIVATED,
            Self::Restore => EventType::ACCOUNT_RESTORED,
        }
    }
}

/// Deletes what had become due for the status of before.
fn forget_dues(batch: Batch, before: &Account) -> Batch {
    let mut batch = batch;
    if let Some(until) = before.status_cause.as_ref().and_then(|cause| cause.until) {
        let due = StatusDue::new(before.id, DueKind::SuspensionEnds, until);
        batch = batch.write(Write::DeleteRecord(StatusDue::KIND, due.key()));
    }
    if let Some(erase_after) = before.erase_after {
        let due = ErasureDue::new(before.id, erase_after);
        batch = batch.write(Write::DeleteRecord(ErasureDue::KIND, due.key()));
    }
    batch
}

/// Why an account does not go where it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// The lifecycle has no such transition.
    #[error(transparent)]
    Illegal(#[from] InvalidTransition),
    /// A suspension would end before it begins.
    #[error("a suspension ends after it begins")]
    EndsBeforeItBegins,
    /// The owner cannot take it back: an administrator closed it, or its grace period is over.
    #[error("the owner cannot take this account back")]
    NotTheirs,
}

/// A transition was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// There is no such account in this tenant.
    #[error("there is no such account")]
    NotFound,
    /// It does not go there from where it is.
    #[error("the transition is refused")]
    Refused(#[from] TransitionError),
    /// Others would be left in these organizations without an owner. Make somebody else an owner there, or suspend them, first.
    #[error("organizations would be left without an owner")]
    LastOwner {
        /// Which they are.
        organizations: Vec<OrganizationId>,
    },
    /// A port failed.
    #[error("the transition cannot be stored")]
    Port(#[from] PortError),
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::id::AccountId;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    fn account(status: AccountStatus) -> Account {
        let mut account = Account::new(AccountId::from_uuid(uuid::Uuid::from_u128(1)), NOW);
        account.status = status;
        account
    }

    fn admin() -> Actor {
        Actor::Account(AccountId::from_uuid(uuid::Uuid::from_u128(9)))
    }

    fn decide(transition: Transition, account: &Account, by: &Actor) -> Result<Account, TransitionError> {
        transition.decide(account, by, &ReasonCode::new("test").unwrap(), NOW)
    }

    #[test]
    fn each_way_begins_where_it_begins_and_nowhere_else() {
        use AccountStatus::{Active, Deactivated, Erased, Locked, Pending, Suspended};
        let (suspend, deactivate) = (
            Transition::Suspend { until: None },
            Transition::Deactivate { erase_after: NOW + Duration::DAY },
        );
        let table: [(Transition, &[AccountStatus]); 6] = [
            (Transition::Activate, &[Pending]),
            (suspend, &[Active]),
            (Transition::Lock, &[Active]),
            (Transition::Reactivate, &[Suspended, Locked]),
            (deactivate, &[Pending, Active, Suspended, Locked]),
            (Transition::Restore, &[Deactivated]),
        ];
        for (transition, allowed) in table {
            for from in [Pending, Active, Suspended, Locked, Deactivated, Erased] {
                let made = decide(transition, &account(from), &admin());
                assert_eq!(made.is_ok(), allowed.contains(&from), "{transition:?} from {from:?}: {made:?}");
            }
        }
    }

    #[test]
    fn what_stops_an_account_ends_its_sessions_and_what_brings_it_back_revives_none() {
        let stopped = decide(Transition::Lock, &account(AccountStatus::Active), &admin()).unwrap();
        assert_eq!(stopped.session_epoch, 1);
        let back = decide(Transition::Reactivate, &stopped, &admin()).unwrap();
        assert_eq!((back.session_epoch, back.status_cause), (1, None));
    }

    #[test]
    fn a_suspension_with_an_end_is_over_when_the_end_has_come() {
        let until = Some(NOW + Duration::HOUR);
        let suspended =
            decide(Transition::Suspend { until }, &account(AccountStatus::Active), &admin()).unwrap();
        assert!(!suspended.may_sign_in(NOW + Duration::minutes(59)));
        assert!(suspended.may_sign_in(NOW + Duration::HOUR));
        // And what is over can begin again.
        let later = NOW + Duration::DAY;
        let reason = ReasonCode::new("again").unwrap();
        assert!(Transition::Suspend { until: None }.decide(&suspended, &admin(), &reason, later).is_ok());
        let past = Transition::Suspend { until: Some(NOW) };
        assert_eq!(
            decide(past, &account(AccountStatus::Active), &admin()),
            Err(TransitionError::EndsBeforeItBegins)
        );
    }

    #[test]
    fn an_owner_takes_back_what_they_closed_and_only_in_time() {
        let close = Transition::Deactivate { erase_after: NOW + Duration::days(30) };
        let open = account(AccountStatus::Active);
        let owner = Actor::Account(open.id);
        let (own, foreign) = (decide(close, &open, &owner).unwrap(), decide(close, &open, &admin()).unwrap());
        let restore = |account: &Account, by: &Actor, at| {
            Transition::Restore.decide(account, by, &ReasonCode::owner(), at).map(|_| ())
        };
        let (in_time, late) = (NOW + Duration::days(29), NOW + Duration::days(30));
        assert_eq!(restore(&own, &owner, in_time), Ok(()));
        assert_eq!(restore(&own, &owner, late), Err(TransitionError::NotTheirs));
        assert_eq!(restore(&foreign, &owner, in_time), Err(TransitionError::NotTheirs));
        assert_eq!(restore(&foreign, &admin(), in_time), Ok(()));
        assert_eq!(restore(&own, &admin(), late), Ok(()));
        assert!(own.is_due_for_erasure(late) && !own.is_due_for_erasure(in_time));
    }

    #[test]
    fn reasons_are_codes() {
        for text in ["", "two words", "Capital", "ada@example.com", "line\n", &"x".repeat(65)] {
            assert!(ReasonCode::new(text).is_err(), "{text:?}");
            assert!(serde_json::from_value::<ReasonCode>(text.into()).is_err(), "{text:?}");
        }
    }
}
