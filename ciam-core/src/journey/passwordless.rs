//! A code or link in place of a password: to sign in, or to choose a new one.
//!
//! What is typed is any identifier that its owner has verified; the code goes to an address that they have verified. Where
//! there is none (no account, not verified, stopped), every step is the same, call by call, and the code was sent to nobody.

use time::OffsetDateTime;

use super::code::{Given, Letter};
use super::conclude::{Outcome, Proving};
use super::methods::SignInMethod;
use super::realm::Home;
use super::service::Journeys;
use super::sign_in::{Asked, Found};
use super::state::{Goal, Journey, JourneyHandle, Purpose, Recipient, Sent};
use super::step::{RefusalReason, Step};
use super::throttle::{self, Reserved, Tried};
use super::types::{JourneyError, Visitor};
use crate::abuse;
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, IdentifierKind};
use crate::assurance::{Amr, FactorKind, Proof};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::factor::FactorProof;
use crate::notify::{Channel, MessageCode};
use crate::ratelimit::source_of;

impl Goal {
    /// Whether an account may come to this end.
    pub(super) fn is_open_to(self, account: &Account, now: OffsetDateTime) -> bool {
        match self {
            // The owner of a closed account is asked whether to take it back, before there is a session.
            Self::Session => account.may_sign_in(now) || account.may_return(now),
            // Recovery is the way back into a locked account.
            Self::Recovery => account.may_sign_in(now) || account.standing(now) == AccountStatus::Locked,
        }
    }

    const fn message(self) -> MessageCode {
        match self {
            Self::Session => MessageCode::SignInCode,
            Self::Recovery => MessageCode::RecoveryCode,
        }
    }

    const fn event(self) -> EventType {
        match self {
            Self::Session => EventType::SIGN_IN_CODE_REQUESTED,
            Self::Recovery => EventType::RECOVERY_REQUESTED,
        }
    }
}

impl Journeys {
    /// Asks for a code with whatever was typed.
    pub(super) async fn ask_for_code(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        goal: Goal,
        typed: &str,
        wish: Option<Channel>,
    ) -> Result<Step, JourneyError> {
        // A text that is no identifier goes the whole way too, as one that nobody has.
        let key = IdentifierKey::guess(typed).or_else(|_| IdentifierKey::username("no-such-account"));
        let key = key.map_err(PortError::permanent)?;
        let journey = match self.at_home(handle, journey, typed).await? {
            Home::Here(journey) => *journey,
            Home::Away(step) => return Ok(step),
        };
        let Some(channel) = self.channel(&journey, goal, &key, wish) else {
            return Ok(self.refused(&journey, RefusalReason::Method));
        };
        let limit = match goal {
            Goal::Session => &self.policy.sign_in_per_peer,
            Goal::Recovery => &self.policy.recover_per_peer,
        };
        let source = source_of(visitor.peer.address);
        if let Some(wait) = throttle::count(&self.limiter, limit, &source).await? {
            return Ok(self.limited(&journey, wait));
        }
        self.send_proof(handle, visitor, journey, goal, key, typed, channel).await
    }

    /// Sends the code once more, to the same.
    pub(super) async fn resend_proof(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        goal: Goal,
        sent: Sent,
    ) -> Result<Step, JourneyError> {
        self.send_proof(handle, visitor, journey, goal, sent.identifier, &sent.typed, sent.channel).await
    }

    #[expect(clippy::too_many_arguments, reason = "what was typed, in its parts")]
    async fn send_proof(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        goal: Goal,
        key: IdentifierKey,
        typed: &str,
        channel: Channel,
    ) -> Result<Step, JourneyError> {
        let known = match throttle::reserve_message(&self.limiter, &self.policy, visitor, &key).await? {
            Reserved::Go(known) => known,
            Reserved::Wait(wait) => return Ok(self.limited(&journey, wait)),
        };
        let flagged = abuse::is_flagged(&self.ports, &source_of(visitor.peer.address)).await?;
        let everybody = self.policy.human_for;
        let wanted = (flagged && known.is_none())
            || match goal {
                Goal::Session => everybody.sign_in,
                Goal::Recovery => {
                    self.is_pressed(&self.policy.check_after_recoveries, visitor).await? || everybody.recovery
                }
            };
        if let Some(step) = self.stop_for_check(handle, &journey, typed, wanted).await? {
            return Ok(step);
        }
        let (found, now) = (self.find(&key).await?, self.ports.now());
        let recipient = found.and_then(|found| recipient(&found, goal, &key, channel, now));
        let counted = recipient.as_ref().map_or(&key, |recipient| &recipient.identifier);
        let may = throttle::may_receive(&self.limiter, &self.policy, known.as_deref(), counted).await?;
        let recipient = recipient.filter(|_| may);
        let letter = match &recipient {
            Some(recipient) => {
                Letter::Code(goal.message(), recipient.identifier.clone(), Some(recipient.account))
            }
            None => Letter::Nobody,
        };
        let subject = match &recipient {
            Some(recipient) => crate::account::event_subject(recipient.account),
            None => "anonymous".to_owned(),
        };
        let event = Event::new(&self.ports, goal.event(), subject)?;
        let fresh = self.fresh(handle, &journey, key, typed, channel)?;
        self.dispatch(handle, &journey, fresh, Purpose::Prove { goal, recipient }, letter, event).await
    }

