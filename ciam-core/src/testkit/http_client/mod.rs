//! The contract of [`HttpClient`].

mod limits;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderValue, Method};

use self::server::{Answer, Server};
use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::outbound::{HttpClient, OutboundRequest};

/// Runs the contract of [`HttpClient`] against an implementation, with servers of its own on the loopback interface.
///
/// Two sentences of the contract it cannot check: that TLS verifies the certificate for the URI's host, and that no proxy
/// is taken from the environment. An implementation tests those itself.
pub async fn http_client(client: &(dyn HttpClient + 'static)) -> Report {
    http_client_suite().run(client).await
}

/// The contract of [`HttpClient`], clause by clause.
#[must_use]
pub fn http_client_suite() -> Suite<dyn HttpClient> {
    Suite::new("HttpClient", &[CLAUSES, limits::CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |client| Box::pin($check(client)))
    };
}
use clause;

const CLAUSES: &[Clause<dyn HttpClient>] = &[
    clause!("connect.given", given, "It connects to a given address, whatever the host is called."),
    clause!("connect.only", only, "It connects to no address but the given ones, whatever the URI says."),
    clause!("request.whole", request, "Method, target, host, headers and body go out as they were given."),
    clause!("response.whole", response, "Any status is a response, with its headers and its body."),
    clause!("redirect.stays", redirect, "A redirect is a response: it is not followed."),
    clause!("cookie.none", cookie, "No cookie is kept for another request."),
    clause!("body.as_sent", encoded, "A compressed body is not decompressed."),
    clause!(
        "resolve.finds",
        resolves,
        "`resolve` gives a name's addresses, with the port that was asked for."
    ),
    clause!("resolve.fails", resolves_not, "`resolve` fails for a name that does not exist."),
    clause!("race.own_answer", at_once, "Of many requests at once each gets its own response."),
];

/// The time that an exchange may take where time is not what is tested.
const AMPLE: Duration = Duration::from_secs(20);

/// A request with ample limits.
fn outbound(
    request: http::request::Builder,
    body: &'static [u8],
    addresses: Vec<SocketAddr>,
) -> Result<OutboundRequest, Violation> {
    let request = request.body(Bytes::from_static(body));
    let request = request.map_err(|error| Violation::new(format!("no request: {error}")))?;
    Ok(OutboundRequest::new(request, addresses, AMPLE, 10_000))
}

/// A plain request to a server by the name that every machine knows.
fn get(server: &Server) -> Result<OutboundRequest, Violation> {
    let url = format!("http://localhost:{}/", server.port());
    outbound(http::Request::get(url), b"", vec![server.address()])
}

async fn given(client: &dyn HttpClient) -> Result<(), Violation> {
    let server = Server::start(Answer::ok(b"here"))?;
    // A name that exists nowhere (RFC 6761, section 6.2): only the given address can answer.
    let url = format!("http://service.test:{}/", server.port());
    let response = client.send(outbound(http::Request::get(url), b"", vec![server.address()])?).await?;
    ensure_eq!(response.body().as_ref(), b"here", "the answer of the given address");
    ensure_eq!(server.connections(), 1, "how many connections were opened");
    Ok(())
}

async fn only(client: &dyn HttpClient) -> Result<(), Violation> {
    let (inside, given) = (Server::start(Answer::ok(b"inside"))?, Server::start(Answer::ok(b"given"))?);
    let port = inside.port();
    // An address for documentation (RFC 5737), where nothing answers.
    let nowhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), port));
    for (host, addresses) in [
        ("localhost", vec![nowhere]),
        ("127.0.0.1", vec![nowhere]),
        ("localhost", vec![given.address()]),
        ("localhost", vec![]),
        ("127.0.0.1", vec![]),
    ] {
        let url = format!("http://{host}:{port}/");
        let mut request = outbound(http::Request::get(url), b"", addresses.clone())?;
        request.deadline = Duration::from_millis(300);
        // Whether it refuses, fails or asks the given address is its own affair.
        let _outcome = client.send(request).await;
        ensure!(inside.connections() == 0, "{host} was connected to where {addresses:?} was given");
    }
    Ok(())
}

