//! What a store that seals leaves readable in the store beneath: nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ciam_core::account::federated::FederatedIdentity;
use ciam_core::account::identifiers::UsernameClaim;
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey};
use ciam_core::assurance::AuthenticationContext;
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, CredentialId, SessionId};
use ciam_core::memory::{self, MemoryVaultDatabase, MemoryVaultStore};
use ciam_core::ports::Ports;
use ciam_core::sealing::{OpenSealingError, SealingEphemeral, SealingStore};
use ciam_core::secret::{SecretBytes, TokenDigest};
use ciam_core::session::Session;
use ciam_core::store::{
    Batch, Commit, Conflict, EntityRef, IndexDeclaration, IndexQuery, IndexValue, PageRequest, Record,
    RecordKind, Store, Window, Write,
};
use ciam_core::testkit::ManualClock;
use ciam_core::vault::{
    EnvelopeVault, KeyEncryptionKey, LocalKeyEncryption, SealScope, VaultEntry, VaultStore, WrappedKey,
};
use serde_json::json;
use time::Duration;

const OWNER: IndexDeclaration = IndexDeclaration::many("account");
const ADDRESS: IndexDeclaration = IndexDeclaration::unique("address").hashed();
const NOTE: RecordKind = RecordKind::new("test.note", &[OWNER]);
const INVITATION: RecordKind = RecordKind::new("test.invitation", &[ADDRESS]).private();

const PLANTED: &[&str] =
    &["ada@planted.example", "+442079460958", "Planted Lovelace", "Planted/5.0", "planted note"];

struct World {
    plain: Arc<dyn Store>,
    ports: Ports,
    account: AccountId,
    session: SessionId,
}

fn email() -> IdentifierKey {
    IdentifierKey::email(PLANTED[0]).unwrap()
}

fn person(ports: &Ports) -> Account {
    let id = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
    let mut account = Account::new(id, ports.now());
    account.status = AccountStatus::Active;
    let phone = IdentifierKey::phone(PLANTED[1]).unwrap();
    account.identifiers = vec![Identifier::verified(email(), ports.now()), Identifier::unverified(phone)];
    account.profile.set("name", PLANTED[2]).unwrap();
    account
}

/// An account with a credential, a session, a record of its own and an invitation.
fn everything(ports: &Ports) -> (Account, SessionId, Vec<Write>) {
    let account = person(ports);
    let id = CredentialId::generate(ports.clock(), ports.entropy()).unwrap();
    let mut credential = Credential::new(id, account.id, "x", json!({ "handle": PLANTED[2] }), ports.now());
    credential.label = Some(PLANTED[2].to_owned());
    let session = SessionId::generate(ports.clock(), ports.entropy()).unwrap();
    let digest = TokenDigest::of("token");
    let (context, until) = (AuthenticationContext::default(), ports.now() + Duration::DAY);
    let mut stored = Session::new(session, account.id, digest, context, ports.now(), until);
    stored.user_agent = Some(PLANTED[3].to_owned());
    let mut note = Record::new(NOTE, "1", 1, json!({ "text": PLANTED[4] }).to_string());
    note.indexes = vec![IndexValue::new(OWNER, account.id.to_string())];
    let mut invitation = Record::new(INVITATION, "1", 1, json!({ "to": PLANTED[0] }).to_string());
    invitation.indexes = vec![IndexValue::new(ADDRESS, PLANTED[0])];
    let writes = vec![
        Write::PutAccount(account.clone()),
        Write::PutCredential(credential),
        Write::PutSession(stored),
        Write::PutRecord(note),
        Write::PutRecord(invitation),
    ];
    (account, session, writes)
}

async fn commit(store: &dyn Store, writes: Vec<Write>) -> Commit {
    store.commit(writes.into_iter().fold(Batch::new(), Batch::write)).await.unwrap()
}

async fn world() -> World {
    let ports = memory::ports();
    let plain = ports.shared_store();
    let sealing = SealingStore::open(plain.clone(), ports.shared_vault()).await.unwrap();
    let ports = ports.with_store(Arc::new(sealing));
    let (account, session, writes) = everything(&ports);
    assert!(commit(ports.store(), writes).await.is_applied());
    World { plain, ports, account: account.id, session }
}

