use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use time::Duration;

use super::*;
use crate::memory::{MemoryVaultDatabase, MemoryVaultStore};
use crate::testkit::ManualClock;
use crate::vault::{KeyEncryptionKey, LocalKeyEncryption, is_shredded};

fn tenant() -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(1))
}

fn ada() -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(2))
}

fn key(byte: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::new(SecretBytes::new((0..32).map(|i| byte ^ i).collect())).unwrap()
}

/// Counts the reads of a store.
#[derive(Debug)]
struct Counting(MemoryVaultStore, AtomicUsize);

#[async_trait]
impl VaultStore for Counting {
    async fn get(&self, scope: &SealScope) -> Result<Option<VaultEntry>, PortError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.get(scope).await
    }

    async fn insert_if_absent(&self, scope: &SealScope, key: &WrappedKey) -> Result<VaultEntry, PortError> {
        self.0.insert_if_absent(scope, key).await
    }

    async fn replace(
        &self,
        scope: &SealScope,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<bool, PortError> {
        self.0.replace(scope, old, new).await
    }

    async fn destroy(&self, scope: &SealScope) -> Result<(), PortError> {
        self.0.destroy(scope).await
    }

    async fn wrapped_by_others(&self, key_id: &str, limit: u32) -> Result<Vec<SealScope>, PortError> {
        self.0.wrapped_by_others(key_id, limit).await
    }
}

struct World {
    database: MemoryVaultDatabase,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        Self { database: MemoryVaultDatabase::new(), clock: Arc::default() }
    }

    fn node(&self, wrapping: LocalKeyEncryption) -> (EnvelopeVault, Arc<Counting>) {
        let store = Arc::new(Counting(self.database.tenant(tenant()), AtomicUsize::new(0)));
        let vault = EnvelopeVault::new(tenant(), Arc::new(wrapping), store.clone());
        (vault.with_clock(self.clock.clone()), store)
    }
}

#[tokio::test]
async fn a_key_in_use_is_read_once() {
    let world = World::new();
    let (vault, store) = world.node(LocalKeyEncryption::new(key(1)));
    let scope = SealScope::Account(ada());
    for _ in 0..20 {
        let sealed = vault.seal(&scope, "p", b"x").await.unwrap();
        vault.open(&scope, "p", &sealed).await.unwrap();
    }
    assert_eq!(store.1.load(Ordering::SeqCst), 1);
    world.clock.advance(Duration::seconds(60));
    vault.seal(&scope, "p", b"x").await.unwrap();
    assert_eq!(store.1.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn another_node_forgets_a_shredded_key_in_time_and_never_revives_it() {
    let world = World::new();
    let (one, _) = world.node(LocalKeyEncryption::new(key(1)));
    let (two, _) = world.node(LocalKeyEncryption::new(key(1)));
    let scope = SealScope::Account(ada());
    let sealed = two.seal(&scope, "p", b"x").await.unwrap();
    one.shred(ada()).await.unwrap();
    // Within the lifetime of its cache the other node may still seal. What it sealed is lost with the rest.
    let late = two.seal(&scope, "p", b"late").await.unwrap();
    world.clock.advance(Duration::seconds(60));
    for vault in [&one, &two] {
        for value in [&sealed, &late] {
            assert!(is_shredded(&vault.open(&scope, "p", value).await.unwrap_err()));
        }
        assert!(is_shredded(&vault.seal(&scope, "p", b"x").await.unwrap_err()));
    }
    let entry = world.database.tenant(tenant()).get(&scope).await.unwrap();
    assert_eq!(entry, Some(VaultEntry::Destroyed));
}

#[tokio::test]
async fn keys_move_to_a_new_key_encryption_key_and_values_stay() {
    let world = World::new();
    let (vault, _) = world.node(LocalKeyEncryption::new(key(1)));
    let scope = SealScope::Account(ada());
    let sealed = vault.seal(&scope, "p", b"x").await.unwrap();
    let hash = vault.lookup_hash("p", b"x").await.unwrap();

    let (vault, _) = world.node(LocalKeyEncryption::new(key(2)).with_previous(key(1)));
    assert_eq!(vault.open(&scope, "p", &sealed).await.unwrap().expose(), b"x");
    while vault.rewrap(1).await.unwrap() == 1 {}

    let (vault, _) = world.node(LocalKeyEncryption::new(key(2)));
    assert_eq!(vault.open(&scope, "p", &sealed).await.unwrap().expose(), b"x");
    assert_eq!(vault.lookup_hash("p", b"x").await.unwrap(), hash);

    let (vault, _) = world.node(LocalKeyEncryption::new(key(1)));
    let error = vault.open(&scope, "p", &sealed).await.unwrap_err();
    let problem = error.source().unwrap().downcast_ref::<SealedProblem>();
    assert!(matches!(problem, Some(SealedProblem::UnknownKey { .. })), "{problem:?}");
}

#[tokio::test]
async fn a_wrapped_key_is_of_no_use_for_another_account() {
    let world = World::new();
    let (vault, _) = world.node(LocalKeyEncryption::new(key(1)));
    let sealed = vault.seal(&SealScope::Account(ada()), "p", b"x").await.unwrap();
    let store = world.database.tenant(tenant());
    let Some(VaultEntry::Key(stolen)) = store.get(&SealScope::Account(ada())).await.unwrap() else {
        panic!("no key");
    };
    let eve = SealScope::Account(AccountId::from_uuid(uuid::Uuid::from_u128(3)));
    store.insert_if_absent(&eve, &stolen).await.unwrap();
    assert!(vault.open(&eve, "p", &sealed).await.is_err());
}

#[tokio::test]
async fn values_of_the_vault_before_still_open_until_the_account_is_shredded() {
    let world = World::new();
    let before = LocalKeyVault::new(tenant(), key(1));
    let scope = SealScope::Account(ada());
    let old = before.seal(&scope, "p", b"old").await.unwrap();
    let (vault, _) = world.node(LocalKeyEncryption::new(key(1)));
    assert!(vault.open(&scope, "p", &old).await.is_err());
    let vault = vault.with_values_of(before);
    assert_eq!(vault.open(&scope, "p", &old).await.unwrap().expose(), b"old");
    vault.shred(ada()).await.unwrap();
    assert!(is_shredded(&vault.open(&scope, "p", &old).await.unwrap_err()));
}

#[tokio::test]
async fn an_account_that_does_not_exist_costs_what_an_unknown_key_costs() {
    let world = World::new();
    let (vault, store) = world.node(LocalKeyEncryption::new(key(1)));
    let scope = SealScope::Account(ada());
    let nothing = Sealed::from_text("");
    for _ in 0..3 {
        assert!(vault.open(&scope, "p", &nothing).await.is_err());
    }
    assert_eq!(store.1.load(Ordering::SeqCst), 1, "one read, as for an account that exists");
    // What was not there is looked for again where there is something to open.
    let (other, _) = world.node(LocalKeyEncryption::new(key(1)));
    let sealed = other.seal(&scope, "p", b"x").await.unwrap();
    assert_eq!(vault.open(&scope, "p", &sealed).await.unwrap().expose(), b"x");
}

#[test]
fn the_key_that_is_none_has_the_length_of_one() {
    let bytes = base64url::decode(NOTHING).unwrap();
    assert_eq!(bytes.len(), SALT_LENGTH + AEAD_KEY_LENGTH + crypto::AEAD_TAG_LENGTH);
}
