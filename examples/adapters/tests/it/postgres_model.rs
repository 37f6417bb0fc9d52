//! PostgreSQL against memory.

use std::sync::Arc;

use ciam_core::testkit::ManualClock;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{Step, Verb, run, same_history, same_short_lived_history, step, verb};
use crate::postgres_support::Schema;
use crate::support::other_tenant;

/// Each history has a tenant of its own, so that all of them share the tables.
async fn durable(schema: &Schema, steps: Vec<Step>) {
    let clock = Arc::new(ManualClock::default());
    let database = schema.open().await;
    let store = database.tenant(other_tenant(), clock.clone());
    same_history(&clock, &store, &steps).await;
    database.close().await;
}

async fn short_lived(schema: &Schema, verbs: Vec<Verb>) {
    let clock = Arc::new(ManualClock::default());
    let database = schema.open().await;
    let ephemeral = database.ephemeral(other_tenant(), clock.clone());
    same_short_lived_history(&clock, &ephemeral, &verbs).await;
    database.close().await;
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn durable_histories_are_the_same_as_in_memory() {
    let Some(schema) = Schema::new() else { return };
    proptest!(config(), |(steps in vec(step(), 1..30))| run(durable(&schema, steps)));
}

#[test]
fn short_lived_histories_are_the_same_as_in_memory() {
    let Some(schema) = Schema::new() else { return };
    proptest!(config(), |(verbs in vec(verb(), 1..80))| run(short_lived(&schema, verbs)));
}
