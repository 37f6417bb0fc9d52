//! The outbound HTTP client against servers that misbehave.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_core::error::{PortError, PortErrorKind};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient as _, Outbound, OutboundError, OutboundPolicy, OutboundRequest};
use ciam_core::testkit;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const MAX_BODY: usize = 1_000;

/// A server that gives every connection the same answer and keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: mpsc::UnboundedReceiver<String>,
    connections: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

/// What a server does after it has read a request.
#[derive(Clone)]
enum Answer {
    /// Says this and closes.
    Text(String),
    /// Says this, and then this again and again after each pause.
    Forever(String, String, Duration),
}

impl Answer {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl Server {
    async fn start(answer: Answer) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    async fn start_at(address: &str, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asking, asked) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let sent = Arc::new(AtomicUsize::new(0));
        let (count, bytes) = (Arc::clone(&connections), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, answer.clone(), asking.clone(), Arc::clone(&bytes)));
            }
        });
        Self { address, asked, connections, sent }
    }

    fn request(&self, host: &str) -> OutboundRequest {
        outbound(
            http::Request::get(format!("http://{host}:{}/x?secret=1", self.address.port())),
            self.address,
        )
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: Answer,
    asking: mpsc::UnboundedSender<String>,
    sent: Arc<AtomicUsize>,
) {
    let mut asked = Vec::new();
    let mut buffer = [0; 4_096];
    while !is_whole(&asked) {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => asked.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    asking.send(String::from_utf8(asked).unwrap()).unwrap();
    match answer {
        Answer::Text(text) => {
            let _gone = stream.write_all(text.as_bytes()).await;
            let _gone = stream.shutdown().await;
        }
        Answer::Forever(first, again, pause) => {
            let mut alive = stream.write_all(first.as_bytes()).await.is_ok();
            while alive {
                tokio::time::sleep(pause).await;
                alive = stream.write_all(again.as_bytes()).await.is_ok();
                sent.fetch_add(again.len(), Ordering::SeqCst);
            }
        }
    }
}

/// Whether a request with its body has arrived.
fn is_whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn outbound(request: http::request::Builder, address: SocketAddr) -> OutboundRequest {
    let request = request.body(Bytes::new()).unwrap();
    OutboundRequest::new(request, vec![address], Duration::from_secs(5), MAX_BODY)
}

fn client() -> ReqwestHttpClient {
    ReqwestHttpClient::new().unwrap()
}

fn ok(body: &str) -> Answer {
    Answer::text(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

fn source(error: &PortError) -> String {
    let mut text = format!("{error:?}");
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_its_contract() {
    testkit::http_client(&client()).await.assert_kept();
}

#[tokio::test]
async fn a_name_is_connected_to_at_the_given_address_only() {
    // The name exists nowhere: only the given address can have answered.
    let mut server =
        Server::start(Answer::text("HTTP/1.1 203 Odd\r\nx-kept: yes\r\ncontent-length: 5\r\n\r\nhello"))
            .await;
    let response = client().send(server.request("service.test")).await.unwrap();
    assert_eq!(response.status(), 203);
    assert_eq!(response.headers().get("x-kept").unwrap(), "yes");
    assert_eq!(response.body(), "hello");
    let asked = server.asked.recv().await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get /x?secret=1 http/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("\r\nhost: service.test:{}\r\n", server.address.port())), "{asked}");
    assert!(!asked.contains("accept-encoding") && !asked.contains("cookie"), "{asked}");
}

#[tokio::test]
async fn a_name_that_does_resolve_is_not_resolved_again() {
    let checked = Server::start_at("127.0.0.2:0", ok("checked")).await;
    let port = checked.address.port();
    let resolved = Server::start_at(&format!("127.0.0.1:{port}"), ok("resolved")).await;
    let response = client().send(checked.request("localhost")).await.unwrap();
    assert_eq!(response.body(), "checked");
    assert_eq!(resolved.connections(), 0);
}

#[tokio::test]
async fn addresses_that_are_not_those_of_the_url_are_refused() {
    let server = Server::start(ok("never")).await;
    let port = server.address.port();
    let other: SocketAddr = format!("127.0.0.2:{port}").parse().unwrap();
    for (url, address) in [
        // Another port, a numeric host that is another address, and the default port of the scheme.
        (format!("http://service.test:{port}/"), SocketAddr::from(([127, 0, 0, 1], 1))),
        (format!("http://127.0.0.1:{port}/"), other),
        ("http://service.test/".to_owned(), server.address),
    ] {
        let error = client().send(outbound(http::Request::get(&url), address)).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Permanent, "{url}");
    }
    let mut nowhere = server.request("service.test");
    nowhere.addresses.clear();
    assert_eq!(client().send(nowhere).await.unwrap_err().kind(), PortErrorKind::Permanent);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Server::start(ok("inside")).await;
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let location = format!("http://127.0.0.1:{}/", target.address.port());
        let answer = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::start(Answer::text(answer)).await;
        let response = client().send(server.request("service.test")).await.unwrap();
        assert_eq!(response.headers().get("location").unwrap(), &location);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit_and_not_a_byte_further() {
    let server = Server::start(ok(&"x".repeat(MAX_BODY))).await;
    let response = client().send(server.request("service.test")).await.unwrap();
    assert_eq!(response.body().len(), MAX_BODY);

    let server = Server::start(ok(&"x".repeat(MAX_BODY + 1))).await;
    let error = client().send(server.request("service.test")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Permanent);
}

#[tokio::test]
async fn an_endless_body_is_refused_while_it_streams() {
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    let first = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let server = Server::start(Answer::Forever(first, chunk, Duration::from_millis(1))).await;
    let begun = Instant::now();
    let error = client().send(server.request("service.test")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Permanent, "{}", source(&error));
    assert!(begun.elapsed() < Duration::from_secs(4), "by size, not by time");
    // The connection is closed: the server cannot go on.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sent = server.sent.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.sent.load(Ordering::SeqCst), sent);
}

#[tokio::test]
async fn slow_servers_meet_the_deadline() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n".to_owned();
    let drip = |first: &str| Answer::Forever(first.to_owned(), "x".to_owned(), Duration::from_millis(20));
    // A body that drips, and a head that never ends.
    for answer in [drip(&head), drip("HTTP/1.1 200 OK\r\nx-long: ")] {
        let server = Server::start(answer).await;
        let mut request = server.request("service.test");
        request.deadline = Duration::from_millis(300);
        let begun = Instant::now();
        let error = client().send(request).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Transient);
        assert!((300..3_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_refuses_or_speaks_nonsense_is_transient_and_errors_do_not_quote_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://service.test:{}/?secret=hunter2", address.port());
    let refused = client().send(outbound(http::Request::get(&url), address)).await.unwrap_err();
    let server = Server::start(Answer::text("SSH-2.0-OpenSSH_9.9\r\n\r\n")).await;
    let url = format!("http://service.test:{}/?secret=hunter2", server.address.port());
    let nonsense = client().send(outbound(http::Request::get(&url), server.address)).await.unwrap_err();
    for error in [refused, nonsense] {
        assert_eq!(error.kind(), PortErrorKind::Transient);
        assert!(!source(&error).contains("hunter2"), "{}", source(&error));
    }
}

#[tokio::test]
async fn methods_headers_and_bodies_go_out_and_no_cookie_comes_back() {
    let mut server = Server::start(Answer::text(
        "HTTP/1.1 200 OK\r\nset-cookie: id=1\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nraw",
    ))
    .await;
    let client = client();
    for _ in 0..2 {
        let mut request = server.request("service.test");
        *request.request.method_mut() = http::Method::POST;
        request.request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *request.request.body_mut() = Bytes::from_static(b"{\"a\":1}");
        let response = client.send(request).await.unwrap();
        assert_eq!(response.body(), "raw", "nothing is decompressed");
        let asked = server.asked.recv().await.unwrap().to_ascii_lowercase();
        assert!(asked.starts_with("post /x") && asked.ends_with("\r\n\r\n{\"a\":1}"), "{asked}");
        assert!(asked.contains("content-type: application/json") && !asked.contains("cookie"), "{asked}");
    }
    assert_eq!(server.connections(), 2, "no connection is kept for another request");
}

#[tokio::test]
async fn names_are_resolved_and_missing_ones_are_an_error() {
    let found = client().resolve("localhost", 443).await.unwrap();
    assert!(
        !found.is_empty() && found.iter().all(|address| address.ip().is_loopback() && address.port() == 443)
    );
    assert!(client().resolve("no-such-host.invalid", 443).await.is_err());
}

#[tokio::test]
async fn the_rules_of_core_stand_before_it() {
    let server = Server::start(Answer::text(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    ))
    .await;
    let port = server.address.port();
    let ports = memory::ports().with_http_client(Arc::new(client()));
    let url = format!("http://localhost:{port}/");
    let strict = Outbound::new(ports.clone());
    assert!(matches!(strict.get_json::<serde_json::Value>(&url).await, Err(OutboundError::Url)));
    let https = format!("https://localhost:{port}/");
    assert!(matches!(strict.get_json::<serde_json::Value>(&https).await, Err(OutboundError::Address)));
    assert_eq!(server.connections(), 0);
    let trusting =
        ports.with_outbound_policy(OutboundPolicy::default().dangerous_trust_host("localhost", port));
    // `localhost` may have an IPv6 address as well, where nobody listens: the next address is tried.
    Outbound::new(trusting).get_json::<serde_json::Value>(&url).await.unwrap();
}

const PROXY: &str = "CIAM_TEST_PROXIED_PORT";

#[tokio::test]
async fn a_proxy_in_the_environment_is_ignored() {
    let (server, proxy) = (Server::start(ok("direct")).await, Server::start(ok("proxied")).await);
    let proxy_url = format!("http://127.0.0.1:{}", proxy.address.port());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "http_client::fetch_in_an_environment_with_a_proxy"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy_url);
    }
    child.env(PROXY, server.address.port().to_string()).env_remove("NO_PROXY").env_remove("no_proxy");
    let status = tokio::task::spawn_blocking(move || child.status()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!((server.connections(), proxy.connections()), (1, 0));
}

/// The half of the test above that runs with proxies in its environment; nothing without them.
#[tokio::test]
async fn fetch_in_an_environment_with_a_proxy() {
    let Ok(port) = std::env::var(PROXY) else { return };
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let url = format!("http://service.test:{port}/");
    let response = client().send(outbound(http::Request::get(&url), address)).await.unwrap();
    assert_eq!(response.body(), "direct");
}

const AUTHORITY: &[u8] = include_bytes!("../data/ca.der");
const LEAF: &[u8] = include_bytes!("../data/leaf.der");
const LEAF_KEY: &[u8] = include_bytes!("../data/leaf.key.der");

/// A TLS server with a certificate for `service.test`.
async fn start_tls() -> SocketAddr {
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(LEAF)], PrivatePkcs8KeyDer::from(LEAF_KEY).into())
            .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { serve_tls(acceptor, stream).await });
        }
    });
    address
}

async fn serve_tls(acceptor: tokio_rustls::TlsAcceptor, stream: TcpStream) {
    if let Ok(stream) = acceptor.accept(stream).await {
        let (asking, _asked) = mpsc::unbounded_channel();
        serve(stream, ok("sealed"), asking, Arc::default()).await;
    }
}

#[tokio::test]
async fn tls_verifies_the_certificate_for_the_host_of_the_url() {
    let address = start_tls().await;
    let request =
        |host: &str| outbound(http::Request::get(format!("https://{host}:{}/", address.port())), address);
    let trusting = ReqwestHttpClient::with_roots([AUTHORITY.to_vec()]).unwrap();
    assert_eq!(trusting.send(request("service.test")).await.unwrap().body(), "sealed");
    assert!(trusting.send(request("other.test")).await.is_err(), "a certificate for another name");
    assert!(trusting.send(request("127.0.0.1")).await.is_err(), "a certificate for a name, not an address");
    assert!(client().send(request("service.test")).await.is_err(), "an unknown authority");
    assert!(ReqwestHttpClient::with_roots([b"no certificate".to_vec()]).is_err());
    assert!(rustls::crypto::CryptoProvider::get_default().is_none(), "nothing is installed for the process");
}
