//! The owner closes their account.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::lifecycle::{LifecycleError, ReasonCode, Transition, TransitionError};
use super::owner::{Owner, OwnerError};
use super::service::Accounts;
use crate::error::PortError;
use crate::notify::MessageCode;
use crate::organization::Organizations;

impl Accounts {
    /// Closes the owner's account: all its sessions are over. Returns from when it is due for erasure; until then the owner
    /// can sign in and take it back, see [`Account::may_return`](super::Account::may_return).
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when others would be left in an organization without an owner, when
    /// the account is not in use, when it changes meanwhile, and when a port fails.
    pub async fn close(&self, owner: &Owner<'_>) -> Result<OffsetDateTime, OwnerError> {
        let mut proved = self.prove(owner).await?;
        let erase_after = self.now() + self.policy.grace;
        let date = erase_after.format(&Rfc3339).map_err(PortError::permanent)?;
        for _ in 0..Self::MAX_RACES {
            let leaving = Organizations::new(self.ports.clone()).leaving(proved.account().id).await?;
            if !leaving.stranded.is_empty() {
                return Err(OwnerError::LastOwner { organizations: leaving.stranded });
            }
            let by = owner.actor();
            let closing = Transition::Deactivate { erase_after };
            let prepared = closing.prepare(&self.ports, &proved.current.account, &by, &ReasonCode::owner());
            let prepared = prepared.map_err(|error| match error {
                LifecycleError::Refused(TransitionError::Illegal(transition)) => {
                    OwnerError::Status(transition)
                }
                LifecycleError::Port(error) => OwnerError::Port(error),
                _ => OwnerError::Changed,
            })?;
            let notice = self.notice(proved.account(), MessageCode::AccountClosed, &owner.languages)?;
            let notice = notice.map(|message| message.with("date", date.as_str()));
            let batch =
                self.with_notice(proved.batch().append(prepared.batch).append(leaving.batch), notice).await?;
            if self.ports.store().commit(batch).await?.is_applied() {
                self.end_sessions(proved.account().id).await;
                return Ok(erase_after);
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }
}
