//! A notifier that keeps messages where a developer can read them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ciam_core::clock::Clock;
use ciam_core::error::PortError;
use ciam_core::id::EventId;
use ciam_core::notify::{Channel, Message, MessageCode, Notifier};
use time::OffsetDateTime;

use crate::mail_text::{MailText, MailTexts};

/// Catches messages instead of sending them, and keeps the last [`MailCatcher::CAPACITY`] in memory.
///
/// # Security
///
/// For development. Whoever sees the messages sees every one-time code.
#[derive(Debug)]
pub struct MailCatcher {
    texts: Arc<dyn MailTexts>,
    clock: Arc<dyn Clock>,
    caught: Mutex<VecDeque<CaughtMail>>,
}

/// A message that was caught.
#[derive(Clone)]
#[non_exhaustive]
pub struct CaughtMail {
    /// The message's id.
    pub id: EventId,
    /// To which address or number.
    pub to: String,
    /// How it would have gone out.
    pub channel: Channel,
    /// What it is about.
    pub about: MessageCode,
    /// What the recipient would have read.
    pub text: MailText,
    /// The one-time code in it, if there is one.
    pub code: Option<String>,
    /// When it was caught.
    pub at: OffsetDateTime,
}

impl fmt::Debug for CaughtMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaughtMail").field("id", &self.id).field("about", &self.about).finish_non_exhaustive()
    }
}

impl MailCatcher {
    /// How many messages are kept; the oldest make room for new ones.
    pub const CAPACITY: usize = 200;

    /// A catcher that renders with these words.
    #[must_use]
    pub fn new(texts: Arc<dyn MailTexts>, clock: Arc<dyn Clock>) -> Self {
        Self { texts, clock, caught: Mutex::default() }
    }

    /// The messages, newest first.
    #[must_use]
    pub fn messages(&self) -> Vec<CaughtMail> {
        self.lock().iter().rev().cloned().collect()
    }

    /// One message.
    #[must_use]
    pub fn message(&self, id: EventId) -> Option<CaughtMail> {
        self.lock().iter().find(|mail| mail.id == id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<CaughtMail>> {
        // Nothing under the lock panics, so a poisoned lock still guards a whole list.
        self.caught.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for MailCatcher {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let mail = CaughtMail {
            id: message.id,
            to: message.to.clone(),
            channel: message.channel,
            about: message.code,
            text: self.texts.render(message)?,
            code: message.parameters.get("code").cloned(),
            at: self.clock.now(),
        };
        let mut caught = self.lock();
        // The id is the idempotency key: what is sent again after a crash is caught once.
        if caught.iter().any(|known| known.id == mail.id) {
            return Ok(());
        }
        if caught.len() >= Self::CAPACITY {
            caught.pop_front();
        }
        caught.push_back(mail);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::clock::SystemClock;
    use ciam_core::memory;

    use super::*;
    use crate::mail_text::PlainTexts;

    fn catcher() -> MailCatcher {
        MailCatcher::new(Arc::new(PlainTexts::new("Example")), Arc::new(SystemClock::new()))
    }

    fn message(to: &str) -> Message {
        let ports = memory::ports();
        Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, to, ports.now())
            .unwrap()
            .with("code", "042137")
            .with("minutes", "10")
    }

    #[tokio::test]
    async fn messages_are_caught_once_and_listed_newest_first() {
        let catcher = catcher();
        let (first, second) = (message("ada@example.com"), message("bob@example.com"));
        for message in [&first, &second, &first] {
            catcher.send(message).await.unwrap();
        }
        let to: Vec<String> = catcher.messages().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, ["bob@example.com", "ada@example.com"]);
        let mail = catcher.message(first.id).unwrap();
        assert_eq!(mail.code.as_deref(), Some("042137"));
        assert!(mail.text.text.contains("042137"));
        assert!(!format!("{catcher:?}").contains("042137") && !format!("{mail:?}").contains("ada"));
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let catcher = catcher();
        for number in 0..=MailCatcher::CAPACITY {
            catcher.send(&message(&format!("{number}@example.com"))).await.unwrap();
        }
        let messages = catcher.messages();
        assert_eq!(messages.len(), MailCatcher::CAPACITY);
        assert_eq!(messages.last().unwrap().to, "1@example.com");
    }

    #[tokio::test]
    async fn a_message_without_words_is_a_permanent_error() {
        let ports = memory::ports();
        let message =
            Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, "a@b.example", ports.now())
                .unwrap();
        assert!(catcher().send(&message).await.is_err());
    }
}
