//! Broken HTTP clients.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Faulty;
use crate::error::PortError;
use crate::outbound::{HttpClient, OutboundRequest};
use crate::runtime::{Runtime, ThreadRuntime, blocking};

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    KnownNamesOnly,
    ResolvesAgain,
    NumericHostWins,
    PortOfUriWins,
    ResolvesWhereNothingIsGiven,
    AlwaysGets,
    DropsQuery,
    DropsBody,
    DropsHeaders,
    SaysAddressAsHost,
    ErrorStatusIsAnError,
    ForgetsHeaders,
    ReadsTextOnly,
    Follows(u16),
    KeepsCookies,
    Decompresses,
    LosesPort,
    UnknownNameHasNoAddresses,
    MixesAnswers,
    LimitIsExclusive,
    LimitIsOneMore,
    CutsAtLimit,
    TrustsAnnouncedLength,
    ReadsAllThenChecks,
    DeadlineUntilHead,
    DeadlinePerRead,
    NoDeadline,
    Impatient,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::KnownNamesOnly, "connect.given"),
    (Fault::ResolvesAgain, "connect.only"),
    (Fault::NumericHostWins, "connect.only"),
    (Fault::PortOfUriWins, "connect.only"),
    (Fault::ResolvesWhereNothingIsGiven, "connect.only"),
    (Fault::AlwaysGets, "request.whole"),
    (Fault::DropsQuery, "request.whole"),
    (Fault::DropsBody, "request.whole"),
    (Fault::DropsHeaders, "request.whole"),
    (Fault::SaysAddressAsHost, "request.whole"),
    (Fault::ErrorStatusIsAnError, "response.whole"),
    (Fault::ForgetsHeaders, "response.whole"),
    (Fault::ReadsTextOnly, "response.whole"),
    (Fault::Follows(301), "redirect.stays"),
    (Fault::Follows(302), "redirect.stays"),
    (Fault::Follows(303), "redirect.stays"),
    (Fault::Follows(307), "redirect.stays"),
    (Fault::Follows(308), "redirect.stays"),
    (Fault::KeepsCookies, "cookie.none"),
    (Fault::Decompresses, "body.as_sent"),
    (Fault::LosesPort, "resolve.finds"),
    (Fault::UnknownNameHasNoAddresses, "resolve.fails"),
    (Fault::MixesAnswers, "race.own_answer"),
    (Fault::LimitIsExclusive, "limit.exact"),
    (Fault::LimitIsOneMore, "limit.exact"),
    (Fault::CutsAtLimit, "limit.exact"),
    (Fault::TrustsAnnouncedLength, "limit.exact"),
    (Fault::ReadsAllThenChecks, "limit.while_reading"),
    (Fault::DeadlineUntilHead, "deadline.stops"),
    (Fault::DeadlinePerRead, "deadline.stops"),
    (Fault::NoDeadline, "deadline.stops"),
    (Fault::Impatient, "deadline.in_time"),
];

