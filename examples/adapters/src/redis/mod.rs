//! Redis: the ephemeral store that several nodes share.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ciam_adapters::redis::{RedisDatabase, RedisOptions};
//! use ciam_core::ephemeral::Ephemeral;
//! use ciam_core::id::TenantId;
//!
//! # async fn open(tenant: TenantId) -> Result<Arc<dyn Ephemeral>, ciam_adapters::redis::OpenError> {
//! let database = RedisDatabase::open("redis://127.0.0.1:6379/0", RedisOptions::default()).await?;
//! let ephemeral = Arc::new(database.ephemeral(tenant));
//! # Ok(ephemeral)
//! # }
//! ```
//!
//! # How it works
//!
//! - **Native atomics.** `SET PX`, `GETDEL` and `SET NX PX`; the two verbs that Redis does not have are scripts of one
//!   key. Each call is one round trip.
//! - **Time is the server's.** A value expires by the clock of Redis, so nodes whose clocks differ agree. Times to live
//!   are whole milliseconds, rounded up, and end after a hundred years at the latest.
//! - **One tenant per handle.** The key begins with a prefix of your choice, what it holds, and the tenant; then come the
//!   namespace with its length, and the name: no two of them can meet.
//! - **Reconnects.** All handles share one connection. When it breaks, the calls under way fail, the next one connects
//!   again. A call that may have reached the server is never repeated.
//! - **Bounded.** Every call is answered or fails within [`RedisOptions::deadline`].
//!
//! # What the server must be
//!
//! - Redis 6.2 or newer, or Valkey; the primary, not a replica, and one server, not a cluster.
//! - `maxmemory-policy noeviction`. A server that evicts forgets replay marks, spent codes and attempt counters before
//!   their time, silently: [`RedisDatabase::open`] refuses it, and [`RedisDatabase::check`] says it when the setting is
//!   changed later. A server without eviction whose memory is full refuses writes, which is a transient error here.
//! - Without persistence (`save ""`, `appendonly no`), or with an append-only file: what may come back after a restart
//!   is nothing or everything, but not a snapshot of five minutes ago, in which a code that was spent since is live again.
//! - Not reachable by anybody else. Whoever writes to it writes authorization codes. Use a user with a password whose
//!   ACL allows `~<prefix>:*` and `+@read +@write +@scripting +info +ping`.
//!
//! # Errors
//!
//! What may pass (no connection, no answer in time, a server that starts, is full or has become a replica) is a transient
//! [`PortError`](ciam_core::error::PortError); a command that the server refuses otherwise is a permanent one. Causes hold no
//! key, value or password.

mod ephemeral;
mod error;
mod open;
mod options;

pub use self::ephemeral::RedisEphemeral;
pub use self::error::OpenError;
pub use self::open::RedisDatabase;
pub use self::options::RedisOptions;
