//! Building a server: what is missing or contradictory is an error here, not a surprise later.

mod backchannel;
mod details;
mod device;
mod error;
mod grants;
mod profile;
mod resolve;
mod sender;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ciam_core::assurance::AcrLadder;
use ciam_core::jose::{Algorithm, AlgorithmSet};
use ciam_core::keys::{KeyRing, KeyRingError};
use ciam_core::organization::Organizations;
use ciam_core::ports::Ports;
use ciam_core::session::SessionManager;
use time::Duration;

pub use self::error::ConfigError;
use self::resolve::between;
use super::config::{Config, Lifetimes, Limits, ResourceServer, SupportedScope, TokenFormat};
use super::endpoint::Endpoint;
use super::profile::Profile;
use super::subject::Subjects;
use super::{AuthorizationServer, Inner};
use crate::authorization_details::DetailType;
use crate::backchannel::BackchannelSettings;
use crate::client::{AuthMethod, Clients, GrantType, Supported};
use crate::client_auth::ClientKeyCache;
#[cfg(feature = "draft-client-documents")]
use crate::client_document::ClientDocuments;
use crate::custom_grant::CustomGrant;
use crate::device::DeviceSettings;
use crate::dpop::DpopSettings;
use crate::exchange::{ExchangePolicy, NoExchange};
use crate::extension::{Extension, NoExtension};
use crate::issuer::Issuer;
use crate::jwt_bearer::{AssertionPolicy, NoAssertions, TrustedIssuer};
use crate::mtls::MutualTls;
use crate::recipient::{self, RecipientCache};
use crate::registration::RegistrationSettings;
use crate::request_object::{RequestDecryption, RequestObjects};
use crate::resource::ResourceIndicator;
#[cfg(feature = "draft-status-list")]
use crate::status_list::{StatusListSettings, StatusLists};
use crate::token::refresh::RefreshSecrets;
#[cfg(feature = "draft-transaction-tokens")]
use crate::transaction_token::TransactionTokens;
use crate::validate::SenderConstraint;

/// Collects the configuration of an [`AuthorizationServer`].
///
/// Required are the [`issuer`](Self::issuer) and the [`interaction_url`](Self::interaction_url); everything else has a
/// default that is safe to keep.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # async fn build() -> Result<(), Box<dyn std::error::Error>> {
/// use ciam_core::memory;
/// use ciam_oauth::AuthorizationServer;
/// use ciam_oauth::server::{ResourceServer, SupportedScope};
///
/// let server = AuthorizationServer::builder(memory::ports())
///     .issuer("https://id.example".parse()?)
///     .interaction_url("/interaction/")
///     .scope(SupportedScope::new("orders:read".parse()?, "See your orders"))
///     .resource(ResourceServer::new("https://api.example".parse()?, "orders:read".parse()?))
///     .build()
///     .await?;
/// assert_eq!(server.issuer().as_str(), "https://id.example");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a server is made by `build`"]
pub struct ServerBuilder {
    ports: Ports,
    sessions: SessionManager,
    keys: Option<KeyRing>,
    issuer: Option<Issuer>,
    interaction_url: Option<String>,
    lifetimes: Lifetimes,
    limits: Limits,
    scopes: Vec<SupportedScope>,
    resources: Vec<ResourceServer>,
    default_resource: Option<ResourceIndicator>,
    acr: AcrLadder,
    grants: BTreeSet<GrantType>,
    without: BTreeSet<Endpoint>,
    require_pushed_requests: bool,
    signed_metadata: bool,
    #[cfg(feature = "draft-first-party-apps")]
    authorization_challenge: bool,
    #[cfg(feature = "draft-status-list")]
    status_lists: Option<StatusListSettings>,
    #[cfg(feature = "draft-transaction-tokens")]
    transaction_tokens: Option<TransactionTokens>,
    profile: Profile,
    request_objects: Option<RequestObjects>,
    detail_types: Vec<Arc<dyn DetailType>>,
    internal_subjects: bool,
    extension: Arc<dyn Extension>,
    exchange: Arc<dyn ExchangePolicy>,
    assertions: Arc<dyn AssertionPolicy>,
    trusted_issuers: Vec<TrustedIssuer>,
    custom_grants: BTreeMap<String, Arc<dyn CustomGrant>>,
    registration: Option<RegistrationSettings>,
    #[cfg(feature = "draft-client-documents")]
    client_documents: Option<ClientDocuments>,
    organizations: Option<Organizations>,
    device: Option<DeviceSettings>,
    backchannel: Option<BackchannelSettings>,
    client_authentication: Option<BTreeSet<AuthMethod>>,
    #[cfg(feature = "draft-attested-clients")]
    attestation_challenges: Option<Duration>,
    dpop: Option<DpopSettings>,
    mutual_tls: Option<MutualTls>,
    sender_constraint: SenderConstraint,
}

