//! One-time codes: made, sent, and compared.
//!
//! A code is good for one journey and one purpose in one browser, until it has been used, another one was sent, its time is
//! over or it was guessed at too often. It is computed from the secret of the link beside it, and only digests are kept:
//! what they are salted with, the journey's handle, is not stored.

use super::challenge::CodePurpose;
use super::link::JourneyLink;
use super::service::Journeys;
use super::state::{CodeStage, Goal, Journey, JourneyHandle, Purpose, Sent, Stage};
use super::step::{RefusalReason, Step};
use super::types::JourneyError;
use crate::abuse::may_text;
use crate::account::IdentifierKey;
use crate::error::PortError;
use crate::event::Event;
use crate::id::AccountId;
use crate::notify::{Channel, Message, MessageCode};
use crate::secret::Secret;
use crate::store::Batch;

/// A code that is about to be sent.
pub(super) struct Fresh {
    pub(super) sent: Sent,
    link: JourneyLink,
    code: Secret,
}

/// Who gets which message.
pub(super) enum Letter {
    /// The code and the link, to this address: of this account, if it has one.
    Code(MessageCode, IdentifierKey, Option<AccountId>),
    /// The same, with more for the template.
    Telling(MessageCode, IdentifierKey, AccountId, Vec<(&'static str, String)>),
    /// Another message without parameters, to this address of an account.
    Notice(MessageCode, IdentifierKey, AccountId),
    /// Nobody. A message is written all the same, so that nobody can tell, and is over before it could be sent.
    Nobody,
}

/// What a person gave to prove that they have the message.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// The code.
    Code(&'a Secret),
    /// The secret of the link.
    Link(&'a Secret),
}

impl Purpose {
    pub(super) const fn public(&self) -> CodePurpose {
        match self {
            Self::Register { .. } => CodePurpose::Registration,
            Self::Prove { goal: Goal::Session, .. } => CodePurpose::SignIn,
            Self::Prove { goal: Goal::Recovery, .. } => CodePurpose::Recovery,
            Self::Confirm { .. } => CodePurpose::Confirmation,
        }
    }
}

impl Journeys {
    /// A code for the next step of a journey.
    pub(super) fn fresh(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        identifier: IdentifierKey,
        typed: &str,
        channel: Channel,
    ) -> Result<Fresh, PortError> {
        let link = JourneyLink::new(handle.clone(), Secret::random(self.ports.entropy())?);
        let code = link.code(self.policy.digits());
        let sent = Sent {
            identifier,
            typed: typed.trim().chars().take(IdentifierKey::MAX_LENGTH).collect(),
            channel,
            code: handle.code_digest(code.expose()),
            link: link.proof_digest(),
            number: journey.revision.saturating_add(1),
            expires_at: self.ports.now() + self.policy.code_lifetime,
        };
        Ok(Fresh { sent, link, code })
    }

    /// Moves the journey to the code and sends the message.
    pub(super) async fn dispatch(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        fresh: Fresh,
        purpose: Purpose,
        letter: Letter,
        event: Event,
    ) -> Result<Step, JourneyError> {
        let (channel, to) = (fresh.sent.channel, fresh.sent.identifier.as_str());
        if let Some(wait) = self.policy.budgets.reserve(&self.limiter, channel, to).await? {
            return Ok(self.limited(journey, wait));
        }
        let (letter, event) = self.held_back(&fresh, &purpose, letter, event).await;
        let stage = CodeStage { sent: fresh.sent.clone(), purpose };
        let next = self.advance(handle, journey, Stage::Code(stage)).await?;
        let message = self.written(&fresh, &letter)?.with_languages(journey.requirements.languages.clone());
        let batch = Batch::new().message(message.seal(&self.ports).await?).event(event);
        if !self.ports.store().commit(batch).await?.is_applied() {
            return Err(PortError::permanent("a batch without conditions was refused").into());
        }
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }

    /// Sends nothing to a phone number whose card was changed a short while ago: it may be in other hands. The answer is the
    /// same, and so is the question, whether or not somebody has the number. A registration takes nothing from anybody.
    async fn held_back(
        &self,
        fresh: &Fresh,
        purpose: &Purpose,
        letter: Letter,
        event: Event,
    ) -> (Letter, Event) {
        if fresh.sent.channel != Channel::Sms || matches!(purpose, Purpose::Register { .. }) {
            return (letter, event);
        }
        let number = match &letter {
            Letter::Code(_, to, _) | Letter::Telling(_, to, ..) | Letter::Notice(_, to, _) => to,
            Letter::Nobody => &fresh.sent.identifier,
        };
        let policy = &self.policy;
        let may = may_text(&self.ports, number, policy.risk_deadline, policy.sim_age, policy.sim_unanswered);
        if may.await { (letter, event) } else { (Letter::Nobody, event.with("held_back", "sim_swap")) }
    }

    fn written(&self, fresh: &Fresh, letter: &Letter) -> Result<Message, PortError> {
        let (about, to, account) = match letter {
            Letter::Code(about, to, account) => (*about, to, *account),
            Letter::Notice(about, to, account) | Letter::Telling(about, to, account, _) => {
                (*about, to, Some(*account))
            }
            Letter::Nobody => (MessageCode::SignInCode, &fresh.sent.identifier, None),
        };
        let over = matches!(letter, Letter::Nobody);
        let expires_at = if over { self.ports.now() } else { fresh.sent.expires_at };
        let mut message = Message::new(&self.ports, about, fresh.sent.channel, to.as_str(), expires_at)?;
        if let Some(account) = account {
            message = message.with_account(account);
        }
        if matches!(letter, Letter::Notice(..)) {
            return Ok(message);
        }
        if let Letter::Telling(_, _, _, more) = letter {
            message = more.iter().fold(message, |message, (name, value)| message.with(name, value.as_str()));
        }
        let minutes = self.policy.code_lifetime.whole_minutes().to_string();
        Ok(message
            .with("code", fresh.code.expose())
            .with("minutes", minutes)
            .with("link", fresh.link.expose()))
    }

    /// Whether what was given is what was sent; `Some` says why not. The guess is counted before it is looked at, so that
    /// guesses in parallel do not add up.
    pub(super) async fn check(
        &self,
        handle: &JourneyHandle,
        sent: &Sent,
        given: Given<'_>,
    ) -> Result<Option<RefusalReason>, PortError> {
        let guesses = handle.guess_key(sent.number);
        let guesses = self.ports.ephemeral().increment(&guesses, self.policy.lifetime).await?;
        let right = match given {
            Given::Code(code) => {
                let typed: String = code.expose().chars().filter(|c| !c.is_whitespace()).take(16).collect();
                handle.code_digest(&typed) == sent.code
            }
            Given::Link(proof) => proof.digest() == sent.link,
        };
        Ok(if guesses > self.policy.code_attempts {
            Some(RefusalReason::TooManyAttempts)
        } else if !right || self.ports.now() >= sent.expires_at {
            Some(RefusalReason::Code)
        } else {
            None
        })
    }
}
