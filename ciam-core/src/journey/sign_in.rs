//! The steps of a sign-in: load, decide, commit, reply.

use futures_util::future::join;
use serde_json::Value;

use super::conclude::{Outcome, Proving};
use super::decision::Decision;
use super::legacy::AskFor;
use super::methods::SignInMethod;
use super::realm::Home;
use super::service::Journeys;
use super::state::{FactorStage, Goal, Journey, JourneyHandle, Stage};
use super::step::{RefusalReason, Step};
use super::throttle::{self, Reserved, Tried};
use super::types::{JourneyError, Requirements, Visitor};
use crate::abuse;
use crate::account::{Account, IdentifierKey};
use crate::assurance::Acr;
use crate::credential::Credential;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::factor::{Factor as _, FactorProof, FactorSubject};
use crate::id::AccountId;
use crate::password::PasswordPolicy;
use crate::ratelimit::{network_of, source_of};
use crate::risk::{self, Assessment, Observation, RiskAction, RiskSignal};
use crate::secret::Secret;
use crate::session::{Authenticated, DeviceCookie};
use crate::store::{Batch, Versioned};

/// An account with its credentials.
pub(super) struct Found {
    pub(super) account: Versioned<Account>,
    pub(super) credentials: Vec<Versioned<Credential>>,
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
        let (credentials, risk) = join(
            self.ports.store().credentials_of(id),
            self.assess(visitor, Asked::step_up(current, requirements)),
        )
        .await;
        let found = Found { account: current.account.clone(), credentials: credentials? };
        let proving = Proving {
            step_up_of: Some(current.session.value.id),
            ..Proving::begun(found, Goal::Session, risk)
        };
        match self.decide(&proving, requirements, Some(current)) {
            Decision::Factor(_) => {
                let choices = self.choices(&proving, requirements, Some(current));
                self.factor_stage(&proving, &choices, 0).await
            }
            Decision::Credentials | Decision::Session | Decision::Confirm | Decision::Refuse => {
                Ok(Stage::Credentials)
            }
        }
    }

    pub(super) async fn sign_in(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        typed: &str,
        password: &Secret,
    ) -> Result<Step, JourneyError> {
        let mut journey = match self.at_home(handle, journey, typed).await? {
            Home::Here(journey) => *journey,
            Home::Away(step) => return Ok(step),
        };
        if !self.methods(&journey).allow(SignInMethod::Password) {
            return Ok(self.refused(&journey, RefusalReason::Method));
        }
        // A text that is no identifier goes the whole way too, as one that nobody has.
        let key = IdentifierKey::guess(typed).or_else(|_| IdentifierKey::username("no-such-account"));
        let key = key.map_err(PortError::permanent)?;
        let tried = Tried::Identifier(&key);
        let (began, mut asked) = (self.ports.now(), false);
        let attempt =
            match throttle::reserve(&self.limiter, &self.policy, &self.in_flight, visitor, &tried).await? {
                Reserved::Go(attempt) => attempt,
                Reserved::Wait(wait) => return Ok(self.limited(&journey, wait)),
            };
        let source = source_of(visitor.peer.address);
        let seen = abuse::note_attempt(&self.ports, &self.policy.stuffing, &source, key.as_str()).await?;
        let mut current = visitor.current.cloned();
        let mut risk = None;
        for _ in 0..Self::MAX_RACES {
            let found = self.find(&key).await?;
            let mut asked_of = Asked::of(Goal::Session, found.as_ref(), &journey);
            (asked_of.stuffing, asked_of.password) = (seen.flagged, Some(password));
            // The engine is asked while the password is hashed, and whether or not it is right.
            let (proof, assessment) = join(
                self.verify_password(found.as_ref(), password),
                self.assess_once(&mut risk, visitor, asked_of),
            )
            .await;
            // Whether or not the password is right.
            let wanted = (seen.flagged && attempt.is_of_a_stranger())
                || assessment.human_check
                || self.policy.human_for.sign_in;
            if let Some(step) = self.stop_for_check(handle, &journey, typed, wanted).await? {
                return Ok(step);
            }
            let (found, proof) = match (found, proof?) {
                (Some(found), Some(proof))
                    if Goal::Session.is_open_to(&found.account.value, self.ports.now()) =>
                {
                    (found, proof)
                }
                (found, _) => {
                    if !std::mem::replace(&mut asked, true)
                        && self.ask_old_system(&key, self.ask_for(found.as_ref()), password).await?
                    {
                        continue;
                    }
                    self.wait_like_everybody(began).await;
                    if abuse::note_refusal(&self.ports, &self.policy.stuffing, &source, seen).await? {
                        self.record_stuffing(visitor).await?;
                    }
                    return self.refuse(&journey, found.as_ref(), &assessment).await;
                }
            };
            let account = found.account.value.event_subject();
            let proving = Proving {
                known_as: Some(attempt.browser.clone()),
                ..Proving::begun(found, Goal::Session, assessment.clone())
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
        let tried = Tried::Factor(&stage.factor, stage.held.account);
        let attempt =
            match throttle::reserve(&self.limiter, &self.policy, &self.in_flight, visitor, &tried).await? {
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
        let risk = Assessment::from(&stage.held.risk);
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let factor = self.factors.iter().find(|factor| factor.name() == stage.factor);
            let (Some(factor), Some(found)) =
                (factor, self.relied_upon(&stage.held, current.as_ref()).await?)
            else {
                return self.start_again(handle, &journey, stage.held.goal).await;
            };
            let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
            let Some(proof) = factor.verify(subject, &stage.state, response).await? else {
                return self.refuse(&journey, Some(&found), &risk).await;
            };
            let account = found.account.value.event_subject();
            let proving = Proving::resumed(&stage.held, found);
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

    /// The account that verified this identifier. The same reads are made when there is none.
    pub(super) async fn find(&self, key: &IdentifierKey) -> Result<Option<Found>, PortError> {
        let account = self.ports.store().account_by_identifier(key).await?;
        let account = account.filter(|account| {
            account.value.identifier_with(key).is_some_and(crate::account::Identifier::is_verified)
        });
        let nobody = AccountId::from_uuid(uuid::Uuid::nil());
        let id = account.as_ref().map_or(nobody, |account| account.value.id);
        let credentials = self.ports.store().credentials_of(id).await?;
        Ok(account.map(|account| Found { account, credentials }))
    }

    /// The account with this id, and its credentials.
    pub(super) async fn found(&self, id: AccountId) -> Result<Option<Found>, PortError> {
        let Some(account) = self.ports.store().account(id).await? else { return Ok(None) };
        let credentials = self.ports.store().credentials_of(id).await?;
        Ok(Some(Found { account, credentials }))
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
    pub(super) async fn refuse(
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

    pub(super) async fn record_refusal(&self, subject: String, risk: &Assessment) -> Result<(), PortError> {
        risk::refused(&self.ports, risk, self.policy.risk_deadline).await;
        let event = Event::new(&self.ports, EventType::SIGN_IN_REFUSED, subject)?
            .with("risk", risk.level.as_str())
            .with("risk_reasons", risk.reasons.clone())
            .with("risk_score", risk.score)
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

    pub(super) async fn assess_once(
        &self,
        known: &mut Option<Assessment>,
        visitor: &Visitor<'_>,
        asked: Asked<'_>,
    ) -> Assessment {
        match known {
            Some(assessment) => assessment.clone(),
            None => known.insert(self.assess(visitor, asked).await).clone(),
        }
    }

    async fn record_stuffing(&self, visitor: &Visitor<'_>) -> Result<(), PortError> {
        let event = Event::new(&self.ports, EventType::CREDENTIAL_STUFFING, "abuse")?
            .with("network", network_of(visitor.peer.address));
        let _applied = self.ports.store().commit(Batch::new().event(event)).await?;
        Ok(())
    }

    pub(super) async fn assess(&self, visitor: &Visitor<'_>, asked: Asked<'_>) -> Assessment {
        let (action, unanswered) = match asked.goal {
            Goal::Recovery => (RiskAction::Recover, self.policy.recover_risk_unanswered),
            Goal::Session if visitor.current.is_some() => (RiskAction::StepUp, self.policy.risk_unanswered),
            Goal::Session => (RiskAction::SignIn, self.policy.risk_unanswered),
        };
        let mut signals: Vec<_> =
            asked.stuffing.then_some(RiskSignal::CredentialStuffing).into_iter().collect();
        if let Some(password) = asked.password.filter(|_| self.policy.breached_at_sign_in) {
            // Half of the time that there is: the engine needs some of it.
            let deadline = self.policy.risk_deadline / 2;
            if PasswordPolicy::is_breached(password, &self.ports, deadline).await {
                signals.push(RiskSignal::BreachedPassword);
            }
        }
        let observation = Observation::new(action, asked.account, visitor.peer.address)
            .with_user_agent(visitor.user_agent.map(ToOwned::to_owned))
            .with_epoch(asked.epoch)
            .with_browser(visitor.browser.digest(), visitor.device.as_ref().map(DeviceCookie::presented))
            .with_acr_values(asked.acr_values.to_vec())
            .with_binding(visitor.binding)
            .with_signals(signals);
        risk::assess(&self.ports, &observation, self.policy.risk_deadline, unanswered).await
    }
}

/// What the risk engine is asked about.
pub(super) struct Asked<'a> {
    pub(super) goal: Goal,
    pub(super) account: Option<AccountId>,
    pub(super) epoch: Option<u32>,
    pub(super) acr_values: &'a [Acr],
    pub(super) stuffing: bool,
    /// The password that was typed, right or wrong.
    pub(super) password: Option<&'a Secret>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(goal: Goal, found: Option<&Found>, journey: &'a Journey) -> Self {
        Self {
            epoch: found.map(|found| found.account.value.session_epoch),
            ..Self::about(goal, found.map(|found| found.account.value.id), journey)
        }
    }

    pub(super) fn about(goal: Goal, account: Option<AccountId>, journey: &'a Journey) -> Self {
        let acr_values = &journey.requirements.acr_values;
        Self { goal, account, epoch: None, acr_values, stuffing: false, password: None }
    }

    fn step_up(current: &Authenticated, requirements: &'a Requirements) -> Self {
        let account = &current.account.value;
        Self {
            goal: Goal::Session,
            account: Some(account.id),
            epoch: Some(account.session_epoch),
            acr_values: &requirements.acr_values,
            stuffing: false,
            password: None,
        }
    }
}
