//! The relay: what was committed is delivered, in order, and given up only for good reasons.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::memory::{self, MemoryNotifier};
use ciam_core::notify::{Channel, Message, MessageCode};
use ciam_core::ports::Ports;
use ciam_core::relay::{EventSink, Relay};
use ciam_core::store::{Batch, EntityRef};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use time::Duration;

#[derive(Debug, Default)]
struct Sink {
    seen: Mutex<Vec<(String, String)>>,
    failing: Mutex<Option<PortError>>,
}

#[async_trait]
impl EventSink for Sink {
    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        if let Some(error) = self.failing.lock().unwrap().clone() {
            return Err(error);
        }
        let n = event.data["n"].to_string();
        self.seen.lock().unwrap().push((event.subject.clone(), n));
        Ok(())
    }
}

fn world() -> (Arc<ManualClock>, Ports, Arc<Sink>, Arc<MemoryNotifier>, Relay) {
    let clock = Arc::new(ManualClock::default());
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(3)));
    let (sink, notifier) = (Arc::new(Sink::default()), Arc::new(MemoryNotifier::new()));
    let relay = Relay::new(ports.clone(), notifier.clone()).with_sink(sink.clone());
    (clock, ports, sink, notifier, relay)
}

async fn emit(ports: &Ports, subject: &str, n: u32) {
    let event = Event::new(ports, EventType::ACCOUNT_UPDATED, subject).unwrap().with("n", n);
    assert!(ports.store().commit(Batch::new().event(event)).await.unwrap().is_applied());
}

#[tokio::test]
async fn events_of_a_subject_arrive_in_order_even_after_a_failure() {
    let (clock, ports, sink, _, relay) = world();
    for n in 0..3 {
        emit(&ports, "account:a", n).await;
    }
    *sink.failing.lock().unwrap() = Some(PortError::transient("down"));
    let report = relay.deliver_pending().await.unwrap();
    assert_eq!((report.delivered, report.postponed), (0, 3));
    *sink.failing.lock().unwrap() = None;
    emit(&ports, "account:a", 3).await;
    assert_eq!(relay.deliver_pending().await.unwrap().delivered, 0, "the lease still runs");
    clock.advance(Duration::seconds(30));
    relay.deliver_pending().await.unwrap();
    let seen: Vec<String> = sink.seen.lock().unwrap().iter().map(|(_, n)| n.clone()).collect();
    assert_eq!(seen, ["0", "1", "2", "3"]);
    assert_eq!(relay.deliver_pending().await.unwrap(), ciam_core::relay::RelayReport::default());
}

#[tokio::test]
async fn a_permanent_failure_does_not_hold_up_what_follows() {
    let (_, ports, sink, _, relay) = world();
    emit(&ports, "account:a", 0).await;
    *sink.failing.lock().unwrap() = Some(PortError::permanent("refused"));
    assert_eq!(relay.deliver_pending().await.unwrap().dropped, 1);
    *sink.failing.lock().unwrap() = None;
    emit(&ports, "account:a", 1).await;
    assert_eq!(relay.deliver_pending().await.unwrap().delivered, 1);
}

#[tokio::test]
async fn a_refused_batch_sends_nothing_and_a_late_message_is_dropped() {
    let (clock, ports, sink, notifier, relay) = world();
    let soon = ports.now() + Duration::minutes(5);
    let message =
        || Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, "ada@example.com", soon);
    let sealed = message().unwrap().with("code", "123456").seal(&ports).await.unwrap();
    assert!(!serde_json::to_string(&sealed).unwrap().contains("123456"), "a code is never readable at rest");

    const MARK: ciam_core::store::RecordKind = ciam_core::store::RecordKind::new("test.mark", &[]);
    let mark = ciam_core::store::Record::new(MARK, "1", 1, "{}");
    let write = || ciam_core::store::Write::PutRecord(mark.clone());
    assert!(ports.store().commit(Batch::new().write(write())).await.unwrap().is_applied());
    let event = Event::new(&ports, EventType::ACCOUNT_UPDATED, "account:a").unwrap();
    let refused = Batch::new()
        .require_absent(EntityRef::Record(MARK, "1".to_owned()))
        .message(sealed.clone())
        .event(event);
    assert!(!ports.store().commit(refused).await.unwrap().is_applied());
    relay.deliver_pending().await.unwrap();
    assert!(notifier.sent().is_empty() && sink.seen.lock().unwrap().is_empty());

    assert!(ports.store().commit(Batch::new().message(sealed)).await.unwrap().is_applied());
    clock.advance(Duration::minutes(5));
    assert_eq!(relay.deliver_pending().await.unwrap().dropped, 1);
    assert!(notifier.sent().is_empty());
}

#[tokio::test]
async fn a_message_is_opened_for_the_notifier_and_sent_once() {
    let (_, ports, _, notifier, relay) = world();
    let soon = ports.now() + Duration::minutes(5);
    let message =
        Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, "ada@example.com", soon)
            .unwrap()
            .with("code", "123456");
    let sealed = message.seal(&ports).await.unwrap();
    assert!(ports.store().commit(Batch::new().message(sealed)).await.unwrap().is_applied());
    relay.deliver_pending().await.unwrap();
    relay.deliver_pending().await.unwrap();
    let sent = notifier.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].parameters["code"], "123456");
    assert!(!format!("{:?}", sent[0]).contains("123456"));
}

#[tokio::test]
async fn a_message_dies_with_the_account_or_with_the_day_on_which_it_expired() {
    let (clock, ports, _, notifier, relay) = world();
    let account = ciam_core::id::AccountId::generate(ports.clock(), ports.entropy()).unwrap();
    let soon = ports.now() + Duration::minutes(5);
    let message = || {
        Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, "ada@example.com", soon)
            .unwrap()
    };
    let own = message().with_account(account).seal(&ports).await.unwrap();
    let other = message().seal(&ports).await.unwrap();
    ports.vault().shred(account).await.unwrap();
    assert!(own.open(&ports).await.is_err());
    assert!(ports.store().commit(Batch::new().message(own)).await.unwrap().is_applied());
    assert_eq!(relay.deliver_pending().await.unwrap().dropped, 1, "it is not tried again");
    assert!(notifier.sent().is_empty());

    ciam_core::notify::retire_message_keys(&ports).await.unwrap();
    assert!(other.open(&ports).await.is_ok(), "it has not expired");
    clock.advance(Duration::days(2));
    ciam_core::notify::retire_message_keys(&ports).await.unwrap();
    assert!(other.open(&ports).await.is_err());
    let mut today = message();
    today.expires_at = ports.now();
    assert!(today.seal(&ports).await.is_ok());
}
