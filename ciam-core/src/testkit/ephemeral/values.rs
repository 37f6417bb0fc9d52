//! What a value is: its key, its bytes, and how long it lives.

use time::Duration;

use super::{EphemeralHarness, Trial};
use crate::ephemeral::EphemeralKey;
use crate::testkit::sample::HOSTILE;
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn EphemeralHarness>] = &[
    clause!(Trial<'_>, "value.bytes", bytes, "A value is read byte for byte as it was stored."),
    clause!(
        Trial<'_>,
        "key.names",
        names,
        "Names are compared byte for byte: names that differ anyhow are different keys."
    ),
    clause!(Trial<'_>, "key.namespaces", namespaces, "Equal names in different namespaces never meet."),
    clause!(Trial<'_>, "key.counters", counters, "Counters and values do not share keys."),
    clause!(
        Trial<'_>,
        "value.handles",
        handles,
        "What one handle has done, every other handle sees at once."
    ),
    clause!(
        Trial<'_>,
        "expiry.values",
        expiry,
        "A value is there until its time to live has passed, and absent from then on for every verb."
    ),
    clause!(
        Trial<'_>,
        "expiry.not_positive",
        not_positive,
        "A time to live that is not positive stores nothing that can be read."
    ),
];

async fn bytes(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let every = (0..=u8::MAX).collect::<Vec<u8>>();
    let long = every.repeat(256);
    let values: [&[u8]; 6] = [b"", b"0", b"\0", b"\xff\xfe not UTF-8 \xc3", &every, &long];
    for value in values {
        let key = trial.key();
        handle.put(&key, value, trial.long()).await?;
        let found = handle.get(&key).await?;
        ensure!(found.as_deref() == Some(value), "a value of {} bytes is read as another", value.len());
        let swapped = handle.swap(&key, value, b"next", trial.long()).await?;
        ensure!(swapped, "a value of {} bytes is not equal to itself", value.len());
    }
    Ok(())
}

async fn names(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let unique = trial.samples.text();
    let mut names: Vec<String> = HOSTILE.iter().map(|name| format!("{unique}{name}")).collect();
    names.extend(
        ["a", "A", "a ", " a", "\u{e9}", "e\u{301}", "*", "?", "[a]"].map(|name| format!("{unique}-{name}")),
    );
    names.extend(["x", "y"].map(|last| format!("{unique}{}{last}", "n".repeat(500))));
    for name in &names {
        let key = EphemeralKey::new("testkit.value", name);
        handle.put(&key, name.as_bytes(), trial.long()).await?;
    }
    for name in &names {
        let key = EphemeralKey::new("testkit.value", name);
        let found = handle.get(&key).await?;
        ensure!(found.as_deref() == Some(name.as_bytes()), "the name {name:?} met another");
    }
    Ok(())
}

async fn namespaces(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let name = trial.samples.text();
    let keys = [
        EphemeralKey::new("testkit.a", &name),
        EphemeralKey::new("testkit.b", &name),
        EphemeralKey::new("testkit", format!("a:{name}")),
        EphemeralKey::new("testkit:a", &name),
        EphemeralKey::new("testkit", format!("a.{name}")),
        EphemeralKey::new("testkit", format!(".a{name}")),
    ];
    for (number, key) in keys.iter().enumerate() {
        handle.put(key, number.to_string().as_bytes(), trial.long()).await?;
    }
    for (number, key) in keys.iter().enumerate() {
        let found = handle.get(key).await?;
        ensure_eq!(found, Some(number.to_string().into_bytes()), "the value of {key:?}");
    }
    Ok(())
}

async fn counters(trial: &Trial<'_>) -> Result<(), Violation> {
    let (handle, key) = (trial.handle().await?, trial.key());
    handle.put(&key, b"value", trial.long()).await?;
    ensure_eq!(handle.increment(&key, trial.long()).await?, 1, "the first count under the key of a value");
    ensure_eq!(handle.get(&key).await?, Some(b"value".to_vec()), "the value under the key of a counter");
    ensure_eq!(handle.take(&key).await?, Some(b"value".to_vec()), "the value under the key of a counter");
    ensure_eq!(handle.increment(&key, trial.long()).await?, 2, "the count after the value was taken");
    ensure_eq!(handle.get(&key).await?, None, "a counter, read as a value");
    Ok(())
}

async fn handles(trial: &Trial<'_>) -> Result<(), Violation> {
    let (one, two, key) = (trial.handle().await?, trial.handle().await?, trial.key());
    for number in 0..3_u8 {
        one.put(&key, &[number], trial.long()).await?;
        ensure_eq!(two.get(&key).await?, Some(vec![number]), "what another handle put");
    }
    two.take(&key).await?;
    ensure_eq!(one.get(&key).await?, None, "what another handle took");
    Ok(())
}

async fn expiry(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    let [read, taken, swapped, free, longer] =
        [trial.key(), trial.key(), trial.key(), trial.key(), trial.key()];
    for key in [&read, &taken, &swapped, &free] {
        handle.put(key, b"value", trial.moments(4)).await?;
    }
    handle.put(&longer, b"value", trial.long()).await?;
    trial.pass(1).await;
    ensure_eq!(handle.get(&read).await?, Some(b"value".to_vec()), "a value before its time has passed");
    trial.pass(3).await;
    ensure_eq!(handle.get(&read).await?, None, "a value after its time, read");
    ensure_eq!(handle.take(&taken).await?, None, "a value after its time, taken");
    let done = handle.swap(&swapped, b"value", b"next", trial.long()).await?;
    ensure_eq!(done, false, "a value after its time, swapped");
    ensure!(
        handle.put_if_absent(&free, b"next", trial.long()).await?,
        "a value after its time is in the way of another"
    );
    ensure_eq!(handle.get(&longer).await?, Some(b"value".to_vec()), "a value with a longer time");
    Ok(())
}

async fn not_positive(trial: &Trial<'_>) -> Result<(), Violation> {
    let handle = trial.handle().await?;
    for ttl in [Duration::ZERO, Duration::seconds(-1), Duration::MIN] {
        let key = trial.key();
        handle.put(&key, b"value", trial.long()).await?;
        ensure_eq!(handle.get(&key).await?, Some(b"value".to_vec()), "a value");
        handle.put(&key, b"gone", ttl).await?;
        ensure_eq!(handle.get(&key).await?, None, "a value that was replaced for {ttl}");
        handle.put_if_absent(&key, b"gone", ttl).await?;
        ensure_eq!(handle.get(&key).await?, None, "a value that was put for {ttl}");
        handle.put(&key, b"value", trial.long()).await?;
        handle.swap(&key, b"value", b"gone", ttl).await?;
        ensure_eq!(handle.get(&key).await?, None, "a value that was swapped in for {ttl}");
    }
    Ok(())
}
