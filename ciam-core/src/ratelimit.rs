//! Rate limits on the ephemeral port.
//!
//! An attempt is counted *before* it is checked: of any number of attempts at once no more than the limit get through.

use std::borrow::Cow;

use time::Duration;

use crate::ephemeral::EphemeralKey;
use crate::error::PortError;
use crate::ports::Ports;
use crate::secret::TokenDigest;

/// A limit: so many attempts in a window.
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

    /// Counts one attempt for `key` and says whether it may go on.
    ///
    /// The key may hold personal data or attacker's text: only its digest is stored. The window begins with the first
    /// attempt and does not move.
    ///
    /// # Errors
    ///
    /// Fails with [`RateLimitError::Limited`] over the limit, and when the ephemeral store does: a limit that cannot be
    /// counted is not passed.
    pub async fn attempt(&self, limit: &Limit, key: &str) -> Result<(), RateLimitError> {
        let epoch = self.ports.ephemeral().get(&Self::epoch(limit, key)).await?.unwrap_or_default();
        let name = [limit.name.as_bytes(), b"\n", key.as_bytes(), b"\n", &epoch].concat();
        let counter = EphemeralKey::new("core.rate", TokenDigest::of_bytes(&name).to_text());
        let count = self.ports.ephemeral().increment(&counter, limit.window).await?;
        if count <= limit.attempts {
            Ok(())
        } else {
            Err(RateLimitError::Limited { retry_after: limit.window })
        }
    }

    /// Forgets the attempts for `key`, because one of them succeeded: what is limited is then a run of failures.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn forget(&self, limit: &Limit, key: &str) -> Result<(), PortError> {
        let mut epoch = vec![0_u8; 8];
        self.ports.entropy().fill(&mut epoch)?;
        self.ports.ephemeral().put(&Self::epoch(limit, key), epoch, limit.window).await
    }

    /// Where the number of the current run of attempts is kept: a new one is as good as a counter set to zero.
    fn epoch(limit: &Limit, key: &str) -> EphemeralKey {
        let name = TokenDigest::of(&format!("{}\n{key}", limit.name));
        EphemeralKey::new("core.rate_epoch", name.to_text())
    }
}

/// An attempt may not go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// Too many attempts.
    #[error("too many attempts")]
    Limited {
        /// After this time an attempt is allowed again, at the latest.
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

    use super::*;
    use crate::memory;
    use crate::testkit::{ManualClock, SeededEntropy};

    #[tokio::test]
    async fn of_many_attempts_at_once_only_the_limit_gets_through_and_the_window_ends() {
        let clock = Arc::new(ManualClock::default());
        let limiter = RateLimiter::new(memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1))));
        let limit = Limit::new("test", 5, Duration::minutes(1));
        let all = join_all((0..50).map(|_| limiter.attempt(&limit, "ada"))).await;
        assert_eq!(all.iter().filter(|attempt| attempt.is_ok()).count(), 5);
        limiter.attempt(&limit, "eve").await.unwrap();
        limiter.attempt(&Limit::new("other", 1, Duration::minutes(1)), "ada").await.unwrap();
        assert!(limiter.attempt(&limit, "ada").await.is_err());
        limiter.forget(&limit, "ada").await.unwrap();
        for _ in 0..5 {
            limiter.attempt(&limit, "ada").await.unwrap();
        }
        assert!(limiter.attempt(&limit, "ada").await.is_err());
        clock.advance(Duration::minutes(1));
        limiter.attempt(&limit, "ada").await.unwrap();
    }
}
