//! Rate limits on the ephemeral port.
//!
//! An attempt is counted *before* it is checked: of any number of attempts at once no more than the limit get through.
//! Limits are data ([`Limit`]); whoever applies one documents its default. What is counted is named by a text that may be
//! personal or an attacker's: only its digest reaches the store.
//!
//! Two ways to count:
//! - [`attempt`](RateLimiter::attempt): all attempts. One call of the port.
//! - a [`Run`]: the attempts since the last success. One more call to read the run, and one to start a new one.

use std::borrow::Cow;
use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use crate::ephemeral::EphemeralKey;
use crate::error::PortError;
use crate::ports::Ports;
use crate::secret::TokenDigest;

/// A limit: so many attempts in a window.
///
/// Windows follow one another; where they begin differs from one counted thing to the next. So at most twice the limit fits
/// into any stretch of one window's length.
///
/// ```
/// use ciam_core::ratelimit::Limit;
/// use time::Duration;
///
/// const SIGN_IN: Limit = Limit::new("sign_in", 10, Duration::minutes(5));
/// assert_eq!(SIGN_IN.attempts(), 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    name: Cow<'static, str>,
    attempts: u64,
    window: Duration,
}

impl Limit {
    /// At most `attempts` in each `window`. The name keeps the counters of different limits apart.
    #[must_use]
    pub const fn new(name: &'static str, attempts: u64, window: Duration) -> Self {
        Self { name: Cow::Borrowed(name), attempts, window }
    }

    /// The same limit with another number of attempts.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u64) -> Self {
        self.attempts = attempts;
        self
    }

    /// The same limit with another window.
    #[must_use]
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of attempts.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// The window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// The number of the window that `now` falls into, for the thing with this digest, and how long it still lasts.
    fn window_at(&self, now: OffsetDateTime, of: &TokenDigest) -> (i128, Duration) {
        let length = self.window.whole_milliseconds().max(1);
        let [a, b, c, d, ..] = *of.as_bytes();
        let shift = i128::from(u32::from_be_bytes([a, b, c, d])) * length / (i128::from(u32::MAX) + 1);
        let at = now.unix_timestamp_nanos() / 1_000_000 + shift;
        let rest = length - at.rem_euclid(length);
        (at.div_euclid(length), Duration::milliseconds(i64::try_from(rest).unwrap_or(i64::MAX)))
    }
}

/// A run of attempts: those since the last success, or since for ever.
///
/// A restart is remembered for a while, which makes a run also a way to know that there has been a success.
#[derive(Clone, Debug)]
pub struct Run {
    of: TokenDigest,
    restarted: Option<Vec<u8>>,
}

impl Run {
    /// The digest under which something of this run is kept, for one purpose.
    pub(crate) fn digest(&self, purpose: &str) -> String {
        let restarted = self.restarted.as_deref().unwrap_or_default();
        let name = [purpose.as_bytes(), b"\n", self.of.as_bytes(), restarted].concat();
        TokenDigest::of_bytes(&name).to_text()
    }

    /// Whether it is the same run: no restart between the two.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.of == other.of && self.restarted == other.restarted
    }

    /// Whether there has been a restart that is still remembered.
    #[must_use]
    pub const fn was_restarted(&self) -> bool {
        self.restarted.is_some()
    }
}

/// Counts attempts.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    ports: Ports,
}

impl RateLimiter {
    /// A limiter that counts in the ephemeral store of these ports.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    pub(crate) const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Counts one attempt for `key` and says whether it may go on.
    ///
    /// # Errors
    ///
    /// Fails with [`RateLimitError::Limited`] over the limit, and when the ephemeral store does: a limit that cannot be
    /// counted is not passed.
    pub async fn attempt(&self, limit: &Limit, key: &str) -> Result<(), RateLimitError> {
        self.attempt_in(limit, &Run { of: TokenDigest::of(key), restarted: None }).await
    }

    /// Reads the current run of attempts for `key`.
    ///
    /// # Errors
    ///
    /// Fails when the ephemeral store does.
    pub async fn run(&self, key: &str) -> Result<Run, PortError> {
        let of = TokenDigest::of(key);
        let restarted = self.ports.ephemeral().get(&run_key(&of)).await?;
        Ok(Run { of, restarted })
    }

    /// Counts one attempt in a run and says whether it may go on. Limits with different names count on their own.
    ///
    /// # Errors
    ///
    /// As [`attempt`](Self::attempt).
    pub async fn attempt_in(&self, limit: &Limit, run: &Run) -> Result<(), RateLimitError> {
        let (window, rest) = limit.window_at(self.ports.now(), &run.of);
        let name = [
            limit.name.as_bytes(),
            b"\n",
            run.of.as_bytes(),
            &window.to_be_bytes(),
            run.restarted.as_deref().unwrap_or_default(),
        ]
        .concat();
        let counter = EphemeralKey::new("core.rate", TokenDigest::of_bytes(&name).to_text());
        let count = self.ports.ephemeral().increment(&counter, rest).await?;
        if count <= limit.attempts { Ok(()) } else { Err(RateLimitError::Limited { retry_after: rest }) }
    }

    /// Starts a new run of attempts for `key`, because one succeeded, and remembers that for `lifetime`: at least as long as
    /// the longest window that is counted in the run.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn restart(&self, key: &str, lifetime: Duration) -> Result<(), PortError> {
        let mut number = vec![0_u8; 8];
        self.ports.entropy().fill(&mut number)?;
        self.ports.ephemeral().put(&run_key(&TokenDigest::of(key)), number, lifetime).await
    }
}

