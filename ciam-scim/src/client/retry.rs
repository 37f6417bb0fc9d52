//! When a request is tried again ([RFC 9110, section 10.2.3]).
//!
//! [RFC 9110, section 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3

use std::time::Duration;

use http::{Method, StatusCode};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// When a request is tried again, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often it is tried in all. Default 5.
    pub attempts: u32,
    /// How long it waits first, where it is not told; each time twice as long. Default 1 s.
    pub first_wait: Duration,
    /// The longest that it waits. Whoever asks for more is left alone. Default 60 s.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(60) }
    }
}

/// What to do after an answer, or without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is the answer.
    Take,
    /// It is tried again after this time.
    Again(Duration),
    /// The service provider asks for more time than the policy has.
    Later(Duration),
}

impl RetryPolicy {
    /// Sets how often it is tried in all; at least once.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets how long it waits: first, and at the longest.
    #[must_use]
    pub const fn with_waits(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }

    /// Decides after the attempt of this number, counted from 1. `status` is `None` when there was no answer.
    pub(super) fn decide(
        &self,
        method: &Method,
        attempt: u32,
        status: Option<StatusCode>,
        retry_after: Option<Duration>,
    ) -> Next {
        // These say that nothing was done.
        let refused = matches!(status, Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE));
        let failed = match status {
            None => true,
            Some(status) => matches!(status.as_u16(), 500 | 502 | 504),
        };
        // What made something once would make it twice.
        let again = refused || (failed && *method != Method::POST);
        if !again {
            return Next::Take;
        }
        if let Some(after) = retry_after.filter(|it| *it > self.longest_wait) {
            return Next::Later(after);
        }
        if attempt >= self.attempts {
            return Next::Take;
        }
        let doubled = self.first_wait.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        Next::Again(retry_after.unwrap_or(doubled).min(self.longest_wait))
    }
}

/// Reads `Retry-After`: seconds, or a moment.
pub(super) fn retry_after(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = PrimitiveDateTime::parse(text, format).ok()?.assume_utc();
    Some(Duration::try_from(at - now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_may_be_tried_again_is_and_nothing_else() {
        let policy = RetryPolicy::default();
        let decide = |method: Method, attempt, status: u16, after: Option<u64>| {
            let status = StatusCode::from_u16(status).ok();
            policy.decide(&method, attempt, status, after.map(Duration::from_secs))
        };
        let again = |seconds| Next::Again(Duration::from_secs(seconds));
        for (method, attempt, status, after, expected) in [
            (Method::GET, 1, 200, None, Next::Take),
            (Method::GET, 1, 404, None, Next::Take),
            (Method::GET, 1, 503, None, again(1)),
            (Method::GET, 3, 503, None, again(4)),
            (Method::GET, 1, 429, Some(7), again(7)),
            (Method::GET, 1, 429, Some(3_600), Next::Later(Duration::from_secs(3_600))),
            (Method::GET, 5, 503, None, Next::Take),
            (Method::PATCH, 2, 500, None, again(2)),
            (Method::PATCH, 2, 400, None, Next::Take),
            // Nobody knows whether it was made.
            (Method::POST, 1, 500, None, Next::Take),
            (Method::POST, 1, 0, None, Next::Take),
            (Method::POST, 1, 429, None, again(1)),
            (Method::DELETE, 1, 0, None, again(1)),
        ] {
            assert_eq!(
                decide(method.clone(), attempt, status, after),
                expected,
                "{method} {attempt} {status}"
            );
        }
    }

    #[test]
    fn a_time_to_wait_is_seconds_or_a_moment() {
        let now = datetime!(2026-11-26 10:00:00 UTC);
        for (text, expected) in [
            ("120", Some(120)),
            ("0", Some(0)),
            (" 5 ", Some(5)),
            ("Thu, 26 Nov 2026 10:00:30 GMT", Some(30)),
            ("Thu, 26 Nov 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("99999999999", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
