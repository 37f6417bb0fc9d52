//! What becomes of commits at the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use time::Duration;

use super::{StoreHarness, Trial, applied, insert};
use crate::account::Account;
use crate::error::PortError;
use crate::organization::Organization;
use crate::store::{
    Batch, Commit, EntityRef, IndexValue, Precondition, Record, Store, Version, Versioned, Write,
};
use crate::testkit::race::RACERS;
use crate::testkit::sample::{NOTE, SERIAL, TOKEN};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "race.absent",
        absent,
        "Of concurrent commits that require the same entity to be absent and insert it, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.version",
        version,
        "Of concurrent commits that require the same version and write, exactly one is applied; no step is lost or doubled."
    ),
    clause!(
        Trial<'_>,
        "race.counter",
        counter,
        "Of concurrent commits that require a counter below a number and raise it above, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.identifier",
        identifier,
        "Of concurrent commits that give the same identifier to different accounts, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.slug",
        slug,
        "Of concurrent commits that give the same slug to different organizations, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.index",
        index,
        "Of concurrent commits that give the same unique index value to different records, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.overwrite",
        overwrite,
        "An unconditional write is never lost: what another commit inserts only if absent does not survive it."
    ),
    clause!(
        Trial<'_>,
        "race.version_of_another",
        version_of_another,
        "Of two concurrent commits that each require the version of what the other writes, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.absence_of_another",
        absence_of_another,
        "Of two concurrent commits that each require the absence of what the other inserts, exactly one is applied."
    ),
    clause!(
        Trial<'_>,
        "race.opposite_order",
        opposite_order,
        "Concurrent commits that write the same entities in opposite order all come to an end, none with an error."
    ),
    clause!(Trial<'_>, "race.outbox", outbox, "Two concurrent claims never return the same outbox item."),
];

/// How often each race is run: each time over other entities.
const ROUNDS: usize = 6;

type Racing = BoxFuture<'static, Result<bool, PortError>>;

/// A racer that commits a batch, and says whether it was applied.
fn committing(store: Arc<dyn Store>, batch: Batch) -> Racing {
    Box::pin(async move { Ok(store.commit(batch).await?.is_applied()) })
}

/// Races one batch per racer, and requires that exactly one of them is applied. Says which.
async fn one_winner(trial: &Trial<'_>, batches: Vec<Batch>) -> Result<usize, Violation> {
    let number = batches.len();
    let race =
        trial.race(number, |racer, store| committing(store, batches.get(racer).cloned().unwrap_or_default()));
    let applied: Vec<usize> =
        race.await?.into_iter().enumerate().filter(|(_, applied)| *applied).map(|(racer, _)| racer).collect();
    match applied.as_slice() {
        [winner] => Ok(*winner),
        _ => Err(Violation::new(format!("{} of {number} racers were applied, not 1", applied.len()))),
    }
}

async fn furnish(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await
}

async fn absent(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    for _ in 0..ROUNDS {
        let key = trial.samples.text();
        let batch = |racer: usize| {
            Batch::new()
                .require_absent(EntityRef::Record(NOTE, key.clone()))
                .write(Write::PutRecord(Record::new(NOTE, &key, 1, racer.to_string())))
        };
        let winner = one_winner(trial, (0..RACERS).map(batch).collect()).await?;
        let found = store.record(NOTE, &key).await?.map(|found| found.value.body);
        ensure_eq!(found, Some(winner.to_string()), "what the winner wrote");
    }
    Ok(())
}

async fn version(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    for _ in 0..ROUNDS {
        let record = trial.samples.record();
        insert(&*store, [Write::PutRecord(record.clone())]).await?;
        let batch = |racer: usize| {
            let mut next = record.clone();
            next.body = racer.to_string();
            Batch::new()
                .require_version(EntityRef::Record(NOTE, record.key.clone()), Version::FIRST)
                .write(Write::PutRecord(next))
        };
        let winner = one_winner(trial, (0..RACERS).map(batch).collect()).await?;
        let found = store.record(NOTE, &record.key).await?.map(|found| found.value.body);
        ensure_eq!(found, Some(winner.to_string()), "what the winner wrote");
    }
    generations(trial, &*store).await
}

