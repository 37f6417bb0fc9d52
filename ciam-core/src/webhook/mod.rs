//! Webhooks: events as signed HTTP requests to endpoints that somebody else runs.
//!
//! Requests follow [Standard Webhooks](https://www.standardwebhooks.com/): the body is the event in its CloudEvents
//! envelope, `webhook-id` is the event's id and the idempotency key, `webhook-timestamp` the time of the attempt, and
//! `webhook-signature` holds an HMAC-SHA-256 over all three for each secret of the endpoint, two of them while a secret is
//! being replaced.
//!
//! [`Webhooks`] keeps the endpoints and is a [`SinkSource`](crate::relay::SinkSource): give it to the
//! [`Relay`](crate::relay::Relay), which queues, orders, retries and gives up. Requests go out by the rules of
//! [`outbound`](crate::outbound): `https` and public addresses only, no redirects, bounded in time and size. Any status of
//! the 200s is a delivery; `410 Gone` refuses an event for good; everything else is tried again.
//!
//! [`WebhookVerifier`] is the other side, for receivers.

mod endpoint;
mod registry;
mod signature;
mod sink;

pub use self::endpoint::{EventFilter, InvalidWebhook, WebhookEndpoint, WebhookId};
pub use self::registry::{WEBHOOK_CHANGED, WebhookError, WebhookPut, WebhookSettings, Webhooks};
pub use self::signature::{
    ID, InvalidSignature, InvalidWebhookSecret, SIGNATURE, TIMESTAMP, WebhookSecret, WebhookVerifier,
};
