//! The outbox relay: delivers what was committed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;

use crate::error::{PortError, PortErrorKind};
use crate::event::Event;
use crate::id::EventId;
use crate::notify::{Notifier, SealedMessage};
use crate::ports::Ports;
use crate::store::{OutboxItem, OutboxPayload};

/// Receives events: a webhook sender, a message broker, an audit log.
///
/// # Contract
///
/// - Events of one subject arrive in order. An event may arrive more than once: [`Event::id`] is the idempotency key.
/// - `deliver` completes when the event is safely handed over.
#[async_trait]
pub trait EventSink: fmt::Debug + Send + Sync {
    /// Takes one event.
    ///
    /// # Errors
    ///
    /// A transient error is tried again later, before any later event of the same subject; a permanent one drops the event
    /// for this relay.
    async fn deliver(&self, event: &Event) -> Result<(), PortError>;
}

/// Delivers the events and messages of one tenant's outbox. Any number of relays, on any number of nodes, share the work.
///
/// The host spawns [`run`](Self::run), or calls [`deliver_pending`](Self::deliver_pending) from its own scheduler.
#[derive(Clone, Debug)]
pub struct Relay {
    ports: Ports,
    notifier: Arc<dyn Notifier>,
    sinks: Vec<Arc<dyn EventSink>>,
    policy: RelayPolicy,
}

/// The limits of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayPolicy {
    /// How long a claimed item is this relay's; a failed delivery is tried again after it. Default 30 s.
    pub lease: Duration,
    /// How many items are claimed at once. Default 64.
    pub batch: u32,
    /// How often a delivery is tried before the item is dropped. Default 50.
    pub max_attempts: u32,
    /// How long to wait when there was nothing to do. Default 250 ms.
    pub idle: std::time::Duration,
}

impl Default for RelayPolicy {
    fn default() -> Self {
        Self {
            lease: Duration::seconds(30),
            batch: 64,
            max_attempts: 50,
            idle: std::time::Duration::from_millis(250),
        }
    }
}

/// What one round of a relay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayReport {
    /// Items that were handed over.
    pub delivered: u32,
    /// Items that failed and will be tried again.
    pub postponed: u32,
    /// Items that were given up: expired, permanently failed, or tried too often.
    pub dropped: u32,
}

impl Relay {
    /// A relay that sends messages through a notifier and gives events to nobody.
    #[must_use]
    pub fn new(ports: Ports, notifier: Arc<dyn Notifier>) -> Self {
        Self { ports, notifier, sinks: Vec::new(), policy: RelayPolicy::default() }
    }

    /// Adds a receiver of events.
    #[must_use]
    pub fn with_sink(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_policy(mut self, policy: RelayPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Claims one batch and delivers it.
    ///
    /// # Errors
    ///
    /// Fails when the store does; failed deliveries are counted in the report.
    pub async fn deliver_pending(&self) -> Result<RelayReport, PortError> {
        let items = self.ports.store().claim_outbox(self.policy.lease, self.policy.batch).await?;
        let mut report = RelayReport::default();
        let mut done: Vec<EventId> = Vec::with_capacity(items.len());
        let mut held_back: BTreeSet<String> = BTreeSet::new();
        for item in items {
            if subject(&item).is_some_and(|subject| held_back.contains(subject)) {
                report.postponed += 1;
                continue;
            }
            match self.deliver(&item).await {
                Ok(Outcome::Delivered) => {
                    report.delivered += 1;
                    done.push(item.id);
                }
                Ok(Outcome::Dropped) => {
                    report.dropped += 1;
                    done.push(item.id);
                }
                Err(error) if self.gives_up(&item, &error) => {
                    self.log_dropped(&item, &error);
                    report.dropped += 1;
                    done.push(item.id);
                }
                Err(_) => {
                    report.postponed += 1;
                    held_back.extend(subject(&item).map(ToOwned::to_owned));
                }
            }
        }
        if !done.is_empty() {
            self.ports.store().acknowledge(&done).await?;
        }
        Ok(report)
    }

    /// Delivers until `stop` completes. A failing store is tried again after the idle time.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let worked = matches!(self.deliver_pending().await, Ok(report) if report.delivered > 0);
            let pause = if worked { std::time::Duration::ZERO } else { self.policy.idle };
            let sleep = self.ports.runtime().sleep(pause);
            match futures_util::future::select(stop, sleep).await {
                futures_util::future::Either::Left(_) => return,
                futures_util::future::Either::Right(((), unfinished)) => stop = unfinished,
            }
        }
    }

    async fn deliver(&self, item: &OutboxItem) -> Result<Outcome, PortError> {
        match &item.payload {
            OutboxPayload::Message(message) => self.send(message).await,
            OutboxPayload::Event(event) => {
                for sink in &self.sinks {
                    sink.deliver(event).await?;
                }
                Ok(Outcome::Delivered)
            }
        }
    }

    async fn send(&self, message: &SealedMessage) -> Result<Outcome, PortError> {
        if message.expires_at <= self.ports.now() {
            return Ok(Outcome::Dropped);
        }
        let message = message.open(&self.ports).await?;
        self.notifier.send(&message).await?;
        Ok(Outcome::Delivered)
    }

    fn gives_up(&self, item: &OutboxItem, error: &PortError) -> bool {
        error.kind() == PortErrorKind::Permanent || item.attempts >= self.policy.max_attempts
    }

    #[cfg(feature = "tracing")]
    fn log_dropped(&self, item: &OutboxItem, error: &PortError) {
        tracing::error!(id = %item.id, attempts = item.attempts, %error, "an outbox item was dropped");
    }

    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "without the feature there is nobody to tell")]
    const fn log_dropped(&self, _item: &OutboxItem, _error: &PortError) {}
}

enum Outcome {
    Delivered,
    Dropped,
}

fn subject(item: &OutboxItem) -> Option<&str> {
    match &item.payload {
        OutboxPayload::Event(event) => Some(&event.subject),
        OutboxPayload::Message(_) => None,
    }
}
