//! The steps of a sign-in: load, decide, commit, reply.

use futures_util::future::join;
use serde_json::Value;

use super::decision::{Candidate, Decision, Situation};
use super::legacy::AskFor;
use super::service::Journeys;
use super::state::{FactorStage, Journey, JourneyHandle, Stage};
use super::throttle::{self, Reserved, Tried};
use super::types::{JourneyError, RefusalReason, Requirements, SignedIn, Step, Visitor};
use crate::account::{Account, IdentifierKey};
use crate::assurance::{AuthenticationContext, Proof};
use crate::credential::Credential;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::factor::{Factor, FactorProof, FactorSubject};
use crate::id::{AccountId, CredentialId};
use crate::risk::{self, Assessment, Observation, RiskAction};
use crate::secret::Secret;
use crate::session::{Authenticated, Beginning, SessionError, StartedSession};
use crate::store::{Batch, EntityRef, Precondition, Version, Versioned, Write};

/// An account with its credentials.
struct Found {
    account: Versioned<Account>,
    credentials: Vec<Versioned<Credential>>,
}

/// A sign-in in the middle: whose it is and what was proved.
struct Proving {
    found: Found,
    proofs: Vec<Proof>,
    relied_on: Vec<(CredentialId, Version)>,
    risk: Assessment,
    known_as: Option<String>,
    step_up_of: Option<crate::id::SessionId>,
}

/// What came of a proof.
enum Outcome {
    /// The next step.
    Next(Box<Step>),
    /// What is needed cannot be reached.
    OutOfReach,
    /// Something that the proof relied on was changed at the same moment: look again. The journey is as it was.
    Raced(Box<Journey>),
}

impl Journeys {
    /// Where a sign-in begins: at the first factor, or for a step-up at the one that lifts the session.
    pub(super) async fn entry(
        &self,
        visitor: &Visitor<'_>,
        requirements: &Requirements,
    ) -> Result<Stage, PortError> {
        let Some(current) = visitor.current.filter(|_| !requirements.acr_values.is_empty()) else {
            return Ok(Stage::Credentials);
        };
        let id = current.account.value.id;
        let (credentials, risk) =
            join(self.ports.store().credentials_of(id), self.assess(visitor, Some(id))).await;
        let proving = Proving {
            found: Found { account: current.account.clone(), credentials: credentials? },
            proofs: Vec::new(),
            relied_on: Vec::new(),
            risk,
            known_as: None,
            step_up_of: Some(current.session.value.id),
        };
        match self.decide(&proving, requirements, Some(current)) {
            Decision::Factor(name) => self.factor_stage(&proving, name, 0).await,
            Decision::Credentials | Decision::Session | Decision::Refuse => Ok(Stage::Credentials),
        }
    }

