//! Sign-up by invitation: an administrator invites a person to the tenant, or an organization invites them.
//!
//! The token came by mail to one address, so it proves that address and no other. An invitation to the tenant belongs to a
//! pending account that the administrator has made; one of an organization makes an account with the membership, for a
//! person who has none. Who has an account signs in and accepts there:
//! [`Organizations::accept_invitation`](crate::organization::Organizations::accept_invitation).

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::challenge::Acceptance;
use super::methods::SignInMethod;
use super::reclaim::{Claimed, is_owned};
use super::service::Journeys;
use super::sign_up::{CreateError, Person};
use super::state::{Journey, JourneyHandle};
use super::step::{RefusalReason, Step};
use super::throttle;
use super::types::{JourneyError, Visitor};
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, Profile};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::notify::{Channel, Message, MessageCode};
use crate::organization::InvitationError;
use crate::ports::Ports;
use crate::ratelimit::source_of;
use crate::secret::{Secret, TokenDigest};
use crate::session::SessionError;
use crate::store::{
    self, Batch, EntityRef, IndexDeclaration, IndexValue, PageRequest, RecordKind, StoredRecord, Versioned,
    Write,
};

/// An invitation of a person to the tenant: one for an account, good once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountInvitation {
    /// The pending account.
    pub account: AccountId,
    /// The digest of the token in the mail; the key of the record.
    pub token: TokenDigest,
    /// The digest of the address that it was sent to.
    address: TokenDigest,
    /// Who invited.
    pub invited_by: Actor,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// From when it is good no more.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

impl AccountInvitation {
    fn address_of(account: AccountId, email: &IdentifierKey) -> TokenDigest {
        TokenDigest::of(&format!("invitation\n{account}\n{}", email.as_str()))
    }
}

impl StoredRecord for AccountInvitation {
    const KIND: RecordKind = RecordKind::new("core.account_invitation", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.token.to_text()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// Invites persons to the tenant.
#[derive(Clone, Debug)]
pub struct AccountInvitations {
    ports: Ports,
    lifetime: Duration,
}

impl AccountInvitations {
    /// Invitations that are good for seven days.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports, lifetime: Duration::days(7) }
    }

    /// Sets how long an invitation is good.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Makes a pending account for an address and sends the invitation; for an account that is pending already, sends
    /// another one, and those of before are good no more.
    ///
    /// # Errors
    ///
    /// Fails when somebody has the address, and when a port fails.
    pub async fn invite(
        &self,
        email: &IdentifierKey,
        profile: Profile,
        languages: Vec<String>,
        by: &Actor,
    ) -> Result<Account, InviteError> {
        let now = self.ports.now();
        let holder = self.ports.store().account_by_identifier(email).await?;
        let (account, mut batch) = match holder {
            None => {
                let mut account =
                    Account::new(AccountId::generate(self.ports.clock(), self.ports.entropy())?, now);
                account.identifiers.push(Identifier::unverified(email.clone()));
                account.profile = profile;
                let batch = Batch::new()
                    .require_absent(EntityRef::Identifier(email.clone()))
                    .require_absent(EntityRef::Account(account.id))
                    .write(Write::PutAccount(account.clone()));
                (account, batch)
            }
            Some(held)
                if held.value.status == AccountStatus::Pending && !is_owned(&held.value, email, now) =>
            {
                let batch = Batch::new().require_version(EntityRef::Account(held.value.id), held.version);
                (held.value, batch)
            }
            Some(_) => return Err(InviteError::Taken),
        };
        let before = self
            .ports
            .store()
            .records_by(
                AccountInvitation::KIND,
                BY_ACCOUNT.name(),
                &account.id.to_string(),
                PageRequest::first(32),
            )
            .await?;
        for old in before.items {
            batch = batch.write(Write::DeleteRecord(AccountInvitation::KIND, old.value.key));
        }
        let token = Secret::random(self.ports.entropy())?;
        let invitation = AccountInvitation {
            account: account.id,
            token: token.digest(),
            address: AccountInvitation::address_of(account.id, email),
            invited_by: by.clone(),
            created_at: now,
            expires_at: now + self.lifetime,
        };
        let (code, to) = (MessageCode::AccountInvitation, email.as_str());
        let message = Message::new(&self.ports, code, Channel::Email, to, invitation.expires_at)?
            .with("token", token.expose())
            .with("days", self.lifetime.whole_days().to_string())
            .with_account(account.id)
            .with_languages(languages);
        let event = Event::new(&self.ports, EventType::INVITATION_SENT, account.event_subject())?.by(by);
        let batch = batch
            .put(&invitation)
            .map_err(PortError::from)?
            .event(event)
            .message(message.seal(&self.ports).await?);
        if self.ports.store().commit(batch).await?.is_applied() {
            Ok(account)
        } else {
            Err(InviteError::Taken)
        }
    }
}

/// A person was not invited.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Somebody has the address already, or got it at the same moment.
    #[error("the address belongs to somebody")]
    Taken,
    /// A port failed.
    #[error("the invitation cannot be stored")]
    Port(#[from] PortError),
}

/// An invitation as the invited person sees it, by its token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invited {
    /// The address that it was sent to.
    pub email: IdentifierKey,
    /// The name of the organization that invites, where it is one.
    pub organization: Option<String>,
}

/// What is behind a token.
enum Behind {
    Tenant {
        invitation: Versioned<AccountInvitation>,
        account: Box<Versioned<Account>>,
        email: IdentifierKey,
    },
    Organization(Box<crate::organization::OpenInvitation>),
}

