//! From a proof to the next step, and to the session at the end.

use super::after::Owed;
use super::confirm::own_address;
use super::decision::{Candidate, Decision, OwnChannel, Situation};
use super::policy::SecondFactor;
use super::service::Journeys;
use super::sign_in::Found;
use super::state::{FactorStage, Goal, Held, Journey, JourneyHandle, Stage};
use super::step::{RefusalReason, SignedIn, Step};
use super::throttle;
use super::types::{JourneyError, Requirements, Visitor};
use crate::account::{Identifier, IdentifierKey};
use crate::assurance::{Amr, AuthenticationContext, Proof};
use crate::error::PortError;
use crate::factor::{FactorProof, FactorSubject};
use crate::id::{CredentialId, SessionId};
use crate::risk::Assessment;
use crate::session::{Authenticated, Beginning, RememberedDevices, SessionError, StartedSession};
use crate::store::{Batch, EntityRef, Precondition, Version, Write};

/// A journey in the middle: whose it is and what was proved.
pub(super) struct Proving {
    pub(super) found: Found,
    pub(super) goal: Goal,
    pub(super) proofs: Vec<Proof>,
    pub(super) relied_on: Vec<(CredentialId, Version)>,
    pub(super) risk: Assessment,
    pub(super) known_as: Option<String>,
    pub(super) step_up_of: Option<SessionId>,
    pub(super) reached: Option<IdentifierKey>,
    pub(super) signed_up: bool,
    pub(super) postponed: Vec<String>,
    /// The account trusts the browser.
    pub(super) trusted: bool,
}

impl Proving {
    /// Nothing proved yet.
    pub(super) fn begun(found: Found, goal: Goal, risk: Assessment) -> Self {
        Self {
            found,
            goal,
            proofs: Vec::new(),
            relied_on: Vec::new(),
            risk,
            known_as: None,
            step_up_of: None,
            reached: None,
            signed_up: false,
            postponed: Vec::new(),
            trusted: false,
        }
    }

    /// Whether more than one factor, one of two kinds, or one more than the session has, was proved.
    pub(super) fn has_further_proof(&self) -> bool {
        self.step_up_of.is_some()
            || self.proofs.len() > 1
            || self.proofs.iter().any(|proof| proof.kinds.len() > 1)
    }

    /// What was held between two steps, with the account as it is now.
    pub(super) fn resumed(held: &Held, found: Found) -> Self {
        Self {
            found,
            goal: held.goal,
            proofs: held.proofs.clone(),
            relied_on: held.relied_on.clone(),
            risk: (&held.risk).into(),
            known_as: held.known_as.clone(),
            step_up_of: held.step_up_of,
            reached: held.reached.clone(),
            signed_up: held.signed_up,
            postponed: held.postponed.clone(),
            trusted: false,
        }
    }

    pub(super) fn held(&self) -> Held {
        Held {
            account: self.found.account.value.id,
            goal: self.goal,
            known_as: self.known_as.clone(),
            step_up_of: self.step_up_of,
            reached: self.reached.clone(),
            proofs: self.proofs.clone(),
            relied_on: self.relied_on.clone(),
            risk: (&self.risk).into(),
            signed_up: self.signed_up,
            postponed: self.postponed.clone(),
        }
    }
}

/// What a proof leads to, when not to the session.
enum Onward<'a> {
    Factor(Vec<&'a str>),
    Confirm,
    NewPassword,
    Owed(Owed),
}

/// What came of a proof.
pub(super) enum Outcome {
    /// The next step.
    Next(Box<Step>),
    /// What is needed cannot be reached.
    OutOfReach,
    /// Something that the proof relied on was changed at the same moment: look again. The journey is as it was.
    Raced(Box<Journey>),
}

impl Journeys {
    /// Takes a proof to the next step.
    pub(super) async fn proved(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        mut proving: Proving,
        proof: FactorProof,
    ) -> Result<Outcome, JourneyError> {
        proving.proofs.push(proof.proof);
        self.conclude(handle, visitor, journey, current, proving, proof.batch).await
    }

