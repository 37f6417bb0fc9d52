//! Removing what is kept no longer, from the beginning.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::entry::{AuditEntry, AuditHead};
use super::log::AuditLog;
use super::recent::RecentEntry;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::store::{Batch, EntityRef, PageRequest, RecordKind, StoredRecord, Versioned, Write, load};

/// The beginning of the audit log was removed. Details: `by`, `before`, and `sequence`, the last entry that had gone before.
pub const AUDIT_TRIMMED: EventType = EventType::new("ciam.audit.trimmed.v1");

/// Behind what the chain begins: the last entry that was removed.
///
/// # Security
///
/// Whoever can write to the database can write one. A removal that nobody made is seen by the event that is missing in the
/// chain, and by [`Checkpoint`](super::Checkpoint)s: the entry that one was made at is either there or in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditBase {
    /// The place and the hash of that entry.
    pub head: AuditHead,
    /// When it was removed.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl AuditBase {
    const KEY: &'static str = "base";
}

impl StoredRecord for AuditBase {
    const KIND: RecordKind = RecordKind::new("core.audit_base", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

impl AuditLog {
    /// Behind what the chain begins: an empty head unless something was removed.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn base(&self) -> Result<AuditHead, PortError> {
        let found = load::<AuditBase>(self.ports.store(), AuditBase::KEY).await?;
        Ok(found.map_or_else(|| AuditHead::empty(self.ports.tenant()), |found| found.value.head))
    }

    /// Removes the entries of events before a time, oldest first, up to the first that is newer, and at most `limit` of them;
    /// returns how many. Run it until it returns 0. The last entry always stays.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when an entry is damaged: nothing is removed from a chain that cannot be read.
    pub async fn trim(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        let mut removed = 0;
        while removed < limit {
            let found: Option<Versioned<AuditBase>> = load(self.ports.store(), AuditBase::KEY).await?;
            let some = AT_ONCE.min(limit - removed);
            let page = self.entries(PageRequest::first(some)).await?;
            let end = self.head().await?.sequence;
            let old: Vec<AuditEntry> = page
                .items
                .into_iter()
                .take_while(|entry| entry.time < before && entry.sequence < end)
                .collect();
            let Some(last) = old.last() else { break };
            let head = AuditHead::new(last.sequence, last.digest);
            let entity = EntityRef::record::<AuditBase>(AuditBase::KEY);
            let mut batch = match &found {
                Some(found) => Batch::new().require_version(entity, found.version),
                None => Batch::new().require_absent(entity),
            };
            if removed == 0 {
                batch = batch.event(self.trimmed(before, found.map_or(0, |it| it.value.head.sequence))?);
            }
            batch = batch.put(&AuditBase { head, at: self.ports.now() })?;
            for entry in &old {
                batch = batch.write(Write::DeleteRecord(AuditEntry::KIND, entry.key()));
                let place = RecentEntry::record_key(entry.sequence);
                batch = batch.write(Write::DeleteRecord(RecentEntry::KIND, place));
            }
            // When another node was faster, its base counts.
            if self.ports.store().commit(batch).await?.is_applied() {
                removed += u32::try_from(old.len()).unwrap_or(u32::MAX);
            }
        }
        Ok(removed)
    }

    fn trimmed(&self, before: OffsetDateTime, sequence: u64) -> Result<Event, PortError> {
        let text = before.format(&time::format_description::well_known::Rfc3339);
        Ok(Event::new(&self.ports, AUDIT_TRIMMED, "audit")?
            .by(&Actor::system("retention"))
            .with("before", text.map_err(PortError::permanent)?)
            .with("sequence", sequence))
    }
}

/// How many entries one commit removes.
const AT_ONCE: u32 = 30;
