//! Sign-in of people who are still in another system.

use futures_util::future::{Either, select};
use time::OffsetDateTime;

use super::service::Journeys;
use super::throttle;
use super::types::JourneyError;
use crate::account::IdentifierKey;
use crate::credential::Credential;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::migration::{self, LegacyAccount, LegacyOutcome, LegacySystem};
use crate::secret::Secret;
use crate::store::{Batch, Versioned};

/// Who is to be asked for.
pub(super) enum AskFor<'a> {
    /// Somebody whom nobody knows here.
    Stranger,
    /// An account with these credentials that may sign in.
    Account(&'a [Versioned<Credential>]),
    /// An account that may not.
    Nobody,
}

impl Journeys {
    /// Asks the old system, if there is one, and if this is somebody to ask for. `true` when the sign-in should look again:
    /// the account is there now, or has its password.
    pub(super) async fn ask_old_system(
        &self,
        key: &IdentifierKey,
        about: AskFor<'_>,
        password: &Secret,
    ) -> Result<bool, JourneyError> {
        let Some(legacy) = &self.legacy else { return Ok(false) };
        // Counted whoever it is: nobody can tell from the calls.
        let counted = throttle::count(&self.limiter, &legacy.policy.per_identifier, key.as_str()).await?;
        let marker = match about {
            AskFor::Stranger => None,
            AskFor::Account(credentials) => match migration::marker_in(credentials) {
                Some(marker) => Some(marker),
                None => return Ok(false),
            },
            AskFor::Nobody => return Ok(false),
        };
        if counted.is_some() {
            return Ok(false);
        }
        let Some(confirmed) = self.ask(legacy, key, password).await? else { return Ok(false) };
        let typed_is_verified =
            confirmed.identifiers.iter().any(|known| known.key == *key && known.is_verified());
        if marker.is_none() && !typed_is_verified {
            return Ok(false);
        }
        let Some(hash) = self.password.take_over(&self.ports, password).await? else { return Ok(false) };
        let batch = match marker {
            None => legacy.creation(&self.ports, confirmed, &hash).await?,
            Some(marker) => legacy.completion(&self.ports, marker, &hash)?,
        };
        // Whoever was faster has made the same of it, or the owner has done something newer.
        let _either = self.ports.store().commit(batch).await?;
        Ok(true)
    }

    /// Waits until the time has come that every refused sign-in takes.
    pub(super) async fn wait_like_everybody(&self, began: OffsetDateTime) {
        let Some(legacy) = &self.legacy else { return };
        let passed = (self.ports.now() - began).unsigned_abs();
        let rest = legacy.policy.deadline.saturating_sub(passed);
        if !rest.is_zero() {
            self.ports.runtime().sleep(rest).await;
        }
    }

    async fn ask(
        &self,
        legacy: &LegacySystem,
        key: &IdentifierKey,
        password: &Secret,
    ) -> Result<Option<LegacyAccount>, PortError> {
        let answer = legacy.directory.authenticate(key, password);
        let why = match select(answer, self.ports.runtime().sleep(legacy.policy.deadline)).await {
            Either::Left((Ok(LegacyOutcome::Confirmed(account)), _)) => return Ok(Some(*account)),
            Either::Left((Ok(LegacyOutcome::Refused), _)) => return Ok(None),
            Either::Left((Err(_), _)) => "failed",
            Either::Right(_) => "late",
        };
        let event = Event::new(&self.ports, EventType::MIGRATION_UNANSWERED, "migration")?
            .with("source", legacy.source.clone())
            .with("why", why);
        let _applied = self.ports.store().commit(Batch::new().event(event)).await?;
        Ok(None)
    }
}
