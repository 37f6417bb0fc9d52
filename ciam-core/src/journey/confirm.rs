//! A sign-in that looks unlike its owner, of an account that has no further factor: a code to an address of their own.
//!
//! Who has found or guessed a password has not the mailbox with it. The code goes to a verified address of the account, which
//! is shown so far only as its owner recognises it. What the sign-in is like (the device, the place, what was unusual) is in
//! the mail, for the case that it is somebody else's.

use super::code::{Given, Letter};
use super::conclude::{Outcome, Proving};
use super::passwordless::proof_by;
use super::service::Journeys;
use super::state::{Held, Journey, JourneyHandle, Purpose, Sent};
use super::step::{RefusalReason, Step};
use super::throttle::{self, Reserved};
use super::types::{JourneyError, Visitor};
use crate::account::{Account, Identifier, IdentifierKey, IdentifierKind};
use crate::event::{Event, EventType};
use crate::factor::FactorProof;
use crate::notify::{Channel, MessageCode};
use crate::session::Device;

impl Journeys {
    /// Sends a code to an address of the account's own, and asks for it.
    pub(super) async fn send_confirmation(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        proving: Proving,
    ) -> Result<Step, JourneyError> {
        let account = &proving.found.account.value;
        let Some((key, channel)) = own_address(account) else {
            return Ok(self.refused(journey, RefusalReason::Credentials));
        };
        let known = match throttle::reserve_message(&self.limiter, &self.policy, visitor, &key).await? {
            Reserved::Go(known) => known,
            Reserved::Wait(wait) => return Ok(self.limited(journey, wait)),
        };
        let may = throttle::may_receive(&self.limiter, &self.policy, known.as_deref(), &key).await?;
        let mut more = vec![("reasons", proving.risk.reasons.join(" "))];
        more.extend(visitor.user_agent.and_then(Device::of).map(|device| ("device", device.to_string())));
        let place = self.ports.locator().locate(visitor.peer.address).await.ok().flatten();
        more.extend(place.and_then(crate::place::Place::bounded).map(|place| ("place", place.to_string())));
        let letter = if may {
            Letter::Telling(MessageCode::ConfirmSignIn, key.clone(), account.id, more)
        } else {
            Letter::Nobody
        };
        let event = Event::new(&self.ports, EventType::SIGN_IN_CHALLENGED, account.event_subject())?
            .with("risk", proving.risk.level.as_str())
            .with("risk_reasons", proving.risk.reasons.clone())
            .with("risk_score", proving.risk.score)
            .with("risk_unanswered", proving.risk.degraded);
        let shown = masked(&key);
        let fresh = self.fresh(handle, journey, key, &shown, channel)?;
        let purpose = Purpose::Confirm { held: Box::new(proving.held()) };
        self.dispatch(handle, journey, fresh, purpose, letter, event).await
    }

    /// Sends another one.
    pub(super) async fn resend_confirmation(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        held: Held,
    ) -> Result<Step, JourneyError> {
        match self.relied_upon(&held, visitor.current).await? {
            Some(found) => {
                let proving = Proving::resumed(&held, found);
                self.send_confirmation(handle, visitor, journey, proving).await
            }
            None => self.start_again(handle, journey, held.goal).await,
        }
    }

    /// Takes the code or the link.
    pub(super) async fn confirm_sign_in(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        sent: Sent,
        held: Held,
        given: Given<'_>,
    ) -> Result<Step, JourneyError> {
        if let Some(reason) = self.check(handle, &sent, given).await? {
            return Ok(self.refused(&journey, reason));
        }
        let held = Held { reached: Some(sent.identifier.clone()), ..held };
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            // Among what is relied upon is that the address still is the account's.
            let Some(found) = self.relied_upon(&held, current.as_ref()).await? else {
                return self.start_again(handle, &journey, held.goal).await;
            };
            let subject = found.account.value.event_subject();
            let proving = Proving::resumed(&held, found);
            let risk = proving.risk.clone();
            let proof = FactorProof::new(proof_by(sent.channel, self.ports.now()));
            match self.proved(handle, visitor, &journey, current.as_ref(), proving, proof).await? {
                Outcome::Next(step) => return Ok(*step),
                Outcome::OutOfReach => {
                    self.record_refusal(subject, &risk).await?;
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
}

/// Where the owner of an account is asked: a verified e-mail address, or else a phone.
pub(super) fn own_address(account: &Account) -> Option<(IdentifierKey, Channel)> {
    let verified = |kind| {
        let mut held = account.held();
        held.find(move |it: &&Identifier| it.key.kind() == kind && it.is_verified()).map(|it| it.key.clone())
    };
    let email = verified(IdentifierKind::Email).map(|key| (key, Channel::Email));
    email.or_else(|| verified(IdentifierKind::Phone).map(|key| (key, Channel::Sms)))
}

/// An address so far only as its owner recognises it: `a…@example.com`, `…42`.
fn masked(key: &IdentifierKey) -> String {
    match key.as_str().rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}…@{domain}")
        }
        None => {
            let digits = key.as_str().chars().rev().take(2).collect::<Vec<_>>();
            format!("…{}", digits.into_iter().rev().collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::IdentifierError;

    #[test]
    fn an_address_is_shown_so_far_only_as_its_owner_recognises_it() {
        let masked = |key: Result<IdentifierKey, IdentifierError>| masked(&key.unwrap());
        assert_eq!(masked(IdentifierKey::email("ada.lovelace@example.com")), "a…@example.com");
        assert_eq!(masked(IdentifierKey::phone("+442079460942")), "…42");
    }
}