/// Everything that a store says of the account, as text.
async fn dump(store: &dyn Store, account: AccountId, session: SessionId) -> String {
    let all = || PageRequest::first(100);
    let account_row = store.account(account).await.unwrap().unwrap().value;
    let mut text = serde_json::to_string(&account_row).unwrap();
    for found in store.credentials_of(account).await.unwrap() {
        text += &serde_json::to_string(&found.value).unwrap();
    }
    text += &serde_json::to_string(&store.session(session).await.unwrap().unwrap().value).unwrap();
    for kind in [NOTE, INVITATION] {
        for found in store.records(kind, all()).await.unwrap().items {
            text += &format!("{} {} {:?}", found.value.key, found.value.body, found.value.indexes);
        }
    }
    text
}

#[tokio::test]
async fn the_store_beneath_knows_nothing_and_the_one_in_front_everything() {
    let world = world().await;
    let beneath = dump(&*world.plain, world.account, world.session).await;
    let front = dump(world.ports.store(), world.account, world.session).await;
    for planted in PLANTED {
        assert!(front.contains(planted), "{planted} is lost");
        assert!(!beneath.contains(planted), "{planted} is readable in {beneath}");
    }
    let found = world.ports.store().account_by_identifier(&email()).await.unwrap().unwrap();
    assert_eq!(found.value.id, world.account);
    assert!(world.plain.account_by_identifier(&email()).await.unwrap().is_none());
    let all = || PageRequest::first(10);
    let by = |store: &Arc<dyn Store>| {
        let store = Arc::clone(store);
        async move { store.records_by(INVITATION, "address", PLANTED[0], all()).await.unwrap().items.len() }
    };
    assert_eq!((by(&world.ports.shared_store()).await, by(&world.plain).await), (1, 0));
    let count = |store: &Arc<dyn Store>, query: IndexQuery| {
        let store = Arc::clone(store);
        async move {
            let window = Window::new(0, 10);
            let found = store.records_where(INVITATION, "address", PLANTED[0], &query, window).await.unwrap();
            (found.total, found.items.iter().filter(|it| it.value.body.contains(PLANTED[0])).count())
        }
    };
    let planted = || IndexQuery::has(ADDRESS, PLANTED[0]);
    for (query, expected) in [
        (IndexQuery::everything(), (1, 1)),
        (planted(), (1, 1)),
        (planted().negated(), (0, 0)),
        (planted().and(IndexQuery::has(ADDRESS, "another").negated()), (1, 1)),
    ] {
        assert_eq!(count(&world.ports.shared_store(), query.clone()).await, expected, "{query:?}");
        assert_eq!(count(&world.plain, query).await, (0, 0));
    }
}

#[tokio::test]
async fn an_identifier_that_is_sealed_is_still_unique() {
    let world = world().await;
    let outcome = commit(world.ports.store(), vec![Write::PutAccount(person(&world.ports))]).await;
    assert_eq!(outcome, Commit::Conflict(Conflict::Unique(0)));
    let absent = Batch::new().require_absent(EntityRef::Identifier(email()));
    let outcome = world.ports.store().commit(absent).await.unwrap();
    assert_eq!(outcome, Commit::Conflict(Conflict::Precondition(0)));
}

#[tokio::test]
async fn when_the_key_is_gone_the_rows_say_nothing_and_can_be_cleared_away() {
    let world = world().await;
    world.ports.vault().shred(world.account).await.unwrap();
    let store = world.ports.store();
    let account = store.account(world.account).await.unwrap().unwrap().value;
    assert_eq!(account.status, AccountStatus::Erased);
    assert!(account.identifiers.is_empty() && account.profile.get("name").is_none());
    assert_eq!(store.accounts(PageRequest::first(10)).await.unwrap().items.len(), 1, "a listing goes on");
    let credentials = store.credentials_of(world.account).await.unwrap();
    assert_eq!(credentials[0].value.state, CredentialState::Revoked);
    assert_eq!(store.session(world.session).await.unwrap().unwrap().value.user_agent, None);
    assert!(store.record(NOTE, "1").await.unwrap().is_none());
    assert!(store.records(NOTE, PageRequest::first(10)).await.unwrap().items.is_empty());
    let owner = world.account.to_string();
    let mine = store.records_by(NOTE, "account", &owner, PageRequest::first(10)).await.unwrap();
    assert_eq!(mine.items[0].value.body, "null");
    // The tombstone can be written: it needs no key.
    assert!(commit(store, vec![Write::PutAccount(account)]).await.is_applied());
    assert!(
        commit(store, vec![Write::PutAccount(person(&world.ports))]).await.is_applied(),
        "the address is free"
    );
}

