//! Times as numbers: nanoseconds since 1970-01-01 UTC, exact between the years 1677 and 2262.

use time::{Duration, OffsetDateTime};

/// A time as a column holds it. Times outside the range become its ends: far past or far future, which is what they mean.
pub(crate) fn nanos(at: OffsetDateTime) -> i64 {
    let nanos = at.unix_timestamp_nanos();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The time of a column.
pub(crate) fn from_nanos(nanos: i64) -> OffsetDateTime {
    // Every `i64` of nanoseconds is within the range of `OffsetDateTime`; the fallback is never taken.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The time after a duration, as a column holds it; saturates.
pub(crate) fn nanos_after(now: i64, duration: Duration) -> i64 {
    let nanos = i128::from(now).saturating_add(duration.whole_nanoseconds());
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_keep_their_nanoseconds() {
        let at = datetime!(2026-11-23 12:34:56.789_012_345 +02:00);
        assert_eq!(from_nanos(nanos(at)), at);
        assert_eq!(nanos_after(nanos(at), Duration::nanoseconds(-1)), nanos(at) - 1);
    }

    #[test]
    fn times_out_of_range_are_the_far_past_and_the_far_future() {
        assert_eq!(nanos(datetime!(9999-12-31 23:59:59 UTC)), i64::MAX);
        assert_eq!(nanos(datetime!(1600-01-01 0:00 UTC)), i64::MIN);
        assert_eq!(nanos_after(i64::MAX - 1, Duration::MAX), i64::MAX);
        assert_eq!(nanos_after(0, Duration::MIN), i64::MIN);
    }
}
