//! The notifier for text messages, through a gateway that takes JSON over HTTP.
//!
//! Gateways differ in little but names, so this one speaks the plainest form: `POST` of `{"id", "to", "text"}` with a bearer
//! token. Copy it and change `SmsGateway::request` for another. Mail goes elsewhere: [`ByChannel`] sends each message where
//! its channel leads.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::notify::{Channel, Message, Notifier};
use ciam_core::outbound::Outbound;
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;

use crate::mail_text::MailTexts;

/// Sends text messages through an HTTP gateway.
///
/// A message's id goes along as `id` and `Idempotency-Key`, so that a gateway can recognise one that is sent again after a
/// crash.
///
/// # Security
///
/// Neither numbers nor the words of a message nor the gateway's answers are part of an error.
#[derive(Clone)]
pub struct SmsGateway {
    ports: Ports,
    url: String,
    token: Secret,
    texts: Arc<dyn MailTexts>,
}

impl SmsGateway {
    /// A notifier that posts to this address, in these words.
    #[must_use]
    pub fn new(ports: Ports, url: impl Into<String>, token: Secret, texts: Arc<dyn MailTexts>) -> Self {
        Self { ports, url: url.into(), token, texts }
    }

    fn request(&self, message: &Message) -> Result<http::Request<Bytes>, PortError> {
        if message.channel != Channel::Sms {
            return Err(PortError::permanent("this notifier sends text messages only"));
        }
        let text = self.texts.render(message)?.text;
        let body = json!({ "id": message.id, "to": message.to, "text": text });
        http::Request::post(&self.url)
            .header(AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", message.id.to_string())
            .body(Bytes::from(body.to_string()))
            .map_err(|_| PortError::permanent("the gateway's address or token cannot be sent"))
    }
}

/// Shows no secret.
impl fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsGateway")
            .field("url", &self.url)
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Notifier for SmsGateway {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let request = self.request(message)?;
        let sent = Outbound::new(self.ports.clone()).send(request).await.map_err(PortError::transient)?;
        match sent.status().as_u16() {
            200..=299 => Ok(()),
            // A number that is none, a text that is too long: the same again would be refused again.
            400 | 404 | 413 | 422 => Err(PortError::permanent("the gateway refused the message")),
            // Credentials, limits and outages can be put right.
            _ => Err(PortError::transient("the gateway did not take the message")),
        }
    }
}

/// Sends mail by one notifier and text messages by another.
#[derive(Clone, Debug)]
pub struct ByChannel {
    mail: Arc<dyn Notifier>,
    sms: Arc<dyn Notifier>,
}

impl ByChannel {
    /// A notifier for each channel.
    #[must_use]
    pub fn new(mail: Arc<dyn Notifier>, sms: Arc<dyn Notifier>) -> Self {
        Self { mail, sms }
    }
}

#[async_trait]
impl Notifier for ByChannel {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        match message.channel {
            Channel::Email => self.mail.send(message).await,
            Channel::Sms => self.sms.send(message).await,
            _ => Err(PortError::permanent("there is no notifier for this channel")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::error::PortErrorKind;
    use ciam_core::memory::{self, MemoryHttpClient, MemoryNotifier};
    use ciam_core::notify::MessageCode;

    use super::*;
    use crate::mail_text::PlainTexts;

    const URL: &str = "https://sms.example/v1/messages";

    fn message(ports: &Ports, channel: Channel, to: &str) -> Message {
        Message::new(ports, MessageCode::VerifyRegistration, channel, to, ports.now())
            .unwrap()
            .with("code", "042137")
            .with("minutes", "10")
    }

    fn gateway(status: u16) -> (SmsGateway, MemoryHttpClient, Ports) {
        let network = MemoryHttpClient::new();
        network.serve("sms.example", move |_| {
            Box::pin(async move { http::Response::builder().status(status).body(Bytes::new()).unwrap() })
        });
        let ports = memory::ports().with_http_client(Arc::new(network.clone()));
        let texts = Arc::new(PlainTexts::new("Example"));
        (SmsGateway::new(ports.clone(), URL, Secret::from("t0ken"), texts), network, ports)
    }

    #[tokio::test]
    async fn a_text_message_is_posted_with_the_token_and_its_id() {
        let (gateway, network, ports) = gateway(202);
        let message = message(&ports, Channel::Sms, "+436641234567");
        gateway.send(&message).await.unwrap();
        let sent = network.requests().pop().unwrap();
        assert_eq!((sent.method().as_str(), sent.uri().to_string().as_str()), ("POST", URL));
        assert_eq!(sent.headers()["authorization"], "Bearer t0ken");
        assert_eq!(sent.headers()["idempotency-key"], message.id.to_string());
        let body: serde_json::Value = serde_json::from_slice(sent.body()).unwrap();
        assert_eq!(body["to"], "+436641234567");
        assert!(body["text"].as_str().unwrap().contains("042137"));
    }

    #[tokio::test]
    async fn what_may_be_put_right_is_tried_again_and_nothing_is_told() {
        for (status, kind) in [
            (400, PortErrorKind::Permanent),
            (422, PortErrorKind::Permanent),
            (401, PortErrorKind::Transient),
            (429, PortErrorKind::Transient),
            (500, PortErrorKind::Transient),
        ] {
            let (gateway, _, ports) = gateway(status);
            let error = gateway.send(&message(&ports, Channel::Sms, "+436641234567")).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{status}");
            let shown = format!("{error} {error:?} {gateway:?}");
            for secret in ["664123", "042137", "t0ken"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }

    #[tokio::test]
    async fn each_message_goes_where_its_channel_leads() {
        let (gateway, network, ports) = gateway(200);
        let mail = message(&ports, Channel::Email, "ada@example.com");
        assert!(gateway.send(&mail).await.is_err(), "mail is no text message");
        let post = Arc::new(MemoryNotifier::new());
        let both = ByChannel::new(post.clone(), Arc::new(gateway));
        both.send(&mail).await.unwrap();
        both.send(&message(&ports, Channel::Sms, "+436641234567")).await.unwrap();
        assert_eq!((post.sent().len(), network.requests().len()), (1, 1));
    }
}
