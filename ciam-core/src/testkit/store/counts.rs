//! What is counted and cut by a window.

use time::Duration;

use super::{StoreHarness, Trial, insert};
use crate::error::PortErrorKind;
use crate::store::{IndexDeclaration, IndexQuery, IndexValue, Record, Store as _, Window, Write};
use crate::testkit::sample::{NOTE, OWNER, TAG};
use crate::testkit::suite::{Clause, Violation, clause, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "count.matches",
        matches,
        "Of the unexpired records of an index value those are counted of which a query holds, and no others."
    ),
    clause!(
        Trial<'_>,
        "count.window",
        window,
        "A window has what is behind those passed over, by key, and no more than was asked for; the count is of all."
    ),
    clause!(
        Trial<'_>,
        "count.refused",
        refused,
        "A query of an index that the kind does not declare, or of too many terms, is a permanent error."
    ),
];

const HERE: &str = "counted";

/// Nine records of one owner, each with the tags of the bits of its number, one of another owner, and one that has expired.
async fn populate(trial: &Trial<'_>) -> Result<Vec<Record>, Violation> {
    let store = trial.store().await?;
    let mut records = Vec::new();
    for number in 0..9_u8 {
        let mut record = trial.samples.record();
        record.indexes.push(IndexValue::new(OWNER, HERE));
        let tags = ["a", "b", "c"].into_iter().enumerate().filter(|(bit, _)| number & (1 << bit) != 0);
        record.indexes.extend(tags.map(|(_, tag)| IndexValue::new(TAG, tag)));
        records.push(record);
    }
    let mut elsewhere = trial.samples.record();
    elsewhere.indexes = vec![IndexValue::new(OWNER, "another"), IndexValue::new(TAG, "a")];
    let mut expired = trial.samples.record();
    expired.indexes = vec![IndexValue::new(OWNER, HERE), IndexValue::new(TAG, "a")];
    expired.expires_at = Some(trial.now() + Duration::SECOND);
    let all = records.iter().cloned().chain([elsewhere, expired]).map(Write::PutRecord);
    insert(&store, all).await?;
    trial.advance(Duration::MINUTE);
    records.sort_by(|left, right| left.key.cmp(&right.key));
    Ok(records)
}

fn tag(text: &str) -> IndexQuery {
    IndexQuery::has(TAG, text)
}

fn queries() -> Vec<IndexQuery> {
    vec![
        IndexQuery::everything(),
        IndexQuery::everything().negated(),
        tag("a"),
        tag("nobody"),
        tag("a").negated(),
        tag("a").and(tag("b")),
        tag("a").or(tag("b").and(tag("c"))),
        tag("a").or(tag("b")).negated().and(tag("c")),
        tag("a").and(tag("b").negated()).or(tag("c").negated()),
        // A value is one of its own index.
        IndexQuery::has(OWNER, "a").or(tag(HERE)),
        IndexQuery::has(OWNER, HERE).and(tag("' OR 1 = 1 --").negated()),
    ]
}

async fn matches(trial: &Trial<'_>) -> Result<(), Violation> {
    let records = populate(trial).await?;
    let store = trial.store().await?;
    for query in queries() {
        let found = store.records_where(NOTE, OWNER.name(), HERE, &query, Window::new(0, 100)).await?;
        let keys: Vec<&str> = found.items.iter().map(|it| it.value.key.as_str()).collect();
        let expected: Vec<&str> =
            records.iter().filter(|it| query.holds(&it.indexes)).map(|it| it.key.as_str()).collect();
        ensure_eq!(keys, expected, "the records of which {query:?} holds");
        ensure_eq!(usize::try_from(found.total).ok(), Some(expected.len()), "how many {query:?} holds of");
    }
    Ok(())
}

async fn window(trial: &Trial<'_>) -> Result<(), Violation> {
    let records = populate(trial).await?;
    let store = trial.store().await?;
    let query = IndexQuery::everything();
    let expected: Vec<&str> = records.iter().map(|it| it.key.as_str()).collect();
    for (skip, limit) in [(0, 0), (0, 2), (1, 2), (7, 2), (8, 10), (9, 1), (100, 10), (u64::MAX, 1)] {
        let found = store.records_where(NOTE, OWNER.name(), HERE, &query, Window::new(skip, limit)).await?;
        let keys: Vec<&str> = found.items.iter().map(|it| it.value.key.as_str()).collect();
        let from = usize::try_from(skip).unwrap_or(usize::MAX);
        let part: Vec<&str> = expected.iter().skip(from).take(limit as usize).copied().collect();
        ensure_eq!(keys, part, "{limit} behind {skip}");
        ensure_eq!(usize::try_from(found.total).ok(), Some(expected.len()), "how many there are");
    }
    Ok(())
}

async fn refused(trial: &Trial<'_>) -> Result<(), Violation> {
    const ELSEWHERE: IndexDeclaration = IndexDeclaration::many("elsewhere");
    let store = trial.store().await?;
    insert(&store, [Write::PutRecord(trial.samples.record())]).await?;
    let long = (0..IndexQuery::MAX_TERMS).fold(tag("a"), |query, _| query.negated());
    for (index, query) in [
        (OWNER.name(), IndexQuery::has(ELSEWHERE, "a")),
        (OWNER.name(), tag("a").or(IndexQuery::has(ELSEWHERE, "a"))),
        (OWNER.name(), long),
        (ELSEWHERE.name(), tag("a")),
    ] {
        match store.records_where(NOTE, index, HERE, &query, Window::new(0, 1)).await {
            Err(error) if error.kind() == PortErrorKind::Permanent => {}
            other => return Err(Violation::new(format!("{query:?} by `{index}`: {other:?}"))),
        }
    }
    Ok(())
}
