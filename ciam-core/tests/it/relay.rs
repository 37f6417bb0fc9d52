//! The relay: what was committed is delivered, in order, to every destination by itself, and given up only for good reasons.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::id::EventId;
use ciam_core::memory::{self, MemoryNotifier};
use ciam_core::notify::{Channel, Message, MessageCode};
use ciam_core::ports::Ports;
use ciam_core::relay::{
    DeadLetters, EventSink, Redrive, Relay, RelayPolicy, RelayReport, RetrySchedule, SinkSource,
};
use ciam_core::store::{Batch, EntityRef, PageRequest};
use ciam_core::testkit::{DeliveryLog, Failure, ManualClock, Probe, SeededEntropy};
use time::Duration;

/// A sink that does what it is told to.
#[derive(Debug)]
struct Sink {
    name: &'static str,
    log: DeliveryLog,
    failing: Mutex<Option<PortError>>,
    refusing: Mutex<BTreeSet<EventId>>,
    tried: AtomicU32,
    hangs: bool,
}

impl Sink {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self::make(name, false))
    }

    fn that_hangs(name: &'static str) -> Arc<Self> {
        Arc::new(Self::make(name, true))
    }

    fn make(name: &'static str, hangs: bool) -> Self {
        let (log, failing, refusing) = (DeliveryLog::new(name), Mutex::default(), Mutex::default());
        Self { name, log, failing, refusing, tried: AtomicU32::new(0), hangs }
    }

    fn fail(&self, with: Option<PortError>) {
        *self.failing.lock().unwrap() = with;
    }

    fn seen(&self) -> Vec<String> {
        self.log.delivered().iter().map(|event| event.data["n"].to_string()).collect()
    }

    fn tried(&self) -> u32 {
        self.tried.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl EventSink for Sink {
    fn name(&self) -> &str {
        self.name
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let failing = self.failing.lock().unwrap().clone();
        match failing {
            Some(error) => Err(error),
            None if self.refusing.lock().unwrap().contains(&event.id) => Err(PortError::transient("poison")),
            None => self.log.deliver(event).await,
        }
    }
}

struct World {
    clock: Arc<ManualClock>,
    ports: Ports,
    sink: Arc<Sink>,
    notifier: Arc<MemoryNotifier>,
    relay: Relay,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::default());
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(3)));
    let (sink, notifier) = (Sink::new("sink"), Arc::new(MemoryNotifier::new()));
    let relay = Relay::new(ports.clone(), notifier.clone()).with_sink(sink.clone());
    World { clock, ports, sink, notifier, relay }
}

async fn emit(ports: &Ports, subject: &str, n: u32) -> Event {
    let event = Event::new(ports, EventType::ACCOUNT_UPDATED, subject).unwrap().with("n", n);
    assert!(ports.store().commit(Batch::new().event(event.clone())).await.unwrap().is_applied());
    event
}

fn counts(report: RelayReport) -> (u32, u32, u32) {
    (report.delivered, report.postponed, report.dropped)
}

async fn settle(world: &World) -> RelayReport {
    let mut last = RelayReport::default();
    for _ in 0..200 {
        let report = world.relay.deliver_pending().await.unwrap();
        if report == RelayReport::default() {
            break;
        }
        last = report;
    }
    last
}

async fn dead(ports: &Ports, of: &str) -> Vec<ciam_core::relay::DeadLetter> {
    DeadLetters::new(ports.clone()).list(Some(of), PageRequest::first(1000)).await.unwrap().items
}

#[tokio::test]
async fn events_of_a_subject_arrive_in_order_even_after_a_failure() {
    let World { clock, ports, sink, relay, .. } = world();
    for n in 0..3 {
        emit(&ports, "account:a", n).await;
    }
    sink.fail(Some(PortError::transient("down")));
    assert_eq!(
        counts(relay.deliver_pending().await.unwrap()),
        (0, 1, 0),
        "the others stand behind the first"
    );
    sink.fail(None);
    emit(&ports, "account:a", 3).await;
    emit(&ports, "account:b", 4).await;
    assert_eq!(counts(relay.deliver_pending().await.unwrap()), (1, 0, 0), "the other subject does not wait");
    clock.advance(Duration::seconds(7));
    assert_eq!(counts(relay.deliver_pending().await.unwrap()), (4, 0, 0));
    assert_eq!(sink.seen(), ["4", "0", "1", "2", "3"]);
    assert_eq!(relay.deliver_pending().await.unwrap(), RelayReport::default());
}

