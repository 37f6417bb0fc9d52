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
