//! The holder of an identifier takes it back.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::rules;
use crate::account::service::Accounts;
use crate::account::{Account, AccountStatus, IdentifierKey};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::secret::{Secret, TokenDigest};
use crate::store::{
    self, Batch, EntityRef, IndexDeclaration, IndexValue, RecordKind, StoredRecord, Versioned, Write,
};

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

/// That an identifier can be taken back, by whoever has the link that was sent to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdentifierRevert {
    /// The digest of the link's token.
    pub token: TokenDigest,
    /// Whose it was.
    pub account: AccountId,
    /// The digest of the token and the identifier: which one it is can be seen with the link only.
    pub identifier: TokenDigest,
    /// When it was given up.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Until when it can be taken back.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
}

impl IdentifierRevert {
    pub(super) fn new(
        token: &Secret,
        key: &IdentifierKey,
        account: AccountId,
        at: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Self {
        Self { token: token.digest(), account, identifier: bound(token, key), at, until }
    }
}

fn bound(token: &Secret, key: &IdentifierKey) -> TokenDigest {
    TokenDigest::of(&format!("{}\n{}:{}", token.expose(), key.kind().as_str(), key.as_str()))
}

impl StoredRecord for IdentifierRevert {
    const KIND: RecordKind = RecordKind::new("core.identifier_revert", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.token.to_text()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.until)
    }
}

/// An identifier was not taken back.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevertError {
    /// The link was used, is too old, or never was one.
    #[error("the link is no longer good")]
    Unknown,
    /// A port failed.
    #[error("the identifier cannot be taken back now")]
    Port(#[from] PortError),
}

impl Accounts {
    /// Whether a link to take an identifier back is still good, for the page with the button. Reading it changes nothing.
    ///
    /// # Errors
    ///
    /// Fails with [`RevertError::Unknown`] when it is not, and when a port fails.
    pub async fn revertible(&self, token: &Secret) -> Result<IdentifierKey, RevertError> {
        let (_, _, key) = self.reverting(token).await?;
        Ok(key)
    }

    /// Takes an identifier back, by the link that was sent to it: it is the account's primary one of its kind again, every
    /// address and number that was added since shortly before it was given up is gone, and every session is over. Nobody
    /// need be signed in.
    ///
    /// # Errors
    ///
    /// Fails with [`RevertError::Unknown`] when the link is not good, and when a port fails.
    pub async fn revert_identifier(&self, token: &Secret) -> Result<Account, RevertError> {
        for _ in 0..Self::MAX_RACES {
            let (record, account, key) = self.reverting(token).await?;
            let since = record.value.at - self.policy.reservation;
            let changed =
                rules::revert(&account.value, &key, since, self.now()).ok_or(RevertError::Unknown)?;
            let entity = EntityRef::record::<IdentifierRevert>(record.value.key());
            let event = Event::new(&self.ports, EventType::IDENTIFIER_CHANGED, changed.event_subject())?
                .by(&Actor::Account(changed.id))
                .with("kind", key.kind().as_str())
                .with("change", "reverted");
            let batch = Batch::new()
                .require_version(entity, record.version)
                .require_version(EntityRef::Account(changed.id), account.version)
                .write(Write::PutAccount(changed.clone()))
                .write(Write::DeleteRecord(IdentifierRevert::KIND, record.value.key()))
                .event(event);
            if self.ports.store().commit(batch).await?.is_applied() {
                self.end_sessions(changed.id).await;
                return Ok(changed);
            }
        }
        Err(PortError::transient("the account kept changing").into())
    }

    async fn reverting(
        &self,
        token: &Secret,
    ) -> Result<(Versioned<IdentifierRevert>, Versioned<Account>, IdentifierKey), RevertError> {
        let store = self.ports.store();
        let record = store::load::<IdentifierRevert>(store, &token.digest().to_text()).await?;
        let record = record.ok_or(RevertError::Unknown)?;
        let account = store.account(record.value.account).await?.ok_or(RevertError::Unknown)?;
        if account.value.status == AccountStatus::Erased {
            return Err(RevertError::Unknown);
        }
        let mut reserved = account.value.identifiers.iter().filter(|known| known.is_reserved());
        let found = reserved.find(|known| bound(token, &known.key) == record.value.identifier);
        let key = found.ok_or(RevertError::Unknown)?.key.clone();
        Ok((record, account, key))
    }
}
