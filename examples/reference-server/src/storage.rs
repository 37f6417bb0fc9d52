//! One tenant's capabilities: a SQLite file or PostgreSQL, and keys sealed under the key file. What is short-lived is in
//! the process beside a file, and in PostgreSQL beside others.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use ciam_adapters::{
    http_client::ReqwestHttpClient,
    key_file,
    postgres::PostgresDatabase,
    redis::RedisDatabase,
    sqlite::{SqliteDatabase, SqliteOptions},
    tokio_runtime::TokioRuntime,
};
use ciam_core::{
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    ephemeral::Ephemeral,
    error::PortError,
    id::TenantId,
    memory::MemoryEphemeralDatabase,
    outbound::OutboundPolicy,
    ports::Ports,
    sealing::{SealingEphemeral, SealingStore},
    store::Store,
    vault::KeyEncryptionKey,
};
use url::Url;
use uuid::Uuid;

use crate::{
    config::{Config, Database, Mode, ShortLived},
    import::{is_loopback, saml::metadata},
    keeping::{self, Keys},
    tls,
};

/// The open database, and the ports on it.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The database, to close it at the end.
    pub database: OpenDatabase,
    /// The keys of accounts, to close them at the end.
    pub keys: Keys,
    /// The store that seals what is personal, which is the one of the ports.
    pub sealing: SealingStore,
    /// The Redis that nodes share.
    pub redis: Option<RedisDatabase>,
    /// One tenant's capabilities.
    pub ports: Ports,
}

impl Storage {
    /// Opens the database and the key file, and makes them when they do not exist.
    ///
    /// # Errors
    ///
    /// The database does not answer, is locked, corrupt or of something else; the key file is readable by others, or lost
    /// while the database is there.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tenant = TenantId::from_uuid(TENANT);
        let (database, key) = OpenDatabase::open(config).await?;
        let store = database.store(tenant, &clock);
        let redis = open_redis(config).await?;
        let ephemeral: Arc<dyn Ephemeral> = match &redis {
            Some(redis) => Arc::new(redis.ephemeral(tenant)),
            None => database.ephemeral(tenant, &clock),
        };
        let keys = Keys::open(config).await?;
        let vault = keys.vault(tenant, key);
        let sealing = keeping::sealed(store, Arc::clone(&vault)).await?;
        // A journey that is under way knows the address that somebody typed.
        let (inner, keys_of_day, time) = (ephemeral, Arc::clone(&vault), Arc::clone(&clock));
        let ephemeral: Arc<dyn Ephemeral> = Arc::new(SealingEphemeral::new(tenant, inner, keys_of_day, time));
        let ports = Ports::new(Arc::new(sealing.clone()), ephemeral, vault)
            .with_clock(clock)
            .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
            .with_outbound_policy(outbound_policy(config))
            .with_http_client(Arc::new(http_client(config)?));
        Ok(Self { database, redis, keys, sealing, ports })
    }
}

async fn open_redis(config: &Config) -> anyhow::Result<Option<RedisDatabase>> {
    let ShortLived::Redis { url, options } = &config.ephemeral else { return Ok(None) };
    let redis = RedisDatabase::open(url.expose(), options.clone()).await;
    Ok(Some(redis.with_context(|| format!("the server `{}` cannot be used", config.ephemeral.name()))?))
}

/// Trusts the usual authorities, and what the configuration dangerously adds.
fn http_client(config: &Config) -> anyhow::Result<ReqwestHttpClient> {
    let mut roots = Vec::new();
    for file in &config.dangerous.trust {
        roots.extend(tls::read_certificates(file)?.iter().map(|it| it.to_vec()));
    }
    Ok(ReqwestHttpClient::with_roots(roots)?)
}

