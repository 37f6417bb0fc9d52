//! The wrapped keys of accounts, in a file of their own.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, TenantId};
use ciam_core::vault::{SealScope, VaultEntry, VaultStore, WrappedKey};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};
use uuid::Uuid;

use super::error::{OpenError, port_error};
use super::open::create_private;
use super::writer::{Operation, Step, Writer};

/// A vault store in a SQLite file, of many tenants. Cloning gives another handle on the same connections.
///
/// The file is never the database's: a backup of the database must not hold the keys. What is destroyed is overwritten at
/// once (`secure_delete`), and there is no write-ahead log that would still have it (`journal_mode=TRUNCATE`). What the file
/// system or the disk keeps of overwritten blocks is encrypted under the key-encryption key all the same.
///
/// Reads and writes take turns on one connection: without a write-ahead log, readers on connections of their own would wait
/// for every change, and under a stream of changes in vain.
///
/// Several processes on one machine may share the file.
#[derive(Clone, Debug)]
pub struct SqliteVault {
    connection: Writer,
}

impl SqliteVault {
    /// Opens a file, and makes it if there is none (readable by its owner only).
    ///
    /// Must be called within a tokio runtime, which then runs the connection.
    ///
    /// # Errors
    ///
    /// Fails when the file is locked, corrupt or of another application.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        create_private(path).await.map_err(OpenError::File)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Truncate)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "ON")
            .pragma("cell_size_check", "ON")
            .pragma("trusted_schema", "OFF")
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(port_error)?;
        make(&mut connection).await?;
        Ok(Self { connection: Writer::spawn(options, connection, GROUP) })
    }

    /// The vault store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> SqliteVaultStore {
        SqliteVaultStore { vault: self.clone(), tenant: *tenant.as_uuid() }
    }

    /// Finishes what is under way and closes the connection.
    pub async fn close(&self) {
        self.connection.close().await;
    }
}

/// The wrapped keys of one tenant.
#[derive(Clone, Debug)]
pub struct SqliteVaultStore {
    vault: SqliteVault,
    tenant: Uuid,
}

impl SqliteVaultStore {
    fn slot(&self, scope: &SealScope) -> Result<Slot, PortError> {
        let account = match scope {
            SealScope::Tenant => Vec::new(),
            SealScope::Account(account) => account.as_uuid().as_bytes().to_vec(),
            _ => return Err(PortError::permanent("this adapter does not know this kind of scope")),
        };
        Ok(Slot { tenant: self.tenant.as_bytes().to_vec(), account })
    }
}

#[async_trait]
impl VaultStore for SqliteVaultStore {
    async fn get(&self, scope: &SealScope) -> Result<Option<VaultEntry>, PortError> {
        self.vault.connection.run(Get { slot: self.slot(scope)? }).await
    }

    async fn insert_if_absent(&self, scope: &SealScope, key: &WrappedKey) -> Result<VaultEntry, PortError> {
        self.vault.connection.run(Insert { slot: self.slot(scope)?, key: key.clone() }).await
    }

