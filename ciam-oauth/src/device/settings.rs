//! The device grant, configured.

use time::Duration;

/// How devices are authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceSettings {
    /// The host's page where people type user codes: an absolute URL, or a path below the issuer. It is shown to people, who
    /// type it too: the shorter the better.
    pub verification_url: String,
    /// Where the browser goes when the person has answered; `outcome=approved` or `outcome=refused` is added to its query.
    pub done_url: String,
    /// How long a person has. Default 10 minutes.
    pub lifetime: Duration,
    /// How long a device waits between two polls, until it is told to slow down. Default 5 seconds.
    pub interval: Duration,
}

impl DeviceSettings {
    /// The default times, with the host's pages.
    #[must_use]
    pub fn new(verification_url: impl Into<String>, done_url: impl Into<String>) -> Self {
        Self {
            verification_url: verification_url.into(),
            done_url: done_url.into(),
            lifetime: Duration::minutes(10),
            interval: Duration::seconds(5),
        }
    }

    /// Sets how long a person has.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets how long a device waits between two polls.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}
