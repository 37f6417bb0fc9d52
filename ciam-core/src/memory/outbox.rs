//! The outbox of one tenant.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use crate::id::EventId;
use crate::store::{OutboxItem, OutboxPayload};

/// The undelivered items, in the order of their commits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    next: u64,
    pub(crate) pending: BTreeMap<u64, Pending>,
    positions: BTreeMap<EventId, u64>,
}

/// An undelivered item.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) id: EventId,
    pub(crate) subject: Option<String>,
    pub(crate) payload: OutboxPayload,
    pub(crate) attempts: u32,
    pub(crate) leased_until: Option<OffsetDateTime>,
}

impl Pending {
    pub(crate) fn is_leased(&self, now: OffsetDateTime) -> bool {
        self.leased_until.is_some_and(|until| until > now)
    }
}

impl Outbox {
    pub(crate) fn push(&mut self, id: EventId, subject: Option<String>, payload: OutboxPayload) {
        self.positions.insert(id, self.next);
        self.pending.insert(self.next, Pending { id, subject, payload, attempts: 0, leased_until: None });
        self.next = self.next.saturating_add(1);
    }

    /// Leases the oldest items that may be delivered now.
    pub(crate) fn claim(&mut self, now: OffsetDateTime, lease: Duration, limit: u32) -> Vec<OutboxItem> {
        let positions = self.claimable(now, limit);
        self.hand_out(&positions, now.saturating_add(lease))
    }

    /// The positions of the oldest items that may be delivered now: not leased, and behind no leased item of their subject.
    pub(crate) fn claimable(&self, now: OffsetDateTime, limit: u32) -> Vec<u64> {
        let mut claimable = Vec::new();
        let mut blocked: BTreeSet<&str> = BTreeSet::new();
        for (position, item) in &self.pending {
            if claimable.len() >= limit as usize {
                break;
            }
            let behind = item.subject.as_deref().is_some_and(|subject| blocked.contains(subject));
            if item.is_leased(now) || behind {
                blocked.extend(item.subject.as_deref());
            } else {
                claimable.push(*position);
            }
        }
        claimable
    }

    /// Leases the items at these positions.
    pub(crate) fn hand_out(&mut self, positions: &[u64], until: OffsetDateTime) -> Vec<OutboxItem> {
        let mut claimed = Vec::with_capacity(positions.len());
        for position in positions {
            if let Some(item) = self.pending.get_mut(position) {
                item.attempts = item.attempts.saturating_add(1);
                item.leased_until = Some(until);
                claimed.push(OutboxItem::new(item.id, item.attempts, item.payload.clone()));
            }
        }
        claimed
    }

    pub(crate) fn acknowledge(&mut self, delivered: &[EventId]) {
        for id in delivered {
            if let Some(position) = self.positions.remove(id) {
                self.pending.remove(&position);
            }
        }
    }
}