/// What is counted as one source of attempts: an IPv4 address, or the 64-bit prefix of an IPv6 address, within which one
/// subscriber has as many addresses as they like.
///
/// ```
/// use ciam_core::ratelimit::source_of;
///
/// assert_eq!(source_of("2001:db8:1:2:3:4:5:6".parse()?), "2001:db8:1:2::/64");
/// assert_eq!(source_of("::ffff:192.0.2.1".parse()?), "192.0.2.1");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn source_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            format!("{}/64", std::net::Ipv6Addr::from(prefix))
        }
    }
}

/// The network of an address: the 24-bit prefix of an IPv4 address, the 56-bit prefix of an IPv6 address. What one customer
/// of a hoster, or of a provider that gives out whole networks, moves about in.
///
/// ```
/// use ciam_core::ratelimit::network_of;
///
/// assert_eq!(network_of("192.0.2.200".parse()?), "192.0.2.0/24");
/// assert_eq!(network_of("2001:db8:1:2ff::1".parse()?), "2001:db8:1:200::/56");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & (u128::MAX << 72);
            format!("{}/56", std::net::Ipv6Addr::from(prefix))
        }
    }
}

fn run_key(of: &TokenDigest) -> EphemeralKey {
    EphemeralKey::new("core.rate_run", of.to_text())
}

/// An attempt may not go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// Too many attempts.
    #[error("too many attempts")]
    Limited {
        /// After this time attempts are allowed again.
        retry_after: Duration,
    },
    /// The attempts cannot be counted.
    #[error("attempts cannot be counted")]
    Port(#[from] PortError),
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;
    use proptest::prelude::*;

    use super::*;
    use crate::memory;
    use crate::testkit::{Failure, ManualClock, Probe, SeededEntropy};

    fn limiter() -> (Arc<ManualClock>, Probe, RateLimiter) {
        let clock = Arc::new(ManualClock::default());
        let probe = Probe::new();
        let ports = probe.watch(&memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1))));
        (clock, probe, RateLimiter::new(ports))
    }

    #[tokio::test]
    async fn of_many_attempts_at_once_only_the_limit_gets_through() {
        let (_, _, limiter) = limiter();
        let limit = Limit::new("test", 5, Duration::minutes(1));
        let all = join_all((0..50).map(|_| limiter.attempt(&limit, "ada"))).await;
        assert_eq!(all.iter().filter(|attempt| attempt.is_ok()).count(), 5);
        limiter.attempt(&limit, "eve").await.unwrap();
        limiter.attempt(&Limit::new("other", 1, Duration::minutes(1)), "ada").await.unwrap();
        assert!(limiter.attempt(&limit, "ada").await.is_err());
    }

    #[tokio::test]
    async fn attempts_are_allowed_again_exactly_when_it_was_said() {
        let (clock, _, limiter) = limiter();
        let limit = Limit::new("test", 1, Duration::minutes(1));
        for _ in 0..20 {
            limiter.attempt(&limit, "ada").await.unwrap();
            let Err(RateLimitError::Limited { retry_after }) = limiter.attempt(&limit, "ada").await else {
                panic!("over the limit")
            };
            assert!(retry_after.is_positive() && retry_after <= limit.window(), "{retry_after}");
            clock.advance(retry_after - Duration::milliseconds(1));
            assert!(limiter.attempt(&limit, "ada").await.is_err(), "too early");
            clock.advance(Duration::milliseconds(1));
        }
    }

    #[tokio::test]
    async fn a_success_starts_a_new_run_and_is_remembered() {
        let (clock, _, limiter) = limiter();
        let limit = Limit::new("test", 3, Duration::days(1));
        let before = limiter.run("ada").await.unwrap();
        assert!(!before.was_restarted());
        for _ in 0..3 {
            limiter.attempt_in(&limit, &before).await.unwrap();
        }
        limiter.restart("ada", Duration::days(2)).await.unwrap();
        let after = limiter.run("ada").await.unwrap();
        assert!(after.was_restarted());
        for _ in 0..3 {
            limiter.attempt_in(&limit, &after).await.unwrap();
        }
        assert!(limiter.attempt_in(&limit, &after).await.is_err());
        assert!(limiter.attempt_in(&limit, &before).await.is_err(), "the old run is still spent");
        clock.advance(Duration::days(2));
        assert!(!limiter.run("ada").await.unwrap().was_restarted());
    }

    #[tokio::test]
    async fn what_is_counted_is_stored_as_a_digest_and_an_uncounted_attempt_does_not_pass() {
        let (_, probe, limiter) = limiter();
        let limit = Limit::new("test", 3, Duration::days(1));
        probe.fail_next("ephemeral.increment", Failure::Transient);
        let attempt = limiter.attempt(&limit, "ada@example.com").await;
        assert!(matches!(attempt, Err(RateLimitError::Port(_))), "{attempt:?}");
        let run = limiter.run("ada@example.com").await.unwrap();
        assert!(!run_key(&run.of).name().contains("ada"));
        assert!(!format!("{run:?}").contains("ada"));
    }

    #[test]
    fn neighbours_of_one_ipv6_network_are_one_source() {
        let source = |text: &str| source_of(text.parse().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
    }

    proptest! {
        /// Every moment is in one window, and the next one begins exactly when this one's rest is over.
        #[test]
        fn windows_follow_one_another(seconds in 0_i64..4_000_000_000, window in 1_i64..1_000_000, key in ".{0,9}") {
            let limit = Limit::new("test", 1, Duration::seconds(window));
            let (of, now) = (TokenDigest::of(&key), OffsetDateTime::from_unix_timestamp(seconds).unwrap());
            let (number, rest) = limit.window_at(now, &of);
            prop_assert!(rest.is_positive() && rest <= limit.window());
            prop_assert_eq!(limit.window_at(now + rest, &of), (number + 1, limit.window()));
            prop_assert_eq!(limit.window_at(now + rest - Duration::milliseconds(1), &of).0, number);
        }
    }
}
