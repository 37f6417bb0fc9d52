//! Broken ephemeral stores.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use time::{Duration, OffsetDateTime};

use super::{Faulty, Spawn};
use crate::clock::Clock as _;
use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;
use crate::id::TenantId;
use crate::testkit::race::Crowd;
use crate::testkit::{EphemeralHarness, ManualClock};

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    GetCrosses,
    SwapCrosses,
    CountersCross,
    ReadsAsText,
    CutsLongValues,
    EmptyIsAbsent,
    FoldsNames,
    TrimsNames,
    CutsNames,
    IgnoresNamespaces,
    JoinsNamespaces,
    JoinsNamespacesByColon,
    TakeRemovesCounter,
    GetReadsCounter,
    CachesReads,
    TakesExpired,
    SwapsExpired,
    ExpiresEarly,
    NoTimeIsForEver,
    IgnoresNoTime,
    PutKeepsLongerTime,
    PutKeepsShorterTime,
    ThirdReadRemoves,
    RepeatsTake,
    RefusedPutProlongs,
    CountsInTheHandle,
    WindowSlides,
    WindowNeverEnds,
    ComparesStart,
    ComparesWithoutCase,
    ComparesWithoutSpace,
    AbsentEqualsEmpty,
    SwapKeepsLongerTime,
    SwapKeepsShorterTime,
    RefusedSwapProlongs,
    TearsTake,
    TearsPutIfAbsent,
    TearsIncrement,
    TearsSwap,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::GetCrosses, "tenant.values"),
    (Fault::SwapCrosses, "tenant.values"),
    (Fault::CountersCross, "tenant.counters"),
    (Fault::ReadsAsText, "value.bytes"),
    (Fault::CutsLongValues, "value.bytes"),
    (Fault::EmptyIsAbsent, "value.bytes"),
    (Fault::FoldsNames, "key.names"),
    (Fault::TrimsNames, "key.names"),
    (Fault::CutsNames, "key.names"),
    (Fault::IgnoresNamespaces, "key.namespaces"),
    (Fault::JoinsNamespaces, "key.namespaces"),
    (Fault::JoinsNamespacesByColon, "key.namespaces"),
    (Fault::TakeRemovesCounter, "key.counters"),
    (Fault::GetReadsCounter, "key.counters"),
    (Fault::CachesReads, "value.handles"),
    (Fault::TakesExpired, "expiry.values"),
    (Fault::SwapsExpired, "expiry.values"),
    (Fault::ExpiresEarly, "expiry.values"),
    (Fault::NoTimeIsForEver, "expiry.not_positive"),
    (Fault::IgnoresNoTime, "expiry.not_positive"),
    (Fault::PutKeepsLongerTime, "put.replaces"),
    (Fault::PutKeepsShorterTime, "put.replaces"),
    (Fault::ThirdReadRemoves, "get.leaves"),
    (Fault::RepeatsTake, "take.removes"),
    (Fault::RefusedPutProlongs, "put_if_absent.refuses"),
    (Fault::CountsInTheHandle, "increment.counts"),
    (Fault::WindowSlides, "increment.window"),
    (Fault::WindowNeverEnds, "increment.window"),
    (Fault::ComparesStart, "compare_and_swap.compares"),
    (Fault::ComparesWithoutCase, "compare_and_swap.compares"),
    (Fault::ComparesWithoutSpace, "compare_and_swap.compares"),
    (Fault::AbsentEqualsEmpty, "compare_and_swap.compares"),
    (Fault::SwapKeepsLongerTime, "compare_and_swap.ttl"),
    (Fault::SwapKeepsShorterTime, "compare_and_swap.ttl"),
    (Fault::RefusedSwapProlongs, "compare_and_swap.ttl"),
    (Fault::TearsTake, "race.take"),
    (Fault::TearsPutIfAbsent, "race.put_if_absent"),
    (Fault::TearsIncrement, "race.increment"),
    (Fault::TearsSwap, "race.compare_and_swap"),
];

