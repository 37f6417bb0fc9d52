//! The authorization server: configuration, construction and the endpoints.

mod builder;
mod config;
mod endpoint;

use std::sync::Arc;

use ciam_core::ports::Ports;
use ciam_core::session::SessionManager;

pub use self::builder::{ConfigError, ServerBuilder};
pub use self::config::{Config, Lifetimes, Limits, ResourceServer, SupportedScope, TokenFormat};
pub use self::endpoint::Endpoint;
use crate::client::Clients;
use crate::extension::Extension;
use crate::issuer::Issuer;

/// An OAuth 2.x authorization server for one tenant and one issuer.
///
/// Cheap to clone; every method takes `&self`. Build it with [`AuthorizationServer::builder`].
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    inner: Arc<Inner>,
}

/// What every endpoint works with.
#[derive(Debug)]
struct Inner {
    ports: Ports,
    issuer: Issuer,
    config: Config,
    clients: Clients,
    sessions: SessionManager,
    extension: Arc<dyn Extension>,
}

impl AuthorizationServer {
    /// Begins to build a server on a tenant's ports.
    pub fn builder(ports: Ports) -> ServerBuilder {
        ServerBuilder::new(ports)
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.inner.issuer
    }

    /// The tenant's ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.inner.ports
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The registered clients.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.inner.clients
    }

    /// The sessions that people sign in to.
    #[must_use]
    pub fn sessions(&self) -> &SessionManager {
        &self.inner.sessions
    }

    /// The protocol that is plugged in.
    #[must_use]
    pub fn extension(&self) -> &dyn Extension {
        &*self.inner.extension
    }

    /// The URL of an endpoint: the issuer and the endpoint's path.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> String {
        self.inner.issuer.endpoint(endpoint.path())
    }
}