impl ServerBuilder {
    pub(super) fn new(ports: Ports) -> Self {
        Self {
            sessions: SessionManager::new(ports.clone()),
            keys: None,
            ports,
            issuer: None,
            interaction_url: None,
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            scopes: Vec::new(),
            resources: Vec::new(),
            default_resource: None,
            acr: AcrLadder::default(),
            grants: BTreeSet::from(GrantType::DEFAULT),
            without: BTreeSet::new(),
            require_pushed_requests: false,
            signed_metadata: false,
            #[cfg(feature = "draft-first-party-apps")]
            authorization_challenge: false,
            #[cfg(feature = "draft-status-list")]
            status_lists: None,
            #[cfg(feature = "draft-transaction-tokens")]
            transaction_tokens: None,
            profile: Profile::default(),
            request_objects: Some(RequestObjects::new()),
            detail_types: Vec::new(),
            internal_subjects: false,
            extension: Arc::new(NoExtension::new()),
            exchange: Arc::new(NoExchange::new()),
            assertions: Arc::new(NoAssertions::new()),
            trusted_issuers: Vec::new(),
            custom_grants: BTreeMap::new(),
            registration: None,
            #[cfg(feature = "draft-client-documents")]
            client_documents: None,
            organizations: None,
            device: None,
            backchannel: None,
            client_authentication: None,
            #[cfg(feature = "draft-attested-clients")]
            attestation_challenges: None,
            dpop: Some(DpopSettings::default()),
            mutual_tls: None,
            sender_constraint: SenderConstraint::None,
        }
    }

    /// Sets the issuer. Required.
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Sets where the host shows its pages; the interaction's handle is appended, so it ends with `/` or `=`. An absolute URL,
    /// or a path below the issuer. Required.
    pub fn interaction_url(mut self, url: impl Into<String>) -> Self {
        self.interaction_url = Some(url.into());
        self
    }

    /// Replaces the sessions, for a host with a session policy of its own.
    pub fn sessions(mut self, sessions: SessionManager) -> Self {
        self.sessions = sessions;
        self
    }

