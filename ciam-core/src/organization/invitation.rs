//! Invitations: a voucher for a membership, bound to one e-mail address, good once.
//!
//! Whoever has the token has read the mail of the invited address: accepting proves that address, and no other. The record
//! is there as long as the invitation is open; accepting and revoking delete it, so a token that is used up, revoked, expired,
//! invented or another tenant's is the same nothing.
//!
//! Accepting comes in two ways:
//!
//! - an account that holds the address as a verified one accepts with [`Organizations::accept_invitation`];
//! - a new account is made by the host's sign-up with the address as a verified identifier, and the part of
//!   [`Organizations::accepting`] goes into the same batch.
//!
//! What the invitation gives is looked at again when it is accepted: it is void when the one who invited may not give these
//! roles any more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::error::OrganizationError;
use super::members::{owners_after, with_owners};
use super::model::{Membership, Organization};
use super::role::{Permission, RoleName};
use super::service::{Organizations, Standing};
use crate::account::{Account, Identifier, IdentifierKey, IdentifierKind};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::EventType;
use crate::id::{AccountId, InvitationId, OrganizationId};
use crate::ports::Ports;
use crate::secret::{Secret, TokenDigest};
use crate::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, PageRequest, RecordKind, StoredRecord, Versioned, Write,
};
use crate::vault::{SealScope, Sealed};

/// An open invitation as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invitation {
    /// The id.
    pub id: InvitationId,
    /// Into which organization.
    pub organization: OrganizationId,
    /// The invited address, sealed: it may be of somebody who never had an account.
    pub(super) address: Sealed,
    /// By what an address is found among an organization's invitations.
    pub(super) address_digest: TokenDigest,
    /// The digest of the token in the mail.
    pub(super) token: TokenDigest,
    /// The roles that it gives.
    pub roles: BTreeSet<RoleName>,
    /// Who invited.
    pub invited_by: Actor,
    /// How often it was sent.
    pub sent: u32,
    /// When it was last sent.
    #[serde(with = "time::serde::rfc3339")]
    pub sent_at: OffsetDateTime,
    /// The language preferences of the mail, best first.
    pub languages: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// From when it is void.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Invitation {
    /// One invitation is sent at most this often.
    pub const MAX_SENT: u32 = 10;

    pub(super) const PURPOSE: &str = "core.invitation";

    pub(super) async fn digest_of(
        ports: &Ports,
        organization: OrganizationId,
        email: &IdentifierKey,
    ) -> Result<TokenDigest, PortError> {
        let text = format!("{organization}\n{}", email.as_str());
        let hash = ports.vault().lookup_hash("core.invitation.address", text.as_bytes()).await?;
        Ok(TokenDigest::from_bytes(*hash.as_bytes()))
    }
}

pub(super) const BY_ORGANIZATION: IndexDeclaration = IndexDeclaration::many("organization");
pub(super) const BY_TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
pub(super) const BY_ADDRESS: IndexDeclaration = IndexDeclaration::unique("address").hashed();

impl StoredRecord for Invitation {
    const KIND: RecordKind =
        RecordKind::new("core.invitation", &[BY_ORGANIZATION, BY_TOKEN, BY_ADDRESS]).private();
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_ORGANIZATION, self.organization.to_string()),
            IndexValue::new(BY_TOKEN, self.token.to_text()),
            IndexValue::new(BY_ADDRESS, self.address_digest.to_text()),
        ]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// An open invitation as administrators of the organization see it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The invited address.
    pub email: IdentifierKey,
}

/// An open invitation as the invited person sees it, by its token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenInvitation {
    /// The invitation.
    pub invitation: Versioned<Invitation>,
    /// The invited address.
    pub email: IdentifierKey,
    /// Where the one who invited stands now.
    pub(super) standing: Standing,
}

impl OpenInvitation {
    /// Into which organization.
    #[must_use]
    pub const fn organization(&self) -> &Organization {
        &self.standing.organization.value
    }

    /// Whether an account may accept: it holds the invited address, verified.
    #[must_use]
    pub fn is_for(&self, account: &Account) -> bool {
        account.identifier_with(&self.email).is_some_and(Identifier::is_verified)
    }
}

