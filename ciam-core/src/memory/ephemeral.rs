//! The ephemeral store in memory.

use std::collections::{BTreeSet, HashMap};
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

/// What is kept, and when each of it ends.
#[derive(Debug, Default)]
struct Entries {
    spaces: HashMap<Place, Space>,
    by_expiry: BTreeSet<Expiry>,
}

/// A tenant and a namespace.
type Place = (TenantId, &'static str);

/// When, whether it is a counter, where, and its name.
type Expiry = (OffsetDateTime, bool, Place, Arc<str>);

/// The entries of one place by their names.
#[derive(Debug, Default)]
struct Space {
    values: HashMap<Arc<str>, Entry<Vec<u8>>>,
    counters: HashMap<Arc<str>, Entry<u64>>,
}

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
                Some((expires_at, ..)) if *expires_at <= now => {}
                _ => return,
            }
            let Some((_, is_counter, place, name)) = self.by_expiry.pop_first() else { return };
            let Some(space) = self.spaces.get_mut(&place) else { continue };
            if is_counter {
                space.counters.remove(&name);
            } else {
                space.values.remove(&name);
            }
            if space.counters.is_empty() && space.values.is_empty() {
                self.spaces.remove(&place);
            }
        }
    }

    fn live(&self, place: Place, name: &str, now: OffsetDateTime) -> Option<&Vec<u8>> {
        let entry = self.spaces.get(&place)?.values.get(name)?;
        (entry.expires_at > now).then_some(&entry.value)
    }

    fn insert(&mut self, place: Place, name: &str, value: Vec<u8>, expires_at: OffsetDateTime) {
        let values = &mut self.spaces.entry(place).or_default().values;
        let name = values.get_key_value(name).map_or_else(|| Arc::from(name), |(name, _)| Arc::clone(name));
        if let Some(old) = values.insert(Arc::clone(&name), Entry { value, expires_at }) {
            self.by_expiry.remove(&(old.expires_at, false, place, Arc::clone(&name)));
        }
        self.by_expiry.insert((expires_at, false, place, name));
    }

    fn remove(&mut self, place: Place, name: &str) -> Option<Entry<Vec<u8>>> {
        let (name, old) = self.spaces.get_mut(&place)?.values.remove_entry(name)?;
        self.by_expiry.remove(&(old.expires_at, false, place, name));
        Some(old)
    }

    fn count(&mut self, place: Place, name: &str, now: OffsetDateTime, window: Duration) -> u64 {
        let counters = &mut self.spaces.entry(place).or_default().counters;
        if let Some(entry) = counters.get_mut(name).filter(|entry| entry.expires_at > now) {
            entry.value = entry.value.saturating_add(1);
            return entry.value;
        }
        let (name, expires_at) = (Arc::<str>::from(name), now.saturating_add(window));
        if let Some(old) = counters.insert(Arc::clone(&name), Entry { value: 1, expires_at }) {
            self.by_expiry.remove(&(old.expires_at, true, place, Arc::clone(&name)));
        }
        self.by_expiry.insert((expires_at, true, place, name));
        1
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
    fn with<T>(&self, key: &EphemeralKey, step: impl FnOnce(&mut Entries, Place, OffsetDateTime) -> T) -> T {
        let mut entries = self.database.lock();
        let now = self.clock.now();
        entries.sweep(now);
        step(&mut entries, (self.tenant, key.namespace()), now)
    }
}

#[async_trait]
impl Ephemeral for MemoryEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.with(key, |entries, place, now| {
            entries.insert(place, key.name(), value, now.saturating_add(ttl));
        });
        Ok(())
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.with(key, |entries, place, now| entries.live(place, key.name(), now).cloned()))
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.with(key, |entries, place, now| {
            let removed = entries.remove(place, key.name());
            removed.filter(|entry| entry.expires_at > now).map(|entry| entry.value)
        }))
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        Ok(self.with(key, |entries, place, now| {
            let free = entries.live(place, key.name(), now).is_none();
            if free {
                entries.insert(place, key.name(), value, now.saturating_add(ttl));
            }
            free
        }))
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        Ok(self.with(key, |entries, place, now| entries.count(place, key.name(), now, window)))
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        Ok(self.with(key, |entries, place, now| {
            let equal = entries.live(place, key.name(), now).is_some_and(|value| value == old);
            if equal {
                entries.insert(place, key.name(), new, now.saturating_add(ttl));
            }
            equal
        }))
    }
}