/// As a family of refresh tokens moves: every step from one generation to the next, each by exactly one racer.
async fn generations(trial: &Trial<'_>, store: &dyn Store) -> Result<(), Violation> {
    const STEPS: i64 = 100;
    let family = trial.samples.record();
    insert(store, [Write::PutRecord(family.clone())]).await?;
    let key = family.key.clone();
    let steps = trial
        .race(8, move |_, store| {
            let key = key.clone();
            Box::pin(async move {
                let mut taken = Vec::new();
                while let Some(Versioned { value, version, .. }) = store.record(NOTE, &key).await? {
                    if value.counter >= STEPS {
                        break;
                    }
                    let mut next = value;
                    next.counter += 1;
                    let step = next.counter;
                    let batch = Batch::new()
                        .require_version(EntityRef::Record(NOTE, key.clone()), version)
                        .write(Write::PutRecord(next));
                    if store.commit(batch).await?.is_applied() {
                        taken.push(step);
                    }
                }
                Ok(taken)
            })
        })
        .await?;
    let mut steps: Vec<i64> = steps.into_iter().flatten().collect();
    steps.sort_unstable();
    ensure_eq!(steps, (1..=STEPS).collect::<Vec<_>>(), "the steps that were taken");
    Ok(())
}

async fn counter(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    let account = trial.samples.account(trial.now())?;
    insert(&*store, [Write::PutAccount(account.clone())]).await?;
    for round in 0..ROUNDS {
        let mut credential = trial.samples.credential(account.id, trial.now());
        let mut record = trial.samples.record();
        (credential.counter, record.counter) = (7, 7);
        let puts = [Write::PutCredential(credential.clone()), Write::PutRecord(record.clone())];
        insert(&*store, puts).await?;
        (credential.counter, record.counter) = (9, 9);
        // A one-time password of one time step, presented many times.
        let (entity, write) = if round % 2 == 0 {
            (EntityRef::Credential(credential.id), Write::PutCredential(credential))
        } else {
            (EntityRef::Record(NOTE, record.key.clone()), Write::PutRecord(record))
        };
        let batch = Batch::new().require(Precondition::CounterBelow(entity, 8)).write(write);
        one_winner(trial, vec![batch; RACERS]).await?;
    }
    Ok(())
}

async fn identifier(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    for _ in 0..ROUNDS {
        let email = trial.samples.email()?;
        let accounts: Vec<_> =
            (0..RACERS).map(|_| trial.samples.account_with(trial.now(), &[&email])).collect();
        let batch = |account: &Account| Batch::new().write(Write::PutAccount(account.clone()));
        let winner = one_winner(trial, accounts.iter().map(batch).collect()).await?;
        let found = store.account_by_identifier(&email).await?.map(|found| found.value.id);
        ensure_eq!(found, accounts.get(winner).map(|account| account.id), "the identifier's account");
    }
    Ok(())
}

async fn slug(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    for _ in 0..ROUNDS {
        let slug = trial.samples.slug()?;
        let mut organizations = Vec::with_capacity(RACERS);
        for _ in 0..RACERS {
            let mut organization = trial.samples.organization(trial.now())?;
            organization.slug = slug.clone();
            organizations.push(organization);
        }
        let batch =
            |organization: &Organization| Batch::new().write(Write::PutOrganization(organization.clone()));
        let winner = one_winner(trial, organizations.iter().map(batch).collect()).await?;
        let found = store.organization_by_slug(slug.as_str()).await?.map(|found| found.value.id);
        ensure_eq!(found, organizations.get(winner).map(|found| found.id), "the slug's organization");
    }
    Ok(())
}

async fn index(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    for _ in 0..ROUNDS {
        let token = trial.samples.text();
        let batch = |_| {
            let mut record = trial.samples.record();
            record.indexes.push(IndexValue::new(TOKEN, &token));
            Batch::new().write(Write::PutRecord(record))
        };
        one_winner(trial, (0..RACERS).map(batch).collect()).await?;
    }
    Ok(())
}

/// A code is exchanged while it is replayed: the exchange inserts its grant if there is none, the replay writes a revoked
/// grant under the same key, whatever is there.
async fn overwrite(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    for _ in 0..ROUNDS * 4 {
        let (grant, family) = (trial.samples.text(), trial.samples.text());
        let put = |key: &str, body: &str| Write::PutRecord(Record::new(NOTE, key, 1, body));
        let exchange = Batch::new()
            .require_absent(EntityRef::Record(NOTE, grant.clone()))
            .write(put(&grant, "live"))
            .write(put(&family, "live"));
        let replay = Batch::new().write(put(&grant, "revoked"));
        let applied = trial
            .race(4, |racer, store| {
                committing(store, if racer == 1 { replay.clone() } else { exchange.clone() })
            })
            .await?;
        ensure!(applied.get(1) == Some(&true), "an unconditional write was refused");
        let found = store.record(NOTE, &grant).await?.map(|found| found.value.body);
        ensure_eq!(found.as_deref(), Some("revoked"), "the grant after its code was replayed");
        let exchanges = applied.iter().filter(|applied| **applied).count() - 1;
        let lives = store.record(NOTE, &family).await?.is_some();
        ensure!(exchanges <= 1, "{exchanges} exchanges of one code were applied");
        ensure_eq!(lives, exchanges == 1, "whether there is a family");
    }
    Ok(())
}

