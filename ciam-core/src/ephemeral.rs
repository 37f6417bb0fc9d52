//! Short-lived state: one port with a handful of atomic verbs.
//!
//! Authorization codes, interactions, journeys, replay marks, one-time codes and rate limits live here, as typed wrappers
//! on these verbs. Redis, SQL and memory all do them natively.

use std::fmt;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::Duration;

use crate::error::PortError;

/// The key of an ephemeral value: a namespace, declared by the module that owns it, and a name within it.
///
/// Equal names in different namespaces never meet. Names that come from outside are digested first, so a key is short.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EphemeralKey {
    namespace: &'static str,
    name: String,
}

impl EphemeralKey {
    /// A key in a namespace of the form `crate.thing`.
    #[must_use]
    pub fn new(namespace: &'static str, name: impl Into<String>) -> Self {
        Self { namespace, name: name.into() }
    }

    /// The namespace.
    #[must_use]
    pub const fn namespace(&self) -> &'static str {
        self.namespace
    }

    /// The name within the namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Short-lived state of one tenant.
///
/// # Contract
///
/// - **One tenant.** A handle is bound to one tenant when it is made, and its keys never meet another tenant's.
/// - **Atomic verbs.** Each method is one atomic step. Of concurrent [`take`](Self::take) calls for one value exactly one
///   gets it; of concurrent [`put_if_absent`](Self::put_if_absent) calls exactly one returns `true`; every concurrent
///   [`increment`](Self::increment) returns a different number; of concurrent
///   [`compare_and_swap`](Self::compare_and_swap) calls from one old value exactly one returns `true`.
/// - **Expiry.** A value is absent as soon as its time to live has passed. A time to live that is not positive stores
///   nothing that can be read. Any [`Duration`] may come, the shortest and the longest included: add it saturating.
/// - **Loss.** Losing everything at once (a restart of an in-memory store) ends what was under way and nothing else.
///
/// # Cancel safety
///
/// Dropping a future leaves the value before or after the step, never between.
///
/// # Errors
///
/// Every method fails only when the backend does.
///
/// # Implementing
///
/// Redis: `SET PX`, `GETDEL`, `SET NX PX`, a script for the counter's first increment and for compare-and-swap. SQL: one
/// conditional statement each. Check an implementation with the suite in `ciam_core::testkit` (feature `testkit`).
#[async_trait]
pub trait Ephemeral: fmt::Debug + Send + Sync {
    /// Stores a value, replacing any.
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError>;

    /// Reads a value and leaves it there.
    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError>;

    /// Reads and removes a value: exactly one caller gets it.
    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError>;

    /// Stores a value unless there is one; `true` when it was stored.
    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError>;

    /// Adds one to a counter and returns the new number. The first increment starts a window after which the counter is
    /// gone; later increments do not move its end. Counters and values do not share keys.
    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError>;

    /// Replaces a value that is exactly `old` by `new` with a new time to live; `true` when it did. An absent value is
    /// never equal.
    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError>;
}

/// Encodes a value for the ephemeral store.
///
/// # Errors
///
/// Fails when the value cannot be written as JSON.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(value).map_err(PortError::permanent)
}

/// Decodes a value of the ephemeral store.
///
/// # Errors
///
/// Fails when the bytes are not such a value: damaged, or written by another release.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(bytes).map_err(PortError::permanent)
}
