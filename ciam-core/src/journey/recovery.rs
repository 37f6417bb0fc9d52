//! A forgotten password: the end of a recovery.
//!
//! The steps before are those of [a code](super::passwordless), and of a further factor where the account has one. The
//! new password, the end of all sessions, the return of a locked account, the first new session, the events and the notice
//! to the owner are one commit.

use super::after::Owed;
use super::conclude::Proving;
use super::decision::Decision;
use super::service::Journeys;
use super::state::{Goal, Held, Journey, JourneyHandle, Stage};
use super::step::{SignedIn, Step};
use super::throttle;
use super::types::{JourneyError, Visitor};
use crate::account::{Account, AccountStatus, IdentifierKind, ReasonCode, Transition};
use crate::actor::Actor;
use crate::assurance::AuthenticationContext;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::notify::{Channel, Message, MessageCode};
use crate::password::{PasswordFactor, PasswordHash};
use crate::secret::Secret;
use crate::session::{Authenticated, Beginning, SessionEnd, SessionError, StartedSession};
use crate::store::{Batch, EntityRef, Write};

/// What was committed: the account as it is then, and the session, if there is one; else what is still to be done before.
type Replaced = (Account, Option<StartedSession>, Option<Owed>);

impl Journeys {
    /// Takes the new password.
    pub(super) async fn replace_password(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        held: Held,
        password: &Secret,
    ) -> Result<Step, JourneyError> {
        let Some(reached) = &held.reached else {
            return self.start_again(handle, &journey, held.goal).await;
        };
        let mut accepted: Option<PasswordHash> = None;
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let Some(found) = self.relied_upon(&held, None).await? else {
                return self.start_again(handle, &journey, held.goal).await;
            };
            let hash = match accepted.take() {
                Some(hash) => hash,
                None => {
                    let name = found.account.value.profile.text("name").unwrap_or_default();
                    match self.accept(password, reached, name).await? {
                        Ok(hash) => hash,
                        Err(reason) => return Ok(self.refused(&journey, reason)),
                    }
                }
            };
            let proving = Proving::resumed(&held, found);
            let finishing = self.advance(handle, &journey, Stage::Finishing).await?;
            match self.commit_recovery(visitor, &journey, current.as_ref(), &proving, &hash).await {
                Ok(replaced) => {
                    return self.recovered(handle, &finishing, &held, replaced).await;
                }
                Err(SessionError::Changed) => {
                    journey = self.give_back(handle, &journey, &finishing).await?;
                    current = self.look_again(current).await?;
                    accepted = Some(hash);
                }
                Err(error) => {
                    let restored = self.give_back(handle, &journey, &finishing).await;
                    return self.failed(restored, error);
                }
            }
        }
        Err(JourneyError::Changed)
    }

    async fn recovered(
        &self,
        handle: &JourneyHandle,
        finishing: &Journey,
        held: &Held,
        (account, started, owed): Replaced,
    ) -> Result<Step, JourneyError> {
        // The epoch has ended them all already; this tells whoever listens.
        let keep = started.as_ref().map(|started| started.session.id);
        let _told_later = self.sessions.end_others(account.id, keep, SessionEnd::PasswordChanged).await;
        match started {
            Some(started) => {
                self.remove(handle).await;
                if let Some(browser) = &held.known_as {
                    throttle::remember(&self.limiter, &self.policy, browser).await;
                }
                Ok(Step::Done(Box::new(SignedIn::new(started, account, finishing.own_device))))
            }
            // The password is new; for a session something is missing still.
            None => {
                let stage = match owed {
                    Some(owed) => owed.stage(Held { goal: Goal::Session, ..held.clone() }),
                    None => Stage::Credentials,
                };
                let next = self.advance(handle, finishing, stage).await?;
                self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
            }
        }
    }

    async fn commit_recovery(
        &self,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        proving: &Proving,
        hash: &PasswordHash,
    ) -> Result<Replaced, SessionError> {
        let (account, batch) = self.recovering(journey, proving, hash).await?;
        let requirements = &self.demanded(journey, &proving.found.account.value);
        let suffices = self.decide(proving, requirements, None) == Decision::Session;
        let owed = if suffices { self.owed(proving, requirements, journey).await? } else { None };
        let (batch, started) = if suffices && owed.is_none() {
            let beginning = Beginning {
                context: AuthenticationContext::new(proving.proofs.iter().cloned()),
                previous: current.map(|current| &current.session),
                user_agent: visitor.user_agent,
                risk: Some(&proving.risk),
                address: Some(visitor.peer.address),
                device: visitor.device.as_ref(),
                limits: journey.limits(),
                own: journey.own_device == Some(true),
            };
            let (batch, started) = self.sessions.starting(batch, &account, beginning).await?;
            (batch, Some(started))
        } else {
            (batch, None)
        };
        if self.ports.store().commit(batch).await?.is_applied() {
            Ok((account, started, owed))
        } else {
            Err(SessionError::Changed)
        }
    }

    /// The account with its new password, and what is to be committed for it.
    async fn recovering(
        &self,
        journey: &Journey,
        proving: &Proving,
        hash: &PasswordHash,
    ) -> Result<(Account, Batch), PortError> {
        let before = &proving.found.account;
        let unlocked = before.value.standing(self.ports.now()) == AccountStatus::Locked;
        let (mut account, mut batch) = if unlocked {
            let owner = Actor::Account(before.value.id);
            let back = Transition::Reactivate.prepare(&self.ports, before, &owner, &ReasonCode::recovery());
            let back = back.map_err(PortError::permanent)?;
            (back.account, back.batch)
        } else {
            let unchanged = Batch::new().require_version(EntityRef::Account(before.value.id), before.version);
            (before.value.clone(), unchanged)
        };
        account.session_epoch = account.session_epoch.saturating_add(1);
        account.updated_at = self.ports.now();
        for (id, version) in &proving.relied_on {
            batch = batch.require_version(EntityRef::Credential(*id), *version);
        }
        let credential = match PasswordFactor::credential_in(&proving.found.credentials) {
            Some(old) => {
                batch = batch.require_version(EntityRef::Credential(old.value.id), old.version);
                PasswordFactor::replaced(old.value.clone(), hash)
            }
            None => PasswordFactor::credential(&self.ports, account.id, hash)?,
        };
        let subject = account.event_subject();
        let changed = Event::new(&self.ports, EventType::CREDENTIAL_CHANGED, subject.clone())?
            .with("factor", PasswordFactor::NAME)
            .with("credential", credential.id.to_string());
        let recovered =
            Event::new(&self.ports, EventType::ACCOUNT_RECOVERED, subject)?.with("unlocked", unlocked);
        batch = batch
            .write(Write::PutAccount(account.clone()))
            .write(Write::PutCredential(credential))
            .event(changed)
            .event(recovered);
        for message in self.notices(journey, &account, MessageCode::PasswordRecovered)? {
            batch = batch.message(message.seal(&self.ports).await?);
        }
        Ok((account, batch))
    }

    /// A notice to the owner: to every verified e-mail address, or to a phone where there is none.
    pub(super) fn notices(
        &self,
        journey: &Journey,
        account: &Account,
        about: MessageCode,
    ) -> Result<Vec<Message>, PortError> {
        let of = |kind| {
            let of_kind = move |it: &&crate::account::Identifier| it.key.kind() == kind && it.is_verified();
            account.identifiers.iter().filter(of_kind)
        };
        let expires_at = self.ports.now() + self.policy.notice_lifetime;
        let write = |channel, to: &str| {
            let message = Message::new(&self.ports, about, channel, to, expires_at)?;
            Ok(message.with_account(account.id).with_languages(journey.requirements.languages.clone()))
        };
        let mails: Vec<_> = of(IdentifierKind::Email).collect();
        if mails.is_empty() {
            return of(IdentifierKind::Phone)
                .take(1)
                .map(|it| write(Channel::Sms, it.key.as_str()))
                .collect();
        }
        mails.into_iter().map(|it| write(Channel::Email, it.key.as_str())).collect()
    }
}
