//! Where events go.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::PortError;
use crate::event::Event;

/// Receives events: a message broker, a webhook, an audit log.
///
/// # Contract
///
/// - Events of one subject arrive in order, one after the other; those of different subjects at the same time. An event
///   may arrive more than once: [`Event::id`] is the idempotency key.
/// - `deliver` completes when the event is safely handed over. Dropping its future is a delivery that may or may not have
///   happened; it is dropped when it takes longer than [`RelayPolicy::deadline`](super::RelayPolicy::deadline).
#[async_trait]
pub trait EventSink: fmt::Debug + Send + Sync {
    /// A stable name, under which what is undelivered is queued: at most 200 bytes, different from every other sink's.
    ///
    /// What was queued under a name that no sink has any more stays until one has.
    fn name(&self) -> &str;

    /// Whether it wants to have this event at all. Asked when the event is queued. Default: it does.
    fn wants(&self, event: &Event) -> bool {
        let _all = event;
        true
    }

    /// Takes one event.
    ///
    /// # Errors
    ///
    /// After a transient error the event is tried again by the relay's schedule, before any later event of the same subject;
    /// after a permanent one it becomes a dead letter at once.
    async fn deliver(&self, event: &Event) -> Result<(), PortError>;
}

/// Sinks that come and go while the relay runs, such as webhooks that people register.
#[async_trait]
pub trait SinkSource: fmt::Debug + Send + Sync {
    /// The sinks of this moment. Called several times a second.
    ///
    /// # Errors
    ///
    /// Fails when the store does. The relay then queues nothing, and tries again.
    async fn sinks(&self) -> Result<Vec<Arc<dyn EventSink>>, PortError>;
}
