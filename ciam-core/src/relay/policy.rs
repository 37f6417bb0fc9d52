//! How often, how long, how many.

use time::{Duration, OffsetDateTime};

/// The limits of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayPolicy {
    /// How long items that were claimed from the outbox are this relay's to queue. Default 30 s.
    pub lease: Duration,
    /// How many items are claimed at once. Default 64.
    pub batch: u32,
    /// How long to wait when there was nothing to do. Default 250 ms.
    pub idle: std::time::Duration,
    /// How long one delivery may take; one that takes longer has failed. Default 15 s.
    pub deadline: std::time::Duration,
    /// How many deliveries to one destination are under way at once. Default 16.
    pub concurrency: usize,
    /// How long a relay serves its share of a destination before others may. Default 30 s.
    pub turn: Duration,
    /// After how many subjects whose deliveries failed, without a success between them, a destination counts as down and is
    /// only probed. Default 5.
    pub down_after: usize,
    /// When a failed delivery is tried again.
    pub retry: RetrySchedule,
    /// How long a delivery that was given up is kept to be looked at and driven again. Default 30 days.
    pub keep_dead_letters: Duration,
}

impl Default for RelayPolicy {
    fn default() -> Self {
        Self {
            lease: Duration::seconds(30),
            batch: 64,
            idle: std::time::Duration::from_millis(250),
            deadline: std::time::Duration::from_secs(15),
            concurrency: 16,
            turn: Duration::seconds(30),
            down_after: 5,
            retry: RetrySchedule::default(),
            keep_dead_letters: Duration::days(30),
        }
    }
}

/// When a failed delivery is tried again: exponentially later each time, with jitter, and one last time at the end.
///
/// By default after about 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, 3 h, then every 4 h, and a last time 24 h after the
/// first failure: 14 attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrySchedule {
    /// The delay after the first failure. Default 5 s.
    pub first: Duration,
    /// By how much each delay is longer than the one before. Default 3.
    pub factor: u32,
    /// The longest delay. Default 4 h.
    pub longest: Duration,
    /// By how many hundredths a delay is made shorter or longer by chance, so that what failed together does not come
    /// back together. Default 20.
    pub jitter: u32,
    /// How long after the first failure a delivery is given up. Default 24 h.
    pub give_up_after: Duration,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self {
            first: Duration::seconds(5),
            factor: 3,
            longest: Duration::hours(4),
            jitter: 20,
            give_up_after: Duration::hours(24),
        }
    }
}

/// What becomes of a delivery that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is tried again or it is not")]
pub enum Retry {
    /// It is tried again at this time.
    At(OffsetDateTime),
    /// It is given up.
    Never,
}

impl RetrySchedule {
    /// Decides about a delivery that has failed `attempts` times (at least once), first at `since`, last `now`.
    ///
    /// `chance` is any number; equal numbers give equal jitter.
    #[must_use]
    pub fn after(&self, attempts: u32, since: OffsetDateTime, now: OffsetDateTime, chance: u32) -> Retry {
        let end = since.saturating_add(self.give_up_after);
        if now >= end {
            return Retry::Never;
        }
        Retry::At(now.saturating_add(self.delay(attempts, chance)).min(end))
    }

    /// The delay after so many failures.
    #[must_use]
    pub fn delay(&self, attempts: u32, chance: u32) -> Duration {
        let power = self.factor.saturating_pow(attempts.saturating_sub(1));
        let steps = i32::try_from(power).unwrap_or(i32::MAX);
        let plain = self.first.saturating_mul(steps).min(self.longest);
        let jitter = self.jitter.min(100);
        // From -jitter to +jitter hundredths, in steps of a hundredth.
        let hundredths = 100 - i64::from(jitter) + i64::from(chance % (2 * jitter + 1));
        let milliseconds = plain.whole_milliseconds().saturating_mul(i128::from(hundredths)) / 100;
        Duration::milliseconds(i64::try_from(milliseconds).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

    /// When a delivery that always fails is tried, in seconds after the first failure.
    fn attempts(schedule: &RetrySchedule, chance: u32) -> Vec<i64> {
        let (mut now, mut tried) = (START, vec![0]);
        while let Retry::At(next) = schedule.after(u32::try_from(tried.len()).unwrap(), START, now, chance) {
            now = next;
            tried.push((now - START).whole_seconds());
        }
        tried
    }

    #[test]
    fn the_schedule_is_the_one_that_is_documented() {
        let schedule = RetrySchedule::default();
        // A chance of 20 is in the middle: no jitter.
        assert_eq!(
            attempts(&schedule, 20),
            [0, 5, 20, 65, 200, 605, 1_820, 5_465, 16_400, 30_800, 45_200, 59_600, 74_000, 86_400]
        );
    }

    #[test]
    fn jitter_is_at_most_a_fifth_either_way() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.delay(1, 0), Duration::seconds(4));
        assert_eq!(schedule.delay(1, 40), Duration::seconds(6));
        assert_eq!(schedule.delay(1, 41), Duration::seconds(4));
        let mut none = schedule;
        none.jitter = 0;
        assert_eq!(none.delay(2, 12_345), Duration::seconds(15));
    }

    proptest! {
        #[test]
        fn every_schedule_ends_in_time_and_never_goes_back(
            first in 1_i64..10_000, factor in 1_u32..10, longest in 1_i64..100_000, jitter in 0_u32..200,
            chance in any::<u32>(), give_up in 1_i64..1_000_000, attempt in any::<u32>(),
        ) {
            let schedule = RetrySchedule {
                first: Duration::seconds(first),
                factor,
                longest: Duration::seconds(longest),
                jitter,
                give_up_after: Duration::seconds(give_up),
            };
            let delay = schedule.delay(attempt, chance);
            prop_assert!(!delay.is_negative() && delay <= schedule.longest * 2);
            let end = START + schedule.give_up_after;
            match schedule.after(attempt, START, START, chance) {
                Retry::At(next) => prop_assert!(next >= START && next <= end),
                Retry::Never => prop_assert!(false, "given up at the first failure"),
            }
            prop_assert_eq!(schedule.after(attempt, START, end, chance), Retry::Never);
        }
    }
}
