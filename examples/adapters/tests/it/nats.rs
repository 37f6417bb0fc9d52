//! Events in a JetStream stream, on the server that `CIAM_TEST_NATS_URL` names and on one of the test's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use ciam_adapters::nats::{NatsOptions, NatsSink};
use ciam_core::error::PortErrorKind;
use ciam_core::event::{Event, EventType};
use ciam_core::memory::{self, MemoryNotifier};
use ciam_core::ports::Ports;
use ciam_core::relay::{EventSink as _, Relay, RelayReport};
use ciam_core::store::Batch;

use crate::support::{TempDir, tenant, test_service, tool, unique};

fn options() -> NatsOptions {
    let name = unique("CIAMTEST").replace('-', "");
    NatsOptions::default()
        .with_prefix(name.to_lowercase())
        .with_stream(name)
        .with_ack_timeout(Duration::from_secs(2))
}

fn event(ports: &Ports, subject: &str, n: u32) -> Event {
    Event::new(ports, EventType::ACCOUNT_UPDATED, subject).unwrap().with("n", n)
}

/// What is in a stream, in order: subjects, message ids and events.
async fn content(url: &str, options: &NatsOptions) -> Vec<(String, String, Event)> {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    let mut stream = context.get_stream(&options.stream).await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    let mut found = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        let message = match stream.get_raw_message(sequence).await {
            Ok(message) => message,
            Err(error) => panic!("message {sequence}: {error}"),
        };
        let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
        found.push((message.subject.to_string(), id, serde_json::from_slice(&message.payload).unwrap()));
    }
    found
}

async fn remove(url: &str, options: &NatsOptions) {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    context.delete_stream(&options.stream).await.unwrap();
}

#[tokio::test]
async fn an_event_is_a_message_on_the_subject_of_its_tenant_and_type_and_stored_once() {
    let Some(url) = test_service("CIAM_TEST_NATS_URL") else { return };
    let (options, ports) = (options(), memory::ports());
    let sink = NatsSink::new(&url, tenant(), options.clone());
    let (one, two) = (event(&ports, "account:a", 1), event(&ports, "account:a", 2));
    for delivered in [&one, &one, &two, &one] {
        sink.deliver(delivered).await.unwrap();
    }
    let found = content(&url, &options).await;
    let subject = format!("{}.{}.ciam.account.updated.v1", options.prefix, tenant());
    assert_eq!(found, [(subject.clone(), one.id.to_string(), one), (subject, two.id.to_string(), two)]);
    remove(&url, &options).await;
}

/// A NATS server of this test, whose streams outlive a restart.
struct Server {
    port: u16,
    directory: TempDir,
    child: Child,
}

impl Server {
    fn start() -> Option<Self> {
        tool("nats-server")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = TempDir::new();
        let child = run(port, &directory);
        Some(Self { port, directory, child })
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = run(self.port, &self.directory);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn run(port: u16, directory: &TempDir) -> Child {
    Command::new("nats-server")
        .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream"])
        .args(["--store_dir", directory.file("nats").to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn connect(url: &str, options: &NatsOptions) -> NatsSink {
    let sink = NatsSink::new(url, tenant(), options.clone());
    for _ in 0..200 {
        if sink.connect().await.is_ok() {
            return sink;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the NATS server does not answer");
}

/// The bus is gone for a while: the relay keeps what it has, and delivers it in order when the bus is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_gone_for_a_while_misses_nothing() {
    let Some(mut server) = Server::start() else { return };
    let options = options().with_ack_timeout(Duration::from_millis(500));
    let sink = Arc::new(connect(&server.url(), &options).await);
    let ports = memory::ports();
    let mut policy = ciam_core::relay::RelayPolicy::default();
    policy.retry.first = time::Duration::milliseconds(200);
    policy.retry.longest = time::Duration::milliseconds(500);
    let relay = Relay::new(ports.clone(), Arc::new(MemoryNotifier::new()))
        .with_sink(sink.clone())
        .with_policy(policy);
    let mut committed = Vec::new();
    for n in 0..30 {
        if n == 10 {
            server.stop();
            let refused = sink.deliver(&event(&ports, "account:x", 0)).await.unwrap_err();
            assert_eq!(refused.kind(), PortErrorKind::Transient);
        }
        if n == 20 {
            server.restart();
        }
        let event = event(&ports, &format!("account:{}", n % 4), n);
        assert!(ports.store().commit(Batch::new().event(event.clone())).await.unwrap().is_applied());
        committed.push(event);
        relay.deliver_pending().await.unwrap();
    }
    let mut quiet = 0;
    for _ in 0..200 {
        quiet = if relay.deliver_pending().await.unwrap() == RelayReport::default() { quiet + 1 } else { 0 };
        if quiet > 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = ciam_core::testkit::DeliveryLog::new("log");
    for (_, _, event) in content(&server.url(), &options).await {
        // What was tried while the bus was gone may arrive from the client's own memory.
        if event.subject != "account:x" {
            log.deliver(&event).await.unwrap();
        }
    }
    log.check(&committed).unwrap();
    assert_eq!(log.delivered().len(), committed.len(), "each once");
}

#[tokio::test]
async fn a_bus_that_is_not_there_is_transient() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sink = NatsSink::new(&format!("nats://127.0.0.1:{port}"), tenant(), options());
    assert_eq!(sink.connect().await.unwrap_err().kind(), PortErrorKind::Transient);
    let refused = sink.deliver(&event(&memory::ports(), "account:a", 1)).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::Transient);
}
