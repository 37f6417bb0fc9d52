//! The audit log of a tenant: every event, in a chain of hashes.
//!
//! Each entry holds the hash of the one before it and its own, SHA-256 over both: whoever changes, removes, inserts or swaps
//! entries breaks the chain at that place, and [`AuditLog::verify`] names it. Cutting off the end is seen by the head, which
//! is kept beside the entries; and by whoever could rewrite the head too, in [`Checkpoint`]s: signed by the key ring and
//! kept elsewhere.
//!
//! The entries are the tenant's [events](crate::event), so they name accounts by their ids only and stay what they are when an
//! account is erased: what happened can still be told, to whom cannot.
//!
//! Where a tenant keeps no event for ever, [`AuditLog::trim`] removes the oldest; the chain then begins behind an
//! [`AuditBase`], and an event in it says so.
//!
//! [`AuditLog`] is an [`EventSink`](crate::relay::EventSink): give it to the [`Relay`](crate::relay::Relay). An event that arrives twice is one entry.
//! Any number of nodes may append; the head is moved by compare-and-swap.

mod entry;
mod log;
mod recent;
mod trim;
mod verify;

pub use self::entry::{AuditEntry, AuditHead, ChainDigest, Checkpoint};
pub use self::log::AuditLog;
pub use self::trim::{AUDIT_TRIMMED, AuditBase};
pub use self::verify::{AuditVerdict, Break, Expected};