    /// Takes what was proved to the next step.
    pub(super) async fn conclude(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        mut proving: Proving,
        batch: Batch,
    ) -> Result<Outcome, JourneyError> {
        let requirements = &self.demanded(journey, &proving.found.account.value);
        proving.trusted = self.is_trusted(visitor, &proving).await?;
        let onward = if proving.goal == Goal::Recovery {
            let choices = self.recovery_choices(&proving, requirements);
            if choices.is_empty() { Onward::NewPassword } else { Onward::Factor(choices) }
        } else {
            match self.decide(&proving, requirements, current) {
                Decision::Refuse | Decision::Credentials => return Ok(Outcome::OutOfReach),
                Decision::Factor(_) => Onward::Factor(self.choices(&proving, requirements, current)),
                Decision::Confirm => Onward::Confirm,
                Decision::Session => match self.owed(&proving, requirements, journey).await? {
                    // Who has a factor proves it before they add another.
                    Some(Owed::Enrolment(_)) if !self.unproved(&proving).is_empty() => {
                        Onward::Factor(self.unproved(&proving))
                    }
                    Some(owed) => Onward::Owed(owed),
                    None => return self.finish(handle, visitor, journey, current, proving, batch).await,
                },
            }
        };
        self.hold(handle, visitor, journey, proving, batch, onward).await
    }

    /// Whether the account trusts the browser: asked only where that can spare a factor.
    async fn is_trusted(&self, visitor: &Visitor<'_>, proving: &Proving) -> Result<bool, PortError> {
        let asks = self.policy.second_factor == SecondFactor::WhenEnrolled && proving.goal == Goal::Session;
        let (Some(policy), true) = (self.sessions.policy().devices, asks && !self.factors.is_empty()) else {
            return Ok(false);
        };
        let devices = RememberedDevices::new(self.ports.clone(), policy);
        let account = &proving.found.account.value;
        devices.is_trusted(&self.sessions, account, visitor.device.as_ref()).await
    }

    /// Keeps what was proved until the next step.
    async fn hold(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        mut proving: Proving,
        batch: Batch,
        onward: Onward<'_>,
    ) -> Result<Outcome, JourneyError> {
        proving.relied_on.extend(relied_on(&batch));
        // What this proof changes is used up now, whether or not the next one is proved.
        if !batch.writes().is_empty() && !self.ports.store().commit(batch).await?.is_applied() {
            return Ok(Outcome::Raced(Box::new(journey.clone())));
        }
        let stage = match onward {
            Onward::Confirm => {
                let step = self.send_confirmation(handle, visitor, journey, proving).await?;
                return Ok(Outcome::Next(Box::new(step)));
            }
            Onward::Factor(choices) => {
                self.factor_stage(&proving, &choices, journey.revision.saturating_add(1)).await?
            }
            Onward::NewPassword => Stage::NewPassword(proving.held()),
            Onward::Owed(owed) => owed.stage(proving.held()),
        };
        let next = self.advance(handle, journey, stage).await?;
        let challenge = self.challenge_of(&next).ok_or(JourneyError::Changed)?;
        Ok(Outcome::Next(Box::new(Step::Challenge(challenge))))
    }

    /// Begins or renews the session, once: the journey is taken out of everybody's hands first.
    async fn finish(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        proving: Proving,
        batch: Batch,
    ) -> Result<Outcome, JourneyError> {
        let finishing = self.advance(handle, journey, Stage::Finishing).await?;
        let account = proving.found.account.value.clone();
        let known_as = proving.known_as.clone();
        match self.begin_session(visitor, journey, current, proving, batch).await {
            Ok(started) => {
                self.remove(handle).await;
                if let Some(browser) = known_as {
                    throttle::remember(&self.limiter, &self.policy, &browser).await;
                }
                let signed_in = SignedIn::new(started, account, journey.own_device);
                Ok(Outcome::Next(Box::new(Step::Done(Box::new(signed_in)))))
            }
            Err(SessionError::Changed) => {
                Ok(Outcome::Raced(Box::new(self.give_back(handle, journey, &finishing).await?)))
            }
            Err(error) => {
                let restored = self.give_back(handle, journey, &finishing).await;
                Ok(Outcome::Next(Box::new(self.failed(restored, error)?)))
            }
        }
    }

