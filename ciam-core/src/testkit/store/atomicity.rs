//! All of a batch, or nothing.

use std::collections::BTreeSet;

use time::Duration;

use super::{
    StoreHarness, Trial, applied, deletion_of, entity_of, insert, name_of, refused_by_precondition,
    refused_by_uniqueness, version_of,
};
use crate::error::PortErrorKind;
use crate::id::EventId;
use crate::runtime::{Runtime as _, ThreadRuntime};
use crate::store::{Batch, Commit, EntityRef, IndexValue, Store, Version, Write};
use crate::testkit::race::{poll_some, step_aside};
use crate::testkit::sample::{NOTE, TOKEN};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "commit.refused_by_precondition",
        by_precondition,
        "A batch whose last precondition does not hold changes nothing, whatever it writes."
    ),
    clause!(
        Trial<'_>,
        "commit.refused_by_uniqueness",
        by_uniqueness,
        "A batch whose last write breaks a uniqueness changes nothing, whatever it writes before."
    ),
    clause!(Trial<'_>, "commit.order", order, "Writes are applied in order."),
    clause!(Trial<'_>, "commit.deletes_absent", deletes_absent, "Deleting what is absent is fine."),
    clause!(
        Trial<'_>,
        "commit.limits",
        limits,
        "A batch of 64 writes and 64 preconditions is applied; a larger one is a permanent error and applies nothing."
    ),
    clause!(
        Trial<'_>,
        "commit.cancelled",
        cancelled,
        "Dropping a commit leaves the store before or after it, never between, and leaves it usable."
    ),
    clause!(
        Trial<'_>,
        "commit.never_half_seen",
        never_half_seen,
        "Whoever sees one write of a batch sees the others."
    ),
];

/// Everything that a refused batch must leave alone: entities that are there and entities that are not.
struct Scene {
    there: Vec<Write>,
    absent: Vec<Write>,
}

impl Scene {
    async fn set(trial: &Trial<'_>, store: &dyn Store) -> Result<Self, Violation> {
        let scene = Self { there: trial.one_of_each()?, absent: trial.one_of_each()? };
        insert(store, scene.there.clone()).await?;
        Ok(scene)
    }

    /// Every write that can change the scene, with what it would do.
    fn writes(&self) -> Vec<(String, Write)> {
        let inserts = self.absent.iter().map(|put| (format!("an insert of {}", name_of(put)), put.clone()));
        let updates = self.there.iter().map(|put| (format!("a write over {}", name_of(put)), put.clone()));
        let deletes = self.there.iter().filter_map(deletion_of);
        let deletes = deletes.map(|delete| (name_of(&delete).to_owned(), delete));
        inserts.chain(updates).chain(deletes).collect()
    }

    async fn is_untouched(&self, store: &dyn Store) -> Result<bool, Violation> {
        for put in &self.there {
            if version_of(store, put).await? != Some(Version::FIRST) {
                return Ok(false);
            }
        }
        for put in &self.absent {
            if version_of(store, put).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

async fn by_precondition(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let scene = Scene::set(trial, &store).await?;
    let known = EntityRef::Record(NOTE, trial.samples.text());
    for (what, write) in scene.writes() {
        let batch = Batch::new()
            .require_absent(known.clone())
            .write(write)
            .require_version(known.clone(), Version::FIRST);
        refused_by_precondition(&store, batch, &what).await?;
        ensure!(scene.is_untouched(&store).await?, "{what} of a refused batch was applied");
    }
    Ok(())
}

async fn by_uniqueness(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let scene = Scene::set(trial, &store).await?;
    let token = trial.samples.text();
    let mut owner = trial.samples.record();
    owner.indexes.push(IndexValue::new(TOKEN, &token));
    insert(&store, [Write::PutRecord(owner)]).await?;
    for (what, write) in scene.writes() {
        let mut thief = trial.samples.record();
        thief.indexes.push(IndexValue::new(TOKEN, &token));
        let batch = Batch::new().write(write).write(Write::PutRecord(thief));
        refused_by_uniqueness(&store, batch, &what).await?;
        ensure!(scene.is_untouched(&store).await?, "{what} of a refused batch was applied");
    }
    Ok(())
}

async fn order(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let entities = trial.one_of_each()?;
    insert(&store, entities.clone()).await?;
    for entity in &entities {
        let Some(deletion) = deletion_of(entity) else { continue };
        let name = name_of(entity);
        let gone = Batch::new().write(entity.clone()).write(deletion.clone());
        applied(&store, gone, "a write and a deletion").await?;
        ensure!(
            version_of(&store, entity).await?.is_none(),
            "{name} that was written, then deleted, is there"
        );
        let back = Batch::new().write(entity.clone()).write(deletion).write(entity.clone());
        applied(&store, back, "a write, a deletion and a write").await?;
        ensure!(
            version_of(&store, entity).await?.is_some(),
            "{name} that was deleted, then written, is absent"
        );
    }
    let mut record = trial.samples.record();
    let mut batch = Batch::new();
    for number in 1..=5 {
        record.counter = number;
        batch = batch.write(Write::PutRecord(record.clone()));
    }
    applied(&store, batch, "five writes of one record").await?;
    let found = store.record(NOTE, &record.key).await?.map(|found| found.value.counter);
    ensure_eq!(found, Some(5), "the last of five writes");
    Ok(())
}

async fn deletes_absent(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    insert(&store, trial.one_of_each()?).await?;
    for deletion in trial.one_of_each()?.iter().filter_map(deletion_of) {
        let what = format!("{} that is absent", name_of(&deletion));
        match store.commit(Batch::new().write(deletion)).await {
            Ok(Commit::Applied) => {}
            other => return Err(Violation::new(format!("{what}: {other:?}"))),
        }
    }
    Ok(())
}

async fn limits(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let known = Write::PutRecord(trial.samples.record());
    insert(&store, [known.clone()]).await?;
    let Some(entity) = entity_of(&known) else { return Ok(()) };
    let batch = |preconditions: usize, writes: usize| {
        let puts: Vec<Write> = (0..writes).map(|_| Write::PutRecord(trial.samples.record())).collect();
        let mut batch = Batch::new();
        for _ in 0..preconditions {
            batch = batch.require_version(entity.clone(), Version::FIRST);
        }
        for put in &puts {
            batch = batch.write(put.clone());
        }
        (batch, puts)
    };
    let (largest, puts) = batch(Batch::MAX_PRECONDITIONS, Batch::MAX_WRITES);
    applied(&store, largest, "the largest batch").await?;
    for put in &puts {
        ensure!(version_of(&store, put).await?.is_some(), "a write of the largest batch is absent");
    }
    let alone = trial.plain().await?;
    for (preconditions, writes) in [(Batch::MAX_PRECONDITIONS + 1, 1), (0, Batch::MAX_WRITES + 1)] {
        let what = format!("a batch of {writes} writes and {preconditions} preconditions");
        let (batch, puts) = batch(preconditions, writes);
        let batch = batch.event(trial.event("testkit:large")?).message(trial.message());
        match alone.commit(batch).await {
            Err(error) if error.kind() == PortErrorKind::Permanent => {}
            other => return Err(Violation::new(format!("{what}: {other:?}"))),
        }
        for put in &puts {
            ensure!(version_of(&*alone, put).await?.is_none(), "{what} left a write behind");
        }
    }
    let left = alone.claim_outbox(Duration::MINUTE, 100).await?.len();
    ensure_eq!(left, 0, "how many items larger batches left in the outbox");
    Ok(())
}

async fn cancelled(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await?;
    let store = trial.plain().await?;
    for polls in 0..24 {
        let puts: Vec<Write> = (0..8).map(|_| Write::PutRecord(trial.samples.record())).collect();
        let mut batch = Batch::new();
        for put in &puts {
            batch = batch.write(put.clone());
        }
        let (event, message) = (trial.event(&trial.samples.text())?, trial.message());
        let ids = [event.id, message.id];
        let done = poll_some(store.commit(batch.event(event).message(message)), polls).await;
        // Whatever is still under way is over when a later commit of the same handle is.
        insert(&*store, [Write::PutRecord(trial.samples.record())]).await?;
        let left = settled(&*store, &puts, &ids).await?;
        let (all, none) = ((puts.len(), ids.len()), (0, 0));
        ensure!(
            left == all || (left == none && done.is_none()),
            "a commit that was dropped after {polls} polls left {} of {} writes and {} of {} messages",
            left.0,
            all.0,
            left.1,
            all.1
        );
    }
    Ok(())
}

/// How many of the writes and outbox items are there, once it is all or none of them or does not change any more.
async fn settled(store: &dyn Store, puts: &[Write], ids: &[EventId]) -> Result<(usize, usize), Violation> {
    let mut delivered = BTreeSet::new();
    let mut left = (0, 0);
    for _ in 0..20 {
        left.0 = 0;
        for put in puts {
            left.0 += usize::from(version_of(store, put).await?.is_some());
        }
        let claimed = store.claim_outbox(Duration::MINUTE, 100).await?;
        delivered.extend(claimed.iter().map(|item| item.id).filter(|id| ids.contains(id)));
        left.1 = delivered.len();
        if left == (0, 0) || left == (puts.len(), ids.len()) {
            break;
        }
        ThreadRuntime::new().sleep(std::time::Duration::from_millis(5)).await;
    }
    Ok(left)
}

async fn never_half_seen(trial: &Trial<'_>) -> Result<(), Violation> {
    const STEPS: i64 = 60;
    let records: Vec<_> = (0..4).map(|_| trial.samples.record()).collect();
    insert(&trial.store().await?, records.iter().cloned().map(Write::PutRecord)).await?;
    let watched = records.clone();
    let seen = trial
        .race(3, move |racer, store| {
            let mut records = watched.clone();
            Box::pin(async move {
                if racer == 0 {
                    for number in 1..=STEPS {
                        let mut batch = Batch::new();
                        for record in &mut records {
                            record.counter = number;
                            batch = batch.write(Write::PutRecord(record.clone()));
                        }
                        let _applied = store.commit(batch).await?;
                    }
                    return Ok(true);
                }
                // A reader goes against the order of the writes: what it reads later must not be older.
                let mut newest = 0;
                while newest < STEPS {
                    step_aside().await;
                    for record in records.iter().rev() {
                        let found = store.record(NOTE, &record.key).await?;
                        let counter = found.map_or(0, |found| found.value.counter);
                        if counter < newest {
                            return Ok(false);
                        }
                        newest = counter;
                    }
                }
                Ok(true)
            })
        })
        .await?;
    ensure!(seen.into_iter().all(|whole| whole), "a reader saw a batch half applied");
    Ok(())
}
