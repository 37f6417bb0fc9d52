//! Removing a factor.

use ciam_core::account::{Owner, WaysIn};
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::id::CredentialId;
use ciam_core::notify::MessageCode;
use ciam_core::password::PasswordFactor;
use ciam_core::session::{Authenticated, StartedSession};
use ciam_core::store::{Batch, EntityRef, StoredRecord as _, Versioned, Write};

use super::change::Change;
use super::error::FactorError;
use super::service::Factors;
use crate::webauthn::{PasskeyId, PasskeyRecord};

/// Adds the removal of a credential, and of what says that a passkey's id is taken.
pub(super) fn removing(batch: Batch, known: &Versioned<Credential>) -> Batch {
    let id = known.value.id;
    let batch =
        batch.require_version(EntityRef::Credential(id), known.version).write(Write::DeleteCredential(id));
    match PasskeyRecord::of(&known.value) {
        Some(passkey) => batch.write(Write::DeleteRecord(PasskeyId::KIND, PasskeyId::key_of(&passkey.id))),
        None => batch,
    }
}

impl Factors {
    /// Removes one of the owner's factors. Every other session is over; this one goes on with a new secret.
    ///
    /// # Errors
    ///
    /// Fails when there is no such factor, when it is the last way in or required, when the owner has to prove themselves
    /// first or with something stronger, when the account changes meanwhile, and when a port fails.
    pub async fn remove(&self, owner: &Owner<'_>, id: CredentialId) -> Result<StartedSession, FactorError> {
        let (mut current, mut credentials) = self.proved(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let known = self.removable(&current, &credentials, id).await?;
            let batch = removing(Batch::new(), known).event(self.changed(owner, &known.value, "removed")?);
            let factor = known.value.factor.clone();
            let change = Change {
                batch,
                notice: MessageCode::FactorRemoved,
                factor: &factor,
                proof: None,
                ends_others: true,
            };
            if let Some(started) = self.commit(owner, &current, change).await? {
                return Ok(started);
            }
            (current, credentials) = self.again(&current).await?;
        }
        Err(FactorError::Changed)
    }

    /// The factor, if it may go.
    async fn removable<'a>(
        &self,
        current: &Authenticated,
        credentials: &'a [Versioned<Credential>],
        id: CredentialId,
    ) -> Result<&'a Versioned<Credential>, FactorError> {
        let known = credentials
            .iter()
            .find(|it| it.value.id == id && it.value.state == CredentialState::Active)
            .filter(|it| it.value.factor != PasswordFactor::NAME)
            .ok_or(FactorError::NotFound)?;
        if !self.is_matched(&current.session.value.context, &known.value) {
            return Err(FactorError::NeedsStrongerProof);
        }
        let account = &current.account.value;
        let left: Vec<_> = credentials.iter().filter(|it| it.value.id != id).cloned().collect();
        let federated = self.accounts.identities_of(account.id).await?.len();
        if WaysIn::of(account, &left, federated, self.accounts.policy()).is_empty() {
            return Err(FactorError::LastWayIn);
        }
        Ok(known)
    }
}
