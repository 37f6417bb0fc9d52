//! A database against memory: random histories, the same outcomes and the same state after every step.

use std::sync::Arc;

use ciam_core::account::{Account, Identifier, IdentifierKey};
use ciam_core::assurance::AuthenticationContext;
use ciam_core::clock::Clock as _;
use ciam_core::credential::Credential;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::event::{Event, EventType};
use ciam_core::id::{AccountId, CredentialId, EventId, OrganizationId, SessionId};
use ciam_core::memory::{MemoryDatabase, MemoryEphemeralDatabase};
use ciam_core::organization::{Membership, Organization, Slug};
use ciam_core::ports::Ports;
use ciam_core::secret::TokenDigest;
use ciam_core::session::Session;
use ciam_core::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, Page, PageRequest, Precondition, Record, RecordKind,
    Store, Version, Versioned, Write,
};
use ciam_core::testkit::ManualClock;
use proptest::collection::vec;
use proptest::prelude::*;
use time::Duration;
use uuid::Uuid;

use crate::support::tenant;

const OWNER: IndexDeclaration = IndexDeclaration::many("owner");
const TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
const INDEXED: RecordKind = RecordKind::new("test.indexed", &[OWNER, TOKEN]);
const PLAIN: RecordKind = RecordKind::new("test.plain", &[]);

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit(Vec<Condition>, Vec<Change>, Vec<u8>),
    Advance(i64),
    Claim(i64, u32),
    Acknowledge(usize),
    Prune(i64, u32),
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Absent(Thing),
    VersionIs(Thing, i64),
    CounterBelow(Thing, i64),
}

/// Few of each kind, so that histories meet themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thing {
    Account(u8),
    Identifier(u8),
    Credential(u8),
    Organization(u8),
    Membership(u8, u8),
    Session(u8),
    Record(bool, u8),
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Account(u8, Vec<u8>),
    Credential(u8, u8, i64),
    Organization(u8, u8),
    Membership(u8, u8),
    Session(u8, u8, i64),
    Record { indexed: bool, key: u8, counter: i64, seconds: Option<i64>, owners: Vec<u8>, tokens: Vec<u8> },
    Delete(Thing),
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        (0..3_u8).prop_map(Thing::Account),
        (0..4_u8).prop_map(Thing::Identifier),
        (0..3_u8).prop_map(Thing::Credential),
        (0..3_u8).prop_map(Thing::Organization),
        (0..2_u8, 0..3_u8).prop_map(|(organization, account)| Thing::Membership(organization, account)),
        (0..3_u8).prop_map(Thing::Session),
        (any::<bool>(), 0..4_u8).prop_map(|(indexed, key)| Thing::Record(indexed, key)),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        3 => thing().prop_map(Condition::Absent),
        3 => (thing(), 1..4_i64).prop_map(|(thing, version)| Condition::VersionIs(thing, version)),
        1 => (thing(), -1..3_i64).prop_map(|(thing, value)| Condition::CounterBelow(thing, value)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let record = (
        any::<bool>(),
        0..4_u8,
        -2..3_i64,
        proptest::option::of(-1..4_i64),
        vec(0..3_u8, 0..3),
        vec(0..3_u8, 0..3),
    );
    prop_oneof![
        1 => (0..3_u8, vec(0..4_u8, 0..3)).prop_map(|(id, identifiers)| Change::Account(id, identifiers)),
        1 => (0..3_u8, 0..3_u8, -2..3_i64).prop_map(|(id, of, counter)| Change::Credential(id, of, counter)),
        1 => (0..3_u8, 0..3_u8).prop_map(|(id, slug)| Change::Organization(id, slug)),
        1 => (0..2_u8, 0..3_u8).prop_map(|(organization, account)| Change::Membership(organization, account)),
        1 => (0..3_u8, 0..3_u8, -1..4_i64).prop_map(|(id, of, seconds)| Change::Session(id, of, seconds)),
        4 => record.prop_map(|(indexed, key, counter, seconds, owners, tokens)| {
            Change::Record { indexed, key, counter, seconds, owners, tokens }
        }),
        2 => thing().prop_map(Change::Delete),
    ]
}