#[tokio::test]
async fn a_permanent_failure_becomes_a_dead_letter_and_does_not_hold_up_what_follows() {
    let World { ports, sink, relay, .. } = world();
    let refused = emit(&ports, "account:a", 0).await;
    emit(&ports, "account:a", 1).await;
    sink.fail(Some(PortError::permanent("refused")));
    assert_eq!(counts(relay.deliver_pending().await.unwrap()), (0, 0, 1));
    sink.fail(None);
    assert_eq!(counts(relay.deliver_pending().await.unwrap()), (1, 0, 0));
    assert_eq!(sink.seen(), ["1"]);

    let letters = dead(&ports, "sink").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&letters[0].event, letters[0].attempts, letters[0].reason.as_str()),
        (&refused, 1, "refused")
    );
    assert!(dead(&ports, "other").await.is_empty());
}

#[tokio::test]
async fn a_dead_letter_is_driven_again_once_and_says_by_whom() {
    let World { ports, sink, relay, .. } = world();
    let (one, two) = (emit(&ports, "account:a", 1).await, emit(&ports, "account:a", 2).await);
    sink.fail(Some(PortError::permanent("refused")));
    relay.deliver_pending().await.unwrap();
    relay.deliver_pending().await.unwrap();
    sink.fail(None);

    let (letters, actor) = (DeadLetters::new(ports.clone()), Actor::system("test"));
    let missing = EventId::generate(ports.clock(), ports.entropy()).unwrap();
    assert_eq!(letters.redrive(&actor, "sink", missing).await.unwrap(), Redrive::Missing);
    assert_eq!(letters.redrive(&actor, "other", one.id).await.unwrap(), Redrive::Missing);
    assert_eq!(letters.redrive(&actor, "sink", one.id).await.unwrap(), Redrive::Done);
    assert_eq!(letters.redrive(&actor, "sink", one.id).await.unwrap(), Redrive::Missing);
    assert_eq!(letters.discard(&actor, "sink", two.id).await.unwrap(), Redrive::Done);
    assert!(dead(&ports, "sink").await.is_empty());
    while relay.deliver_pending().await.unwrap() != RelayReport::default() {}
    let seen = sink.log.delivered();
    assert_eq!(seen.iter().filter(|event| event.id == one.id).count(), 1);
    assert!(seen.iter().all(|event| event.id != two.id));
    let told: Vec<_> = seen.iter().filter(|event| event.subject == "destination:sink").collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|event| event.data["by"] == "system:test"));
}

/// The schedule in the documentation, by the clock: 14 attempts in 24 hours, and then it is over.
#[tokio::test]
async fn a_delivery_that_fails_for_a_day_is_given_up() {
    let world = world();
    emit(&world.ports, "account:a", 0).await;
    world.sink.fail(Some(PortError::transient("down")));
    let start = world.ports.now();
    while dead(&world.ports, "sink").await.is_empty() {
        world.relay.deliver_pending().await.unwrap();
        world.clock.advance(Duration::seconds(30));
        assert!(world.ports.now() - start < Duration::hours(25), "tried for longer than a day");
    }
    assert!(world.ports.now() - start >= Duration::hours(24));
    assert!((12..=16).contains(&world.sink.tried()), "{} attempts", world.sink.tried());
}

/// One sink answers nothing but errors for an hour, with hundreds of events: the other sink has them at once, mail goes out,
/// the failing one is hardly bothered, and gets everything in order when it is back.
#[tokio::test]
async fn a_sink_that_fails_for_an_hour_delays_nobody_and_misses_nothing() {
    let mut world = world();
    let broken = Sink::new("broken");
    broken.fail(Some(PortError::transient("500")));
    world.relay = world.relay.with_sink(broken.clone());
    let mut committed = Vec::new();
    for minute in 0..60 {
        for n in 0..6 {
            committed.push(emit(&world.ports, &format!("account:{}", (minute * 7 + n) % 90), n).await);
        }
        send_code(&world.ports).await;
        world.relay.deliver_pending().await.unwrap();
        world.relay.deliver_pending().await.unwrap();
        assert_eq!(world.notifier.sent().len(), minute as usize + 1, "mail of minute {minute}");
        world.sink.log.check(&committed).unwrap();
        world.clock.advance(Duration::minutes(1));
    }
    assert!(broken.tried() < 70, "{} attempts at a destination that is down", broken.tried());
    broken.fail(None);
    for _ in 0..300 {
        world.clock.advance(Duration::minutes(1));
        settle(&world).await;
    }
    broken.log.check(&committed).unwrap();
    assert_eq!(broken.log.delivered().len(), committed.len(), "each once");
}

