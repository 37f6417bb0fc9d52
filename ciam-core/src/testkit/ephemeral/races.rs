//! What each verb does when many call it at the same moment.

use std::collections::BTreeSet;

use super::{EphemeralHarness, Trial};
use crate::testkit::race::RACERS;
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn EphemeralHarness>] = &[
    clause!(Trial<'_>, "race.take", take, "Of concurrent `take` calls for one value exactly one gets it."),
    clause!(
        Trial<'_>,
        "race.put_if_absent",
        put_if_absent,
        "Of concurrent `put_if_absent` calls exactly one returns `true`, and its value is the one that stays."
    ),
    clause!(
        Trial<'_>,
        "race.increment",
        increment,
        "Every concurrent `increment` returns a different number, and none is skipped."
    ),
    clause!(
        Trial<'_>,
        "race.compare_and_swap",
        compare_and_swap,
        "Of concurrent `compare_and_swap` calls from one old value exactly one returns `true`."
    ),
];

/// How often each race is run: each time on a new key.
const ROUNDS: usize = 8;

async fn take(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    for _ in 0..ROUNDS {
        let key = trial.key();
        handle.put(&key, b"code", trial.long()).await?;
        ensure_eq!(handle.get(&key).await?, Some(b"code".to_vec()), "a value");
        let taken = trial
            .race(RACERS, |_, handle| {
                let key = key.clone();
                Box::pin(async move { handle.take(&key).await })
            })
            .await?;
        let got: Vec<_> = taken.into_iter().flatten().collect();
        ensure_eq!(got, [b"code".to_vec()], "what {RACERS} racers took");
    }
    Ok(())
}

async fn put_if_absent(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let known = trial.key();
    ensure!(handle.put_if_absent(&known, b"known", trial.long()).await?, "nothing was in the way");
    for _ in 0..ROUNDS {
        let (key, ttl) = (trial.key(), trial.long());
        let stored = trial
            .race(RACERS, |racer, handle| {
                let key = key.clone();
                Box::pin(async move {
                    let value = racer.to_string().into_bytes();
                    Ok(handle.put_if_absent(&key, value.clone(), ttl).await?.then_some(value))
                })
            })
            .await?;
        let winners: Vec<_> = stored.into_iter().flatten().collect();
        ensure_eq!(winners.len(), 1, "how many of {RACERS} racers stored their value");
        ensure_eq!(trial.plain().await?.get(&key).await?.as_ref(), winners.first(), "the winner's value");
    }
    Ok(())
}

async fn increment(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key, ttl) = (trial.handle().await?, trial.key(), trial.long());
    handle.increment(&key, ttl).await?;
    ensure_eq!(handle.increment(&key, ttl).await?, 2, "the second count");
    let counts = trial
        .race(RACERS, |_, handle| {
            let key = key.clone();
            Box::pin(async move {
                let mut counts = Vec::with_capacity(ROUNDS);
                for _ in 0..ROUNDS {
                    counts.push(handle.increment(&key, ttl).await?);
                }
                Ok(counts)
            })
        })
        .await?;
    let counts: BTreeSet<u64> = counts.into_iter().flatten().collect();
    let expected = (3..).take(RACERS * ROUNDS).collect::<BTreeSet<u64>>();
    ensure!(
        counts == expected,
        "{} increments at once returned {} different numbers up to {:?}",
        expected.len(),
        counts.len(),
        counts.last()
    );
    Ok(())
}

async fn compare_and_swap(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    for _ in 0..ROUNDS {
        let (key, ttl) = (trial.key(), trial.long());
        handle.put(&key, b"live", ttl).await?;
        ensure_eq!(handle.get(&key).await?, Some(b"live".to_vec()), "a value");
        // As with an authorization code: one moves it from live to spent, the others find whose it was.
        let found = trial
            .race(RACERS, |racer, handle| {
                let key = key.clone();
                Box::pin(async move {
                    let spent = format!("spent by {racer}").into_bytes();
                    let won = handle.compare_and_swap(&key, b"live", spent, ttl).await?;
                    Ok((won.then_some(racer), handle.get(&key).await?))
                })
            })
            .await?;
        let winners: Vec<usize> = found.iter().filter_map(|(won, _)| *won).collect();
        ensure_eq!(winners.len(), 1, "how many of {RACERS} racers swapped the value");
        let left = winners.first().map(|racer| format!("spent by {racer}").into_bytes());
        for (_, seen) in found {
            ensure_eq!(seen, left, "what a racer found afterwards");
        }
    }
    Ok(())
}
