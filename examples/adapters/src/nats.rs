//! NATS JetStream: events on a message bus.
//!
//! Each event is a message on the subject `PREFIX.TENANT.TYPE`, such as
//! `ciam.01930000-0000-7000-8000-000000000001.ciam.account.registered.v1`: a consumer picks a tenant, a family of events or
//! all of them by the wildcards of NATS. The payload is the event in its CloudEvents envelope. `Nats-Msg-Id` is the event's
//! id, so that JetStream drops what comes again within the stream's window; beyond it the id is the consumer's to know.
//!
//! A delivery is done when the stream has acknowledged the message: it is then as durable as the stream is. The relay
//! delivers the events of one account one after the other, so they are in the stream in the order of their commits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config as StreamConfig, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::id::TenantId;
use ciam_core::relay::EventSink;
use tokio::sync::OnceCell;

/// How events are put on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatsOptions {
    /// The stream. It is made if there is none; one that is there is used as it is. Default `CIAM`.
    pub stream: String,
    /// What every subject begins with. Default `ciam`.
    pub prefix: String,
    /// How long the stream keeps a message. Default 7 days.
    pub keep: Duration,
    /// How long the stream remembers the ids of messages. Default 10 min.
    pub remember: Duration,
    /// How long an acknowledgement is waited for. Default 5 s.
    pub ack_timeout: Duration,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            stream: "CIAM".to_owned(),
            prefix: "ciam".to_owned(),
            keep: Duration::from_secs(7 * 24 * 3600),
            remember: Duration::from_secs(600),
            ack_timeout: Duration::from_secs(5),
        }
    }
}

impl NatsOptions {
    /// Sets the stream.
    #[must_use]
    pub fn with_stream(mut self, stream: impl Into<String>) -> Self {
        self.stream = stream.into();
        self
    }

    /// Sets what every subject begins with.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long an acknowledgement is waited for.
    #[must_use]
    pub const fn with_ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }
}

/// Puts the events of one tenant into a stream.
#[derive(Clone)]
pub struct NatsSink {
    url: Arc<str>,
    context: Arc<OnceCell<Context>>,
    options: NatsOptions,
    tenant: TenantId,
}

impl NatsSink {
    /// A sink that connects to a `nats://USER:PASSWORD@HOST:PORT` URL when there is something to deliver, so that a server
    /// can start while the bus is away.
    #[must_use]
    pub fn new(url: &str, tenant: TenantId, options: NatsOptions) -> Self {
        Self { url: url.into(), context: Arc::default(), options, tenant }
    }

    /// Connects now, and makes the stream if there is none. A bus that goes away later is connected to again by itself.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, refuses the connection, or has no JetStream.
    pub async fn connect(&self) -> Result<(), PortError> {
        self.context.get_or_try_init(|| self.open()).await.map(drop)
    }

    async fn open(&self) -> Result<Context, PortError> {
        let connecting = ConnectOptions::new()
            .name("ciam")
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(self.options.ack_timeout))
            .client_capacity(256)
            .connect(&*self.url);
        let client = connecting.await.map_err(PortError::transient)?;
        let mut context = jetstream::new(client);
        context.set_timeout(self.options.ack_timeout);
        let stream = StreamConfig {
            name: self.options.stream.clone(),
            subjects: vec![format!("{}.>", self.options.prefix)],
            retention: RetentionPolicy::Limits,
            max_age: self.options.keep,
            duplicate_window: self.options.remember,
            ..StreamConfig::default()
        };
        context.get_or_create_stream(stream).await.map_err(PortError::transient)?;
        Ok(context)
    }

    /// The subject of an event.
    #[must_use]
    pub fn subject(&self, event: &Event) -> String {
        format!("{}.{}.{}", self.options.prefix, self.tenant, event.event_type.as_str())
    }
}

impl fmt::Debug for NatsSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsSink")
            .field("options", &self.options)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EventSink for NatsSink {
    fn name(&self) -> &str {
        "nats"
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let payload = serde_json::to_vec(event).map_err(PortError::permanent)?;
        let context = self.context.get_or_try_init(|| self.open()).await?;
        let message = PublishMessage::build()
            .payload(payload.into())
            .header("Content-Type", "application/cloudevents+json")
            .message_id(event.id.to_string())
            .expected_stream(&self.options.stream);
        let sent = async {
            let acknowledged = context.send_publish(self.subject(event), message).await?;
            acknowledged.await.map(drop)
        };
        // The client keeps what it cannot send yet. Who waits for it has to stop waiting.
        match tokio::time::timeout(self.options.ack_timeout * 2, sent).await {
            Ok(outcome) => outcome.map_err(port_error),
            Err(_) => Err(PortError::transient("the stream did not acknowledge in time")),
        }
    }
}

fn port_error(error: PublishError) -> PortError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => PortError::permanent(error),
        _ => PortError::transient(error),
    }
}
