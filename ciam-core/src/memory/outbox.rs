//! The outbox of one tenant.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use crate::id::EventId;
use crate::store::{OutboxItem, OutboxPayload};

/// The undelivered items, in the order of their commits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    next: u64,
    pending: BTreeMap<u64, Pending>,
    positions: BTreeMap<EventId, u64>,
}

#[derive(Clone, Debug)]
struct Pending {
    id: EventId,
    subject: Option<String>,
    payload: OutboxPayload,
    attempts: u32,
    leased_until: Option<OffsetDateTime>,
}

impl Outbox {
    pub(crate) fn push(&mut self, id: EventId, subject: Option<String>, payload: OutboxPayload) {
        self.positions.insert(id, self.next);
        self.pending.insert(self.next, Pending { id, subject, payload, attempts: 0, leased_until: None });
        self.next = self.next.saturating_add(1);
    }

    pub(crate) fn claim(&mut self, now: OffsetDateTime, lease: Duration, limit: u32) -> Vec<OutboxItem> {
        let mut claimed = Vec::new();
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        for item in self.pending.values_mut() {
            if claimed.len() >= limit as usize {
                break;
            }
            let leased = item.leased_until.is_some_and(|until| until > now);
            let behind = item.subject.as_ref().is_some_and(|subject| blocked.contains(subject));
            if leased || behind {
                blocked.extend(item.subject.clone());
                continue;
            }
            item.attempts = item.attempts.saturating_add(1);
            item.leased_until = Some(now.saturating_add(lease));
            claimed.push(OutboxItem::new(item.id, item.attempts, item.payload.clone()));
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
