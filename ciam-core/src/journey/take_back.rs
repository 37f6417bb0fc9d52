//! The owner of a closed account signs in within its grace period: they take it back, and there is no session before.

use super::conclude::{Outcome, Proving};
use super::service::Journeys;
use super::state::{Held, Journey, JourneyHandle};
use super::step::{RefusalReason, Step};
use super::types::{JourneyError, Visitor};
use crate::account::{LifecycleError, ReasonCode, Transition};
use crate::actor::Actor;
use crate::store::{Batch, Versioned};

impl Journeys {
    /// Takes the account back, and goes on with what was proved.
    pub(super) async fn take_back(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        held: Held,
    ) -> Result<Step, JourneyError> {
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let Some(mut found) = self.relied_upon(&held, current.as_ref()).await? else {
                return self.start_again(handle, &journey, held.goal).await;
            };
            if found.account.value.may_return(self.ports.now()) {
                let by = Actor::Account(found.account.value.id);
                let back =
                    Transition::Restore.prepare(&self.ports, &found.account, &by, &ReasonCode::owner());
                let back = match back {
                    Ok(back) => back,
                    Err(LifecycleError::Port(error)) => return Err(error.into()),
                    Err(_) => continue,
                };
                if !self.ports.store().commit(back.batch).await?.is_applied() {
                    continue;
                }
                found.account = Versioned::new(back.account, found.account.version.next());
            }
            let proving = Proving::resumed(&held, found);
            let batch = Batch::new();
            match self.conclude(handle, visitor, &journey, current.as_ref(), proving, batch).await? {
                Outcome::Next(step) => return Ok(*step),
                Outcome::OutOfReach => return Ok(self.refused(&journey, RefusalReason::Credentials)),
                Outcome::Raced(restored) => {
                    journey = *restored;
                    current = self.look_again(current).await?;
                }
            }
        }
        Err(JourneyError::Changed)
    }
}
