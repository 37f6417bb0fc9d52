//! An HTTP client without a network.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::PortError;
use crate::outbound::{HttpClient, OutboundRequest};

/// Answers requests from a script, or hands them to handlers in the same process.
///
/// ```
/// use bytes::Bytes;
/// use ciam_core::memory::MemoryHttpClient;
///
/// let client = MemoryHttpClient::new();
/// let document = http::Response::builder()
///     .header("content-type", "application/json")
///     .body(Bytes::from_static(b"{\"keys\":[]}"))?;
/// client.answer("https://login.example/jwks.json", document);
/// assert!(client.requests().is_empty());
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryHttpClient(Arc<Mutex<Script>>);

type Handler = Arc<dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, http::Response<Bytes>> + Send + Sync>;

#[derive(Default)]
struct Script {
    addresses: BTreeMap<String, Vec<IpAddr>>,
    once: BTreeMap<String, VecDeque<Result<http::Response<Bytes>, PortError>>>,
    answers: BTreeMap<String, http::Response<Bytes>>,
    handlers: BTreeMap<String, Handler>,
    requests: VecDeque<http::Request<Bytes>>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("answers", &self.answers.keys())
            .field("handlers", &self.handlers.keys())
            .field("requests", &self.requests.len())
            .finish_non_exhaustive()
    }
}

impl MemoryHttpClient {
    /// How many requests are kept; older ones are dropped.
    pub const CAPACITY: usize = 1000;

    /// The address of every host that has not been given another: a public one, so that the outbound rules let it through.
    pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));

    /// A client that knows no answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a host these addresses.
    pub fn resolve_to(&self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.lock().addresses.insert(host.to_owned(), addresses.into_iter().collect());
    }

    /// Answers every request for a URL with this response, whatever the method.
    pub fn answer(&self, url: &str, response: http::Response<Bytes>) {
        self.lock().answers.insert(url.to_owned(), response);
    }

    /// Answers one request for a URL with this outcome, before any [`answer`](Self::answer); calls queue up.
    pub fn answer_once(&self, url: &str, outcome: Result<http::Response<Bytes>, PortError>) {
        self.lock().once.entry(url.to_owned()).or_default().push_back(outcome);
    }

    /// Hands every request for an authority (`login.example`, or with a port) to a handler, unless its URL has an answer.
    pub fn serve<F>(&self, authority: &str, handler: F)
    where
        F: Fn(http::Request<Bytes>) -> BoxFuture<'static, http::Response<Bytes>> + Send + Sync + 'static,
    {
        self.lock().handlers.insert(authority.to_owned(), Arc::new(handler));
    }

    /// The requests that were sent, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.lock().requests.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &http::Request<Bytes>) -> Result<Answer, PortError> {
        let url = request.uri().to_string();
        let mut script = self.lock();
        if script.requests.len() == Self::CAPACITY {
            script.requests.pop_front();
        }
        script.requests.push_back(request.clone());
        if let Some(outcome) = script.once.get_mut(&url).and_then(VecDeque::pop_front) {
            return outcome.map(Answer::Ready);
        }
        if let Some(response) = script.answers.get(&url) {
            return Ok(Answer::Ready(response.clone()));
        }
        let authority = request.uri().authority().map_or("", http::uri::Authority::as_str);
        match script.handlers.get(authority) {
            Some(handler) => Ok(Answer::From(Arc::clone(handler))),
            None => Err(PortError::transient("nothing answers at this address")),
        }
    }
}

enum Answer {
    Ready(http::Response<Bytes>),
    From(Handler),
}

#[async_trait]
impl HttpClient for MemoryHttpClient {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        let script = self.lock();
        let known = script.addresses.get(host);
        let addresses = known.map_or(std::slice::from_ref(&Self::ADDRESS), Vec::as_slice);
        Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        let response = match self.next(&request.request)? {
            Answer::Ready(response) => response,
            Answer::From(handler) => handler(request.request).await,
        };
        if response.body().len() > request.max_body {
            return Err(PortError::permanent("the body is over the size limit"));
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn get(url: &str, max_body: usize) -> OutboundRequest {
        let request = http::Request::get(url).body(Bytes::new()).unwrap();
        OutboundRequest { request, addresses: Vec::new(), deadline: Duration::from_secs(1), max_body }
    }

    fn text(text: &'static str) -> http::Response<Bytes> {
        http::Response::new(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn answers_come_from_the_script_then_from_the_handler() {
        const URL: &str = "https://login.example/a";
        let client = MemoryHttpClient::new();
        assert!(client.send(get(URL, 10)).await.is_err());
        client.serve("login.example", |request| {
            Box::pin(async move { http::Response::new(Bytes::from(request.uri().path().to_owned())) })
        });
        assert_eq!(client.send(get(URL, 10)).await.unwrap().body(), "/a");
        client.answer(URL, text("fixed"));
        client.answer_once(URL, Err(PortError::transient("down")));
        assert!(client.send(get(URL, 10)).await.is_err());
        assert_eq!(client.send(get(URL, 10)).await.unwrap().body(), "fixed");
        assert!(client.send(get(URL, 4)).await.is_err(), "over the size limit");
        assert_eq!(client.requests().len(), 5);
    }

    #[tokio::test]
    async fn hosts_have_a_public_address_unless_they_are_given_others() {
        let client = MemoryHttpClient::new();
        let found = client.resolve("login.example", 443).await.unwrap();
        assert!(found.iter().all(|address| crate::outbound::is_public(address.ip())));
        client.resolve_to("login.example", [Ipv4Addr::LOCALHOST.into()]);
        let found = client.resolve("login.example", 443).await.unwrap();
        assert_eq!(found, [SocketAddr::from((Ipv4Addr::LOCALHOST, 443))]);
    }
}