/// Every fault, on an ephemeral store of its own.
pub(super) fn ephemerals(spawn: Spawn) -> Vec<Faulty<dyn EphemeralHarness>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn EphemeralHarness> { Box::new(Harness::new(Some(fault), spawn, false)) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

/// A harness on an ephemeral store that keeps all tenants in one.
pub(super) fn blind(spawn: Spawn) -> Box<dyn EphemeralHarness> {
    Box::new(Harness::new(None, spawn, true))
}

struct Harness {
    world: Arc<World>,
    spawn: Spawn,
    blind: bool,
}

impl Harness {
    fn new(fault: Option<Fault>, spawn: Spawn, blind: bool) -> Self {
        let world = World {
            fault,
            clock: ManualClock::default(),
            crowd: Crowd::default(),
            tables: Mutex::default(),
            handles: AtomicUsize::new(0),
        };
        Self { world: Arc::new(world), spawn, blind }
    }
}

#[async_trait]
impl EphemeralHarness for Harness {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        let tenant = if self.blind { TenantId::from_uuid(uuid::Uuid::nil()) } else { tenant };
        let number = self.world.handles.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Broken { world: Arc::clone(&self.world), number, tenant, memory: Mutex::default() }))
    }

    async fn pass(&self, time: Duration) {
        self.world.clock.advance(time);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        (self.spawn)(self.world.crowd.join(task))
    }
}

/// What all handles of one broken store share.
#[derive(Debug)]
struct World {
    fault: Option<Fault>,
    clock: ManualClock,
    crowd: Crowd,
    tables: Mutex<Tables>,
    handles: AtomicUsize,
}

type Key = (TenantId, String, String);

#[derive(Debug, Default)]
struct Tables {
    values: BTreeMap<Key, Entry<Vec<u8>>>,
    counters: BTreeMap<Key, Entry<u64>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    value: T,
    expires_at: OffsetDateTime,
    /// The number of the handle that made it.
    maker: usize,
}

impl Tables {
    fn live(&self, key: &Key, now: OffsetDateTime) -> Option<&Entry<Vec<u8>>> {
        self.values.get(key).filter(|entry| entry.expires_at > now)
    }

    fn live_counter(&self, key: &Key, now: OffsetDateTime) -> Option<&Entry<u64>> {
        self.counters.get(key).filter(|entry| entry.expires_at > now)
    }

    /// The keys of other tenants with the same namespace and name.
    fn twins<'t, T>(
        table: &'t BTreeMap<Key, Entry<T>>,
        key: &Key,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (&'t Key, &'t Entry<T>)> {
        let (tenant, namespace, name) = key.clone();
        table.iter().filter(move |(other, entry)| {
            other.0 != tenant && other.1 == namespace && other.2 == name && entry.expires_at > now
        })
    }
}

/// A handle on a broken ephemeral store.
#[derive(Debug)]
struct Broken {
    world: Arc<World>,
    number: usize,
    tenant: TenantId,
    memory: Mutex<HashMap<Key, Memory>>,
}

