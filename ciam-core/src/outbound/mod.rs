//! Every outbound HTTP request: the client port, and the rules that stand before it.
//!
//! Key sets, metadata, redirect lists and webhooks are fetched from addresses that strangers may have written. [`Outbound`]
//! is the one way out, and applies the same rules to all of it: `https` only, no user info and no fragment, public addresses
//! only, connected to exactly the addresses that were checked, no redirect followed, bounded in time and size.
//! [OWASP: server-side request forgery](https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).

mod address;
mod client;
mod policy;

pub use self::address::is_public;
pub use self::client::{Outbound, OutboundError};
pub use self::policy::OutboundPolicy;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::PortError;

/// A request that the rules have let through.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundRequest {
    /// The request, with an absolute URI.
    pub request: http::Request<Bytes>,
    /// The only addresses that the client may connect to.
    pub addresses: Vec<SocketAddr>,
    /// The time from the first byte out to the last byte in.
    pub deadline: Duration,
    /// The largest body that is read; a larger one is an error.
    pub max_body: usize,
}

impl OutboundRequest {
    /// A request with its limits. For tests of a client: others go through [`Outbound`], which checks before it sends.
    #[must_use]
    pub const fn new(
        request: http::Request<Bytes>,
        addresses: Vec<SocketAddr>,
        deadline: Duration,
        max_body: usize,
    ) -> Self {
        Self { request, addresses, deadline, max_body }
    }
}

/// Sends HTTP requests.
///
/// # Contract
///
/// - `send` connects to none but [`OutboundRequest::addresses`]: it does not resolve again, so that what was checked is
///   what is connected to. TLS verifies the certificate for the URI's host.
/// - It follows no redirect, uses no proxy from the environment, sends no cookie, decompresses nothing.
/// - It stops at the deadline, and at the size limit while reading, not after.
#[async_trait]
pub trait HttpClient: fmt::Debug + Send + Sync {
    /// Resolves a host name.
    ///
    /// # Errors
    ///
    /// Fails when the name cannot be resolved.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError>;

    /// Sends a request and reads the response.
    ///
    /// # Errors
    ///
    /// Fails when there is no response within the limits. Any status is a response.
    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError>;
}

/// A client that refuses every request: the default where nothing needs the network.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DenyHttp;

impl DenyHttp {
    /// A client that refuses every request.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl HttpClient for DenyHttp {
    async fn resolve(&self, _host: &str, _port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Err(PortError::permanent("no HTTP client is configured"))
    }

    async fn send(&self, _request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        Err(PortError::permanent("no HTTP client is configured"))
    }
}
