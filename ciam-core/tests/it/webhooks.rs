//! Webhooks: signed requests to endpoints that hang, lie, redirect and come and go.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::actor::Actor;
use ciam_core::crypto;
use ciam_core::event::{Event, EventType};
use ciam_core::memory::{self, MemoryHttpClient, MemoryNotifier};
use ciam_core::ports::Ports;
use ciam_core::relay::{DeadLetters, Relay, RelayReport};
use ciam_core::secret::SecretBytes;
use ciam_core::store::{Batch, PageRequest};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_core::webhook::{
    EventFilter, WEBHOOK_CHANGED, WebhookError, WebhookId, WebhookPut, WebhookSecret, WebhookSettings,
    WebhookVerifier, Webhooks,
};
use time::Duration;

const URL: &str = "https://shop.example/hook";

struct World {
    clock: Arc<ManualClock>,
    ports: Ports,
    http: MemoryHttpClient,
    webhooks: Webhooks,
    relay: Relay,
}

fn world() -> World {
    let (clock, http) = (Arc::new(ManualClock::default()), MemoryHttpClient::new());
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(5)))
        .with_http_client(Arc::new(http.clone()));
    let webhooks = Webhooks::new(ports.clone());
    let relay =
        Relay::new(ports.clone(), Arc::new(MemoryNotifier::new())).with_source(Arc::new(webhooks.clone()));
    World { clock, ports, http, webhooks, relay }
}

fn secret(byte: u8) -> WebhookSecret {
    WebhookSecret::new(SecretBytes::new(vec![byte; 32])).unwrap()
}

fn endpoint(id: &str, url: &str, events: &[&str]) -> WebhookSettings {
    let events = events.iter().map(|it| EventFilter::new(*it).unwrap()).collect();
    WebhookSettings::new(WebhookId::new(id).unwrap(), url, secret(1)).with_events(events)
}

fn actor() -> Actor {
    Actor::system("test")
}

fn status(code: u16) -> http::Response<Bytes> {
    http::Response::builder().status(code).body(Bytes::new()).unwrap()
}

async fn emit(ports: &Ports, event_type: EventType, subject: &str) -> Event {
    let event = Event::new(ports, event_type, subject).unwrap();
    assert!(ports.store().commit(Batch::new().event(event.clone())).await.unwrap().is_applied());
    event
}

async fn dead(ports: &Ports, of: &str) -> usize {
    DeadLetters::new(ports.clone()).list(Some(of), PageRequest::first(100)).await.unwrap().items.len()
}

