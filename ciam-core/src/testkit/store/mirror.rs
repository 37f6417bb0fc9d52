//! The same changes in two tenants.

use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;

use crate::error::PortError;
use crate::id::EventId;
use crate::store::{Batch, Commit, OutboxItem, Store};
use crate::testkit::{HookedStore, StoreHook};

/// A handle that makes every commit, claim and acknowledgement in another tenant first, with the same ids and keys.
///
/// Both tenants stay in step, so a store that keeps them apart shows nothing of it. One that does not keeps no clause: what
/// a clause inserts is there already, because the other tenant has it.
pub(super) type Mirror = HookedStore<FirstInOther>;

#[derive(Debug)]
pub(super) struct FirstInOther(pub(super) Arc<dyn Store>);

#[async_trait]
impl StoreHook for FirstInOther {
    async fn commit(&self, own: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
        let _what_the_other_tenant_says = self.0.commit(batch.clone()).await?;
        own.commit(batch).await
    }

    async fn claim_outbox(
        &self,
        own: &dyn Store,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxItem>, PortError> {
        self.0.claim_outbox(lease, limit).await?;
        own.claim_outbox(lease, limit).await
    }

    async fn acknowledge(&self, own: &dyn Store, delivered: &[EventId]) -> Result<(), PortError> {
        self.0.acknowledge(delivered).await?;
        own.acknowledge(delivered).await
    }
}
