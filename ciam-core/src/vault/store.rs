//! Where the wrapped keys are kept.

use std::fmt;

use async_trait::async_trait;

use super::SealScope;
use super::wrap::WrappedKey;
use crate::error::PortError;

/// What a vault store has of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a key is there or it was destroyed")]
pub enum VaultEntry {
    /// Its wrapped key.
    Key(WrappedKey),
    /// The mark that its key was destroyed: there will never be one again.
    Destroyed,
}

/// Keeps the wrapped keys of one tenant's accounts, outside the database and its backups.
///
/// # Contract
///
/// - **One tenant.** A handle is bound to one tenant when it is made.
/// - **First come.** [`insert_if_absent`](Self::insert_if_absent) is atomic: of several at once, one is stored, and all
///   are told which.
/// - **For good.** After [`destroy`](Self::destroy) the wrapped key is nowhere in the store, the mark is, and neither an
///   insert nor a replacement takes its place.
/// - What a method has told is on the disk.
///
/// # Implementing
///
/// Keep it apart from the database: a copy of the store that is older than a [`destroy`](Self::destroy) has the key, and so
/// has whoever has both. Replicate it rather than copying it, or let its copies live no longer than an erasure may take.
/// A lost store is the loss of everything that was sealed.
///
/// # Errors
///
/// Every method fails only when the backend does.
#[async_trait]
pub trait VaultStore: fmt::Debug + Send + Sync {
    /// What is stored of a scope.
    async fn get(&self, scope: &SealScope) -> Result<Option<VaultEntry>, PortError>;

    /// Stores a key where nothing is, and gives back what is there afterwards.
    async fn insert_if_absent(&self, scope: &SealScope, key: &WrappedKey) -> Result<VaultEntry, PortError>;

    /// Puts a key that is wrapped anew in the place of the same key; tells whether the old one was still there.
    async fn replace(&self, scope: &SealScope, old: &WrappedKey, new: &WrappedKey)
    -> Result<bool, PortError>;

    /// Destroys the key and leaves the mark. No key, or the mark already, is fine.
    async fn destroy(&self, scope: &SealScope) -> Result<(), PortError>;

    /// Up to `limit` scopes whose key is wrapped by another key than this one.
    async fn wrapped_by_others(&self, key_id: &str, limit: u32) -> Result<Vec<SealScope>, PortError>;
}
