//! Records that are read far more often than they change, decoded once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Record, Store, StoredRecord, Versioned};
use crate::error::PortError;

/// Reads records of one kind, and remembers what the text of each meant the last time.
///
/// The store is asked each time. Only when it answers with the very text that it had before is that not decoded again. So nothing is
/// assumed about versions, times or other nodes, and a record that was changed or removed anywhere is a changed or removed one at once.
///
/// ```
/// # #[cfg(feature = "memory")] {
/// use ciam_core::memory;
/// use ciam_core::store::{Batch, DecodedRecords, RecordKind, StoredRecord};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Tariff { name: String }
///
/// impl StoredRecord for Tariff {
///     const KIND: RecordKind = RecordKind::new("shop.tariff", &[]);
///     const SCHEMA: u16 = 1;
///
///     fn key(&self) -> String {
///         self.name.clone()
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (ports, tariffs) = (memory::ports(), DecodedRecords::<Tariff>::new(1_000));
/// let gold = Tariff { name: "gold".to_owned() };
/// assert!(ports.store().commit(Batch::new().put(&gold)?).await?.is_applied());
/// let found = tariffs.load(ports.store(), "gold").await?;
/// assert_eq!(found.map(|found| found.value.name.clone()).as_deref(), Some("gold"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # }
/// ```
pub struct DecodedRecords<T> {
    capacity: usize,
    known: RwLock<HashMap<String, Known<T>>>,
}

/// A text and what it means.
struct Known<T> {
    schema: u16,
    body: String,
    value: Arc<T>,
}

impl<T: StoredRecord + Send + Sync> DecodedRecords<T> {
    /// Remembers at most so many records.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, known: RwLock::default() }
    }

    /// The record with this key, decoded; `None` when there is none.
    ///
    /// # Errors
    ///
    /// Fails when the store does, and when the record cannot be decoded.
    pub async fn load(&self, store: &dyn Store, key: &str) -> Result<Option<Versioned<Arc<T>>>, PortError> {
        let Some(Versioned { value: record, version }) = store.record(T::KIND, key).await? else {
            self.forget(key);
            return Ok(None);
        };
        if let Some(value) = self.recall(&record) {
            return Ok(Some(Versioned::new(value, version)));
        }
        let value = Arc::new(record.decode::<T>()?);
        self.remember(record, Arc::clone(&value));
        Ok(Some(Versioned::new(value, version)))
    }

    fn recall(&self, record: &Record) -> Option<Arc<T>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&record.key)?;
        let same = known.schema == record.schema
            && known.body == record.body
            && record.kind.name() == T::KIND.name();
        same.then(|| Arc::clone(&known.value))
    }

    fn remember(&self, record: Record, value: Arc<T>) {
        if self.capacity == 0 {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.capacity && !known.contains_key(&record.key) {
            // Whichever goes is decoded again when it is read.
            let any = known.keys().next().cloned();
            any.and_then(|any| known.remove(&any));
        }
        known.insert(record.key, Known { schema: record.schema, body: record.body, value });
    }

    /// What is gone is not kept. Most keys that are not there never were, and for them nobody waits.
    fn forget(&self, key: &str) {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(key) {
            self.known.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }
}

impl<T> fmt::Debug for DecodedRecords<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodedRecords").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::memory;
    use crate::store::{Batch, RecordError, RecordKind, Version, Write};

    static DECODED: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        key: String,
        text: String,
    }

    impl StoredRecord for Note {
        const KIND: RecordKind = RecordKind::new("test.note", &[]);
        const SCHEMA: u16 = 1;

        fn key(&self) -> String {
            self.key.clone()
        }

        fn decode(schema: u16, body: &str) -> Result<Self, RecordError> {
            DECODED.fetch_add(1, Ordering::SeqCst);
            if schema != Self::SCHEMA {
                return Err(RecordError::UnknownSchema { kind: Self::KIND.name(), schema });
            }
            serde_json::from_str(body).map_err(|_| RecordError::Damaged { kind: Self::KIND.name() })
        }
    }

    fn note(key: &str, text: &str) -> Note {
        Note { key: key.to_owned(), text: text.to_owned() }
    }

    /// One test, because they count together.
    #[tokio::test]
    async fn the_same_text_is_decoded_once_and_another_at_once() {
        let (ports, notes) = (memory::ports(), DecodedRecords::<Note>::new(2));
        let commit = async |batch: Batch| assert!(ports.store().commit(batch).await.unwrap().is_applied());
        let put = async |note: &Note| commit(Batch::new().put(note).unwrap()).await;
        let remove = || Batch::new().write(Write::DeleteRecord(Note::KIND, "a".to_owned()));
        let read = async |key: &str| {
            let before = DECODED.load(Ordering::SeqCst);
            let found = notes.load(ports.store(), key).await.unwrap();
            (found.map(|found| found.value.text.clone()), DECODED.load(Ordering::SeqCst) - before)
        };
        assert_eq!(read("a").await, (None, 0));
        put(&note("a", "one")).await;
        assert_eq!(read("a").await, (Some("one".into()), 1));
        assert_eq!(read("a").await, (Some("one".into()), 0));

        put(&note("a", "two")).await;
        assert_eq!(read("a").await, (Some("two".into()), 1), "changed");

        // Removed and made anew, it has its first version again; that is not what is looked at.
        commit(remove()).await;
        put(&note("a", "three")).await;
        assert_eq!(read("a").await, (Some("three".into()), 1));
        let version = notes.load(ports.store(), "a").await.unwrap().unwrap().version;
        assert_eq!(version, Version::FIRST);
        commit(remove()).await;
        assert_eq!(read("a").await, (None, 0), "removed");
        assert!(notes.known.read().unwrap().is_empty(), "and forgotten");

        // The same text of another schema means something else.
        put(&note("a", "four")).await;
        assert_eq!(read("a").await.1, 1);
        let mut other = Record::encode(&note("a", "four")).unwrap();
        other.schema = 2;
        commit(Batch::new().write(Write::PutRecord(other))).await;
        assert!(notes.load(ports.store(), "a").await.is_err());

        // No more are kept than there is room for.
        for key in ["b", "c", "d"] {
            put(&note(key, key)).await;
            assert_eq!(read(key).await, (Some(key.to_owned()), 1));
            assert!(notes.known.read().unwrap().len() <= 2);
        }
        assert_eq!(read("d").await.1, 0);

        // Where there is no more room, there still is for what is there already, and nobody else goes for it.
        let full = DecodedRecords::<Note>::new(4);
        let keys = ["a", "b", "c", "d"];
        for (round, key) in keys.iter().cycle().take(40).enumerate() {
            put(&note(key, &format!("round {round}"))).await;
            for key in keys {
                full.load(ports.store(), key).await.unwrap();
            }
            let before = DECODED.load(Ordering::SeqCst);
            for key in keys {
                full.load(ports.store(), key).await.unwrap();
            }
            let decoded = DECODED.load(Ordering::SeqCst) - before;
            assert_eq!((decoded, full.known.read().unwrap().len()), (0, 4), "{round}");
        }

        // A store that answers with something else of the same text is not believed.
        let mut other = Record::encode(&note("a", "five")).unwrap();
        let value = Arc::new(note("a", "five"));
        full.remember(other.clone(), Arc::clone(&value));
        assert!(full.recall(&other).is_some());
        other.kind = RecordKind::new("test.other", &[]);
        assert!(full.recall(&other).is_none());
        let nothing = DecodedRecords::<Note>::new(0);
        assert!(nothing.load(ports.store(), "d").await.unwrap().is_some());
        assert!(nothing.known.read().unwrap().is_empty());
    }
}
