//! The outbox relay: delivers what was committed.
//!
//! Delivery has two steps, so that no destination waits for another:
//!
//! 1. What the outbox holds is **queued**, once for each destination that wants it, in a commit of its own, and then
//!    acknowledged. Nothing is sent in this step, so it takes as long as the store does and never longer.
//! 2. Each destination is **served** from its own queue. Its deliveries are in lanes, one for each subject: within a lane
//!    one goes after the other, in the order of the commits; lanes go side by side.
//!
//! A delivery that fails is tried again by the [`RetrySchedule`]: its lane waits, the others go on. A destination that
//! fails again and again is only probed until it answers. An event that is given up becomes a [`DeadLetter`], which
//! [`DeadLetters`] lists and drives again. Everything is in the store: a crash loses nothing, and memory holds no more than
//! what is under way.
//!
//! # What a destination sees
//!
//! - Every event at least once. The same one again after a crash between the delivery and its note, and when a node was
//!   held up for longer than its turn: [`Event::id`](crate::event::Event::id) is the idempotency key.
//! - Events of one subject in the order of their commits, but for a dead letter that is driven again later.
//!
//! Messages to people go the same way, to the [`Notifier`], each in a lane of its own, until they expire.

mod dead;
mod deliver;
mod dispatch;
mod policy;
mod queue;
mod sink;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

pub use self::dead::{DELIVERY_DISCARDED, DELIVERY_REDRIVEN, DeadLetter, DeadLetters, Redrive};
use self::deliver::Health;
pub use self::policy::{RelayPolicy, Retry, RetrySchedule};
pub use self::sink::{EventSink, SinkSource};
use crate::error::PortError;
use crate::notify::Notifier;
use crate::ports::Ports;
use crate::store::OutboxPayload;

/// Delivers the events and messages of one tenant's outbox. Any number of relays, on any number of nodes, share the work.
///
/// The host spawns [`run`](Self::run), or calls [`deliver_pending`](Self::deliver_pending) from its own scheduler.
#[derive(Clone, Debug)]
pub struct Relay {
    ports: Ports,
    notifier: Arc<dyn Notifier>,
    sinks: Vec<Arc<dyn EventSink>>,
    sources: Vec<Arc<dyn SinkSource>>,
    policy: RelayPolicy,
    health: Arc<Mutex<BTreeMap<String, Health>>>,
    /// Something was queued since the last look.
    fresh: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
}

/// What one round of a relay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayReport {
    /// Deliveries that were made.
    pub delivered: u32,
    /// Deliveries that failed and will be tried again.
    pub postponed: u32,
    /// Deliveries that were given up: failed for good or for too long, or a message that had expired.
    pub dropped: u32,
}

impl RelayReport {
    const fn add(&mut self, other: Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.postponed = self.postponed.saturating_add(other.postponed);
        self.dropped = self.dropped.saturating_add(other.dropped);
    }
}

/// One destination.
#[derive(Clone, Debug)]
enum Route {
    Messages(Arc<dyn Notifier>),
    Sink(Arc<dyn EventSink>),
}

impl Route {
    fn name(&self) -> &str {
        match self {
            Self::Messages(_) => MESSAGES,
            Self::Sink(sink) => sink.name(),
        }
    }

    fn wants(&self, payload: &OutboxPayload) -> bool {
        match (self, payload) {
            (Self::Messages(_), OutboxPayload::Message(_)) => true,
            (Self::Sink(sink), OutboxPayload::Event(event)) => sink.wants(event),
            _ => false,
        }
    }
}

impl Relay {
    /// A relay that sends messages through a notifier and gives events to nobody.
    #[must_use]
    pub fn new(ports: Ports, notifier: Arc<dyn Notifier>) -> Self {
        Self {
            ports,
            notifier,
            sinks: Vec::new(),
            sources: Vec::new(),
            policy: RelayPolicy::default(),
            health: Arc::default(),
            fresh: Arc::default(),
            stopping: Arc::default(),
        }
    }

    /// Adds a receiver of events.
    #[must_use]
    pub fn with_sink(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Adds receivers of events that come and go.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn SinkSource>) -> Self {
        self.sources.push(source);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_policy(mut self, policy: RelayPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Queues what the outbox holds, up to one claim, and delivers what is due at each destination, up to one pass.
    ///
    /// # Errors
    ///
    /// Fails when the store does, and when two sinks have the same name; failed deliveries are counted in the report.
    pub async fn deliver_pending(&self) -> Result<RelayReport, PortError> {
        let routes = self.routes().await?;
        self.dispatch(&routes).await?;
        let passes = routes.iter().map(|route| self.serve(route));
        let mut report = RelayReport::default();
        for served in futures_util::future::join_all(passes).await {
            report.add(served?);
        }
        Ok(report)
    }

    /// The destinations of this moment.
    async fn routes(&self) -> Result<Vec<Route>, PortError> {
        let mut routes = vec![Route::Messages(self.notifier.clone())];
        routes.extend(self.sinks.iter().cloned().map(Route::Sink));
        for source in &self.sources {
            routes.extend(source.sinks().await?.into_iter().map(Route::Sink));
        }
        let names: BTreeSet<&str> = routes.iter().map(Route::name).collect();
        if names.len() < routes.len() || names.iter().any(|name| name.len() > MAX_NAME) {
            return Err(PortError::permanent("two sinks have the same name, or a name is too long"));
        }
        Ok(routes)
    }

    fn health_of(&self, destination: &str) -> Health {
        let known = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(destination).cloned().unwrap_or_default()
    }

    fn remember(&self, destination: &str, health: Health) {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).insert(destination.to_owned(), health);
    }
}

/// The name of the destination that messages to people go to. No sink may have it.
const MESSAGES: &str = "messages";
const MAX_NAME: usize = 200;
