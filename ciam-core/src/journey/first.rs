//! A sign-in that begins with a factor which says itself who the person is, and the choice of another further factor.

use serde_json::Value;

use super::conclude::{Outcome, Proving};
use super::methods::{Methods, SignInMethod};
use super::service::Journeys;
use super::sign_in::Asked;
use super::state::{FactorStage, FirstStage, Goal, Journey, JourneyHandle};
use super::step::{RefusalReason, Step};
use super::throttle::{self, Reserved, Tried};
use super::types::{JourneyError, Requirements, Visitor};
use crate::error::PortError;
use crate::factor::FactorSubject;
use crate::id::AccountId;

use super::challenge::FirstFactorAsk;

impl Journeys {
    /// Challenges of the factors with which a sign-in can begin, for whoever it may be.
    pub(super) async fn first_challenges(
        &self,
        requirements: &Requirements,
    ) -> Result<Vec<FirstStage>, PortError> {
        let mut first = Vec::new();
        if !self.offered(requirements).allow(SignInMethod::Passkey) {
            return Ok(first);
        }
        for factor in self.factors.iter().filter(|factor| factor.is_first()) {
            let challenge = factor.challenge(FactorSubject::new(&self.ports, None, &[])).await?;
            let factor = factor.name().to_owned();
            first.push(FirstStage { factor, state: challenge.state, public: challenge.public });
        }
        Ok(first)
    }

    /// The ways that are offered at the beginning of a journey: a factor only where there is one.
    pub(super) fn ways_to_begin(methods: Methods, journey: &Journey) -> (Methods, Vec<FirstFactorAsk>) {
        if journey.first.is_empty() {
            return (methods.without(SignInMethod::Passkey), Vec::new());
        }
        let ask = |it: &FirstStage| FirstFactorAsk { factor: it.factor.clone(), data: it.public.clone() };
        (methods, journey.first.iter().map(ask).collect())
    }

    /// Takes the answer to a factor with which the sign-in begins.
    pub(super) async fn begin_with_factor(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        name: &str,
        response: &Value,
    ) -> Result<Step, JourneyError> {
        let asked = journey.first.iter().find(|first| first.factor == name).cloned();
        let factor = self.factors.iter().find(|factor| factor.name() == name && factor.is_first());
        let (Some(asked), Some(factor)) = (asked, factor) else {
            return Ok(self.refused(&journey, RefusalReason::Method));
        };
        let claimed = factor.identify(&self.ports, response).await?;
        let counted = claimed.unwrap_or_else(|| AccountId::from_uuid(uuid::Uuid::nil()));
        let tried = Tried::Factor(name, counted);
        let attempt =
            match throttle::reserve(&self.limiter, &self.policy, &self.in_flight, visitor, &tried).await? {
                Reserved::Go(attempt) => attempt,
                Reserved::Wait(wait) => return Ok(self.limited(&journey, wait)),
            };
        let assessment = self.assess(visitor, Asked::about(Goal::Session, claimed, &journey)).await;
        let wanted = assessment.human_check || self.policy.human_for.sign_in;
        if let Some(step) = self.stop_for_check(handle, &journey, "", wanted).await? {
            return Ok(step);
        }
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let found = match claimed {
                Some(account) => self.found(account).await?,
                None => None,
            };
            let Some(found) =
                found.filter(|found| Goal::Session.is_open_to(&found.account.value, self.ports.now()))
            else {
                return self.refuse(&journey, None, &assessment).await;
            };
            let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
            let Some(proof) = factor.verify(subject, &asked.state, response).await? else {
                return self.refuse(&journey, Some(&found), &assessment).await;
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

    /// Asks for another further factor. Wrong answers go on being counted where they were.
    pub(super) async fn another_factor(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        stage: FactorStage,
        wanted: &str,
    ) -> Result<Step, JourneyError> {
        let Some(found) = self.relied_upon(&stage.held, visitor.current).await? else {
            return self.start_again(handle, &journey, stage.held.goal).await;
        };
        let enrolled = |name: &str| {
            let factor = self.factors.iter().find(|factor| factor.name() == name);
            factor.is_some_and(|factor| factor.is_enrolled(&found.credentials))
        };
        if !enrolled(wanted) {
            return Ok(self.refused(&journey, RefusalReason::Unexpected));
        }
        let offered = std::iter::once(&stage.factor).chain(&stage.others).map(String::as_str);
        let others = offered.filter(|name| *name != wanted);
        let choices: Vec<&str> = std::iter::once(wanted).chain(others).collect();
        let proving = Proving::resumed(&stage.held, found);
        let next = self.factor_stage(&proving, &choices, stage.number).await?;
        let next = self.advance(handle, &journey, next).await?;
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }
}