    /// Takes the code or the link.
    pub(super) async fn prove_code(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        (sent, goal, recipient): (Sent, Goal, Option<Recipient>),
        given: Given<'_>,
    ) -> Result<Step, JourneyError> {
        let refused = self.check(handle, &sent, given).await?;
        // What was sent to nobody is never right.
        let recipient = match (refused, recipient) {
            (None, Some(recipient)) => recipient,
            (reason, _) => return Ok(self.refused(&journey, reason.unwrap_or(RefusalReason::Code))),
        };
        let known_as = Tried::Identifier(&sent.identifier).in_browser(visitor);
        let mut current = visitor.current.cloned();
        let mut risk = None;
        for _ in 0..Self::MAX_RACES {
            let (found, now) = (self.found(recipient.account).await?, self.ports.now());
            let Some(found) = found.filter(|found| is_reached(&found.account.value, goal, &recipient, now))
            else {
                return Ok(self.refused(&journey, RefusalReason::Code));
            };
            let asked = Asked::of(goal, Some(&found), &journey);
            let assessment = self.assess_once(&mut risk, visitor, asked).await;
            let proof = FactorProof::new(proof_by(sent.channel, now));
            let subject = found.account.value.event_subject();
            let proving = Proving {
                known_as: Some(known_as.clone()),
                reached: Some(recipient.identifier.clone()),
                ..Proving::begun(found, goal, assessment.clone())
            };
            match self.proved(handle, visitor, &journey, current.as_ref(), proving, proof).await? {
                Outcome::Next(step) => return Ok(*step),
                Outcome::OutOfReach => {
                    self.record_refusal(subject, &assessment).await?;
                    return Ok(self.refused(&journey, RefusalReason::Credentials));
                }
                Outcome::Raced(restored) => {
                    journey = *restored;
                    current = self.look_again(current).await?;
                }
            }
        }
        Err(JourneyError::Changed)
    }

    /// How a code goes out; `None` when that is not allowed. It hangs on what was typed alone, never on an account.
    fn channel(
        &self,
        journey: &Journey,
        goal: Goal,
        key: &IdentifierKey,
        wish: Option<Channel>,
    ) -> Option<Channel> {
        let allowed = |channel: Channel| match goal {
            Goal::Recovery => self.policy.recovery_channels.contains(&channel),
            Goal::Session => self.methods(journey).allow(match channel {
                Channel::Email => SignInMethod::EmailCode,
                Channel::Sms => SignInMethod::SmsCode,
            }),
        };
        let natural = if key.kind() == IdentifierKind::Phone { Channel::Sms } else { Channel::Email };
        match wish {
            Some(channel) => Some(channel).filter(|channel| allowed(*channel)),
            None => [natural, Channel::Email, Channel::Sms].into_iter().find(|channel| allowed(*channel)),
        }
    }
}

/// The address of an account to which a code may go: what was typed, or else the first verified one of the channel's kind.
fn recipient(
    found: &Found,
    goal: Goal,
    typed: &IdentifierKey,
    channel: Channel,
    now: OffsetDateTime,
) -> Option<Recipient> {
    let account = &found.account.value;
    let kind = match channel {
        Channel::Email => IdentifierKind::Email,
        Channel::Sms => IdentifierKind::Phone,
    };
    let usable = |identifier: &&Identifier| identifier.key.kind() == kind && identifier.is_verified();
    let mut all = account.identifiers.iter().filter(usable);
    let identifier = all.clone().find(|it| it.key == *typed).or_else(|| all.next())?;
    goal.is_open_to(account, now)
        .then(|| Recipient { account: account.id, identifier: identifier.key.clone() })
}

/// Whether the address to which a code went still is the account's, and the account may still come to this end.
fn is_reached(account: &Account, goal: Goal, recipient: &Recipient, now: OffsetDateTime) -> bool {
    goal.is_open_to(account, now)
        && account.identifier_with(&recipient.identifier).is_some_and(Identifier::is_verified)
}

/// What a code proves.
///
/// A phone is something that one has. A mailbox is opened with what one knows, and it is what opens the account when the
/// password is forgotten: a password and a code by mail are one kind of factor, not two
/// ([NIST SP 800-63B-4, section 3.1.3.1](https://pages.nist.gov/800-63-4/sp800-63b.html) takes mail for no authenticator).
pub(super) fn proof_by(channel: Channel, now: OffsetDateTime) -> Proof {
    match channel {
        Channel::Email => Proof::new(Amr::EMAIL, [FactorKind::Knowledge], now),
        Channel::Sms => Proof::new(Amr::SMS, [FactorKind::Possession], now),
    }
}