#[tokio::test]
async fn an_event_is_a_signed_request_that_its_receiver_can_check() {
    let World { ports, http, webhooks, relay, .. } = world();
    http.answer(URL, status(204));
    let settings = endpoint("shop", URL, &["ciam.account.*"]);
    assert_eq!(webhooks.put(&actor(), &settings).await.unwrap(), WebhookPut::Created);
    let event = emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    emit(&ports, EventType::SIGNED_IN, "account:a").await;
    relay.deliver_pending().await.unwrap();
    let sent = http.requests();
    assert_eq!(sent.len(), 1, "of the family that it asked for, and nothing else");
    assert_eq!((sent[0].method(), sent[0].uri().to_string().as_str()), (&http::Method::POST, URL));
    assert_eq!(serde_json::from_slice::<Event>(sent[0].body()).unwrap(), event);
    let verifier = WebhookVerifier::new(&*crypto::ring(), [secret(1)]).unwrap();
    let id = verifier.verify(sent[0].headers(), sent[0].body(), ports.now()).unwrap();
    assert_eq!(id, event.id.to_string());
    let stranger = WebhookVerifier::new(&*crypto::ring(), [secret(2)]).unwrap();
    assert!(stranger.verify(sent[0].headers(), sent[0].body(), ports.now()).is_err());
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign_and_afterwards_only_the_new_one_does() {
    let World { clock, ports, http, webhooks, relay } = world();
    http.answer(URL, status(200));
    let mut settings = endpoint("shop", URL, &["ciam.account.*"]);
    webhooks.put(&actor(), &settings).await.unwrap();
    assert_eq!(webhooks.put(&actor(), &settings).await.unwrap(), WebhookPut::Unchanged);
    settings.secret = secret(2);
    assert_eq!(webhooks.put(&actor(), &settings).await.unwrap(), WebhookPut::Updated);
    let accepts = |byte, request: &http::Request<Bytes>| {
        let verifier = WebhookVerifier::new(&*crypto::ring(), [secret(byte)]).unwrap();
        verifier.verify(request.headers(), request.body(), ports.now()).is_ok()
    };
    emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    relay.deliver_pending().await.unwrap();
    let sent = http.requests().pop().unwrap();
    assert!(accepts(1, &sent) && accepts(2, &sent));
    clock.advance(Webhooks::OVERLAP);
    emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    relay.deliver_pending().await.unwrap();
    let sent = http.requests().pop().unwrap();
    assert!(!accepts(1, &sent) && accepts(2, &sent));
    let stored = format!("{:?}", webhooks.list(PageRequest::first(9)).await.unwrap());
    assert!(!stored.contains("AQEB") && !stored.contains("whsec"), "secrets are sealed at rest");
}

/// One row per way in which a receiver can misbehave: it is tried again, or given up at once where it says so.
#[tokio::test]
async fn whatever_is_not_a_success_is_tried_again() {
    for (what, code, expected) in [
        ("an error", 500, (0, 1, 0)),
        ("an overload", 503, (0, 1, 0)),
        ("too many", 429, (0, 1, 0)),
        ("a wrong deployment", 404, (0, 1, 0)),
        ("a redirect", 307, (0, 1, 0)),
        ("a redirect that a client would cache", 301, (0, 1, 0)),
        ("gone", 410, (0, 0, 1)),
        ("accepted", 202, (1, 0, 0)),
    ] {
        let World { ports, http, webhooks, relay, .. } = world();
        http.answer(URL, status(code));
        webhooks.put(&actor(), &endpoint("shop", URL, &["ciam.account.*"])).await.unwrap();
        emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
        let report = relay.deliver_pending().await.unwrap();
        assert_eq!((report.delivered, report.postponed, report.dropped), expected, "{what}");
        assert_eq!(http.requests().len(), 1, "{what}: nothing is followed");
        assert_eq!(dead(&ports, "webhook:shop").await, usize::from(code == 410), "{what}");
    }
}

/// What an endpoint's name stands for is looked at for each request: an address inside is never connected to.
#[tokio::test]
async fn an_endpoint_cannot_reach_inside() {
    let World { clock, ports, http, webhooks, relay } = world();
    for url in ["http://shop.example/", "https://user:pass@shop.example/", "file:///etc/passwd", ""] {
        let refused = webhooks.put(&actor(), &endpoint("shop", url, &[])).await;
        assert!(matches!(refused, Err(WebhookError::Invalid(_))), "{url}");
    }
    for address in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1"] {
        http.resolve_to("shop.example", [address.parse().unwrap()]);
        webhooks.put(&actor(), &endpoint("shop", URL, &["ciam.account.*"])).await.unwrap();
        emit(&ports, EventType::ACCOUNT_UPDATED, &format!("account:{address}")).await;
        assert_eq!(relay.deliver_pending().await.unwrap().postponed, 1, "{address}");
        assert!(http.requests().is_empty(), "{address}");
        clock.advance(Duration::seconds(1));
    }
    webhooks
        .put(&actor(), &endpoint("inside", "https://169.254.169.254/latest", &["ciam.session.*"]))
        .await
        .unwrap();
    emit(&ports, EventType::SIGNED_IN, "account:b").await;
    relay.deliver_pending().await.unwrap();
    assert!(http.requests().is_empty());
}

