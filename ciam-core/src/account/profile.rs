//! Profiles are changed by the schema: by their owners, and by administrators.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Account;
use super::owner::Owner;
use super::schema::{Party, SchemaErrors};
use super::service::Accounts;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::store::{Batch, EntityRef, Versioned, Write};

impl Accounts {
    /// Changes the owner's profile. Attributes that are not named stay. No fresh proof is asked for.
    ///
    /// # Errors
    ///
    /// Fails when the schema refuses a change, when the account kept changing meanwhile, and when a port fails.
    pub async fn change_profile(
        &self,
        owner: &Owner<'_>,
        changes: &BTreeMap<String, Value>,
    ) -> Result<Account, ProfileChangeError> {
        let id = owner.current.account.value.id;
        self.changing_profile(id, changes, Party::Owner, &owner.actor()).await
    }

    /// Changes an account's profile, by an administrator or the system.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when the schema refuses a change, when the account kept changing meanwhile,
    /// and when a port fails.
    pub async fn change_profile_of(
        &self,
        id: AccountId,
        changes: &BTreeMap<String, Value>,
        party: Party<'_>,
        by: &Actor,
    ) -> Result<Account, ProfileChangeError> {
        self.changing_profile(id, changes, party, by).await
    }

    async fn changing_profile(
        &self,
        id: AccountId,
        changes: &BTreeMap<String, Value>,
        party: Party<'_>,
        by: &Actor,
    ) -> Result<Account, ProfileChangeError> {
        for _ in 0..Self::MAX_RACES {
            let account = self.ports.store().account(id).await?.ok_or(ProfileChangeError::NotFound)?;
            let profile = self.schema.change(&account.value.profile, changes, party)?;
            if profile == account.value.profile {
                return Ok(account.value);
            }
            let Versioned { value: mut changed, version, .. } = account;
            let names: Vec<&str> = changes
                .keys()
                .map(String::as_str)
                .filter(|name| changed.profile.get(name) != profile.get(name))
                .collect();
            let event = Event::new(&self.ports, EventType::ACCOUNT_UPDATED, changed.event_subject())?
                .by(by)
                .with("attributes", names);
            changed.profile = profile;
            changed.updated_at = self.now();
            let batch = Batch::new()
                .require_version(EntityRef::Account(id), version)
                .write(Write::PutAccount(changed.clone()))
                .event(event);
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(changed);
            }
        }
        Err(PortError::transient("the account kept changing").into())
    }
}

/// A profile was not changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileChangeError {
    /// There is no such account in this tenant.
    #[error("there is no such account")]
    NotFound,
    /// The schema refuses it.
    #[error("the schema refuses the change")]
    Refused(#[from] SchemaErrors),
    /// A port failed.
    #[error("the change cannot be stored")]
    Port(#[from] PortError),
}
