//! What an account page shows.

use ciam_core::account::Owner;
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::password::PasswordFactor;
use ciam_core::store::{Batch, EntityRef, Write};
use serde::Serialize;
use time::OffsetDateTime;

use super::error::FactorError;
use super::service::Factors;
use crate::recovery::{RecoveryCodeFactor, remaining};
use crate::webauthn::PasskeyRecord;

/// A factor of an account, as it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnrolledFactor {
    /// The credential's id.
    pub id: CredentialId,
    /// The factor's name, such as `totp`.
    pub factor: String,
    /// The name that the owner gave it.
    pub label: Option<String>,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last proved the person.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// Of a sheet of recovery codes: how many are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<usize>,
    /// Of a passkey: whether it is kept in more than one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronised: Option<bool>,
}

impl Factors {
    /// The active factors of an account but its password, oldest first.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn list(&self, account: AccountId) -> Result<Vec<EnrolledFactor>, PortError> {
        let credentials = self.ports.store().credentials_of(account).await?;
        let left = remaining(&credentials);
        let shown = |credential: &Credential| EnrolledFactor {
            id: credential.id,
            factor: credential.factor.clone(),
            label: credential.label.clone(),
            created_at: credential.created_at,
            last_used_at: credential.last_used_at,
            left: left.filter(|_| credential.factor == RecoveryCodeFactor::NAME),
            synchronised: PasskeyRecord::of(credential).map(|passkey| passkey.backed_up),
        };
        let active = credentials.iter().filter(|it| {
            it.value.state == CredentialState::Active && it.value.factor != PasswordFactor::NAME
        });
        Ok(active.map(|it| shown(&it.value)).collect())
    }

    /// Gives one of the owner's factors another name.
    ///
    /// # Errors
    ///
    /// Fails when there is no such factor, when the name cannot be used, when it changes at the same moment again and again,
    /// and when a port fails.
    pub async fn rename(&self, owner: &Owner<'_>, id: CredentialId, label: &str) -> Result<(), FactorError> {
        let label = self.label(label)?;
        let account = owner.current.account.value.id;
        for _ in 0..Self::MAX_RACES {
            let credentials = self.ports.store().credentials_of(account).await?;
            let known = credentials
                .iter()
                .find(|it| it.value.id == id && it.value.state == CredentialState::Active)
                .ok_or(FactorError::NotFound)?;
            let mut named = known.value.clone();
            named.label.clone_from(&label);
            let event = self.changed(owner, &named, "renamed")?;
            let batch = Batch::new()
                .require_version(EntityRef::Credential(id), known.version)
                .write(Write::PutCredential(named))
                .event(event);
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
        }
        Err(FactorError::Changed)
    }
}
