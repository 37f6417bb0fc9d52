//! How lists are made.

use time::Duration;

use super::list::StatusBits;

/// How an authorization server lists the status of the access tokens that it issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusListSettings {
    /// How many tokens a list has room for: a power of four between 1024 and 1048576. Default 65536. The tokens of a list hide among
    /// each other, and who checks one fetches them all.
    pub capacity: u32,
    /// How many bits a status has. Default two: a token of an account that is suspended is suspended, and not revoked.
    pub bits: StatusBits,
    /// How long others may keep a list: with [`rebuild_after`](Self::rebuild_after) the time after which they know of a revocation.
    /// Default 1 minute, at most an hour.
    pub ttl: Duration,
    /// For how long at most a list takes up new tokens; its own end follows a day later. Default 6 hours, at most a day.
    pub open_for: Duration,
    /// A list is made anew no sooner than this after the last time, however often it is asked for. Default 5 seconds, at most
    /// [`ttl`](Self::ttl).
    pub rebuild_after: Duration,
}

impl Default for StatusListSettings {
    fn default() -> Self {
        Self {
            capacity: 65_536,
            bits: StatusBits::Two,
            ttl: Duration::MINUTE,
            open_for: Duration::hours(6),
            rebuild_after: Duration::seconds(5),
        }
    }
}

impl StatusListSettings {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets for how many tokens a list has room.
    #[must_use]
    pub const fn with_capacity(mut self, capacity: u32) -> Self {
        self.capacity = capacity;
        self
    }

    /// Sets how many bits a status has.
    #[must_use]
    pub const fn with_bits(mut self, bits: StatusBits) -> Self {
        self.bits = bits;
        self
    }

    /// Sets how long others may keep a list.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets for how long a list takes up new tokens.
    #[must_use]
    pub const fn with_open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        self
    }

    /// Sets how soon a list is made anew.
    #[must_use]
    pub const fn with_rebuild_after(mut self, rebuild_after: Duration) -> Self {
        self.rebuild_after = rebuild_after;
        self
    }

    /// Whether they can work: what the construction of a server asks, for whoever reads them from a file.
    ///
    /// # Errors
    ///
    /// What is wrong, as a sentence.
    pub fn check(&self) -> Result<(), &'static str> {
        let power_of_four =
            self.capacity.is_power_of_two() && self.capacity.trailing_zeros().is_multiple_of(2);
        if !power_of_four || !(1_024..=1_048_576).contains(&self.capacity) {
            return Err("a status list has room for a power of four of tokens, 1024 to 1048576");
        }
        if !(Duration::SECOND..=Duration::HOUR).contains(&self.ttl) {
            return Err("a status list is kept for a second to an hour");
        }
        if !(Duration::MINUTE..=Duration::DAY).contains(&self.open_for) {
            return Err("a status list is open for a minute to a day");
        }
        if self.rebuild_after.is_negative() || self.rebuild_after > self.ttl {
            return Err("a status list is made anew before others forget it");
        }
        Ok(())
    }

    /// The number inside of the `exp` of a list: twice as long as it may be kept, so that a fetch that fails is not the end of it.
    pub(super) fn valid_for(&self) -> Duration {
        self.ttl * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_work() {
        let good = StatusListSettings::new();
        assert!(good.check().is_ok());
        for capacity in [1_024, 4_096, 65_536, 1_048_576] {
            assert!(good.with_capacity(capacity).check().is_ok(), "{capacity}");
        }
        for bad in [
            good.with_capacity(0),
            good.with_capacity(256),
            good.with_capacity(2_048),
            good.with_capacity(65_535),
            good.with_capacity(1 << 22),
            good.with_ttl(Duration::ZERO),
            good.with_ttl(Duration::hours(2)),
            good.with_open_for(Duration::SECOND),
            good.with_open_for(Duration::days(2)),
            good.with_rebuild_after(-Duration::SECOND),
            good.with_rebuild_after(Duration::minutes(2)),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
