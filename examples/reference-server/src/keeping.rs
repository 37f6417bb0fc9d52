//! How personal data is kept: the vault with a key for each account, and the store that seals with it.

use std::{fmt, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use ciam_adapters::{postgres::PostgresVault, sqlite::SqliteVault};
use ciam_core::{
    id::TenantId,
    sealing::SealingStore,
    store::Store,
    vault::{EnvelopeVault, KeyEncryptionKey, KeyVault, LocalKeyEncryption, LocalKeyVault, VaultStore},
};

use crate::{config::Config, import::SecretText};

/// The wrapped keys of accounts: never in the database, so that no backup of it has them.
#[derive(Clone, Debug)]
pub enum Keys {
    /// In a file of their own.
    Sqlite(SqliteVault),
    /// In a database that several nodes share.
    Postgres(PostgresVault),
}

/// Where the wrapped keys are.
#[derive(Clone, Debug)]
pub enum KeysPlace {
    /// A file.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL database. It may hold a password.
    Postgres(SecretText),
}

/// The file, or that it is a server: no password.
impl fmt::Display for KeysPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(_) => f.write_str("a PostgreSQL database"),
        }
    }
}

impl Keys {
    /// Opens them where the configuration says.
    ///
    /// # Errors
    ///
    /// The file or the database cannot be used.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.vault {
            KeysPlace::Sqlite(path) => {
                let vault = SqliteVault::open(path).await;
                let vault =
                    vault.with_context(|| format!("the vault `{}` cannot be used", path.display()))?;
                Ok(Self::Sqlite(vault))
            }
            KeysPlace::Postgres(url) => {
                let vault = PostgresVault::connect(url.expose(), VAULT_SCHEMA).await;
                Ok(Self::Postgres(vault.context("the vault's database cannot be used")?))
            }
        }
    }

    /// The vault of a tenant. What the one key of earlier releases has sealed still opens.
    pub fn vault(&self, tenant: TenantId, key: KeyEncryptionKey) -> Arc<dyn KeyVault> {
        let store: Arc<dyn VaultStore> = match self {
            Self::Sqlite(vault) => Arc::new(vault.tenant(tenant)),
            Self::Postgres(vault) => Arc::new(vault.tenant(tenant)),
        };
        let wrapping = Arc::new(LocalKeyEncryption::new(key.clone()));
        let vault = EnvelopeVault::new(tenant, wrapping, store);
        Arc::new(vault.with_values_of(LocalKeyVault::new(tenant, key)))
    }

    /// Closes them.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(vault) => vault.close().await,
            Self::Postgres(vault) => vault.close().await,
        }
    }
}

/// Puts the store that seals in front of another.
///
/// # Errors
///
/// The database was sealed by another vault, or a port fails.
pub async fn sealed(store: Arc<dyn Store>, vault: Arc<dyn KeyVault>) -> anyhow::Result<SealingStore> {
    let sealing = SealingStore::open(store, vault).await;
    sealing
        .context("personal data in the database cannot be opened: is the vault the one that belongs to it?")
}

/// The schema of the vault's table.
const VAULT_SCHEMA: &str = "ciam_vault";
