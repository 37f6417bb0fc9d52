//! What outbound requests may do.

use std::collections::BTreeSet;
use std::time::Duration;

/// The limits of outbound requests, and the exceptions from their rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboundPolicy {
    /// The time for a whole exchange. Default 5 s.
    pub deadline: Duration,
    /// The largest response body, in bytes. Default 256 KiB.
    pub max_body: usize,
    /// The longest URL, in bytes. Default 2,048.
    pub max_url: usize,
    trusted: BTreeSet<(String, u16)>,
}

impl OutboundPolicy {
    /// Allows plain `http` and private addresses for exactly this host and port, such as another service on the same
    /// machine in development.
    ///
    /// # Security
    ///
    /// Whoever can make the server fetch an address of this host reaches it from inside.
    #[must_use]
    pub fn dangerous_trust_host(mut self, host: &str, port: u16) -> Self {
        self.trusted.insert((host.to_ascii_lowercase(), port));
        self
    }

    /// Whether plain `http` and private addresses are allowed for this host and port.
    #[must_use]
    pub fn trusts(&self, host: &str, port: u16) -> bool {
        self.trusted.contains(&(host.to_ascii_lowercase(), port))
    }
}

impl Default for OutboundPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            max_body: 256 * 1024,
            max_url: 2_048,
            trusted: BTreeSet::new(),
        }
    }
}
