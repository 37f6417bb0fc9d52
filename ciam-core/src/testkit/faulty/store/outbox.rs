//! Wrong ways to deliver and to prune.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::Broken;
use super::fault::Fault;
use crate::error::PortError;
use crate::id::EventId;
use crate::memory::outbox::Outbox;
use crate::store::{OutboxItem, Store as _};

impl Broken {
    fn with_outbox<T>(&self, work: impl FnOnce(&mut Outbox) -> T) -> T {
        let mut database = self.world.database.lock();
        work(&mut database.entry(self.honest.tenant()).or_default().outbox)
    }

    pub(super) async fn claim_wrongly(
        &self,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxItem>, PortError> {
        let now = self.now();
        let until = now.saturating_add(lease);
        match self.world.fault {
            Some(Fault::ClaimCrosses) => {
                let own = self.honest.claim_outbox(lease, limit).await?;
                if !own.is_empty() {
                    return Ok(own);
                }
                for other in self.others() {
                    let items = other.claim_outbox(lease, limit).await?;
                    if !items.is_empty() {
                        return Ok(items);
                    }
                }
                Ok(own)
            }
            Some(Fault::ClaimsTwice) => {
                let positions = self.with_outbox(|outbox| outbox.claimable(now, limit));
                if !positions.is_empty() {
                    self.world.crowd.linger().await;
                }
                Ok(self.with_outbox(|outbox| outbox.hand_out(&positions, until)))
            }
            Some(Fault::OrdersBySubject) => Ok(self.with_outbox(|outbox| {
                let mut positions = outbox.claimable(now, u32::MAX);
                positions.sort_by_key(|position| {
                    outbox.pending.get(position).and_then(|item| item.subject.clone())
                });
                positions.truncate(limit as usize);
                outbox.hand_out(&positions, until)
            })),
            Some(Fault::IgnoresSubjects) => Ok(self.with_outbox(|outbox| {
                let free = outbox.pending.iter().filter(|(_, item)| !item.is_leased(now));
                let positions: Vec<u64> = free.map(|(position, _)| *position).take(limit as usize).collect();
                outbox.hand_out(&positions, until)
            })),
            Some(Fault::MixesSubjects) => Ok(self.with_outbox(|outbox| {
                let positions = unmixed(outbox, now, limit);
                outbox.hand_out(&positions, until)
            })),
            Some(Fault::NeverAgain) => Ok(self.with_outbox(|outbox| {
                let positions = outbox.claimable(now, limit);
                outbox.hand_out(&positions, now.saturating_add(Duration::days(10_000)))
            })),
            Some(Fault::HalvesLeases) => self.honest.claim_outbox(lease / 2, limit).await,
            Some(Fault::CountsNoAttempts) => {
                let mut items = self.honest.claim_outbox(lease, limit).await?;
                items.iter_mut().for_each(|item| item.attempts = 1);
                Ok(items)
            }
            Some(Fault::ZeroIsNoLimit) if limit == 0 => self.honest.claim_outbox(lease, u32::MAX).await,
            _ => self.honest.claim_outbox(lease, limit).await,
        }
    }

    pub(super) async fn acknowledge_wrongly(&self, delivered: &[EventId]) -> Result<(), PortError> {
        let now = self.now();
        match self.world.fault {
            Some(Fault::AcknowledgeCrosses) => {
                for other in self.others() {
                    other.acknowledge(delivered).await?;
                }
                self.honest.acknowledge(delivered).await
            }
            Some(Fault::AcknowledgesSome) => {
                self.honest.acknowledge(delivered.get(..16).unwrap_or(delivered)).await
            }
            Some(Fault::AcknowledgesInTimeOnly) => {
                let in_time: Vec<EventId> = self.with_outbox(|outbox| {
                    let leased = outbox.pending.values().filter(|item| item.is_leased(now));
                    leased.map(|item| item.id).filter(|id| delivered.contains(id)).collect()
                });
                self.honest.acknowledge(&in_time).await
            }
            Some(Fault::UnknownIdIsAnError) => {
                let known = |id: &EventId| {
                    self.with_outbox(|outbox| outbox.pending.values().any(|item| item.id == *id))
                };
                if !delivered.iter().all(known) {
                    return Err(PortError::permanent("no such item"));
                }
                self.honest.acknowledge(delivered).await
            }
            _ => self.honest.acknowledge(delivered).await,
        }
    }

    pub(super) async fn prune_wrongly(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError> {
        match self.world.fault {
            Some(Fault::PruneCrosses) => {
                for other in self.others() {
                    other.prune(before, limit).await?;
                }
                self.honest.prune(before, limit).await
            }
            Some(Fault::PrunesBeforeOnly) => self.honest.prune(before - Duration::NANOSECOND, limit).await,
            Some(Fault::PrunesUpToNow) => self.honest.prune(self.now(), limit).await,
            Some(Fault::PrunesLive) => self.at(before).prune(before, limit).await,
            Some(Fault::PrunesWithoutLimit) => self.honest.prune(before, u32::MAX).await,
            _ => self.honest.prune(before, limit).await,
        }
    }
}

/// What may be delivered when subjects are compared by what is before their colon.
fn unmixed(outbox: &Outbox, now: OffsetDateTime, limit: u32) -> Vec<u64> {
    let kind = |subject: &Option<String>| {
        subject.as_ref().and_then(|subject| subject.split(':').next()).map(ToOwned::to_owned)
    };
    let mut blocked: BTreeSet<String> = BTreeSet::new();
    let mut positions = Vec::new();
    for (position, item) in &outbox.pending {
        let kind = kind(&item.subject);
        let behind = kind.as_ref().is_some_and(|kind| blocked.contains(kind));
        if item.is_leased(now) || behind {
            blocked.extend(kind);
        } else if positions.len() < limit as usize {
            positions.push(*position);
        }
    }
    positions
}
