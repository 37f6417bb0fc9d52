//! Whose tokens are accepted, and with which keys.

use std::ops::Deref;
use std::sync::Arc;

use ciam_core::jose::{CurrentKeys, KeySet, RemoteKeys};
use time::OffsetDateTime;

use super::discovery::DiscoveredKeys;
use super::error::ValidateError;
use crate::issuer::Issuer;

/// Where a [`Validator`](super::Validator) has an issuer's keys from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Keys {
    /// Keys that do not change.
    Fixed(Arc<KeySet>),
    /// Keys that the issuer publishes.
    Remote(RemoteKeys),
    /// Keys whose place the issuer publishes, found when they are first needed.
    Discovered(DiscoveredKeys),
}

impl From<DiscoveredKeys> for Keys {
    fn from(keys: DiscoveredKeys) -> Self {
        Self::Discovered(keys)
    }
}

impl From<KeySet> for Keys {
    fn from(keys: KeySet) -> Self {
        Self::Fixed(Arc::new(keys))
    }
}

impl From<RemoteKeys> for Keys {
    fn from(keys: RemoteKeys) -> Self {
        Self::Remote(keys)
    }
}

/// An issuer with its keys. Keys never verify another issuer's tokens.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    pub(super) issuer: Issuer,
    pub(super) keys: Keys,
}

impl Trusted {
    /// The keys that are there at `now`.
    pub(super) fn snapshot(&self, now: OffsetDateTime) -> Result<Snapshot<'_>, ValidateError> {
        let remote = match &self.keys {
            Keys::Fixed(keys) => return Ok(Snapshot::Fixed(keys)),
            Keys::Remote(remote) => remote,
            Keys::Discovered(discovered) => discovered.found().ok_or(ValidateError::StaleKeys)?,
        };
        remote.current(now).map(Snapshot::Current).ok_or(ValidateError::StaleKeys)
    }

    /// Whether there are keys and none would be fetched.
    pub(super) fn is_fresh(&self) -> bool {
        match &self.keys {
            Keys::Fixed(_) => true,
            Keys::Remote(remote) => remote.are_fresh(),
            Keys::Discovered(discovered) => discovered.found().is_some_and(RemoteKeys::are_fresh),
        }
    }

    /// The keys, fetched first when there are none or they are due.
    pub(super) async fn keys(&self) -> Result<Arc<KeySet>, ValidateError> {
        let remote = match &self.keys {
            Keys::Fixed(keys) => return Ok(Arc::clone(keys)),
            Keys::Remote(remote) => remote,
            Keys::Discovered(discovered) => discovered.find().await.ok_or(ValidateError::StaleKeys)?,
        };
        remote.keys().await.map_err(|_| ValidateError::StaleKeys)
    }

    /// Newer keys than these; `None` when there never are any.
    pub(super) async fn keys_after(&self, known: &Arc<KeySet>) -> Result<Option<Arc<KeySet>>, ValidateError> {
        let remote = match &self.keys {
            Keys::Fixed(_) => return Ok(None),
            Keys::Remote(remote) => remote,
            Keys::Discovered(discovered) => discovered.find().await.ok_or(ValidateError::StaleKeys)?,
        };
        // The issuer may have rotated; when there is nothing newer, the key stays unknown.
        remote.keys_after(known).await.map(Some).map_err(|_| ValidateError::StaleKeys)
    }
}

/// The keys of one validation, borrowed.
pub(super) enum Snapshot<'v> {
    Fixed(&'v Arc<KeySet>),
    Current(CurrentKeys),
}

impl Deref for Snapshot<'_> {
    type Target = Arc<KeySet>;

    fn deref(&self) -> &Arc<KeySet> {
        match self {
            Self::Fixed(keys) => keys,
            Self::Current(keys) => keys,
        }
    }
}
