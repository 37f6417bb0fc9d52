//! What an identity provider is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ciam_core::crypto::{KeyRejected, MacKey};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use time::Duration;

use super::SpPartner;
use crate::dsig::Signer;

/// The settings of an identity provider.
#[derive(Clone, Debug)]
pub struct IdentityProviderConfig {
    pub(crate) entity_id: String,
    pub(crate) sign_on_url: String,
    pub(crate) logout_url: Option<String>,
    pub(crate) soap_logout_url: Option<String>,
    pub(crate) artifact_url: Option<String>,
    pub(crate) signed_requests: bool,
    pub(crate) signer: Signer,
    pub(crate) skew: Duration,
    pub(crate) max_age: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) session_lifetime: Duration,
    pub(crate) artifact_lifetime: Duration,
}

impl IdentityProviderConfig {
    /// How far clocks may be apart, unless configured otherwise.
    pub const DEFAULT_SKEW: Duration = Duration::minutes(1);
    /// How old a request may be, unless configured otherwise.
    pub const DEFAULT_MAX_AGE: Duration = Duration::minutes(10);
    /// How long an assertion can be presented, unless configured otherwise.
    pub const DEFAULT_LIFETIME: Duration = Duration::minutes(5);
    /// How long it is remembered who was told of a session, unless configured otherwise.
    pub const DEFAULT_SESSION_LIFETIME: Duration = Duration::hours(24);
    /// How long a message can be fetched by its artifact, unless configured otherwise.
    pub const DEFAULT_ARTIFACT_LIFETIME: Duration = Duration::minutes(1);

    /// An identity provider with this entity id, to which requests are sent at this address.
    #[must_use]
    pub fn new(entity_id: impl Into<String>, sign_on_url: impl Into<String>, signer: Signer) -> Self {
        Self {
            entity_id: entity_id.into(),
            sign_on_url: sign_on_url.into(),
            logout_url: None,
            soap_logout_url: None,
            artifact_url: None,
            signed_requests: false,
            signer,
            skew: Self::DEFAULT_SKEW,
            max_age: Self::DEFAULT_MAX_AGE,
            lifetime: Self::DEFAULT_LIFETIME,
            session_lifetime: Self::DEFAULT_SESSION_LIFETIME,
            artifact_lifetime: Self::DEFAULT_ARTIFACT_LIFETIME,
        }
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

    /// Sets where messages are fetched by their artifacts: without it, nobody is answered by artifact.
    #[must_use]
    pub fn with_artifact_url(mut self, url: impl Into<String>) -> Self {
        self.artifact_url = Some(url.into());
        self
    }

    /// Refuses requests that are not signed, whichever service sends them, and says so in the metadata. Without it, this is
    /// decided [for each service](SpPartner::with_signed_requests).
    #[must_use]
    pub const fn with_signed_requests(mut self) -> Self {
        self.signed_requests = true;
        self
    }

    /// Sets how long a message can be fetched by its artifact.
    #[must_use]
    pub const fn with_artifact_lifetime(mut self, lifetime: Duration) -> Self {
        self.artifact_lifetime = lifetime;
        self
    }

    /// Sets how long an assertion can be presented.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets how long it is remembered who was told of a session: as long as sessions last.
    #[must_use]
    pub const fn with_session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = lifetime;
        self
    }
}

/// An identity provider with the services that it answers. Cloning is cheap.
#[derive(Clone)]
pub struct IdentityProvider {
    pub(crate) ports: Ports,
    pub(crate) config: Arc<IdentityProviderConfig>,
    pub(crate) partners: Arc<BTreeMap<String, SpPartner>>,
    pub(crate) names: Arc<dyn MacKey>,
}

impl IdentityProvider {
    /// An identity provider of one tenant. `names` is the secret that persistent names are made with: with another, every
    /// person has other names everywhere.
    ///
    /// # Errors
    ///
    /// Fails when the secret is shorter than 32 bytes.
    pub fn new(
        ports: Ports,
        config: IdentityProviderConfig,
        names: &SecretBytes,
        partners: impl IntoIterator<Item = SpPartner>,
    ) -> Result<Self, KeyRejected> {
        let names = ports.crypto().mac_key(names)?;
        let partners = partners.into_iter().map(|partner| (partner.entity_id.clone(), partner)).collect();
        Ok(Self { ports, config: Arc::new(config), partners: Arc::new(partners), names })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &IdentityProviderConfig {
        &self.config
    }
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider").field("config", &self.config).finish_non_exhaustive()
    }
}
