//! The check that a journey stops for.

use super::challenge::Answer;
use super::realm::hint;
use super::service::Journeys;
use super::state::{HumanStage, Journey, JourneyHandle, Stage};
use super::step::{RefusalReason, Step};
use super::throttle;
use super::types::{JourneyError, Visitor};
use crate::abuse::HumanCheck;
use crate::error::PortError;
use crate::ratelimit::{Limit, network_of};

impl Journeys {
    /// The check with which a journey begins, where it is asked of everybody.
    pub(super) async fn check_at_start(&self, stage: &Stage) -> Result<Option<HumanStage>, PortError> {
        let everybody = self.policy.human_for;
        let wanted = match stage {
            Stage::Credentials => everybody.sign_in,
            Stage::Registration => everybody.sign_up,
            Stage::Recovery => everybody.recovery,
            _ => false,
        };
        match self.human.as_ref().filter(|_| wanted) {
            Some(check) => self.asked(&**check).await.map(Some),
            None => Ok(None),
        }
    }

    async fn asked(&self, check: &dyn HumanCheck) -> Result<HumanStage, PortError> {
        let challenge = check.challenge(&self.ports).await?;
        Ok(HumanStage { name: check.name().to_owned(), state: challenge.state, public: challenge.public })
    }

    /// Whether a flow of one network is under pressure: counted, and more than so many.
    pub(super) async fn is_pressed(&self, limit: &Limit, visitor: &Visitor<'_>) -> Result<bool, PortError> {
        let network = network_of(visitor.peer.address);
        Ok(throttle::count(&self.limiter, limit, &network).await?.is_some())
    }

    /// Stops for a check where one is due: it is wanted, the host has one, and none was passed in this journey that is still
    /// good. What was typed is filled in again afterwards.
    pub(super) async fn stop_for_check(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        typed: &str,
        wanted: bool,
    ) -> Result<Option<Step>, JourneyError> {
        let Some(check) = self.human.as_ref().filter(|_| wanted) else { return Ok(None) };
        if journey.checks > 0 {
            let used = handle.check_key("used", journey.checks);
            if self.ports.ephemeral().increment(&used, self.policy.lifetime).await?
                <= self.policy.human_answers
            {
                return Ok(None);
            }
        }
        let stage = self.asked(&**check).await?;
        let mut next =
            Journey { human: Some(stage), checks: journey.checks.saturating_add(1), ..journey.clone() };
        if !typed.is_empty() {
            next.requirements.login_hint = Some(hint(typed));
        }
        let next = self.replace(handle, journey, next).await?;
        Ok(self.challenge_of(&next).map(Step::Challenge))
    }

    /// Takes the answer to a check. Credentials are not taken before it is passed.
    pub(super) async fn pass_check(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        stage: HumanStage,
        answer: Answer,
    ) -> Result<Step, JourneyError> {
        let Answer::Human { response } = answer else {
            return Ok(self.refused(journey, RefusalReason::Unexpected));
        };
        let tries = handle.check_key("tries", journey.checks);
        if self.ports.ephemeral().increment(&tries, self.policy.lifetime).await? > self.policy.factor_attempts
        {
            self.remove(handle).await;
            return Ok(Self::over(RefusalReason::TooManyAttempts));
        }
        // A check that the host has taken away meanwhile is passed by nobody: the person begins again.
        let check = self.human.as_ref().filter(|check| check.name() == stage.name);
        let check = check.ok_or(JourneyError::NotFound)?;
        let address = visitor.peer.address;
        if !check.verify(&self.ports, &stage.state, &response, address).await? {
            return Ok(self.refused(journey, RefusalReason::Human));
        }
        let next = self.replace(handle, journey, Journey { human: None, ..journey.clone() }).await?;
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }
}
