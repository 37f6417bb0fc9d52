//! PostgreSQL: the durable store and the ephemeral store of many tenants in one schema, for many nodes.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ciam_adapters::key_file;
//! use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions};
//! use ciam_core::clock::SystemClock;
//! use ciam_core::entropy::SystemEntropy;
//! use ciam_core::id::TenantId;
//! use ciam_core::ports::Ports;
//! use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
//!
//! # async fn open() -> Result<Ports, Box<dyn std::error::Error>> {
//! // A host with one tenant makes up its id once and keeps it: under another id the database is empty.
//! let tenant: TenantId = "01930000-0000-7000-8000-000000000001".parse()?;
//! let key = key_file::load_or_create("ciam.key", &SystemEntropy::new())?;
//! let url = "postgres://ciam:secret@127.0.0.1:5432/shop";
//! let database = PostgresDatabase::connect(url, PostgresOptions::default()).await?;
//! let clock = Arc::new(SystemClock::new());
//! let ports = Ports::new(
//!     Arc::new(database.tenant(tenant, clock.clone())),
//!     Arc::new(database.ephemeral(tenant, clock)),
//!     Arc::new(LocalKeyVault::new(tenant, KeyEncryptionKey::new(key)?)),
//! );
//! # Ok(ports)
//! # }
//! ```
//!
//! # How it works
//!
//! - **A commit is one statement**, so one round trip: a function of the schema takes the locks of everything that the batch
//!   speaks of, in one order for all batches, checks the preconditions, writes, and adds to the outbox. There is no `BEGIN`,
//!   and no lock is held while the network is waited for.
//! - **`READ COMMITTED`.** Under its locks a batch sees what every batch before it has committed. What does not exist yet is
//!   locked like everything else, by name (`pg_advisory_xact_lock`), so that absence can be required. Rows are locked as well,
//!   against whoever writes to the tables without a batch.
//! - **Retried is a batch that was rolled back for others**, after a deadlock or a serialization failure, up to
//!   [`PostgresOptions::attempts`] times; and nothing else. When a connection is lost after a batch was sent, nobody knows
//!   whether it was applied: that is a transient error, and the flow above begins anew by reading.
//! - **Everything has a limit**: statements, waits for locks, idle transactions, waits for a connection
//!   ([`PostgresOptions`]).
//! - **One tenant per handle.** The tenant is the first column of every key and a parameter of every statement.
//! - **Migrations only add**, under a lock, so several nodes may start at once and an older node goes on working while a newer
//!   one has migrated. A step that an older release could not survive raises the *floor*, and that release refuses to start.
//! - **A host's own accounts table** takes the place of ours by [`AccountTable`].
//!
//! # What it costs
//!
//! Round trips, each of which somebody waits for; counted by a proxy in `tests/it/postgres_trips.rs`:
//!
//! | | by hand | here |
//! | --- | --- | --- |
//! | any read | 1 | 1 |
//! | any commit | `BEGIN`, one for each row, the outbox, `COMMIT` | 1 |
//! | a sign-in by password, what stays of it | 6: account, password, `BEGIN`, session, event, `COMMIT` | 3 |
//! | an ephemeral verb | 1 | 1 |
//! | a commit that speaks of an account in a host's table | | 4, and what the host's statements take |
//!
//! A connection is asked whether it lives only when it was idle for 5 s. No statement reads a table as a whole, which
//! `tests/it/postgres_plans.rs` checks against the server's own counts.
//!
//! # Errors
//!
//! A server that is gone, starting, overloaded, read-only or too slow is a transient
//! [`PortError`](ciam_core::error::PortError), and the next call connects anew; a statement that the server refuses, or a row
//! that cannot be decoded, is a permanent one. As they are displayed, causes name tables and SQLSTATE codes, never the contents of a
//! row; `Debug` of a permanent one holds what the server said, which can quote a key: log what is displayed.
//!
//! # Durability
//!
//! A commit has returned when its log record is on the disk of the server, as its `synchronous_commit` says. Do not set it to
//! `off`: a server that crashes would forget what was acknowledged.

mod accounts;
mod batch;
mod ephemeral;
mod error;
mod hosted;
mod migrate;
mod open;
mod options;
mod reads;
mod store;
mod vault;
mod vault_inserts;

pub use self::accounts::{AccountKey, AccountPut, AccountTable};
pub use self::ephemeral::PostgresEphemeral;
pub use self::error::OpenError;
pub use self::open::PostgresDatabase;
pub use self::options::PostgresOptions;
pub use self::store::PostgresStore;
pub use self::vault::{PostgresVault, PostgresVaultStore};
