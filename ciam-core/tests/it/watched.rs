//! A store that holds every change to one rule: what a change writes, it has looked at, and requires to be as it was.
//!
//! A change that is told, by an event, replaces nothing that somebody else could have replaced meanwhile, and makes nothing
//! that somebody else could have made. So a batch with an event requires of each entity that it writes the version that it
//! has, or that there is none. Every test of a flow runs on this store, and fails when a precondition is missing.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::account::{Account, Identifier};
use ciam_core::error::PortError;
use ciam_core::store::{Batch, Commit, EntityRef, Precondition, RecordKind, Store, Write};
use ciam_core::testkit::{HookedStore, StoreHook};

const FREE: Free = &[
    ("core.account_due", "hangs on the account, which is required"),
    ("core.account_erasure_due", "hangs on the account, which is required"),
    ("core.erasure", "hangs on the account, which is required"),
    ("core.identifier_revert", "has a token of its own, and goes with it"),
    ("core.role", "is written with the mark of the templates or with its organization, which are required"),
    ("core.audit_entry", "is removed behind the base of the log, which is required"),
    ("core.audit_recent", "goes with its entry"),
    ("core.consent_entry", "has an id of its own, and is never changed"),
    ("core.terms_acceptance", "of an account that is made in the same batch"),
    ("core.account_invitation", "has a token of its own, and older ones are no good in any case"),
];

/// What somebody else commits at the last moment: just before the next change that is told.
pub(crate) type Meanwhile = Arc<Mutex<Option<Batch>>>;

#[derive(Debug)]
pub(crate) struct Watched {
    meanwhile: Meanwhile,
    free: Free,
}

/// Records that nobody else can make or change, with the reason.
type Free = &'static [(&'static str, &'static str)];

impl Watched {
    /// Watches a store. `free` are the free records of another crate than core.
    pub(crate) fn over(store: Arc<dyn Store>, meanwhile: Meanwhile, free: Free) -> HookedStore<Self> {
        HookedStore::new(store, Self { meanwhile, free })
    }

    /// What a batch writes without having looked at it, in words.
    async fn unseen(&self, store: &dyn Store, batch: &Batch) -> Result<Option<String>, PortError> {
        for write in batch.writes() {
            let bad = match write {
                Write::PutAccount(account) => self.account_is_free(store, batch, account).await?,
                _ => self.is_free(store, batch, write).await?,
            };
            if let Some(entity) = bad {
                let events: Vec<_> = batch.events().iter().map(|it| it.event_type.as_str()).collect();
                return Ok(Some(format!("{events:?} writes {entity:?} without having looked at it")));
            }
        }
        Ok(None)
    }

    /// What an account's write should have required and did not.
    async fn account_is_free(
        &self,
        store: &dyn Store,
        batch: &Batch,
        account: &Account,
    ) -> Result<Option<EntityRef>, PortError> {
        let entity = EntityRef::Account(account.id);
        let known = store.account(account.id).await?;
        // A new one has an id of its own; what it claims may be claimed by others.
        let claims = |it: &Identifier| requires(batch, &EntityRef::Identifier(it.key.clone()));
        let as_new = !account.identifiers.is_empty() && account.identifiers.iter().all(claims);
        if known.is_some() && !as_new && !requires(batch, &entity) {
            return Ok(Some(entity));
        }
        let known = known.map(|it| it.value.identifiers).unwrap_or_default();
        for identifier in &account.identifiers {
            if known.iter().any(|it| it.key == identifier.key) {
                continue;
            }
            // That nobody has it; or it is taken from who has it, as they are.
            let nobody = EntityRef::Identifier(identifier.key.clone());
            let holder = store.account_by_identifier(&identifier.key).await?;
            let taken = holder.is_some_and(|it| requires(batch, &EntityRef::Account(it.value.id)));
            if !taken && !requires(batch, &nobody) {
                return Ok(Some(nobody));
            }
        }
        Ok(None)
    }

    async fn is_free(
        &self,
        store: &dyn Store,
        batch: &Batch,
        write: &Write,
    ) -> Result<Option<EntityRef>, PortError> {
        let entity = match write {
            Write::PutCredential(it) => {
                let known = store.credentials_of(it.account).await?;
                let there = known.iter().any(|known| known.value.id == it.id);
                // A new one has an id of its own.
                there.then_some(EntityRef::Credential(it.id))
            }
            Write::DeleteCredential(id) => Some(EntityRef::Credential(*id)),
            Write::PutOrganization(it) => Some(EntityRef::Organization(it.id)),
            Write::PutMembership(it) => {
                let there = store.organization(it.organization).await?.is_some();
                // Of one that is made in the same batch there is no member yet.
                there.then_some(EntityRef::Membership(it.organization, it.account))
            }
            Write::DeleteMembership(organization, account) => {
                Some(EntityRef::Membership(*organization, *account))
            }
            Write::PutSession(it) => Some(EntityRef::Session(it.id)),
            Write::DeleteSession(id) => Some(EntityRef::Session(*id)),
            Write::PutRecord(it) => {
                self.is_shared(it.kind).then(|| EntityRef::Record(it.kind, it.key.clone()))
            }
            Write::DeleteRecord(kind, key) => {
                self.is_shared(*kind).then(|| EntityRef::Record(*kind, key.clone()))
            }
            _ => None,
        };
        Ok(entity.filter(|entity| !requires(batch, entity)))
    }

    fn is_shared(&self, kind: RecordKind) -> bool {
        !FREE.iter().chain(self.free).any(|(name, _)| *name == kind.name())
    }
}

fn requires(batch: &Batch, entity: &EntityRef) -> bool {
    batch.preconditions().iter().any(|it| match it {
        Precondition::Absent(it) | Precondition::VersionIs(it, _) | Precondition::CounterBelow(it, _) => {
            it == entity
        }
        _ => false,
    })
}

#[async_trait]
impl StoreHook for Watched {
    async fn commit(&self, store: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
        if batch.events().is_empty() {
            return store.commit(batch).await;
        }
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            assert!(store.commit(meanwhile).await?.is_applied(), "nothing stands in its way");
        }
        let unseen = self.unseen(store, &batch).await?;
        let commit = store.commit(batch).await?;
        // What is refused in any case, such as a batch that is sent again, harms nobody.
        assert!(!commit.is_applied() || unseen.is_none(), "{}", unseen.unwrap_or_default());
        Ok(commit)
    }
}
