//! A store whose accounts are in a table of the host's, by the contract suite of core; and the host's own code beside it.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions, PostgresStore};
use ciam_core::account::{AccountStatus, IdentifierKey, IdentifierKind};
use ciam_core::clock::SystemClock;
use ciam_core::entropy::SystemEntropy;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use ciam_core::store::{Batch, EntityRef, Store, Version, Write};
use ciam_core::testkit::{self, ManualClock, StoreHarness};
use futures_util::future::BoxFuture;
use own_users_table::UsersTable;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;

const MIGRATIONS: [&str; 2] = [
    include_str!("../migrations/0001_what_was_there.sql"),
    include_str!("../migrations/0002_what_is_added.sql"),
];

/// A database with our schema, and a schema of the host's for each tenant: a host has one.
struct Shop {
    url: String,
    name: String,
    database: PostgresDatabase,
    clock: Arc<ManualClock>,
    tenants: Mutex<HashMap<TenantId, Arc<UsersTable>>>,
}

impl Shop {
    async fn open() -> Option<Self> {
        let Ok(url) = std::env::var("CIAM_TEST_POSTGRES_URL") else {
            return skip("CIAM_TEST_POSTGRES_URL is not set; bash .ci/services starts what it names");
        };
        if let Err(error) = PgConnection::connect(&url).await {
            return skip(&format!("no PostgreSQL answers at CIAM_TEST_POSTGRES_URL: {error}"));
        }
        let id = TenantId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap();
        let name = format!("ciam_own_{}", id.as_uuid().simple());
        let options = PostgresOptions::default()
            .with_schema(&name)
            .with_max_connections(6)
            .with_acquire_timeout(Duration::from_secs(20))
            .with_statement_timeout(Duration::from_secs(20))
            .with_lock_timeout(Duration::from_secs(20));
        let database = PostgresDatabase::connect(&url, options).await.unwrap();
        Some(Self { url, name, database, clock: Arc::default(), tenants: Mutex::default() })
    }

    /// The schema of a tenant's own tables.
    fn schema(&self, tenant: TenantId) -> String {
        // The end of an id is random.
        format!("{}_{:x}", self.name, tenant.as_uuid().as_u64_pair().1 & 0xffff_ffff)
    }

    async fn store(&self, tenant: TenantId) -> PostgresStore {
        let mut tenants = self.tenants.lock().await;
        let table = match tenants.entry(tenant) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let schema = self.schema(tenant);
                let mut connection = self.connection(&schema).await;
                execute(&mut connection, &format!("CREATE SCHEMA {schema}")).await;
                for migration in MIGRATIONS {
                    execute(&mut connection, migration).await;
                }
                Arc::clone(new.insert(Arc::new(UsersTable::in_schema(&schema).unwrap())))
            }
        };
        self.database.tenant_with_accounts(tenant, self.clock.clone(), table)
    }

    /// The host's own code.
    async fn connection(&self, schema: &str) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        execute(&mut connection, &format!("SET search_path = {schema}; SET client_min_messages = warning"))
            .await;
        connection
    }

    async fn close(self) {
        self.database.close().await;
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        execute(&mut connection, "SET client_min_messages = warning").await;
        for tenant in self.tenants.lock().await.keys() {
            execute(&mut connection, &format!("DROP SCHEMA {} CASCADE", self.schema(*tenant))).await;
        }
        execute(&mut connection, &format!("DROP SCHEMA {} CASCADE", self.name)).await;
    }
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and CIAM_REQUIRE_ALL is set");
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
    None
}