/// A step of a history of the durable store.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (vec(condition(), 0..3), vec(change(), 0..5), vec(0..3_u8, 0..3))
            .prop_map(|(conditions, changes, events)| Step::Commit(conditions, changes, events)),
        2 => (0..3_i64).prop_map(Step::Advance),
        1 => (0..3_i64, 0..4_u32).prop_map(|(lease, limit)| Step::Claim(lease, limit)),
        1 => (0..4_usize).prop_map(Step::Acknowledge),
        1 => (0..3_i64, 0..4_u32).prop_map(|(ago, limit)| Step::Prune(ago, limit)),
    ]
}

fn id(of: u8) -> Uuid {
    Uuid::from_u128(u128::from(of) + 1)
}

fn identifier(of: u8) -> IdentifierKey {
    match of {
        0 => IdentifierKey::username("same").unwrap(),
        1 => IdentifierKey::email("same@example.com").unwrap(),
        _ => IdentifierKey::email(&format!("{of}@example.com")).unwrap(),
    }
}

fn kind(indexed: bool) -> RecordKind {
    if indexed { INDEXED } else { PLAIN }
}

impl Thing {
    fn entity(self) -> EntityRef {
        match self {
            Self::Account(of) => EntityRef::Account(AccountId::from_uuid(id(of))),
            Self::Identifier(of) => EntityRef::Identifier(identifier(of)),
            Self::Credential(of) => EntityRef::Credential(CredentialId::from_uuid(id(of))),
            Self::Organization(of) => EntityRef::Organization(OrganizationId::from_uuid(id(of))),
            Self::Membership(organization, account) => EntityRef::Membership(
                OrganizationId::from_uuid(id(organization)),
                AccountId::from_uuid(id(account)),
            ),
            Self::Session(of) => EntityRef::Session(SessionId::from_uuid(id(of))),
            Self::Record(indexed, key) => EntityRef::Record(kind(indexed), key.to_string()),
        }
    }
}

impl Change {
    fn write(&self, clock: &ManualClock) -> Option<Write> {
        let now = clock.now();
        Some(match self {
            Self::Account(of, identifiers) => {
                let mut account = Account::new(AccountId::from_uuid(id(*of)), now);
                account.identifiers =
                    identifiers.iter().map(|of| Identifier::unverified(identifier(*of))).collect();
                Write::PutAccount(account)
            }
            Self::Credential(of, account, counter) => {
                let (of, account) = (CredentialId::from_uuid(id(*of)), AccountId::from_uuid(id(*account)));
                let mut credential =
                    Credential::new(of, account, "password", serde_json::json!({ "phc": "x" }), now);
                credential.counter = *counter;
                Write::PutCredential(credential)
            }
            Self::Organization(of, slug) => {
                let slug = Slug::new(format!("slug-{slug}")).unwrap();
                Write::PutOrganization(Organization::new(
                    OrganizationId::from_uuid(id(*of)),
                    slug,
                    "Name",
                    now,
                ))
            }
            Self::Membership(organization, account) => Write::PutMembership(Membership::new(
                OrganizationId::from_uuid(id(*organization)),
                AccountId::from_uuid(id(*account)),
                std::collections::BTreeSet::new(),
                now,
            )),
            Self::Session(of, account, seconds) => Write::PutSession(Session::new(
                SessionId::from_uuid(id(*of)),
                AccountId::from_uuid(id(*account)),
                TokenDigest::of("secret"),
                AuthenticationContext::default(),
                now,
                now + Duration::seconds(*seconds),
            )),
            Self::Record { indexed, key, counter, seconds, owners, tokens } => {
                let mut record = Record::new(kind(*indexed), key.to_string(), 1, format!("\"{now}\""));
                record.counter = *counter;
                record.expires_at = seconds.map(|seconds| now + Duration::seconds(seconds));
                if *indexed {
                    let mut values: Vec<_> = owners
                        .iter()
                        .map(|value| (OWNER, *value))
                        .chain(tokens.iter().map(|value| (TOKEN, *value)))
                        .collect();
                    values.sort_unstable_by_key(|(index, value)| (index.name(), *value));
                    values.dedup();
                    record.indexes = values
                        .into_iter()
                        .map(|(index, value)| IndexValue::new(index, value.to_string()))
                        .collect();
                }
                Write::PutRecord(record)
            }
            Self::Delete(thing) => match thing.entity() {
                EntityRef::Credential(id) => Write::DeleteCredential(id),
                EntityRef::Membership(organization, account) => {
                    Write::DeleteMembership(organization, account)
                }
                EntityRef::Session(id) => Write::DeleteSession(id),
                EntityRef::Record(kind, key) => Write::DeleteRecord(kind, key),
                _ => return None,
            },
        })
    }
}

