//! Waits that double.

use time::Duration;

use crate::ephemeral::EphemeralKey;
use crate::ports::Ports;
use crate::ratelimit::{RateLimitError, RateLimiter, Run};

/// How long a run of attempts has to wait for the next one: not at all for the first few, then twice as long each time.
///
/// ```
/// use ciam_core::abuse::Backoff;
/// use time::Duration;
///
/// let backoff = Backoff::new(3, Duration::minutes(1), Duration::hours(1));
/// assert_eq!(backoff.wait_after(2), Duration::ZERO);
/// assert_eq!(backoff.wait_after(3), Duration::minutes(1));
/// assert_eq!(backoff.wait_after(5), Duration::minutes(4));
/// assert_eq!(backoff.wait_after(500), Duration::hours(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// How many attempts of a run wait for nothing.
    pub free: u64,
    /// The wait after the last of them.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
    /// After this time without a new run, a run is counted from nothing again. Default one day.
    pub window: Duration,
}

impl Backoff {
    /// Waits from `first` to `max` behind `free` attempts.
    #[must_use]
    pub const fn new(free: u64, first: Duration, max: Duration) -> Self {
        Self { free, first, max, window: Duration::DAY }
    }

    /// The wait after so many attempts of a run.
    #[must_use]
    pub fn wait_after(&self, attempts: u64) -> Duration {
        let Some(doublings) = attempts.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 1_i32.checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX)).filter(|it| *it > 0);
        factor.map_or(self.max, |factor| self.first.saturating_mul(factor).min(self.max))
    }
}

impl RateLimiter {
    /// Counts one attempt of a run and says whether it has waited long enough. Of any number of attempts at once behind the
    /// free ones, one goes on.
    ///
    /// # Errors
    ///
    /// As [`attempt`](Self::attempt).
    pub async fn attempt_after_waiting(&self, backoff: &Backoff, run: &Run) -> Result<(), RateLimitError> {
        let (ports, name): (&Ports, String) = (self.ports(), run.digest("backoff"));
        let (wait_key, count_key) =
            (EphemeralKey::new("core.backoff", name.as_str()), EphemeralKey::new("core.backoff_count", name));
        if let Some(until) = ports.ephemeral().get(&wait_key).await? {
            return Err(RateLimitError::Limited { retry_after: rest(ports, &until) });
        }
        let attempts = ports.ephemeral().increment(&count_key, backoff.window).await?;
        let wait = backoff.wait_after(attempts);
        if wait.is_zero() {
            return Ok(());
        }
        let until = (ports.now() + wait).unix_timestamp().to_be_bytes().to_vec();
        if ports.ephemeral().put_if_absent(&wait_key, until, wait).await? {
            Ok(())
        } else {
            Err(RateLimitError::Limited { retry_after: wait })
        }
    }
}

fn rest(ports: &Ports, until: &[u8]) -> Duration {
    let until: Option<i64> = until.try_into().ok().map(i64::from_be_bytes);
    let rest = until.map(|until| until.saturating_sub(ports.now().unix_timestamp()));
    Duration::seconds(rest.unwrap_or_default().max(1))
}
