//! An administrator takes the factors from an account whose owner has lost them.

use ciam_core::account::{ReasonCode, WaysIn};
use ciam_core::actor::Actor;
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::event::Event;
use ciam_core::id::AccountId;
use ciam_core::notify::MessageCode;
use ciam_core::password::PasswordFactor;
use ciam_core::session::SessionEnd;
use ciam_core::store::{Batch, EntityRef, Precondition, Write};

use super::error::FactorError;
use super::remove::removing;
use super::service::Factors;
use crate::event::FACTORS_RESET;
use crate::notice::notice;

/// How many are taken in one commit: a batch has 64 writes, one for the account and up to two for each of these. An account
/// with more is reset twice.
const AT_ONCE: usize = (Batch::MAX_WRITES - 1) / 2;

impl Factors {
    /// Takes every factor but the password from an account: its owner has lost them, and has shown the support who they are.
    /// All sessions of the account are over, its owner gets a message, and the event says who did it and why. Gives how many
    /// were taken.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when nothing else leads into it, when it changes meanwhile, and when a port
    /// fails.
    ///
    /// # Security
    ///
    /// This is the way around every factor. Ask who may do it
    /// ([`Decision`](ciam_core::organization::Decision)), and have two people do it where much hangs on it.
    pub async fn reset(
        &self,
        actor: &Actor,
        account: AccountId,
        reason: &ReasonCode,
    ) -> Result<usize, FactorError> {
        self.reset_while(actor, account, reason, &[]).await
    }

    /// The same, only while what the permission was decided on holds: a membership, such as that of the administrator, at the
    /// version that was looked at.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset); it has [changed](FactorError::Changed) when one of the preconditions does not hold.
    pub async fn reset_while(
        &self,
        actor: &Actor,
        account: AccountId,
        reason: &ReasonCode,
        holds: &[Precondition],
    ) -> Result<usize, FactorError> {
        let store = self.ports.store();
        for _ in 0..Self::MAX_RACES {
            let found = store.account(account).await?.ok_or(FactorError::NotFound)?;
            let credentials = store.credentials_of(account).await?;
            let is_taken = |credential: &Credential| {
                credential.factor != PasswordFactor::NAME && credential.state == CredentialState::Active
            };
            let (taken, left): (Vec<_>, Vec<_>) = credentials.into_iter().partition(|it| is_taken(&it.value));
            if taken.is_empty() {
                return Ok(0);
            }
            let federated = self.accounts.identities_of(account).await?.len();
            if WaysIn::of(&found.value, &left, federated, self.accounts.policy()).is_empty() {
                return Err(FactorError::LastWayIn);
            }
            let batch = Batch::new().require_version(EntityRef::Account(account), found.version);
            let mut batch = holds.iter().cloned().fold(batch, Batch::require);
            let mut names: Vec<&str> = Vec::new();
            for credential in taken.iter().take(AT_ONCE) {
                names.push(&credential.value.factor);
                batch = removing(batch, credential);
            }
            let event = Event::new(&self.ports, FACTORS_RESET, found.value.event_subject())?
                .by(actor)
                .with("reason", reason.as_str())
                .with("factors", names.clone());
            let mut next = found.value;
            next.session_epoch = next.session_epoch.saturating_add(1);
            next.updated_at = self.ports.now();
            if let Some(message) = notice(&self.ports, &next, MessageCode::FactorsReset, &[])? {
                batch = batch.message(message.seal(&self.ports).await?);
            }
            let batch = batch.write(Write::PutAccount(next)).event(event);
            if store.commit(batch).await?.is_applied() {
                let _told_less = self.sessions.end_others(account, None, SessionEnd::FactorsChanged).await;
                return Ok(names.len());
            }
        }
        Err(FactorError::Changed)
    }
}
