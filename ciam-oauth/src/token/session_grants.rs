//! What a session gave to applications for offline access, when it turns out to have been somebody else's.
//!
//! A grant without `offline_access` ends with its session, whatever ended it. One with it outlives a sign-out, as it should.
//! But a session that its owner or an administrator revokes from elsewhere, or that began on a device whose secret was
//! stolen, may have been a stranger's, and so may be what was granted in it.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::relay::EventSink;
use ciam_core::session::SessionEnd;
use ciam_core::store::{PageRequest, StoredRecord as _};
use serde_json::Value;

use crate::AuthorizationServer;
use crate::grant::{Grant, RevocationReason};

impl AuthorizationServer {
    /// The sink that revokes, for the host's [`Relay`](ciam_core::relay::Relay), every grant that was given in a session which
    /// is revoked from elsewhere, those for offline access as well.
    #[must_use]
    pub fn session_grants_sink(&self) -> Arc<dyn EventSink> {
        Arc::new(SessionGrants { server: self.clone() })
    }
}

#[derive(Debug)]
struct SessionGrants {
    server: AuthorizationServer,
}

#[async_trait]
impl EventSink for SessionGrants {
    fn name(&self) -> &'static str {
        "oauth.session-grants"
    }

    fn wants(&self, event: &Event) -> bool {
        let reason = event.data.get("reason").and_then(Value::as_str);
        let suspect = [SessionEnd::Revoked.as_str(), SessionEnd::DeviceRevoked.as_str()];
        event.event_type == EventType::SESSION_ENDED && reason.is_some_and(|it| suspect.contains(&it))
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let session = event.data.get("session").and_then(Value::as_str).unwrap_or_default();
        let mut request = PageRequest::first(PAGE);
        loop {
            let page =
                self.server.ports().store().records_by(Grant::KIND, "session", session, request).await?;
            for record in page.items {
                let grant: Grant = record.value.decode()?;
                self.server.revoke_grant(grant.id, RevocationReason::SessionRevoked).await?;
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(()),
            }
        }
    }
}

const PAGE: u32 = 100;
