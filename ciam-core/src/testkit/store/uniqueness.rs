//! What belongs to one entity only.

use time::Duration;

use super::{StoreHarness, Trial, applied, insert, refused, refused_by_uniqueness};
use crate::account::{Account, Identifier, IdentifierKey};
use crate::organization::{Organization, Slug};
use crate::store::{Batch, Conflict, IndexDeclaration, IndexValue, Record, RecordKind, Write};
use crate::testkit::sample::{LEAF, NOTE, OWNER, SERIAL, TOKEN};
use crate::testkit::suite::{Clause, Violation, clause, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "unique.identifier",
        identifier,
        "An identifier, verified or not, belongs to at most one account; an account may keep its own."
    ),
    clause!(
        Trial<'_>,
        "unique.identifier_in_batch",
        identifier_in_batch,
        "Two accounts of one batch cannot have the same identifier."
    ),
    clause!(
        Trial<'_>,
        "unique.identifier_moves",
        identifier_moves,
        "An identifier that its account drops is free for another: later, and behind it in the same batch, not before."
    ),
    clause!(
        Trial<'_>,
        "unique.slug",
        slug,
        "A slug belongs to at most one organization, and is free when it is changed."
    ),
    clause!(
        Trial<'_>,
        "unique.index",
        index,
        "A value of a unique index belongs to at most one record of its kind; a record may keep its own."
    ),
    clause!(
        Trial<'_>,
        "unique.index_freed",
        index_freed,
        "A value of a unique index is free when its record is rewritten without it or deleted."
    ),
    clause!(
        Trial<'_>,
        "unique.index_expired",
        index_expired,
        "A value of a unique index is free when its record has expired."
    ),
    clause!(
        Trial<'_>,
        "unique.scope",
        scope,
        "Equal values in another index, in another kind, or in an index that is not unique are no conflict."
    ),
    clause!(
        Trial<'_>,
        "unique.position",
        position,
        "A conflict of uniqueness names the write that would give a second owner by its position, counted from 0."
    ),
];

fn put(account: &Account) -> Write {
    Write::PutAccount(account.clone())
}

fn record(trial: &Trial<'_>, index: IndexDeclaration, value: &str) -> Record {
    let mut record = trial.samples.record();
    record.indexes.push(IndexValue::new(index, value));
    record
}

fn with_slug(trial: &Trial<'_>, slug: &Slug) -> Result<Organization, Violation> {
    let mut organization = trial.samples.organization(trial.now())?;
    organization.slug = slug.clone();
    Ok(organization)
}

async fn identifier(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let (samples, now) = (&trial.samples, trial.now());
    let keys: [IdentifierKey; 2] = [samples.email()?, samples.email()?];
    let mut owner = samples.account(now)?;
    owner.identifiers.push(Identifier::unverified(keys[0].clone()));
    owner.identifiers.push(Identifier::verified(keys[1].clone(), now));
    insert(&store, [put(&owner)]).await?;
    for key in keys {
        for taken in [Identifier::unverified(key.clone()), Identifier::verified(key, now)] {
            let mut thief = samples.account(now)?;
            let what = "an identifier of another account, by a new account";
            let mut thieving = thief.clone();
            thieving.identifiers.push(taken.clone());
            refused_by_uniqueness(&store, Batch::new().write(put(&thieving)), what).await?;
            insert(&store, [put(&thief)]).await?;
            thief.identifiers.insert(0, taken);
            let what = "an identifier of another account, by an account that is there";
            refused_by_uniqueness(&store, Batch::new().write(put(&thief)), what).await?;
        }
    }
    owner.identifiers.reverse();
    applied(&store, Batch::new().write(put(&owner)), "an account with its own identifiers").await
}

async fn identifier_in_batch(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    insert(&store, [put(&trial.samples.account(trial.now())?)]).await?;
    let email = trial.samples.email()?;
    let [one, two] = [(), ()].map(|()| trial.samples.account_with(trial.now(), &[&email]));
    let what = "two new accounts with one identifier";
    refused_by_uniqueness(&store, Batch::new().write(put(&one)).write(put(&two)), what).await
}

async fn identifier_moves(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let email = trial.samples.email()?;
    let mut one = trial.samples.account_with(trial.now(), &[&email]);
    let mut two = trial.samples.account_with(trial.now(), &[&email]);
    let held = one.identifiers.clone();
    insert(&store, [put(&one)]).await?;

    one.identifiers.clear();
    let what = "an identifier that another account drops behind in the same batch";
    refused_by_uniqueness(&store, Batch::new().write(put(&two)).write(put(&one)), what).await?;
    let what = "an identifier that another account drops before in the same batch";
    applied(&store, Batch::new().write(put(&one)).write(put(&two)), what).await?;

    two.identifiers.clear();
    applied(&store, Batch::new().write(put(&two)), "an account that drops its identifier").await?;
    one.identifiers = held;
    applied(&store, Batch::new().write(put(&one)), "an identifier that another account dropped earlier").await
}

