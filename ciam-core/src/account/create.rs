//! Accounts that an administrator or an import makes.

use super::{Account, AccountStatus, Identifier, Profile};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::password::{PasswordFactor, PasswordHash};
use crate::ports::Ports;
use crate::store::{Batch, Commit, EntityRef, Write};

/// An account that is to be made without the person's doing: by an administrator, an import, a directory.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
/// use ciam_core::memory;
///
/// let ports = memory::ports();
/// let email = IdentifierKey::email("ada@example.com")?;
/// let account = NewAccount::new(Identifier::verified(email, ports.now())).create(&ports).await?;
/// assert!(account.status.may_sign_in());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `create`"]
pub struct NewAccount {
    identifiers: Vec<Identifier>,
    profile: Profile,
    password: Option<PasswordHash>,
}

impl NewAccount {
    /// An account with one identifier, an empty profile and no password.
    pub fn new(identifier: Identifier) -> Self {
        Self { identifiers: vec![identifier], profile: Profile::new(), password: None }
    }

    /// Adds an identifier.
    pub fn with_identifier(mut self, identifier: Identifier) -> Self {
        self.identifiers.push(identifier);
        self
    }

    /// Sets the profile.
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets the password, as [`PasswordFactor::accept`] hashed it.
    pub fn with_password(mut self, password: PasswordHash) -> Self {
        self.password = Some(password);
        self
    }

    /// Makes the account with its password and its event, in one commit. It is active when an identifier is verified, and
    /// pending otherwise.
    ///
    /// # Errors
    ///
    /// Fails when an identifier belongs to somebody already, and when a port fails.
    pub async fn create(self, ports: &Ports) -> Result<Account, CreateAccountError> {
        let id = AccountId::generate(ports.clock(), ports.entropy())?;
        let mut account = Account::new(id, ports.now());
        if self.identifiers.iter().any(Identifier::is_verified) {
            account.status = AccountStatus::Active;
        }
        account.identifiers = self.identifiers;
        account.profile = self.profile;
        let event = Event::new(ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?;
        let mut batch = Batch::new().require_absent(EntityRef::Account(id)).event(event);
        for identifier in &account.identifiers {
            batch = batch.require_absent(EntityRef::Identifier(identifier.key.clone()));
        }
        batch = batch.write(Write::PutAccount(account.clone()));
        if let Some(password) = &self.password {
            batch = batch.write(Write::PutCredential(PasswordFactor::credential(ports, id, password)?));
        }
        match ports.store().commit(batch).await? {
            Commit::Applied => Ok(account),
            Commit::Conflict(_) => Err(CreateAccountError::Taken),
        }
    }
}

/// An account was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateAccountError {
    /// An identifier belongs to somebody already.
    #[error("an identifier is taken")]
    Taken,
    /// A port failed.
    #[error("the account cannot be stored")]
    Port(#[from] PortError),
}
