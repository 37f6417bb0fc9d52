//! The steps of a sign-in.

use futures_util::future::{Either, select};
use serde_json::Value;

use super::decide::{Candidate, Next, after_proof, kinds_for};
use super::service::Journeys;
use super::state::{FactorStage, Journey, JourneyHandle, Stage};
use super::types::{JourneyError, RefusalReason, SignedIn, Step, Visitor};
use crate::account::{Account, IdentifierKey};
use crate::assurance::{AuthenticationContext, Proof};
use crate::credential::Credential;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::factor::{Factor, FactorProof, FactorSubject};
use crate::id::AccountId;
use crate::ratelimit::{Limit, RateLimitError};
use crate::risk::{Observation, RiskAction, RiskLevel};
use crate::secret::Secret;
use crate::session::SessionError;
use crate::store::{Batch, EntityRef, Versioned};

/// An account that an identifier named, with its credentials.
struct Found {
    account: Versioned<Account>,
    credentials: Vec<Versioned<Credential>>,
}

impl Journeys {
    pub(super) async fn sign_in(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        typed: &str,
        password: &Secret,
    ) -> Result<Step, JourneyError> {
        // A text that is no identifier goes the whole way too, as one that nobody has.
        let key = IdentifierKey::guess(typed).or_else(|_| IdentifierKey::username("no-such-account"));
        let key = key.map_err(PortError::permanent)?;
        let limits = self.sign_in_limits(visitor, &key);
        for (limit, of) in &limits {
            match self.limiter.attempt(limit, of).await {
                Ok(()) => {}
                Err(RateLimitError::Limited { .. }) => {
                    return Ok(self.refused(journey, RefusalReason::TooManyAttempts));
                }
                Err(RateLimitError::Port(error)) => return Err(error.into()),
            }
        }
        let found = self.find(&key).await?;
        let (account, credentials) = match &found {
            Some(found) => (Some(&found.account.value), found.credentials.as_slice()),
            None => (None, [].as_slice()),
        };
        let subject = FactorSubject::new(&self.ports, account, credentials);
        let answer = Value::String(password.expose().to_owned());
        let proof = self.password.verify(subject, &Value::Null, &answer).await?;
        match (found, proof) {
            (Some(found), Some(proof)) if found.account.value.status.may_sign_in() => {
                for (limit, of) in limits.iter().filter(|(limit, _)| *limit != self.policy.sign_in_per_peer) {
                    self.limiter.forget(limit, of).await?;
                }
                let risk = self.assess(visitor, found.account.value.id).await;
                self.proved(
                    handle,
                    visitor,
                    journey,
                    Proved { found, identifier: key, earlier: Vec::new(), proof, risk },
                )
                .await
            }
            (found, _) => {
                self.record_refusal(found.as_ref()).await?;
                Ok(self.refused(journey, RefusalReason::Credentials))
            }
        }
    }

    pub(super) async fn prove_factor(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        stage: &FactorStage,
        response: &Value,
    ) -> Result<Step, JourneyError> {
        let of = format!("{}|{}", stage.factor, stage.account);
        match self.limiter.attempt(&self.policy.sign_in_per_identifier_and_peer, &of).await {
            Ok(()) => {}
            Err(RateLimitError::Limited { .. }) => {
                return Ok(self.refused(journey, RefusalReason::TooManyAttempts));
            }
            Err(RateLimitError::Port(error)) => return Err(error.into()),
        }
        let factor = self.factors.iter().find(|factor| factor.name() == stage.factor);
        let found = self.find(&stage.identifier).await?;
        let (Some(factor), Some(found)) = (factor, found) else {
            return Ok(self.refused(journey, RefusalReason::Credentials));
        };
        if found.account.value.id != stage.account || !found.account.value.status.may_sign_in() {
            return Ok(self.refused(journey, RefusalReason::Credentials));
        }
        let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
        match factor.verify(subject, &stage.state, response).await? {
            Some(proof) => {
                self.limiter.forget(&self.policy.sign_in_per_identifier_and_peer, &of).await?;
                let risk = if stage.factor_kinds > 1 { RiskLevel::High } else { RiskLevel::Low };
                let (identifier, earlier) = (stage.identifier.clone(), stage.proofs.clone());
                self.proved(handle, visitor, journey, Proved { found, identifier, earlier, proof, risk })
                    .await
            }
            None => {
                self.record_refusal(Some(&found)).await?;
                Ok(self.refused(journey, RefusalReason::Credentials))
            }
        }
    }

