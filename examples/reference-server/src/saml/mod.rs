//! SAML: services that people sign in to from here, and identity providers of organizations that they come from.
//!
//! What a message says is checked by [`ciam_saml`]; which account somebody gets is decided by
//! [`Accounts::join`](ciam_core::account::Accounts::join), as for [OpenID Providers](crate::upstream). Both sides are set up by
//! import files, and each has its metadata at an address of this server.

mod connection;
mod entries;
mod keys;
mod released;
mod service;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use async_trait::async_trait;
use ciam_core::{
    error::PortError,
    journey::Connections,
    ports::Ports,
    relay::{EventSink, SinkSource},
};
use ciam_saml::idp::IdentityProvider;

pub use self::{
    connection::{Connection, NotAPerson},
    released::{Released, name_id_format, verified_email},
    service::{Next, Service, Situation, classes},
};
use self::{
    entries::{Entries, OnTrouble},
    keys::SamlKeys,
};
use crate::{config::Config, upstream::Upstreams};

/// Both roles, where an import file names a peer.
#[derive(Clone, Debug, Default)]
pub struct Saml(Option<Arc<Shared>>);

/// What the import files say, and what is made of it and of the metadata that there is now.
#[derive(Debug)]
struct Shared {
    entries: Entries,
    now: RwLock<Arc<Inner>>,
    /// One at a time makes it anew, so that what is there in the end was made last.
    making: Mutex<()>,
}

#[derive(Debug)]
struct Inner {
    idp: IdentityProvider,
    services: BTreeMap<String, Arc<Service>>,
    connections: BTreeMap<String, Arc<Connection>>,
}

impl Saml {
    /// What the import files say. The key is made when it is needed for the first time. Metadata that is elsewhere is not there
    /// yet: [`background`](Self::background) fetches it.
    ///
    /// # Errors
    ///
    /// Two entries have one name, metadata cannot be used, or a port fails.
    pub async fn open(config: &Config, ports: &Ports) -> anyhow::Result<Self> {
        let files = || config.imports.iter().map(|it| it.content());
        let wanted = files().any(|it| !it.saml_services.is_empty() || !it.saml_connections.is_empty());
        if !wanted && !config.saml {
            return Ok(Self::default());
        }
        let keys = SamlKeys::open(ports, config.issuer.host()).await?;
        let entries = Entries::read(config, ports, keys)?;
        let now = RwLock::new(Arc::new(entries.make(OnTrouble::Fail)?));
        Ok(Self(Some(Arc::new(Shared { entries, now, making: Mutex::default() }))))
    }

    /// Fetches metadata that is elsewhere, for as long as the futures are polled: for the server to spawn.
    pub fn background(&self) -> Vec<impl Future<Output = ()> + Send + 'static> {
        let shared = self.0.iter();
        let sources =
            shared.flat_map(|shared| shared.entries.sources().map(move |it| (shared.clone(), it.clone())));
        sources.map(|(shared, source)| async move { source.keep_fresh(|_| shared.make()).await }).collect()
    }

    /// Fetches metadata that is elsewhere, where it is due.
    pub async fn refresh(&self) {
        let Some(shared) = &self.0 else { return };
        for source in shared.entries.sources() {
            if let Err(error) = source.refresh().await {
                tracing::warn!(url = source.url(), error = &error as &dyn std::error::Error, "no metadata");
            }
        }
        shared.make();
    }

    fn now(&self) -> Option<Arc<Inner>> {
        let shared = self.0.as_ref()?;
        Some(Arc::clone(&shared.now.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The identity provider, when there is one.
    pub fn idp(&self) -> Option<IdentityProvider> {
        self.now().map(|it| it.idp.clone())
    }

    /// A service, by its entity id.
    pub fn service(&self, entity_id: &str) -> Option<Arc<Service>> {
        self.now()?.services.get(entity_id).cloned()
    }

    /// A connection, by its name.
    pub fn connection(&self, name: &str) -> Option<Arc<Connection>> {
        self.now()?.connections.get(name).cloned()
    }

    /// Those with a button for everybody.
    pub fn buttons(&self) -> Vec<(String, Arc<Connection>)> {
        let Some(now) = self.now() else { return Vec::new() };
        let shown = now.connections.iter().filter(|(_, it)| it.button && it.is_ready());
        shown.map(|(name, it)| (name.clone(), Arc::clone(it))).collect()
    }
}

impl Shared {
    /// Makes everything anew from the metadata that there is now.
    fn make(&self) {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        match self.entries.make(OnTrouble::LeaveOut) {
            Ok(made) => *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made),
            Err(error) => tracing::error!(%error, "the peers of SAML stay as they were"),
        }
    }
}

/// Services are told of the ends of sessions by the identity provider that there is at the moment.
#[async_trait]
impl SinkSource for Saml {
    async fn sinks(&self) -> Result<Vec<Arc<dyn EventSink>>, PortError> {
        Ok(self.idp().map_or_else(Vec::new, |idp| idp.session_sinks()))
    }
}

/// Every way to an identity provider elsewhere, whatever it speaks.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Those that speak OpenID Connect.
    pub upstreams: Upstreams,
    /// Those that speak SAML.
    pub saml: Saml,
}

#[async_trait]
impl Connections for Elsewhere {
    async fn has(&self, name: &str) -> Result<bool, PortError> {
        let saml = self.saml.connection(name).is_some_and(|it| it.is_ready());
        Ok(saml || self.upstreams.has(name).await?)
    }
}

/// Where the identity provider's metadata is; also its entity id.
pub const METADATA: &str = "/saml/metadata";
/// Where services send requests for sign-in.
pub const SIGN_ON: &str = "/saml/sso";
/// Where services send browsers with messages of single logout.
pub const LOGOUT: &str = "/saml/slo";
/// Where services send such messages themselves.
pub const SOAP_LOGOUT: &str = "/saml/slo/soap";
/// Where services fetch messages.
pub const ARTIFACTS: &str = "/saml/artifacts";