fn batch(
    ports: &Ports,
    clock: &ManualClock,
    conditions: &[Condition],
    changes: &[Change],
    events: &[u8],
) -> Batch {
    let mut batch = Batch::new();
    for condition in conditions {
        batch = batch.require(match condition {
            Condition::Absent(thing) => Precondition::Absent(thing.entity()),
            Condition::VersionIs(thing, version) => {
                Precondition::VersionIs(thing.entity(), Version::new(*version))
            }
            Condition::CounterBelow(thing, value) => Precondition::CounterBelow(thing.entity(), *value),
        });
    }
    for write in changes.iter().filter_map(|change| change.write(clock)) {
        batch = batch.write(write);
    }
    for subject in events {
        batch =
            batch.event(Event::new(ports, EventType::ACCOUNT_UPDATED, format!("account:{subject}")).unwrap());
    }
    batch
}

/// Every page of a listing, in pages of two.
async fn whole<T, F, R>(list: F) -> Vec<Versioned<T>>
where
    F: Fn(PageRequest) -> R,
    R: Future<Output = Result<Page<Versioned<T>>, ciam_core::error::PortError>>,
{
    let mut items = Vec::new();
    let mut request = PageRequest::first(2);
    loop {
        let page = list(request).await.unwrap();
        items.extend(page.items);
        match page.next {
            Some(next) => request = PageRequest::after(next, 2),
            None => return items,
        }
    }
}

/// Entities with their versions as JSON: `Debug` leaves out what is personal.
fn text<T: serde::Serialize>(found: impl IntoIterator<Item = Versioned<T>>) -> String {
    let found =
        found.into_iter().map(|found| (found.version.get(), serde_json::to_value(found.value).unwrap()));
    format!("{:?}", found.collect::<Vec<_>>())
}

/// Everything that can be read, as text.
async fn state(store: &dyn Store) -> Vec<String> {
    let mut seen = Vec::new();
    for of in 0..4 {
        let account = AccountId::from_uuid(id(of));
        let organization = OrganizationId::from_uuid(id(of));
        seen.push(text(store.account(account).await.unwrap()));
        seen.push(text(store.account_by_identifier(&identifier(of)).await.unwrap()));
        seen.push(text(store.credentials_of(account).await.unwrap()));
        seen.push(text(store.organization(organization).await.unwrap()));
        seen.push(text(store.organization_by_slug(&format!("slug-{of}")).await.unwrap()));
        seen.push(text(store.session(SessionId::from_uuid(id(of))).await.unwrap()));
        seen.push(text(whole(|page| store.sessions_of(account, page)).await));
        seen.push(text(whole(|page| store.members_of(organization, page)).await));
        seen.push(text(whole(|page| store.memberships_of(account, page)).await));
        for kind in [INDEXED, PLAIN] {
            seen.push(format!("{:?}", store.record(kind, &of.to_string()).await.unwrap()));
        }
        for index in ["owner", "token"] {
            let value = of.to_string();
            seen.push(format!("{:?}", whole(|page| store.records_by(INDEXED, index, &value, page)).await));
        }
    }
    seen.push(text(whole(|page| store.accounts(page)).await));
    seen.push(text(whole(|page| store.organizations(page)).await));
    seen.push(format!("{:?}", whole(|page| store.records(INDEXED, page)).await));
    seen.push(format!("{:?}", whole(|page| store.records(PLAIN, page)).await));
    seen
}

/// Takes one step; gives back what the caller learns, where the contract says it all.
async fn take(
    store: &dyn Store,
    step: &Step,
    batch: Option<Batch>,
    now: time::OffsetDateTime,
    claimed: &[EventId],
) -> String {
    match step {
        Step::Commit(..) => format!("{:?}", store.commit(batch.unwrap()).await.unwrap()),
        Step::Advance(_) => String::new(),
        Step::Claim(lease, limit) => {
            let items = store.claim_outbox(Duration::seconds(*lease), *limit).await.unwrap();
            format!("{:?}", items.iter().map(|item| (item.id, item.attempts)).collect::<Vec<_>>())
        }
        Step::Acknowledge(some) => {
            let some: Vec<EventId> = claimed.iter().copied().step_by(some + 1).collect();
            store.acknowledge(&some).await.unwrap();
            String::new()
        }
        Step::Prune(ago, limit) => {
            // How many there are is not for the contract to say: an adapter may remove the expired earlier.
            assert!(store.prune(now - Duration::seconds(*ago), *limit).await.unwrap() <= *limit);
            String::new()
        }
    }
}

