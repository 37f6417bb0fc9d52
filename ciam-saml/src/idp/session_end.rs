//! Single logout when a session ends by itself: signed out of by OpenID Connect, revoked, or with its account.
//!
//! Two [sinks](EventSink) of the outbox relay. The first takes the end of a session and makes an event of its own for each
//! service that was told of the session; the second takes those and asks the service, from server to server. A service that
//! hangs or fails is asked again by the relay's schedule, and no other waits for it. A service that can only be reached
//! through the browser is not reached: nobody's browser is there. Its name is in an event of its own.
//!
//! Where a person signs out in a browser, the host [asks everybody itself](IdentityProvider::propagation), and
//! [forgets](IdentityProvider::forget) who was told before it ends the session: there is nothing to do here then.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::outbound::OutboundError;
use ciam_core::relay::EventSink;
use ciam_core::secret::TokenDigest;
use ciam_core::store::Batch;
use serde_json::Value;

use super::{IdentityProvider, Participant};
use crate::binding::SoapError;
use crate::logout::LogoutError;

/// A service is to be asked to end a session that has ended here. Details: `session`, `service`.
pub const LOGOUT_DUE: EventType = EventType::new("ciam.saml.logout.due.v1");

/// A service was told of a session and cannot be asked to end it without a browser. Details: `session`, `service`.
pub const LOGOUT_UNREACHED: EventType = EventType::new("ciam.saml.logout.unreached.v1");

impl IdentityProvider {
    /// The sinks that ask services to end the sessions that have ended here, for the host's
    /// [`Relay`](ciam_core::relay::Relay).
    #[must_use]
    pub fn session_sinks(&self) -> Vec<Arc<dyn EventSink>> {
        vec![Arc::new(SessionEnds(self.clone())), Arc::new(LogoutRequests(self.clone()))]
    }

    /// The services of a session that can be asked from server to server, and the others.
    async fn reachable(&self, session: &str) -> Result<(BTreeSet<String>, BTreeSet<String>), PortError> {
        let told = self.participants(session).await?.into_iter().map(|one| one.sp);
        Ok(told.partition(|sp| self.partners.get(sp).is_some_and(|it| it.soap_logout.is_some())))
    }
}

/// Finds the services of a session that has ended.
#[derive(Debug)]
struct SessionEnds(IdentityProvider);

#[async_trait]
impl EventSink for SessionEnds {
    fn name(&self) -> &'static str {
        "saml.session-ends"
    }

    fn wants(&self, event: &Event) -> bool {
        event.event_type == EventType::SESSION_ENDED
    }

    /// Delivered again, it tells again: services are asked twice then, and the second time have nothing to do.
    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let session = detail(event, "session");
        let (reached, unreached) = self.0.reachable(session).await?;
        let ports = &self.0.ports;
        let mut batch = Batch::new();
        for (services, event_type) in [(reached, LOGOUT_DUE), (unreached, LOGOUT_UNREACHED)] {
            for service in services {
                let subject = format!("saml:{}", TokenDigest::of(&service).to_text());
                let event = Event::new(ports, event_type.clone(), subject)?;
                batch = batch.event(event.with("session", session).with("service", service));
            }
        }
        if batch.events().is_empty() {
            return Ok(());
        }
        ports.store().commit(batch).await.map(|_| ())
    }
}

/// Asks services.
#[derive(Debug)]
struct LogoutRequests(IdentityProvider);

#[async_trait]
impl EventSink for LogoutRequests {
    fn name(&self) -> &'static str {
        "saml.logout-requests"
    }

    fn wants(&self, event: &Event) -> bool {
        event.event_type == LOGOUT_DUE
    }

    /// What the person is called there is read from where it is kept: events hold no such names.
    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let (session, service) = (detail(event, "session"), detail(event, "service"));
        let told = self.0.participants(session).await?;
        for Participant { sp, name_id, session_index } in told {
            if sp != service {
                continue;
            }
            match self.0.ask_service(&sp, &name_id, vec![session_index]).await {
                Ok(answer) if answer.status.is_success() => {}
                Ok(_) => return Err(PortError::permanent("the service did not end the session")),
                Err(error) => judge(error)?,
            }
        }
        Ok(())
    }
}

/// Whether it is asked again: what is refused will be refused again, and a service that is gone need not be asked.
fn judge(error: LogoutError) -> Result<(), PortError> {
    match error {
        LogoutError::UnknownPeer | LogoutError::NotSetUp => Ok(()),
        LogoutError::Port(error) | LogoutError::Exchange(SoapError::Outbound(OutboundError::Port(error))) => {
            Err(error)
        }
        LogoutError::Exchange(SoapError::Outbound(OutboundError::Status(status)))
            if status.is_server_error() || status.as_u16() == 429 =>
        {
            Err(PortError::transient(format!("the service answered {}", status.as_u16())))
        }
        other => Err(PortError::permanent(other)),
    }
}

fn detail<'e>(event: &'e Event, name: &str) -> &'e str {
    event.data.get(name).and_then(Value::as_str).unwrap_or_default()
}
