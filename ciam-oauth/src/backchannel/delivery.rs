//! Telling clients that a person has answered
//! ([CIBA Core, sections 10.2, 10.3 and 12](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.10.2)).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::{PortError, PortErrorKind};
use ciam_core::event::Event;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use ciam_core::relay::EventSink;
use ciam_core::secret::Secret;
use ciam_core::store::Batch;
use ciam_core::vault::{SealScope, Sealed};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::client::Delivery;
use crate::AuthorizationServer;
use crate::client::{Client, ClientId};
use crate::device::{DeviceRecord, DeviceState};
use crate::event;
use crate::grant::{AuthorizationCode, RevocationReason};
use crate::token::{TokenGrant, TokenRequest};

/// What a client is told with, sealed while it waits: its own token, and the name of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SealedNotice(Sealed);

/// What is inside.
#[derive(Serialize, Deserialize)]
struct OpenNotice {
    auth_req_id: String,
    token: String,
}

const PURPOSE: &str = "oauth.backchannel";

impl SealedNotice {
    /// Seals what a client will be told with; nothing for one that polls.
    pub(super) async fn seal(
        ports: &Ports,
        auth_req_id: &Secret,
        token: Option<Secret>,
    ) -> Result<Option<Self>, PortError> {
        let Some(token) = token else { return Ok(None) };
        let open =
            OpenNotice { auth_req_id: auth_req_id.expose().to_owned(), token: token.expose().to_owned() };
        let bytes = serde_json::to_vec(&open).map_err(PortError::permanent)?;
        Ok(Some(Self(ports.vault().seal(&SealScope::Tenant, PURPOSE, &bytes).await?)))
    }

    async fn open(&self, ports: &Ports) -> Result<OpenNotice, PortError> {
        let bytes = ports.vault().open(&SealScope::Tenant, PURPOSE, &self.0).await?;
        serde_json::from_slice(bytes.expose()).map_err(PortError::permanent)
    }
}

impl AuthorizationServer {
    /// Tells clients that a person has answered a backchannel authentication: for the host's
    /// [`Relay`](ciam_core::relay::Relay). Without it nobody is pinged, and nothing is pushed.
    #[must_use]
    pub fn backchannel_sink(&self) -> Arc<dyn EventSink> {
        Arc::new(Answers { server: self.clone() })
    }

    /// Commits that a person has answered, for whoever is to be told.
    pub(crate) async fn note_backchannel_answer(
        &self,
        record: &str,
        client: &ClientId,
    ) -> Result<(), PortError> {
        let event = Event::new(self.ports(), event::BACKCHANNEL_ANSWERED, format!("backchannel:{record}"))?
            .with("record", record)
            .with("client", client.as_str());
        let _applied = self.ports().store().commit(Batch::new().event(event)).await?;
        Ok(())
    }
}

#[derive(Debug)]
struct Answers {
    server: AuthorizationServer,
}

#[async_trait]
impl EventSink for Answers {
    fn name(&self) -> &'static str {
        "oauth.backchannel"
    }

    fn wants(&self, event: &Event) -> bool {
        [event::BACKCHANNEL_ANSWERED, event::BACKCHANNEL_EXPIRED].contains(&event.event_type)
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let text = |name: &str| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
        if event.event_type == event::BACKCHANNEL_EXPIRED {
            return self.expired(text("request")).await;
        }
        let key = EphemeralKey::new(DeviceRecord::BACKCHANNEL, text("record").to_owned());
        let ports = self.server.ports();
        // What has expired meanwhile nobody waits for.
        let Some(stored) = ports.ephemeral().get(&key).await? else { return Ok(()) };
        let record: DeviceRecord = ephemeral::decode(&stored)?;
        let (Some(notice), Some(client)) = (&record.notice, self.server.clients().get(&record.client).await?)
        else {
            return Ok(());
        };
        let client = client.value;
        let notice = notice.open(ports).await?;
        match self.delivery_to(&client) {
            Some(Delivery::Ping) => {
                let body = json!({ "auth_req_id": notice.auth_req_id });
                self.post(&client, &notice.token, &body).await
            }
            Some(Delivery::Push) => {
                self.push(&client, &key, &stored, &record, &notice).await?;
                self.server.answered_in_time(text("record"), record.expires_at).await
            }
            _ => Ok(()),
        }
    }
}