    pub(super) async fn sign_in(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        typed: &str,
        password: &Secret,
    ) -> Result<Step, JourneyError> {
        // A text that is no identifier goes the whole way too, as one that nobody has.
        let key = IdentifierKey::guess(typed).or_else(|_| IdentifierKey::username("no-such-account"));
        let key = key.map_err(PortError::permanent)?;
        let tried = Tried::Identifier(&key);
        let (began, mut asked) = (self.ports.now(), false);
        let attempt = match throttle::reserve(&self.limiter, &self.policy, visitor, &tried).await? {
            Reserved::Go(attempt) => attempt,
            Reserved::Wait(wait) => return Ok(self.limited(&journey, wait)),
        };
        let mut current = visitor.current.cloned();
        let mut risk = None;
        for _ in 0..Self::MAX_RACES {
            let found = self.find(&key).await?;
            let id = found.as_ref().map(|found| found.account.value.id);
            // The engine is asked while the password is hashed, and whether or not it is right.
            let (proof, assessment) = join(
                self.verify_password(found.as_ref(), password),
                self.assess_once(&mut risk, visitor, id),
            )
            .await;
            let (found, proof) = match (found, proof?) {
                (Some(found), Some(proof)) if found.account.value.may_sign_in(self.ports.now()) => {
                    (found, proof)
                }
                (found, _) => {
                    if !std::mem::replace(&mut asked, true)
                        && self.ask_old_system(&key, self.ask_for(found.as_ref()), password).await?
                    {
                        continue;
                    }
                    self.wait_like_everybody(began).await;
                    return self.refuse(&journey, found.as_ref(), &assessment).await;
                }
            };
            let account = found.account.value.event_subject();
            let proving = Proving {
                found,
                proofs: Vec::new(),
                relied_on: Vec::new(),
                risk: assessment.clone(),
                known_as: Some(attempt.browser.clone()),
                step_up_of: None,
            };
            match self.proved(handle, visitor, &journey, current.as_ref(), proving, proof).await? {
                Outcome::Next(step) => {
                    throttle::succeeded(&self.limiter, &self.policy, &attempt).await;
                    return Ok(*step);
                }
                Outcome::OutOfReach => {
                    self.wait_like_everybody(began).await;
                    self.record_refusal(account, &assessment).await?;
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

    pub(super) async fn prove_factor(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        stage: FactorStage,
        response: &Value,
    ) -> Result<Step, JourneyError> {
        let tried = Tried::Factor(&stage.factor, stage.account);
        let attempt = match throttle::reserve(&self.limiter, &self.policy, visitor, &tried).await? {
            Reserved::Go(attempt) => attempt,
            Reserved::Wait(wait) => return Ok(self.limited(&journey, wait)),
        };
        let guesses = handle.guess_key(stage.number);
        if self.ports.ephemeral().increment(&guesses, self.policy.lifetime).await?
            > self.policy.factor_attempts
        {
            self.remove(handle).await;
            return Ok(Self::over(RefusalReason::TooManyAttempts));
        }
        let risk = Assessment::from(&stage.risk);
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let factor = self.factors.iter().find(|factor| factor.name() == stage.factor);
            let (Some(factor), Some(found)) = (factor, self.relied_upon(&stage, current.as_ref()).await?)
            else {
                return self.start_again(handle, &journey).await;
            };
            let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
            let Some(proof) = factor.verify(subject, &stage.state, response).await? else {
                return self.refuse(&journey, Some(&found), &risk).await;
            };
            let account = found.account.value.event_subject();
            let proving = Proving {
                found,
                proofs: stage.proofs.clone(),
                relied_on: stage.relied_on.clone(),
                risk: risk.clone(),
                known_as: stage.known_as.clone(),
                step_up_of: stage.step_up_of,
            };
            match self.proved(handle, visitor, &journey, current.as_ref(), proving, proof).await? {
                Outcome::Next(step) => {
                    throttle::succeeded(&self.limiter, &self.policy, &attempt).await;
                    if matches!(*step, Step::Done(_)) {
                        throttle::remember(&self.limiter, &self.policy, &attempt.browser).await;
                    }
                    return Ok(*step);
                }
                Outcome::OutOfReach => {
                    self.record_refusal(account, &risk).await?;
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

    /// Takes a proof to the next step.
    async fn proved(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        mut proving: Proving,
        proof: FactorProof,
    ) -> Result<Outcome, JourneyError> {
        proving.proofs.push(proof.proof);
        match self.decide(&proving, &journey.requirements, current) {
            Decision::Session => self.finish(handle, visitor, journey, current, proving, proof.batch).await,
            Decision::Refuse | Decision::Credentials => Ok(Outcome::OutOfReach),
            Decision::Factor(name) => {
                proving.relied_on.extend(relied_on(&proof.batch));
                // What this proof changes is used up now, whether or not the next one is proved.
                if !proof.batch.writes().is_empty()
                    && !self.ports.store().commit(proof.batch).await?.is_applied()
                {
                    return Ok(Outcome::Raced(Box::new(journey.clone())));
                }
                let stage = self.factor_stage(&proving, name, journey.revision.saturating_add(1)).await?;
                let next = self.advance(handle, journey, stage).await?;
                let challenge = self.challenge_of(&next).ok_or(JourneyError::Changed)?;
                Ok(Outcome::Next(Box::new(Step::Challenge(challenge))))
            }
        }
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
        match self.begin_session(visitor, current, proving, batch).await {
            Ok(started) => {
                self.remove(handle).await;
                if let Some(browser) = known_as {
                    throttle::remember(&self.limiter, &self.policy, &browser).await;
                }
                let signed_in = SignedIn::new(started.session, started.cookie, account);
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
                self.sessions.renewing(batch, current, proving.proofs, risk).await?
            }
            _ => {
                let beginning = Beginning {
                    context: AuthenticationContext::new(proving.proofs),
                    previous: current.map(|current| &current.session),
                    user_agent: visitor.user_agent,
                    risk,
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
            SessionError::Changed => Err(JourneyError::Changed),
        }
    }

    /// What a step lost: the credentials that it relied on have changed, or the session that it was to lift is gone.
    async fn start_again(&self, handle: &JourneyHandle, journey: &Journey) -> Result<Step, JourneyError> {
        let next = self.advance(handle, journey, Stage::Credentials).await?;
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }

    fn decide<'a>(
        &'a self,
        proving: &Proving,
        requirements: &Requirements,
        current: Option<&Authenticated>,
    ) -> Decision<'a> {
        let account = proving.found.account.value.id;
        let candidates: Vec<Candidate<'a>> = self
            .factors
            .iter()
            .filter(|factor| factor.is_enrolled(&proving.found.credentials))
            .map(|factor| Candidate::new(factor.name(), factor.kinds()))
            .collect();
        let same = current.filter(|current| current.account.value.id == account);
        let situation = Situation {
            session: same.map(|current| &current.session.value.context),
            risk: proving.risk.level,
            candidates: &candidates,
            ..Situation::new(&proving.proofs, requirements, &self.policy.ladder, self.ports.now())
        };
        situation.decide()
    }

    async fn factor_stage(&self, proving: &Proving, name: &str, number: u32) -> Result<Stage, PortError> {
        let factor = self.factors.iter().find(|factor| factor.name() == name);
        let factor = factor.ok_or_else(|| PortError::permanent("there is no such factor"))?;
        let found = &proving.found;
        let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
        let challenge = factor.challenge(subject).await?;
        Ok(Stage::Factor(FactorStage {
            account: found.account.value.id,
            known_as: proving.known_as.clone(),
            step_up_of: proving.step_up_of,
            proofs: proving.proofs.clone(),
            relied_on: proving.relied_on.clone(),
            factor: name.to_owned(),
            state: challenge.state,
            public: challenge.public,
            number,
            risk: (&proving.risk).into(),
        }))
    }

    /// The account that verified this identifier. The same reads are made when there is none.
    async fn find(&self, key: &IdentifierKey) -> Result<Option<Found>, PortError> {
        let account = self.ports.store().account_by_identifier(key).await?;
        let account = account.filter(|account| {
            account.value.identifier_with(key).is_some_and(crate::account::Identifier::is_verified)
        });
        let nobody = AccountId::from_uuid(uuid::Uuid::nil());
        let id = account.as_ref().map_or(nobody, |account| account.value.id);
        let credentials = self.ports.store().credentials_of(id).await?;
        Ok(account.map(|account| Found { account, credentials }))
    }

    /// The account of a stage, if it still is as it was relied on: it may sign in, its proved credentials have not changed,
    /// and the session that is to be lifted is there.
    async fn relied_upon(
        &self,
        stage: &FactorStage,
        current: Option<&Authenticated>,
    ) -> Result<Option<Found>, PortError> {
        let Some(account) = self.ports.store().account(stage.account).await? else { return Ok(None) };
        let credentials = self.ports.store().credentials_of(stage.account).await?;
        let unchanged = |(id, version): &(CredentialId, Version)| {
            credentials.iter().any(|known| known.value.id == *id && known.version == *version)
        };
        let lifts =
            |id| current.is_some_and(|it| it.session.value.id == id && it.account.value.id == stage.account);
        let holds = account.value.may_sign_in(self.ports.now())
            && stage.relied_on.iter().all(unchanged)
            && stage.step_up_of.is_none_or(lifts);
        Ok(holds.then_some(Found { account, credentials }))
    }

    fn ask_for<'a>(&self, found: Option<&'a Found>) -> AskFor<'a> {
        match found {
            None => AskFor::Stranger,
            Some(found) if found.account.value.may_sign_in(self.ports.now()) => {
                AskFor::Account(&found.credentials)
            }
            Some(_) => AskFor::Nobody,
        }
    }

    async fn verify_password(
        &self,
        found: Option<&Found>,
        password: &Secret,
    ) -> Result<Option<FactorProof>, PortError> {
        let (account, credentials) = match found {
            Some(found) => (Some(&found.account.value), found.credentials.as_slice()),
            None => (None, [].as_slice()),
        };
        let subject = FactorSubject::new(&self.ports, account, credentials);
        self.password.verify(subject, &Value::Null, &Value::String(password.expose().to_owned())).await
    }

    /// One answer for every reason, at the same cost: one event.
    async fn refuse(
        &self,
        journey: &Journey,
        found: Option<&Found>,
        risk: &Assessment,
    ) -> Result<Step, JourneyError> {
        let account =
            found.map_or_else(|| "anonymous".to_owned(), |found| found.account.value.event_subject());
        self.record_refusal(account, risk).await?;
        Ok(self.refused(journey, RefusalReason::Credentials))
    }

    async fn record_refusal(&self, subject: String, risk: &Assessment) -> Result<(), PortError> {
        let event = Event::new(&self.ports, EventType::SIGN_IN_REFUSED, subject)?
            .with("risk", risk.level.as_str())
            .with("risk_reasons", risk.reasons.clone())
            .with("risk_unanswered", risk.degraded);
        let _applied = self.ports.store().commit(Batch::new().event(event)).await?;
        Ok(())
    }

    pub(super) async fn look_again(
        &self,
        current: Option<Authenticated>,
    ) -> Result<Option<Authenticated>, PortError> {
        match current {
            Some(current) => self.sessions.reload(&current).await,
            None => Ok(None),
        }
    }

    async fn assess_once(
        &self,
        known: &mut Option<Assessment>,
        visitor: &Visitor<'_>,
        account: Option<AccountId>,
    ) -> Assessment {
        match known {
            Some(assessment) => assessment.clone(),
            None => known.insert(self.assess(visitor, account).await).clone(),
        }
    }

    async fn assess(&self, visitor: &Visitor<'_>, account: Option<AccountId>) -> Assessment {
        let action = if visitor.current.is_some() { RiskAction::StepUp } else { RiskAction::SignIn };
        let observation = Observation::new(action, account, visitor.peer.address)
            .with_user_agent(visitor.user_agent.map(ToOwned::to_owned));
        risk::assess(&self.ports, &observation, self.policy.risk_deadline, self.policy.risk_unanswered).await
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
