//! An address that somebody has proved, and another account only claims.
//!
//! Whoever types an address first has no right to it: who proves it does. What a stranger put into the account that claims
//! it (a password, a federated identity, a profile) does not survive the owner.

use time::OffsetDateTime;

use super::service::Journeys;
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::store::{Batch, EntityRef, Versioned, Write};

/// An account for somebody who has proved an identifier, and what has to hold and to change for it.
pub(super) struct Claimed {
    pub(super) account: Account,
    pub(super) batch: Batch,
}

impl Journeys {
    /// An active account for the owner of this identifier; `None` when it has one already.
    pub(super) async fn claim(&self, key: &IdentifierKey) -> Result<Option<Claimed>, PortError> {
        let holder = self.ports.store().account_by_identifier(key).await?;
        match holder {
            None => {
                let batch = Batch::new().require_absent(EntityRef::Identifier(key.clone()));
                self.fresh_account(key, batch).map(Some)
            }
            Some(holder) if is_owned(&holder.value, key, self.ports.now()) => Ok(None),
            Some(holder) if holder.value.status == AccountStatus::Pending => {
                self.take_over(key, holder, EventType::IDENTIFIER_RECLAIMED).await.map(Some)
            }
            Some(holder) => {
                let batch = self.release(key, holder)?;
                self.fresh_account(key, batch).map(Some)
            }
        }
    }

    fn fresh_account(&self, key: &IdentifierKey, batch: Batch) -> Result<Claimed, PortError> {
        let now = self.ports.now();
        let id = AccountId::generate(self.ports.clock(), self.ports.entropy())?;
        let mut account = Account::new(id, now);
        account.status = AccountStatus::Active;
        account.identifiers.push(Identifier::verified(key.clone(), now));
        Ok(Claimed { account, batch: batch.require_absent(EntityRef::Account(id)) })
    }

    /// An account in which nobody has proved anything becomes its owner's: without what was put into it.
    pub(super) async fn take_over(
        &self,
        key: &IdentifierKey,
        holder: Versioned<Account>,
        event: EventType,
    ) -> Result<Claimed, PortError> {
        let now = self.ports.now();
        let mut account = Account::new(holder.value.id, now);
        account.status = AccountStatus::Active;
        account.identifiers.push(Identifier::verified(key.clone(), now));
        account.session_epoch = holder.value.session_epoch.saturating_add(1);
        account.created_at = holder.value.created_at;
        let mut batch = Batch::new().require_version(EntityRef::Account(account.id), holder.version);
        for credential in self.ports.store().credentials_of(account.id).await? {
            batch = batch
                .require_version(EntityRef::Credential(credential.value.id), credential.version)
                .write(Write::DeleteCredential(credential.value.id));
        }
        let event = Event::new(&self.ports, event, account.event_subject())?;
        Ok(Claimed { account, batch: batch.event(event.with("kind", key.kind().as_str())) })
    }

    /// An account that is in use loses an identifier that it never proved.
    fn release(&self, key: &IdentifierKey, holder: Versioned<Account>) -> Result<Batch, PortError> {
        let mut account = holder.value;
        account.identifiers.retain(|identifier| identifier.key != *key);
        account.updated_at = self.ports.now();
        let event = Event::new(&self.ports, EventType::IDENTIFIER_RECLAIMED, account.event_subject())?;
        Ok(Batch::new()
            .require_version(EntityRef::Account(account.id), holder.version)
            .write(Write::PutAccount(account))
            .event(event.with("kind", key.kind().as_str())))
    }
}

/// Whether an account has proved this identifier, or has given it up so lately that nobody else may take it.
pub(super) fn is_owned(account: &Account, key: &IdentifierKey, now: OffsetDateTime) -> bool {
    let reserved = |identifier: &Identifier| identifier.reserved_until.is_some_and(|until| now < until);
    account.identifier_with(key).is_some_and(|identifier| identifier.is_verified() || reserved(identifier))
}
