//! Attempts that have begun and are not over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The attempts in flight on this node, by name. Holds nothing of those that are over.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<BTreeMap<String, Entry>>>);

#[derive(Debug, Default)]
struct Entry {
    /// How many are in flight, and how many wait for them.
    users: usize,
    flying: usize,
    /// How many have ended since the entry is there.
    ended: u64,
}

/// One attempt in flight, or one that waits for others; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    all: InFlight,
    name: String,
    flies: bool,
}

impl InFlight {
    /// Begins an attempt.
    pub(crate) fn begin(&self, name: &str) -> Flight {
        self.enter(name, true)
    }

    /// Watches the attempts of a name without being one.
    pub(crate) fn watch(&self, name: &str) -> Flight {
        self.enter(name, false)
    }

    fn enter(&self, name: &str, flies: bool) -> Flight {
        let mut entries = self.lock();
        let entry = entries.entry(name.to_owned()).or_default();
        entry.users = entry.users.saturating_add(1);
        entry.flying = entry.flying.saturating_add(usize::from(flies));
        Flight { all: self.clone(), name: name.to_owned(), flies }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// How many attempts of this name are in flight, and how many have ended since somebody watches.
    pub(crate) fn seen(&self) -> (usize, u64) {
        let entries = self.all.lock();
        entries.get(&self.name).map_or((0, 0), |entry| (entry.flying, entry.ended))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut entries = self.all.lock();
        let Some(entry) = entries.get_mut(&self.name) else { return };
        entry.users = entry.users.saturating_sub(1);
        if self.flies {
            entry.flying = entry.flying.saturating_sub(1);
            entry.ended = entry.ended.saturating_add(1);
        }
        if entry.users == 0 {
            entries.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_what_is_over() {
        let all = InFlight::default();
        let watching = all.watch("ada");
        assert_eq!(watching.seen(), (0, 0));
        let first = all.begin("ada");
        let second = all.begin("ada");
        assert_eq!(watching.seen(), (2, 0));
        drop(first);
        assert_eq!(watching.seen(), (1, 1));
        drop(second);
        assert_eq!(watching.seen(), (0, 2));
        drop(watching);
        assert!(all.lock().is_empty());
    }
}
