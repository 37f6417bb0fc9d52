//! The outbound HTTP port on reqwest.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

/// Sends outbound requests with reqwest: to the given addresses and nowhere else.
///
/// Each request has a client of its own whose only resolver answers with the addresses that core has checked, so there is
/// no second look-up, no connection that was opened for another request, no proxy, no redirect and no cookie. TLS is rustls
/// on ring, whatever the process has installed as its default, and trusts the Mozilla roots plus those that are added.
#[derive(Clone)]
pub struct ReqwestHttpClient {
    tls: ClientConfig,
}

impl ReqwestHttpClient {
    /// How long a name look-up may take.
    const RESOLVE_DEADLINE: Duration = Duration::from_secs(5);
    /// How many addresses of a name are used.
    const MAX_ADDRESSES: usize = 16;

    /// A client that trusts the Mozilla roots.
    ///
    /// # Errors
    ///
    /// Fails when TLS cannot be set up.
    pub fn new() -> Result<Self, HttpClientError> {
        Self::with_roots([])
    }

    /// A client that trusts these root certificates (DER) as well, such as those of the host's own authority.
    ///
    /// # Errors
    ///
    /// Fails when a certificate cannot be used as a root.
    pub fn with_roots(roots: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, HttpClientError> {
        let mut store = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for root in roots {
            store.add(CertificateDer::from(root)).map_err(HttpClientError::Tls)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(HttpClientError::Tls)?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { tls })
    }

    fn client(&self, addresses: Vec<SocketAddr>) -> Result<reqwest::Client, PortError> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(Pinned(addresses)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| PortError::permanent(error.without_url()))
    }

    async fn exchange(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        let OutboundRequest { request, addresses, max_body, .. } = request;
        let url = Url::parse(&request.uri().to_string()).map_err(PortError::permanent)?;
        let client = self.client(pinned_addresses(&url, addresses)?)?;
        let (parts, body) = request.into_parts();
        let mut outgoing = reqwest::Request::new(parts.method, url);
        *outgoing.headers_mut() = parts.headers;
        if !body.is_empty() {
            *outgoing.body_mut() = Some(body.into());
        }
        let mut incoming = client.execute(outgoing).await.map_err(exchange_error)?;
        let too_large = || PortError::permanent("the response is larger than allowed");
        let announced = incoming.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > max_body) {
            return Err(too_large());
        }
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = incoming.status();
        *response.headers_mut() = std::mem::take(incoming.headers_mut());
        let mut read = Vec::new();
        while let Some(chunk) = incoming.chunk().await.map_err(exchange_error)? {
            if read.len().saturating_add(chunk.len()) > max_body {
                return Err(too_large());
            }
            read.extend_from_slice(&chunk);
        }
        *response.body_mut() = Bytes::from(read);
        Ok(response)
    }
}

impl fmt::Debug for ReqwestHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestHttpClient").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for ReqwestHttpClient {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        let lookup = tokio::time::timeout(Self::RESOLVE_DEADLINE, tokio::net::lookup_host((host, port)));
        let found = lookup.await.map_err(PortError::transient)?.map_err(PortError::transient)?;
        Ok(found.take(Self::MAX_ADDRESSES).collect())
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        tokio::time::timeout(request.deadline, self.exchange(request)).await.map_err(PortError::transient)?
    }
}

/// The addresses that a URL may be connected to: those given, if they have its port and, for a numeric host, are that host.
fn pinned_addresses(url: &Url, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, PortError> {
    let port = url.port_or_known_default();
    let numeric = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
        _ => None,
    };
    // A numeric host is connected to without a resolver, and a port in the URL counts more than that of an address:
    // neither may lead anywhere that was not checked.
    let fits = |address: &SocketAddr| {
        Some(address.port()) == port && numeric.is_none_or(|numeric| numeric == address.ip())
    };
    if !addresses.is_empty() && addresses.iter().all(fits) {
        Ok(addresses)
    } else {
        Err(PortError::permanent("the addresses are not those of the URL"))
    }
}

/// Answers every look-up with the addresses that were checked.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _name: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// A failed exchange. The URL is taken out of the cause: its query may hold a secret.
fn exchange_error(error: reqwest::Error) -> PortError {
    let passes = !error.is_builder();
    let error = error.without_url();
    if passes { PortError::transient(error) } else { PortError::permanent(error) }
}

/// An HTTP client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpClientError {
    /// TLS cannot be set up, or a root certificate cannot be used.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}
