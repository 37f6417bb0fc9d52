//! What the tests share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions, SqliteStore};
use ciam_core::account::{Account, Identifier, IdentifierKey};
use ciam_core::clock::{Clock, SystemClock};
use ciam_core::entropy::SystemEntropy;
use ciam_core::id::{AccountId, TenantId};
use ciam_core::secret::Secret;
use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

/// A directory that goes with its test.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        let tag = Secret::random(&SystemEntropy::new()).unwrap();
        let path = std::env::temp_dir().join(format!("ciam-adapters-{}", tag.expose()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _stays = std::fs::remove_dir_all(&self.0);
    }
}

/// Options that do not wait long for a lock.
pub(crate) fn impatient() -> SqliteOptions {
    SqliteOptions::default().with_busy_timeout(Duration::from_millis(100))
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

pub(crate) fn tenant() -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(7))
}

/// A tenant that nobody else has.
pub(crate) fn other_tenant() -> TenantId {
    TenantId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap()
}

/// Runs a racer on the runtime.
pub(crate) fn spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

pub(crate) async fn open(path: &Path) -> SqliteDatabase {
    SqliteDatabase::open(path, impatient()).await.unwrap()
}

pub(crate) fn store(database: &SqliteDatabase) -> SqliteStore {
    database.tenant(tenant(), clock())
}

/// A connection beside the adapter's: another program on the same file.
pub(crate) async fn other_connection(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_millis(100))
        .connect()
        .await
        .unwrap()
}

/// A new account with this address.
pub(crate) fn account(address: &str) -> Account {
    let id = AccountId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap();
    let mut account = Account::new(id, SystemClock::new().now());
    account.identifiers.push(Identifier::unverified(IdentifierKey::email(address).unwrap()));
    account
}

/// A name that nobody else has: for key prefixes, schemas and streams on a service that others use too.
pub(crate) fn unique(prefix: &str) -> String {
    let id = AccountId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap();
    format!("{prefix}-{}", id.as_uuid().simple())
}

/// The URL of a service that `bash .ci/services` starts, or `None` after saying that the test is skipped.
pub(crate) fn test_service(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        skip(&format!("{variable} is not set; bash .ci/services starts what it names"));
    }
    url
}

/// A program, or `None` after saying that the test is skipped.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed; bash .ci/services installs it"));
    }
    found
}

/// Says that a test is skipped. Where nothing may be, it fails.
pub(crate) fn skip(why: &str) {
    use std::io::Write as _;
    assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and CIAM_REQUIRE_ALL is set");
    // Not the test's own output, which nobody sees when it passes.
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}