/// A receiver answers 500 for an hour. The other one has everything at once, and the first one has it in order afterwards.
#[tokio::test]
async fn a_receiver_that_answers_500_for_an_hour_delays_nobody() {
    let World { clock, ports, http, webhooks, relay } = world();
    const OTHER: &str = "https://crm.example/hook";
    http.answer(URL, status(500));
    http.answer(OTHER, status(200));
    webhooks.put(&actor(), &endpoint("shop", URL, &["ciam.account.*"])).await.unwrap();
    webhooks.put(&actor(), &endpoint("crm", OTHER, &["ciam.account.*"])).await.unwrap();
    let mut committed = Vec::new();
    for minute in 0..60 {
        committed.push(emit(&ports, EventType::ACCOUNT_UPDATED, &format!("account:{}", minute % 7)).await.id);
        relay.deliver_pending().await.unwrap();
        let got = http.requests().iter().filter(|it| it.uri() == OTHER).count();
        assert_eq!(got, committed.len(), "minute {minute}");
        clock.advance(Duration::minutes(1));
    }
    let tries = http.requests().iter().filter(|it| it.uri() == URL).count();
    assert!((5..80).contains(&tries), "{tries} attempts at the one that is down");
    http.answer(URL, status(200));
    let before = http.requests().len();
    for _ in 0..240 {
        clock.advance(Duration::minutes(1));
        relay.deliver_pending().await.unwrap();
    }
    let late: Vec<Event> =
        http.requests()[before..].iter().map(|it| serde_json::from_slice(it.body()).unwrap()).collect();
    assert_eq!(late.len(), committed.len());
    for account in 0..7 {
        let of = |id: &&ciam_core::id::EventId| {
            late.iter().any(|it| it.id == **id && it.subject == format!("account:{account}"))
        };
        let expected: Vec<_> = committed.iter().filter(of).copied().collect();
        let found: Vec<_> =
            late.iter().filter(|it| it.subject == format!("account:{account}")).map(|it| it.id).collect();
        assert_eq!(found, expected, "account {account}");
    }
}

#[tokio::test]
async fn a_removed_endpoint_gets_nothing_more_and_comes_back_empty() {
    let World { clock, ports, http, webhooks, relay } = world();
    http.answer(URL, status(500));
    let settings = endpoint("shop", URL, &["ciam.account.*"]);
    webhooks.put(&actor(), &settings).await.unwrap();
    emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    relay.deliver_pending().await.unwrap();
    let id = WebhookId::new("shop").unwrap();
    assert!(webhooks.remove(&actor(), &id).await.unwrap());
    assert!(!webhooks.remove(&actor(), &id).await.unwrap());
    assert!(webhooks.list(PageRequest::first(9)).await.unwrap().items.is_empty());
    http.answer(URL, status(200));
    emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    clock.advance(Duration::minutes(1));
    while relay.deliver_pending().await.unwrap() != RelayReport::default() {}
    assert_eq!(http.requests().len(), 1, "what was queued is thrown away");
    assert_eq!(webhooks.put(&actor(), &settings).await.unwrap(), WebhookPut::Created);
    emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    relay.deliver_pending().await.unwrap();
    assert_eq!(http.requests().len(), 2);
}

#[tokio::test]
async fn an_endpoint_that_is_switched_off_misses_what_happens_meanwhile() {
    let World { ports, http, webhooks, relay, .. } = world();
    http.answer(URL, status(200));
    let settings = endpoint("shop", URL, &["ciam.account.*"]).with_enabled(false);
    webhooks.put(&actor(), &settings).await.unwrap();
    emit(&ports, EventType::ACCOUNT_UPDATED, "account:a").await;
    relay.deliver_pending().await.unwrap();
    assert!(http.requests().is_empty());
}

#[tokio::test]
async fn every_change_of_an_endpoint_is_an_event_that_says_who() {
    let World { http, webhooks, relay, .. } = world();
    http.answer("https://audit.example/", status(200));
    let audit = endpoint("audit", "https://audit.example/", &[WEBHOOK_CHANGED.as_str()]);
    webhooks.put(&actor(), &audit).await.unwrap();
    webhooks.put(&actor(), &endpoint("shop", URL, &["ciam.account.*"])).await.unwrap();
    webhooks.put(&actor(), &endpoint("shop", URL, &[])).await.unwrap();
    webhooks.remove(&actor(), &WebhookId::new("shop").unwrap()).await.unwrap();
    while relay.deliver_pending().await.unwrap() != RelayReport::default() {}
    let told: Vec<Event> =
        http.requests().iter().map(|it| serde_json::from_slice(it.body()).unwrap()).collect();
    let shop: Vec<_> =
        told.iter().filter(|it| it.subject == "webhook:shop").map(|it| &it.data["change"]).collect();
    assert_eq!(shop, ["created", "updated", "removed"]);
    assert!(told.iter().all(|it| it.data["by"] == "system:test" && !it.data.contains_key("secret")));
}
