//! The ports in memory keep every contract.

use std::sync::Arc;

use ciam_core::abuse::{HumanCheck, ProofOfWork};
use ciam_core::account::{Identifier, IdentifierKey};
use ciam_core::ephemeral::Ephemeral;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::memory::{self, MemoryDatabase, MemoryEphemeralDatabase, MemoryVaultDatabase};
use ciam_core::migration::{LegacyAccount, LegacyDirectory, LegacyOutcome};
use ciam_core::password::{Argon2idHasher, MigratingHasher};
use ciam_core::ports::Ports;
use ciam_core::runtime::ThreadRuntime;
use ciam_core::sealing::{SealedRecords, SealingEphemeral, SealingStore};
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::store::Store;
use ciam_core::testkit::{
    self, EphemeralHarness, HumanCheckHarness, LegacyDirectoryHarness, ManualClock, StoreHarness,
    VaultHarness,
};
use ciam_core::vault::{
    EnvelopeVault, KeyCachePolicy, KeyEncryptionKey, KeyVault, LocalKeyEncryption, LocalKeyVault,
};
use futures_util::future::BoxFuture;
use time::Duration;

fn key() -> KeyEncryptionKey {
    KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap()
}

/// The vault that derives all keys from one.
#[derive(Debug)]
struct OneKey;

#[async_trait::async_trait]
impl VaultHarness for OneKey {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError> {
        Ok(Arc::new(LocalKeyVault::new(tenant, key())))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[derive(Debug, Default)]
struct InMemory {
    clock: Arc<ManualClock>,
    keys: MemoryVaultDatabase,
    store: MemoryDatabase,
    ephemeral: MemoryEphemeralDatabase,
}

fn tokio_spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

#[async_trait::async_trait]
impl StoreHarness for InMemory {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        Ok(Arc::new(self.store.tenant(tenant, self.clock.clone())))
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[async_trait::async_trait]
impl EphemeralHarness for InMemory {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        Ok(Arc::new(self.ephemeral.tenant(tenant, self.clock.clone())))
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[async_trait::async_trait]
impl VaultHarness for InMemory {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError> {
        let wrapping = Arc::new(LocalKeyEncryption::new(key()));
        let store = Arc::new(self.keys.tenant(tenant));
        Ok(Arc::new(EnvelopeVault::new(tenant, wrapping, store).with_clock(self.clock.clone())))
    }

    async fn forget(&self) {
        self.clock.advance(KeyCachePolicy::default().lifetime);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store() {
    testkit::store(&InMemory::default()).await.assert_kept();
}

/// A store that seals everything, in front of the one in memory.
#[derive(Debug, Default)]
struct Sealed(InMemory);

#[async_trait::async_trait]
impl StoreHarness for Sealed {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        let vault = VaultHarness::open(&self.0, tenant).await?;
        let store = StoreHarness::open(&self.0, tenant).await?;
        let store = SealingStore::open(store, vault).await.map_err(PortError::permanent)?;
        Ok(Arc::new(store.with_records(SealedRecords::All)))
    }

    fn clock(&self) -> &ManualClock {
        &self.0.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_store() {
    testkit::store(&Sealed::default()).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ephemeral() {
    testkit::ephemeral(&InMemory::default()).await.assert_kept();
}

#[async_trait::async_trait]
impl EphemeralHarness for Sealed {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
        let vault = VaultHarness::open(&self.0, tenant).await?;
        let inner = EphemeralHarness::open(&self.0, tenant).await?;
        Ok(Arc::new(SealingEphemeral::new(tenant, inner, vault, self.0.clock.clone())))
    }

    async fn pass(&self, time: Duration) {
        self.0.clock.advance(time);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        tokio_spawn(task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_ephemeral() {
    testkit::ephemeral(&Sealed::default()).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vault() {
    testkit::vault(&InMemory::default()).await.assert_kept();
}

/// It keeps every clause but those of shredding, which it refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_with_one_key_cannot_shred() {
    let suite = testkit::vault_suite();
    for clause in suite.clauses() {
        let verdict = suite.run_clause(clause, &OneKey).await;
        let kept = verdict.violation.is_none();
        assert_eq!(kept, !clause.name().starts_with("shred."), "{verdict:?}");
    }
}

#[tokio::test]
async fn hashers() {
    let argon2id = Argon2idHasher::dangerous_fast().unwrap();
    testkit::hasher(&argon2id).await.assert_kept();
    testkit::hasher(&MigratingHasher::new(Arc::new(argon2id))).await.assert_kept();
}

#[tokio::test]
async fn runtime() {
    testkit::runtime(&ThreadRuntime::new()).await.assert_kept();
}

#[tokio::test]
async fn crypto() {
    testkit::crypto(&*ciam_core::crypto::ring()).await.assert_kept();
    #[cfg(feature = "aws-lc-rs")]
    testkit::crypto(&*ciam_core::crypto::aws_lc_rs()).await.assert_kept();
}

#[tokio::test]
async fn entropy() {
    testkit::entropy(&ciam_core::entropy::SystemEntropy::new()).await.assert_kept();
    testkit::entropy(&testkit::SeededEntropy::new(7)).await.assert_kept();
}

/// The proof of work, and a client that does it.
#[derive(Debug)]
struct Work(Ports);

#[async_trait::async_trait]
impl HumanCheckHarness for Work {
    fn check(&self) -> Arc<dyn HumanCheck> {
        Arc::new(ProofOfWork::new().with_bits(8))
    }

    fn ports(&self) -> &Ports {
        &self.0
    }

    async fn solve(&self, public: &serde_json::Value) -> String {
        ProofOfWork::solve(public["challenge"].as_str().unwrap(), 8)
    }
}

#[tokio::test]
async fn human_check() {
    testkit::human_check(&Work(memory::ports())).await.assert_kept();
}

/// An old system as a host would write one: it looks up, compares, and knows whom it has stopped.
#[derive(Debug)]
struct OldSystem {
    down: bool,
}

#[async_trait::async_trait]
impl LegacyDirectory for OldSystem {
    async fn authenticate(
        &self,
        identifier: &IdentifierKey,
        password: &Secret,
    ) -> Result<LegacyOutcome, PortError> {
        tokio::task::yield_now().await;
        if self.down {
            return Err(PortError::transient("the old system is down"));
        }
        if identifier.as_str() != "ada@old.example" || !password.ct_eq("Analytical Engine") {
            return Ok(LegacyOutcome::Refused);
        }
        let known = Identifier::verified(identifier.clone(), time::OffsetDateTime::UNIX_EPOCH);
        Ok(LegacyOutcome::Confirmed(Box::new(LegacyAccount::new(vec![known]))))
    }
}

struct OldPeople;

impl LegacyDirectoryHarness for OldPeople {
    fn directory(&self) -> Arc<dyn LegacyDirectory> {
        Arc::new(OldSystem { down: false })
    }

    fn person(&self) -> (IdentifierKey, Secret) {
        (IdentifierKey::email("ada@old.example").unwrap(), Secret::from("Analytical Engine"))
    }

    fn stopped(&self) -> Option<(IdentifierKey, Secret)> {
        Some((IdentifierKey::email("stopped@old.example").unwrap(), Secret::from("Analytical Engine")))
    }

    fn out_of_reach(&self) -> Arc<dyn LegacyDirectory> {
        Arc::new(OldSystem { down: true })
    }
}

#[tokio::test]
async fn legacy_directory() {
    testkit::legacy_directory(&OldPeople).await.assert_kept();
}