#[tokio::test]
async fn rows_of_before_are_read_and_unique_and_sealed_in_the_background() {
    let ports = memory::ports();
    let plain = ports.shared_store();
    let (account, session, writes) = everything(&ports);
    assert!(commit(&*plain, writes).await.is_applied());

    let sealing = SealingStore::open(plain.clone(), ports.shared_vault()).await.unwrap();
    assert!(!sealing.is_complete());
    let found = sealing.account_by_identifier(&email()).await.unwrap().unwrap();
    assert_eq!(found.value, account);
    let outcome = commit(&sealing, vec![Write::PutAccount(person(&ports))]).await;
    assert_eq!(outcome, Commit::Conflict(Conflict::Unique(0)), "held by a row of before");
    let absent = Batch::new().require_absent(EntityRef::Identifier(email()));
    assert!(!sealing.commit(absent).await.unwrap().is_applied());

    let report = sealing.reseal(&[NOTE]).await.unwrap();
    assert_eq!((report.seen, report.sealed), (4, 4));
    assert!(sealing.is_complete());
    let text = dump(&*plain, account.id, session).await;
    let kept = text.split("{\"to\"").next().unwrap_or_default();
    for planted in PLANTED {
        assert!(!kept.contains(planted), "{planted} is readable in {kept}");
    }
    let again = SealingStore::open(plain, ports.shared_vault()).await.unwrap();
    assert!(again.is_complete());
    assert_eq!(again.account_by_identifier(&email()).await.unwrap().unwrap().value, account);
    assert_eq!(again.reseal(&[NOTE]).await.unwrap().sealed, 0);
}

#[tokio::test]
async fn a_database_is_not_opened_with_another_vault() {
    let world = world().await;
    let other = memory::ports();
    let opened = SealingStore::open(world.plain.clone(), other.shared_vault()).await;
    assert!(matches!(opened, Err(OpenSealingError::OtherVault)));
}

/// A limit counts by address: what the store beneath has tells nothing, and nothing to try addresses against.
#[tokio::test]
async fn names_of_short_lived_values_are_keyed_hashes_beneath() {
    let ports = memory::ports();
    let inner: Arc<dyn Ephemeral> = Arc::new(Names::default());
    let (vault, clock) = (ports.shared_vault(), Arc::new(ManualClock::default()));
    let sealing = SealingEphemeral::new(ports.tenant(), inner.clone(), vault, clock);
    let key = EphemeralKey::new("test.count", PLANTED[0]);
    sealing.put(&key, vec![1], Duration::HOUR).await.unwrap();
    sealing.get(&key).await.unwrap();
    sealing.take(&key).await.unwrap();
    sealing.put_if_absent(&key, vec![1], Duration::HOUR).await.unwrap();
    sealing.increment(&key, Duration::HOUR).await.unwrap();
    sealing.compare_and_swap(&key, &[1], vec![2], Duration::HOUR).await.unwrap();
    let text = format!("{inner:?}");
    let names: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
    assert_eq!(names.len(), 6, "{text}");
    let plain = TokenDigest::of(PLANTED[0]).to_text();
    assert!(
        names.iter().all(|name| *name == names[0] && *name != PLANTED[0] && **name != plain),
        "{names:?}"
    );
    assert!(!text.contains("planted"));
}

