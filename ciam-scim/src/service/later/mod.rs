//! Requests that are answered before they are done ([RFC 9967, section 2.5.1]).
//!
//! A request with `Prefer: respond-async` is recorded, sealed, in one commit with the event that tells of it; the answer is 202.
//! The outbox relay brings the event to [`ScimService::later_sink`], which does what was asked. What is done is marked in the
//! commit that does it, so that a request that is delivered twice is done once; what came of it is an event for the outbox and,
//! signed, at the address that the answer named.
//!
//! [RFC 9967, section 2.5.1]: https://www.rfc-editor.org/rfc/rfc9967#section-2.5.1

mod accept;
mod perform;
mod record;
mod result;

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::jose::Algorithm;
use ciam_core::keys::KeyRing;
use ciam_core::relay::EventSink;
use time::Duration;

pub(super) use self::accept::prefers_later;
pub use self::record::{MARK, REQUEST};
use super::ScimService;
use crate::event::REQUEST_ACCEPTED;

/// How requests are answered before they are done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LaterRequests {
    /// The keys that sign what came of a request.
    pub keys: KeyRing,
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// Who says it: the `iss` of the tokens.
    pub issuer: String,
    /// How long it can be asked what came of a request. Default 1 day.
    pub kept_for: Duration,
}

impl LaterRequests {
    /// Signed by the current key of this algorithm.
    #[must_use]
    pub fn new(keys: KeyRing, algorithm: Algorithm, issuer: impl Into<String>) -> Self {
        Self { keys, algorithm, issuer: issuer.into(), kept_for: Duration::DAY }
    }

    /// Sets how long it can be asked what came of a request.
    #[must_use]
    pub const fn with_kept_for(mut self, kept_for: Duration) -> Self {
        self.kept_for = kept_for;
        self
    }
}

impl ScimService {
    /// Answers requests before they are done where a connection [allows](crate::connection::Connection::later) it. The host
    /// adds [`later_sink`](Self::later_sink) to its relay: without it nothing is done.
    #[must_use]
    pub fn with_later_requests(mut self, later: LaterRequests) -> Self {
        self.later = Some(Arc::new(later));
        self
    }

    /// What does the requests that were answered before they were done.
    #[must_use]
    pub fn later_sink(&self) -> Arc<dyn EventSink> {
        Arc::new(LaterSink { service: self.clone() })
    }
}

#[derive(Debug)]
struct LaterSink {
    service: ScimService,
}

#[async_trait]
impl EventSink for LaterSink {
    fn name(&self) -> &'static str {
        "scim-later"
    }

    fn wants(&self, event: &Event) -> bool {
        event.event_type == REQUEST_ACCEPTED
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let txn = event.data.get("txn").and_then(|it| it.as_str());
        let txn = txn.ok_or_else(|| PortError::permanent("the event names no request"))?;
        self.service.perform(txn).await
    }
}
