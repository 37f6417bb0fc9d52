//! The ephemeral store in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::Duration;

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
    by_expiry: BTreeMap<Expiry, Expiring>,
    /// How many entries there have been: tells apart those that end at the same time.
    made: u64,
}

/// A tenant and a namespace.
type Place = (TenantId, &'static str);

/// When, in nanoseconds since 1970, and which of those.
type Expiry = (i128, u64);

/// What ends.
#[derive(Debug)]
struct Expiring {
    is_counter: bool,
    place: Place,
    name: Arc<str>,
}

/// The entries of one place by their names.
#[derive(Debug, Default)]
struct Space {
    values: HashMap<Arc<str>, Entry<Vec<u8>>>,
    counters: HashMap<Arc<str>, Entry<u64>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    expiry: Expiry,
}

impl<T> Entry<T> {
    const fn is_live(&self, now: i128) -> bool {
        self.expiry.0 > now
    }
}

impl Entries {
    /// How many expired entries each operation clears away: more than it can add, so memory stays bounded by what lives.
    const SWEEP: usize = 4;

    fn sweep(&mut self, now: i128) {
        for _ in 0..Self::SWEEP {
            let Some(first) = self.by_expiry.first_entry().filter(|first| first.key().0 <= now) else {
                return;
            };
            let Expiring { is_counter, place, name } = first.remove();
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

    fn live(&self, place: Place, name: &str, now: i128) -> Option<&Vec<u8>> {
        let entry = self.spaces.get(&place)?.values.get(name)?;
        entry.is_live(now).then_some(&entry.value)
    }

    /// When an entry ends that lives from now on, as long as that.
    fn expiry(&mut self, now: i128, ttl: Duration) -> Expiry {
        self.made = self.made.wrapping_add(1);
        (now.saturating_add(ttl.whole_nanoseconds()), self.made)
    }

    fn insert(&mut self, place: Place, name: &str, value: Vec<u8>, now: i128, ttl: Duration) {
        let expiry = self.expiry(now, ttl);
        let values = &mut self.spaces.entry(place).or_default().values;
        let name = values.get_key_value(name).map_or_else(|| Arc::from(name), |(name, _)| Arc::clone(name));
        if let Some(old) = values.insert(Arc::clone(&name), Entry { value, expiry }) {
            self.by_expiry.remove(&old.expiry);
        }
        self.by_expiry.insert(expiry, Expiring { is_counter: false, place, name });
    }

    fn remove(&mut self, place: Place, name: &str) -> Option<Entry<Vec<u8>>> {
        let old = self.spaces.get_mut(&place)?.values.remove(name)?;
        self.by_expiry.remove(&old.expiry);
        Some(old)
    }

    fn count(&mut self, place: Place, name: &str, now: i128, window: Duration) -> u64 {
        let counters = &mut self.spaces.entry(place).or_default().counters;
        if let Some(entry) = counters.get_mut(name).filter(|entry| entry.is_live(now)) {
            entry.value = entry.value.saturating_add(1);
            return entry.value;
        }
        let (name, expiry) = (Arc::<str>::from(name), self.expiry(now, window));
        let counters = &mut self.spaces.entry(place).or_default().counters;
        if let Some(old) = counters.insert(Arc::clone(&name), Entry { value: 1, expiry }) {
            self.by_expiry.remove(&old.expiry);
        }
        self.by_expiry.insert(expiry, Expiring { is_counter: true, place, name });
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
    fn with<T>(&self, key: &EphemeralKey, step: impl FnOnce(&mut Entries, Place, i128) -> T) -> T {
        let mut entries = self.database.lock();
        let now = self.clock.now().unix_timestamp_nanos();
        entries.sweep(now);
        step(&mut entries, (self.tenant, key.namespace()), now)
    }
}

#[async_trait]
impl Ephemeral for MemoryEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.with(key, |entries, place, now| {
            entries.insert(place, key.name(), value, now, ttl);
        });
        Ok(())
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.with(key, |entries, place, now| entries.live(place, key.name(), now).cloned()))
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.with(key, |entries, place, now| {
            let removed = entries.remove(place, key.name());
            removed.filter(|entry| entry.is_live(now)).map(|entry| entry.value)
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
                entries.insert(place, key.name(), value, now, ttl);
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
                entries.insert(place, key.name(), new, now, ttl);
            }
            equal
        }))
    }
}
