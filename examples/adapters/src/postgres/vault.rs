//! The wrapped keys of accounts, in a database of their own that several nodes share.

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, TenantId};
use ciam_core::vault::{SealScope, VaultEntry, VaultStore, WrappedKey};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, Row as _};
use uuid::Uuid;

use super::error::{OpenError, port_error};
use super::vault_inserts::Inserts;

/// A vault store in PostgreSQL, of many tenants. Cloning gives another handle on the same connections.
///
/// Give it a database of its own, better a server of its own, with backups that are kept for no longer than an erasure may
/// take: a dump of the database with the accounts must not hold the keys. A destroyed key is in no later dump; the page of
/// its old row keeps the wrapped key until the next vacuum, and it is of no use without the key-encryption key.
#[derive(Clone, Debug)]
pub struct PostgresVault {
    pool: PgPool,
    inserts: Inserts,
}

impl PostgresVault {
    /// Connects to the database of a URL, and makes the table in a schema: lower-case letters, digits and `_`.
    ///
    /// Must be called within a tokio runtime, which then inserts new keys, those that come at once in one commit.
    ///
    /// # Errors
    ///
    /// Fails when the URL or the schema is of another form, and when the database does not answer.
    pub async fn connect(url: &str, schema: &str) -> Result<Self, OpenError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(OpenError::Url);
        }
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if schema.is_empty() || schema.len() > 63 || !schema.bytes().all(plain) {
            return Err(OpenError::Schema);
        }
        // The cause could quote the password.
        let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Url)?;
        let options = options
            .application_name("ciam-vault")
            .options([
                ("search_path", schema),
                ("statement_timeout", "5000"),
                ("lock_timeout", "2000"),
                ("client_min_messages", "warning"),
            ])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(2))
            .connect_with(options)
            .await
            .map_err(port_error)?;
        // Two nodes that make it at the same moment would meet in the catalogue; the lock lets one after the other.
        let make = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(7305804485139591542); CREATE SCHEMA IF NOT EXISTS {schema}; {SCHEMA} COMMIT;"
        );
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&pool).await.map_err(port_error)?;
        Ok(Self { inserts: Inserts::spawn(pool.clone()), pool })
    }

    /// The vault store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> PostgresVaultStore {
        PostgresVaultStore { vault: self.clone(), tenant: *tenant.as_uuid() }
    }

    /// Closes every connection when it has finished what it does.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The wrapped keys of one tenant.
#[derive(Clone, Debug)]
pub struct PostgresVaultStore {
    vault: PostgresVault,
    tenant: Uuid,
}

/// The id in the account's column: that of the tenant itself is nil, which no account has.
fn account(scope: &SealScope) -> Result<Uuid, PortError> {
    match scope {
        SealScope::Tenant => Ok(Uuid::nil()),
        SealScope::Account(account) if account.as_uuid().is_nil() => {
            Err(PortError::permanent("the nil account has no key"))
        }
        SealScope::Account(account) => Ok(*account.as_uuid()),
        _ => Err(PortError::permanent("this adapter does not know this kind of scope")),
    }
}

#[async_trait]
impl VaultStore for PostgresVaultStore {
    async fn get(&self, scope: &SealScope) -> Result<Option<VaultEntry>, PortError> {
        let query = sqlx::query(GET).bind(self.tenant).bind(account(scope)?);
        let row = query.fetch_optional(&self.vault.pool).await.map_err(port_error)?;
        row.as_ref().map(entry).transpose()
    }

    async fn insert_if_absent(&self, scope: &SealScope, key: &WrappedKey) -> Result<VaultEntry, PortError> {
        if self.vault.inserts.insert(self.tenant, account(scope)?, key).await? {
            return Ok(VaultEntry::Key(key.clone()));
        }
        // Rows are never deleted: what was in the way is still there.
        let found = self.get(scope).await?;
        found.ok_or_else(|| PortError::permanent("a vault row vanished"))
    }

    async fn replace(
        &self,
        scope: &SealScope,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<bool, PortError> {
        let query = sqlx::query(REPLACE).bind(self.tenant).bind(account(scope)?);
        let query = query.bind(&old.key_id).bind(&old.text).bind(&new.key_id).bind(&new.text);
        let done = query.execute(&self.vault.pool).await.map_err(port_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn destroy(&self, scope: &SealScope) -> Result<(), PortError> {
        let query = sqlx::query(DESTROY).bind(self.tenant).bind(account(scope)?);
        query.execute(&self.vault.pool).await.map_err(port_error)?;
        Ok(())
    }

    async fn wrapped_by_others(&self, key_id: &str, limit: u32) -> Result<Vec<SealScope>, PortError> {
        let query = sqlx::query(OTHERS).bind(self.tenant).bind(key_id).bind(i64::from(limit));
        let rows = query.fetch_all(&self.vault.pool).await.map_err(port_error)?;
        let scope = |row: &PgRow| {
            let id: Uuid = row.try_get(0).map_err(port_error)?;
            Ok(if id.is_nil() { SealScope::Tenant } else { SealScope::Account(AccountId::from_uuid(id)) })
        };
        rows.iter().map(scope).collect()
    }
}

fn entry(row: &PgRow) -> Result<VaultEntry, PortError> {
    let key: Option<String> = row.try_get(0).map_err(port_error)?;
    let text: Option<String> = row.try_get(1).map_err(port_error)?;
    Ok(match (key, text) {
        (Some(key), Some(text)) => VaultEntry::Key(WrappedKey::new(key, text)),
        _ => VaultEntry::Destroyed,
    })
}

const CONNECTIONS: u32 = 4;

const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS vault_keys (
    tenant       uuid NOT NULL,
    account      uuid NOT NULL,
    key_id       text,
    wrapped      text,
    destroyed_at timestamptz,
    PRIMARY KEY (tenant, account)
);";

const GET: &str = "SELECT key_id, wrapped FROM vault_keys WHERE tenant = $1 AND account = $2";
const REPLACE: &str = "\
UPDATE vault_keys SET key_id = $5, wrapped = $6
WHERE tenant = $1 AND account = $2 AND key_id = $3 AND wrapped = $4";
const DESTROY: &str = "\
INSERT INTO vault_keys (tenant, account, destroyed_at) VALUES ($1, $2, now())
ON CONFLICT (tenant, account) DO UPDATE SET key_id = NULL, wrapped = NULL,
    destroyed_at = COALESCE(vault_keys.destroyed_at, now())";
const OTHERS: &str = "\
SELECT account FROM vault_keys WHERE tenant = $1 AND key_id IS NOT NULL AND key_id <> $2 LIMIT $3";