/// What a handle remembers of a key.
#[derive(Debug, Default)]
struct Memory {
    reads: u32,
    last: Option<Vec<u8>>,
    read: Option<Vec<u8>>,
    took: Option<Vec<u8>>,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.world.fault == Some(fault)
    }

    fn now(&self) -> OffsetDateTime {
        self.world.clock.now()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.world.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered<T>(&self, key: &Key, step: impl FnOnce(&mut Memory) -> T) -> T {
        step(self.memory.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
    }

    /// A change through this handle, which it knows of.
    fn forget(&self, key: &Key) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn key(&self, key: &EphemeralKey) -> Key {
        let (mut namespace, mut name) = (key.namespace().to_owned(), key.name().to_owned());
        match self.world.fault {
            Some(Fault::FoldsNames) => name = name.to_lowercase(),
            Some(Fault::TrimsNames) => name = name.trim().to_owned(),
            Some(Fault::CutsNames) => name = name.chars().take(200).collect(),
            Some(Fault::IgnoresNamespaces) => namespace.clear(),
            Some(Fault::JoinsNamespaces) => name = std::mem::take(&mut namespace) + &name,
            Some(Fault::JoinsNamespacesByColon) => name = std::mem::take(&mut namespace) + ":" + &name,
            _ => {}
        }
        (self.tenant, namespace, name)
    }

    /// A value as it is stored, and until when. `None`: nothing is stored at all.
    fn entry(&self, value: Vec<u8>, ttl: Duration) -> Option<Entry<Vec<u8>>> {
        let value = match self.world.fault {
            Some(Fault::ReadsAsText) => String::from_utf8_lossy(&value).into_owned().into_bytes(),
            Some(Fault::CutsLongValues) => value.into_iter().take(65_535).collect(),
            _ => value,
        };
        let ttl = match self.world.fault {
            Some(Fault::NoTimeIsForEver) if ttl <= Duration::ZERO => Duration::WEEK,
            Some(Fault::IgnoresNoTime) if ttl <= Duration::ZERO => return None,
            _ => ttl,
        };
        Some(Entry { value, expires_at: self.now().saturating_add(ttl), maker: self.number })
    }

    /// Whether the stored value counts as the old one of a swap.
    fn equal(&self, stored: &[u8], old: &[u8]) -> bool {
        match self.world.fault {
            Some(Fault::ComparesStart) => stored.starts_with(old),
            Some(Fault::ComparesWithoutCase) => stored.eq_ignore_ascii_case(old),
            Some(Fault::ComparesWithoutSpace) => stored.trim_ascii() == old.trim_ascii(),
            _ => stored == old,
        }
    }

    /// Stands between two steps that should be one, until somebody else has come as far.
    async fn torn(&self, fault: Fault) {
        if self.has(fault) {
            self.world.crowd.linger().await;
        }
    }

    fn found(&self, key: &Key) -> Option<Vec<u8>> {
        let (tables, now) = (self.tables(), self.now());
        let found = tables.live(key, now).map(|entry| entry.value.clone());
        match self.world.fault {
            Some(Fault::GetCrosses) => found.or_else(|| {
                Tables::twins(&tables.values, key, now).map(|(_, entry)| entry.value.clone()).next()
            }),
            Some(Fault::GetReadsCounter) => found
                .or_else(|| tables.live_counter(key, now).map(|entry| entry.value.to_string().into_bytes())),
            Some(Fault::EmptyIsAbsent) => found.filter(|value| !value.is_empty()),
            _ => found,
        }
    }
}

#[async_trait]
impl Ephemeral for Broken {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        let key = self.key(key);
        self.forget(&key);
        let ttl_as_kept = if self.has(Fault::ExpiresEarly) { ttl / 5 } else { ttl };
        let Some(mut entry) = self.entry(value, ttl_as_kept) else { return Ok(()) };
        let mut tables = self.tables();
        if let Some(old) = tables.live(&key, self.now()).filter(|_| ttl > Duration::ZERO) {
            match self.world.fault {
                Some(Fault::PutKeepsLongerTime) => entry.expires_at = entry.expires_at.max(old.expires_at),
                Some(Fault::PutKeepsShorterTime) => entry.expires_at = entry.expires_at.min(old.expires_at),
                _ => {}
            }
        }
        tables.values.insert(key, entry);
        Ok(())
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let key = self.key(key);
        let found = self.found(&key);
        let reads = self.remembered(&key, |memory| {
            memory.reads = if memory.last == found { memory.reads + 1 } else { 1 };
            memory.last.clone_from(&found);
            memory.reads
        });
        if self.has(Fault::ThirdReadRemoves) && reads == 3 {
            self.tables().values.remove(&key);
            return Ok(None);
        }
        if self.has(Fault::CachesReads) && found.is_some() {
            return Ok(self.remembered(&key, |memory| memory.read.get_or_insert(found?).clone().into()));
        }
        Ok(found)
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let (key, now) = (self.key(key), self.now());
        let torn = self.tables().live(&key, now).map(|entry| entry.value.clone());
        self.torn(Fault::TearsTake).await;
        let removed = {
            let mut tables = self.tables();
            if self.has(Fault::TakeRemovesCounter) {
                tables.counters.remove(&key);
            }
            tables.values.remove(&key)
        };
        let taken = match self.world.fault {
            Some(Fault::TearsTake) => torn,
            Some(Fault::TakesExpired) => removed.map(|entry| entry.value),
            _ => removed.filter(|entry| entry.expires_at > now).map(|entry| entry.value),
        };
        if self.has(Fault::RepeatsTake) {
            return Ok(self.remembered(&key, |memory| {
                let repeated = memory.took.clone();
                memory.took = taken.clone().or_else(|| repeated.clone());
                taken.or(repeated)
            }));
        }
        self.forget(&key);
        Ok(taken)
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let (key, now) = (self.key(key), self.now());
        self.forget(&key);
        let free = self.tables().live(&key, now).is_none();
        self.torn(Fault::TearsPutIfAbsent).await;
        let mut tables = self.tables();
        let free = if self.has(Fault::TearsPutIfAbsent) { free } else { tables.live(&key, now).is_none() };
        if free {
            if let Some(entry) = self.entry(value, ttl) {
                tables.values.insert(key, entry);
            }
        } else if self.has(Fault::RefusedPutProlongs)
            && let Some(entry) = tables.values.get_mut(&key)
        {
            entry.expires_at = now.saturating_add(ttl);
        }
        Ok(free)
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        let (key, now) = (self.key(key), self.now());
        let torn = self.tables().live_counter(&key, now).map_or(0, |entry| entry.value);
        self.torn(Fault::TearsIncrement).await;
        let mut tables = self.tables();
        let live = tables.live_counter(&key, now).cloned();
        let expires_at = match (&live, self.world.fault) {
            (_, Some(Fault::WindowNeverEnds)) => now.saturating_add(Duration::WEEK * 1000),
            (Some(entry), fault) if fault != Some(Fault::WindowSlides) => entry.expires_at,
            _ => now.saturating_add(window),
        };
        let before = match self.world.fault {
            Some(Fault::TearsIncrement) => torn,
            Some(Fault::CountersCross) if live.is_none() => {
                Tables::twins(&tables.counters, &key, now).map(|(_, entry)| entry.value).max().unwrap_or(0)
            }
            _ => live.as_ref().map_or(0, |entry| entry.value),
        };
        let maker = live.map_or(self.number, |entry| entry.maker);
        let count = before.saturating_add(1);
        tables.counters.insert(key, Entry { value: count, expires_at, maker });
        // Reports what it counted itself, and writes it through every fifth time.
        let stale = self.has(Fault::CountsInTheHandle) && maker == self.number && count >= 5;
        Ok(if stale { before } else { count })
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let (key, now) = (self.key(key), self.now());
        self.forget(&key);
        let torn = self.tables().live(&key, now).is_some_and(|entry| entry.value == old);
        self.torn(Fault::TearsSwap).await;
        let mut tables = self.tables();
        let found = tables.values.get(&key).cloned();
        let live = found.clone().filter(|entry| entry.expires_at > now || self.has(Fault::SwapsExpired));
        let crossed = || Tables::twins(&tables.values, &key, now).find(|(_, twin)| twin.value == old);
        let (at, equal) = match (&live, self.world.fault) {
            (_, Some(Fault::TearsSwap)) => (key.clone(), torn),
            (None, Some(Fault::SwapCrosses)) => {
                crossed().map_or_else(|| (key.clone(), false), |(twin, _)| (twin.clone(), true))
            }
            (None, Some(Fault::AbsentEqualsEmpty)) => (key.clone(), old.is_empty()),
            (live, _) => {
                let equal = live.as_ref().is_some_and(|entry| self.equal(&entry.value, old));
                (key.clone(), equal)
            }
        };
        if !equal {
            if self.has(Fault::RefusedSwapProlongs)
                && let Some(entry) = tables.values.get_mut(&key).filter(|entry| entry.expires_at > now)
            {
                entry.expires_at = now.saturating_add(ttl);
            }
            return Ok(false);
        }
        let Some(mut entry) = self.entry(new, ttl) else { return Ok(true) };
        if let Some(before) = live.filter(|_| ttl > Duration::ZERO) {
            match self.world.fault {
                Some(Fault::SwapKeepsLongerTime) => {
                    entry.expires_at = entry.expires_at.max(before.expires_at)
                }
                Some(Fault::SwapKeepsShorterTime) => {
                    entry.expires_at = entry.expires_at.min(before.expires_at)
                }
                _ => {}
            }
        }
        tables.values.insert(at, entry);
        Ok(true)
    }
}