async fn request(client: &dyn HttpClient) -> Result<(), Violation> {
    let server = Server::start(Answer::ok(b""))?;
    let url = format!("http://localhost:{}/a/B%2F?q=1&q=%C3%A9", server.port());
    for (method, body) in [(Method::GET, &b""[..]), (Method::POST, b"{\"a\":1}"), (Method::PUT, b"x")] {
        let builder = http::Request::builder().method(method.clone()).uri(&url);
        let builder = builder.header("content-type", "application/json").header("x-odd", "a, \"b\"; c=1");
        client.send(outbound(builder, body, vec![server.address()])?).await?;
        let asked = server.asked().pop().unwrap_or_default();
        let (head, arrived) = asked.split_once("\r\n\r\n").unwrap_or_default();
        let first = head.lines().next().unwrap_or_default();
        ensure_eq!(first, format!("{method} /a/B%2F?q=1&q=%C3%A9 HTTP/1.1"), "the request line");
        ensure_eq!(arrived.as_bytes(), body, "the body that arrived");
        let host = format!("localhost:{}", server.port());
        for (name, value) in
            [("host", host.as_str()), ("content-type", "application/json"), ("x-odd", "a, \"b\"; c=1")]
        {
            ensure_eq!(header(head, name), Some(value), "the header {name}");
        }
    }
    Ok(())
}

/// A header's value in a request's head.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn response(client: &dyn HttpClient) -> Result<(), Violation> {
    for status in ["200 OK", "203 Odd", "400 Bad Request", "404 Not Found", "503 Service Unavailable"] {
        let server = Server::start(Answer::with(status, "x-kept: yes, \"all\"\r\n", b"\x00\xff body"))?;
        let response = client.send(get(&server)?).await?;
        ensure!(status.starts_with(response.status().as_str()), "{status} came as {}", response.status());
        ensure_eq!(response.body().as_ref(), b"\x00\xff body", "the body of {status}");
        let kept = response.headers().get("x-kept").map(HeaderValue::as_bytes);
        ensure_eq!(kept, Some(&b"yes, \"all\""[..]), "a header of {status}");
    }
    Ok(())
}

async fn redirect(client: &dyn HttpClient) -> Result<(), Violation> {
    let target = Server::start(Answer::ok(b"inside"))?;
    let location = format!("location: http://localhost:{}/\r\n", target.port());
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let server = Server::start(Answer::with(status, &location, b""))?;
        let response = client.send(get(&server)?).await?;
        ensure!(status.starts_with(response.status().as_str()), "{status} came as {}", response.status());
        ensure_eq!(target.connections(), 0, "how often the target of {status} was connected to");
        ensure_eq!(server.connections(), 1, "how often the server of {status} was connected to");
    }
    Ok(())
}

async fn cookie(client: &dyn HttpClient) -> Result<(), Violation> {
    let server = Server::start(Answer::with("200 OK", "set-cookie: id=1; Path=/\r\n", b""))?;
    for _ in 0..2 {
        client.send(get(&server)?).await?;
    }
    ensure_eq!(server.asked().len(), 2, "how many requests arrived");
    for asked in server.asked() {
        ensure_eq!(header(&asked, "cookie"), None, "a cookie that the server had set");
    }
    Ok(())
}

async fn encoded(client: &dyn HttpClient) -> Result<(), Violation> {
    // "hello", stored without compression (RFC 1951, section 3.2.4) in a gzip member (RFC 1952).
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x05\0\xfa\xffhello\x86\xa6\x10\x36\x05\0\0\0";
    let server = Server::start(Answer::with("200 OK", "content-encoding: gzip\r\n", gzip))?;
    let response = client.send(get(&server)?).await?;
    ensure_eq!(response.body().as_ref(), gzip, "a compressed body");
    Ok(())
}

async fn resolves(client: &dyn HttpClient) -> Result<(), Violation> {
    for port in [443, 8_080] {
        let found = client.resolve("localhost", port).await?;
        let right = |address: &SocketAddr| address.ip().is_loopback() && address.port() == port;
        ensure!(!found.is_empty() && found.iter().all(right), "`localhost`, port {port}, is {found:?}");
    }
    Ok(())
}

async fn resolves_not(client: &dyn HttpClient) -> Result<(), Violation> {
    // A name that never exists (RFC 6761, section 6.4).
    let found = client.resolve("no-such-host.invalid", 443).await;
    ensure!(found.is_err(), "a name that does not exist is {found:?}");
    Ok(())
}

async fn at_once(client: &dyn HttpClient) -> Result<(), Violation> {
    let server = Server::start(Answer::Path)?;
    let mut sending = Vec::new();
    for number in 0..16 {
        let url = format!("http://localhost:{}/{number}", server.port());
        sending.push(client.send(outbound(http::Request::get(url), b"", vec![server.address()])?));
    }
    for (number, response) in join_all(sending).await.into_iter().enumerate() {
        ensure_eq!(response?.body().as_ref(), format!("/{number}").as_bytes(), "the answer of one of 16");
    }
    Ok(())
}
