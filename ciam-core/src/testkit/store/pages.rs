//! Lists, page by page.

use futures_util::future::BoxFuture;

use super::{StoreHarness, Trial, applied, insert};
use crate::error::PortError;
use crate::id::{AccountId, OrganizationId};
use crate::store::{Batch, IndexValue, Page, PageRequest, Record, Store, Write};
use crate::testkit::sample::{HOSTILE, LEAF, NOTE, OWNER, Samples};
use crate::testkit::suite::{Clause, Violation, clause, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(
        Trial<'_>,
        "page.once",
        once,
        "A list, page by page, has everything exactly once, ordered by key."
    ),
    clause!(Trial<'_>, "page.limit", limit, "A page has no more items than were asked for."),
    clause!(Trial<'_>, "page.end", end, "A page says where the next begins if and only if there is more."),
    clause!(Trial<'_>, "page.byte_order", byte_order, "Records are ordered by key, byte by byte."),
    clause!(
        Trial<'_>,
        "page.changes",
        changes,
        "What exists through a whole listing is listed exactly once, whatever is inserted and deleted meanwhile."
    ),
    clause!(
        Trial<'_>,
        "page.long_keys",
        long_keys,
        "Records with keys of the greatest length, 512 bytes, are listed."
    ),
];

/// What can be listed.
#[derive(Clone, Copy, Debug)]
enum Listing {
    Accounts,
    Organizations,
    MembersOf(OrganizationId),
    MembershipsOf(AccountId),
    SessionsOf(AccountId),
    Records,
    RecordsBy,
}

const OWNED: &str = "listed";

impl Listing {
    /// One page, as keys.
    fn page<'s>(
        self,
        store: &'s dyn Store,
        page: PageRequest,
    ) -> BoxFuture<'s, Result<Page<String>, PortError>> {
        Box::pin(async move {
            Ok(match self {
                Self::Accounts => store.accounts(page).await?.map(|found| found.value.id.to_string()),
                Self::Organizations => {
                    store.organizations(page).await?.map(|found| found.value.id.to_string())
                }
                Self::MembersOf(id) => {
                    store.members_of(id, page).await?.map(|found| found.value.account.to_string())
                }
                Self::MembershipsOf(id) => {
                    store.memberships_of(id, page).await?.map(|found| found.value.organization.to_string())
                }
                Self::SessionsOf(id) => {
                    store.sessions_of(id, page).await?.map(|found| found.value.id.to_string())
                }
                Self::Records => store.records(NOTE, page).await?.map(|found| found.value.key),
                Self::RecordsBy => {
                    store.records_by(NOTE, OWNER.name(), OWNED, page).await?.map(|found| found.value.key)
                }
            })
        })
    }

    /// All pages of this size, one behind the other.
    async fn all(self, store: &dyn Store, limit: u32) -> Result<Vec<String>, Violation> {
        let mut keys = Vec::new();
        let mut request = PageRequest::first(limit);
        loop {
            let page = self.page(store, request).await?;
            keys.extend(page.items);
            match page.next {
                Some(next) => request = PageRequest::after(next, limit),
                None => return Ok(keys),
            }
            ensure!(keys.len() < 10_000, "{self:?} comes to no end");
        }
    }
}

/// Many of everything that can be listed, inserted, with the keys that each list has, in order.
async fn populate(trial: &Trial<'_>, number: usize) -> Result<Vec<(Listing, Vec<String>)>, Violation> {
    let store = trial.store().await?;
    let (samples, now) = (&trial.samples, trial.now());
    let (club, member) = (samples.organization(now)?, samples.account(now)?);
    insert(&store, [Write::PutOrganization(club.clone()), Write::PutAccount(member.clone())]).await?;
    let mut accounts = vec![member.id.to_string()];
    let mut organizations = vec![club.id.to_string()];
    let [mut members, mut memberships, mut sessions, mut records] = [const { Vec::new() }; 4];
    for _ in 0..number {
        let (account, organization) = (samples.account(now)?, samples.organization(now)?);
        let session = samples.session(member.id, now);
        let mut record = samples.record();
        record.indexes.push(IndexValue::new(OWNER, OWNED));
        accounts.push(account.id.to_string());
        organizations.push(organization.id.to_string());
        members.push(account.id.to_string());
        memberships.push(organization.id.to_string());
        sessions.push(session.id.to_string());
        records.push(record.key.clone());
        let joined = Samples::membership(club.id, account.id, now)?;
        let joins = Samples::membership(organization.id, member.id, now)?;
        let puts = [
            Write::PutAccount(account),
            Write::PutOrganization(organization),
            Write::PutMembership(joined),
            Write::PutMembership(joins),
            Write::PutSession(session),
            Write::PutRecord(record),
        ];
        insert(&store, puts).await?;
    }
    let mut listings = vec![
        (Listing::Accounts, accounts),
        (Listing::Organizations, organizations),
        (Listing::MembersOf(club.id), members),
        (Listing::MembershipsOf(member.id), memberships),
        (Listing::SessionsOf(member.id), sessions),
        (Listing::Records, records.clone()),
        (Listing::RecordsBy, records),
    ];
    for (_, keys) in &mut listings {
        keys.sort();
    }
    Ok(listings)
}

async fn once(trial: &Trial<'_>) -> Result<(), Violation> {
    let listings = populate(trial, 23).await?;
    let store = trial.plain().await?;
    for (listing, expected) in listings {
        for limit in [1, 5, 7, PageRequest::MAX_LIMIT] {
            let listed = listing.all(&*store, limit).await?;
            ensure_eq!(listed, expected, "{listing:?} in pages of {limit}");
        }
    }
    Ok(())
}

async fn limit(trial: &Trial<'_>) -> Result<(), Violation> {
    let listings = populate(trial, 9).await?;
    let store = trial.plain().await?;
    for (listing, _) in listings {
        for limit in [1, 2, 8] {
            let page = listing.page(&*store, PageRequest::first(limit)).await?;
            ensure!(page.items.len() <= limit as usize, "{listing:?}: {} items of {limit}", page.items.len());
        }
    }
    Ok(())
}

async fn end(trial: &Trial<'_>) -> Result<(), Violation> {
    let listings = populate(trial, 4).await?;
    let store = trial.plain().await?;
    for (listing, keys) in listings {
        let number = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        for (limit, more) in [(number - 1, true), (number, false), (number + 1, false)] {
            let page = listing.page(&*store, PageRequest::first(limit)).await?;
            ensure_eq!(
                page.next.is_some(),
                more,
                "{listing:?}, whether there is more than {limit} of {number}"
            );
        }
    }
    // Nothing at all is one page without a next.
    let page = store.records(LEAF, PageRequest::first(1)).await?;
    ensure!(page.items.is_empty() && page.next.is_none(), "an empty list has a page that is not empty");
    Ok(())
}

async fn byte_order(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let letters = [
        "B",
        "a",
        "C",
        "_",
        "-",
        "~",
        "\u{e9}",
        "e\u{301}",
        "z",
        "\u{10ffff}",
        "\u{ffff}",
        "aa",
        "a-b",
        "a b",
    ];
    let mut keys: Vec<String> = HOSTILE.iter().chain(&letters).map(|key| format!("{key}!")).collect();
    for key in &keys {
        insert(&store, [Write::PutRecord(Record::new(NOTE, key, 1, "{}"))]).await?;
    }
    keys.sort();
    for limit in [1, 4, 100] {
        ensure_eq!(Listing::Records.all(&store, limit).await?, keys, "records in pages of {limit}");
    }
    Ok(())
}

async fn changes(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let note = |letter: &str, number: usize| {
        let mut record = Record::new(NOTE, format!("{letter}{number:02}"), 1, "{}");
        record.indexes.push(IndexValue::new(OWNER, OWNED));
        record
    };
    insert(&store, trial.one_of_each()?).await?;
    for listing in [Listing::Records, Listing::RecordsBy] {
        let mut stable = Vec::new();
        for number in 0..12 {
            let (stays, goes) = (note("k", number * 2), note("k", number * 2 + 1));
            stable.push(stays.key.clone());
            let batch = Batch::new().write(Write::PutRecord(stays)).write(Write::PutRecord(goes));
            applied(&store, batch, "a write").await?;
        }
        let mut listed = Vec::new();
        let mut request = PageRequest::first(5);
        for step in 0.. {
            let page = listing.page(&store, request).await?;
            listed.extend(page.items);
            let Some(next) = page.next else { break };
            request = PageRequest::after(next, 5);
            let mut batch = Batch::new();
            if step % 2 == 0 {
                // Three before the place where the listing stands, one behind.
                for letter in ["a", "b", "c", "z"] {
                    batch = batch.write(Write::PutRecord(note(letter, step)));
                }
            } else {
                // All before it that do not stay, the very place included.
                for key in listed.iter().filter(|key| !stable.contains(key)) {
                    batch = batch.write(Write::DeleteRecord(NOTE, key.clone()));
                }
            }
            applied(&store, batch, "a write between two pages").await?;
            ensure!(step < 1_000, "{listing:?} comes to no end");
        }
        for key in stable {
            let times = listed.iter().filter(|found| **found == key).count();
            ensure_eq!(times, 1, "{listing:?}: how often `{key}` was listed");
        }
    }
    Ok(())
}

async fn long_keys(trial: &Trial<'_>) -> Result<(), Violation> {
    let store = trial.store().await?;
    let unique = trial.samples.text();
    let mut keys = vec![unique.clone()];
    for last in ["x", "y", "z"] {
        let key = format!("{unique}{}{last}", "\u{1f469}".repeat(122));
        keys.push(format!("{key}{}", "k".repeat(512 - key.len())));
    }
    for key in &keys {
        insert(&store, [Write::PutRecord(Record::new(NOTE, key, 1, "{}"))]).await?;
    }
    keys.sort();
    ensure_eq!(Listing::Records.all(&store, 1).await?, keys, "records in pages of 1");
    Ok(())
}
