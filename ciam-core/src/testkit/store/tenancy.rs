//! One tenant: nothing of another is read, written, required, counted as taken, delivered or pruned.

use time::Duration;

use super::{
    StoreHarness, Trial, applied, deletion_of, entity_of, insert, name_of, present, refused_by_precondition,
    version_of,
};
use crate::account::{IdentifierKey, IdentifierKind};
use crate::id::EventId;
use crate::store::{
    Batch, EntityRef, IndexValue, Page, PageRequest, Precondition, Record, Store, Version, Versioned, Write,
};
use crate::testkit::sample::{NOTE, OWNER, Samples, TOKEN, identifier};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "tenant.name",
        name,
        "A handle is bound to the tenant that it was made for, and says which."
    ),
    clause!(Trial<'_>, "tenant.reads", reads, "No read returns anything of another tenant."),
    clause!(
        Trial<'_>,
        "tenant.writes",
        writes,
        "No write touches anything of another tenant, even when ids and keys are equal."
    ),
    clause!(
        Trial<'_>,
        "tenant.preconditions",
        preconditions,
        "No precondition is met by anything of another tenant."
    ),
    clause!(
        Trial<'_>,
        "tenant.uniqueness",
        uniqueness,
        "An identifier, a slug or a unique index value that another tenant uses is free."
    ),
    clause!(
        Trial<'_>,
        "tenant.outbox",
        outbox,
        "Events and messages are claimed and acknowledged in their own tenant only, even when their ids are equal."
    ),
    clause!(Trial<'_>, "tenant.prune", prune, "Pruning one tenant removes nothing of another."),
];

async fn name(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await?;
    ensure_eq!(trial.plain().await?.tenant(), trial.here, "the tenant of a handle");
    ensure_eq!(trial.elsewhere().await?.tenant(), trial.there, "the tenant of a handle");
    Ok(())
}

async fn reads(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await?;

    let (here, there) = (trial.plain().await?, trial.elsewhere().await?);
    let (samples, now) = (&trial.samples, trial.now());
    let account = samples.account(now)?;
    let organization = samples.organization(now)?;
    let membership = Samples::membership(organization.id, account.id, now)?;
    let credential = samples.credential(account.id, now);
    let session = samples.session(account.id, now);
    let record = noted(samples.record(), "only elsewhere");
    let batch = Batch::new()
        .write(Write::PutAccount(account.clone()))
        .write(Write::PutOrganization(organization.clone()))
        .write(Write::PutCredential(credential))
        .write(Write::PutMembership(membership))
        .write(Write::PutSession(session.clone()))
        .write(Write::PutRecord(record.clone()));
    applied(&*there, batch, "a batch in another tenant").await?;

    let all = || PageRequest::first(PageRequest::MAX_LIMIT);
    ensure!(here.account(account.id).await?.is_none(), "`account` crosses tenants");
    for identifier in &account.identifiers {
        let found = here.account_by_identifier(&identifier.key).await?;
        ensure!(found.is_none(), "`account_by_identifier` crosses tenants");
    }
    let accounts = here.accounts(all()).await?;
    ensure!(lacks(&accounts, |found| found.id == account.id), "`accounts` crosses tenants");
    ensure!(here.credentials_of(account.id).await?.is_empty(), "`credentials_of` crosses tenants");
    ensure!(here.organization(organization.id).await?.is_none(), "`organization` crosses tenants");
    let by_slug = here.organization_by_slug(organization.slug.as_str()).await?;
    ensure!(by_slug.is_none(), "`organization_by_slug` crosses tenants");
    let organizations = here.organizations(all()).await?;
    ensure!(lacks(&organizations, |found| found.id == organization.id), "`organizations` crosses tenants");
    let found = here.membership(organization.id, account.id).await?;
    ensure!(found.is_none(), "`membership` crosses tenants");
    let members = here.members_of(organization.id, all()).await?;
    ensure!(members.items.is_empty(), "`members_of` crosses tenants");
    let memberships = here.memberships_of(account.id, all()).await?;
    ensure!(memberships.items.is_empty(), "`memberships_of` crosses tenants");
    ensure!(here.session(session.id).await?.is_none(), "`session` crosses tenants");
    let sessions = here.sessions_of(account.id, all()).await?;
    ensure!(sessions.items.is_empty(), "`sessions_of` crosses tenants");
    ensure!(here.record(NOTE, &record.key).await?.is_none(), "`record` crosses tenants");
    let records = here.records(NOTE, all()).await?;
    ensure!(lacks(&records, |found| found.key == record.key), "`records` crosses tenants");
    let owned = here.records_by(NOTE, OWNER.name(), "only elsewhere", all()).await?;
    ensure!(owned.items.is_empty(), "`records_by` crosses tenants");
    Ok(())
}

async fn writes(trial: &Trial<'_>) -> Result<(), Violation> {
    let both = trial.one_of_each()?;
    insert(&trial.store().await?, both.clone()).await?;
    let (here, there) = (trial.plain().await?, trial.elsewhere().await?);

    let before = Contents::of(&*here, &both).await?;
    for write in &both {
        let changed = changed(write);
        applied(&*there, Batch::new().write(changed), "a write in another tenant").await?;
        let after = Contents::of(&*here, &both).await?;
        ensure!(after == before, "writing {} in another tenant changed this one", name_of(write));
    }
    for write in &both {
        let Some(deletion) = deletion_of(write) else { continue };
        applied(&*there, Batch::new().write(deletion), "a deletion in another tenant").await?;
        let after = Contents::of(&*here, &both).await?;
        ensure!(after == before, "deleting {} in another tenant changed this one", name_of(write));
    }
    Ok(())
}

async fn preconditions(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await?;
    let (here, there) = (trial.plain().await?, trial.elsewhere().await?);
    let elsewhere = trial.one_of_each()?;
    let mut batch = Batch::new();
    for write in elsewhere.clone() {
        batch = batch.write(write);
    }
    applied(&*there, batch, "a batch in another tenant").await?;
    for write in &elsewhere {
        let Some(entity) = entity_of(write) else { continue };
        let what = format!("a version of {} of another tenant", name_of(write));
        for version in [Version::FIRST, Version::FIRST.next()] {
            let batch = Batch::new().require_version(entity.clone(), version);
            refused_by_precondition(&*here, batch, &what).await?;
        }
        applied(&*here, Batch::new().require_absent(entity.clone()), "what only another tenant has, absent")
            .await?;
        if matches!(entity, EntityRef::Credential(_) | EntityRef::Record(..)) {
            let what = format!("the counter of {} of another tenant", name_of(write));
            let batch = Batch::new().require(Precondition::CounterBelow(entity, i64::MAX));
            refused_by_precondition(&*here, batch, &what).await?;
        }
    }
    for identifier in elsewhere.iter().filter_map(identifiers).flatten() {
        let batch = Batch::new().require_version(EntityRef::Identifier(identifier.clone()), Version::FIRST);
        refused_by_precondition(&*here, batch, "an identifier of another tenant").await?;
        let batch = Batch::new().require_absent(EntityRef::Identifier(identifier));
        applied(&*here, batch, "an identifier that only another tenant has, absent").await?;
    }
    Ok(())
}

async fn uniqueness(trial: &Trial<'_>) -> Result<(), Violation> {
    insert(&trial.store().await?, trial.one_of_each()?).await?;
    let (here, there) = (trial.plain().await?, trial.elsewhere().await?);
    let (samples, now) = (&trial.samples, trial.now());
    let name = identifier(IdentifierKind::Username, &samples.text())?;
    let (slug, token) = (samples.slug()?, samples.text());
    for (store, tenant) in [(&here, "the first tenant"), (&there, "another tenant")] {
        // The entities are different ones, with ids of their own.
        let account = samples.account_with(now, &[&name]);
        applied(&**store, Batch::new().write(Write::PutAccount(account)), tenant).await?;
        let mut organization = samples.organization(now)?;
        organization.slug = slug.clone();
        applied(&**store, Batch::new().write(Write::PutOrganization(organization)), tenant).await?;
        let mut record = samples.record();
        record.indexes.push(IndexValue::new(TOKEN, &token));
        applied(&**store, Batch::new().write(Write::PutRecord(record)), tenant).await?;
    }
    Ok(())
}

async fn outbox(trial: &Trial<'_>) -> Result<(), Violation> {
    let both = trial.store().await?;
    insert(&both, trial.one_of_each()?).await?;
    let (here, there) = (trial.plain().await?, trial.elsewhere().await?);
    let event = trial.event("testkit:both")?;
    applied(&both, Batch::new().event(event.clone()), "an event with the id of another tenant's").await?;

    let claimed = ids(&*there, 10).await?;
    ensure_eq!(claimed, [event.id], "what the other tenant claims");
    ensure_eq!(ids(&*there, 10).await?, [], "what the other tenant claims after all of its own is leased");
    there.acknowledge(&claimed).await?;
    ensure_eq!(ids(&*there, 10).await?, [], "what the other tenant claims after all of its own is delivered");
    ensure_eq!(
        ids(&*here, 10).await?,
        [event.id],
        "what this tenant claims after the other delivered its own"
    );
    Ok(())
}

async fn prune(trial: &Trial<'_>) -> Result<(), Violation> {
    let both = trial.store().await?;
    let account = trial.samples.account(trial.now())?;
    let mut record = trial.samples.record();
    record.expires_at = Some(trial.now() + Duration::MINUTE);
    let session = trial.samples.session(account.id, trial.now());
    insert(&both, [Write::PutAccount(account), Write::PutSession(session), Write::PutRecord(record)]).await?;
    trial.advance(Duration::DAY);
    let (here, there) = (trial.plain().await?, trial.elsewhere().await?);
    there.prune(trial.now(), 100).await?;
    let left = here.prune(trial.now(), 100).await?;
    ensure_eq!(left, 2, "how many expired entities are left after another tenant was pruned");
    Ok(())
}

async fn ids(store: &dyn Store, limit: u32) -> Result<Vec<EventId>, Violation> {
    let items = store.claim_outbox(Duration::MINUTE, limit).await?;
    Ok(items.into_iter().map(|item| item.id).collect())
}

fn lacks<T>(page: &Page<Versioned<T>>, is_it: impl Fn(&T) -> bool) -> bool {
    !page.items.iter().any(|found| is_it(&found.value))
}

fn noted(mut record: Record, owner: &str) -> Record {
    record.indexes.push(IndexValue::new(OWNER, owner));
    record
}

fn identifiers(write: &Write) -> Option<Vec<IdentifierKey>> {
    match write {
        Write::PutAccount(account) => {
            Some(account.identifiers.iter().map(|identifier| identifier.key.clone()).collect())
        }
        _ => None,
    }
}

/// The same entity with another content.
fn changed(write: &Write) -> Write {
    let mut write = write.clone();
    match &mut write {
        Write::PutAccount(account) => account.identifiers.truncate(1),
        Write::PutCredential(credential) => credential.counter += 1,
        Write::PutOrganization(organization) => organization.name.push('!'),
        Write::PutMembership(membership) => membership.roles.clear(),
        Write::PutSession(session) => session.user_agent = None,
        Write::PutRecord(record) => record.counter += 1,
        _ => {}
    }
    write
}

/// What a tenant has in place of some entities.
#[derive(PartialEq)]
struct Contents(Vec<(Version, String)>);

impl Contents {
    async fn of(store: &dyn Store, puts: &[Write]) -> Result<Self, Violation> {
        let mut contents = Vec::with_capacity(puts.len());
        for put in puts {
            let version = present(store, put).await?;
            ensure_eq!(version_of(store, put).await?, Some(version), "the version of {}", name_of(put));
            contents.push((version, content(store, put).await?));
        }
        Ok(Self(contents))
    }
}

/// What distinguishes an entity from the one that [`changed`] makes of it.
async fn content(store: &dyn Store, put: &Write) -> Result<String, Violation> {
    Ok(match put {
        Write::PutAccount(account) => {
            let mut found = Vec::new();
            for identifier in &account.identifiers {
                let owner = store.account_by_identifier(&identifier.key).await?;
                found.push(owner.map(|owner| owner.value.identifiers.len()));
            }
            format!("{found:?}")
        }
        Write::PutCredential(credential) => {
            let found = store.credentials_of(credential.account).await?;
            format!("{:?}", found.iter().map(|found| found.value.counter).collect::<Vec<_>>())
        }
        Write::PutOrganization(organization) => {
            format!("{:?}", store.organization(organization.id).await?.map(|found| found.value.name))
        }
        Write::PutMembership(membership) => {
            let found = store.membership(membership.organization, membership.account).await?;
            format!("{:?}", found.map(|found| found.value.roles))
        }
        Write::PutSession(session) => {
            format!("{:?}", store.session(session.id).await?.map(|found| found.value.user_agent))
        }
        Write::PutRecord(record) => {
            let found = store.record(record.kind, &record.key).await?;
            format!("{:?}", found.map(|found| found.value.counter))
        }
        _ => String::new(),
    })
}
