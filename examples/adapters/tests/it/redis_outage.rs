//! A Redis that is stopped, hangs, is full, or evicts: an instance of the test's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration as StdDuration, Instant};

use ciam_adapters::redis::{OpenError, RedisDatabase, RedisEphemeral, RedisOptions};
use ciam_core::ephemeral::{Ephemeral as _, EphemeralKey};
use ciam_core::error::{PortError, PortErrorKind};
use time::Duration;

use crate::support::{TempDir, tenant, tool};

/// A Redis of this test.
struct Server {
    port: u16,
    settings: Vec<String>,
    child: Child,
    directory: TempDir,
}

impl Server {
    /// Starts one, unless there is no `redis-server` here.
    async fn start(settings: &[&str]) -> Option<Self> {
        let program = tool("redis-server")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
        let directory = TempDir::new();
        let child = run(&program, port, &settings, &directory);
        let server = Self { port, settings, child, directory };
        server.answers().await;
        Some(server)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        for _ in 0..200 {
            if client.get_multiplexed_async_connection().await.is_ok() {
                return;
            }
            tokio::time::sleep(StdDuration::from_millis(25)).await;
        }
        panic!("the server does not answer on port {}", self.port);
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn restart(&mut self) {
        self.child = run(&tool("redis-server").unwrap(), self.port, &self.settings, &self.directory);
        self.answers().await;
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    async fn set(&self, name: &str, value: &str) {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd("CONFIG");
        let () = command.arg("SET").arg(name).arg(value).query_async(&mut connection).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn run(program: &std::path::Path, port: u16, settings: &[String], directory: &TempDir) -> Child {
    Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--dir", directory.file("").to_str().unwrap()])
        .args(settings)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn impatient() -> RedisOptions {
    RedisOptions::default().with_deadline(StdDuration::from_millis(400))
}

fn key(name: &str) -> EphemeralKey {
    EphemeralKey::new("test.key", name)
}

async fn every_verb_fails_transiently(node: &RedisEphemeral) {
    let (value, ttl) = (b"value".to_vec(), Duration::HOUR);
    let outcomes: [Result<(), PortError>; 6] = [
        node.put(&key("a"), value.clone(), ttl).await,
        node.get(&key("a")).await.map(drop),
        node.take(&key("a")).await.map(drop),
        node.put_if_absent(&key("a"), value.clone(), ttl).await.map(drop),
        node.increment(&key("a"), ttl).await.map(drop),
        node.compare_and_swap(&key("a"), &value, value.clone(), ttl).await.map(drop),
    ];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let error = outcome.expect_err("an answer without a server");
        assert_eq!(error.kind(), PortErrorKind::Transient, "verb {number}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_transient_and_is_found_again_without_a_restart() {
    let Some(mut server) = Server::start(&[]).await else { return };
    let database = RedisDatabase::open(&server.url(), impatient()).await.unwrap();
    let node = database.ephemeral(tenant());
    node.put(&key("before"), b"value".to_vec(), Duration::HOUR).await.unwrap();
    assert_eq!(node.increment(&key("count"), Duration::HOUR).await.unwrap(), 1);
    for _ in 0..2 {
        server.stop();
        let began = Instant::now();
        every_verb_fails_transiently(&node).await;
        assert!(database.check().await.is_err());
        assert!(began.elapsed() < StdDuration::from_secs(5), "{:?}", began.elapsed());
        server.restart().await;
        // What it held is gone with it; what it is given from now on stays. Scripts are loaded again.
        let mut found = node.get(&key("before")).await;
        for _ in 0..20 {
            if found.is_ok() {
                break;
            }
            tokio::time::sleep(StdDuration::from_millis(50)).await;
            found = node.get(&key("before")).await;
        }
        assert_eq!(found.unwrap(), None);
        assert_eq!(node.increment(&key("count"), Duration::HOUR).await.unwrap(), 1);
        node.put(&key("before"), b"value".to_vec(), Duration::HOUR).await.unwrap();
        assert!(
            node.compare_and_swap(&key("before"), b"value", b"next".to_vec(), Duration::HOUR).await.unwrap()
        );
        database.check().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_waited_for_no_longer_than_the_deadline() {
    let Some(server) = Server::start(&[]).await else { return };
    let node = RedisDatabase::open(&server.url(), impatient()).await.unwrap().ephemeral(tenant());
    node.put(&key("a"), b"value".to_vec(), Duration::HOUR).await.unwrap();
    server.signal("-STOP");
    let began = Instant::now();
    every_verb_fails_transiently(&node).await;
    assert!(began.elapsed() < StdDuration::from_secs(6), "{:?}", began.elapsed());
    server.signal("-CONT");
    let mut answered = false;
    for _ in 0..40 {
        answered = node.get(&key("a")).await.is_ok();
        if answered {
            break;
        }
        tokio::time::sleep(StdDuration::from_millis(50)).await;
    }
    assert!(answered, "no answer after the server went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_evicts_is_refused_and_is_seen_when_it_begins_to() {
    let Some(server) = Server::start(&["--maxmemory-policy", "allkeys-lru"]).await else { return };
    let refused = RedisDatabase::open(&server.url(), impatient()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Evicts { policy } if policy == "allkeys-lru"), "{refused:?}");
    assert!(refused.to_string().contains("noeviction"), "{refused}");
    server.set("maxmemory-policy", "noeviction").await;
    let database = RedisDatabase::open(&server.url(), impatient()).await.unwrap();
    server.set("maxmemory-policy", "volatile-ttl").await;
    assert!(matches!(database.check().await, Err(OpenError::Evicts { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_what_is_new_and_keeps_what_it_has() {
    let Some(server) = Server::start(&[]).await else { return };
    let node = RedisDatabase::open(&server.url(), impatient()).await.unwrap().ephemeral(tenant());
    node.put(&key("mark"), b"spent".to_vec(), Duration::HOUR).await.unwrap();
    server.set("maxmemory", "1").await;
    let refused = node.put(&key("new"), vec![7; 1000], Duration::HOUR).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::Transient, "{refused:?}");
    let refused = node.increment(&key("new"), Duration::HOUR).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::Transient, "{refused:?}");
    assert_eq!(node.get(&key("mark")).await.unwrap().as_deref(), Some(&b"spent"[..]));
    server.set("maxmemory", "0").await;
    node.put(&key("new"), vec![7; 1000], Duration::HOUR).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_any_more_is_transient() {
    let Some(server) = Server::start(&[]).await else { return };
    let database = RedisDatabase::open(&server.url(), impatient()).await.unwrap();
    let node = database.ephemeral(tenant());
    node.put(&key("a"), b"value".to_vec(), Duration::HOUR).await.unwrap();
    let mut primary =
        redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut demote = redis::cmd("REPLICAOF");
    let () = demote.arg("127.0.0.1").arg(1).query_async(&mut primary).await.unwrap();
    let refused = node.put(&key("a"), b"next".to_vec(), Duration::HOUR).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::Transient, "{refused:?}");
    assert!(matches!(database.check().await, Err(OpenError::Replica)));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_the_start() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://user:secret@127.0.0.1:{port}/0");
    let refused = RedisDatabase::open(&url, impatient()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Backend(error) if error.kind() == PortErrorKind::Transient));
    assert!(!format!("{refused:?}").contains("secret"));
}
