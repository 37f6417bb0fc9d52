//! Removing what has expired.

use time::{Duration, OffsetDateTime};

use super::{StoreHarness, Trial, insert, version_of};
use crate::store::{Store, Write};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "prune.removes",
        removes,
        "Pruning removes the sessions and records that expired at or before the time, and says how many."
    ),
    clause!(Trial<'_>, "prune.keeps_later", keeps_later, "Pruning keeps what expired after the time."),
    clause!(
        Trial<'_>,
        "prune.keeps_live",
        keeps_live,
        "Pruning keeps what has not expired, even for a time that has not come."
    ),
    clause!(
        Trial<'_>,
        "prune.limit",
        limit,
        "Pruning removes no more than the limit at once, and comes to an end when it is called again."
    ),
];

/// Inserts two sessions and three records that expire at these times from now, a minute apart.
async fn expiring(trial: &Trial<'_>, after: [i64; 5]) -> Result<[Write; 5], Violation> {
    let account = trial.samples.account(trial.now())?;
    let at = after.map(|minutes| trial.now() + Duration::minutes(minutes));
    let session = |expires_at: OffsetDateTime| {
        let mut session = trial.samples.session(account.id, trial.now());
        session.expires_at = expires_at;
        Write::PutSession(session)
    };
    let record = |expires_at: OffsetDateTime| {
        let mut record = trial.samples.record();
        record.expires_at = Some(expires_at);
        Write::PutRecord(record)
    };
    let puts = [session(at[0]), session(at[1]), record(at[2]), record(at[3]), record(at[4])];
    let store = trial.store().await?;
    insert(&store, [Write::PutAccount(account.clone()), Write::PutRecord(trial.samples.record())]).await?;
    insert(&store, puts.clone()).await?;
    Ok(puts)
}

/// How many are removed by one call with a large limit.
async fn pruned(store: &dyn Store, before: OffsetDateTime) -> Result<u32, Violation> {
    Ok(store.prune(before, 1_000).await?)
}

async fn removes(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    expiring(trial, [1, 2, 3, 4, 5]).await?;
    trial.advance(Duration::minutes(5));
    ensure_eq!(pruned(&store, trial.now()).await?, 5, "how many were removed");
    ensure_eq!(pruned(&store, trial.now()).await?, 0, "how many were removed by the next call");
    Ok(())
}

async fn keeps_later(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    expiring(trial, [1, 10, 1, 9, 10]).await?;
    trial.advance(Duration::DAY);
    let early = pruned(&store, trial.now() - Duration::DAY + Duration::minutes(5)).await?;
    let late = pruned(&store, trial.now()).await?;
    ensure_eq!((early, late), (2, 3), "how many were removed for an early time, and then for a late one");
    Ok(())
}

async fn keeps_live(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let puts = expiring(trial, [10, 20, 10, 20, 30]).await?;
    trial.advance(Duration::minutes(5));
    pruned(&store, trial.now() + Duration::DAY).await?;
    for put in &puts {
        let found = version_of(&store, put).await?;
        ensure!(found.is_some(), "{} was removed before it expired", super::name_of(put));
    }
    Ok(())
}

async fn limit(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    expiring(trial, [1, 1, 1, 1, 1]).await?;
    trial.advance(Duration::minutes(5));
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(store.prune(trial.now(), 2).await?);
    }
    ensure_eq!(removed, [2, 2, 1, 0], "how many were removed two at a time");
    Ok(())
}