async fn version_of_another(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    for _ in 0..ROUNDS * 4 {
        let pair = [trial.samples.record(), trial.samples.record()];
        insert(&*store, pair.iter().cloned().map(Write::PutRecord)).await?;
        let batch = |required: &Record, written: &Record| {
            Batch::new()
                .require_version(EntityRef::Record(NOTE, required.key.clone()), Version::FIRST)
                .write(Write::PutRecord(written.clone()))
        };
        let batches = [batch(&pair[0], &pair[1]), batch(&pair[1], &pair[0])];
        exactly_one(trial, &batches).await?;
    }
    Ok(())
}

async fn absence_of_another(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    for _ in 0..ROUNDS * 4 {
        let pair = [trial.samples.record(), trial.samples.record()];
        let batch = |required: &Record, written: &Record| {
            Batch::new()
                .require_absent(EntityRef::Record(NOTE, required.key.clone()))
                .write(Write::PutRecord(written.clone()))
        };
        let batches = [batch(&pair[0], &pair[1]), batch(&pair[1], &pair[0])];
        exactly_one(trial, &batches).await?;
    }
    Ok(())
}

async fn exactly_one(trial: &Trial<'_>, batches: &[Batch; 2]) -> Result<(), Violation> {
    let applied = trial
        .race(2, |racer, store| committing(store, batches.get(racer).cloned().unwrap_or_default()))
        .await?;
    let applied = applied.into_iter().filter(|applied| *applied).count();
    ensure!(applied == 1, "{applied} of two commits that exclude each other were applied, not 1");
    Ok(())
}

async fn opposite_order(trial: &Trial<'_>) -> Result<(), Violation> {
    furnish(trial).await?;
    let store = trial.plain().await?;
    let account = trial.samples.account(trial.now())?;
    let mut puts = vec![Write::PutAccount(account.clone())];
    for _ in 0..5 {
        puts.push(Write::PutSession(trial.samples.session(account.id, trial.now())));
        let mut record = trial.samples.record();
        record.indexes.push(IndexValue::new(SERIAL, trial.samples.text()));
        puts.push(Write::PutRecord(record));
    }
    insert(&*store, puts.clone()).await?;
    let forward = puts.iter().cloned().fold(Batch::new(), Batch::write);
    let backward = puts.iter().rev().cloned().fold(Batch::new(), Batch::write);
    let outcomes = trial
        .race(RACERS, |racer, store| {
            let batch = if racer % 2 == 0 { forward.clone() } else { backward.clone() };
            Box::pin(async move { Ok(store.commit(batch).await) })
        })
        .await?;
    for outcome in outcomes {
        match outcome {
            Ok(Commit::Applied) => {}
            other => return Err(Violation::new(format!("one of {RACERS} commits: {other:?}"))),
        }
    }
    Ok(())
}

async fn outbox(trial: &Trial<'_>) -> Result<(), Violation> {
    const ITEMS: usize = 200;
    furnish(trial).await?;
    let store = trial.plain().await?;
    let mut expected = BTreeSet::new();
    for _ in 0..ITEMS / 20 {
        let mut batch = Batch::new();
        for _ in 0..10 {
            let event = trial.event(&trial.samples.text())?;
            let message = trial.message();
            expected.extend([event.id, message.id]);
            batch = batch.event(event).message(message);
        }
        applied(&*store, batch, "a batch with events and messages").await?;
    }
    let claimed = trial
        .race(16, |_, store| {
            Box::pin(async move {
                let mut claimed = Vec::new();
                loop {
                    let items = store.claim_outbox(Duration::HOUR, 3).await?;
                    if items.is_empty() {
                        return Ok(claimed);
                    }
                    claimed.extend(items.iter().map(|item| item.id));
                }
            })
        })
        .await?;
    let claimed: Vec<_> = claimed.into_iter().flatten().collect();
    let different: BTreeSet<_> = claimed.iter().copied().collect();
    ensure_eq!(claimed.len(), different.len(), "how many items were handed out, each to one claim");
    ensure!(different == expected, "{} of {ITEMS} items were handed out", different.len());
    Ok(())
}
