//! Vaults whose wrapped keys are in SQLite and PostgreSQL, and stores that are sealed by them.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_adapters::postgres::PostgresVault;
use ciam_adapters::sqlite::{OpenError, SqliteDatabase, SqliteOptions, SqliteVault};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, TenantId};
use ciam_core::sealing::SealingStore;
use ciam_core::secret::SecretBytes;
use ciam_core::store::Store;
use ciam_core::testkit::{self, ManualClock, StoreHarness, VaultHarness};
use ciam_core::vault::{
    EnvelopeVault, KeyCachePolicy, KeyEncryptionKey, KeyVault, LocalKeyEncryption, SealScope, VaultEntry,
    VaultStore, WrappedKey,
};
use futures_util::future::BoxFuture;

use crate::support::{TempDir, tenant, test_service};

fn vault(tenant: TenantId, store: Arc<dyn VaultStore>, clock: Arc<ManualClock>) -> EnvelopeVault {
    let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
    EnvelopeVault::new(tenant, Arc::new(LocalKeyEncryption::new(key)), store).with_clock(clock)
}

fn spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

/// Two processes on one file.
struct OnSqlite {
    vaults: [SqliteVault; 2],
    next: std::sync::atomic::AtomicUsize,
    clock: Arc<ManualClock>,
    database: SqliteDatabase,
    _directory: TempDir,
}

impl OnSqlite {
    async fn new() -> Self {
        let directory = TempDir::new();
        let path = directory.file("keys.vault");
        Self {
            vaults: [SqliteVault::open(&path).await.unwrap(), SqliteVault::open(&path).await.unwrap()],
            next: std::sync::atomic::AtomicUsize::new(0),
            clock: Arc::default(),
            database: SqliteDatabase::open(directory.file("ciam.db"), SqliteOptions::default())
                .await
                .unwrap(),
            _directory: directory,
        }
    }

    fn vault(&self, tenant: TenantId) -> EnvelopeVault {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2;
        vault(tenant, Arc::new(self.vaults[number].tenant(tenant)), self.clock.clone())
    }
}

#[async_trait]
impl VaultHarness for OnSqlite {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError> {
        Ok(Arc::new(self.vault(tenant)))
    }

    async fn forget(&self) {
        self.clock.advance(KeyCachePolicy::default().lifetime);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        spawn(task)
    }
}

