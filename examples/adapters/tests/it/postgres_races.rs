//! Whole flows that race on one PostgreSQL, from one node and from several.

use std::sync::Arc;

use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_oauth::testkit::{code_race, refresh_race};

use crate::postgres_support::Schema;
use crate::support::{clock, other_tenant, spawn};

/// Of 100 exchanges of one code exactly one succeeds; of the tokens that 100 uses of one refresh token are answered with
/// exactly one works. On one node, and on three nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_requests_for_one_code_and_one_refresh_token() {
    let Some(schema) = Schema::new() else { return };
    for number in [1, 3] {
        let tenant = other_tenant();
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
        let vault = Arc::new(LocalKeyVault::new(tenant, key));
        let mut nodes = Vec::new();
        for _ in 0..number {
            let database = schema.open().await;
            let store = Arc::new(database.tenant(tenant, clock()));
            let ephemeral = Arc::new(database.ephemeral(tenant, clock()));
            nodes.push(Ports::new(store, ephemeral, vault.clone()).with_clock(clock()));
        }
        code_race(&nodes, &spawn).await.unwrap();
        refresh_race(&nodes, &spawn).await.unwrap();
    }
}
