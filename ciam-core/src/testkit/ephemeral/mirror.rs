//! The same calls in two tenants.

use std::sync::Arc;

use time::Duration;

use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;

/// A handle whose every change is made in another tenant too, with the same keys and with other values.
///
/// Both tenants stay in step, so an implementation that keeps them apart shows nothing of it. One that does not keeps no
/// clause: it finds the other's value, or its own taken, counted or swapped away.
pub(super) struct Mirror {
    own: Arc<dyn Ephemeral>,
    other: Arc<dyn Ephemeral>,
}

impl Mirror {
    pub(super) fn new(own: Arc<dyn Ephemeral>, other: Arc<dyn Ephemeral>) -> Self {
        Self { own, other }
    }

    pub(super) async fn put(&self, key: &EphemeralKey, value: &[u8], ttl: Duration) -> Result<(), PortError> {
        self.own.put(key, value.to_vec(), ttl).await?;
        self.other.put(key, altered(value), ttl).await
    }

    pub(super) async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.own.get(key).await
    }

    pub(super) async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let taken = self.own.take(key).await?;
        self.other.take(key).await?;
        Ok(taken)
    }

    pub(super) async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.other.put_if_absent(key, altered(value), ttl).await?;
        self.own.put_if_absent(key, value.to_vec(), ttl).await
    }

    pub(super) async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        let count = self.own.increment(key, window).await?;
        self.other.increment(key, window).await?;
        Ok(count)
    }

    pub(super) async fn swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: &[u8],
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let swapped = self.own.compare_and_swap(key, old, new.to_vec(), ttl).await?;
        self.other.compare_and_swap(key, &altered(old), altered(new), ttl).await?;
        Ok(swapped)
    }
}

/// What the other tenant holds in place of a value.
fn altered(value: &[u8]) -> Vec<u8> {
    [value, b" elsewhere"].concat()
}
