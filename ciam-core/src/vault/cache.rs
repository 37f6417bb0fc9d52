//! The keys that a vault has in memory.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use super::SealScope;
use crate::id::AccountId;
use crate::secret::SecretBytes;

/// How many unwrapped keys a vault has in memory, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyCachePolicy {
    /// For how long. Default 60 seconds: after a key was shredded, another node can open with it for at most this long.
    pub lifetime: Duration,
    /// How many. Default 10,000; about 200 bytes each.
    pub capacity: usize,
}

impl Default for KeyCachePolicy {
    fn default() -> Self {
        Self { lifetime: Duration::seconds(60), capacity: 10_000 }
    }
}

/// What is known of a scope.
#[derive(Clone)]
pub(super) enum Cached {
    /// Its key.
    Key(Arc<SecretBytes>),
    /// That it was destroyed.
    Destroyed,
    /// That it had none when somebody looked.
    Absent,
}

/// A bounded map of scopes to keys. The oldest goes first; keys are wiped when the last who uses one is done.
pub(super) struct KeyCache {
    policy: KeyCachePolicy,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_scope: BTreeMap<Slot, (Cached, OffsetDateTime)>,
    /// In the order in which they were put: the lifetime is the same for all, so the oldest expires first.
    order: VecDeque<(Slot, OffsetDateTime)>,
}

/// A scope that can be ordered: `None` is the tenant.
type Slot = Option<AccountId>;

pub(super) const fn slot(scope: &SealScope) -> Slot {
    match scope {
        SealScope::Tenant => None,
        SealScope::Account(account) => Some(*account),
    }
}

impl KeyCache {
    /// How many expired entries each call clears away.
    const SWEEP: usize = 4;

    pub(super) fn new(policy: KeyCachePolicy) -> Self {
        Self { policy, entries: Mutex::default() }
    }

    pub(super) fn get(&self, scope: &SealScope, now: OffsetDateTime) -> Option<Cached> {
        let mut entries = self.lock();
        entries.sweep(now);
        let (cached, expires_at) = entries.by_scope.get(&slot(scope))?;
        (*expires_at > now).then(|| cached.clone())
    }

    /// Keeps what was found. A destroyed key stays destroyed: what was read before is not put in its place.
    pub(super) fn put(&self, scope: &SealScope, cached: Cached, now: OffsetDateTime) {
        let mut entries = self.lock();
        let (slot, expires_at) = (slot(scope), now.saturating_add(self.policy.lifetime));
        if let Some((Cached::Destroyed, until)) = entries.by_scope.get(&slot)
            && *until > now
        {
            return;
        }
        entries.by_scope.insert(slot, (cached, expires_at));
        entries.order.push_back((slot, expires_at));
        while entries.by_scope.len() > self.policy.capacity.max(1) && entries.drop_oldest() {}
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing under the lock panics.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn sweep(&mut self, now: OffsetDateTime) {
        for _ in 0..KeyCache::SWEEP {
            match self.order.front() {
                Some((_, expires_at)) if *expires_at <= now => self.drop_oldest(),
                _ => return,
            };
        }
    }

    /// Drops the oldest entry, unless it was put again since; tells whether there was one in line.
    fn drop_oldest(&mut self) -> bool {
        let Some((slot, put)) = self.order.pop_front() else { return false };
        if self.by_scope.get(&slot).is_some_and(|(_, expires_at)| *expires_at == put) {
            self.by_scope.remove(&slot);
        }
        true
    }
}

/// Prints no keys.
impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache").field("policy", &self.policy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    fn account(number: u128) -> SealScope {
        SealScope::Account(AccountId::from_uuid(uuid::Uuid::from_u128(number)))
    }

    fn key() -> Cached {
        Cached::Key(Arc::new(SecretBytes::new(vec![1])))
    }

    #[test]
    fn it_holds_no_more_than_its_capacity_and_no_longer_than_its_lifetime() {
        let cache = KeyCache::new(KeyCachePolicy { lifetime: Duration::MINUTE, capacity: 8 });
        for number in 0..100 {
            cache.put(&account(number), key(), NOW);
        }
        assert_eq!(cache.lock().by_scope.len(), 8);
        assert!(cache.get(&account(99), NOW + Duration::seconds(59)).is_some());
        assert!(cache.get(&account(99), NOW + Duration::MINUTE).is_none());
        cache.get(&account(0), NOW + Duration::MINUTE);
        cache.get(&account(0), NOW + Duration::MINUTE);
        let entries = cache.lock();
        assert!(entries.by_scope.is_empty() && entries.order.is_empty(), "expired keys leave the memory");
    }

    #[test]
    fn what_was_read_before_does_not_undo_a_destruction() {
        let cache = KeyCache::new(KeyCachePolicy::default());
        cache.put(&account(1), Cached::Destroyed, NOW);
        cache.put(&account(1), key(), NOW);
        assert!(matches!(cache.get(&account(1), NOW), Some(Cached::Destroyed)));
    }

    #[test]
    fn an_entry_that_was_put_again_outlives_its_first_turn() {
        let cache = KeyCache::new(KeyCachePolicy::default());
        cache.put(&account(1), key(), NOW);
        cache.put(&account(1), key(), NOW + Duration::seconds(30));
        assert!(cache.get(&account(1), NOW + Duration::seconds(70)).is_some());
    }
}
