//! Redis by the contract suites of core, on the server that `CIAM_TEST_REDIS_URL` names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ciam_adapters::redis::{RedisDatabase, RedisOptions};
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::memory::MemoryDatabase;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::testkit::{self, EphemeralHarness};
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_oauth::testkit::{code_race, refresh_race};
use futures_util::future::{BoxFuture, try_join_all};
use time::Duration;

use crate::support::{clock, tenant, test_service, unique};

/// Handles of several connections in turn: what a suite asks of one node, it asks of several.
struct Harness {
    nodes: Vec<RedisDatabase>,
    next: AtomicUsize,
}

impl Harness {
    async fn open(nodes: usize) -> Option<Self> {
        Some(Self { nodes: open(nodes).await?, next: AtomicUsize::new(0) })
    }
}

async fn open(nodes: usize) -> Option<Vec<RedisDatabase>> {
    let url = test_service("CIAM_TEST_REDIS_URL")?;
    let options = RedisOptions::default().with_prefix(unique("ciam-test"));
    let opening = (0..nodes).map(|_| RedisDatabase::open(&url, options.clone()));
    Some(try_join_all(opening).await.unwrap())
}

#[async_trait]
impl EphemeralHarness for Harness {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(self.nodes[number % self.nodes.len()].ephemeral(tenant)))
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time.unsigned_abs()).await;
    }

    fn moment(&self) -> Duration {
        Duration::milliseconds(400)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        spawn(task)
    }
}

fn spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract() {
    let Some(harness) = Harness::open(1).await else { return };
    testkit::ephemeral(&harness).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_on_three_nodes() {
    let Some(harness) = Harness::open(3).await else { return };
    testkit::ephemeral(&harness).await.assert_kept();
}

/// Of 100 exchanges of one code exactly one succeeds; of the tokens that 100 uses of one refresh token are answered with
/// exactly one works: on one node, and on three.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_requests_for_one_code_and_one_refresh_token() {
    let Some(nodes) = open(3).await else { return };
    for nodes in [&nodes[..1], &nodes[..]] {
        let store = Arc::new(MemoryDatabase::new().tenant(tenant(), clock()));
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
        let vault = Arc::new(LocalKeyVault::new(tenant(), key));
        let ports: Vec<Ports> = nodes
            .iter()
            .map(|node| Ports::new(store.clone(), Arc::new(node.ephemeral(tenant())), vault.clone()))
            .collect();
        code_race(&ports, &spawn).await.unwrap();
        refresh_race(&ports, &spawn).await.unwrap();
    }
}

/// Nothing stays forever: whatever a verb leaves in the server has a time to live.
#[tokio::test]
async fn every_key_that_is_written_expires() {
    let Some(url) = test_service("CIAM_TEST_REDIS_URL") else { return };
    let prefix = unique("ciam-test");
    let options = RedisOptions::default().with_prefix(&prefix);
    let node = RedisDatabase::open(&url, options).await.unwrap().ephemeral(tenant());
    let key = |name: &str| EphemeralKey::new("test.key", name);
    let (old, new) = (b"old".to_vec(), b"new".to_vec());
    node.put(&key("put"), old.clone(), Duration::MAX).await.unwrap();
    assert!(node.put_if_absent(&key("absent"), old.clone(), Duration::DAY).await.unwrap());
    assert_eq!(node.increment(&key("count"), Duration::HOUR).await.unwrap(), 1);
    assert_eq!(node.increment(&key("count"), Duration::HOUR).await.unwrap(), 2);
    node.put(&key("swap"), old.clone(), Duration::DAY).await.unwrap();
    assert!(node.compare_and_swap(&key("swap"), &old, new, Duration::MINUTE).await.unwrap());

    let mut server = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{prefix}:*");
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut server).await.unwrap();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut server).await.unwrap();
        assert!(left > 0, "{key} has the time to live {left}");
    }
}
