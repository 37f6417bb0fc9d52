//! The check that a journey stops for.

use super::challenge::Answer;
use super::service::Journeys;
use super::state::{HumanStage, Journey, JourneyHandle};
use super::step::{RefusalReason, Step};
use super::types::{JourneyError, Visitor};
use crate::ephemeral;

impl Journeys {
    /// Stops for a check where one is due: it is wanted, the host has one, and none was passed in this journey that is still
    /// good.
    pub(super) async fn stop_for_check(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
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
        let challenge = check.challenge(&self.ports).await?;
        let (name, checks) = (check.name().to_owned(), journey.checks.saturating_add(1));
        let stage = HumanStage { name, state: challenge.state, public: challenge.public };
        let next = self.with_check(handle, journey, Some(stage), checks).await?;
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
        let next = self.with_check(handle, journey, None, journey.checks).await?;
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }

    async fn with_check(
        &self,
        handle: &JourneyHandle,
        read: &Journey,
        human: Option<HumanStage>,
        checks: u32,
    ) -> Result<Journey, JourneyError> {
        let next = Journey { human, checks, revision: read.revision.saturating_add(1), ..read.clone() };
        let (old, new) = (ephemeral::encode(read)?, ephemeral::encode(&next)?);
        let rest = read.expires_at - self.ports.now();
        if self.ports.ephemeral().compare_and_swap(&handle.key(), &old, new, rest).await? {
            Ok(next)
        } else {
            Err(JourneyError::Changed)
        }
    }
}
