//! Short-lived values, sealed.

use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;

use crate::clock::Clock;
use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;
use crate::id::TenantId;
use crate::notify::day_scope;
use crate::secret::SecretBytes;
use crate::vault::{KeyVault, Sealed};

/// Seals what passes through to another ephemeral store: a journey that is under way knows the address that somebody typed.
///
/// Values are sealed under a key of the day on which they expire, which
/// [`retire_message_keys`](crate::notify::retire_message_keys) destroys after that day. The names of keys become keyed hashes
/// within their namespace: a limit that counts by address leaves nothing to try addresses against. The numbers of counters stay
/// as they are. Put it where short-lived values are in a database that is backed up.
#[derive(Clone, Debug)]
pub struct SealingEphemeral {
    inner: Arc<dyn Ephemeral>,
    vault: Arc<dyn KeyVault>,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
}

impl SealingEphemeral {
    /// Seals what goes to a tenant's ephemeral store.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        inner: Arc<dyn Ephemeral>,
        vault: Arc<dyn KeyVault>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { inner, vault, clock, tenant }
    }

    async fn seal(&self, key: &EphemeralKey, value: &[u8], ttl: Duration) -> Result<Vec<u8>, PortError> {
        let day = self.clock.now().saturating_add(ttl).to_offset(time::UtcOffset::UTC).date().to_julian_day();
        let scope = day_scope(self.tenant, day);
        let sealed = self.vault.seal(&scope, &purpose(key), value).await?;
        Ok([&day.to_be_bytes()[..], sealed.as_str().as_bytes()].concat())
    }

    async fn open(&self, key: &EphemeralKey, stored: &[u8]) -> Result<SecretBytes, PortError> {
        let damaged = || PortError::permanent("a short-lived value is not sealed");
        let (day, text) = stored.split_first_chunk::<4>().ok_or_else(damaged)?;
        let scope = day_scope(self.tenant, i32::from_be_bytes(*day));
        let text = std::str::from_utf8(text).map_err(|_| damaged())?;
        self.vault.open(&scope, &purpose(key), &Sealed::from_text(text)).await
    }

    /// The key under which the store beneath has a value.
    async fn hidden(&self, key: &EphemeralKey) -> Result<EphemeralKey, PortError> {
        let purpose = format!("core.ephemeral_name.{}", key.namespace());
        let hash = self.vault.lookup_hash(&purpose, key.name().as_bytes()).await?;
        Ok(EphemeralKey::new(key.namespace(), hash.to_text()))
    }

    async fn opened(&self, key: &EphemeralKey, found: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, PortError> {
        match found {
            Some(stored) => Ok(Some(self.open(key, &stored).await?.expose().to_vec())),
            None => Ok(None),
        }
    }
}

fn purpose(key: &EphemeralKey) -> String {
    format!("core.ephemeral.{}.{}", key.namespace(), key.name())
}

#[async_trait]
impl Ephemeral for SealingEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        let sealed = self.seal(key, &value, ttl).await?;
        self.inner.put(&self.hidden(key).await?, sealed, ttl).await
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let found = self.inner.get(&self.hidden(key).await?).await?;
        self.opened(key, found).await
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let found = self.inner.take(&self.hidden(key).await?).await?;
        self.opened(key, found).await
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let sealed = self.seal(key, &value, ttl).await?;
        self.inner.put_if_absent(&self.hidden(key).await?, sealed, ttl).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        self.inner.increment(&self.hidden(key).await?, window).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        // What is stored is different each time the same value is sealed: the swap is against what is stored now.
        let hidden = self.hidden(key).await?;
        let Some(stored) = self.inner.get(&hidden).await? else { return Ok(false) };
        if self.open(key, &stored).await?.expose() != old {
            return Ok(false);
        }
        let sealed = self.seal(key, &new, ttl).await?;
        self.inner.compare_and_swap(&hidden, &stored, sealed, ttl).await
    }
}
