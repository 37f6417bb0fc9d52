//! What reads find.

use super::{StoreHarness, Trial, applied, insert, present};
use crate::account::{Identifier, IdentifierKind};
use crate::credential::Credential;
use crate::error::PortErrorKind;
use crate::organization::Organization;
use crate::store::{Batch, IndexValue, PageRequest, Record, RecordKind, Store, Versioned, Write};
use crate::testkit::sample::{HOSTILE, LEAF, NOTE, OWNER, TAG, TOKEN, identifier};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "read.by_identifier",
        by_identifier,
        "An account is found by each of its identifiers, verified or not, and by none that it has dropped."
    ),
    clause!(
        Trial<'_>,
        "read.by_slug",
        by_slug,
        "An organization is found by its slug, and not by one that it had."
    ),
    clause!(
        Trial<'_>,
        "read.of_owner",
        of_owner,
        "The credentials, sessions and memberships of an account are its own, the members of an organization its own."
    ),
    clause!(
        Trial<'_>,
        "read.credentials",
        credentials,
        "All credentials of an account are read, up to `Credential::MAX_PER_ACCOUNT`, by id."
    ),
    clause!(
        Trial<'_>,
        "read.by_index",
        by_index,
        "Records are found by each of their index values, and by none that they had before they were rewritten."
    ),
    clause!(
        Trial<'_>,
        "read.undeclared_index",
        undeclared,
        "An index that the kind does not declare is a permanent error, not an empty page."
    ),
    clause!(
        Trial<'_>,
        "read.exact",
        exact,
        "Keys, identifiers and index values are compared byte for byte: those that differ anyhow are different."
    ),
    clause!(
        Trial<'_>,
        "read.kinds",
        kinds,
        "Equal keys in different kinds of record, equal values in different indexes and kinds of identifier never meet."
    ),
    clause!(
        Trial<'_>,
        "read.odd_slug",
        odd_slug,
        "No organization has a slug that is none: that is absence, no error."
    ),
    clause!(
        Trial<'_>,
        "read.fresh",
        fresh,
        "What one handle has committed, every other handle reads at once."
    ),
];

async fn by_identifier(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let mut account = trial.samples.account(trial.now())?;
    insert(&store, [Write::PutAccount(account.clone())]).await?;
    let keys: Vec<_> = account.identifiers.iter().map(|identifier| identifier.key.clone()).collect();
    for (number, key) in keys.iter().enumerate() {
        let found = store.account_by_identifier(key).await?.map(|found| found.value.id);
        ensure_eq!(found, Some(account.id), "the account by its identifier {number}");
    }
    account.identifiers.retain(Identifier::is_verified);
    applied(&store, Batch::new().write(Write::PutAccount(account.clone())), "a write").await?;
    for (number, key) in keys.iter().enumerate() {
        let found = store.account_by_identifier(key).await?.map(|found| found.value.id);
        let kept = account.identifier_with(key).map(|_| account.id);
        ensure_eq!(found, kept, "the account by its identifier {number}, after it dropped some");
    }
    Ok(())
}

async fn by_slug(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let mut organization = trial.samples.organization(trial.now())?;
    let (first, second) = (organization.slug.clone(), trial.samples.slug()?);
    insert(&store, [Write::PutOrganization(organization.clone())]).await?;
    let id = |found: Option<Versioned<Organization>>| found.map(|found| found.value.id);
    ensure_eq!(id(store.organization_by_slug(first.as_str()).await?), Some(organization.id), "by slug");
    organization.slug = second.clone();
    applied(&store, Batch::new().write(Write::PutOrganization(organization.clone())), "a write").await?;
    ensure_eq!(id(store.organization_by_slug(second.as_str()).await?), Some(organization.id), "by new slug");
    ensure_eq!(id(store.organization_by_slug(first.as_str()).await?), None, "by the slug that it had");
    Ok(())
}

