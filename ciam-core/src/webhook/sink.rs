//! Sends events to one endpoint.

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, USER_AGENT};

use super::endpoint::WebhookEndpoint;
use super::signature::{ID, SIGNATURE, TIMESTAMP, WebhookSecret, sign};
use crate::error::PortError;
use crate::event::Event;
use crate::outbound::{Outbound, OutboundError};
use crate::ports::Ports;
use crate::relay::EventSink;
use crate::vault::SealScope;

/// One endpoint, as a sink.
#[derive(Debug)]
pub(super) struct WebhookSink {
    ports: Ports,
    endpoint: WebhookEndpoint,
    name: String,
}

impl WebhookSink {
    pub(super) fn new(ports: Ports, endpoint: WebhookEndpoint) -> Self {
        let name = endpoint.destination();
        Self { ports, endpoint, name }
    }

    async fn secrets(&self) -> Result<Vec<WebhookSecret>, PortError> {
        let mut secrets = Vec::new();
        for sealed in self.endpoint.live_secrets(self.ports.now()) {
            let plain = self.ports.vault().open(&SealScope::Tenant, SECRET_PURPOSE, sealed).await?;
            secrets.push(WebhookSecret::new(plain).map_err(PortError::permanent)?);
        }
        // An unsigned request teaches a receiver to accept unsigned requests.
        if secrets.is_empty() { Err(PortError::permanent("the endpoint has no secret")) } else { Ok(secrets) }
    }

    async fn request(&self, event: &Event) -> Result<http::Request<Bytes>, PortError> {
        let body = serde_json::to_vec(event).map_err(PortError::permanent)?;
        let (id, now) = (event.id.to_string(), self.ports.now());
        let signature = sign(self.ports.crypto(), &self.secrets().await?, &id, now, &body)?;
        http::Request::post(&self.endpoint.url)
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header(USER_AGENT, "ciam-webhooks/1")
            .header(ID, id)
            .header(TIMESTAMP, now.unix_timestamp())
            .header(SIGNATURE, signature)
            .body(Bytes::from(body))
            .map_err(PortError::permanent)
    }
}

#[async_trait]
impl EventSink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, event: &Event) -> bool {
        self.endpoint.wants(&event.event_type)
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        if self.endpoint.is_removed() {
            return Ok(());
        }
        if !self.endpoint.enabled {
            return Err(PortError::transient("the endpoint is switched off"));
        }
        let request = self.request(event).await?;
        match Outbound::new(self.ports.clone()).send(request).await {
            Ok(answer) => judge(answer.status()),
            Err(OutboundError::Port(error)) => Err(error_of_attempt(error)),
            // Names and certificates change: what is refused now may be allowed within the day.
            Err(refused) => Err(PortError::transient(refused)),
        }
    }
}

/// Whatever went wrong on the way may pass.
fn error_of_attempt(error: PortError) -> PortError {
    PortError::transient(error)
}

fn judge(status: StatusCode) -> Result<(), PortError> {
    if status.is_success() {
        return Ok(());
    }
    let text = format!("the endpoint answered with status {}", status.as_u16());
    Err(if status == StatusCode::GONE { PortError::permanent(text) } else { PortError::transient(text) })
}

pub(super) const SECRET_PURPOSE: &str = "core.webhook_secret";
