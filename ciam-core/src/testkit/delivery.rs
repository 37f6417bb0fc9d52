//! Whether everything was delivered, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::suite::Violation;
use crate::error::PortError;
use crate::event::Event;
use crate::id::EventId;
use crate::relay::EventSink;

/// A sink that writes down what it is given, and judges it: every event at least once, and those of a subject in the order
/// of their commits.
///
/// ```
/// use ciam_core::event::{Event, EventType};
/// use ciam_core::memory;
/// use ciam_core::relay::EventSink as _;
/// use ciam_core::testkit::DeliveryLog;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ports = memory::ports();
/// let event = || Event::new(&ports, EventType::ACCOUNT_UPDATED, "account:a");
/// let (first, second) = (event()?, event()?);
/// let log = DeliveryLog::new("log");
/// log.deliver(&first).await?;
/// log.check(&[first.clone()]).unwrap();
/// log.check(&[first.clone(), second.clone()]).unwrap_err();
/// log.deliver(&second).await?;
/// log.deliver(&first).await?; // again, after a crash
/// log.check(&[first.clone(), second.clone()]).unwrap();
/// log.check(&[second, first]).unwrap_err();
/// # Ok(())
/// # }
/// ```
pub struct DeliveryLog {
    name: String,
    delivered: Mutex<Vec<Event>>,
}

impl DeliveryLog {
    /// An empty one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), delivered: Mutex::default() }
    }

    /// What was delivered, in order, again and again included.
    #[must_use]
    pub fn delivered(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// Compares what was delivered with what was committed, in the order of the commits.
    ///
    /// # Errors
    ///
    /// Says which event is missing, which came out of order, and which was never committed.
    pub fn check(&self, committed: &[Event]) -> Result<(), Violation> {
        let delivered = self.lock();
        let mut first_of = BTreeMap::<EventId, usize>::new();
        for (position, event) in delivered.iter().enumerate() {
            first_of.entry(event.id).or_insert(position);
        }
        let mut last_of_subject = BTreeMap::<&str, (usize, EventId)>::new();
        for event in committed {
            let Some(position) = first_of.get(&event.id) else {
                return Err(violation(event, "was committed and never delivered"));
            };
            let before = last_of_subject.insert(&event.subject, (*position, event.id));
            if before.is_some_and(|(before, _)| before > *position) {
                return Err(violation(event, "was delivered before one that was committed before it"));
            }
        }
        let known: BTreeSet<EventId> = committed.iter().map(|event| event.id).collect();
        match delivered.iter().find(|event| !known.contains(&event.id)) {
            Some(event) => Err(violation(event, "was delivered and never committed")),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn violation(event: &Event, what: &str) -> Violation {
    Violation::new(format!("event {} of `{}` {what}", event.id, event.subject))
}

impl fmt::Debug for DeliveryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryLog").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl EventSink for DeliveryLog {
    fn name(&self) -> &str {
        &self.name
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        self.lock().push(event.clone());
        Ok(())
    }
}