async fn of_owner(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let (one, two) = (trial.one_of_each()?, trial.one_of_each()?);
    insert(&store, one.iter().chain(&two).cloned()).await?;
    let all = || PageRequest::first(100);
    for owned in [&one, &two] {
        for write in owned {
            match write {
                Write::PutCredential(credential) => {
                    let found = store.credentials_of(credential.account).await?;
                    let found: Vec<_> = found.iter().map(|found| found.value.id).collect();
                    ensure_eq!(found, [credential.id], "the credentials of an account");
                }
                Write::PutSession(session) => {
                    let found = store.sessions_of(session.account, all()).await?.items;
                    let found: Vec<_> = found.iter().map(|found| found.value.id).collect();
                    ensure_eq!(found, [session.id], "the sessions of an account");
                }
                Write::PutMembership(membership) => {
                    let found = store.memberships_of(membership.account, all()).await?.items;
                    let found: Vec<_> = found.iter().map(|found| found.value.organization).collect();
                    ensure_eq!(found, [membership.organization], "the memberships of an account");
                    let found = store.members_of(membership.organization, all()).await?.items;
                    let found: Vec<_> = found.iter().map(|found| found.value.account).collect();
                    ensure_eq!(found, [membership.account], "the members of an organization");
                }
                _ => {}
            }
        }
    }
    Ok(())
}

async fn credentials(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let account = trial.samples.account(trial.now())?;
    insert(&store, [Write::PutAccount(account.clone())]).await?;
    let new = |_| trial.samples.credential(account.id, trial.now());
    let mut credentials: Vec<Credential> = (0..Credential::MAX_PER_ACCOUNT).map(new).collect();
    for some in credentials.chunks(Batch::MAX_WRITES / 2) {
        insert(&store, some.iter().cloned().map(Write::PutCredential)).await?;
    }
    credentials.sort_by_key(|credential| credential.id);
    let expected: Vec<_> = credentials.iter().map(|credential| credential.id).collect();
    let found = store.credentials_of(account.id).await?;
    let found: Vec<_> = found.iter().map(|found| found.value.id).collect();
    ensure_eq!(found, expected, "the credentials of an account");
    Ok(())
}

async fn keys_by(store: &dyn Store, index: &str, value: &str) -> Result<Vec<String>, Violation> {
    let page = store.records_by(NOTE, index, value, PageRequest::first(1000)).await?;
    Ok(page.items.into_iter().map(|found| found.value.key).collect())
}

async fn by_index(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let [kept, dropped, added, token] = [(), (), (), ()].map(|()| trial.samples.text());
    let mut record = trial.samples.record();
    record.indexes =
        vec![IndexValue::new(TAG, &kept), IndexValue::new(TAG, &dropped), IndexValue::new(TOKEN, &token)];
    insert(&store, [Write::PutRecord(record.clone())]).await?;
    let key = vec![record.key.clone()];
    ensure_eq!(keys_by(&store, "tag", &kept).await?, key, "the records by a value");
    ensure_eq!(
        keys_by(&store, "tag", &dropped).await?,
        key,
        "the records by another value in the same index"
    );
    ensure_eq!(keys_by(&store, "token", &token).await?, key, "the records by a value in a unique index");
    record.indexes = vec![IndexValue::new(TAG, &kept), IndexValue::new(TAG, &added)];
    applied(&store, Batch::new().write(Write::PutRecord(record.clone())), "a write").await?;
    ensure_eq!(keys_by(&store, "tag", &kept).await?, key, "the records by a value that was kept");
    ensure_eq!(keys_by(&store, "tag", &added).await?, key, "the records by a value that was added");
    let none: [&str; 0] = [];
    ensure_eq!(keys_by(&store, "tag", &dropped).await?, none, "the records by a value that was dropped");
    ensure_eq!(
        keys_by(&store, "token", &token).await?,
        none,
        "the records by a unique value that was dropped"
    );
    applied(&store, Batch::new().write(Write::DeleteRecord(NOTE, record.key)), "a deletion").await?;
    ensure_eq!(keys_by(&store, "tag", &kept).await?, none, "the records by a value of a deleted one");
    Ok(())
}

async fn undeclared(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    insert(&store, [Write::PutRecord(trial.samples.record())]).await?;
    for index in ["serials", "", "key", "owner; --"] {
        match store.records_by(NOTE, index, "value", PageRequest::first(10)).await {
            Err(error) if error.kind() == PortErrorKind::Permanent => {}
            other => return Err(Violation::new(format!("the undeclared index `{index}`: {other:?}"))),
        }
    }
    Ok(())
}

