//! A store that keeps personal data unreadable at rest.
//!
//! [`SealingStore`] stands between the libraries and any other [`Store`]. What passes through it is sealed by the
//! [`KeyVault`] under the key of the account that it belongs to, so that shredding that key makes it unreadable in the
//! database, in every dump and in every backup:
//!
//! | what | as it is stored |
//! | --- | --- |
//! | Identifiers | kind and keyed hash, by which they are found and unique; the readable ones sealed |
//! | Profile | sealed, all of it |
//! | Credentials | what verifies them and their label sealed |
//! | Sessions | browser, device and place sealed |
//! | Records with an index named `account` | body sealed under that account's key |
//! | Records of a kind that is [`private`](crate::store::RecordKind::private) | body sealed under the tenant's key |
//! | Indexes that are [`hashed`](crate::store::IndexDeclaration::hashed) | keyed hashes of the values |
//!
//! Ids, statuses, times, versions, counters, organizations, memberships and events stay readable: they name nobody.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
//! use ciam_core::memory;
//! use ciam_core::sealing::SealingStore;
//!
//! let ports = memory::ports();
//! let (plain, vault) = (ports.shared_store(), ports.shared_vault());
//! let sealing = SealingStore::open(Arc::clone(&plain), vault).await?;
//! let ports = ports.with_store(Arc::new(sealing));
//!
//! let key = IdentifierKey::email("ada@example.com")?;
//! NewAccount::new(Identifier::verified(key.clone(), ports.now())).create(&ports).await?;
//! assert!(ports.store().account_by_identifier(&key).await?.is_some());
//! assert!(plain.account_by_identifier(&key).await?.is_none(), "the store beneath does not know the address");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # A database from before
//!
//! Rows that were written without it are read as they are and sealed when they are next written;
//! [`reseal`](SealingStore::reseal) seals the others. Until it is through, look-ups by identifier ask twice. While nodes
//! that do not seal still write, do not let nodes that seal begin.
//!
//! # After an erasure
//!
//! Rows of an account whose key was shredded may come back with an older copy of the database. Such an account reads as
//! [erased](crate::account::AccountStatus::Erased), with no identifiers and an empty profile; its records are absent, but for
//! listings by their `account` index, which give them with the body `null`, so that they can be deleted.

mod batch;
mod entity;
mod ephemeral;
mod record;
mod reseal;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

pub use self::ephemeral::SealingEphemeral;
pub use self::reseal::ResealReport;
use crate::account::IdentifierKey;
use crate::error::PortError;
use crate::store::{Batch, EntityRef, PageRequest, RecordKind, Store, StoredRecord, Version, load};
use crate::vault::KeyVault;

/// Seals what passes through to another store. Cloning gives another handle on the same.
#[derive(Clone, Debug)]
pub struct SealingStore {
    inner: Arc<dyn Store>,
    vault: Arc<dyn KeyVault>,
    records: SealedRecords,
    /// Whether every row is sealed, so that look-ups ask once.
    complete: Arc<AtomicBool>,
}

/// Which records are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealedRecords {
    /// Those that belong to an account or are of a private kind.
    #[default]
    Personal,
    /// All of them; those that belong to no account under the tenant's key.
    All,
}

impl SealingStore {
    /// Begins to seal what goes to a store, or goes on where an earlier handle has begun.
    ///
    /// # Errors
    ///
    /// Fails when the store's rows were sealed by another vault, and when a port fails.
    pub async fn open(inner: Arc<dyn Store>, vault: Arc<dyn KeyVault>) -> Result<Self, OpenSealingError> {
        let check = vault.lookup_hash(CHECK, b"").await?.to_text();
        let complete = loop {
            if let Some(found) = load::<SealingState>(&*inner, SealingState::KEY).await? {
                if found.value.check != check {
                    return Err(OpenSealingError::OtherVault);
                }
                break found.value.complete;
            }
            // Where there are no accounts, there is nothing of before.
            let complete = inner.accounts(PageRequest::first(1)).await?.items.is_empty();
            let state = SealingState { check: check.clone(), complete };
            let absent = Batch::new().require_absent(EntityRef::record::<SealingState>(SealingState::KEY));
            // When another node was faster, what it wrote counts.
            let _begun = inner.commit(absent.put(&state).map_err(PortError::from)?).await?;
        };
        let complete = Arc::new(AtomicBool::new(complete));
        Ok(Self { inner, vault, records: SealedRecords::default(), complete })
    }

    /// Sets which records are sealed.
    #[must_use]
    pub const fn with_records(mut self, records: SealedRecords) -> Self {
        self.records = records;
        self
    }

    /// Whether every account is sealed, so that nothing of before is left to [`reseal`](Self::reseal).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Writes down that nothing of before is left.
    async fn completed(&self) -> Result<(), PortError> {
        let found = load::<SealingState>(&*self.inner, SealingState::KEY).await?;
        let Some(found) = found else { return Err(PortError::permanent("the state of sealing is lost")) };
        let (version, mut state): (Version, _) = (found.version, found.value);
        state.complete = true;
        let batch = Batch::new()
            .require_version(EntityRef::record::<SealingState>(SealingState::KEY), version)
            .put(&state)?;
        // A conflict means that another node has come to the same end.
        let _written = self.inner.commit(batch).await?;
        self.complete.store(true, Ordering::Release);
        Ok(())
    }

    /// The key under which the store beneath has an identifier.
    async fn hashed(&self, key: &IdentifierKey) -> Result<IdentifierKey, PortError> {
        let value = [key.kind().as_str().as_bytes(), b"\0", key.as_str().as_bytes()].concat();
        let hash = self.vault.lookup_hash(IDENTIFIER, &value).await?;
        IdentifierKey::from_stored(key.kind(), format!("~{}", hash.to_text())).map_err(PortError::permanent)
    }
}

/// Under what the store's rows were sealed, and whether all of them are.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SealingState {
    /// The vault's look-up hash of nothing.
    check: String,
    complete: bool,
}

impl SealingState {
    const KEY: &'static str = "state";
}

impl StoredRecord for SealingState {
    const KIND: RecordKind = RecordKind::new("core.sealing", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

/// A store cannot be sealed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenSealingError {
    /// The store's rows were sealed by another vault, or this one has lost its keys.
    #[error("the database was sealed by another vault: nothing in it could be read")]
    OtherVault,
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}

const CHECK: &str = "core.sealing";
const IDENTIFIER: &str = "core.identifier";
