//! One tenant's capabilities: SQLite, keys sealed under the key file, everything short-lived in the process.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use ciam_adapters::{
    http_client::ReqwestHttpClient,
    key_file,
    sqlite::{SqliteDatabase, SqliteOptions},
    tokio_runtime::TokioRuntime,
};
use ciam_core::{
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    id::TenantId,
    memory::MemoryEphemeralDatabase,
    ports::Ports,
    vault::{KeyEncryptionKey, LocalKeyVault},
};
use uuid::Uuid;

use crate::config::Config;

/// The open database, and the ports on it.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The database, to close it at the end.
    pub database: SqliteDatabase,
    /// One tenant's capabilities.
    pub ports: Ports,
}

impl Storage {
    /// Opens the database and the key file, and makes them when they do not exist.
    ///
    /// # Errors
    ///
    /// The database is locked, corrupt or of something else; the key file is readable by others, or lost while the
    /// database is there.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        refuse_lost_key(&config.database, &config.key_file)?;
        // The key comes first: a start that is cut short must not leave a database without one.
        let key = key_file::load_or_create(&config.key_file, &SystemEntropy::new())
            .with_context(|| format!("the key file `{}` cannot be used", config.key_file.display()))?;
        let database = SqliteDatabase::open(&config.database, SqliteOptions::default())
            .await
            .with_context(|| format!("the database `{}` cannot be used", config.database.display()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tenant = TenantId::from_uuid(TENANT);
        let store = database.tenant(tenant, Arc::clone(&clock));
        let ephemeral = MemoryEphemeralDatabase::new().tenant(tenant, Arc::clone(&clock));
        let vault = LocalKeyVault::new(tenant, KeyEncryptionKey::new(key)?);
        let ports = Ports::new(Arc::new(store), Arc::new(ephemeral), Arc::new(vault))
            .with_clock(clock)
            .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
            .with_http_client(Arc::new(ReqwestHttpClient::new()?));
        Ok(Self { database, ports })
    }
}

/// A database without its key would start, and then could not open a single one of its secrets.
fn refuse_lost_key(database: &Path, key: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !database.exists() || key.exists(),
        "the database `{}` exists, but its key file `{}` does not: restore the key file, or name it with --key-file",
        database.display(),
        key.display(),
    );
    Ok(())
}

/// This server has one tenant; a host with several makes one set of ports for each.
const TENANT: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