    async fn begin_session(
        &self,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        proving: Proving,
        batch: Batch,
    ) -> Result<StartedSession, SessionError> {
        let account = &proving.found.account;
        let require = |batch: Batch, (id, version): (CredentialId, Version)| {
            batch.require_version(EntityRef::Credential(id), version)
        };
        let batch = proving.relied_on.iter().copied().fold(batch, require);
        let risk = Some(&proving.risk);
        let (batch, started) = match current {
            Some(current) if current.account.value.id == account.value.id => {
                let own = journey.own_device == Some(true);
                let (proofs, limits) = (proving.proofs, journey.limits());
                self.sessions.renewing_within(batch, current, proofs, risk, limits, own).await?
            }
            _ => {
                let beginning = Beginning {
                    context: AuthenticationContext::new(proving.proofs),
                    previous: current.map(|current| &current.session),
                    user_agent: visitor.user_agent,
                    risk,
                    address: Some(visitor.peer.address),
                    device: visitor.device.as_ref(),
                    limits: journey.limits(),
                    own: journey.own_device == Some(true),
                };
                let batch = batch.require_version(EntityRef::Account(account.value.id), account.version);
                self.sessions.starting(batch, &account.value, beginning).await?
            }
        };
        if self.ports.store().commit(batch).await?.is_applied() {
            Ok(started)
        } else {
            Err(SessionError::Changed)
        }
    }

    /// Gives a journey back that was taken for a session which did not begin.
    pub(super) async fn give_back(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        finishing: &Journey,
    ) -> Result<Journey, JourneyError> {
        self.advance(handle, finishing, journey.stage.clone()).await
    }

    /// The answer where a session did not begin for another reason than a race.
    pub(super) fn failed(
        &self,
        restored: Result<Journey, JourneyError>,
        error: SessionError,
    ) -> Result<Step, JourneyError> {
        match error {
            SessionError::Port(error) => Err(error.into()),
            SessionError::NotAllowed => Ok(self.refused(&restored?, RefusalReason::Credentials)),
            SessionError::Denied { code } => Ok(self.refused(&restored?, RefusalReason::Denied { code })),
            SessionError::TooMany => {
                let code = "too_many_sessions".to_owned();
                Ok(self.refused(&restored?, RefusalReason::Denied { code }))
            }
            SessionError::Changed => Err(JourneyError::Changed),
        }
    }

    /// What a step lost: the credentials that it relied on have changed, or the session that it was to lift is gone.
    pub(super) async fn start_again(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        goal: Goal,
    ) -> Result<Step, JourneyError> {
        let stage = match goal {
            Goal::Session => Stage::Credentials,
            Goal::Recovery => Stage::Recovery,
        };
        let next = self.advance(handle, journey, stage).await?;
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }

