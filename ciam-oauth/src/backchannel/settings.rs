//! Backchannel authentication, configured.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::Duration;

use super::client::{BackchannelClient, Delivery};
use super::people::BackchannelPeople;
use crate::client::{Client, GrantType};

/// How people are authenticated through the back channel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackchannelSettings {
    /// Who finds and reaches them.
    pub people: Arc<dyn BackchannelPeople>,
    /// Where the browser goes when the person has answered: an absolute URL, or a path below the issuer; `outcome=approved` or
    /// `outcome=refused` is added to its query.
    pub done_url: String,
    /// How clients may hear of the end. Default poll and ping: what is pushed cannot be bound to a key.
    pub delivery: BTreeSet<Delivery>,
    /// How long a person has. Default 5 minutes; a client may ask for less, or for more up to [`longest`](Self::longest).
    pub lifetime: Duration,
    /// How long a person has at most. Default 10 minutes.
    pub longest: Duration,
    /// How long a client waits between two polls, until it is told to slow down. Default 5 seconds.
    pub interval: Duration,
    /// Whether people have codes without which they are not asked: [`BackchannelPeople::lets_ask`] decides. Default no.
    pub user_codes: bool,
}

impl BackchannelSettings {
    /// The default times, with the host's people and page.
    #[must_use]
    pub fn new(people: Arc<dyn BackchannelPeople>, done_url: impl Into<String>) -> Self {
        Self {
            people,
            done_url: done_url.into(),
            delivery: BTreeSet::from([Delivery::Poll, Delivery::Ping]),
            lifetime: Duration::minutes(5),
            longest: Duration::minutes(10),
            interval: Duration::seconds(5),
            user_codes: false,
        }
    }

    /// Replaces the ways by which clients may hear of the end.
    #[must_use]
    pub fn with_delivery(mut self, ways: impl IntoIterator<Item = Delivery>) -> Self {
        self.delivery = ways.into_iter().collect();
        self
    }

    /// Sets how long a person has, and at most.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration, longest: Duration) -> Self {
        self.lifetime = lifetime;
        self.longest = longest;
        self
    }

    /// Sets how long a client waits between two polls.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// People have codes without which they are not asked.
    #[must_use]
    pub const fn with_user_codes(mut self) -> Self {
        self.user_codes = true;
        self
    }

    /// What a client is registered with, where it may still begin, and be told, in that way: a client outlives the configuration
    /// that it was registered under.
    pub(super) fn registered<'c>(&self, client: &'c Client) -> Option<&'c BackchannelClient> {
        let registered = client.backchannel.as_ref().filter(|_| client.allows(GrantType::Ciba))?;
        self.delivery.contains(&registered.delivery).then_some(registered)
    }
}