/// Every fault, in a client of its own.
pub(super) fn http_clients() -> Vec<Faulty<dyn HttpClient>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn HttpClient> { Box::new(Broken(Arc::new(Client::new(fault)))) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

#[derive(Debug)]
struct Broken(Arc<Client>);

/// A client for one exchange of HTTP/1.1 per connection, on a blocking socket.
#[derive(Debug)]
struct Client {
    fault: Fault,
    cookies: Mutex<BTreeMap<String, HeaderValue>>,
    under_way: AtomicUsize,
}

#[async_trait]
impl HttpClient for Broken {
    async fn resolve(&self, host: &str, port: u16) -> std::result::Result<Vec<SocketAddr>, PortError> {
        let found: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
            Ok(found) => found.collect(),
            Err(_) if self.0.has(Fault::UnknownNameHasNoAddresses) => Vec::new(),
            Err(error) => return Err(PortError::transient(error)),
        };
        let port = if self.0.has(Fault::LosesPort) { 0 } else { port };
        Ok(found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
    }

    async fn send(
        &self,
        mut request: OutboundRequest,
    ) -> std::result::Result<http::Response<Bytes>, PortError> {
        let client = Arc::clone(&self.0);
        // The answer of the one that was under way before.
        let before = client.under_way.fetch_add(1, Ordering::SeqCst);
        if before > 0 && client.has(Fault::MixesAnswers) {
            let uri = request.request.uri().to_string();
            let (start, _) = uri.rsplit_once('/').unwrap_or_default();
            *request.request.uri_mut() =
                format!("{start}/{}", before - 1).parse().map_err(PortError::permanent)?;
        }
        let runtime: Arc<dyn Runtime> = Arc::new(ThreadRuntime::new());
        let sent = blocking(&runtime, move || {
            let outcome = client.send(request);
            client.under_way.fetch_sub(1, Ordering::SeqCst);
            outcome
        });
        sent.await?.map_err(PortError::transient)
    }
}

impl Client {
    const fn new(fault: Fault) -> Self {
        Self { fault, cookies: Mutex::new(BTreeMap::new()), under_way: AtomicUsize::new(0) }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>> {
        let OutboundRequest { request, addresses, deadline, max_body } = request;
        let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let addresses = self.addresses(&authority, addresses)?;
        let address = *addresses.first().ok_or_else(|| other("no address"))?;
        let mut exchange = Exchange {
            stream: TcpStream::connect_timeout(&address, deadline)?,
            fault: self.fault,
            deadline,
            ends: Instant::now() + deadline,
            read: Vec::new(),
        };
        exchange.stream.write_all(&self.written(&request, &authority, address))?;
        let mut response = exchange.response(max_body)?;
        match self.fault {
            Fault::ErrorStatusIsAnError if response.status().as_u16() >= 400 => {
                return Err(other(response.status().as_str()));
            }
            Fault::ForgetsHeaders => response.headers_mut().clear(),
            Fault::ReadsTextOnly => {
                let text = String::from_utf8_lossy(response.body()).into_owned();
                // What is only compressed is not text to this client.
                if !response.headers().contains_key(CONTENT_ENCODING) {
                    *response.body_mut() = Bytes::from(text);
                }
            }
            Fault::Decompresses if response.headers().contains_key(CONTENT_ENCODING) => {
                let plain = unpacked(response.body()).ok_or_else(|| other("not gzip"))?;
                *response.body_mut() = plain;
            }
            Fault::KeepsCookies => {
                if let Some(cookie) = response.headers().get(SET_COOKIE) {
                    let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
                    cookies.insert(authority, cookie.clone());
                }
            }
            Fault::Follows(status) if response.status().as_u16() == status => {
                return self.follow(&response, deadline, max_body);
            }
            _ => {}
        }
        Ok(response)
    }

    /// Where the client connects to.
    fn addresses(&self, authority: &str, given: Vec<SocketAddr>) -> Result<Vec<SocketAddr>> {
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let port: u16 = port.parse().map_err(other)?;
        let resolved = || -> Result<Vec<SocketAddr>> {
            Ok((host, port).to_socket_addrs()?.filter(SocketAddr::is_ipv4).collect())
        };
        Ok(match self.fault {
            Fault::KnownNamesOnly => {
                resolved()?;
                given
            }
            Fault::ResolvesAgain => resolved().unwrap_or(given),
            Fault::NumericHostWins => {
                host.parse::<IpAddr>().map_or(given, |host| vec![SocketAddr::new(host, port)])
            }
            Fault::PortOfUriWins => {
                given.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect()
            }
            Fault::ResolvesWhereNothingIsGiven if given.is_empty() => resolved()?,
            _ => given,
        })
    }

    /// The request as it is written.
    fn written(&self, request: &http::Request<Bytes>, authority: &str, address: SocketAddr) -> Vec<u8> {
        let uri = request.uri();
        let target = if self.has(Fault::DropsQuery) {
            uri.path()
        } else {
            uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
        };
        let method = if self.has(Fault::AlwaysGets) { &Method::GET } else { request.method() };
        let host =
            if self.has(Fault::SaysAddressAsHost) { address.to_string() } else { authority.to_owned() };
        let body = if self.has(Fault::DropsBody) { &[][..] } else { request.body() };
        let mut headers = request.headers().clone();
        if self.has(Fault::DropsHeaders) {
            headers.clear();
        }
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cookie) = cookies.get(authority) {
            headers.insert(COOKIE, cookie.clone());
        }
        headers.insert(CONTENT_LENGTH, body.len().into());
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n").into_bytes();
        for (name, value) in &headers {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        [&text, &b"\r\n"[..], body].concat()
    }

    fn follow(
        &self,
        response: &http::Response<Bytes>,
        deadline: Duration,
        max_body: usize,
    ) -> Result<http::Response<Bytes>> {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let request = http::Request::get(location.unwrap_or_default()).body(Bytes::new()).map_err(other)?;
        let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let addresses = authority.to_socket_addrs()?.filter(SocketAddr::is_ipv4).collect();
        self.send(OutboundRequest { request, addresses, deadline, max_body })
    }
}

/// One exchange, once the request is written.
struct Exchange {
    stream: TcpStream,
    fault: Fault,
    deadline: Duration,
    ends: Instant,
    /// What was read and not yet used.
    read: Vec<u8>,
}

impl Exchange {
    /// Reads a little more; `false` at the end.
    fn more(&mut self, in_body: bool) -> Result<bool> {
        const LONG: Duration = Duration::from_secs(30);
        let left = self.ends.saturating_duration_since(Instant::now());
        let patience = match self.fault {
            Fault::NoDeadline => LONG,
            Fault::DeadlinePerRead => self.deadline,
            Fault::DeadlineUntilHead if in_body => LONG,
            Fault::Impatient => left.min(Duration::from_millis(700)),
            _ => left,
        };
        if patience.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(patience))?;
        let mut buffer = [0; 0x4000];
        let count = self.stream.read(&mut buffer)?;
        self.read.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count > 0)
    }

    fn response(&mut self, max_body: usize) -> Result<http::Response<Bytes>> {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                break std::mem::replace(&mut self.read, rest);
            }
            if !self.more(false)? {
                return Err(other("no head"));
            }
        };
        let head = String::from_utf8(head).map_err(other)?;
        let (status, headers) = parsed(&head)?;
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let announced = announced.map(str::parse::<usize>).transpose().map_err(other)?;
        let body = match announced {
            Some(length) => self.announced(length, max_body)?,
            None => self.chunked(max_body)?,
        };
        let mut response = http::Response::builder().status(status).body(Bytes::from(body)).map_err(other)?;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn announced(&mut self, length: usize, max_body: usize) -> Result<Vec<u8>> {
        if self.fault != Fault::CutsAtLimit {
            self.check(length, max_body)?;
        }
        while self.read.len() < length {
            if !self.more(true)? {
                return Err(other("half a body"));
            }
        }
        self.read.truncate(length);
        if self.fault == Fault::CutsAtLimit {
            self.read.truncate(max_body);
        }
        Ok(std::mem::take(&mut self.read))
    }

    fn chunked(&mut self, max_body: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16).map_err(other)?;
            let read = body.len().saturating_add(size);
            match self.fault {
                Fault::ReadsAllThenChecks if size > 0 => {}
                // Nobody announced a length, and a megabyte will not hurt.
                Fault::TrustsAnnouncedLength => self.check(read, max_body.max(1 << 20))?,
                _ => self.check(read, max_body)?,
            }
            if size == 0 {
                return Ok(body);
            }
            while self.read.len() < size + 2 {
                if !self.more(true)? {
                    return Err(other("half a chunk"));
                }
            }
            let rest = self.read.split_off(size + 2);
            let chunk = std::mem::replace(&mut self.read, rest);
            body.extend_from_slice(chunk.get(..size).unwrap_or_default());
        }
    }

    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let rest = self.read.split_off(end + 2);
                let mut line = std::mem::replace(&mut self.read, rest);
                line.truncate(end);
                return String::from_utf8(line).map_err(other);
            }
            if !self.more(true)? {
                return Err(other("no line"));
            }
        }
    }

    fn check(&self, size: usize, max_body: usize) -> Result<()> {
        let fits = match self.fault {
            Fault::LimitIsExclusive => size < max_body,
            Fault::LimitIsOneMore => size <= max_body.saturating_add(1),
            _ => size <= max_body,
        };
        if fits { Ok(()) } else { Err(other("too large")) }
    }
}

fn parsed(head: &str) -> Result<(u16, HeaderMap)> {
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(|| other("no status"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name: HeaderName = name.parse().map_err(other)?;
        headers.append(name, value.trim().parse().map_err(other)?);
    }
    Ok((status.parse().map_err(other)?, headers))
}

/// What is in a gzip member that is stored without compression.
fn unpacked(gzip: &[u8]) -> Option<Bytes> {
    let (length, rest) = gzip.get(11..)?.split_first_chunk::<2>()?;
    rest.get(2..)?.get(..usize::from(u16::from_le_bytes(*length))).map(Bytes::copy_from_slice)
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::other(error)
}
