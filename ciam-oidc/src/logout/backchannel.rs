//! Telling clients that a session has ended
//! ([OpenID Connect Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html)).
//!
//! Two [sinks](EventSink) of the outbox relay do it. The first takes the end of a session and makes an event of its own for
//! each client that the session has signed into, in one commit; the second takes those and posts a logout token to the
//! client. So a client that hangs or fails is tried again by the relay's schedule, and no other waits for it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::id::{EventId, SessionId};
use ciam_core::jose;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::relay::EventSink;
use ciam_core::store::{Batch, EntityRef, PageRequest, StoredRecord as _, Write};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, ClientId};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use time::Duration;
use url::form_urlencoded;

use super::login::{BY_SESSION, Login};
use crate::provider::OpenIdProvider;

/// A client is to be told that a session has ended. Details: `session`, `client`, and as the client knows them `sub`, `sid`.
pub const LOGOUT_DUE: EventType = EventType::new("ciam.oidc.logout_due.v1");

/// The `typ` of logout tokens: no ID token and no access token is taken for one, nor one for them.
const TYP: &str = "logout+jwt";

/// The member of `events` that makes a token a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token is good: it is read once, when it arrives.
const LIFETIME: Duration = Duration::minutes(2);

/// How many clients are told of in one commit: each is a deletion and a condition.
const AT_ONCE: u32 = 50;

/// How often it is looked again in one delivery.
const ROUNDS: usize = 64;

impl OpenIdProvider {
    /// The sinks that tell clients of the ends of sessions, for the host's [`Relay`](ciam_core::relay::Relay). They have
    /// something to do where the provider's configuration says [`with_backchannel_logout`].
    ///
    /// [`with_backchannel_logout`]: crate::ProviderConfig::with_backchannel_logout
    #[must_use]
    pub fn backchannel_sinks(&self, server: &AuthorizationServer) -> Vec<Arc<dyn EventSink>> {
        vec![
            Arc::new(SessionEnds { server: server.clone() }),
            Arc::new(LogoutTokens { server: server.clone(), provider: self.clone() }),
        ]
    }
}

/// Finds the clients of a session that has ended.
#[derive(Debug)]
struct SessionEnds {
    server: AuthorizationServer,
}

#[async_trait]
impl EventSink for SessionEnds {
    fn name(&self) -> &'static str {
        "oidc.session-ends"
    }

    fn wants(&self, event: &Event) -> bool {
        event.event_type == EventType::SESSION_ENDED
    }

    /// What was found is removed in the commit that tells of it: the same end, delivered again, finds nothing.
    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let session = event.data.get("session").and_then(Value::as_str).unwrap_or_default();
        let session: SessionId = session.parse().map_err(PortError::permanent)?;
        let ports = self.server.ports();
        for _ in 0..ROUNDS {
            let request = PageRequest::first(AT_ONCE);
            let page = ports
                .store()
                .records_by(Login::KIND, BY_SESSION.name(), &session.to_string(), request)
                .await?;
            let mut batch = Batch::new();
            for record in &page.items {
                let login: Login = record.value.decode()?;
                let due = Event::new(ports, LOGOUT_DUE, format!("client:{}", login.client))?
                    .with("session", login.session.to_string())
                    .with("client", login.client.as_str())
                    .with("sub", login.subject.as_str())
                    .with("sid", login.name.as_str());
                batch = batch
                    .require_version(EntityRef::record::<Login>(login.key()), record.version)
                    .write(Write::DeleteRecord(Login::KIND, login.key()))
                    .event(due);
            }
            if batch.writes().is_empty() {
                return Ok(());
            }
            // Lost when another node does the same, or the session signs in once more at the last moment: look again.
            let _whoever_was_first = ports.store().commit(batch).await?;
        }
        Err(PortError::transient("the session has more clients than were told in one turn"))
    }
}

/// Posts logout tokens.
#[derive(Debug)]
struct LogoutTokens {
    server: AuthorizationServer,
    provider: OpenIdProvider,
}

#[async_trait]
impl EventSink for LogoutTokens {
    fn name(&self) -> &'static str {
        "oidc.backchannel-logout"
    }

    fn wants(&self, event: &Event) -> bool {
        event.event_type == LOGOUT_DUE
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let detail = |name| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
        let id: ClientId = detail("client").parse().map_err(PortError::permanent)?;
        // A client that is gone, or no longer wants to know, is not told.
        let Some(client) = self.server.clients().get(&id).await? else { return Ok(()) };
        let client = client.value;
        let Some(uri) = client.backchannel_logout_uri.as_deref() else { return Ok(()) };
        let token = self.logout_token(&client, detail("sub"), detail("sid")).await?;
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
        let request = http::Request::post(uri)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .map_err(PortError::permanent)?;
        let response = match Outbound::new(self.server.ports().clone()).send(request).await {
            Ok(response) => response,
            Err(OutboundError::Port(error)) => return Err(error),
            Err(error) => return Err(PortError::permanent(error)),
        };
        judge(response.status())
    }
}

impl LogoutTokens {
    /// A logout token (section 2.4). A new one for each attempt: it lives for two minutes only.
    async fn logout_token(&self, client: &Client, subject: &str, session: &str) -> Result<String, PortError> {
        let ports = self.server.ports();
        let now = ports.now();
        let signer = self.server.keys().signer(self.provider.id_token_algorithm(client)).await?;
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("iss", json!(self.server.issuer().as_str()));
        put("aud", json!(client.id.as_str()));
        put("iat", json!(now.unix_timestamp()));
        put("exp", json!((now + LIFETIME).unix_timestamp()));
        put("jti", json!(EventId::generate(ports.clock(), ports.entropy())?.to_string()));
        put("sub", json!(subject));
        put("sid", json!(session));
        put("events", json!({ LOGOUT_EVENT: {} }));
        Ok(jose::sign(&*signer, TYP, &claims).await?)
    }
}

/// What a client's answer means (section 2.8): what it refuses it will refuse again.
fn judge(status: StatusCode) -> Result<(), PortError> {
    let later = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    match status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
        _ if later => Err(PortError::transient(format!("the client answered {}", status.as_u16()))),
        _ => Err(PortError::permanent(format!("the client answered {}", status.as_u16()))),
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::error::PortErrorKind;

    use super::*;

    #[test]
    fn a_refusal_is_final_and_a_failure_is_not() {
        let of = |status: u16| judge(StatusCode::from_u16(status).unwrap()).map_err(|error| error.kind());
        for good in [200, 204] {
            assert_eq!(of(good), Ok(()));
        }
        for later in [408, 425, 429, 500, 502, 503] {
            assert_eq!(of(later), Err(PortErrorKind::Transient), "{later}");
        }
        for never in [201, 302, 400, 401, 404, 410] {
            assert_eq!(of(never), Err(PortErrorKind::Permanent), "{never}");
        }
    }
}
