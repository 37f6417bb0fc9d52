//! From a row of the table and a registration to a provider that people sign in with.

use std::collections::BTreeMap;
use std::sync::Arc;

use ciam_core::jose::{Algorithm, Signer};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;

use super::template::Filled;
use super::{ClientProof, EmailPlace, IssuerNames, KnownProvider, OAuthPlace, OpenIdPlace, Pkce, Protocol};
use crate::rp::RelyingParty;
use crate::rp::authentication::{Authentication, SignedSecret};
use crate::rp::config::{MetadataSource, RelyingPartyConfig};
use crate::rp::hosted::HostedDomains;
use crate::rp::identity::EmailRule;
use crate::rp::issuer::{Issuers, Tenants};
use crate::rp::oauth::{
    EmailList, EmailSource, EmailTrust, OAuthParty, OAuthProvider, OAuthProviderError, ProfileMapping,
    ProfileRequest,
};
use crate::rp::party::IdentityProvider;
use crate::rp::response::ResponseMode;

/// How a host is registered with a well-known provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// The client id.
    pub client_id: String,
    /// Where authorization responses arrive. Each provider has an address of its own.
    pub redirect_uri: String,
    /// What the client authenticates with. Default nothing: a public client.
    pub credential: Credential,
    /// The provider's [values](KnownProvider::values).
    pub values: BTreeMap<String, String>,
    /// The scope values, if others than the provider's usual ones.
    pub scope: Option<String>,
    /// The tenants that may sign people in, at a provider with tenants. Default any that is meant.
    pub tenants: Vec<String>,
    /// The hosted domains that people must belong to, at a provider that has them.
    pub hosted_domains: HostedDomains,
}

/// What a client authenticates with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// A secret that the provider gave.
    Secret(Secret),
    /// A key that the provider knows, and whose it is.
    Key {
        /// The key, with the name that the provider gave it.
        signer: Arc<dyn Signer>,
        /// The team that it belongs to.
        team: String,
    },
}

impl Setup {
    /// A public client.
    #[must_use]
    pub fn new(client_id: impl Into<String>, redirect_uri: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            credential: Credential::None,
            values: BTreeMap::new(),
            scope: None,
            tenants: Vec::new(),
            hosted_domains: HostedDomains::Unasked,
        }
    }

    /// Authenticates with a secret.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.credential = Credential::Secret(secret.into());
        self
    }

    /// Authenticates with secrets that a team's key signs.
    #[must_use]
    pub fn with_key(mut self, signer: Arc<dyn Signer>, team: impl Into<String>) -> Self {
        self.credential = Credential::Key { signer, team: team.into() };
        self
    }

    /// Sets one of the provider's values.
    #[must_use]
    pub fn with_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Sets the scope values.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Lets only these tenants sign people in, by their ids.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = String>) -> Self {
        self.tenants = tenants.into_iter().collect();
        self
    }

    /// Takes only people of these hosted domains.
    #[must_use]
    pub fn with_hosted_domains(mut self, domains: HostedDomains) -> Self {
        self.hosted_domains = domains;
        self
    }
}

/// A provider, but for the ports.
enum Plan {
    OpenId(RelyingPartyConfig, EmailRule, bool),
    OAuth(Box<OAuthProvider>, RelyingPartyConfig),
}

impl KnownProvider {
    /// The provider, for a host that is registered with it. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// Fails when a value is missing, unknown or not of its kind, when the client has something else to authenticate with than
    /// the provider wants, and when tenants or hosted domains are asked of a provider that has none: what was asked for is never
    /// left out.
    pub fn connect(&self, ports: Ports, setup: Setup) -> Result<IdentityProvider, SetupError> {
        Ok(match self.plan(setup)? {
            Plan::OpenId(config, email, posted_user) => {
                let provider = IdentityProvider::open_id(RelyingParty::new(ports, config), email);
                if posted_user { provider.with_posted_user() } else { provider }
            }
            Plan::OAuth(provider, config) => {
                IdentityProvider::oauth(OAuthParty::new(ports, *provider, config)?)
            }
        })
    }

