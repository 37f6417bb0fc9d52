//! The ephemeral store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use crate::clock::Clock;
use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;
use crate::id::TenantId;

/// Short-lived state in memory that holds many tenants. Cloning gives another handle on the same data.
#[derive(Clone, Debug, Default)]
pub struct MemoryEphemeralDatabase(Arc<Mutex<Entries>>);

impl MemoryEphemeralDatabase {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The ephemeral store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> MemoryEphemeral {
        MemoryEphemeral { database: self.clone(), tenant, clock }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Every change is a single insert or remove, so a panic elsewhere cannot have left one half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Entries {
    values: BTreeMap<Key, Entry<Vec<u8>>>,
    counters: BTreeMap<Key, Entry<u64>>,
    by_expiry: BTreeSet<(OffsetDateTime, bool, Key)>,
}

type Key = (TenantId, &'static str, String);

#[derive(Debug)]
struct Entry<T> {
    value: T,
    expires_at: OffsetDateTime,
}

impl Entries {
    /// How many expired entries each operation clears away: more than it can add, so memory stays bounded by what lives.
    const SWEEP: usize = 4;

    fn sweep(&mut self, now: OffsetDateTime) {
        for _ in 0..Self::SWEEP {
            match self.by_expiry.first() {
                Some((expires_at, _, _)) if *expires_at <= now => {}
                _ => return,
            }
            let Some((_, is_counter, key)) = self.by_expiry.pop_first() else { return };
            if is_counter {
                self.counters.remove(&key);
            } else {
                self.values.remove(&key);
            }
        }
    }

    fn live(&self, key: &Key, now: OffsetDateTime) -> Option<&Vec<u8>> {
        self.values.get(key).filter(|entry| entry.expires_at > now).map(|entry| &entry.value)
    }

    fn insert(&mut self, key: Key, value: Vec<u8>, expires_at: OffsetDateTime) {
        if let Some(old) = self.values.insert(key.clone(), Entry { value, expires_at }) {
            self.by_expiry.remove(&(old.expires_at, false, key.clone()));
        }
        self.by_expiry.insert((expires_at, false, key));
    }

    fn remove(&mut self, key: &Key) -> Option<Entry<Vec<u8>>> {
        let old = self.values.remove(key)?;
        self.by_expiry.remove(&(old.expires_at, false, key.clone()));
        Some(old)
    }
}

/// The ephemeral store of one tenant, in memory. Expired entries are cleared away a few at each operation.
#[derive(Clone, Debug)]
pub struct MemoryEphemeral {
    database: MemoryEphemeralDatabase,
    tenant: TenantId,
    clock: Arc<dyn Clock>,
}

impl MemoryEphemeral {
    fn with<T>(&self, key: &EphemeralKey, step: impl FnOnce(&mut Entries, Key, OffsetDateTime) -> T) -> T {
        let mut entries = self.database.lock();
        let now = self.clock.now();
        entries.sweep(now);
        step(&mut entries, (self.tenant, key.namespace(), key.name().to_owned()), now)
    }
}

#[async_trait]
impl Ephemeral for MemoryEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.with(key, |entries, key, now| entries.insert(key, value, now.saturating_add(ttl)));
        Ok(())
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.with(key, |entries, key, now| entries.live(&key, now).cloned()))
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.with(key, |entries, key, now| {
            entries.remove(&key).filter(|entry| entry.expires_at > now).map(|entry| entry.value)
        }))
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        Ok(self.with(key, |entries, key, now| {
            let free = entries.live(&key, now).is_none();
            if free {
                entries.insert(key, value, now.saturating_add(ttl));
            }
            free
        }))
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        Ok(self.with(key, |entries, key, now| {
            if let Some(entry) = entries.counters.get_mut(&key)
                && entry.expires_at > now
            {
                entry.value = entry.value.saturating_add(1);
                return entry.value;
            }
            let expires_at = now.saturating_add(window);
            if let Some(old) = entries.counters.insert(key.clone(), Entry { value: 1, expires_at }) {
                entries.by_expiry.remove(&(old.expires_at, true, key.clone()));
            }
            entries.by_expiry.insert((expires_at, true, key));
            1
        }))
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        Ok(self.with(key, |entries, key, now| {
            let equal = entries.live(&key, now).is_some_and(|value| value == old);
            if equal {
                entries.insert(key, new, now.saturating_add(ttl));
            }
            equal
        }))
    }
}