impl Organizations {
    /// The invitation behind a token; `None` when there is none that is good, for whatever reason.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn invitation(&self, token: &Secret) -> Result<Option<OpenInvitation>, PortError> {
        let digest = token.digest().to_text();
        let request = PageRequest::first(1);
        let page = self.ports.store().records_by(Invitation::KIND, BY_TOKEN.name(), &digest, request).await?;
        let Some(record) = page.items.into_iter().next() else { return Ok(None) };
        let invitation = Versioned::new(record.value.decode::<Invitation>()?, record.version);
        // The store compares texts; this compares the digests in constant time.
        if invitation.value.token != token.digest() {
            return Ok(None);
        }
        let standing = match self.ground(&invitation.value).await {
            Ok(standing) => standing,
            Err(OrganizationError::Port(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        let email = self.invited_address(&invitation.value).await?;
        Ok(Some(OpenInvitation { invitation, email, standing }))
    }

    /// Where the one who invited stands, if they still may give what they gave.
    async fn ground(&self, invitation: &Invitation) -> Result<Standing, OrganizationError> {
        let standing = self
            .permitted(&invitation.invited_by, invitation.organization, &Permission::MEMBER_INVITE)
            .await?;
        if !standing.organization.value.is_active() {
            return Err(OrganizationError::Suspended);
        }
        standing.held.may_change(&standing.book, &BTreeSet::new(), &invitation.roles)?;
        Ok(standing)
    }

    /// Accepts an invitation with an account that holds the invited address as a verified one. Who is a member already gets
    /// the roles of the invitation beside their own.
    ///
    /// # Errors
    ///
    /// Fails when there is no good invitation behind the token, when it is for another address than the account's, and when a
    /// port fails.
    pub async fn accept_invitation(
        &self,
        token: &Secret,
        account: AccountId,
    ) -> Result<Membership, InvitationError> {
        for _ in 0..Self::MAX_RACES {
            let open = self.invitation(token).await?.ok_or(InvitationError::Refused)?;
            let found = self.ports.store().account(account).await?;
            let found = found.filter(|found| found.value.status.may_sign_in());
            let found = found.ok_or(InvitationError::Refused)?;
            if !open.is_for(&found.value) {
                return Err(InvitationError::OtherAccount);
            }
            let existing = self.ports.store().membership(open.organization().id, account).await?;
            let batch = Batch::new().require_version(EntityRef::Account(account), found.version);
            let (batch, membership) = match existing {
                None => self.accepting(&open, account, batch)?,
                Some(existing) => self.growing(&open, &existing, batch)?,
            };
            if self.commit(batch).await? {
                return Ok(membership);
            }
        }
        Err(PortError::transient("the organization is being changed by others").into())
    }

    /// Adds the acceptance of an invitation by a new account to the batch that makes the account. That the account holds
    /// [`OpenInvitation::email`] as a verified identifier is the caller's part: the token proved it.
    ///
    /// A conflict at one of the conditions that this adds, all of them behind those of the caller, means that the invitation
    /// is to be looked at again with [`invitation`](Self::invitation): it was used up, or what it rests on has changed.
    ///
    /// # Errors
    ///
    /// Fails when the invitation gives what cannot be given any more, and when a port fails.
    pub fn accepting(
        &self,
        open: &OpenInvitation,
        account: AccountId,
        batch: Batch,
    ) -> Result<(Batch, Membership), InvitationError> {
        let invitation = &open.invitation.value;
        let membership =
            Membership::new(invitation.organization, account, invitation.roles.clone(), self.ports.now());
        let batch = self.joining(&open.standing, &membership, batch).map_err(InvitationError::from_rule)?;
        Ok((self.used_up(open, account, batch)?, membership))
    }

    /// Adds an invitation's roles to a membership that there is.
    fn growing(
        &self,
        open: &OpenInvitation,
        existing: &Versioned<Membership>,
        batch: Batch,
    ) -> Result<(Batch, Membership), InvitationError> {
        let before = &existing.value;
        let mut membership = before.clone();
        membership.roles.extend(open.invitation.value.roles.iter().cloned());
        if !before.is_active() || membership.roles.len() > Membership::MAX_ROLES {
            return Err(InvitationError::Refused);
        }
        let organization = open.organization();
        let owners =
            owners_after(organization, before, Some(&membership)).map_err(InvitationError::from_rule)?;
        let place = EntityRef::Membership(organization.id, before.account);
        let mut batch = open.standing.required(batch).require_version(place, existing.version);
        if membership != *before {
            let inviter = &open.invitation.value.invited_by;
            let event = self.member_event(EventType::MEMBERSHIP_CHANGED, &membership, inviter)?;
            batch = batch.write(Write::PutMembership(membership.clone())).event(event);
            batch = with_owners(batch, organization, owners);
        }
        Ok((self.used_up(open, before.account, batch)?, membership))
    }

    /// Uses the invitation up: of all who try, one does.
    fn used_up(&self, open: &OpenInvitation, account: AccountId, batch: Batch) -> Result<Batch, PortError> {
        let key = open.invitation.value.key();
        let place = EntityRef::record::<Invitation>(key.clone());
        let event =
            self.event(EventType::INVITATION_ACCEPTED, open.organization(), &Actor::Account(account))?;
        let event = event.with("invitation", key.clone());
        let batch = batch.require_version(place, open.invitation.version).event(event);
        Ok(batch.write(Write::DeleteRecord(Invitation::KIND, key)))
    }

    pub(super) async fn invited_address(&self, invitation: &Invitation) -> Result<IdentifierKey, PortError> {
        let opened =
            self.ports.vault().open(&SealScope::Tenant, Invitation::PURPOSE, &invitation.address).await?;
        let text = String::from_utf8(opened.expose().to_vec()).map_err(PortError::permanent)?;
        IdentifierKey::from_stored(IdentifierKind::Email, text).map_err(PortError::permanent)
    }
}

/// An invitation was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// There is no good invitation behind the token: it is used up, revoked, expired, void, another tenant's or invented.
    #[error("there is no such invitation")]
    Refused,
    /// The invitation is for another address than the account's: it stays good for its owner.
    #[error("the invitation is for another address")]
    OtherAccount,
    /// A port failed.
    #[error("the invitation cannot be read or written")]
    Port(#[from] PortError),
}

impl InvitationError {
    /// What stands against the membership is not for the invited person to know.
    fn from_rule(error: OrganizationError) -> Self {
        match error {
            OrganizationError::Port(error) => Self::Port(error),
            _ => Self::Refused,
        }
    }

    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused => "invitation_refused",
            Self::OtherAccount => "invitation_for_other_account",
            Self::Port(_) => "unavailable",
        }
    }
}
