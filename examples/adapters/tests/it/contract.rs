//! One harness for the contract suites of every database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ciam_adapters::postgres::PostgresDatabase;
use ciam_adapters::sqlite::SqliteDatabase;
use ciam_core::clock::Clock;
use ciam_core::ephemeral::Ephemeral;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::store::Store;
use ciam_core::testkit::{EphemeralHarness, ManualClock, StoreHarness};
use futures_util::future::BoxFuture;
use time::Duration;

/// A database of many tenants.
pub(crate) trait Database: Send + Sync {
    fn durable(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Arc<dyn Store>;
    fn short_lived(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Arc<dyn Ephemeral>;
}

impl Database for PostgresDatabase {
    fn durable(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(self.tenant(tenant, clock))
    }

    fn short_lived(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Arc<dyn Ephemeral> {
        Arc::new(self.ephemeral(tenant, clock))
    }
}

impl Database for SqliteDatabase {
    fn durable(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(self.tenant(tenant, clock))
    }

    fn short_lived(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Arc<dyn Ephemeral> {
        Arc::new(self.ephemeral(tenant, clock))
    }
}

/// Handles of several databases on one place in turn: what a suite asks of one node, it asks of several. `P` is the place,
/// which lives as long.
pub(crate) struct InTurn<D, P = ()> {
    databases: Vec<D>,
    next: AtomicUsize,
    clock: Arc<ManualClock>,
    _place: P,
}

impl<D, P> InTurn<D, P> {
    pub(crate) fn new(databases: Vec<D>, place: P) -> Self {
        Self { databases, next: AtomicUsize::new(0), clock: Arc::default(), _place: place }
    }

    fn database(&self) -> &D {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        &self.databases[number % self.databases.len()]
    }
}

#[async_trait]
impl<D: Database, P: Send + Sync> EphemeralHarness for InTurn<D, P> {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        Ok(self.database().short_lived(tenant, self.clock.clone()))
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
impl<D: Database, P: Send + Sync> StoreHarness for InTurn<D, P> {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        Ok(self.database().durable(tenant, self.clock.clone()))
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        EphemeralHarness::spawn(self, task)
    }
}
