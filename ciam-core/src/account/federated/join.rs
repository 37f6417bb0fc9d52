//! Somebody comes with a verified identity elsewhere: they get their account, a new one, or one that they prove first.

use super::UpstreamIdentity;
use super::decision::{FederatedDecision, Situation};
use crate::account::service::Accounts;
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::hooks::HookDecision;
use crate::id::AccountId;
use crate::store::{Batch, EntityRef, Versioned, Write};

/// What somebody with a verified identity elsewhere gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Joined {
    /// This account: the sign-in goes on with what the upstream has proved.
    Account {
        /// The account.
        account: Versioned<Account>,
        /// Whether it was made for them just now.
        created: bool,
    },
    /// An account that holds their address. They sign in to it first, and link then: [`Accounts::join_proved`].
    ProveAccount {
        /// The address, to fill in. The upstream has verified it: they learn nothing that they could not know.
        email: IdentifierKey,
    },
}

/// Somebody with a verified identity elsewhere gets no account.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FederatedError {
    /// Their account may not sign in.
    #[error("the account may not sign in")]
    NotAllowed,
    /// The host's hook refused.
    #[error("the host refused the registration")]
    Denied {
        /// The hook's code.
        code: String,
    },
    /// A port failed.
    #[error("the identity cannot be looked up or stored")]
    Port(#[from] PortError),
}

impl Accounts {
    /// Finds or makes the account of somebody with a verified identity elsewhere.
    ///
    /// # Errors
    ///
    /// Fails when their account may not sign in, when the host's hook refuses the registration, and when a port fails.
    ///
    /// # Security
    ///
    /// An existing account is never given to whoever shows its address, verified elsewhere or not; see [`Situation`].
    pub async fn join(&self, identity: &UpstreamIdentity) -> Result<Joined, FederatedError> {
        self.join_with(identity, None).await
    }

    /// The same, once the person has signed in, in the same journey, to the account that they were asked to prove.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn join_proved(
        &self,
        identity: &UpstreamIdentity,
        proved: AccountId,
    ) -> Result<Joined, FederatedError> {
        self.join_with(identity, Some(proved)).await
    }

    async fn join_with(
        &self,
        identity: &UpstreamIdentity,
        proved: Option<AccountId>,
    ) -> Result<Joined, FederatedError> {
        for _ in 0..Self::MAX_RACES {
            let linked = match self.identity(identity).await? {
                Some(link) => self.ports.store().account(link.value.account).await?,
                None => None,
            };
            let holder = match &identity.verified_email {
                Some(email) => self.ports.store().account_by_identifier(email).await?,
                None => None,
            };
            let situation = Situation {
                linked: linked.as_ref().map(|account| &account.value),
                verified_email: identity.verified_email.as_ref(),
                holder: holder.as_ref().map(|account| &account.value),
                proved,
                ..Situation::new(self.now())
            };
            let (batch, account, created) =
                match (situation.decide(), linked, holder, &identity.verified_email) {
                    (FederatedDecision::SignIn(_), Some(account), _, _) => {
                        return Ok(Joined::Account { account, created: false });
                    }
                    (FederatedDecision::ProveAccount(_), _, _, Some(email)) => {
                        return Ok(Joined::ProveAccount { email: email.clone() });
                    }
                    (FederatedDecision::Link(id), ..) => {
                        (self.linking_proved(identity, id).await?, id, false)
                    }
                    (FederatedDecision::Reclaim(_), _, Some(holder), Some(email)) => {
                        (self.reclaiming(identity, &holder, email).await?, holder.value.id, true)
                    }
                    (FederatedDecision::Create, _, _, email) => {
                        let (batch, id) = self.creating(identity, email.as_ref()).await?;
                        (batch, id, true)
                    }
                    (FederatedDecision::CreateWithoutEmail, ..) => {
                        let (batch, id) = self.creating(identity, None).await?;
                        (batch, id, true)
                    }
                    _ => return Err(FederatedError::NotAllowed),
                };
            if self.ports.store().commit(batch).await?.is_applied() {
                let account = self.ports.store().account(account).await?;
                let account = account.ok_or_else(|| PortError::transient("the account is not there yet"))?;
                return Ok(Joined::Account { account, created });
            }
        }
        Err(PortError::transient("the account kept changing").into())
    }

    async fn linking_proved(
        &self,
        identity: &UpstreamIdentity,
        id: AccountId,
    ) -> Result<Batch, FederatedError> {
        let account = self.ports.store().account(id).await?;
        let account = account.filter(|account| account.value.may_sign_in(self.now()));
        let account = account.ok_or(FederatedError::NotAllowed)?;
        let batch = Batch::new().require_version(EntityRef::Account(id), account.version);
        Ok(batch.append(self.linking(account.value, identity, &Actor::Account(id)).await?))
    }

    async fn creating(
        &self,
        identity: &UpstreamIdentity,
        email: Option<&IdentifierKey>,
    ) -> Result<(Batch, AccountId), FederatedError> {
        let now = self.now();
        let id = AccountId::generate(self.ports.clock(), self.ports.entropy())?;
        let mut account = Account::new(id, now);
        account.status = AccountStatus::Active;
        account.profile = identity.profile.clone();
        if let Some(email) = email {
            let hook = self.ports.hooks().before_registration(email, &mut account.profile).await?;
            if let HookDecision::Deny { code } = hook {
                return Err(FederatedError::Denied { code });
            }
            account.identifiers.push(Identifier::verified(email.clone(), now));
        }
        let mut batch = Batch::new().require_absent(EntityRef::Account(id));
        for identifier in &account.identifiers {
            batch = batch.require_absent(EntityRef::Identifier(identifier.key.clone()));
        }
        let registered = Event::new(&self.ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?
            .with("issuer", identity.issuer.as_str());
        let batch = batch.event(registered);
        Ok((batch.append(self.linking(account, identity, &Actor::Account(id)).await?), id))
    }

    /// Empties an account that somebody began for this address and never proved: what they left there to come back with is
    /// gone before it is anybody's.
    async fn reclaiming(
        &self,
        identity: &UpstreamIdentity,
        holder: &Versioned<Account>,
        email: &IdentifierKey,
    ) -> Result<Batch, FederatedError> {
        let now = self.now();
        let id = holder.value.id;
        let mut account = holder.value.clone();
        account.status = account.status.transition(AccountStatus::Active).map_err(PortError::permanent)?;
        account.session_epoch = account.session_epoch.saturating_add(1);
        account.identifiers = vec![Identifier::verified(email.clone(), now)];
        account.profile = identity.profile.clone();
        let event = Event::new(&self.ports, EventType::ACCOUNT_RECLAIMED, account.event_subject())?
            .with("issuer", identity.issuer.as_str());
        let mut batch = Batch::new().require_version(EntityRef::Account(id), holder.version).event(event);
        for credential in self.ports.store().credentials_of(id).await? {
            let entity = EntityRef::Credential(credential.value.id);
            batch = batch
                .require_version(entity, credential.version)
                .write(Write::DeleteCredential(credential.value.id));
        }
        for link in self.identities_of(id).await? {
            let key = link.value.id.to_text();
            batch = batch.write(Write::DeleteRecord(
                <super::FederatedIdentity as crate::store::StoredRecord>::KIND,
                key,
            ));
        }
        Ok(batch.append(self.linking(account, identity, &Actor::Account(id)).await?))
    }
}
