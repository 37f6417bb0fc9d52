//! Writing your own adapters.
//!
//! A host must implement three ports; every other one has a default in [`Ports::new`](crate::ports::Ports::new).
//!
//! 1. [`Store`](crate::store::Store), 19 methods. Reads give values with versions; one method,
//!    [`commit`](crate::store::Store::commit), writes. A [`Batch`](crate::store::Batch) is data: begin a transaction, take the
//!    rows that the preconditions and writes name in key order, check the preconditions in order, apply the writes in order,
//!    insert events and messages into the outbox, commit. After a serialization failure or a deadlock, do it again from the
//!    start. Map accounts to your users table, or keep the JSON document that `serde` makes of them beside the columns that
//!    you query.
//! 2. [`Ephemeral`](crate::ephemeral::Ephemeral), 6 methods, each of which is one command or script in Redis and one statement
//!    in SQL.
//! 3. [`Notifier`](crate::notify::Notifier), 1 method: render and send.
//!
//! Then let the suites in `ciam_core::testkit` (feature `testkit`) run against them, races included. `examples/adapters` does
//! this for SQLite and is meant to be copied.
//!
//! Keep in mind:
//! - An entity whose `expires_at` has come does not exist: not for reads, not for preconditions, not for unique indexes.
//! - Versions are counted by the store: 1 at insert, one more at each write.
//! - A conflict is a value that names a position. An error means that the backend is broken, and denies.
//! - Never retry a batch that was refused; only one that the database could not serialize.
