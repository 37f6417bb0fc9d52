//! A notifier that keeps what it was given.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::PortError;
use crate::notify::{Message, Notifier};

/// Keeps the last [`MemoryNotifier::CAPACITY`] messages instead of sending them.
#[derive(Debug, Default)]
pub struct MemoryNotifier(Mutex<VecDeque<Message>>);

impl MemoryNotifier {
    /// How many messages are kept; older ones are dropped.
    pub const CAPACITY: usize = 1000;

    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that were sent, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        self.lock().iter().cloned().collect()
    }

    /// The newest message to an address.
    #[must_use]
    pub fn last_to(&self, to: &str) -> Option<Message> {
        self.lock().iter().rev().find(|message| message.to == to).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for MemoryNotifier {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let mut sent = self.lock();
        // The id is the idempotency key: a message that is sent again after a crash arrives once.
        if sent.iter().any(|known| known.id == message.id) {
            return Ok(());
        }
        if sent.len() == Self::CAPACITY {
            sent.pop_front();
        }
        sent.push_back(message.clone());
        Ok(())
    }
}
