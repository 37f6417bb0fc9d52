//! PostgreSQL by the contract suites of core.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ciam_adapters::postgres::PostgresDatabase;
use ciam_core::ephemeral::Ephemeral;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::store::Store;
use ciam_core::testkit::{self, EphemeralHarness, ManualClock, StoreHarness};
use futures_util::future::BoxFuture;
use time::Duration;

use crate::postgres_support::Schema;

/// Handles of several databases on one schema in turn: what a suite asks of one node, it asks of several.
struct Harness {
    databases: Vec<PostgresDatabase>,
    next: AtomicUsize,
    clock: Arc<ManualClock>,
}

impl Harness {
    async fn new(schema: &Schema, databases: usize) -> Self {
        // All at once: each of them finds an empty schema, and one makes the tables.
        let opening = (0..databases).map(|_| schema.open());
        Self {
            databases: futures_util::future::join_all(opening).await,
            next: AtomicUsize::new(0),
            clock: Arc::default(),
        }
    }

    fn database(&self) -> &PostgresDatabase {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        &self.databases[number % self.databases.len()]
    }
}

#[async_trait]
impl EphemeralHarness for Harness {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        Ok(Arc::new(self.database().ephemeral(tenant, self.clock.clone())))
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let task = tokio::spawn(task);
        Box::pin(async move { drop(task.await) })
    }
}

#[async_trait]
impl StoreHarness for Harness {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        Ok(Arc::new(self.database().tenant(tenant, self.clock.clone())))
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        EphemeralHarness::spawn(self, task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract() {
    let Some(schema) = Schema::new() else { return };
    testkit::store(&Harness::new(&schema, 1).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract_on_three_nodes() {
    let Some(schema) = Schema::new() else { return };
    testkit::store(&Harness::new(&schema, 3).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract() {
    let Some(schema) = Schema::new() else { return };
    testkit::ephemeral(&Harness::new(&schema, 1).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_on_three_nodes() {
    let Some(schema) = Schema::new() else { return };
    testkit::ephemeral(&Harness::new(&schema, 3).await).await.assert_kept();
}
