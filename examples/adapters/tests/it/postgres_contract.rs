//! PostgreSQL by the contract suites of core.

use ciam_adapters::postgres::PostgresDatabase;
use ciam_core::testkit;

use crate::contract::InTurn;
use crate::postgres_support::Schema;

async fn nodes(schema: &Schema, number: usize) -> InTurn<PostgresDatabase> {
    // All at once: each of them finds an empty schema, and one makes the tables.
    let opening = (0..number).map(|_| schema.open());
    InTurn::new(futures_util::future::join_all(opening).await, ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract() {
    let Some(schema) = Schema::new() else { return };
    testkit::store(&nodes(&schema, 1).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable_state_keeps_its_contract_on_three_nodes() {
    let Some(schema) = Schema::new() else { return };
    testkit::store(&nodes(&schema, 3).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract() {
    let Some(schema) = Schema::new() else { return };
    testkit::ephemeral(&nodes(&schema, 1).await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_lived_state_keeps_its_contract_on_three_nodes() {
    let Some(schema) = Schema::new() else { return };
    testkit::ephemeral(&nodes(&schema, 3).await).await.assert_kept();
}
