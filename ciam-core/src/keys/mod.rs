//! Signing keys: made, published, rotated and retired.
//!
//! A [`KeyRing`] keeps the keys of one tenant. Keys pass through the states of [`KeyState`] at the times of a
//! [`KeyPolicy`]:
//!
//! ```text
//!            published from here                         … to here
//!            ▼                                             ▼
//!            ├── pending ──┬────── current ──────┬─ retiring ┤
//!   next key               │            ├─ pending ┬──── current …
//!            ◀ publish_    ▶◀── rotate_after ──▶ ◀ retire_for ▶
//!              ahead
//! ```
//!
//! Several nodes share a ring through the store. Each change is one compare-and-swap of one record, so that two nodes that
//! rotate at once make one key between them; each node notices within a minute what another one did, and no client sees a
//! key that signs before it was published.

mod error;
mod key_ring;
mod policy;
mod record;
mod snapshot;
mod source;
mod state;

pub use self::error::KeyRingError;
pub use self::key_ring::{Import, KeyRing, KeyRingBuilder, Maintenance};
pub use self::policy::{InvalidPolicy, KeyPolicy};
pub use self::record::KeyChange;
pub use self::snapshot::KeySnapshot;
pub use self::source::{KeySource, LocalKeys, NewKey};
pub use self::state::{InvalidTransition, KeyState};