    async fn replace(
        &self,
        scope: &SealScope,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<bool, PortError> {
        let slot = self.slot(scope)?;
        self.vault.connection.run(Replace { slot, old: old.clone(), new: new.clone() }).await
    }

    async fn destroy(&self, scope: &SealScope) -> Result<(), PortError> {
        self.vault.connection.run(Destroy { slot: self.slot(scope)? }).await
    }

    async fn wrapped_by_others(&self, key_id: &str, limit: u32) -> Result<Vec<SealScope>, PortError> {
        let others = Others { tenant: self.tenant.as_bytes().to_vec(), key_id: key_id.to_owned(), limit };
        self.vault.connection.run(others).await
    }
}

#[derive(Clone)]
struct Slot {
    tenant: Vec<u8>,
    /// Empty for the tenant itself.
    account: Vec<u8>,
}

struct Get {
    slot: Slot,
}

impl Operation for Get {
    type Output = Option<VaultEntry>;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<Option<VaultEntry>>, PortError> {
        let query = sqlx::query(GET).bind(&self.slot.tenant).bind(&self.slot.account);
        let row = query.fetch_optional(&mut *connection).await.map_err(port_error)?;
        Ok(Step::Keep(row.as_ref().map(entry).transpose()?))
    }
}

struct Others {
    tenant: Vec<u8>,
    key_id: String,
    limit: u32,
}

impl Operation for Others {
    type Output = Vec<SealScope>;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<Vec<SealScope>>, PortError> {
        let query = sqlx::query(OTHERS).bind(&self.tenant).bind(&self.key_id).bind(i64::from(self.limit));
        let rows = query.fetch_all(&mut *connection).await.map_err(port_error)?;
        Ok(Step::Keep(rows.iter().map(scope).collect::<Result<_, _>>()?))
    }
}

struct Insert {
    slot: Slot,
    key: WrappedKey,
}

impl Operation for Insert {
    type Output = VaultEntry;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<VaultEntry>, PortError> {
        let (tenant, account) = (&self.slot.tenant, &self.slot.account);
        let insert = sqlx::query(INSERT).bind(tenant).bind(account);
        let insert = insert.bind(&self.key.key_id).bind(&self.key.text);
        insert.execute(&mut *connection).await.map_err(port_error)?;
        let get = sqlx::query(GET).bind(tenant).bind(account);
        let row = get.fetch_one(&mut *connection).await.map_err(port_error)?;
        Ok(Step::Keep(entry(&row)?))
    }
}

struct Replace {
    slot: Slot,
    old: WrappedKey,
    new: WrappedKey,
}

impl Operation for Replace {
    type Output = bool;
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<bool>, PortError> {
        let query = sqlx::query(REPLACE).bind(&self.slot.tenant).bind(&self.slot.account);
        let query = query.bind(&self.old.key_id).bind(&self.old.text);
        let query = query.bind(&self.new.key_id).bind(&self.new.text);
        let done = query.execute(&mut *connection).await.map_err(port_error)?;
        Ok(Step::Keep(done.rows_affected() == 1))
    }
}

struct Destroy {
    slot: Slot,
}

impl Operation for Destroy {
    type Output = ();
    const MAY_UNDO: bool = false;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Step<()>, PortError> {
        let query = sqlx::query(DESTROY).bind(&self.slot.tenant).bind(&self.slot.account);
        query.execute(&mut *connection).await.map_err(port_error)?;
        Ok(Step::Keep(()))
    }
}

fn entry(row: &SqliteRow) -> Result<VaultEntry, PortError> {
    let key: Option<String> = row.try_get(0).map_err(port_error)?;
    let text: Option<String> = row.try_get(1).map_err(port_error)?;
    Ok(match (key, text) {
        (Some(key), Some(text)) => VaultEntry::Key(WrappedKey::new(key, text)),
        _ => VaultEntry::Destroyed,
    })
}

fn scope(row: &SqliteRow) -> Result<SealScope, PortError> {
    let account: Vec<u8> = row.try_get(0).map_err(port_error)?;
    if account.is_empty() {
        return Ok(SealScope::Tenant);
    }
    let id = Uuid::from_slice(&account).map_err(PortError::permanent)?;
    Ok(SealScope::Account(AccountId::from_uuid(id)))
}

/// Makes the table, or sees that the file is one of ours.
async fn make(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(port_error)?;
    let made = make_table(connection).await;
    let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
    sqlx::raw_sql(end).execute(&mut *connection).await.map_err(port_error)?;
    made
}

async fn make_table(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    match number(connection, "PRAGMA application_id").await? {
        APPLICATION_ID => Ok(()),
        0 if number(connection, "SELECT COUNT(*) FROM sqlite_schema").await? == 0 => {
            sqlx::raw_sql(SCHEMA).execute(&mut *connection).await.map_err(port_error)?;
            Ok(())
        }
        _ => Err(OpenError::Foreign),
    }
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, PortError> {
    let row = sqlx::query(sql).persistent(false).fetch_one(&mut *connection).await.map_err(port_error)?;
    row.try_get(0).map_err(port_error)
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many waiting reads and changes share one transaction at most.
const GROUP: usize = 64;

/// `ciav` in ASCII: marks the file as a vault of ours, and never as a database of ours.
const APPLICATION_ID: i64 = 0x6369_6176;

const SCHEMA: &str = "\
PRAGMA application_id = 0x63696176;
CREATE TABLE vault_keys (
    tenant       BLOB NOT NULL,
    account      BLOB NOT NULL,
    key_id       TEXT,
    wrapped      TEXT,
    destroyed_at INTEGER,
    PRIMARY KEY (tenant, account)
) WITHOUT ROWID;";

const GET: &str = "SELECT key_id, wrapped FROM vault_keys WHERE tenant = $1 AND account = $2";
const INSERT: &str = "\
INSERT INTO vault_keys (tenant, account, key_id, wrapped) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, account) DO NOTHING";
const REPLACE: &str = "\
UPDATE vault_keys SET key_id = $5, wrapped = $6
WHERE tenant = $1 AND account = $2 AND key_id = $3 AND wrapped = $4";
const DESTROY: &str = "\
INSERT INTO vault_keys (tenant, account, destroyed_at) VALUES ($1, $2, unixepoch())
ON CONFLICT (tenant, account) DO UPDATE SET key_id = NULL, wrapped = NULL,
    destroyed_at = COALESCE(destroyed_at, unixepoch())";
const OTHERS: &str = "\
SELECT account FROM vault_keys WHERE tenant = $1 AND key_id IS NOT NULL AND key_id <> $2 LIMIT $3";
