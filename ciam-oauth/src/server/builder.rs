//! Building a server: what is missing or contradictory is an error here, not a surprise later.

use std::collections::BTreeMap;
use std::sync::Arc;

use ciam_core::assurance::AcrLadder;
use ciam_core::error::PortError;
use ciam_core::ports::Ports;
use ciam_core::session::SessionManager;

use super::config::{Config, Lifetimes, Limits, ResourceServer, SupportedScope};
use super::subject::Subjects;
use super::{AuthorizationServer, Inner};
use crate::client::{Clients, Supported};
use crate::client_auth::ClientKeyCache;
use crate::extension::{Extension, NoExtension};
use crate::issuer::Issuer;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::token::refresh::RefreshSecrets;

/// Collects the configuration of an [`AuthorizationServer`].
#[derive(Debug)]
#[must_use = "a server is made by `build`"]
pub struct ServerBuilder {
    ports: Ports,
    sessions: SessionManager,
    issuer: Option<Issuer>,
    interaction_url: Option<String>,
    lifetimes: Lifetimes,
    limits: Limits,
    scopes: Vec<SupportedScope>,
    resources: Vec<ResourceServer>,
    default_resource: Option<ResourceIndicator>,
    acr: AcrLadder,
    extension: Arc<dyn Extension>,
}

impl ServerBuilder {
    pub(super) fn new(ports: Ports) -> Self {
        Self {
            sessions: SessionManager::new(ports.clone()),
            ports,
            issuer: None,
            interaction_url: None,
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            scopes: Vec::new(),
            resources: Vec::new(),
            default_resource: None,
            acr: AcrLadder::default(),
            extension: Arc::new(NoExtension::new()),
        }
    }

    /// Sets the issuer. Required.
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Sets where the host shows its pages; the interaction's handle is appended. Required.
    pub fn interaction_url(mut self, url: impl Into<String>) -> Self {
        self.interaction_url = Some(url.into());
        self
    }

    /// Replaces the sessions, for a host with a session policy of its own.
    pub fn sessions(mut self, sessions: SessionManager) -> Self {
        self.sessions = sessions;
        self
    }

    /// Replaces the lifetimes.
    pub const fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// Replaces the limits.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a scope value that clients may be registered for.
    pub fn scope(mut self, scope: SupportedScope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// Adds a resource that tokens may be issued for. The first is the default resource unless another is named.
    pub fn resource(mut self, resource: ResourceServer) -> Self {
        self.resources.push(resource);
        self
    }

    /// Names the resource of requests that name none.
    pub fn default_resource(mut self, indicator: ResourceIndicator) -> Self {
        self.default_resource = Some(indicator);
        self
    }

    /// Replaces the levels of assurance.
    pub fn acr(mut self, ladder: AcrLadder) -> Self {
        self.acr = ladder;
        self
    }

    /// Plugs another protocol in, such as OpenID Connect.
    pub fn extension(mut self, extension: Arc<dyn Extension>) -> Self {
        self.extension = extension;
        self
    }

    /// Checks everything and makes the server.
    ///
    /// # Errors
    ///
    /// Fails when something required is missing or contradicts something else, and when a port fails.
    pub async fn build(self) -> Result<AuthorizationServer, ConfigError> {
        let issuer = self.issuer.ok_or(ConfigError::Missing("issuer"))?;
        let interaction_url = self.interaction_url.ok_or(ConfigError::Missing("interaction_url"))?;
        let protocol = self.extension.scopes();
        let protocol_scopes: ScopeSet = protocol.iter().map(|known| known.scope.clone()).collect();
        let scopes: BTreeMap<_, _> = self
            .scopes
            .into_iter()
            .chain(protocol)
            .map(|supported| (supported.scope.clone(), supported))
            .collect();
        let first = self.resources.first().map(|resource| resource.identifier.clone());
        let default_resource = self.default_resource.or(first).ok_or(ConfigError::Missing("resource"))?;
        let resources =
            self.resources.into_iter().map(|resource| (resource.identifier.clone(), resource)).collect();
        let config = Config {
            lifetimes: self.lifetimes,
            limits: self.limits,
            interaction_url,
            scopes,
            protocol_scopes,
            resources,
            default_resource,
            acr: self.acr,
        };
        let supported = Supported {
            scopes: config.scopes.keys().cloned().collect(),
            resources: config.resources.keys().cloned().collect(),
        };
        let clients = Clients::new(self.ports.clone(), supported);
        let subjects = Subjects::load(&self.ports).await?;
        let refresh_secrets = RefreshSecrets::load(self.ports.clone()).await?;
        let inner = Inner {
            subjects,
            refresh_secrets,
            client_keys: ClientKeyCache::default(),
            ports: self.ports,
            issuer,
            config,
            clients,
            sessions: self.sessions,
            extension: self.extension,
        };
        Ok(AuthorizationServer { inner: Arc::new(inner) })
    }
}

/// The configuration cannot make a server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Something required is missing.
    #[error("`{0}` is not configured")]
    Missing(&'static str),
    /// A port failed.
    #[error("the server's state cannot be read or made")]
    Port(#[from] PortError),
}
