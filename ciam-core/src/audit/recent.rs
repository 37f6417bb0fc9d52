//! The newest entries about a subject, without a look at the older ones.
//!
//! A [`Store`](crate::store::Store) lists records by key, upwards, and the keys of entries sort as their places do. Beside each
//! entry lies its place under a key that counts down, so that a list of these begins with the newest. They are no part of the
//! chain: what they point to is verified like every entry, and whoever changes them hides nothing from
//! [`verify`](AuditLog::verify).

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::entry::{AuditEntry, BY_SUBJECT};
use super::log::AuditLog;
use crate::error::PortError;
use crate::store::{IndexValue, Page, PageRequest, Record, RecordKind, StoredRecord, load};

/// The place of an entry, under the subject that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecentEntry {
    sequence: u64,
    subject: String,
}

impl RecentEntry {
    /// The place of an entry.
    pub(super) fn of(entry: &AuditEntry) -> Self {
        Self { sequence: entry.sequence, subject: entry.subject.clone() }
    }

    /// The key of a place: the later the place, the earlier the key.
    pub(super) fn record_key(sequence: u64) -> String {
        format!("{:020}", u64::MAX - sequence)
    }
}

impl StoredRecord for RecentEntry {
    const KIND: RecordKind = RecordKind::new("core.audit_recent", &[BY_SUBJECT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.sequence)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_SUBJECT, self.subject.clone())]
    }
}

impl AuditLog {
    /// The entries about a subject, the newest first. A page costs one list and one read for each entry on it, however much has
    /// happened before.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when an entry is damaged.
    pub async fn latest_about(
        &self,
        subject: &str,
        request: PageRequest,
    ) -> Result<Page<AuditEntry>, PortError> {
        let (store, index) = (self.ports.store(), BY_SUBJECT.name());
        let page = store.records_by(RecentEntry::KIND, index, subject, request).await?;
        let mut entries = Vec::with_capacity(page.items.len());
        for some in page.items.chunks(AT_ONCE) {
            let entry = |record: &Record| {
                let place = record.decode::<RecentEntry>();
                async move { load::<AuditEntry>(store, &AuditEntry::record_key(place?.sequence)).await }
            };
            let found = try_join_all(some.iter().map(|it| entry(&it.value))).await?;
            // One that was removed meanwhile is told no more.
            entries.extend(found.into_iter().flatten().map(|it| it.value).filter(|it| it.subject == subject));
        }
        Ok(Page::new(entries, page.next))
    }
}

/// How many entries are read at the same time.
const AT_ONCE: usize = 8;