impl Answers {
    /// How a client may be told now, if it may be.
    fn delivery_to(&self, client: &Client) -> Option<Delivery> {
        let settings = self.server.config().backchannel.as_ref()?;
        settings.registered(client).map(|registered| registered.delivery)
    }

    /// Tells a client that nobody has answered in time, once.
    async fn expired(&self, request: &str) -> Result<(), PortError> {
        let Some(awaited) = self.server.over(request).await? else { return Ok(()) };
        let client = self.server.clients().get(&awaited.client).await?;
        let is_pushed = |client: &Client| self.delivery_to(client) == Some(Delivery::Push);
        if let Some(client) = client.filter(|client| is_pushed(&client.value)) {
            let notice = awaited.notice.open(self.server.ports()).await?;
            let body = json!({ "auth_req_id": notice.auth_req_id, "error": "expired_token" });
            self.post(&client.value, &notice.token, &body).await?;
        }
        self.server.no_longer_awaited(request.to_owned()).await
    }

    /// Sends something to a client. A redirect is not followed, and what a client refuses is not sent again
    /// ([section 10.2](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.10.2)).
    async fn post(&self, client: &Client, token: &str, body: &Value) -> Result<(), PortError> {
        let Some(endpoint) = client.backchannel.as_ref().and_then(|it| it.endpoint.as_deref()) else {
            return Ok(());
        };
        let request = http::Request::post(endpoint)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(PortError::permanent)?;
        match Outbound::new(self.server.ports().clone()).send(request).await {
            Ok(response) if response.status().is_server_error() => {
                Err(PortError::transient("the client's endpoint answers with an error of its own"))
            }
            Ok(_) | Err(OutboundError::Redirect) => Ok(()),
            Err(OutboundError::Port(error)) => Err(error),
            Err(error) => Err(PortError::permanent(error)),
        }
    }

    /// Makes the tokens and sends them, once. Tokens that could not be sent nobody has, so their grant is revoked.
    async fn push(
        &self,
        client: &Client,
        key: &EphemeralKey,
        stored: &[u8],
        record: &DeviceRecord,
        notice: &OpenNotice,
    ) -> Result<(), PortError> {
        let granted = match &record.state {
            DeviceState::Approved(granted) => granted.clone(),
            DeviceState::Refused => {
                let body = json!({ "auth_req_id": notice.auth_req_id, "error": "access_denied" });
                return self.post(client, &notice.token, &body).await;
            }
            _ => return Ok(()),
        };
        let Some(mut body) = self.tokens(client, key, stored, record, &granted, notice).await? else {
            return Ok(());
        };
        body.insert("auth_req_id".to_owned(), json!(notice.auth_req_id));
        let body = Value::Object(body);
        for _ in 1..ATTEMPTS {
            match self.post(client, &notice.token, &body).await {
                Err(error) if error.kind() == PortErrorKind::Transient => {}
                sent => return sent,
            }
        }
        if let Err(error) = self.post(client, &notice.token, &body).await {
            self.server.revoke_grant(granted.grant, RevocationReason::Undelivered).await?;
            return Err(PortError::permanent(error));
        }
        Ok(())
    }

    /// The members of a token response; `None` when it was made before.
    async fn tokens(
        &self,
        client: &Client,
        key: &EphemeralKey,
        stored: &[u8],
        record: &DeviceRecord,
        granted: &AuthorizationCode,
        notice: &OpenNotice,
    ) -> Result<Option<Map<String, Value>>, PortError> {
        let server = &self.server;
        let auth_req_id = Secret::from(notice.auth_req_id.as_str());
        let request = TokenRequest::new(TokenGrant::Ciba { auth_req_id, pushed: true });
        let now = server.ports().now();
        let prepared = server.prepare_exchange(client, granted, &request, None, now).await;
        let prepared = prepared.map_err(PortError::permanent)?;
        let spent = ephemeral::encode(&record.with_state(DeviceState::Spent(Box::new(granted.clone()))))?;
        let keep = server.config().lifetimes.spent_code;
        if !server.ports().ephemeral().compare_and_swap(key, stored, spent, keep).await? {
            return Ok(None);
        }
        let response = server.commit_exchange(prepared).await.map_err(PortError::permanent)?;
        let body = response.to_json().map_err(PortError::permanent)?;
        serde_json::from_slice(&body).map_err(PortError::permanent)
    }
}

/// How often pushed tokens are sent, one after the other.
const ATTEMPTS: usize = 3;
