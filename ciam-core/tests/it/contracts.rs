//! The ports in memory keep every contract.

use std::sync::Arc;

use ciam_core::ephemeral::Ephemeral;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::memory::MemoryEphemeralDatabase;
use ciam_core::testkit::{self, EphemeralHarness, ManualClock};
use futures_util::future::BoxFuture;
use time::Duration;

#[derive(Debug, Default)]
struct InMemory {
    clock: Arc<ManualClock>,
    ephemeral: MemoryEphemeralDatabase,
}

fn tokio_spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

#[async_trait::async_trait]
impl EphemeralHarness for InMemory {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        Ok(Arc::new(self.ephemeral.tenant(tenant, self.clock.clone())))
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ephemeral() {
    testkit::ephemeral(&InMemory::default()).await.assert_kept();
}
