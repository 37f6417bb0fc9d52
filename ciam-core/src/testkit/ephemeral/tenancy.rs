//! One tenant: a handle's keys never meet another tenant's.

use super::{EphemeralHarness, Trial};
use crate::testkit::suite::{Clause, Violation, clause, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn EphemeralHarness>] = &[
    clause!(Trial<'_>, "tenant.values", values, "A value of one tenant is absent in every other."),
    clause!(Trial<'_>, "tenant.counters", counters, "A counter of one tenant counts for no other."),
];

async fn values(trial: &Trial<'_>) -> Result<(), Violation> {
    let (here, there) = (trial.handle().await?, trial.elsewhere().await?);
    // In step first, so that a store without tenants at all is seen by what it mixes up.
    let known = trial.key();
    here.put(&known, b"known", trial.long()).await?;
    ensure_eq!(here.get(&known).await?, Some(b"known".to_vec()), "a value beside another tenant's");

    let (here, key) = (trial.plain().await?, trial.key());
    here.put(&key, b"here".to_vec(), trial.long()).await?;
    ensure_eq!(there.get(&key).await?, None, "a value of another tenant, read");
    let swapped = there.compare_and_swap(&key, b"here", b"there".to_vec(), trial.long()).await?;
    ensure_eq!(swapped, false, "a value of another tenant, swapped");
    ensure_eq!(there.take(&key).await?, None, "a value of another tenant, taken");
    let stored = there.put_if_absent(&key, b"there".to_vec(), trial.long()).await?;
    ensure_eq!(stored, true, "a key that another tenant uses, put if absent");
    ensure_eq!(here.get(&key).await?, Some(b"here".to_vec()), "a value after another tenant used its key");
    there.put(&key, b"again".to_vec(), trial.long()).await?;
    ensure_eq!(here.take(&key).await?, Some(b"here".to_vec()), "a value after another tenant put its key");
    ensure_eq!(there.get(&key).await?, Some(b"again".to_vec()), "a value after another tenant took its key");
    Ok(())
}

async fn counters(trial: &Trial<'_>) -> Result<(), Violation> {
    let (both, key) = (trial.handle().await?, trial.key());
    both.increment(&key, trial.long()).await?;
    ensure_eq!(both.increment(&key, trial.long()).await?, 2, "a counter beside another tenant's");

    let (here, there, key) = (trial.plain().await?, trial.elsewhere().await?, trial.key());
    for _ in 0..3 {
        here.increment(&key, trial.long()).await?;
    }
    ensure_eq!(there.increment(&key, trial.long()).await?, 1, "the first count beside another tenant's");
    ensure_eq!(here.increment(&key, trial.long()).await?, 4, "the count after another tenant counted");
    Ok(())
}
