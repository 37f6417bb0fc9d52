//! A store with a gate before its commits: a test decides who goes on when.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::store::{Batch, Commit, Precondition, Store, Write};
use ciam_core::testkit::{HookedStore, StoreHook};
use futures_util::future::BoxFuture;

type Opens = Box<dyn Fn(&Batch) -> BoxFuture<'static, ()> + Send + Sync>;

/// What the commits of a store wait for.
pub(crate) struct Gate {
    opens: Opens,
    /// Whether conditions are forgotten: a broken adapter.
    forgets: bool,
}

/// A store whose commits wait at a gate.
pub(crate) fn gated(
    store: Arc<dyn Store>,
    opens: impl Fn(&Batch) -> BoxFuture<'static, ()> + Send + Sync + 'static,
) -> Arc<dyn Store> {
    Arc::new(HookedStore::new(store, Gate { opens: Box::new(opens), forgets: false }))
}

/// A store that applies every batch, whatever it requires.
pub(crate) fn forgetful(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let opens = |_: &Batch| Box::pin(tokio::task::yield_now()) as BoxFuture<'static, ()>;
    Arc::new(HookedStore::new(store, Gate { opens: Box::new(opens), forgets: true }))
}

/// Whether a batch makes a grant that is not revoked: the commit of a code exchange.
pub(crate) fn makes_grant(batch: &Batch) -> bool {
    batch.preconditions().iter().any(|condition| matches!(condition, Precondition::Absent(_)))
        && writes_grant(batch).is_some_and(|body| !body.contains("revoked"))
}

/// Whether a batch revokes a grant.
pub(crate) fn revokes_grant(batch: &Batch) -> bool {
    writes_grant(batch).is_some_and(|body| body.contains("revoked"))
}

/// Whether a batch moves a refresh family.
pub(crate) fn moves_family(batch: &Batch) -> bool {
    batch.preconditions().iter().any(|condition| matches!(condition, Precondition::VersionIs(..)))
        && writes_grant(batch).is_some_and(|body| !body.contains("revoked"))
}

fn writes_grant(batch: &Batch) -> Option<&str> {
    batch.writes().iter().find_map(|write| match write {
        Write::PutRecord(record) if record.kind.name() == "oauth.grant" => Some(record.body.as_str()),
        _ => None,
    })
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

#[async_trait]
impl StoreHook for Gate {
    /// Let others run between a read and what follows it, as a store behind a network does.
    async fn before_read(&self) {
        tokio::task::yield_now().await;
    }

    async fn commit(&self, store: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
        (self.opens)(&batch).await;
        if self.forgets {
            let writes = batch.writes().iter().cloned().fold(Batch::new(), Batch::write);
            return store.commit(batch.events().iter().cloned().fold(writes, Batch::event)).await;
        }
        store.commit(batch).await
    }
}
