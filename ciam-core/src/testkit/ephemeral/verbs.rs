//! What each verb does, one call after the other.

use super::{EphemeralHarness, Trial};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn EphemeralHarness>] = &[
    clause!(Trial<'_>, "put.replaces", put, "`put` replaces any value, and its time to live."),
    clause!(Trial<'_>, "get.leaves", get, "`get` leaves the value where it is."),
    clause!(Trial<'_>, "take.removes", take, "`take` removes the value that it returns."),
    clause!(
        Trial<'_>,
        "put_if_absent.refuses",
        put_if_absent,
        "`put_if_absent` stores where there is nothing; else it changes neither the value nor its time to live."
    ),
    clause!(
        Trial<'_>,
        "increment.counts",
        increment,
        "`increment` adds one and returns the new number, from 1."
    ),
    clause!(
        Trial<'_>,
        "increment.window",
        window,
        "The first increment starts a window after which the counter is gone; later ones do not move its end."
    ),
    clause!(
        Trial<'_>,
        "compare_and_swap.compares",
        compare,
        "`compare_and_swap` replaces a value that is exactly the old one, and changes nothing else."
    ),
    clause!(
        Trial<'_>,
        "compare_and_swap.ttl",
        swap_ttl,
        "`compare_and_swap` gives the value a new time to live, and leaves the old one when it refuses."
    ),
];

async fn put(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let (shorter, longer) = (trial.key(), trial.key());
    handle.put(&shorter, b"one", trial.long()).await?;
    handle.put(&shorter, b"two", trial.moments(3)).await?;
    handle.put(&longer, b"one", trial.moments(3)).await?;
    handle.put(&longer, b"two", trial.long()).await?;
    ensure_eq!(handle.get(&shorter).await?, Some(b"two".to_vec()), "a value that was put twice");
    trial.pass(3).await;
    ensure_eq!(handle.get(&shorter).await?, None, "a value that was put again for a shorter time");
    ensure_eq!(handle.get(&longer).await?, Some(b"two".to_vec()), "a value that was put again for longer");
    Ok(())
}

async fn get(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    handle.put(&key, b"value", trial.long()).await?;
    for time in ["first", "second", "third"] {
        ensure_eq!(handle.get(&key).await?, Some(b"value".to_vec()), "a value that is read a {time} time");
    }
    Ok(())
}

async fn take(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    handle.put(&key, b"value", trial.long()).await?;
    ensure_eq!(handle.take(&key).await?, Some(b"value".to_vec()), "a value that is taken");
    ensure_eq!(handle.take(&key).await?, None, "a value that is taken a second time");
    Ok(())
}

async fn put_if_absent(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    ensure!(handle.put_if_absent(&key, b"one", trial.moments(4)).await?, "nothing was in the way");
    ensure!(!handle.put_if_absent(&key, b"two", trial.long()).await?, "a value was not in the way");
    ensure_eq!(handle.get(&key).await?, Some(b"one".to_vec()), "a value that was in the way");
    trial.pass(4).await;
    ensure!(
        handle.put_if_absent(&key, b"three", trial.long()).await?,
        "a refused call made the value live longer"
    );
    Ok(())
}

async fn increment(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    for expected in 1..=5 {
        ensure_eq!(handle.increment(&key, trial.long()).await?, expected, "a count");
    }
    Ok(())
}

async fn window(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    handle.increment(&key, trial.moments(4)).await?;
    trial.pass(1).await;
    ensure_eq!(handle.increment(&key, trial.long()).await?, 2, "the count within the window");
    trial.pass(3).await;
    ensure_eq!(handle.increment(&key, trial.long()).await?, 1, "the first count of a new window");
    ensure_eq!(handle.increment(&key, trial.moments(4)).await?, 2, "the second count of a new window");
    Ok(())
}

async fn compare(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    handle.put(&key, b"value", trial.long()).await?;
    for other in ["", "value ", "valu", "Value", "values"] {
        let swapped = handle.swap(&key, other.as_bytes(), b"next", trial.long()).await?;
        ensure!(!swapped, "`value` counts as equal to `{other}`");
    }
    ensure_eq!(handle.get(&key).await?, Some(b"value".to_vec()), "a value after refused swaps");
    ensure!(handle.swap(&key, b"value", b"next", trial.long()).await?, "an equal value was not swapped");
    ensure_eq!(handle.get(&key).await?, Some(b"next".to_vec()), "a value that was swapped in");
    let absent = trial.key();
    ensure!(!handle.swap(&absent, b"", b"next", trial.long()).await?, "an absent value counts as empty");
    ensure_eq!(handle.get(&absent).await?, None, "an absent value after a refused swap");
    Ok(())
}

async fn swap_ttl(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let [shorter, longer, refused] = [trial.key(), trial.key(), trial.key()];
    handle.put(&shorter, b"one", trial.long()).await?;
    handle.swap(&shorter, b"one", b"two", trial.moments(3)).await?;
    handle.put(&longer, b"one", trial.moments(3)).await?;
    handle.swap(&longer, b"one", b"two", trial.long()).await?;
    handle.put(&refused, b"one", trial.moments(3)).await?;
    handle.swap(&refused, b"other", b"two", trial.long()).await?;
    trial.pass(3).await;
    ensure_eq!(handle.get(&shorter).await?, None, "a value that was swapped in for a shorter time");
    ensure_eq!(handle.get(&longer).await?, Some(b"two".to_vec()), "a value that was swapped in for longer");
    ensure_eq!(handle.get(&refused).await?, None, "a value that a refused swap was to make live longer");
    Ok(())
}