/// In development mode a webhook and a text message may go to a program on the same machine, and an upstream be one.
fn outbound_policy(config: &Config) -> OutboundPolicy {
    let mut policy = OutboundPolicy::default();
    for (host, port) in &config.dangerous.fetch_from {
        policy = policy.dangerous_trust_host(host, *port);
    }
    if config.mode != Mode::Development {
        return policy;
    }
    let saml = config.imports.iter().flat_map(|it| {
        let file = it.content();
        let services = file.saml_services.iter().map(|it| (&it.metadata, &it.metadata_file));
        let connections = file.saml_connections.iter().map(|it| (&it.metadata, &it.metadata_file));
        let all = services.chain(connections);
        all.filter_map(|(text, file)| {
            metadata(text.as_deref(), file.as_deref(), it.document().name()).ok()?
        })
    });
    for url in saml.flat_map(|entity| entity.servers()).filter_map(|url| Url::parse(&url).ok()) {
        if let (true, Some(host), Some(port)) =
            (is_loopback(&url), url.host_str(), url.port_or_known_default())
        {
            policy = policy.dangerous_trust_host(host, port);
        }
    }
    let upstreams = config.upstreams.iter().flat_map(|it| it.addresses());
    let webhooks = config.imports.iter().flat_map(|it| &it.content().webhooks).map(|it| it.url.as_str());
    let gateway = config.sms.gateway.iter().map(|it| it.url.as_str());
    let remote = config.imports.iter().flat_map(|it| {
        let file = it.content();
        let services = file.saml_services.iter().filter_map(|it| it.remote.as_ref());
        services.chain(file.saml_connections.iter().filter_map(|it| it.remote.as_ref()))
    });
    let remote = remote.flat_map(|it| it.url.as_deref().into_iter().chain(it.query.as_deref()));
    for url in upstreams.chain(webhooks).chain(gateway).chain(remote) {
        let Ok(url) = Url::parse(url) else { continue };
        if let (true, Some(host), Some(port)) =
            (is_loopback(&url), url.host_str(), url.port_or_known_default())
        {
            policy = policy.dangerous_trust_host(host, port);
        }
    }
    policy
}

/// An open database.
#[derive(Clone, Debug)]
pub enum OpenDatabase {
    /// A file of this process.
    Sqlite(SqliteDatabase),
    /// A server that nodes share.
    Postgres(PostgresDatabase),
}

impl OpenDatabase {
    /// Opens the database, and the key that seals what is in it.
    async fn open(config: &Config) -> anyhow::Result<(Self, KeyEncryptionKey)> {
        match &config.database {
            Database::File(path) => {
                refuse_lost_key(path.exists(), config)?;
                // The key comes first: a start that is cut short must not leave a database without one.
                let key = load_key(&config.key_file)?;
                let database = SqliteDatabase::open(path, SqliteOptions::default()).await;
                Ok((Self::Sqlite(database.with_context(|| unusable(config))?), key))
            }
            Database::Postgres { url, options } => {
                let database = PostgresDatabase::connect(url.expose(), options.clone())
                    .await
                    .with_context(|| unusable(config))?;
                refuse_lost_key(database.holds_anything().await?, config)?;
                Ok((Self::Postgres(database), load_key(&config.key_file)?))
            }
        }
    }

    /// The durable store of a tenant.
    fn store(&self, tenant: TenantId, clock: &Arc<dyn Clock>) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(database) => Arc::new(database.tenant(tenant, Arc::clone(clock))),
            Self::Postgres(database) => Arc::new(database.tenant(tenant, Arc::clone(clock))),
        }
    }

    /// Where a tenant's short-lived values are.
    fn ephemeral(&self, tenant: TenantId, clock: &Arc<dyn Clock>) -> Arc<dyn Ephemeral> {
        match self {
            // One process has a file, so its memory is everybody's.
            Self::Sqlite(_) => Arc::new(MemoryEphemeralDatabase::new().tenant(tenant, Arc::clone(clock))),
            Self::Postgres(database) => Arc::new(database.ephemeral(tenant, Arc::clone(clock))),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn check(&self) -> Result<(), PortError> {
        match self {
            Self::Sqlite(database) => database.check().await,
            Self::Postgres(database) => database.check().await,
        }
    }

    /// Finishes what is under way, and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}

fn load_key(file: &Path) -> anyhow::Result<KeyEncryptionKey> {
    let key = key_file::load_or_create(file, &SystemEntropy::new())
        .with_context(|| format!("the key file `{}` cannot be used", file.display()))?;
    Ok(KeyEncryptionKey::new(key)?)
}

fn unusable(config: &Config) -> String {
    format!("the database `{}` cannot be used", config.database)
}

/// A database without its key would start, and then could not open a single one of its secrets.
fn refuse_lost_key(database_exists: bool, config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        !database_exists || config.key_file.exists(),
        "the database `{}` exists, but its key file `{}` does not: restore the key file, or name it with --key-file",
        config.database,
        config.key_file.display(),
    );
    Ok(())
}

/// This server has one tenant; a host with several makes one set of ports for each.
const TENANT: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
