//! Whole flows that race on one SQLite file, in one process and in several.

use std::sync::Arc;

use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_oauth::testkit::{code_race, refresh_race};

use crate::support::{TempDir, clock, spawn, tenant};

/// Of 100 exchanges of one code exactly one succeeds; of the tokens that 100 uses of one refresh token are answered with
/// exactly one works. On one handle, and on three handles of one file.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_requests_for_one_code_and_one_refresh_token() {
    for handles in [1, 3] {
        let directory = TempDir::new();
        let path = directory.file("ciam.db");
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
        let vault = Arc::new(LocalKeyVault::new(tenant(), key));
        let mut nodes = Vec::new();
        for _ in 0..handles {
            let database = SqliteDatabase::open(&path, SqliteOptions::default()).await.unwrap();
            let store = Arc::new(database.tenant(tenant(), clock()));
            let ephemeral = Arc::new(database.ephemeral(tenant(), clock()));
            nodes.push(Ports::new(store, ephemeral, vault.clone()).with_clock(clock()));
        }
        code_race(&nodes, &spawn).await.unwrap();
        refresh_race(&nodes, &spawn).await.unwrap();
    }
}
