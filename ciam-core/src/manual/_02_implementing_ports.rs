//! Writing your own adapters.
//!
//! A host must give three ports to [`Ports::new`](crate::ports::Ports::new), which has a default for every other one; and a
//! notifier to the [`Relay`](crate::relay::Relay), which delivers what the store's outbox holds.
//!
//! 1. [`Store`](crate::store::Store), 20 methods, one of which need not be written. Reads give values with versions; one method,
//!    [`commit`](crate::store::Store::commit), writes. A [`Batch`](crate::store::Batch) is data: begin a transaction, take the
//!    rows that the preconditions and writes name in key order, check the preconditions in order, apply the writes in order,
//!    insert events and messages into the outbox, commit. After a serialization failure or a deadlock, do it again from the
//!    start. Map accounts to your users table, or keep the JSON document that `serde` makes of them beside the columns that
//!    you query.
//! 2. [`Ephemeral`](crate::ephemeral::Ephemeral), 6 methods, each of which is one command or script in Redis and one statement
//!    in SQL.
//! 3. [`KeyVault`](crate::vault::KeyVault), 4 methods. Take [`EnvelopeVault`](crate::vault::EnvelopeVault), which can erase: it
//!    needs a key-encryption key, from a file or a key management service ([`KeyEncryption`](crate::vault::KeyEncryption)), and
//!    a place for the wrapped keys outside the database ([`VaultStore`](crate::vault::VaultStore)).
//! 4. [`Notifier`](crate::notify::Notifier), 1 method: render and send.
//!
//! A host with one tenant makes up its [`TenantId`](crate::id::TenantId) once and keeps it as a constant: under another id there
//! is nothing in the database, and nothing that was sealed opens.
//!
//! # What has to run
//!
//! Beside the requests, each process of a host spawns
//! - [`KeyRing::run`](crate::keys::KeyRing::run), which rotates the signing keys in time;
//! - [`Relay::run`](crate::relay::Relay::run), which empties the outbox, of events too where no mail is sent, and delivers to
//!   its sinks; give it [`Webhooks`](crate::webhook::Webhooks) for endpoints that others run;
//! - a loop that calls [`Store::prune`](crate::store::Store::prune) now and then, until it removes less than its limit. What has
//!   expired does not exist for anybody; pruning only gives the space back.
//!
//! Then let the suites in `ciam_core::testkit` (feature `testkit`) run against them, races included. `examples/adapters` does
//! this for SQLite and is meant to be copied.
//!
//! Keep in mind:
//! - An entity whose `expires_at` has come does not exist: not for reads, not for preconditions, not for unique indexes.
//! - Versions are counted by the store: 1 at insert, one more at each write.
//! - A conflict is a value that names a position. An error means that the backend is broken, and denies.
//! - Never retry a batch that was refused; only one that the database could not serialize.
