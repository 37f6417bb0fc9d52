//! The races that hosts run against their adapters: the in-memory ones win them, broken ones lose.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::store::Store;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::testkit::{code_race, refresh_race};
use futures_util::future::BoxFuture;
use time::Duration;

use super::gate::{forgetful, gated};

fn spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

/// Ports on a memory of their own, with a store and an ephemeral store that are made of the right ones.
fn ports(
    store: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ephemeral: impl FnOnce(Arc<dyn Ephemeral>) -> Arc<dyn Ephemeral>,
) -> Ports {
    let clock = Arc::new(ManualClock::default());
    let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(1));
    let database = memory::MemoryDatabase::new();
    let short_lived = memory::MemoryEphemeralDatabase::new();
    memory::ports_of(tenant, &database, clock.clone(), Arc::new(SeededEntropy::new(7)))
        .with_store(store(Arc::new(database.tenant(tenant, clock.clone()))))
        .with_ephemeral(ephemeral(Arc::new(short_lived.tenant(tenant, clock))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_wins_the_races_on_several_nodes() {
    let yields = |store| gated(store, |_| Box::pin(tokio::task::yield_now()));
    let node = ports(yields, |ephemeral| ephemeral);
    let nodes = [node.clone(), node.clone(), node];
    for _ in 0..5 {
        code_race(&nodes, &spawn).await.unwrap();
        refresh_race(&nodes, &spawn).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_forgets_its_conditions_loses() {
    let node = ports(forgetful, |ephemeral| ephemeral);
    let lost = refresh_race(&[node], &spawn).await.unwrap_err().to_string();
    assert!(lost.contains("refresh tokens"), "{lost}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_commit_holds_where_a_swap_does_not_compare() {
    let node = ports(|store| store, |inner| Arc::new(Swaps(inner)));
    code_race(&[node], &spawn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_of_which_neither_compares_lose() {
    let node = ports(forgetful, |inner| Arc::new(Swaps(inner)));
    let lost = code_race(&[node], &spawn).await.unwrap_err().to_string();
    assert!(lost.contains("exchanges of one code succeeded"), "{lost}");
}

/// Two nodes that do not share their state: what the races are for, in the extreme.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_share_nothing_lose() {
    let nodes = [ports(|store| store, |inner| inner), ports(|store| store, |inner| inner)];
    assert!(refresh_race(&nodes, &spawn).await.is_ok(), "the one node that knows the grant answers");
    let lost = code_race(&[], &spawn).await.unwrap_err().to_string();
    assert!(lost.contains("needs a node"), "{lost}");
}

/// Writes first and compares never. Reads wait a moment, as they do behind a network.
#[derive(Debug)]
struct Swaps(Arc<dyn Ephemeral>);

#[async_trait]
impl Ephemeral for Swaps {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.0.put(key, value, ttl).await
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        let found = self.0.get(key).await;
        tokio::task::yield_now().await;
        found
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.0.take(key).await
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.0.put_if_absent(key, value, ttl).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        self.0.increment(key, window).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        _old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.0.put(key, new, ttl).await?;
        Ok(true)
    }
}