#[async_trait]
impl StoreHarness for Shop {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
        Ok(Arc::new(self.store(tenant).await))
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let task = tokio::spawn(task);
        Box::pin(async move { drop(task.await) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_keeps_the_contract_of_durable_state() {
    let Some(shop) = Shop::open().await else { return };
    let report = testkit::store(&shop).await;
    shop.close().await;
    report.assert_kept();
}

/// Rows that were there before are accounts, the host's changes count, and ours are in its columns.
#[tokio::test]
async fn the_hosts_own_code_and_ours_share_the_table() {
    let Some(shop) = Shop::open().await else { return };
    let tenant = TenantId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap();
    let store = shop.store(tenant).await;
    let mut host = shop.connection(&shop.schema(tenant)).await;
    execute(
        &mut host,
        "INSERT INTO users (email, email_confirmed_at, full_name, password_digest, newsletter) \
         VALUES ('Ada@Example.com', now(), 'Ada', '$2b$10$old', true)",
    )
    .await;

    let key = IdentifierKey::email("ada@example.com").unwrap();
    let found = store.account_by_identifier(&key).await.unwrap().unwrap();
    assert_eq!(found.value.status, AccountStatus::Active);
    assert_eq!((found.value.profile.text("name"), found.version), (Some("Ada"), Version::FIRST));

    // The host writes between our reading and our writing: nothing of it is lost.
    execute(&mut host, "UPDATE users SET full_name = 'Ada King'").await;
    let mut stale = found.value.clone();
    stale.profile.set("locale", "en").unwrap();
    let update = |account: &ciam_core::account::Account, version| {
        Batch::new()
            .require_version(EntityRef::Account(account.id), version)
            .write(Write::PutAccount(account.clone()))
    };
    assert!(!store.commit(update(&stale, found.version)).await.unwrap().is_applied());
    let mut fresh = store.account(found.value.id).await.unwrap().unwrap();
    assert_eq!(fresh.value.profile.text("name"), Some("Ada King"));
    fresh.value.profile.set("locale", "en").unwrap();
    assert!(store.commit(update(&fresh.value, fresh.version)).await.unwrap().is_applied());

    // What the host keeps beside it stays, what it does not know is not in its way.
    let (name, newsletter, digest): (String, bool, String) =
        sqlx::query_as("SELECT full_name, newsletter, password_digest FROM users")
            .fetch_one(&mut host)
            .await
            .unwrap();
    assert_eq!((name.as_str(), newsletter, digest.as_str()), ("Ada King", true, "$2b$10$old"));
    execute(&mut host, "UPDATE users SET email = 'ada@new.example', email_confirmed_at = NULL").await;
    let found = store.account(fresh.value.id).await.unwrap().unwrap();
    let email = found.value.identifier(IdentifierKind::Email).unwrap();
    assert_eq!((email.key.as_str(), email.verified_at), ("ada@new.example", None));
    assert_eq!(found.value.profile.text("locale"), Some("en"));
    assert!(store.account_by_identifier(&key).await.unwrap().is_none(), "the old address is nobody's");
    drop(host);
    shop.close().await;
}

/// A batch with an account and something else is written whole or not at all.
#[tokio::test]
async fn an_account_is_not_written_without_what_comes_with_it() {
    let Some(shop) = Shop::open().await else { return };
    let tenant = TenantId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap();
    let store = shop.store(tenant).await;
    let ports = ciam_core::memory::ports();
    let id = ciam_core::id::AccountId::generate(ports.clock(), ports.entropy()).unwrap();
    let account = ciam_core::account::Account::new(id, ports.now());
    let mut credential = ciam_core::credential::Credential::new(
        ciam_core::id::CredentialId::generate(ports.clock(), ports.entropy()).unwrap(),
        id,
        "password",
        serde_json::json!({}),
        ports.now(),
    );
    // Our side refuses it after the host's table has been written: PostgreSQL holds no such text.
    credential.label = Some("x".to_owned());
    let event =
        ciam_core::event::Event::new(&ports, ciam_core::event::EventType::ACCOUNT_UPDATED, "nul\0").unwrap();
    let batch =
        Batch::new().write(Write::PutAccount(account)).write(Write::PutCredential(credential)).event(event);
    assert!(store.commit(batch).await.is_err());
    assert!(store.account(id).await.unwrap().is_none());
    assert!(store.credentials_of(id).await.unwrap().is_empty());
    shop.close().await;
}
