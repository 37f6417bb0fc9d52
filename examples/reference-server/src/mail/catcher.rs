//! The mail catcher of development mode.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use ciam_core::{
    clock::Clock,
    error::PortError,
    id::EventId,
    notify::{Message, Notifier},
};
use time::OffsetDateTime;

use super::{Letter, Writer};

/// Keeps the most recent messages in memory instead of sending them.
#[derive(Clone, Debug)]
pub struct MailCatcher {
    writer: Writer,
    clock: Arc<dyn Clock>,
    caught: Arc<Mutex<VecDeque<Caught>>>,
}

/// A message that was caught.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The message's id.
    pub id: EventId,
    /// Whom it is for.
    pub to: String,
    /// When it would have gone out.
    pub at: OffsetDateTime,
    /// What it says.
    pub letter: Letter,
}

impl MailCatcher {
    /// An empty catcher.
    pub fn new(writer: Writer, clock: Arc<dyn Clock>) -> Self {
        Self { writer, clock, caught: Arc::default() }
    }

    /// The messages, newest first.
    pub fn all(&self) -> Vec<Caught> {
        self.lock().iter().rev().cloned().collect()
    }

    /// One message.
    pub fn get(&self, id: EventId) -> Option<Caught> {
        self.lock().iter().find(|it| it.id == id).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Caught>> {
        // The list is whole whatever panicked elsewhere.
        self.caught.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for MailCatcher {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let letter = self.writer.write(message)?;
        let caught = Caught { id: message.id, to: message.to.clone(), at: self.clock.now(), letter };
        let mut all = self.lock();
        if !all.iter().any(|it| it.id == caught.id) {
            all.push_back(caught);
            let excess = all.len().saturating_sub(KEPT);
            all.drain(..excess);
        }
        Ok(())
    }
}

/// More than anybody reads.
const KEPT: usize = 1000;
