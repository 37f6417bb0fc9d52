//! What a batch may require.

use super::{
    StoreHarness, Trial, applied, deletion_of, entity_of, insert, name_of, present, refused,
    refused_by_precondition,
};
use crate::account::IdentifierKey;
use crate::store::{Batch, Conflict, EntityRef, Precondition, Version, Write};
use crate::testkit::sample::NOTE;
use crate::testkit::suite::{Clause, Violation, clause, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "require.absent",
        absent,
        "`Absent` holds when the entity does not exist, and only then."
    ),
    clause!(
        Trial<'_>,
        "require.version",
        version,
        "`VersionIs` holds when the entity exists at exactly this version, and only then."
    ),
    clause!(
        Trial<'_>,
        "require.counter",
        counter,
        "`CounterBelow` holds when the record or credential exists and its counter is below the number, and only then."
    ),
    clause!(
        Trial<'_>,
        "require.position",
        position,
        "A conflict names the first precondition that does not hold by its position, counted from 0."
    ),
];

/// What an entity can be referred to by: itself, and an account by any of its identifiers too.
fn references(write: &Write) -> Vec<EntityRef> {
    let mut references: Vec<EntityRef> = entity_of(write).into_iter().collect();
    if let Write::PutAccount(account) = write {
        references.extend(
            account.identifiers.iter().map(|identifier| EntityRef::Identifier(identifier.key.clone())),
        );
    }
    references
}

async fn absent(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let entities = trial.one_of_each()?;
    for reference in entities.iter().flat_map(references) {
        applied(&store, Batch::new().require_absent(reference), "something that never was, absent").await?;
    }
    insert(&store, entities.clone()).await?;
    for entity in &entities {
        for reference in references(entity) {
            let what = format!("{} that exists, absent", name_of(entity));
            refused_by_precondition(&store, Batch::new().require_absent(reference), &what).await?;
        }
        let Some(deletion) = deletion_of(entity) else { continue };
        applied(&store, Batch::new().write(deletion), "a deletion").await?;
        for reference in references(entity) {
            let what = format!("{} that was deleted, absent", name_of(entity));
            applied(&store, Batch::new().require_absent(reference), &what).await?;
        }
    }
    Ok(())
}

async fn version(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let entities = trial.one_of_each()?;
    for reference in entities.iter().flat_map(references) {
        for version in [Version::new(0), Version::FIRST] {
            let batch = Batch::new().require_version(reference.clone(), version);
            refused_by_precondition(&store, batch, "a version of something that never was").await?;
        }
    }
    insert(&store, entities.clone()).await?;
    for entity in &entities {
        applied(&store, Batch::new().write(entity.clone()), "a write").await?;
        let version = present(&store, entity).await?;
        for reference in references(entity) {
            let what = format!("the version of {}", name_of(entity));
            let batch = Batch::new().require_version(reference.clone(), version);
            applied(&store, batch, &what).await?;
            for other in [version.get() - 1, version.get() + 1, 0] {
                let what = format!("another version of {}", name_of(entity));
                let batch = Batch::new().require_version(reference.clone(), Version::new(other));
                refused_by_precondition(&store, batch, &what).await?;
            }
        }
    }
    Ok(())
}

async fn counter(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let (samples, now) = (&trial.samples, trial.now());
    let account = samples.account(now)?;
    let mut credential = samples.credential(account.id, now);
    credential.counter = 41;
    let mut record = samples.record();
    record.counter = 41;
    let nobody = EntityRef::Account(account.id);
    let counted = [EntityRef::Credential(credential.id), EntityRef::Record(NOTE, record.key.clone())];
    let below =
        |entity: &EntityRef, number| Batch::new().require(Precondition::CounterBelow(entity.clone(), number));
    for entity in &counted {
        let what = "the counter of something that never was";
        refused_by_precondition(&store, below(entity, i64::MAX), what).await?;
    }
    let puts = [Write::PutAccount(account), Write::PutCredential(credential), Write::PutRecord(record)];
    insert(&store, puts).await?;
    for entity in &counted {
        applied(&store, below(entity, 42), "the counter 41, below 42").await?;
        for number in [41, 40, 0, i64::MIN] {
            let what = format!("the counter 41, below {number}");
            refused_by_precondition(&store, below(entity, number), &what).await?;
        }
    }
    refused_by_precondition(&store, below(&nobody, i64::MAX), "the counter of an account, which has none")
        .await
}

async fn position(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let known = Write::PutRecord(trial.samples.record());
    insert(&store, [known.clone()]).await?;
    let free = |trial: &Trial<'_>| -> Result<EntityRef, Violation> {
        let key: IdentifierKey = trial.samples.email()?;
        Ok(EntityRef::Identifier(key))
    };
    let Some(taken) = entity_of(&known) else { return Ok(()) };
    for failing in [0, 1, 5, 20] {
        let mut batch = Batch::new();
        for _ in 0..failing {
            batch = batch.require_absent(free(trial)?);
        }
        let batch =
            batch.require_absent(taken.clone()).require_absent(free(trial)?).require_absent(taken.clone());
        let conflict = refused(&store, batch, "a batch with a precondition that does not hold").await?;
        ensure_eq!(conflict, Conflict::Precondition(failing), "the conflict");
    }
    Ok(())
}
