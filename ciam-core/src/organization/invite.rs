//! Sending, listing and revoking invitations.

use std::collections::BTreeSet;

use super::domain::DomainName;
use super::error::OrganizationError;
use super::invitation::{BY_ADDRESS, BY_ORGANIZATION, Invitation, PendingInvitation};
use super::role::{Permission, RoleName};
use super::service::{Organizations, Standing};
use crate::account::IdentifierKey;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::EventType;
use crate::id::{AccountId, InvitationId, OrganizationId};
use crate::notify::{Channel, Message, MessageCode};
use crate::secret::Secret;
use crate::store::{Batch, EntityRef, Page, PageRequest, StoredRecord as _, Version, Versioned, Write, load};
use crate::vault::SealScope;

impl Organizations {
    /// Invites an address. An open invitation for the same address is replaced: its token is good no more.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not invite or not give these roles, when the address is none or the organization's policy
    /// does not admit it, when it is a member's and the actor may see members, when too many invitations went out, and when a
    /// port fails.
    ///
    /// # Security
    ///
    /// Whether the address has an account makes no difference, neither to the answer nor to what is read; only whether it is a
    /// member.
    pub async fn invite(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        email: &str,
        roles: BTreeSet<RoleName>,
        languages: Vec<String>,
    ) -> Result<Invitation, OrganizationError> {
        let email = IdentifierKey::email(email).map_err(|_| OrganizationError::Invalid("email"))?;
        let standing = self.permitted(actor, organization, &Permission::MEMBER_INVITE).await?;
        let domain = DomainName::of_email(&email).ok_or(OrganizationError::Invalid("email"))?;
        if !standing.organization.value.policy.admits(&domain) {
            return Err(OrganizationError::NotAdmitted);
        }
        if roles.is_empty() || roles.len() > crate::organization::Membership::MAX_ROLES {
            return Err(OrganizationError::Invalid("roles"));
        }
        standing.held.may_change(&standing.book, &BTreeSet::new(), &roles)?;
        self.count_invitation(organization, &email).await?;
        if self.is_member(organization, &email).await? && standing.held.holds(&Permission::MEMBER_READ) {
            return Err(OrganizationError::AlreadyMember);
        }
        let existing = self.open_for(organization, &email).await?;
        let now = self.ports.now();
        let id = match &existing {
            Some(found) => found.value.id,
            None => InvitationId::generate(self.ports.clock(), self.ports.entropy())?,
        };
        let address = self
            .ports
            .vault()
            .seal(&SealScope::Tenant, Invitation::PURPOSE, email.as_str().as_bytes())
            .await?;
        let token = Secret::random(self.ports.entropy())?;
        let invitation = Invitation {
            id,
            organization,
            address,
            address_digest: Invitation::digest_of(&self.ports, organization, &email).await?,
            token: token.digest(),
            roles,
            invited_by: actor.clone(),
            sent: 1,
            sent_at: now,
            languages,
            created_at: now,
            expires_at: now + self.settings.invitation_lifetime,
        };
        self.send(&standing, &invitation, &email, &token, existing.map(|found| found.version)).await?;
        Ok(invitation)
    }

