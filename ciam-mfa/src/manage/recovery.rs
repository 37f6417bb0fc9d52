//! A new sheet of recovery codes.

use ciam_core::account::Owner;
use ciam_core::credential::Credential;
use ciam_core::notify::MessageCode;
use ciam_core::session::StartedSession;
use ciam_core::store::{Batch, EntityRef, Write};

use super::change::Change;
use super::error::FactorError;
use super::service::Factors;
use crate::recovery::{RecoveryCodeFactor, RecoveryCodes, sheet};

impl Factors {
    /// Makes a new sheet of recovery codes, which takes the place of the old one. Show it: it cannot be shown again.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when they do it too often, when the account changes meanwhile, and
    /// when a port fails.
    pub async fn replace_recovery_codes(
        &self,
        owner: &Owner<'_>,
    ) -> Result<(RecoveryCodes, StartedSession), FactorError> {
        let (mut current, mut credentials) = self.proved(owner).await?;
        self.count(&current, RecoveryCodeFactor::NAME).await?;
        let (codes, added) = sheet(&self.ports, current.account.value.id).await?;
        for _ in 0..Self::MAX_RACES {
            let old: Vec<_> =
                credentials.iter().filter(|it| it.value.factor == RecoveryCodeFactor::NAME).collect();
            if credentials.len() - old.len() >= Credential::MAX_PER_ACCOUNT {
                return Err(FactorError::TooManyThings);
            }
            let mut batch = Batch::new().require_absent(EntityRef::Credential(added.id));
            for old in &old {
                let id = old.value.id;
                batch = batch
                    .require_version(EntityRef::Credential(id), old.version)
                    .write(Write::DeleteCredential(id));
            }
            let what = if old.is_empty() { "added" } else { "replaced" };
            let batch =
                batch.write(Write::PutCredential(added.clone())).event(self.changed(owner, &added, what)?);
            let change = Change {
                batch,
                notice: MessageCode::FactorAdded,
                factor: RecoveryCodeFactor::NAME,
                proof: None,
                ends_others: false,
            };
            if let Some(started) = self.commit(owner, &current, change).await? {
                return Ok((codes, started));
            }
            (current, credentials) = self.again(&current).await?;
        }
        Err(FactorError::Changed)
    }
}
