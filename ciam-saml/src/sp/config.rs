//! What a service provider is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ciam_core::ports::Ports;
use time::Duration;

use super::IdpPartner;
use crate::dsig::Signer;
use crate::enc::DecryptionKeys;

/// The settings of a service provider.
#[derive(Clone, Debug)]
pub struct ServiceProviderConfig {
    pub(crate) entity_id: String,
    pub(crate) acs_url: String,
    pub(crate) logout_url: Option<String>,
    pub(crate) soap_logout_url: Option<String>,
    pub(crate) artifacts: bool,
    pub(crate) discovery_url: Option<String>,
    pub(crate) signer: Option<Signer>,
    pub(crate) decryption: DecryptionKeys,
    pub(crate) skew: Duration,
    pub(crate) max_age: Duration,
    pub(crate) request_lifetime: Duration,
}

impl ServiceProviderConfig {
    /// How far clocks may be apart, unless configured otherwise.
    pub const DEFAULT_SKEW: Duration = Duration::minutes(1);
    /// How old a response or assertion may be, unless configured otherwise.
    pub const DEFAULT_MAX_AGE: Duration = Duration::minutes(10);
    /// How long a person has to sign in, unless configured otherwise.
    pub const DEFAULT_REQUEST_LIFETIME: Duration = Duration::minutes(30);

    /// A service provider with this entity id, to which responses are posted at this address.
    #[must_use]
    pub fn new(entity_id: impl Into<String>, acs_url: impl Into<String>) -> Self {
        Self {
            entity_id: entity_id.into(),
            acs_url: acs_url.into(),
            logout_url: None,
            soap_logout_url: None,
            artifacts: false,
            discovery_url: None,
            signer: None,
            decryption: DecryptionKeys::default(),
            skew: Self::DEFAULT_SKEW,
            max_age: Self::DEFAULT_MAX_AGE,
            request_lifetime: Self::DEFAULT_REQUEST_LIFETIME,
        }
    }

    /// Sets the key that requests are signed with.
    #[must_use]
    pub fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Sets the keys that assertions and names are encrypted for.
    #[must_use]
    pub fn with_decryption_keys(mut self, keys: DecryptionKeys) -> Self {
        self.decryption = keys;
        self
    }

    /// Sets where messages of single logout are sent to us.
    #[must_use]
    pub fn with_logout_url(mut self, url: impl Into<String>) -> Self {
        self.logout_url = Some(url.into());
        self
    }

    /// Sets where messages of single logout are sent to us from server to server.
    #[must_use]
    pub fn with_soap_logout_url(mut self, url: impl Into<String>) -> Self {
        self.soap_logout_url = Some(url.into());
        self
    }

    /// Says in the metadata that responses may come by artifact, to the address to which they are posted.
    #[must_use]
    pub const fn with_artifacts(mut self) -> Self {
        self.artifacts = true;
        self
    }

    /// Sets where a [discovery service](crate::discovery) sends people back to.
    #[must_use]
    pub fn with_discovery_url(mut self, url: impl Into<String>) -> Self {
        self.discovery_url = Some(url.into());
        self
    }

    /// Sets how far clocks may be apart.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Sets how old a response or assertion may be.
    #[must_use]
    pub const fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Sets how long a person has to sign in.
    #[must_use]
    pub const fn with_request_lifetime(mut self, lifetime: Duration) -> Self {
        self.request_lifetime = lifetime;
        self
    }
}

/// A service provider with the identity providers that it believes. Cloning is cheap.
#[derive(Clone)]
pub struct ServiceProvider {
    pub(crate) ports: Ports,
    pub(crate) config: Arc<ServiceProviderConfig>,
    pub(crate) partners: Arc<BTreeMap<String, IdpPartner>>,
}

impl ServiceProvider {
    /// A service provider of one tenant. Of two partners with one entity id, the last counts.
    #[must_use]
    pub fn new(
        ports: Ports,
        config: ServiceProviderConfig,
        partners: impl IntoIterator<Item = IdpPartner>,
    ) -> Self {
        let partners = partners.into_iter().map(|partner| (partner.entity_id.clone(), partner)).collect();
        Self { ports, config: Arc::new(config), partners: Arc::new(partners) }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &ServiceProviderConfig {
        &self.config
    }
}

impl fmt::Debug for ServiceProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceProvider").field("config", &self.config).finish_non_exhaustive()
    }
}