impl Behind {
    const fn email(&self) -> &IdentifierKey {
        match self {
            Self::Tenant { email, .. } => email,
            Self::Organization(open) => &open.email,
        }
    }
}

impl Journeys {
    /// The invitation behind a token, to show it; `None` when there is none that is good. Changes nothing.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn invitation(&self, token: &Secret) -> Result<Option<Invited>, PortError> {
        Ok(self.behind(token).await?.map(|behind| Invited {
            email: behind.email().clone(),
            organization: match &behind {
                Behind::Tenant { .. } => None,
                Behind::Organization(open) => Some(open.organization().name.clone()),
            },
        }))
    }

    async fn behind(&self, token: &Secret) -> Result<Option<Behind>, PortError> {
        let key = token.digest().to_text();
        if let Some(invitation) = store::load::<AccountInvitation>(self.ports.store(), &key).await? {
            let Some(account) = self.ports.store().account(invitation.value.account).await? else {
                return Ok(None);
            };
            // The address that the mail went to, and no other that the account has got since.
            let sent = |it: &&Identifier| {
                AccountInvitation::address_of(account.value.id, &it.key) == invitation.value.address
            };
            let pending = account.value.status == AccountStatus::Pending;
            let email = account.value.identifiers.iter().find(sent).filter(|_| pending);
            let Some(email) = email.map(|it| it.key.clone()) else { return Ok(None) };
            return Ok(Some(Behind::Tenant { invitation, account: Box::new(account), email }));
        }
        let Some(organizations) = &self.organizations else { return Ok(None) };
        Ok(organizations.invitation(token).await?.map(|open| Behind::Organization(Box::new(open))))
    }

    /// Takes the acceptance of an invitation by a person without an account.
    pub(super) async fn accept_invitation(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        acceptance: Acceptance,
    ) -> Result<Step, JourneyError> {
        let methods = self.methods(&journey);
        let needed =
            if acceptance.password.is_some() { SignInMethod::Password } else { SignInMethod::EmailCode };
        if !methods.allow(needed) {
            return Ok(self.refused(&journey, RefusalReason::Method));
        }
        let peer = source_of(visitor.peer.address);
        if let Some(wait) = throttle::count(&self.limiter, &self.policy.register_per_peer, &peer).await? {
            return Ok(self.limited(&journey, wait));
        }
        let Some(named) = self.profile(acceptance.name.as_deref()) else {
            return Ok(self.refused(&journey, RefusalReason::Name));
        };
        let mut password = None;
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let Some(behind) = self.behind(&acceptance.token).await? else {
                return Ok(self.refused(&journey, RefusalReason::Invitation));
            };
            let email = behind.email().clone();
            if let (None, Some(typed)) = (&password, &acceptance.password) {
                let name = acceptance.name.as_deref().unwrap_or_default();
                match self.accept(typed, &email, name).await? {
                    Ok(hash) => password = Some(hash),
                    Err(reason) => return Ok(self.refused(&journey, reason)),
                }
            }
            let (mut claimed, more) = match self.invited(&behind).await? {
                Ok(invited) => invited,
                Err(reason) => return Ok(self.refused(&journey, reason)),
            };
            for (name, value) in named.iter() {
                claimed.account.profile.set(name, value.clone()).map_err(PortError::permanent)?;
            }
            let person = Person {
                claimed,
                identifier: email,
                channel: Channel::Email,
                password: password.clone(),
                more,
            };
            let finishing = self.advance(handle, &journey, super::state::Stage::Finishing).await?;
            match self.create_account(visitor, &journey, current.as_ref(), person).await {
                Ok(created) => return self.created(handle, visitor, &finishing, created).await,
                Err(CreateError::Taken | CreateError::Session(SessionError::Changed)) => {
                    journey = self.give_back(handle, &journey, &finishing).await?;
                    current = self.look_again(current).await?;
                }
                Err(CreateError::Session(error)) => {
                    let restored = self.give_back(handle, &journey, &finishing).await;
                    return self.failed(restored, error);
                }
            }
        }
        Err(JourneyError::Changed)
    }

    /// The account that an invitation is for, as it will be, and what belongs to the same commit.
    async fn invited(&self, behind: &Behind) -> Result<Result<(Claimed, Batch), RefusalReason>, PortError> {
        match behind {
            Behind::Tenant { invitation, account, email } => {
                let holder = Versioned::clone(account);
                let mut claimed = self.take_over(email, holder, EventType::ACCOUNT_ACTIVATED).await?;
                // What the administrator knows of the person stays.
                claimed.account.profile = account.value.profile.clone();
                let record = EntityRef::record::<AccountInvitation>(invitation.value.key());
                let accepted =
                    Event::new(&self.ports, EventType::INVITATION_ACCEPTED, account.value.event_subject())?;
                let more = Batch::new()
                    .require_version(record, invitation.version)
                    .write(Write::DeleteRecord(AccountInvitation::KIND, invitation.value.key()))
                    .event(accepted);
                Ok(Ok((claimed, more)))
            }
            Behind::Organization(open) => {
                let Some(claimed) = self.claim(&open.email).await? else {
                    return Ok(Err(RefusalReason::AlreadyRegistered));
                };
                let Some(organizations) = &self.organizations else {
                    return Ok(Err(RefusalReason::Invitation));
                };
                match organizations.accepting(open, claimed.account.id, Batch::new()) {
                    Ok((more, _membership)) => Ok(Ok((claimed, more))),
                    Err(InvitationError::Port(error)) => Err(error),
                    Err(_) => Ok(Err(RefusalReason::Invitation)),
                }
            }
        }
    }
}
