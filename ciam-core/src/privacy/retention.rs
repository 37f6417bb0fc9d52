//! What is erased by itself because it is not needed any more.

use time::Duration;

use super::erasure::{Erasure, ErasureError};
use crate::account::{AccountStatus, ReasonCode};
use crate::actor::Actor;
use crate::error::PortError;
use crate::store::{Cursor, PageRequest};

/// How long what is kept.
///
/// Ended and expired sessions, interactions, codes and messages are not in here: they say themselves when they end, and
/// [`prune`](crate::store::Store::prune) removes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionPolicy {
    /// How long an account is kept of which nobody proved an identifier. Default 30 days; `None` for ever.
    pub unverified: Option<Duration>,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self { unverified: Some(Duration::days(30)) }
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
    /// Where the next step goes on; `None` when all were seen.
    pub next: Option<Cursor>,
}

impl Retention {
    /// Retention by a policy.
    #[must_use]
    pub const fn new(erasure: Erasure, policy: RetentionPolicy) -> Self {
        Self { erasure, policy }
    }

    /// Looks at up to `limit` accounts, and erases those that are kept no longer.
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
            let account = found.value;
            let too_old = self.policy.unverified.is_some_and(|keep| account.created_at + keep <= now);
            if account.status != AccountStatus::Pending || !too_old {
                continue;
            }
            let (by, reason) = (Actor::system("retention"), ReasonCode::time_over());
            match self.erasure.erase_now(account.id, &by, &reason).await {
                Ok(()) => report.erased += 1,
                Err(ErasureError::Port(error)) => return Err(error),
                // It changed meanwhile, and is looked at again the next time.
                Err(_) => {}
            }
        }
        Ok(report)
    }
}
