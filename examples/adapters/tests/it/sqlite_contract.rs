//! SQLite by the contract suites of core.

use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use ciam_core::testkit;

use crate::contract::InTurn;
use crate::support::TempDir;

/// Several handles on one file, as several processes have them.
async fn processes(number: usize, options: SqliteOptions) -> InTurn<SqliteDatabase, TempDir> {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let opening = (0..number).map(|_| SqliteDatabase::open(&path, options.clone()));
    InTurn::new(futures_util::future::try_join_all(opening).await.unwrap(), directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract() {
    testkit::store(&processes(1, SqliteOptions::default()).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract_without_groups() {
    testkit::store(&processes(1, SqliteOptions::default().with_group(1)).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract_in_two_processes() {
    testkit::store(&processes(2, SqliteOptions::default()).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract() {
    testkit::ephemeral(&processes(1, SqliteOptions::default()).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_without_groups() {
    testkit::ephemeral(&processes(1, SqliteOptions::default().with_group(1)).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_in_two_processes() {
    testkit::ephemeral(&processes(2, SqliteOptions::default()).await).await.assert_kept();
}