async fn send_code(ports: &Ports) {
    let soon = ports.now() + Duration::minutes(5);
    let message =
        Message::new(ports, MessageCode::VerifyRegistration, Channel::Email, "ada@example.com", soon);
    let sealed = message.unwrap().with("code", "123456").seal(ports).await.unwrap();
    assert!(ports.store().commit(Batch::new().message(sealed)).await.unwrap().is_applied());
}

/// As above, but it hangs; in the relay's own loop and in real time.
#[tokio::test]
async fn a_sink_that_hangs_delays_nobody() {
    let mut world = world();
    let hanging = Sink::that_hangs("hanging");
    world.relay = world.relay.with_sink(hanging.clone());
    let mut policy = RelayPolicy::default();
    policy.idle = std::time::Duration::from_millis(5);
    policy.deadline = std::time::Duration::from_secs(3600);
    let relay = world.relay.clone().with_policy(policy);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { relay.run(async { drop(stopped.await) }).await });
    let mut committed = Vec::new();
    for n in 0..100 {
        committed.push(emit(&world.ports, &format!("account:{}", n % 40), n).await);
    }
    send_code(&world.ports).await;
    for _ in 0..1_000 {
        if world.sink.log.check(&committed).is_ok() && !world.notifier.sent().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.sink.log.check(&committed).unwrap();
    assert_eq!(world.notifier.sent().len(), 1);
    assert!((1..=16).contains(&hanging.tried()), "{} deliveries under way at once", hanging.tried());
    drop(stop);
    running.abort();
}

/// Something that only one can have at a time, such as the one connection of a pool.
#[derive(Clone, Debug)]
struct Connection(Arc<tokio::sync::Semaphore>);

impl Connection {
    fn new() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(1)))
    }

    /// Waits for it, and has it for a while.
    async fn used(&self) {
        let _held = self.0.acquire().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
}

/// A sink and a source of sinks that read from a database with one connection.
#[derive(Debug)]
struct OnConnection {
    connection: Connection,
    sink: Arc<Sink>,
}

#[async_trait]
impl EventSink for OnConnection {
    fn name(&self) -> &str {
        self.sink.name()
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        self.connection.used().await;
        self.sink.deliver(event).await
    }
}

#[async_trait]
impl SinkSource for OnConnection {
    async fn sinks(&self) -> Result<Vec<Arc<dyn EventSink>>, PortError> {
        self.connection.used().await;
        let found = Self { connection: self.connection.clone(), sink: self.sink.clone() };
        Ok(vec![Arc::new(found)])
    }
}

/// While the relay looks for destinations, its deliveries go on: one that stood still would hold the connection that the
/// look-up waits for, for ever.
#[tokio::test]
async fn deliveries_go_on_while_destinations_are_looked_up() {
    let world = world();
    let sink = Sink::new("found");
    let source = OnConnection { connection: Connection::new(), sink: sink.clone() };
    let mut policy = RelayPolicy::default();
    policy.idle = std::time::Duration::from_millis(1);
    let relay = world.relay.clone().with_source(Arc::new(source)).with_policy(policy);
    let mut committed = Vec::new();
    for n in 0..30 {
        committed.push(emit(&world.ports, &format!("account:{}", n % 7), n).await);
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let delivered = async {
        while sink.log.check(&committed).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        drop(stop);
    };
    let running = relay.run(async { drop(stopped.await) });
    let both = tokio::time::timeout(
        std::time::Duration::from_secs(20),
        futures_util::future::join(running, delivered),
    );
    assert!(both.await.is_ok(), "the relay waits for what it holds itself");
    assert!(world.sink.log.check(&committed).is_ok());
}

/// Counts how often it is asked.
#[derive(Debug, Default)]
struct Asked(std::sync::atomic::AtomicUsize);

#[async_trait]
impl SinkSource for Asked {
    async fn sinks(&self) -> Result<Vec<Arc<dyn EventSink>>, PortError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(["a", "b", "c", "d", "e", "f"].map(|name| Sink::new(name) as Arc<dyn EventSink>).into())
    }
}

