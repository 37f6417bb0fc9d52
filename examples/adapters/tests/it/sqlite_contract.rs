//! SQLite by the contract suites of core.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use ciam_core::ephemeral::Ephemeral;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::store::Store;
use ciam_core::testkit::{self, EphemeralHarness, ManualClock, StoreHarness};
use futures_util::future::BoxFuture;
use time::Duration;

use crate::support::TempDir;

/// Handles of several databases on one file in turn: what a suite asks of one process, it asks of several.
struct Harness {
    databases: Vec<SqliteDatabase>,
    next: std::sync::atomic::AtomicUsize,
    clock: Arc<ManualClock>,
    _directory: TempDir,
}

impl Harness {
    async fn new(databases: usize, options: SqliteOptions) -> Self {
        let directory = TempDir::new();
        let path = directory.file("ciam.db");
        let opening = (0..databases).map(|_| SqliteDatabase::open(&path, options.clone()));
        Self {
            databases: futures_util::future::try_join_all(opening).await.unwrap(),
            next: std::sync::atomic::AtomicUsize::new(0),
            clock: Arc::default(),
            _directory: directory,
        }
    }

    fn database(&self) -> &SqliteDatabase {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
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
    testkit::store(&Harness::new(1, SqliteOptions::default()).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract_without_groups() {
    testkit::store(&Harness::new(1, SqliteOptions::default().with_group(1)).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract_in_two_processes() {
    testkit::store(&Harness::new(2, SqliteOptions::default()).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract() {
    testkit::ephemeral(&Harness::new(1, SqliteOptions::default()).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_without_groups() {
    testkit::ephemeral(&Harness::new(1, SqliteOptions::default().with_group(1)).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_in_two_processes() {
    testkit::ephemeral(&Harness::new(2, SqliteOptions::default()).await).await.assert_kept();
}