    /// Sends an invitation again, with another token and for its whole time; the token before is good no more.
    ///
    /// # Errors
    ///
    /// As [`invite`](Self::invite), and when there is no such invitation or it was sent often enough.
    pub async fn resend_invitation(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<Invitation, OrganizationError> {
        let standing = self.permitted(actor, organization, &Permission::MEMBER_INVITE).await?;
        let found = self.pending(organization, id).await?;
        let mut invitation = found.value;
        standing.held.may_change(&standing.book, &BTreeSet::new(), &invitation.roles)?;
        if invitation.sent >= Invitation::MAX_SENT {
            return Err(OrganizationError::TooMany);
        }
        let email = self.invited_address(&invitation).await?;
        self.count_invitation(organization, &email).await?;
        let token = Secret::random(self.ports.entropy())?;
        invitation.token = token.digest();
        // What it gives rests on who sent it last.
        invitation.invited_by = actor.clone();
        invitation.sent += 1;
        invitation.sent_at = self.ports.now();
        invitation.expires_at = invitation.sent_at + self.settings.invitation_lifetime;
        self.send(&standing, &invitation, &email, &token, Some(found.version)).await?;
        Ok(invitation)
    }

    /// Revokes an invitation.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when there is no such invitation, and when the store fails.
    pub async fn revoke_invitation(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<(), OrganizationError> {
        for _ in 0..Self::MAX_RACES {
            let standing = self.permitted(actor, organization, &Permission::MEMBER_INVITE).await?;
            let found = self.pending(organization, id).await?;
            let event = self.event(EventType::INVITATION_REVOKED, &standing.organization.value, actor)?;
            let batch = standing
                .required(Batch::new())
                .require_version(EntityRef::record::<Invitation>(found.value.key()), found.version)
                .write(Write::DeleteRecord(Invitation::KIND, found.value.key()))
                .event(event.with("invitation", id.to_string()));
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    /// The open invitations of an organization, a page at a time.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not see them, and when a port fails.
    pub async fn invitations(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        request: PageRequest,
    ) -> Result<Page<PendingInvitation>, OrganizationError> {
        self.permitted(actor, organization, &Permission::MEMBER_INVITE).await?;
        let (kind, index) = (Invitation::KIND, BY_ORGANIZATION.name());
        let page = self.ports.store().records_by(kind, index, &organization.to_string(), request).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in page.items {
            let invitation = record.value.decode::<Invitation>().map_err(PortError::from)?;
            let email = self.invited_address(&invitation).await?;
            items.push(PendingInvitation { invitation, email });
        }
        Ok(Page::new(items, page.next))
    }

    /// Counted before anything is looked at.
    async fn count_invitation(
        &self,
        organization: OrganizationId,
        email: &IdentifierKey,
    ) -> Result<(), OrganizationError> {
        let settings = &self.settings;
        self.limiter.attempt(&settings.invitations_per_organization, &organization.to_string()).await?;
        self.limiter.attempt(&settings.invitations_per_address, email.as_str()).await?;
        Ok(())
    }

    /// Whether an address is a member's. Reads as much for one that has no account.
    async fn is_member(
        &self,
        organization: OrganizationId,
        email: &IdentifierKey,
    ) -> Result<bool, PortError> {
        let store = self.ports.store();
        let nobody = AccountId::from_uuid(uuid::Uuid::nil());
        let account = store.account_by_identifier(email).await?.map_or(nobody, |found| found.value.id);
        Ok(store.membership(organization, account).await?.is_some())
    }

    async fn open_for(
        &self,
        organization: OrganizationId,
        email: &IdentifierKey,
    ) -> Result<Option<Versioned<Invitation>>, PortError> {
        let digest = Invitation::digest_of(&self.ports, organization, email).await?.to_text();
        let (kind, index) = (Invitation::KIND, BY_ADDRESS.name());
        let page = self.ports.store().records_by(kind, index, &digest, PageRequest::first(1)).await?;
        let Some(record) = page.items.into_iter().next() else { return Ok(None) };
        Ok(Some(Versioned::new(record.value.decode()?, record.version)))
    }

    /// An organization's invitation: another's is not there.
    async fn pending(
        &self,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<Versioned<Invitation>, OrganizationError> {
        let found = load::<Invitation>(self.ports.store(), &id.to_string()).await?;
        found.filter(|found| found.value.organization == organization).ok_or(OrganizationError::NotFound)
    }

    /// The invitation with its event and its mail, in one commit.
    async fn send(
        &self,
        standing: &Standing,
        invitation: &Invitation,
        email: &IdentifierKey,
        token: &Secret,
        version: Option<Version>,
    ) -> Result<(), OrganizationError> {
        let organization = &standing.organization.value;
        let days = self.settings.invitation_lifetime.whole_days().max(1).to_string();
        let (code, channel) = (MessageCode::Invitation, Channel::Email);
        let message = Message::new(&self.ports, code, channel, email.as_str(), invitation.expires_at)?
            .with("token", token.expose())
            .with("organization", organization.name.as_str())
            .with("days", days)
            .with_languages(invitation.languages.clone());
        let event = self
            .event(EventType::INVITATION_SENT, organization, &standing.actor)?
            .with("invitation", invitation.id.to_string());
        let place = EntityRef::record::<Invitation>(invitation.key());
        let batch = standing.required(Batch::new());
        let batch = match version {
            Some(version) => batch.require_version(place, version),
            None => batch.require_absent(place),
        };
        let batch = batch.put(invitation).map_err(PortError::from)?.event(event);
        let batch = batch.message(message.seal(&self.ports).await?);
        if self.commit(batch).await? { Ok(()) } else { Err(OrganizationError::Busy) }
    }
}