async fn slug(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let slug = trial.samples.slug()?;
    let mut owner = with_slug(trial, &slug)?;
    insert(&store, [Write::PutOrganization(owner.clone())]).await?;
    let own = Batch::new().write(Write::PutOrganization(owner.clone()));
    applied(&store, own, "an organization with its own slug").await?;
    let thief = Batch::new().write(Write::PutOrganization(with_slug(trial, &slug)?));
    refused_by_uniqueness(&store, thief.clone(), "a slug of another organization").await?;
    let fresh = trial.samples.slug()?;
    let mut two = Batch::new();
    for _ in 0..2 {
        two = two.write(Write::PutOrganization(with_slug(trial, &fresh)?));
    }
    refused_by_uniqueness(&store, two, "two new organizations with one slug").await?;
    owner.slug = trial.samples.slug()?;
    let renamed = Batch::new().write(Write::PutOrganization(owner));
    applied(&store, renamed, "an organization with a new slug").await?;
    applied(&store, thief, "a slug that another organization had").await
}

async fn index(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let token = trial.samples.text();
    let owner = record(trial, TOKEN, &token);
    insert(&store, [Write::PutRecord(owner.clone())]).await?;
    let own = Batch::new().write(Write::PutRecord(owner));
    applied(&store, own, "a record with its own value").await?;
    let thief = Batch::new().write(Write::PutRecord(record(trial, TOKEN, &token)));
    refused_by_uniqueness(&store, thief, "a value of another record, by a new one").await?;
    let mut thief = trial.samples.record();
    insert(&store, [Write::PutRecord(thief.clone())]).await?;
    thief.indexes.push(IndexValue::new(TOKEN, &token));
    let thief = Batch::new().write(Write::PutRecord(thief));
    refused_by_uniqueness(&store, thief, "a value of another record, by one that is there").await?;
    let fresh = trial.samples.text();
    let two = Batch::new()
        .write(Write::PutRecord(record(trial, TOKEN, &fresh)))
        .write(Write::PutRecord(record(trial, TOKEN, &fresh)));
    refused_by_uniqueness(&store, two, "two new records with one value").await
}

async fn index_freed(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let token = trial.samples.text();
    let mut first = record(trial, TOKEN, &token);
    insert(&store, [Write::PutRecord(first.clone())]).await?;
    first.indexes.clear();
    applied(&store, Batch::new().write(Write::PutRecord(first)), "a record without its value").await?;
    let second = record(trial, TOKEN, &token);
    let what = "a value that another record had";
    applied(&store, Batch::new().write(Write::PutRecord(second.clone())), what).await?;
    let gone = Batch::new().write(Write::DeleteRecord(NOTE, second.key));
    applied(&store, gone, "a deletion").await?;
    let third = Batch::new().write(Write::PutRecord(record(trial, TOKEN, &token)));
    applied(&store, third, "a value of a record that was deleted").await
}

async fn index_expired(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let token = trial.samples.text();
    let mut owner = record(trial, TOKEN, &token);
    owner.expires_at = Some(trial.now() + Duration::MINUTE);
    insert(&store, [Write::PutRecord(owner)]).await?;
    trial.advance(Duration::MINUTE);
    let next = Batch::new().write(Write::PutRecord(record(trial, TOKEN, &token)));
    applied(&store, next, "a value of a record that has expired").await
}

async fn scope(trial: &Trial<'_>) -> Result<(), Violation> {
    const LEAVES: RecordKind = LEAF;
    let store = trial.store().await?;
    let value = trial.samples.text();
    insert(&store, [Write::PutRecord(record(trial, TOKEN, &value))]).await?;
    let serial = Batch::new().write(Write::PutRecord(record(trial, SERIAL, &value)));
    applied(&store, serial, "a value that another index has").await?;
    let mut leaf = record(trial, TOKEN, &value);
    leaf.kind = LEAVES;
    applied(&store, Batch::new().write(Write::PutRecord(leaf)), "a value that another kind has").await?;
    for _ in 0..3 {
        let shared = Batch::new().write(Write::PutRecord(record(trial, OWNER, &value)));
        applied(&store, shared, "a value in an index that is not unique").await?;
    }
    Ok(())
}

async fn position(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let email = trial.samples.email()?;
    insert(&store, [put(&trial.samples.account_with(trial.now(), &[&email]))]).await?;
    for failing in [0, 1, 7, 20] {
        let mut batch = Batch::new();
        for _ in 0..failing {
            batch = batch.write(Write::PutRecord(trial.samples.record()));
        }
        batch = batch.write(put(&trial.samples.account_with(trial.now(), &[&email])));
        let conflict = refused(&store, batch, "a batch that breaks a uniqueness").await?;
        ensure_eq!(conflict, Conflict::Unique(failing), "the conflict");
    }
    Ok(())
}
