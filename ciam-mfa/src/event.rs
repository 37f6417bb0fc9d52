//! The names of this crate's events. Adding, replacing and removing credentials are core's
//! [`EventType::CREDENTIAL_CHANGED`].

use ciam_core::event::EventType;

/// A recovery code was used. Details: `left`, how many there still are.
pub const RECOVERY_CODE_USED: EventType = EventType::new("ciam.factor.recovery_code_used.v1");
/// An administrator took factors from an account. Details: `by`, `reason`, `factors`.
pub const FACTORS_RESET: EventType = EventType::new("ciam.factor.reset.v1");
/// A request for approval was denied on a device. Details: `device`, `reason`: `denied`, or `number` for a wrong number.
pub const PUSH_DENIED: EventType = EventType::new("ciam.factor.push_denied.v1");
/// A request for approval was reported by its person: somebody else knows what comes before it. Details: `device`, `reason`.
pub const PUSH_REPORTED: EventType = EventType::new("ciam.factor.push_reported.v1");
/// A session was bound to a key of its browser. Details: `session`.
pub const SESSION_BOUND: EventType = EventType::new("ciam.session.bound.v1");
/// A person has signed for a transaction. Details: `credential`, `types` of what it was, `digest` of what was shown.
pub const TRANSACTION_CONFIRMED: EventType = EventType::new("ciam.transaction.confirmed.v1");
/// A passkey's signature counter did not go up: a copy of it may exist. Details: `credential`.
pub const PASSKEY_COUNTER: EventType = EventType::new("ciam.factor.passkey_counter.v1");
