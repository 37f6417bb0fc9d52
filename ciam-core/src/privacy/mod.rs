//! What a tenant does with everything that it holds about a person: show it, and erase it.
//!
//! - [`PersonalKinds`] lists every kind of record that belongs to accounts: what is said of it in an export, and what becomes
//!   of it at an erasure. Each crate brings its own.
//! - [`Export`] writes all that is held about a person as one JSON document, a piece at a time.
//! - [`Erasure`] erases an account, so that it cannot come back: not by a crash in between, not by a backup.
//! - [`Retention`] closes and erases by itself what is not needed any more.

mod erase;
mod erasure;
mod export;
mod inactivity;
mod kinds;
mod retention;

pub use self::erase::{Erased, ErasureReport};
pub use self::erasure::{Erasure, ErasureError, ErasureRecord};
pub use self::export::{Export, ExportPart};
pub use self::inactivity::{InactivityPolicy, InactivityRecord, InactivityStep};
pub use self::kinds::{PersonalKind, PersonalKinds};
pub use self::retention::{Retention, RetentionPolicy, RetentionReport};