/// The names of records that are made of what people are called are of no use to who has the database alone.
#[tokio::test]
async fn names_of_records_are_keyed_hashes_of_the_tenant() {
    let (one, other) = (memory::ports(), memory::ports());
    let id = person(&one).id;
    let upstream =
        |ports: Ports| async move { FederatedIdentity::id_of(&ports, "https://up.example", "ada").await };
    let ours = upstream(one.clone()).await.unwrap();
    assert_eq!(ours, upstream(one.clone()).await.unwrap());
    assert_ne!(ours, upstream(other.clone()).await.unwrap());
    let name = IdentifierKey::username("ada").unwrap();
    let look = |ports: Ports| {
        let name = name.clone();
        async move { UsernameClaim::new(&ports, &name, id).await.unwrap().look }
    };
    assert_eq!(look(one.clone()).await, look(one.clone()).await);
    assert_ne!(look(one).await, look(other).await);
}

/// Remembers the names that it was asked for, and has nothing.
#[derive(Debug, Default)]
struct Names(std::sync::Mutex<Vec<String>>);

impl Names {
    fn note(&self, key: &EphemeralKey) {
        self.0.lock().unwrap().push(key.name().to_owned());
    }
}

#[async_trait::async_trait]
impl Ephemeral for Names {
    async fn put(&self, key: &EphemeralKey, _: Vec<u8>, _: Duration) -> Result<(), PortError> {
        self.note(key);
        Ok(())
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.note(key);
        Ok(None)
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.note(key);
        Ok(None)
    }

    async fn put_if_absent(&self, key: &EphemeralKey, _: Vec<u8>, _: Duration) -> Result<bool, PortError> {
        self.note(key);
        Ok(true)
    }

    async fn increment(&self, key: &EphemeralKey, _: Duration) -> Result<u64, PortError> {
        self.note(key);
        Ok(1)
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        _: &[u8],
        _: Vec<u8>,
        _: Duration,
    ) -> Result<bool, PortError> {
        self.note(key);
        Ok(true)
    }
}
/// A vault store at a distance: every call takes a turn, and is counted.
#[derive(Debug)]
struct Distant {
    inner: MemoryVaultStore,
    reads: AtomicUsize,
    inserts: AtomicUsize,
}

#[async_trait]
impl VaultStore for Distant {
    async fn get(&self, scope: &SealScope) -> Result<Option<VaultEntry>, PortError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.inner.get(scope).await
    }

    async fn insert_if_absent(&self, scope: &SealScope, key: &WrappedKey) -> Result<VaultEntry, PortError> {
        self.inserts.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.inner.insert_if_absent(scope, key).await
    }

    async fn replace(
        &self,
        scope: &SealScope,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<bool, PortError> {
        self.inner.replace(scope, old, new).await
    }

    async fn destroy(&self, scope: &SealScope) -> Result<(), PortError> {
        self.inner.destroy(scope).await
    }

    async fn wrapped_by_others(&self, key_id: &str, limit: u32) -> Result<Vec<SealScope>, PortError> {
        self.inner.wrapped_by_others(key_id, limit).await
    }
}

/// Whatever is written for a new account in one commit, its key is made once: an import has thousands of them.
#[tokio::test]
async fn the_key_of_a_new_account_is_made_once_for_all_that_is_written() {
    let ports = memory::ports();
    let tenant = ports.store().tenant();
    let inner = MemoryVaultDatabase::new().tenant(tenant);
    let distant = Arc::new(Distant { inner, reads: AtomicUsize::new(0), inserts: AtomicUsize::new(0) });
    let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
    let vault = EnvelopeVault::new(tenant, Arc::new(LocalKeyEncryption::new(key)), distant.clone());
    let sealing = SealingStore::open(ports.shared_store(), Arc::new(vault)).await.unwrap();
    let (.., writes) = everything(&ports);
    distant.reads.store(0, Ordering::Relaxed);
    distant.inserts.store(0, Ordering::Relaxed);
    assert!(commit(&sealing, writes).await.is_applied());
    let counted = |number: &AtomicUsize| number.load(Ordering::Relaxed);
    assert_eq!((counted(&distant.reads), counted(&distant.inserts)), (1, 1));
}