    /// Sets the signing keys, for a host that shares, imports or rotates them itself. Without it the server opens a ring of its
    /// own, with a key for every algorithm that the configuration names.
    pub fn keys(mut self, keys: KeyRing) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Replaces the lifetimes.
    pub const fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// Replaces the limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a scope value that clients may be registered for.
    pub fn scope(mut self, scope: SupportedScope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// Adds a resource that tokens may be issued for. The first is the default resource unless another is named. Without any,
    /// the issuer itself is the only resource, with every scope value and JWT access tokens.
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

    /// Lets requests be about an [organization](crate::organization), and tokens say for which one a person acts. Every client
    /// that is registered for the scope value `organization` may ask.
    pub fn organizations(mut self, organizations: Organizations) -> Self {
        self.organizations = Some(organizations);
        self
    }

    /// Replaces the set of grants; [`GrantType::DEFAULT`] unless set, and what is configured beside them, such as
    /// [devices](Self::device).
    pub fn grants(mut self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        let beside = [GrantType::DeviceCode, GrantType::TokenExchange, GrantType::JwtBearer, GrantType::Ciba];
        let kept: Vec<GrantType> = beside.into_iter().filter(|grant| self.grants.contains(grant)).collect();
        self.grants = grants.into_iter().chain(kept).collect();
        self
    }

    /// Turns an endpoint off: [pushed requests](Endpoint::PushedAuthorizationRequest),
    /// [revocation](Endpoint::Revocation) or [introspection](Endpoint::Introspection). It is 404 then, and not in the
    /// metadata.
    pub fn without(mut self, endpoint: Endpoint) -> Self {
        self.without.insert(endpoint);
        self
    }

    /// Demands of every client that its authorization requests are pushed.
    pub const fn require_pushed_requests(mut self) -> Self {
        self.require_pushed_requests = true;
        self
    }

    /// Signs the metadata too, for those who are given them by others
    /// ([RFC 8414, section 2.1](https://www.rfc-editor.org/rfc/rfc8414#section-2.1)).
    pub const fn signed_metadata(mut self) -> Self {
        self.signed_metadata = true;
        self
    }

    /// Authorizes the operator's own apps [without a browser](crate::authorize::Challenge), too.
    #[cfg(feature = "draft-first-party-apps")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-first-party-apps")))]
    pub const fn authorization_challenge(mut self) -> Self {
        self.authorization_challenge = true;
        self
    }

    /// Lists the status of JWT access tokens, so that a resource which validates them by itself learns of revocation. The host gives
    /// its relay the [sink](AuthorizationServer::status_list_sink).
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    pub const fn status_lists(mut self, settings: StatusListSettings) -> Self {
        self.status_lists = Some(settings);
        self
    }

    /// Promises to keep the rules of a [`Profile`]; [`Profile::OAuth21`] unless set.
    pub const fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Replaces the rules for [request objects](crate::request_object). Without it, signed ones by value are taken.
    pub fn request_objects(mut self, accepted: RequestObjects) -> Self {
        self.request_objects = Some(accepted);
        self
    }

    /// Takes no request objects.
    pub fn without_request_objects(mut self) -> Self {
        self.request_objects = None;
        self
    }

    /// Plugs another protocol in, such as OpenID Connect.
    pub fn extension(mut self, extension: Arc<dyn Extension>) -> Self {
        self.extension = extension;
        self
    }

    /// Settings that lower security or privacy.
    pub const fn dangerous(self) -> Dangerous {
        Dangerous(self)
    }

    /// Checks everything and makes the server.
    ///
    /// # Errors
    ///
    /// Fails when something required is missing or contradicts something else, and when a port fails.
    pub async fn build(mut self) -> Result<AuthorizationServer, ConfigError> {
        self.apply_profile();
        self.check_profile()?;
        let issuer = self.issuer.clone().ok_or(ConfigError::Missing("issuer"))?;
        let config = self.config(&issuer)?;
        let keys = self.signing_keys(&config).await?;
        let request_decryption = match &config.request_objects {
            Some(accepted) if accepted.encrypted => Some(RequestDecryption::load(self.ports.clone()).await?),
            _ => None,
        };
        let accepted = config.request_objects.as_ref();
        let offered = recipient::offered(self.ports.crypto());
        let signing: Vec<Algorithm> = keys
            .algorithms()
            .iter()
            .copied()
            .filter(|alg| config.profile.algorithms().contains(*alg))
            .collect();
        let supported = Supported {
            request_objects: accepted.map_or(AlgorithmSet::of(&[]), |accepted| accepted.algorithms),
            decryption: if request_decryption.is_some() { offered.clone() } else { Vec::new() },
            encryption: offered,
            detail_types: config.detail_types.keys().cloned().collect(),
            backchannel: config.backchannel.as_ref().map(|it| it.delivery.clone()).unwrap_or_default(),
            user_codes: config.backchannel.as_ref().is_some_and(|it| it.user_codes),
            by_reference: accepted.is_some_and(|accepted| accepted.by_reference),
            scopes: config.scopes.keys().cloned().collect(),
            resources: config.resources.keys().cloned().collect(),
            grants: config.grants.clone(),
            custom_grants: self.custom_grants.keys().cloned().collect(),
            authentication: config.client_authentication.clone(),
            dpop: config.dpop.is_some(),
            mutual_tls: config.mutual_tls.is_some(),
            id_tokens: signing.iter().copied().filter(|alg| self.signs_id_tokens(*alg)).collect(),
            signing,
            profile: config.profile,
        };
        let dpop = match &config.dpop {
            Some(settings) => Some(sender::checker(&self.ports, settings).await?),
            None => None,
        };
        #[cfg(feature = "draft-attested-clients")]
        let attestation_challenges = match config.attestation_challenges {
            Some(period) => Some(sender::challenges(&self.ports, period).await?),
            None => None,
        };
        let clients = Clients::new(self.ports.clone(), supported, config.limits.decoded_clients);
        #[cfg(feature = "draft-client-documents")]
        let clients = clients.with_documents(self.client_documents);
        let inner = Inner {
            keys,
            #[cfg(feature = "draft-attested-clients")]
            attestation_challenges,
            dpop,
            subjects: Subjects::load(&self.ports, self.internal_subjects).await?,
            refresh_secrets: RefreshSecrets::load(self.ports.clone()).await?,
            client_keys: ClientKeyCache::default(),
            recipients: RecipientCache::default(),
            request_decryption,
            clients,
            sessions: self.sessions,
            ports: self.ports,
            issuer,
            config,
            extension: self.extension,
            exchange: self.exchange,
            assertions: self.assertions,
            trusted_issuers: self.trusted_issuers,
            custom_grants: self.custom_grants,
            registration: self.registration,
            #[cfg(feature = "draft-status-list")]
            status_lists: self.status_lists.map(StatusLists::new),
            #[cfg(feature = "draft-transaction-tokens")]
            transaction_tokens: self.transaction_tokens,
            organizations: self.organizations,
        };
        Ok(AuthorizationServer { inner: Arc::new(inner) })
    }

    /// Without an extension that has algorithms of its own there are no ID tokens, and any will do.
    fn signs_id_tokens(&self, alg: Algorithm) -> bool {
        let own = self.extension.algorithms();
        own.is_empty() || own.contains(&alg)
    }

    /// The ring, with a key for everything that will be signed: a missing one is found now, not at the first sign-in.
    async fn signing_keys(&self, config: &Config) -> Result<KeyRing, ConfigError> {
        let mut needed: Vec<Algorithm> = self.extension.algorithms();
        #[cfg(feature = "draft-transaction-tokens")]
        needed.extend(self.transaction_tokens.as_ref().map(|settings| settings.algorithm));
        let mut longest = Duration::ZERO;
        for resource in config.resources.values() {
            if let TokenFormat::Jwt { alg } = resource.format {
                needed.push(alg);
                let lifetime = resource.access_token_lifetime.unwrap_or(config.lifetimes.access_token);
                longest = longest.max(lifetime);
            }
        }
        let keys = match &self.keys {
            Some(keys) => keys.clone(),
            None => {
                let algorithms = needed.iter().copied().chain([Algorithm::Es256]);
                KeyRing::builder(self.ports.clone(), algorithms).open().await?
            }
        };
        if longest > keys.policy().token_lifetime {
            return Err(ConfigError::KeyLifetime);
        }
        let snapshot = keys.keys().await?;
        match needed.into_iter().find(|algorithm| snapshot.signer(*algorithm).is_none()) {
            Some(algorithm) => Err(KeyRingError::NoKey { algorithm }.into()),
            None => Ok(keys),
        }
    }
}

/// Settings that lower security or privacy, each with what it costs.
#[derive(Debug)]
#[must_use = "go on with the builder that each method returns"]
pub struct Dangerous(ServerBuilder);

impl Dangerous {
    /// Gives clients the internal account id as `sub`.
    ///
    /// # Security
    ///
    /// Every client then knows the same id, which is also that of events and of the database: clients can join what they
    /// know of a person, and `sub` cannot be changed without changing the account. Pairwise clients still get pairwise
    /// subjects. For deployments that depend on internal ids already.
    pub fn internal_subjects(mut self) -> ServerBuilder {
        self.0.internal_subjects = true;
        self.0
    }
}

#[cfg(test)]
mod tests;
