//! What has expired is absent.

use time::Duration;

use super::{StoreHarness, Trial, applied, entity_of, insert, name_of, refused_by_precondition, version_of};
use crate::session::Session;
use crate::store::{
    Batch, EntityRef, IndexValue, PageRequest, Precondition, Record, Store as _, Version, Write,
};
use crate::testkit::sample::{NOTE, OWNER};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "expiry.reads",
        reads,
        "A session or record is there until its time has come, and absent from that very moment on."
    ),
    clause!(Trial<'_>, "expiry.lists", lists, "What has expired is in no list."),
    clause!(
        Trial<'_>,
        "expiry.preconditions",
        preconditions,
        "What has expired is absent for every precondition: it has no version and no counter."
    ),
    clause!(Trial<'_>, "expiry.never", never, "A record without an expiry is kept until it is deleted."),
];

/// A session and a record, inserted, that expire in a minute.
async fn expiring(trial: &Trial<'_>, owner: &str) -> Result<(Session, Record), Violation> {
    let account = trial.samples.account(trial.now())?;
    let mut session = trial.samples.session(account.id, trial.now());
    session.expires_at = trial.now() + Duration::MINUTE;
    let mut record = trial.samples.record();
    record.expires_at = Some(trial.now() + Duration::MINUTE);
    record.indexes.push(IndexValue::new(OWNER, owner));
    let puts =
        [Write::PutAccount(account), Write::PutSession(session.clone()), Write::PutRecord(record.clone())];
    insert(&trial.store().await?, puts).await?;
    Ok((session, record))
}

async fn reads(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let (session, record) = expiring(trial, "owner").await?;
    let puts = [Write::PutSession(session), Write::PutRecord(record)];
    trial.advance(Duration::MINUTE - Duration::MICROSECOND);
    for put in &puts {
        let found = version_of(&store, put).await?;
        ensure!(found.is_some(), "{} is absent before its time", name_of(put));
    }
    trial.advance(Duration::MICROSECOND);
    for put in &puts {
        let found = version_of(&store, put).await?;
        ensure!(found.is_none(), "{} is there at the moment when it expires", name_of(put));
    }
    trial.advance(Duration::DAY);
    for put in &puts {
        let found = version_of(&store, put).await?;
        ensure!(found.is_none(), "{} is there after it has expired", name_of(put));
    }
    Ok(())
}

async fn lists(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let owner = trial.samples.text();
    let (expired, _) = expiring(trial, &owner).await?;
    let mut live = trial.samples.session(expired.account, trial.now());
    live.expires_at = trial.now() + Duration::HOUR;
    let mut kept = trial.samples.record();
    kept.indexes.push(IndexValue::new(OWNER, &owner));
    let (session, record) = (Write::PutSession(live.clone()), Write::PutRecord(kept.clone()));
    insert(&store, [session, record]).await?;
    trial.advance(Duration::MINUTE);
    let all = || PageRequest::first(100);
    let found = store.sessions_of(live.account, all()).await?.items;
    let found: Vec<_> = found.iter().map(|found| found.value.id).collect();
    ensure_eq!(found, [live.id], "the sessions of an account");
    let found = store.records(NOTE, all()).await?.items;
    let found: Vec<_> = found.iter().map(|found| found.value.key.clone()).collect();
    ensure_eq!(found, [kept.key.clone()], "the records of a kind");
    let found = store.records_by(NOTE, OWNER.name(), &owner, all()).await?.items;
    let found: Vec<_> = found.iter().map(|found| found.value.key.clone()).collect();
    ensure_eq!(found, [kept.key], "the records by an index value");
    Ok(())
}

async fn preconditions(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let (session, record) = expiring(trial, "owner").await?;
    let counter = EntityRef::Record(NOTE, record.key.clone());
    trial.advance(Duration::MINUTE);
    for put in [Write::PutSession(session), Write::PutRecord(record)] {
        let Some(entity) = entity_of(&put) else { continue };
        let what = format!("the version of {} that has expired", name_of(&put));
        let batch = Batch::new().require_version(entity.clone(), Version::FIRST);
        refused_by_precondition(&store, batch, &what).await?;
        let what = format!("{} that has expired, absent", name_of(&put));
        applied(&store, Batch::new().require_absent(entity), &what).await?;
    }
    let batch = Batch::new().require(Precondition::CounterBelow(counter, i64::MAX));
    refused_by_precondition(&store, batch, "the counter of a record that has expired").await
}

async fn never(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let put = Write::PutRecord(trial.samples.record());
    insert(&store, [put.clone()]).await?;
    trial.advance(Duration::days(36_500));
    store.prune(trial.now(), 100).await?;
    ensure!(version_of(&store, &put).await?.is_some(), "a record without an expiry is gone");
    Ok(())
}
