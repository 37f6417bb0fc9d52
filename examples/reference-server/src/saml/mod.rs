//! SAML: services that people sign in to from here, and identity providers of organizations that they come from.
//!
//! What a message says is checked by [`ciam_saml`]; which account somebody gets is decided by
//! [`Accounts::join`](ciam_core::account::Accounts::join), as for [OpenID Providers](crate::upstream). Both sides are set up by
//! import files, and each has its metadata at an address of this server.

mod connection;
mod keys;
mod released;
mod service;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use ciam_core::{error::PortError, journey::Connections, ports::Ports};
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, SpPartner};

use self::keys::SamlKeys;
pub use self::{
    connection::{Connection, NotAPerson},
    released::{Released, name_id_format, verified_email},
    service::{Next, Service, Situation, classes},
};
use crate::{config::Config, import::saml::metadata, upstream::Upstreams};

/// Both roles, where an import file names a peer.
#[derive(Clone, Debug, Default)]
pub struct Saml(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    idp: IdentityProvider,
    services: BTreeMap<String, Service>,
    connections: BTreeMap<String, Connection>,
}

impl Saml {
    /// What the import files say. The key is made when it is needed for the first time.
    ///
    /// # Errors
    ///
    /// Two entries have one name, metadata cannot be used, or a port fails.
    pub async fn open(config: &Config, ports: &Ports) -> anyhow::Result<Self> {
        let files = || config.imports.iter().map(|it| (it.content(), it.document().name()));
        let wanted = files().any(|(it, _)| !it.saml_services.is_empty() || !it.saml_connections.is_empty());
        if !wanted && !config.saml {
            return Ok(Self::default());
        }
        let keys = SamlKeys::open(ports, config.issuer.host()).await?;
        let (mut partners, mut services) = (Vec::<SpPartner>::new(), BTreeMap::new());
        let mut connections = BTreeMap::new();
        for (file, name) in files() {
            for entry in &file.saml_services {
                let found = metadata(entry.metadata.as_deref(), entry.metadata_file.as_deref(), name);
                let entity = found.map_err(anyhow::Error::msg)?.context("a service has no metadata")?;
                let (partner, service) = Service::of(entry, &entity, ports)
                    .with_context(|| format!("the service `{}` cannot be used", entry.id))?;
                partners.push(partner);
                if services.insert(entry.id.clone(), service).is_some() {
                    bail!("the service `{}` is in the import files twice", entry.id);
                }
            }
            for entry in &file.saml_connections {
                let found = metadata(entry.metadata.as_deref(), entry.metadata_file.as_deref(), name);
                let entity = found.map_err(anyhow::Error::msg)?;
                let connection = Connection::of(config, ports, &keys, entry, entity.as_ref())
                    .with_context(|| format!("the connection `{}` cannot be used", entry.name))?;
                let twice = config.upstreams.iter().any(|it| it.name == entry.name);
                if connections.insert(entry.name.clone(), connection).is_some() || twice {
                    bail!("there are two connections of the name `{}`", entry.name);
                }
            }
        }
        let url = |path: &str| config.issuer.join(path);
        let settings = IdentityProviderConfig::new(url(METADATA), url(SIGN_ON), keys.signer)
            .with_logout_url(url(LOGOUT))
            .with_soap_logout_url(url(SOAP_LOGOUT))
            .with_artifact_url(url(ARTIFACTS))
            .with_session_lifetime(config.sessions.lifetime.time());
        let idp = IdentityProvider::new(ports.clone(), settings, &keys.names, partners)?;
        Ok(Self(Some(Arc::new(Inner { idp, services, connections }))))
    }

    /// The identity provider, when there is one.
    pub fn idp(&self) -> Option<&IdentityProvider> {
        self.0.as_ref().map(|it| &it.idp)
    }

    /// A service, by its entity id.
    pub fn service(&self, entity_id: &str) -> Option<&Service> {
        self.0.as_ref()?.services.get(entity_id)
    }

    /// A connection, by its name.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.0.as_ref()?.connections.get(name)
    }

    /// Those with a button for everybody.
    pub fn buttons(&self) -> impl Iterator<Item = (&str, &Connection)> {
        let all = self.0.iter().flat_map(|it| it.connections.iter());
        all.filter(|(_, it)| it.button && it.is_ready()).map(|(name, it)| (name.as_str(), it))
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
        let saml = self.saml.connection(name).is_some_and(Connection::is_ready);
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
