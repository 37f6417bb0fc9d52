//! Names to sign in with: not those of the house, and none that looks like another person's.

use serde::{Deserialize, Serialize};

use super::rules;
use crate::account::look_alike::skeleton;
use crate::account::owner::{Owner, OwnerError};
use crate::account::service::Accounts;
use crate::account::{Account, IdentifierKey, IdentifierKind};
use crate::error::PortError;
use crate::id::AccountId;
use crate::ports::Ports;
use crate::secret::TokenDigest;
use crate::store::{
    self, Batch, Commit, Conflict, EntityRef, IndexDeclaration, IndexValue, RecordKind, StoredRecord, Write,
};

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

/// That an account has a name of this look: nobody else gets a name that looks the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UsernameClaim {
    /// The keyed hash of the name's look: nobody without the tenant's key can try names against it.
    pub look: TokenDigest,
    /// Whose it is.
    pub account: AccountId,
}

impl UsernameClaim {
    /// The claim of an account on a name.
    ///
    /// # Errors
    ///
    /// Fails when the key vault does.
    pub async fn new(ports: &Ports, name: &IdentifierKey, account: AccountId) -> Result<Self, PortError> {
        let look = skeleton(name.as_str());
        let hash = ports.vault().lookup_hash("core.username_look", look.as_bytes()).await?;
        Ok(Self { look: TokenDigest::from_bytes(*hash.as_bytes()), account })
    }
}

impl StoredRecord for UsernameClaim {
    const KIND: RecordKind = RecordKind::new("core.username_claim", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.look.to_text()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

impl Accounts {
    /// Sets the name that the owner signs in with, in the place of the one that they have.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when they change it too often, when the name is reserved, taken
    /// or looks like a taken one, when the account changes meanwhile, and when a port fails.
    pub async fn set_username(&self, owner: &Owner<'_>, name: &str) -> Result<Account, OwnerError> {
        let key = IdentifierKey::username(name).map_err(|_| OwnerError::Malformed)?;
        if self.policy.is_reserved_name(&key) {
            return Err(OwnerError::ReservedName);
        }
        let mut proved = self.prove(owner).await?;
        self.limiter.attempt(&self.policy.identifier_changes, &proved.account().id.to_string()).await?;
        for _ in 0..Self::MAX_RACES {
            let until = self.now() + self.policy.reservation;
            let old = proved.account().identifier(IdentifierKind::Username).map(|known| known.key.clone());
            let changed = rules::add(proved.account(), &key, old.as_ref(), self.now(), until)?;
            let own = proved.account().identifier_with(&key).is_some();
            let mut batch = Batch::new();
            if !own {
                batch = batch.require_absent(EntityRef::Identifier(key.clone()));
            }
            let what = if old.is_some() { "replaced" } else { "added" };
            let batch = batch.append(self.identifier_batch(owner, &proved, &changed, &key, what).await?);
            let batch = match &old {
                Some(old) => self.giving_up(batch, owner, &proved, &changed, old).await?,
                None => batch,
            };
            match self.ports.store().commit(batch).await? {
                Commit::Applied => return Ok(changed),
                Commit::Conflict(Conflict::Unique(_)) => return Err(OwnerError::Taken),
                Commit::Conflict(Conflict::Precondition(0)) if !own => return Err(OwnerError::Taken),
                Commit::Conflict(_) => proved = self.prove_again(proved).await?,
            }
        }
        Err(OwnerError::Changed)
    }

    /// Adds the claims of the names that a change gives an account, and takes back those of names that it no longer has, not
    /// even in reserve.
    pub(super) async fn with_username_claims(
        &self,
        batch: Batch,
        before: &Account,
        after: &Account,
    ) -> Result<Batch, OwnerError> {
        let (had, has) = (self.names_of(before).await?, self.names_of(after).await?);
        let mut batch = batch;
        for claim in has.iter().filter(|claim| !had.contains(claim)) {
            match store::load::<UsernameClaim>(self.ports.store(), &claim.key()).await? {
                Some(known) if known.value.account == after.id => {}
                Some(_) => return Err(OwnerError::Taken),
                None => {
                    let entity = EntityRef::record::<UsernameClaim>(claim.key());
                    batch = batch.require_absent(entity).put(claim).map_err(PortError::from)?;
                }
            }
        }
        for claim in had.iter().filter(|claim| !has.contains(claim)) {
            batch = batch.write(Write::DeleteRecord(UsernameClaim::KIND, claim.key()));
        }
        Ok(batch)
    }

    async fn names_of(&self, account: &Account) -> Result<Vec<UsernameClaim>, PortError> {
        let mut claims = Vec::new();
        for known in account.identifiers.iter().filter(|it| it.key.kind() == IdentifierKind::Username) {
            claims.push(UsernameClaim::new(&self.ports, &known.key, account.id).await?);
        }
        Ok(claims)
    }
}
