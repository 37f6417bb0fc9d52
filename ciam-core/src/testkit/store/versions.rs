//! How the store counts versions.

use time::Duration;

use super::{StoreHarness, Trial, applied, deletion_of, insert, name_of, present};
use crate::session::Session;
use crate::store::{Batch, Record, Version, Write};
use crate::testkit::suite::{Clause, Violation, clause, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "version.counts",
        counts,
        "An entity has version 1 when it is inserted, and one more at each write; two writes in one batch are two."
    ),
    clause!(
        Trial<'_>,
        "version.after_deletion",
        after_deletion,
        "An entity that was deleted and is inserted again has version 1."
    ),
    clause!(
        Trial<'_>,
        "version.after_expiry",
        after_expiry,
        "A session or record that has expired is overwritten as if it had never been: at version 1."
    ),
];

async fn counts(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let entities = trial.one_of_each()?;
    insert(&store, entities.clone()).await?;
    for entity in &entities {
        let name = name_of(entity);
        ensure_eq!(present(&store, entity).await?, Version::FIRST, "the version of {name} after its insert");
        applied(&store, Batch::new().write(entity.clone()), "a write").await?;
        ensure_eq!(present(&store, entity).await?.get(), 2, "the version of {name} after its second write");
        let twice = Batch::new().write(entity.clone()).write(entity.clone());
        applied(&store, twice, "two writes").await?;
        ensure_eq!(
            present(&store, entity).await?.get(),
            4,
            "the version of {name} after two more in a batch"
        );
    }
    Ok(())
}

async fn after_deletion(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let entities = trial.one_of_each()?;
    insert(&store, entities.clone()).await?;
    for entity in &entities {
        let Some(deletion) = deletion_of(entity) else { continue };
        let name = name_of(entity);
        applied(&store, Batch::new().write(entity.clone()), "a write").await?;
        applied(&store, Batch::new().write(deletion), "a deletion").await?;
        insert(&store, [entity.clone()]).await?;
        ensure_eq!(present(&store, entity).await?, Version::FIRST, "the version of {name} that was deleted");
    }
    Ok(())
}

async fn after_expiry(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let (mut session, mut record) = expiring(trial).await?;
    for _ in 0..3 {
        let puts = [Write::PutSession(session.clone()), Write::PutRecord(record.clone())];
        applied(&store, Batch::new().write(puts[0].clone()).write(puts[1].clone()), "a write").await?;
    }
    trial.advance(Duration::DAY);
    session.expires_at = trial.now() + Duration::HOUR;
    record.expires_at = None;
    for put in [Write::PutSession(session), Write::PutRecord(record)] {
        applied(&store, Batch::new().write(put.clone()), "a write over what has expired").await?;
        let name = name_of(&put);
        ensure_eq!(present(&store, &put).await?, Version::FIRST, "the version of {name} that had expired");
    }
    Ok(())
}

/// A session and a record that expire within the hour, inserted.
async fn expiring(trial: &Trial<'_>) -> Result<(Session, Record), Violation> {
    let account = trial.samples.account(trial.now())?;
    let session = trial.samples.session(account.id, trial.now());
    let mut record = trial.samples.record();
    record.expires_at = Some(trial.now() + Duration::HOUR);
    let puts =
        [Write::PutAccount(account), Write::PutSession(session.clone()), Write::PutRecord(record.clone())];
    insert(&trial.store().await?, puts).await?;
    Ok((session, record))
}
