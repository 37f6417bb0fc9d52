//! How long sessions last, and how many there may be.

use time::Duration;

use super::{DevicePolicy, SessionLimit};

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionPolicy {
    /// A session ends after this time without use. Default 12 hours.
    pub idle: Duration,
    /// A session ends after this time in any case. Default 14 days.
    pub absolute: Duration,
    /// Use is noted only when this much time has passed since it was last noted, so that a page view costs no write.
    /// Default 5 minutes; half of `idle` where that is less, so that a session in use never ends as idle.
    pub touch_interval: Duration,
    /// How many sessions an account may have at once. Default: any number.
    pub limit: Option<SessionLimit>,
    /// How browsers are remembered in which accounts sign in, and that their owners are told of new ones. Default: they are
    /// not.
    pub devices: Option<DevicePolicy>,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            idle: Duration::hours(12),
            absolute: Duration::days(14),
            touch_interval: Duration::minutes(5),
            limit: None,
            devices: None,
        }
    }
}