/// Texts that are easily taken for each other.
fn twins(unique: &str) -> Vec<String> {
    let mut texts: Vec<String> = HOSTILE.iter().map(|text| format!("{unique}{text}")).collect();
    let twins =
        ["a", "A", "a ", " a", "\u{e9}", "e\u{301}", "\u{df}", "ss", "\u{ff41}", "%", "_", "01", "1", "1.0"];
    texts.extend(twins.map(|text| format!("{text}{unique}")));
    texts.extend(["x", "y"].map(|last| format!("{}{unique}{last}", "n".repeat(200))));
    texts
}

async fn exact(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let texts = twins(&trial.samples.text());
    let now = trial.now();
    for text in &texts {
        let key = identifier(IdentifierKind::Username, text)?;
        let account = trial.samples.account_with(now, &[&key]);
        let mut record = trial.samples.record();
        record.key.clone_from(text);
        record.indexes = vec![IndexValue::new(OWNER, text), IndexValue::new(TOKEN, text)];
        insert(&store, [Write::PutAccount(account), Write::PutRecord(record)]).await?;
    }
    for text in &texts {
        let found = store.record(NOTE, text).await?.map(|found| found.value.key);
        ensure_eq!(found.as_ref(), Some(text), "the record with this key");
        let one = vec![text.clone()];
        ensure_eq!(keys_by(&store, "owner", text).await?, one, "the records with the index value {text:?}");
        ensure_eq!(keys_by(&store, "token", text).await?, one, "the record with the index value {text:?}");
        let key = identifier(IdentifierKind::Username, text)?;
        let found = store.account_by_identifier(&key).await?;
        let owns = found.is_some_and(|found| found.value.identifier_with(&key).is_some());
        ensure!(owns, "the account with the identifier {text:?} is another");
    }
    Ok(())
}

async fn kinds(trial: &Trial<'_>) -> Result<(), Violation> {
    const KINDS: [RecordKind; 2] = [NOTE, LEAF];
    let store = trial.store().await?;
    let text = trial.samples.text();
    for (number, kind) in KINDS.into_iter().enumerate() {
        let mut record = Record::new(kind, &text, 1, number.to_string());
        record.indexes = vec![IndexValue::new(OWNER, &text)];
        insert(&store, [Write::PutRecord(record)]).await?;
    }
    for (number, kind) in KINDS.into_iter().enumerate() {
        let found = store.record(kind, &text).await?.map(|found| found.value.body);
        ensure_eq!(found, Some(number.to_string()), "the record of kind `{}`", kind.name());
        for page in [
            store.records(kind, PageRequest::first(10)).await?,
            store.records_by(kind, "owner", &text, PageRequest::first(10)).await?,
        ] {
            let found: Vec<_> = page.items.into_iter().map(|found| found.value.body).collect();
            ensure_eq!(found, [number.to_string()], "the records of kind `{}`", kind.name());
        }
    }
    ensure_eq!(keys_by(&store, "tag", &text).await?, Vec::<String>::new(), "the value in another index");

    let kinds = [IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::Username];
    for kind in kinds {
        let key = identifier(kind, &text)?;
        insert(&store, [Write::PutAccount(trial.samples.account_with(trial.now(), &[&key]))]).await?;
    }
    for kind in kinds {
        let key = identifier(kind, &text)?;
        let found = store.account_by_identifier(&key).await?;
        let owns = found.is_some_and(|found| found.value.identifier_with(&key).is_some());
        ensure!(owns, "an identifier of kind {} met another kind", kind.as_str());
    }
    Ok(())
}

async fn odd_slug(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    insert(&store, trial.one_of_each()?).await?;
    for slug in HOSTILE.iter().copied().chain(["Upper", "-", "a"]) {
        match store.organization_by_slug(slug).await {
            Ok(None) => {}
            other => return Err(Violation::new(format!("the slug {slug:?}: {other:?}"))),
        }
    }
    Ok(())
}

async fn fresh(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await?;
    let (one, two) = (trial.plain().await?, trial.plain().await?);
    let entities = trial.one_of_each()?;
    insert(&*one, entities.clone()).await?;
    for _ in 0..2 {
        for entity in &entities {
            let seen = present(&*two, entity).await?;
            applied(&*one, Batch::new().write(entity.clone()), "a write").await?;
            let now = present(&*two, entity).await?;
            ensure!(
                now > seen,
                "{} is read as it was before another handle wrote it",
                super::name_of(entity)
            );
        }
    }
    Ok(())
}