    /// Whether a registration fits the provider: for a host that reads its configuration before it has ports.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn check(&self, setup: &Setup) -> Result<(), SetupError> {
        if let Plan::OAuth(provider, config) = self.plan(setup.clone())? {
            provider.check(&config)?;
        }
        Ok(())
    }

    fn plan(&self, setup: Setup) -> Result<Plan, SetupError> {
        let filled = Filled::new(self.values, &setup.values)?;
        match &self.protocol {
            Protocol::OpenId(place) => self.open_id(place, &filled, setup),
            Protocol::OAuth(place) => self.oauth(place, &filled, setup),
        }
    }

    fn open_id(&self, place: &OpenIdPlace, filled: &Filled, setup: Setup) -> Result<Plan, SetupError> {
        let issuers = place.issuers.with(&setup.tenants)?;
        if setup.hosted_domains != HostedDomains::Unasked && !place.hosted_domains {
            return Err(SetupError::NoHostedDomains);
        }
        let authentication = self.authentication.with(setup.credential)?;
        let issuer = filled.address(place.issuer);
        let mut config = RelyingPartyConfig::new(issuer, setup.client_id, authentication, setup.redirect_uri)
            .with_scope(setup.scope.as_deref().unwrap_or(self.scope))
            .with_hosted_domains(setup.hosted_domains);
        config.issuers = issuers;
        config.nonce_required = place.nonce;
        if let Some(url) = place.discovery {
            config.metadata = MetadataSource::DiscoveryAt(filled.address(url));
        }
        Ok(Plan::OpenId(self.common(config), place.email, place.posted_user))
    }

    fn oauth(&self, place: &OAuthPlace, filled: &Filled, setup: Setup) -> Result<Plan, SetupError> {
        if !setup.tenants.is_empty() {
            return Err(SetupError::NoTenants);
        }
        if setup.hosted_domains != HostedDomains::Unasked {
            return Err(SetupError::NoHostedDomains);
        }
        let provider = place.provider(filled);
        let authentication = self.authentication.with(setup.credential)?;
        let scope = setup.scope.as_deref().unwrap_or(self.scope);
        let config =
            provider.client(setup.client_id, authentication, setup.redirect_uri).with_plain_scope(scope);
        Ok(Plan::OAuth(Box::new(provider), self.common(config)))
    }

    fn common(&self, mut config: RelyingPartyConfig) -> RelyingPartyConfig {
        config.pkce = self.pkce != Pkce::Refused;
        if self.form_post {
            config.response_mode = ResponseMode::FormPost;
        }
        config
            .parameters
            .extend(self.parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        config
    }
}

impl ClientProof {
    fn with(self, credential: Credential) -> Result<Authentication, SetupError> {
        Ok(match (self, credential) {
            (Self::Basic, Credential::Secret(secret)) => Authentication::SecretBasic(secret),
            (Self::Post, Credential::Secret(secret)) => Authentication::SecretPost(secret),
            (Self::Signed { audience }, Credential::Key { signer, team }) => {
                if signer.algorithm() != Algorithm::Es256 || signer.kid().is_none() {
                    return Err(SetupError::Credential);
                }
                Authentication::SignedSecret(SignedSecret::new(signer, team, audience))
            }
            (Self::Basic | Self::Post, Credential::None) => Authentication::None,
            _ => return Err(SetupError::Credential),
        })
    }
}

impl IssuerNames {
    fn with(self, tenants: &[String]) -> Result<Issuers, SetupError> {
        let known = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Ok(match self {
            Self::One | Self::Also(_) if !tenants.is_empty() => return Err(SetupError::NoTenants),
            Self::One => Issuers::One,
            Self::Also(others) => Issuers::Also(known(others)),
            Self::Tenants { but } if tenants.is_empty() => Issuers::Tenants(match but {
                [] => Tenants::Any,
                but => Tenants::AnyBut(known(but)),
            }),
            Self::Tenants { but } => {
                if tenants.iter().any(|id| !crate::rp::issuer::is_id(id) || but.contains(&id.as_str())) {
                    return Err(SetupError::Value("tenants"));
                }
                Issuers::Tenants(Tenants::Only(tenants.to_vec()))
            }
        })
    }
}

impl OAuthPlace {
    fn provider(&self, filled: &Filled) -> OAuthProvider {
        let mut profile = match self.profile_by_post {
            true => ProfileRequest::post(filled.address(self.profile)),
            false => ProfileRequest::get(filled.address(self.profile)),
        };
        profile = profile.accepting(self.accept);
        profile.secret_proof = self.secret_proof;
        let mut mapping =
            ProfileMapping::new(self.subject, self.subject_kind).with_email(self.email.source(filled));
        mapping.name = self.name.map(str::to_owned);
        mapping.picture = self.picture.map(str::to_owned);
        if let Some((given, family)) = self.names {
            mapping = mapping.with_names(given, family);
        }
        OAuthProvider::new(
            filled.address(self.issuer),
            filled.address(self.authorization_endpoint),
            filled.address(self.token_endpoint),
            profile,
            mapping,
        )
    }
}

impl EmailPlace {
    fn source(&self, filled: &Filled) -> EmailSource {
        let profile = |at: &str, trust| EmailSource::Profile { at: at.to_owned(), trust };
        match self {
            Self::Nowhere => EmailSource::Nowhere,
            Self::Unverified(at) => profile(at, EmailTrust::Never),
            Self::Verified(at) => profile(at, EmailTrust::Always),
            Self::Flagged { at, flag } => profile(at, EmailTrust::Flag((*flag).to_owned())),
            Self::List { url, at, members: [address, primary, verified] } => {
                let list = EmailList::new(filled.address(url)).at(*at);
                EmailSource::List(list.with_members(address, primary, verified))
            }
        }
    }
}

/// A registration does not fit the provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A value is missing.
    #[error("`{0}` is missing")]
    MissingValue(&'static str),
    /// A value is not one of the provider's.
    #[error("the provider has no `{0}`")]
    UnknownValue(String),
    /// A value is not of its kind.
    #[error("`{0}` cannot be used")]
    Value(&'static str),
    /// The client has nothing, or something else, to authenticate with than the provider wants.
    #[error("the provider wants another credential")]
    Credential,
    /// The provider has no tenants to choose from.
    #[error("the provider has no tenants")]
    NoTenants,
    /// The provider has no hosted domains.
    #[error("the provider has no hosted domains")]
    NoHostedDomains,
    /// The description of the provider cannot be used.
    #[error("the provider cannot be used")]
    Provider(#[from] OAuthProviderError),
}