    async fn proved(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        proved: Proved,
    ) -> Result<Step, JourneyError> {
        let mut proofs = proved.earlier;
        proofs.push(proved.proof.proof);
        let context = AuthenticationContext::new(proofs.iter().cloned());
        let candidates: Vec<Candidate<'_>> = self
            .factors
            .iter()
            .filter(|factor| factor.is_enrolled(&proved.found.credentials))
            .map(|factor| Candidate { name: factor.name(), kinds: factor.kinds() })
            .collect();
        let next = after_proof(
            &context,
            &journey.requirements,
            &self.policy.ladder,
            proved.risk,
            &candidates,
            self.ports.now(),
        );
        match next {
            Next::Session => {
                self.finish(handle, visitor, journey, &proved.found, proofs, proved.proof.batch).await
            }
            Next::Refuse => Ok(self.refused(journey, RefusalReason::Credentials)),
            Next::Ask(name) => {
                self.ask_factor(handle, journey, &proved.found, proved.identifier, proofs, name, proved.risk)
                    .await
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the next stage, each from another place")]
    async fn ask_factor(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        found: &Found,
        identifier: IdentifierKey,
        proofs: Vec<Proof>,
        name: &str,
        risk: RiskLevel,
    ) -> Result<Step, JourneyError> {
        let Some(factor) = self.factors.iter().find(|factor| factor.name() == name) else {
            return Ok(self.refused(journey, RefusalReason::Credentials));
        };
        let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
        let challenge = factor.challenge(subject).await?;
        let stage = FactorStage {
            account: found.account.value.id,
            identifier,
            proofs,
            factor: name.to_owned(),
            state: challenge.state,
            public: challenge.public,
            factor_kinds: match kinds_for(risk) {
                (kinds, true) => kinds,
                (_, false) => 1,
            },
        };
        let next = self.advance(handle, journey, Stage::Factor(stage)).await?;
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }

    /// Begins or renews the session, once: the journey is taken out of everybody's hands first.
    async fn finish(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        found: &Found,
        proofs: Vec<Proof>,
        batch: Batch,
    ) -> Result<Step, JourneyError> {
        let finishing = self.advance(handle, journey, Stage::Finishing).await?;
        let account = &found.account;
        let same = visitor.current.filter(|current| current.account.value.id == account.value.id);
        let planned = match same {
            Some(current) => self.sessions.renewing(batch, current, proofs).await,
            None => {
                let batch = batch.require_version(EntityRef::Account(account.value.id), account.version);
                let previous = visitor.current.map(|current| &current.session);
                let context = AuthenticationContext::new(proofs);
                self.sessions.starting(batch, &account.value, context, previous, visitor.user_agent).await
            }
        };
        let outcome = match planned {
            Ok((batch, started)) => match self.ports.store().commit(batch).await {
                Ok(commit) if commit.is_applied() => Ok(started),
                Ok(_) => Err(SessionError::Changed),
                Err(error) => Err(SessionError::Port(error)),
            },
            Err(error) => Err(error),
        };
        match outcome {
            Ok(started) => {
                self.remove(handle).await?;
                Ok(Step::Done(Box::new(SignedIn::new(
                    started.session,
                    started.cookie,
                    account.value.clone(),
                ))))
            }
            Err(error) => self.undo_finish(handle, journey, &finishing, error).await,
        }
    }

    /// Gives the journey back after a session that did not begin.
    pub(super) async fn undo_finish(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        finishing: &Journey,
        error: SessionError,
    ) -> Result<Step, JourneyError> {
        let restored = self.advance(handle, finishing, journey.stage.clone()).await?;
        match error {
            SessionError::NotAllowed => Ok(self.refused(&restored, RefusalReason::Credentials)),
            SessionError::Denied { code } => Ok(self.refused(&restored, RefusalReason::Denied { code })),
            SessionError::Changed => Err(JourneyError::Changed),
            SessionError::Port(error) => Err(error.into()),
        }
    }

    fn sign_in_limits(&self, visitor: &Visitor<'_>, key: &IdentifierKey) -> [(Limit, String); 3] {
        let address = visitor.peer.address;
        let identifier = format!("{}:{}", key.kind().as_str(), key.as_str());
        [
            (self.policy.sign_in_per_peer.clone(), address.to_string()),
            (self.policy.sign_in_per_identifier_and_peer.clone(), format!("{address}|{identifier}")),
            (self.policy.sign_in_per_identifier.clone(), identifier),
        ]
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

    async fn record_refusal(&self, found: Option<&Found>) -> Result<(), PortError> {
        let subject =
            found.map_or_else(|| "anonymous".to_owned(), |found| found.account.value.event_subject());
        let event = Event::new(&self.ports, EventType::SIGN_IN_REFUSED, subject)?;
        let _applied = self.ports.store().commit(Batch::new().event(event)).await?;
        Ok(())
    }

    async fn assess(&self, visitor: &Visitor<'_>, account: AccountId) -> RiskLevel {
        let action = if visitor.current.is_some() { RiskAction::StepUp } else { RiskAction::SignIn };
        let observation = Observation::new(action, Some(account), visitor.peer.address)
            .with_user_agent(visitor.user_agent.map(ToOwned::to_owned));
        let assessment = self.ports.risk().assess(&observation);
        let deadline = self.ports.runtime().sleep(self.policy.risk_deadline);
        match select(assessment, deadline).await {
            Either::Left((Ok(assessment), _)) => assessment.level,
            Either::Left((Err(_), _)) | Either::Right(_) => self.policy.risk_unanswered,
        }
    }
}

/// A proof with everything that is known about whose it is.
struct Proved {
    found: Found,
    identifier: IdentifierKey,
    earlier: Vec<Proof>,
    proof: FactorProof,
    risk: RiskLevel,
}