#[async_trait]
impl StoreHarness for OnSqlite {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        let store = Arc::new(self.database.tenant(tenant, self.clock.clone()));
        let sealing = SealingStore::open(store, Arc::new(self.vault(tenant))).await;
        Ok(Arc::new(sealing.map_err(PortError::permanent)?))
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        spawn(task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_vault_on_sqlite_keeps_its_contract_in_two_processes() {
    testkit::vault(&OnSqlite::new().await).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sealed_store_on_sqlite_keeps_its_contract() {
    testkit::store(&OnSqlite::new().await).await.assert_kept();
}

/// Two nodes on one database.
struct OnPostgres([PostgresVault; 2], std::sync::atomic::AtomicUsize, Arc<ManualClock>);

#[async_trait]
impl VaultHarness for OnPostgres {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError> {
        let number = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2;
        Ok(Arc::new(vault(tenant, Arc::new(self.0[number].tenant(tenant)), self.2.clone())))
    }

    async fn forget(&self) {
        self.2.advance(KeyCachePolicy::default().lifetime);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        spawn(task)
    }
}

/// A schema of its own on the server that is tested with, which is dropped at the end; `None` says that there is no server.
async fn on_postgresql<T>(name: &str, test: impl AsyncFnOnce([PostgresVault; 2]) -> T) -> Option<T> {
    let url = test_service("CIAM_TEST_POSTGRES_URL")?;
    let schema = format!("ciam_vault_{name}_{}", std::process::id());
    let opened =
        futures_util::future::join_all([(); 2].map(|()| PostgresVault::connect(&url, &schema))).await;
    let vaults: Vec<PostgresVault> = opened.into_iter().collect::<Result<_, _>>().unwrap();
    let outcome = test(vaults.try_into().unwrap()).await;
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let drop = sqlx::AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
    sqlx::raw_sql(drop).execute(&pool).await.unwrap();
    Some(outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_vault_on_postgresql_keeps_its_contract_on_two_nodes() {
    let kept = on_postgresql("contract", async |vaults| {
        testkit::vault(&OnPostgres(vaults, Default::default(), Arc::default())).await
    });
    if let Some(report) = kept.await {
        report.assert_kept();
    }
}

/// Two nodes ask at once for keys of the same accounts, in opposite orders, so that they meet in one commit and across commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_keys_inserted_at_once_one_stays_for_each_account_and_a_bad_one_fails_alone() {
    let done = on_postgresql("inserts", async |vaults| {
        let [one, other] = vaults.map(|vault| Arc::new(vault.tenant(tenant())));
        let scope = |number: u128| SealScope::Account(AccountId::from_uuid(uuid::Uuid::from_u128(number)));
        let insert = async |store: Arc<dyn VaultStore>, number: u128, text: String| {
            store.insert_if_absent(&scope(number), &WrappedKey::new("k", text)).await
        };
        let mut asked = Vec::new();
        for number in 1..=600_u128 {
            asked.push(insert(one.clone(), number, format!("one {number}")));
            asked.push(insert(other.clone(), 601 - number, format!("other {}", 601 - number)));
            asked.push(insert(one.clone(), number, format!("again {number}")));
        }
        let bad = insert(one.clone(), 1000, "no database keeps \0 in a text".to_owned());
        let (answers, bad) = futures_util::join!(futures_util::future::join_all(asked), bad);
        assert!(bad.is_err(), "{bad:?}");
        for (answer, number) in answers.into_iter().zip((1..=600).flat_map(|n| [n, 601 - n, n])) {
            let stored = other.get(&scope(number)).await.unwrap().unwrap();
            assert_eq!(answer.unwrap(), stored, "{number}");
        }
        assert_eq!(one.get(&scope(1000)).await.unwrap(), None);
    });
    done.await;
}

#[tokio::test]
async fn a_destroyed_key_is_nowhere_in_the_file() {
    let directory = TempDir::new();
    let path = directory.file("keys.vault");
    let database = SqliteVault::open(&path).await.unwrap();
    let store = Arc::new(database.tenant(tenant()));
    let vault = vault(tenant(), store.clone(), Arc::default());
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(9));
    vault.seal(&SealScope::Account(account), "p", b"x").await.unwrap();
    let Some(VaultEntry::Key(key)) = store.get(&SealScope::Account(account)).await.unwrap() else {
        panic!("no key");
    };
    let occurs = || {
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let contents = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let needle = key.text.as_bytes();
        contents.filter(|bytes| bytes.windows(needle.len()).any(|window| window == needle)).count()
    };
    assert_eq!(occurs(), 1, "the search finds what is there");
    vault.shred(account).await.unwrap();
    assert_eq!(occurs(), 0);
    database.close().await;
    assert_eq!(occurs(), 0);
}

#[tokio::test]
async fn a_vault_is_no_database_and_a_database_no_vault() {
    let directory = TempDir::new();
    let (vault, database) = (directory.file("keys.vault"), directory.file("ciam.db"));
    SqliteVault::open(&vault).await.unwrap().close().await;
    SqliteDatabase::open(&database, SqliteOptions::default()).await.unwrap().close().await;
    let opened = SqliteDatabase::open(&vault, SqliteOptions::default()).await;
    assert!(matches!(opened, Err(OpenError::Foreign)));
    assert!(matches!(SqliteVault::open(&database).await, Err(OpenError::Foreign)));
    SqliteVault::open(&vault).await.unwrap().close().await;
}
