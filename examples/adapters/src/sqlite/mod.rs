//! SQLite: the durable store and the ephemeral store of many tenants in one file.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ciam_adapters::key_file;
//! use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions, SqliteVault};
//! use ciam_core::clock::SystemClock;
//! use ciam_core::entropy::SystemEntropy;
//! use ciam_core::id::TenantId;
//! use ciam_core::ports::Ports;
//! use ciam_core::vault::{EnvelopeVault, KeyEncryptionKey, LocalKeyEncryption};
//!
//! # async fn open() -> Result<Ports, Box<dyn std::error::Error>> {
//! // A host with one tenant makes up its id once and keeps it: under another id the database is empty.
//! let tenant: TenantId = "01930000-0000-7000-8000-000000000001".parse()?;
//! let key = key_file::load_or_create("ciam.key", &SystemEntropy::new())?;
//! let database = SqliteDatabase::open("ciam.db", SqliteOptions::default()).await?;
//! let keys = SqliteVault::open("ciam.vault").await?;
//! let wrapping = Arc::new(LocalKeyEncryption::new(KeyEncryptionKey::new(key)?));
//! let vault = EnvelopeVault::new(tenant, wrapping, Arc::new(keys.tenant(tenant)));
//! let clock = Arc::new(SystemClock::new());
//! let ports = Ports::new(
//!     Arc::new(database.tenant(tenant, clock.clone())),
//!     Arc::new(database.ephemeral(tenant, clock)),
//!     Arc::new(vault),
//! );
//! # Ok(ports)
//! # }
//! ```
//!
//! # How it works
//!
//! - **Durable.** Write-ahead log with `synchronous=FULL`: when a commit returns, its pages are on the disk. A killed
//!   process loses nothing that it acknowledged and leaves nothing half-written.
//! - **One writer.** Every change goes through one connection that one task owns, in `BEGIN IMMEDIATE` transactions, so
//!   no two changes overlap and none fails for a lock of this process. Other processes are waited for up to
//!   [`SqliteOptions::busy_timeout`].
//! - **Group commit.** Changes that wait while the disk is busy share the next transaction, each in a savepoint of its
//!   own: one conflict undoes nobody else's change, and many commits cost one sync.
//! - **One question for a change.** The statements of a batch are one script, of which the connection is asked once.
//! - **Readers never wait.** Reads use connections of their own, each on the last committed state.
//! - **One tenant per handle.** The tenant is the first column of every key and a parameter of every statement.
//!
//! # Errors
//!
//! A database that is locked, full or unreachable is a transient [`PortError`](ciam_core::error::PortError); one that is
//! corrupt, or holds a row that cannot be decoded, a permanent one. Causes name tables and SQLite's result code, never
//! the contents of a row.

mod ephemeral;
mod error;
mod migrate;
mod open;
mod operations;
mod options;
mod script;
mod statements;
mod store;
mod transaction;
mod vault;
mod writer;

pub use self::ephemeral::SqliteEphemeral;
pub use self::error::OpenError;
pub use self::open::SqliteDatabase;
pub use self::options::SqliteOptions;
pub use self::store::SqliteStore;
pub use self::vault::{SqliteVault, SqliteVaultStore};
