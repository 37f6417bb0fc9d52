//! What a session gave to applications for offline access, when it turns out to have been somebody else's.
//!
//! A grant without `offline_access` ends with its session, whatever ended it. One with it outlives a sign-out, as it should.
//! But a session that its owner or an administrator revokes from elsewhere, or that began on a device whose secret was
//! stolen, may have been a stranger's, and so may be what was granted in it. A device that is lost takes along what was granted on
//! it in sessions that had ended long before.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::id::DeviceId;
use ciam_core::relay::EventSink;
use ciam_core::session::SessionEnd;
use ciam_core::store::{PageRequest, StoredRecord as _};
use serde_json::Value;

use crate::AuthorizationServer;
use crate::grant::{Grant, RevocationReason};

impl AuthorizationServer {
    /// The sink that revokes, for the host's [`Relay`](ciam_core::relay::Relay), every grant that was given in a session which
    /// is revoked from elsewhere, or on a device that is forgotten, those for offline access as well.
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
        let taken =
            event.event_type == EventType::SESSION_ENDED && reason.is_some_and(|it| suspect.contains(&it));
        taken || event.event_type == EventType::DEVICE_REVOKED
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let text = |name| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
        if event.event_type == EventType::DEVICE_REVOKED {
            let Ok(device) = text("device").parse::<DeviceId>() else { return Ok(()) };
            let account = event.subject.strip_prefix("account:").unwrap_or_default();
            let on_it = |grant: &Grant| grant.device == Some(device);
            return self.revoke("account", account, on_it, RevocationReason::DeviceRevoked).await;
        }
        self.revoke("session", text("session"), |_| true, RevocationReason::SessionRevoked).await
    }
}

impl SessionGrants {
    /// Revokes those of the grants with this in an index that `which` says.
    async fn revoke(
        &self,
        index: &str,
        value: &str,
        which: impl Fn(&Grant) -> bool + Send,
        reason: RevocationReason,
    ) -> Result<(), PortError> {
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = self.server.ports().store().records_by(Grant::KIND, index, value, request).await?;
            for record in page.items {
                let grant: Grant = record.value.decode()?;
                if which(&grant) {
                    self.server.revoke_grant(grant.id, reason).await?;
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(()),
            }
        }
    }
}

const PAGE: u32 = 100;
