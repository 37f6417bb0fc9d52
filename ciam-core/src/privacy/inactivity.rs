//! Accounts that nobody uses: the rule, and what is remembered of each.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::id::AccountId;
use crate::store::{IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord};

/// When an account that nobody uses is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InactivityPolicy {
    /// How long nobody has to have been there. At least [`warning`](Self::warning).
    pub close_after: Duration,
    /// How long before that its owner is told. Default 30 days.
    pub warning: Duration,
    /// How long the closed account can be taken back by signing in, before it is erased. Default 30 days.
    pub grace: Duration,
}

impl InactivityPolicy {
    /// Closing after this time, with a warning 30 days before it and 30 days to take the account back.
    #[must_use]
    pub const fn after(close_after: Duration) -> Self {
        Self { close_after, warning: Duration::days(30), grace: Duration::days(30) }
    }

    /// Decides, without I/O, what is to be done with an active account: by what is remembered of it, and by when its person
    /// was last seen as far as anything that is still kept tells.
    #[must_use]
    pub fn decide(
        &self,
        known: Option<&InactivityRecord>,
        last_seen: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> InactivityStep {
        let Some(known) = known else {
            // What tells that somebody was here is not kept for ever, so that nothing old proves that nobody was here since.
            let lately = last_seen.is_some_and(|seen| now < seen.saturating_add(LATELY));
            return if lately { InactivityStep::Nothing } else { InactivityStep::Remember };
        };
        if last_seen.is_some_and(|seen| seen > known.quiet_since) {
            return InactivityStep::Forget;
        }
        let warn_after = (self.close_after - self.warning).max(Duration::ZERO);
        match known.warned_at {
            // Nobody is closed who was not told, and given all the time that they were told.
            Some(at) if at.saturating_add(self.warning) <= now => InactivityStep::Close,
            None if known.quiet_since.saturating_add(warn_after) <= now => InactivityStep::Warn,
            _ => InactivityStep::Nothing,
        }
    }
}

/// Who was here so lately needs no record.
const LATELY: Duration = Duration::days(7);

/// What is to be done with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InactivityStep {
    /// Nothing.
    Nothing,
    /// Write down that nobody has been there since now.
    Remember,
    /// Somebody was there: what was written down is void.
    Forget,
    /// Tell its owner that it will be closed.
    Warn,
    /// Close it.
    Close,
}

/// Since when nobody has used an account, and when its owner was told what follows from that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InactivityRecord {
    /// Whose it is.
    pub account: AccountId,
    /// Since when nobody has been there, as far as anybody knows.
    #[serde(with = "time::serde::rfc3339")]
    pub quiet_since: OffsetDateTime,
    /// When the owner was told.
    #[serde(with = "time::serde::rfc3339::option")]
    pub warned_at: Option<OffsetDateTime>,
}

impl InactivityRecord {
    /// Nobody has been there since this time, and nobody was told.
    #[must_use]
    pub const fn new(account: AccountId, quiet_since: OffsetDateTime) -> Self {
        Self { account, quiet_since, warned_at: None }
    }

    /// The owner is told now.
    #[must_use]
    pub const fn warned(mut self, at: OffsetDateTime) -> Self {
        self.warned_at = Some(at);
        self
    }
}

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for InactivityRecord {
    const KIND: RecordKind = RecordKind::new("core.inactivity", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const POLICY: InactivityPolicy = InactivityPolicy::after(Duration::days(365));

    fn ago(days: i64) -> OffsetDateTime {
        NOW - Duration::days(days)
    }

    fn record(quiet: i64, warned: Option<i64>) -> InactivityRecord {
        let record = InactivityRecord::new(AccountId::from_uuid(uuid::Uuid::nil()), ago(quiet));
        InactivityRecord { warned_at: warned.map(ago), ..record }
    }

    #[test]
    fn each_step_follows_from_what_is_known() {
        use InactivityStep::{Close, Forget, Nothing, Remember, Warn};
        for (known, seen, step) in [
            (None, Some(ago(3)), Nothing),
            (None, Some(ago(7)), Remember),
            // However long ago it was that anybody was seen: it begins now.
            (None, Some(ago(900)), Remember),
            (None, None, Remember),
            (Some(record(334, None)), None, Nothing),
            (Some(record(335, None)), None, Warn),
            (Some(record(335, None)), Some(ago(336)), Warn),
            (Some(record(335, None)), Some(ago(334)), Forget),
            // Told, and given the time.
            (Some(record(364, Some(29))), None, Nothing),
            (Some(record(365, Some(30))), None, Close),
            // Told late: the time begins when they were told.
            (Some(record(2000, Some(1))), None, Nothing),
            // Told, and came back.
            (Some(record(365, Some(30))), Some(ago(1)), Forget),
        ] {
            assert_eq!(POLICY.decide(known.as_ref(), seen, NOW), step, "{known:?} {seen:?}");
        }
    }

    #[test]
    fn a_warning_that_is_longer_than_the_time_is_given_at_once() {
        let policy = InactivityPolicy { warning: Duration::days(400), ..POLICY };
        assert_eq!(policy.decide(Some(&record(0, None)), None, NOW), InactivityStep::Warn);
    }
}
