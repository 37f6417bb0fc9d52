//! SQLite: the durable store and the ephemeral store of many tenants in one file.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
//! use ciam_core::clock::SystemClock;
//! use ciam_core::id::TenantId;
//!
//! # async fn open(tenant: TenantId) -> Result<(), ciam_adapters::sqlite::OpenError> {
//! let database = SqliteDatabase::open("ciam.db", SqliteOptions::default()).await?;
//! let clock = Arc::new(SystemClock::new());
//! let store = database.tenant(tenant, clock.clone());
//! let ephemeral = database.ephemeral(tenant, clock);
//! # let _ = (store, ephemeral);
//! # Ok(())
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
mod statements;
mod store;
mod transaction;
mod writer;

pub use self::ephemeral::SqliteEphemeral;
pub use self::error::OpenError;
pub use self::open::SqliteDatabase;
pub use self::options::SqliteOptions;
pub use self::store::SqliteStore;
