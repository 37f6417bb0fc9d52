//! How long keys live.

use time::Duration;

/// How long keys sign, how early they are published and how long they stay.
///
/// The defaults, and why:
///
/// | | default | |
/// | --- | --- | --- |
/// | [`rotate_after`](Self::rotate_after) | 90 days | bounds what one key signs, rare enough to be no event |
/// | [`publish_ahead`](Self::publish_ahead) | 24 hours | the longest time that common clients keep a JWKS |
/// | [`token_lifetime`](Self::token_lifetime) | 24 hours | above every default lifetime of a signed token |
/// | [`remember`](Self::remember) | 400 days | old id_tokens come back as `id_token_hint` |
/// | [`refresh_after`](Self::refresh_after) | 1 minute | one read per node and minute |
/// | [`max_stale`](Self::max_stale) | 15 minutes | how long a node goes on without its store |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyPolicy {
    /// How long a key signs.
    pub rotate_after: Duration,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// The longest lifetime of anything that is signed. A key that signs no more stays published for that long, and for
    /// [`max_stale`](Self::max_stale), during which another node may still sign with it.
    pub token_lifetime: Duration,
    /// How long retired public keys are remembered, to recognise expired tokens that are only a hint.
    pub remember: Duration,
    /// From what age on the keys in memory are read again.
    pub refresh_after: Duration,
    /// From what age on the keys in memory are not used any more.
    pub max_stale: Duration,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self {
            rotate_after: Duration::days(90),
            publish_ahead: Duration::hours(24),
            token_lifetime: Duration::hours(24),
            remember: Duration::days(400),
            refresh_after: Duration::minutes(1),
            max_stale: Duration::minutes(15),
        }
    }
}

impl KeyPolicy {
    /// How long a key stays published after it stopped signing.
    #[must_use]
    pub fn retire_for(&self) -> Duration {
        self.token_lifetime.saturating_add(self.max_stale).saturating_add(Self::CLOCK_ALLOWANCE)
    }

    /// How long clients may keep the JWKS: a key that is published now has reached them before it signs.
    #[must_use]
    pub fn jwks_max_age(&self) -> Duration {
        let spare: Duration = self.publish_ahead.saturating_sub(self.max_stale) / 2;
        spare.clamp(Duration::ZERO, Duration::HOUR)
    }

    /// Checks that rotation under this policy breaks no client.
    ///
    /// # Errors
    ///
    /// Fails with the rule that the policy breaks.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let rules = [
            (self.refresh_after.is_positive(), "`refresh_after` must be positive"),
            (self.max_stale >= self.refresh_after, "`max_stale` must be at least `refresh_after`"),
            (self.publish_ahead >= self.max_stale, "`publish_ahead` must be at least `max_stale`"),
            (self.rotate_after > self.publish_ahead, "`rotate_after` must be more than `publish_ahead`"),
            (self.token_lifetime.is_positive(), "`token_lifetime` must be positive"),
            (!self.remember.is_negative(), "`remember` must not be negative"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(InvalidPolicy { rule }),
            None => Ok(()),
        }
    }

    /// How far the clocks of those who verify may be behind.
    const CLOCK_ALLOWANCE: Duration = Duration::minutes(5);
}

/// Rotation under this policy would break clients, or never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key policy is contradictory: {rule}")]
#[non_exhaustive]
pub struct InvalidPolicy {
    /// The rule that is broken.
    pub rule: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_consistent() {
        let policy = KeyPolicy::default();
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(policy.jwks_max_age(), Duration::HOUR);
        assert!(policy.jwks_max_age() + policy.max_stale <= policy.publish_ahead);
        assert!(policy.retire_for() >= policy.token_lifetime + policy.max_stale);
    }

    #[test]
    fn each_rule_is_checked() {
        let default = KeyPolicy::default();
        for policy in [
            KeyPolicy { refresh_after: Duration::ZERO, ..default },
            KeyPolicy { max_stale: Duration::seconds(59), ..default },
            KeyPolicy { publish_ahead: Duration::minutes(14), ..default },
            KeyPolicy { rotate_after: Duration::hours(24), ..default },
            KeyPolicy { token_lifetime: Duration::ZERO, ..default },
            KeyPolicy { remember: Duration::seconds(-1), ..default },
        ] {
            assert!(policy.check().is_err(), "{policy:?}");
        }
        let tight = KeyPolicy { publish_ahead: default.max_stale, ..default };
        assert_eq!((tight.check(), tight.jwks_max_age()), (Ok(()), Duration::ZERO));
    }
}
