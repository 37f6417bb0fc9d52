//! A change of factors as one commit.

use ciam_core::account::Owner;
use ciam_core::assurance::Proof;
use ciam_core::credential::Credential;
use ciam_core::event::{Event, EventType};
use ciam_core::notify::MessageCode;
use ciam_core::session::{Authenticated, SessionEnd, StartedSession};
use ciam_core::store::{Batch, Write};

use super::error::FactorError;
use super::service::Factors;
use crate::notice::notice;

/// What else a change does.
pub(super) struct Change<'a> {
    pub(super) batch: Batch,
    pub(super) notice: MessageCode,
    pub(super) factor: &'a str,
    pub(super) proof: Option<Proof>,
    /// Whether every other session is over.
    pub(super) ends_others: bool,
}

impl Factors {
    /// Commits a change with the account, the renewed session and the notice; `None` when something of it has changed at the
    /// same moment. The account is always written: of two changes at once, the second is decided on what the first has left.
    pub(super) async fn commit(
        &self,
        owner: &Owner<'_>,
        current: &Authenticated,
        change: Change<'_>,
    ) -> Result<Option<StartedSession>, FactorError> {
        let mut next = current.clone();
        if change.ends_others {
            next.account.value.session_epoch = next.account.value.session_epoch.saturating_add(1);
        }
        next.account.value.updated_at = self.ports.now();
        let mut batch = change.batch.write(Write::PutAccount(next.account.value.clone()));
        if let Some(message) = notice(&self.ports, &next.account.value, change.notice, &owner.languages)? {
            batch = batch.message(message.with("factor", change.factor).seal(&self.ports).await?);
        }
        let (batch, started) = self.sessions.renewing(batch, &next, change.proof, None).await?;
        if !self.ports.store().commit(batch).await?.is_applied() {
            return Ok(None);
        }
        if change.ends_others {
            // They are over by the account's epoch already; ending each one tells those who wait for the event.
            let (account, keep) = (next.account.value.id, Some(next.session.value.id));
            let _told_less = self.sessions.end_others(account, keep, SessionEnd::FactorsChanged).await;
        }
        Ok(Some(started))
    }

    /// The event of a change of a credential by its owner.
    pub(super) fn changed(
        &self,
        owner: &Owner<'_>,
        credential: &Credential,
        change: &'static str,
    ) -> Result<Event, FactorError> {
        let subject = owner.current.account.value.event_subject();
        let event = Event::new(&self.ports, EventType::CREDENTIAL_CHANGED, subject)?;
        Ok(event
            .by(&owner.actor())
            .with("factor", credential.factor.as_str())
            .with("credential", credential.id.to_string())
            .with("change", change))
    }
}
