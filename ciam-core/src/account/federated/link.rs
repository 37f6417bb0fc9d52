//! The owner links an identity elsewhere to their account, and takes the link away again.

use super::{FederatedIdentity, UpstreamIdentity};
use crate::account::owner::{Owner, OwnerError};
use crate::account::service::Accounts;
use crate::account::ways_in::WaysIn;
use crate::account::{Account, event_subject};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::notify::MessageCode;
use crate::secret::TokenDigest;
use crate::store::{self, Batch, EntityRef, PageRequest, StoredRecord as _, Versioned, Write};

impl Accounts {
    /// At most this many identities of one account.
    pub const MAX_IDENTITIES: u32 = 32;

    /// The identities that are linked to an account.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn identities_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<Versioned<FederatedIdentity>>, PortError> {
        let request = PageRequest::first(Self::MAX_IDENTITIES);
        let (kind, id) = (FederatedIdentity::KIND, account.to_string());
        let page = self.ports.store().records_by(kind, "account", &id, request).await?;
        let decode =
            |found: Versioned<store::Record>| Ok(Versioned::new(found.value.decode()?, found.version));
        page.items.into_iter().map(decode).collect()
    }

    /// Links an identity elsewhere, whose upstream has just vouched for it, to the owner's account. Linking it again is fine.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when the identity belongs to another account, when the account
    /// changes meanwhile, and when a port fails.
    pub async fn link(&self, owner: &Owner<'_>, identity: &UpstreamIdentity) -> Result<(), OwnerError> {
        let mut proved = self.prove(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let account = proved.account().clone();
            if let Some(known) = self.identity(identity).await? {
                let own = known.value.account == account.id;
                return if own { Ok(()) } else { Err(OwnerError::LinkedElsewhere) };
            }
            if self.identities_of(account.id).await?.len() >= Self::MAX_IDENTITIES as usize {
                return Err(OwnerError::TooManyThings);
            }
            let batch = proved.batch().append(self.linking(account.clone(), identity, &owner.actor()).await?);
            let notice = self.notice(&account, MessageCode::IdentityLinked, &owner.languages)?;
            let notice = notice.map(|message| message.with("issuer", identity.issuer.as_str()));
            let batch = self.with_notice(batch, notice).await?;
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    /// Takes a link away, unless it is the last way in.
    ///
    /// # Errors
    ///
    /// Fails when the account has no such link or no other way in, when the owner has to prove themselves first, when the
    /// account changes meanwhile, and when a port fails.
    pub async fn unlink(&self, owner: &Owner<'_>, id: &TokenDigest) -> Result<(), OwnerError> {
        let mut proved = self.prove(owner).await?;
        for _ in 0..Self::MAX_RACES {
            let account = proved.account().clone();
            let identities = self.identities_of(account.id).await?;
            let link = identities.iter().find(|it| it.value.id == *id).ok_or(OwnerError::NotFound)?;
            let ways = WaysIn::of(&account, &proved.credentials, identities.len(), &self.policy);
            if ways.without_identity().is_empty() {
                return Err(OwnerError::LastWayIn);
            }
            let key = link.value.key();
            let event = Event::new(&self.ports, EventType::IDENTITY_UNLINKED, account.event_subject())?
                .by(&owner.actor())
                .with("issuer", link.value.issuer.as_str());
            let batch = Batch::new()
                .require_version(EntityRef::record::<FederatedIdentity>(key.clone()), link.version)
                .write(Write::DeleteRecord(FederatedIdentity::KIND, key))
                .write(Write::PutAccount(self.touched(account.clone())))
                .event(event);
            let notice = self.notice(&account, MessageCode::IdentityUnlinked, &owner.languages)?;
            let notice = notice.map(|message| message.with("issuer", link.value.issuer.as_str()));
            let batch = self.with_notice(proved.batch().append(batch), notice).await?;
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
            proved = self.prove_again(proved).await?;
        }
        Err(OwnerError::Changed)
    }

    /// The link of an identity, if there is one.
    pub(super) async fn identity(
        &self,
        identity: &UpstreamIdentity,
    ) -> Result<Option<Versioned<FederatedIdentity>>, PortError> {
        store::load(self.ports.store(), &identity.id(&self.ports).await?.to_text()).await
    }

    /// The link, the account that it belongs to and the event, without the preconditions on the account.
    pub(super) async fn linking(
        &self,
        account: Account,
        identity: &UpstreamIdentity,
        by: &Actor,
    ) -> Result<Batch, PortError> {
        let id = identity.id(&self.ports).await?;
        let link = FederatedIdentity::new(id, &*identity.issuer, account.id, self.now());
        let event = Event::new(&self.ports, EventType::IDENTITY_LINKED, event_subject(account.id))?
            .by(by)
            .with("issuer", identity.issuer.as_str());
        Ok(Batch::new()
            .require_absent(EntityRef::record::<FederatedIdentity>(link.key()))
            .put(&link)?
            .write(Write::PutAccount(self.touched(account)))
            .event(event))
    }

    /// The account as it is written so that whatever else was decided on it at the same moment is decided again.
    pub(in crate::account) fn touched(&self, mut account: Account) -> Account {
        account.updated_at = self.now();
        account
    }
}
