//! SQLite against memory.

use std::sync::Arc;

use ciam_core::testkit::ManualClock;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{Step, Verb, run, same_history, same_short_lived_history, step, verb};
use crate::support::{TempDir, open, tenant};

async fn durable(steps: Vec<Step>) {
    let directory = TempDir::new();
    let clock = Arc::new(ManualClock::default());
    let database = open(&directory.file("ciam.db")).await;
    same_history(&clock, &database.tenant(tenant(), clock.clone()), &steps).await;
    database.close().await;
}

async fn short_lived(verbs: Vec<Verb>) {
    let directory = TempDir::new();
    let clock = Arc::new(ManualClock::default());
    let database = open(&directory.file("ciam.db")).await;
    same_short_lived_history(&clock, &database.ephemeral(tenant(), clock.clone()), &verbs).await;
    database.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn durable_histories_are_the_same_as_in_memory(steps in vec(step(), 1..30)) {
        run(durable(steps));
    }

    #[test]
    fn short_lived_histories_are_the_same_as_in_memory(verbs in vec(verb(), 1..80)) {
        run(short_lived(verbs));
    }
}