/// With nothing to do the relay looks once in an idle time, however many destinations there are.
#[tokio::test]
async fn a_relay_with_nothing_to_do_rests() {
    const TIMES: u32 = 40;
    let asked = Arc::new(Asked::default());
    let mut policy = RelayPolicy::default();
    policy.idle = std::time::Duration::from_millis(10);
    let relay = world().relay.with_source(asked.clone()).with_policy(policy);
    relay.run(tokio::time::sleep(policy.idle * TIMES)).await;
    let asked = asked.0.load(Ordering::Relaxed);
    assert!((2..=2 * TIMES as usize).contains(&asked), "asked {asked} times");
}

#[tokio::test]
async fn a_delivery_that_takes_too_long_has_failed() {
    let mut world = world();
    let hanging = Sink::that_hangs("hanging");
    let mut policy = RelayPolicy::default();
    policy.deadline = std::time::Duration::from_millis(20);
    world.relay = world.relay.with_sink(hanging.clone()).with_policy(policy);
    emit(&world.ports, "account:a", 0).await;
    assert_eq!(counts(world.relay.deliver_pending().await.unwrap()), (1, 1, 0));
}

#[tokio::test]
async fn one_poisonous_event_delays_its_own_subject_only() {
    let world = world();
    let poison = emit(&world.ports, "account:a", 0).await;
    world.sink.refusing.lock().unwrap().insert(poison.id);
    emit(&world.ports, "account:a", 1).await;
    for n in 2..200 {
        emit(&world.ports, &format!("account:{n}"), n).await;
    }
    settle(&world).await;
    assert_eq!(world.sink.seen().len(), 198);
    assert!(!world.sink.seen().contains(&"1".to_owned()));
    for _ in 0..(25 * 60) {
        world.clock.advance(Duration::minutes(1));
        world.relay.deliver_pending().await.unwrap();
    }
    assert_eq!(dead(&world.ports, "sink").await.len(), 1);
    assert_eq!(world.sink.seen().last().unwrap(), "1");
}

/// A destination that is down is not asked for each subject, and what waited for it a whole day is given up all the same.
#[tokio::test]
async fn what_waits_for_a_destination_that_is_gone_for_good_becomes_dead_letters() {
    let mut world = world();
    let mut policy = RelayPolicy::default();
    policy.retry = RetrySchedule::default();
    world.relay = world.relay.with_policy(policy);
    world.sink.fail(Some(PortError::transient("gone")));
    for n in 0..150 {
        emit(&world.ports, &format!("account:{n}"), n).await;
    }
    for _ in 0..(27 * 60) {
        world.relay.deliver_pending().await.unwrap();
        world.clock.advance(Duration::minutes(1));
    }
    assert_eq!(dead(&world.ports, "sink").await.len(), 150);
    world.sink.fail(None);
    emit(&world.ports, "account:1", 1_000).await;
    for _ in 0..5 {
        world.clock.advance(Duration::minutes(2));
        settle(&world).await;
    }
    assert_eq!(world.sink.seen(), ["1000"], "what comes after it is back is delivered");
}

/// Whatever call of the store fails, or is carried out while its answer is lost: nothing is lost and nothing is out of order.
#[tokio::test]
async fn a_crash_between_any_two_steps_loses_nothing() {
    let mut repeated = 0;
    for failure in [Failure::Transient, Failure::AnswerLost] {
        for method in
            ["store.claim_outbox", "store.commit", "store.acknowledge", "store.record", "store.records_by"]
        {
            for nth in 0..16 {
                let clock = Arc::new(ManualClock::default());
                let honest = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(3)));
                let probe = Probe::new();
                let (sink, notifier) = (Sink::new("sink"), Arc::new(MemoryNotifier::new()));
                let relay = Relay::new(probe.watch(&honest), notifier.clone()).with_sink(sink.clone());
                let mut committed = Vec::new();
                for n in 0..12 {
                    committed.push(emit(&honest, &format!("account:{}", n % 3), n).await);
                }
                send_code(&honest).await;
                for call in 0..nth {
                    let _ = call;
                    probe.pass_next(method);
                }
                probe.fail_next(method, failure);
                for _ in 0..12 {
                    let _crashed = relay.deliver_pending().await;
                    clock.advance(Duration::seconds(11));
                }
                sink.log.check(&committed).unwrap_or_else(|why| panic!("{method} {failure:?} {nth}: {why}"));
                assert!(!notifier.sent().is_empty(), "{method} {failure:?} {nth}: the mail");
                repeated += sink.log.delivered().len() - committed.len();
            }
        }
    }
    assert!(repeated > 0, "no crash fell between a delivery and its note");
}