/// Runs a history on this store, which is empty, and in memory.
pub(crate) async fn same_history(clock: &Arc<ManualClock>, store: &dyn Store, steps: &[Step]) {
    let memory = MemoryDatabase::new().tenant(tenant(), clock.clone());
    let ports =
        ciam_core::memory::ports_with(clock.clone(), Arc::new(ciam_core::entropy::SystemEntropy::new()));
    let mut events: Vec<EventId> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        if let Step::Advance(seconds) = step {
            clock.advance(Duration::seconds(*seconds));
        }
        let batch = match step {
            Step::Commit(conditions, changes, subjects) => {
                Some(batch(&ports, clock, conditions, changes, subjects))
            }
            _ => None,
        };
        events.extend(batch.iter().flat_map(Batch::events).map(|event| event.id));
        let left = take(&memory, step, batch.clone(), clock.now(), &events).await;
        let right = take(store, step, batch, clock.now(), &events).await;
        assert_eq!(left, right, "step {number}, {step:?}");
        assert_eq!(state(&memory).await, state(store).await, "after step {number}, {step:?}");
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Verb {
    Put(u8, u8, i64),
    Get(u8),
    Take(u8),
    PutIfAbsent(u8, u8, i64),
    Increment(u8, i64),
    Swap(u8, u8, u8, i64),
    Advance(i64),
}

/// A step of a history of the ephemeral store.
pub(crate) fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        (0..2_u8, 0..3_u8, -1..4_i64).prop_map(|(key, value, ttl)| Verb::Put(key, value, ttl)),
        (0..2_u8).prop_map(Verb::Get),
        (0..2_u8).prop_map(Verb::Take),
        (0..2_u8, 0..3_u8, -1..4_i64).prop_map(|(key, value, ttl)| Verb::PutIfAbsent(key, value, ttl)),
        (0..2_u8, -1..4_i64).prop_map(|(key, window)| Verb::Increment(key, window)),
        (0..2_u8, 0..3_u8, 0..3_u8, -1..4_i64)
            .prop_map(|(key, old, new, ttl)| Verb::Swap(key, old, new, ttl)),
        (0..3_i64).prop_map(Verb::Advance),
    ]
}

async fn act(ephemeral: &dyn Ephemeral, verb: &Verb) -> String {
    let key = |of: &u8| EphemeralKey::new("test.value", of.to_string());
    let seconds = |ttl: &i64| Duration::seconds(*ttl);
    match verb {
        Verb::Put(of, value, ttl) => {
            format!("{:?}", ephemeral.put(&key(of), vec![*value], seconds(ttl)).await.unwrap())
        }
        Verb::Get(of) => format!("{:?}", ephemeral.get(&key(of)).await.unwrap()),
        Verb::Take(of) => format!("{:?}", ephemeral.take(&key(of)).await.unwrap()),
        Verb::PutIfAbsent(of, value, ttl) => {
            format!("{:?}", ephemeral.put_if_absent(&key(of), vec![*value], seconds(ttl)).await.unwrap())
        }
        Verb::Increment(of, window) => {
            format!("{:?}", ephemeral.increment(&key(of), seconds(window)).await.unwrap())
        }
        Verb::Swap(of, old, new, ttl) => {
            format!(
                "{:?}",
                ephemeral.compare_and_swap(&key(of), &[*old], vec![*new], seconds(ttl)).await.unwrap()
            )
        }
        Verb::Advance(_) => String::new(),
    }
}

/// Runs a history on this ephemeral store, which is empty, and in memory.
pub(crate) async fn same_short_lived_history(
    clock: &Arc<ManualClock>,
    ephemeral: &dyn Ephemeral,
    verbs: &[Verb],
) {
    let memory = MemoryEphemeralDatabase::new().tenant(tenant(), clock.clone());
    for (number, verb) in verbs.iter().enumerate() {
        if let Verb::Advance(seconds) = verb {
            clock.advance(Duration::seconds(*seconds));
        }
        assert_eq!(act(&memory, verb).await, act(ephemeral, verb).await, "step {number}, {verb:?}");
    }
}

/// Runs a history of a property test.
pub(crate) fn run(history: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(history);
}
