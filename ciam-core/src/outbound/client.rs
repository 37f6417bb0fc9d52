//! The one way out.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::{OutboundPolicy, OutboundRequest, is_public};
use crate::error::PortError;
use crate::ports::Ports;

/// Sends requests to addresses that strangers may have written, by the rules of [this module](super).
///
/// ```
/// # #[cfg(feature = "memory")] {
/// use ciam_core::memory;
/// use ciam_core::outbound::Outbound;
///
/// async fn key_set(outbound: &Outbound) -> Result<serde_json::Value, ciam_core::outbound::OutboundError> {
///     outbound.get_json("https://login.example/jwks.json").await
/// }
/// let outbound = Outbound::new(memory::ports());
/// # let _ = key_set(&outbound);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Outbound {
    ports: Ports,
    policy: OutboundPolicy,
}

impl Outbound {
    /// The way out through the HTTP client and the outbound policy of these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let policy = ports.outbound_policy().clone();
        Self { ports, policy }
    }

    /// The same way with other limits: for what is known to be larger, and fetched where nobody waits for it.
    #[must_use]
    pub const fn with_limits(mut self, deadline: Duration, max_body: usize) -> Self {
        self.policy.deadline = deadline;
        self.policy.max_body = max_body;
        self
    }

    /// Fetches a JSON document: `GET`, status 200, a JSON content type.
    ///
    /// # Errors
    ///
    /// Fails when the URL breaks a rule, when the exchange fails or passes a limit, and when the response is not the
    /// document that was asked for.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<T, OutboundError> {
        let request = http::Request::get(url)
            .header(ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| OutboundError::Url)?;
        serde_json::from_slice(&self.json_of(request).await?).map_err(|_| OutboundError::Body)
    }

    /// Sends a request whose answer is a JSON document: status 200, a JSON content type. Gives its bytes, unread.
    ///
    /// # Errors
    ///
    /// As [`get_json`](Self::get_json).
    pub async fn json_of(&self, request: http::Request<Bytes>) -> Result<Bytes, OutboundError> {
        let response = self.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(OutboundError::Status(response.status()));
        }
        if !response.headers().get(CONTENT_TYPE).is_some_and(is_json) {
            return Err(OutboundError::ContentType);
        }
        Ok(response.into_body())
    }

    /// Sends a request. Any status but a redirect is a response.
    ///
    /// # Errors
    ///
    /// Fails when the URL breaks a rule, when the exchange fails or passes a limit, and when the answer is a redirect.
    pub async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, OutboundError> {
        let target = Target::check(&request.uri().to_string(), &self.policy)?;
        let addresses = self.addresses(&target).await?;
        let outbound = OutboundRequest {
            request,
            addresses,
            deadline: self.policy.deadline,
            max_body: self.policy.max_body,
        };
        let response = self.ports.http_client().send(outbound).await?;
        if response.status().is_redirection() {
            return Err(OutboundError::Redirect);
        }
        if response.body().len() > self.policy.max_body {
            return Err(OutboundError::Body);
        }
        Ok(response)
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        let found = match target.host {
            Host::Ipv4(address) => vec![SocketAddr::from((address, target.port))],
            Host::Ipv6(address) => vec![SocketAddr::from((address, target.port))],
            Host::Domain(ref name) => self.ports.http_client().resolve(name, target.port).await?,
        };
        let allowed: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| address.port() == target.port && (target.trusted || is_public(address.ip())))
            .collect();
        if allowed.is_empty() { Err(OutboundError::Address) } else { Ok(allowed) }
    }
}

/// A URL that the rules let through.
struct Target {
    host: Host<String>,
    port: u16,
    trusted: bool,
}

impl Target {
    fn check(text: &str, policy: &OutboundPolicy) -> Result<Self, OutboundError> {
        if text.len() > policy.max_url {
            return Err(OutboundError::Url);
        }
        let url = Url::parse(text).map_err(|_| OutboundError::Url)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(OutboundError::Url);
        }
        let host = url.host().ok_or(OutboundError::Url)?.to_owned();
        let port = url.port_or_known_default().ok_or(OutboundError::Url)?;
        let trusted = policy.trusts(&host.to_string(), port);
        match url.scheme() {
            "https" => {}
            "http" if trusted => {}
            _ => return Err(OutboundError::Url),
        }
        Ok(Self { host, port, trusted })
    }
}

fn is_json(value: &http::HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// An outbound request failed or was refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The URL breaks a rule: not `https`, with user info or fragment, too long, or malformed.
    #[error("the URL is not allowed")]
    Url,
    /// The host has no address that may be connected to.
    #[error("the host has no public address")]
    Address,
    /// The answer is a redirect; none is followed.
    #[error("the answer is a redirect")]
    Redirect,
    /// The status is not the one asked for.
    #[error("the answer has status {0}")]
    Status(http::StatusCode),
    /// The content type is not the one asked for.
    #[error("the answer is not of the expected content type")]
    ContentType,
    /// The body is too large, or not what was asked for.
    #[error("the answer cannot be read")]
    Body,
    /// The exchange failed.
    #[error("the request failed")]
    Port(#[from] PortError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_break_a_rule_are_refused() {
        let policy = OutboundPolicy::default().dangerous_trust_host("localhost", 8081);
        for text in [
            "http://login.example/",
            "http://localhost:8082/",
            "ftp://login.example/",
            "file:///etc/passwd",
            "https://user@login.example/",
            "https://user:pass@login.example/",
            "https://login.example/#x",
            "gopher://login.example/",
            "javascript:alert(1)",
            "",
            "//login.example/",
            "https://",
        ] {
            assert!(Target::check(text, &policy).is_err(), "{text}");
        }
        let long = format!("https://login.example/{}", "a".repeat(2_048));
        assert!(Target::check(&long, &policy).is_err());
        assert!(Target::check("http://localhost:8081/jwks", &policy).is_ok());
        assert!(Target::check("https://login.example/jwks", &policy).is_ok());
    }

    #[test]
    fn numeric_host_spellings_are_seen_as_the_address_that_they_are() {
        let policy = OutboundPolicy::default();
        for text in ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/"] {
            let target = Target::check(text, &policy).unwrap();
            assert_eq!(target.host, Host::<String>::Ipv4(std::net::Ipv4Addr::LOCALHOST), "{text}");
        }
    }
}
