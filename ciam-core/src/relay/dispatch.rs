//! From the outbox into the queues: what was committed is written down once for each destination, and nothing is sent yet.
//!
//! Only then is it acknowledged. A crash in between leaves it in the outbox, and a lane knows what it has queued before.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::queue::Lane;
use super::{Relay, Route};
use crate::error::PortError;
use crate::id::EventId;
use crate::ports::Ports;
use crate::store::{Batch, Commit, EntityRef, OutboxItem, OutboxPayload, Version, load};

/// What goes into one lane, in order.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) destination: String,
    pub(super) items: Vec<(EventId, OutboxPayload)>,
}

/// What goes into each lane, by its key.
pub(super) type Plan = BTreeMap<String, Append>;

impl Relay {
    /// Claims a batch from the outbox and queues it; returns how many items it took.
    pub(super) async fn dispatch(&self, routes: &[Route]) -> Result<usize, PortError> {
        let items = self.ports.store().claim_outbox(self.policy.lease, self.policy.batch).await?;
        if items.is_empty() {
            return Ok(0);
        }
        let mut taken: Vec<EventId> = items.iter().map(|item| item.id).collect();
        for pack in packs(plan(&items, routes)) {
            if !enqueue(&self.ports, &pack, Batch::new()).await? {
                // Somebody else was faster each time. What is not acknowledged comes again when the lease has passed.
                let missed: BTreeSet<EventId> =
                    pack.values().flat_map(|it| &it.items).map(|it| it.0).collect();
                taken.retain(|id| !missed.contains(id));
            }
        }
        self.ports.store().acknowledge(&taken).await?;
        Ok(taken.len())
    }
}

fn plan(items: &[OutboxItem], routes: &[Route]) -> Plan {
    let mut plan = Plan::new();
    for item in items {
        for route in routes.iter().filter(|route| route.wants(&item.payload)) {
            let destination = route.name();
            plan.entry(Lane::key_of(destination, &item.payload))
                .or_insert_with(|| Append { destination: destination.to_owned(), items: Vec::new() })
                .items
                .push((item.id, item.payload.clone()));
        }
    }
    plan
}

/// Cuts a plan into parts that fit into a batch each, without tearing a lane apart.
///
/// A claim holds fewer items than a batch writes; a lane that is longer nevertheless goes alone, in slices, in order.
fn packs(plan: Plan) -> Vec<Plan> {
    let (mut packs, mut pack, mut writes) = (Vec::new(), Plan::new(), 0);
    for (key, Append { destination, items }) in plan {
        for slice in items.chunks(PACK - 1) {
            let more = slice.len() + 1;
            if writes + more > PACK || pack.contains_key(&key) {
                packs.push(std::mem::take(&mut pack));
                writes = 0;
            }
            writes += more;
            let append = Append { destination: destination.clone(), items: slice.to_vec() };
            pack.insert(key.clone(), append);
        }
    }
    if !pack.is_empty() {
        packs.push(pack);
    }
    packs
}

/// Queues a pack together with whatever else is in `with`, in one commit; `false` when others were faster each time.
pub(super) async fn enqueue(ports: &Ports, pack: &Plan, with: Batch) -> Result<bool, PortError> {
    for _ in 0..RACES {
        let lanes = try_join_all(pack.keys().map(|key| load::<Lane>(ports.store(), key))).await?;
        let mut batch = with.clone();
        for ((key, append), found) in pack.iter().zip(lanes) {
            let (lane, version) = match found {
                Some(found) => (found.value, Some(found.version)),
                None => (Lane::new(&append.destination, key, ports.now()), None),
            };
            batch = write(batch, ports, lane, version, append)?;
        }
        if batch.writes().is_empty() && batch.events().is_empty() {
            return Ok(true);
        }
        match ports.store().commit(batch).await? {
            Commit::Applied => return Ok(true),
            Commit::Conflict(_) => {}
        }
    }
    Ok(false)
}

fn write(
    batch: Batch,
    ports: &Ports,
    mut lane: Lane,
    version: Option<Version>,
    append: &Append,
) -> Result<Batch, PortError> {
    use crate::store::StoredRecord as _;
    let fresh = append.items.iter().filter_map(|(id, it)| lane.append(*id, it.clone(), ports.now()));
    let fresh: Vec<_> = fresh.collect();
    if fresh.is_empty() {
        return Ok(batch);
    }
    let entity = EntityRef::record::<Lane>(lane.key());
    let mut batch = match version {
        Some(version) => batch.require_version(entity, version),
        None => batch.require_absent(entity),
    };
    for delivery in &fresh {
        batch = batch.put(delivery)?;
    }
    Ok(batch.put(&lane)?)
}

/// How many writes a pack makes at most: what a batch holds, and room for what goes with it.
const PACK: usize = Batch::MAX_WRITES - 4;
const RACES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn append(items: usize) -> Append {
        let message = serde_json::json!({ "id": EventId::from_uuid(uuid::Uuid::nil()), "sealed": "", "expires_at": "2026-01-01T12:00:00Z" });
        let payload = OutboxPayload::Message(serde_json::from_value(message).unwrap());
        let ids = (0..items).map(|number| EventId::from_uuid(uuid::Uuid::from_u128(number as u128)));
        Append { destination: "a".to_owned(), items: ids.map(|id| (id, payload.clone())).collect() }
    }

    #[test]
    fn packs_fit_into_a_batch_and_keep_the_order_of_every_lane() {
        let plan: Plan = [("a", 1), ("b", 40), ("c", 40), ("d", 150), ("e", 1), ("f", 1)]
            .map(|(key, items)| (key.to_owned(), append(items)))
            .into();
        let whole: Vec<(String, Vec<EventId>)> =
            plan.iter().map(|(key, it)| (key.clone(), it.items.iter().map(|it| it.0).collect())).collect();
        let packs = packs(plan);
        assert!(packs.iter().all(|pack| pack.values().map(|it| it.items.len() + 1).sum::<usize>() <= PACK));
        for (key, expected) in whole {
            let found: Vec<EventId> =
                packs.iter().filter_map(|it| it.get(&key)).flat_map(|it| &it.items).map(|it| it.0).collect();
            assert_eq!(found, expected, "{key}");
        }
    }
}