/// An acknowledgement that is lost brings everything again, and it is known as queued before: nobody gets it twice.
#[tokio::test]
async fn what_the_outbox_hands_out_again_is_not_queued_again() {
    let clock = Arc::new(ManualClock::default());
    let honest = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(3)));
    let probe = Probe::new();
    let (sink, notifier) = (Sink::new("sink"), Arc::new(MemoryNotifier::new()));
    let relay = Relay::new(probe.watch(&honest), notifier.clone()).with_sink(sink.clone());
    for n in 0..5 {
        emit(&honest, "account:a", n).await;
    }
    send_code(&honest).await;
    probe.fail_next("store.acknowledge", Failure::Transient);
    relay.deliver_pending().await.unwrap_err();
    relay.deliver_pending().await.unwrap();
    clock.advance(Duration::seconds(31));
    relay.deliver_pending().await.unwrap();
    relay.deliver_pending().await.unwrap();
    assert_eq!(sink.seen(), ["0", "1", "2", "3", "4"]);
    assert_eq!(notifier.sent().len(), 1);
}

/// Four relays on one store: everything once, in order, and more than one of them has worked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_relays_share_the_work() {
    let ports = memory::ports();
    let log = Arc::new(DeliveryLog::new("log"));
    let mut committed = Vec::new();
    let mut running = tokio::task::JoinSet::new();
    let mut stops = Vec::new();
    for _ in 0..4 {
        let mut policy = RelayPolicy::default();
        policy.idle = std::time::Duration::from_millis(5);
        let relay = Relay::new(ports.clone(), Arc::new(MemoryNotifier::new()))
            .with_sink(log.clone())
            .with_policy(policy);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        stops.push(stop);
        running.spawn(async move { relay.run(async { drop(stopped.await) }).await });
    }
    for n in 0..600 {
        committed.push(emit(&ports, &format!("account:{}", n % 50), n).await);
    }
    for _ in 0..1_500 {
        if log.delivered().len() >= committed.len() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(stops);
    running.join_all().await;
    log.check(&committed).unwrap();
    assert_eq!(log.delivered().len(), committed.len(), "each once");
}

#[tokio::test]
async fn a_refused_batch_sends_nothing_and_a_late_message_is_dropped() {
    let World { clock, ports, sink, notifier, relay } = world();
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
        .write(write())
        .message(sealed.clone())
        .event(event);
    assert!(!ports.store().commit(refused).await.unwrap().is_applied());
    relay.deliver_pending().await.unwrap();
    assert!(notifier.sent().is_empty() && sink.log.delivered().is_empty());

    assert!(ports.store().commit(Batch::new().message(sealed)).await.unwrap().is_applied());
    clock.advance(Duration::minutes(5));
    assert_eq!(relay.deliver_pending().await.unwrap().dropped, 1);
    assert!(notifier.sent().is_empty());
}

#[tokio::test]
async fn a_message_is_opened_for_the_notifier_and_sent_once() {
    let World { ports, notifier, relay, .. } = world();
    send_code(&ports).await;
    relay.deliver_pending().await.unwrap();
    relay.deliver_pending().await.unwrap();
    let sent = notifier.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].parameters["code"], "123456");
    assert!(!format!("{:?}", sent[0]).contains("123456"));
}

#[tokio::test]
async fn a_message_dies_with_the_account_or_with_the_day_on_which_it_expired() {
    let World { clock, ports, notifier, relay, .. } = world();
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

#[tokio::test]
async fn two_sinks_of_one_name_are_refused() {
    let world = world();
    let relay = world.relay.with_sink(Sink::new("sink"));
    assert!(relay.deliver_pending().await.is_err());
}
