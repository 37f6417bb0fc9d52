//! Several tenants in one process: an authorization server for each, chosen by what the request was sent to.

use std::sync::Arc;

use axum::Router;
use ciam_oauth::AuthorizationServer;
use http::{HeaderMap, StatusCode, Uri, header::HOST};

use crate::mount::mount;

/// The authorization servers of several tenants, each with an issuer of its own: by host (`https://acme.id.example`), by path
/// (`https://id.example/acme`), or both.
///
/// An [`AuthorizationServer`] stands on the ports of one tenant, whose store, keys and secrets know nothing of the others: which one
/// answers is all that is decided here, and what one has made is worth nothing to another. Metadata of an issuer with a path are
/// where [RFC 8414, section 3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1) has them
/// (`https://id.example/.well-known/oauth-authorization-server/acme`), and below the issuer where OpenID Connect has its own.
///
/// ```
/// # use ciam_axum::Tenants;
/// # use ciam_oauth::AuthorizationServer;
/// # fn servers() -> Vec<AuthorizationServer> { Vec::new() }
/// let mut tenants = Tenants::new();
/// for server in servers() {
///     tenants = tenants.with(server)?;
/// }
/// let router: axum::Router = tenants.router();
/// # Ok::<(), ciam_axum::SameIssuer>(())
/// ```
///
/// # Security
///
/// - The host is what the request says, or what a proxy in front says that it was. Whoever makes it up reaches another tenant, as they
///   could anyway; no URL in an answer is made of it.
/// - Tenants by path share an origin, and so cookies and scripts: a browser is signed in to one of them at a time, and the pages of
///   one could read those of another. Give tenants that do not trust each other a host each.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    servers: Vec<AuthorizationServer>,
}

/// Two tenants with one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameIssuer(pub String);

impl std::fmt::Display for SameIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "two tenants have the issuer {}", self.0)
    }
}

impl std::error::Error for SameIssuer {}

impl Tenants {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    ///
    /// # Errors
    ///
    /// There is one with its issuer.
    pub fn with(mut self, server: AuthorizationServer) -> Result<Self, SameIssuer> {
        let place = |it: &AuthorizationServer| (authority(it).to_owned(), it.issuer().path().to_owned());
        if self.servers.iter().any(|known| place(known) == place(&server)) {
            return Err(SameIssuer(server.issuer().as_str().to_owned()));
        }
        self.servers.push(server);
        // The longest path first: `/acme/shop` is not below `/acme`.
        self.servers.sort_by_key(|it| std::cmp::Reverse(it.issuer().path().len()));
        Ok(self)
    }

    /// The server that a request is for: the one at this host whose path it is below, or whose well-known document it asks for.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&AuthorizationServer> {
        let below =
            |own: &str| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // Behind `/.well-known/NAME` stands the issuer's whole path.
        let named =
            path.strip_prefix("/.well-known/").map(|rest| rest.find('/').and_then(|at| rest.get(at..)));
        self.servers.iter().filter(|it| is_at(it, host)).find(|it| {
            let own = it.issuer().path();
            match named {
                Some(rest) => rest.unwrap_or_default() == own,
                None => below(own),
            }
        })
    }

    /// A router that answers for all of them, and with status 404 for nobody's. The host's own pages come before it.
    pub fn router(self) -> Router {
        let tenants = Arc::new(self);
        mount(move |request, peer| {
            let tenants = Arc::clone(&tenants);
            async move {
                let host = host(request.headers(), request.uri());
                match host.and_then(|host| tenants.find(host, request.uri().path())) {
                    Some(server) => server.handle(request, &peer).await,
                    None => {
                        let mut nobody = http::Response::new(bytes::Bytes::new());
                        *nobody.status_mut() = StatusCode::NOT_FOUND;
                        nobody
                    }
                }
            }
        })
    }
}

fn authority(server: &AuthorizationServer) -> &str {
    server.issuer().origin().split_once("://").map_or("", |(_, rest)| rest)
}

/// Whether a host is the issuer's, which does not write the port that its scheme has anyway
/// ([RFC 9110, section 4.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-4.2.3)).
fn is_at(server: &AuthorizationServer, host: &str) -> bool {
    let usual = if server.issuer().origin().starts_with("https://") { ":443" } else { ":80" };
    authority(server).eq_ignore_ascii_case(host.strip_suffix(usual).unwrap_or(host))
}

/// What the request was sent to.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let written = || headers.get(HOST).and_then(|value| value.to_str().ok());
    uri.authority().map(http::uri::Authority::as_str).or_else(written)
}