    pub(super) fn decide<'a>(
        &'a self,
        proving: &Proving,
        requirements: &Requirements,
        current: Option<&Authenticated>,
    ) -> Decision<'a> {
        let candidates = self.candidates(proving);
        self.situation(proving, requirements, current, &candidates).decide()
    }

    /// The factors of which [`decide`](Self::decide) asks for the first.
    pub(super) fn choices<'a>(
        &'a self,
        proving: &Proving,
        requirements: &Requirements,
        current: Option<&Authenticated>,
    ) -> Vec<&'a str> {
        let candidates = self.candidates(proving);
        self.situation(proving, requirements, current, &candidates).choices()
    }

    fn recovery_choices<'a>(&'a self, proving: &Proving, requirements: &Requirements) -> Vec<&'a str> {
        let candidates = self.candidates(proving);
        self.situation(proving, requirements, None, &candidates).recovery_choices()
    }

    fn situation<'s, 'name>(
        &'s self,
        proving: &'s Proving,
        requirements: &'s Requirements,
        current: Option<&'s Authenticated>,
        candidates: &'s [Candidate<'name>],
    ) -> Situation<'s, 'name> {
        let account = proving.found.account.value.id;
        let same = current.filter(|current| current.account.value.id == account);
        Situation {
            session: same.map(|current| &current.session.value.context),
            risk: proving.risk.level,
            candidates,
            channel: self.own_channel(proving),
            second_factor: self.policy.second_factor,
            step_up: proving.step_up_of.is_some(),
            trusted_device: proving.trusted,
            ..Situation::new(&proving.proofs, requirements, &self.policy.ladder, self.ports.now())
        }
    }

    /// Whether the owner can be asked on an address of their own, where the account has no further factor.
    fn own_channel(&self, proving: &Proving) -> OwnChannel {
        let sent = |proof: &Proof| proof.amr == Amr::EMAIL || proof.amr == Amr::SMS;
        if proving.goal == Goal::Recovery {
            // The mailbox is what recovers; it confirms nothing beside that.
            OwnChannel::None
        } else if proving.proofs.iter().any(sent) {
            OwnChannel::Proved
        } else if self.policy.confirm_by_code && own_address(&proving.found.account.value).is_some() {
            OwnChannel::Available
        } else {
            OwnChannel::None
        }
    }

    /// The further factors in which an account is enrolled.
    fn candidates<'a>(&'a self, proving: &Proving) -> Vec<Candidate<'a>> {
        let credentials = &proving.found.credentials;
        let enrolled = self.factors.iter().filter(|factor| factor.is_enrolled(credentials));
        enrolled
            .map(|factor| {
                Candidate::new(factor.name(), factor.kinds()).with_strength(factor.strength(credentials))
            })
            .collect()
    }

    /// The further factors of an account that has proved none of them.
    fn unproved<'a>(&'a self, proving: &Proving) -> Vec<&'a str> {
        if proving.has_further_proof() {
            return Vec::new();
        }
        self.candidates(proving).into_iter().map(|it| it.name).collect()
    }

    pub(super) async fn factor_stage(
        &self,
        proving: &Proving,
        choices: &[&str],
        number: u32,
    ) -> Result<Stage, PortError> {
        let (name, others) =
            choices.split_first().ok_or_else(|| PortError::permanent("there is no further factor"))?;
        let factor = self.factors.iter().find(|factor| factor.name() == *name);
        let factor = factor.ok_or_else(|| PortError::permanent("there is no such factor"))?;
        let found = &proving.found;
        let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
        let challenge = factor.challenge(subject).await?;
        Ok(Stage::Factor(FactorStage {
            held: proving.held(),
            factor: (*name).to_owned(),
            state: challenge.state,
            public: challenge.public,
            others: others.iter().map(|name| (*name).to_owned()).collect(),
            number,
        }))
    }

    /// The account of a stage, if it still is as it was relied on: it may come to this end, the address that was reached is
    /// its own, its proved credentials have not changed, and the session that is to be lifted is there.
    pub(super) async fn relied_upon(
        &self,
        held: &Held,
        current: Option<&Authenticated>,
    ) -> Result<Option<Found>, PortError> {
        let Some(found) = self.found(held.account).await? else { return Ok(None) };
        let unchanged = |(id, version): &(CredentialId, Version)| {
            found.credentials.iter().any(|known| known.value.id == *id && known.version == *version)
        };
        let account = &found.account.value;
        let reached = |key| account.identifier_with(key).is_some_and(Identifier::is_verified);
        let lifts =
            |id| current.is_some_and(|it| it.session.value.id == id && it.account.value.id == account.id);
        let holds = held.goal.is_open_to(account, self.ports.now())
            && held.relied_on.iter().all(unchanged)
            && held.reached.as_ref().is_none_or(reached)
            && held.step_up_of.is_none_or(lifts);
        Ok(holds.then_some(found))
    }
}

/// The credentials that a proof relies on, at the versions that they have once its batch is applied.
fn relied_on(batch: &Batch) -> Vec<(CredentialId, Version)> {
    let writes = |id: CredentialId| {
        batch.writes().iter().any(|write| matches!(write, Write::PutCredential(put) if put.id == id))
    };
    batch
        .preconditions()
        .iter()
        .filter_map(|precondition| match precondition {
            Precondition::VersionIs(EntityRef::Credential(id), version) => {
                Some((*id, if writes(*id) { version.next() } else { *version }))
            }
            _ => None,
        })
        .collect()
}
