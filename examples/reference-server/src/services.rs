//! The libraries, put together as the configuration wants them. This is the file to read first when you embed them.

use std::{collections::BTreeSet, sync::Arc};

use ciam_core::{
    account::{AccountPolicy, Accounts},
    actor::Actor,
    assurance::AcrLadder,
    consent::Consents,
    factor::Factor,
    id::{AccountId, OrganizationId},
    jose::Algorithm,
    journey::{JourneyPolicy, Journeys, SecondFactor, SignInMethod},
    keys::{KeyRing, KeySource},
    organization::{OrganizationError, OrganizationSettings, Organizations},
    password::{Argon2idHasher, MigratingHasher, PasswordFactor, PasswordHasher},
    ports::Ports,
    session::{DevicePolicy, RememberedDevices, SessionManager, SessionPolicy},
};
use ciam_mfa::{
    manage::Factors,
    otp::{HotpFactor, TotpEnrolment, TotpFactor},
    push::{PushApprovals, PushFactor},
    recovery::RecoveryCodeFactor,
    risk::AdaptiveRisk,
    transaction::Transactions,
    webauthn::{PasskeyEnrolment, PasskeyFactor, RelyingParty},
};
#[cfg(feature = "draft-client-documents")]
use ciam_oauth::client_document::ClientDocuments;
use ciam_oauth::{
    AuthorizationServer, ServerBuilder,
    client::AuthMethod,
    device::DeviceSettings,
    dpop::DpopSettings,
    mtls::MutualTls,
    registration::RegistrationSettings,
    request_object::RequestObjects,
    resource::ResourceIndicator,
    scope::ScopeSet,
    server::{Lifetimes, Limits, ResourceServer, SupportedScope, TokenFormat as Format},
};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use ciam_scim::{
    connection::{Access, Connections},
    service::{LaterRequests, ScimService},
};
use url::Url;

use crate::{
    backchannel,
    config::{Config, OAuthRules},
    exchange::ConfiguredExchanges,
    i18n::Language,
    import::{ResourceEntry, TokenFormat, attribute_schema},
    keys::{self, ServerKeys},
    saml::{Elsewhere, Saml},
    transactions::PaymentType,
    upstream::{Upstreams, Vouches, Way},
};

/// What the pages and endpoints are made of.
#[derive(Clone, Debug)]
pub struct Services {
    /// One tenant's capabilities.
    pub ports: Ports,
    /// The password factor.
    pub password: PasswordFactor,
    /// Sign-in sessions.
    pub sessions: SessionManager,
    /// Sign-in and sign-up.
    pub journeys: Journeys,
    /// What is done with an account after it was made.
    pub accounts: Accounts,
    /// The factors beside the password, as journeys ask for them.
    pub further: Vec<Arc<dyn Factor>>,
    /// Adds, names and removes passkeys, authenticator apps and recovery codes.
    pub factors: Factors,
    /// What people confirm with a passkey; none where there are no passkeys.
    pub transactions: Option<Transactions>,
    /// What the apps on registered phones ask and say.
    pub push: PushApprovals,
    /// Sessions that are bound to a key of their browser.
    #[cfg(feature = "draft-dbsc")]
    pub bound: ciam_mfa::dbsc::DeviceBoundSessions,
    /// Who asks for passkeys; none where the server is known by an address, which cannot ask.
    pub relying_party: Option<RelyingParty>,
    /// Organizations, their members and policies.
    pub organizations: Organizations,
    /// Providers that people can sign in with.
    pub upstreams: Upstreams,
    /// Services and identity providers that speak SAML.
    pub saml: Saml,
    /// The signing keys.
    pub keys: KeyRing,
    /// Provisioning by the directories of organizations.
    pub scim: ScimService,
    /// The directories, and their tokens.
    pub connections: Connections,
    /// OpenID Connect.
    pub provider: OpenIdProvider,
    /// The authorization server, with OpenID Connect plugged in.
    pub server: AuthorizationServer,
}

impl Services {
    /// The browsers that accounts remember.
    pub fn devices(&self) -> RememberedDevices {
        let policy = self.sessions.policy().devices.unwrap_or_default();
        RememberedDevices::new(self.ports.clone(), policy)
    }

    /// Where everybody can sign in elsewhere, whatever is spoken there.
    pub fn elsewhere(&self) -> Vec<Way> {
        let upstreams = self.upstreams.buttons();
        let upstreams = upstreams.map(|(name, it)| Way {
            name: name.to_owned(),
            label: it.label.clone(),
            vouches: Vouches::Upstream(it.provider.clone()),
        });
        let saml = self.saml.buttons().into_iter().map(|(name, it)| Way {
            name,
            label: it.label.clone(),
            vouches: Vouches::Saml(it.idp.clone().unwrap_or_default()),
        });
        upstreams.chain(saml).collect()
    }

    /// What people know somebody by who vouches for them; `None` for one who is not there any more.
    pub fn label_of(&self, issuer: &str) -> Option<String> {
        let upstream = self.upstreams.label_of(issuer).map(ToOwned::to_owned);
        upstream
            .or_else(|| self.elsewhere().into_iter().find(|way| way.is_issuer(issuer)).map(|way| way.label))
    }

    /// Consents to purposes and applications.
    pub fn consents(&self) -> Consents {
        Consents::new(self.ports.clone())
    }

    /// Puts everything together on a tenant's ports.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, or a port fails.
    pub async fn new(config: &Config, ports: Ports) -> anyhow::Result<Self> {
        let hasher = Arc::new(Argon2idHasher::new()?);
        Self::with(config, ports, hasher, Arc::new(ServerKeys::new())).await
    }

    /// The same with another password hasher and other keys: a key service, or for tests something faster.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, or a port fails.
    pub async fn with(
        config: &Config,
        ports: Ports,
        hasher: Arc<dyn PasswordHasher>,
        source: Arc<dyn KeySource>,
    ) -> anyhow::Result<Self> {
        let ports = with_risk(config, ports);
        let hashes = Arc::new(config.passwords.hashes.clone());
        let hasher = Arc::new(MigratingHasher::new(hasher).with_verifier(hashes));
        let password = PasswordFactor::new(&ports, hasher).await?.with_floor(config.passwords.floor);
        let mut policy = SessionPolicy::default();
        policy.idle = config.sessions.idle.time();
        policy.absolute = config.sessions.lifetime.time();
        policy.limit = config.sessions.limit;
        policy.devices = Some(DevicePolicy::default());
        let sessions = SessionManager::new(ports.clone()).with_policy(policy);
        let keys = keys::open(&ports, source, config.keys).await?;
        let mut settings = OrganizationSettings::default();
        settings.self_service = config.may_create_organizations();
        let organizations = Organizations::new(ports.clone()).with_settings(settings);
        let provider = OpenIdProvider::new(provider_config(config));
        let builder = AuthorizationServer::builder(ports.clone())
            .sessions(sessions.clone())
            .organizations(organizations.clone())
            .keys(keys.clone())
            .extension(Arc::new(provider.clone()));
        let server = configure(builder, config, &ports)?.build().await?;
        let schema = attribute_schema(&config.imports);
        let relying_party = relying_party(config);
        let mut policy = JourneyPolicy::default();
        policy.human_for = config.human_check.always;
        if config.sms.sign_in {
            policy.methods = policy.methods.with(SignInMethod::SmsCode);
        }
        policy.ladder = ladder(relying_party.as_ref());
        policy.second_factor = SecondFactor::WhenEnrolled;
        policy.enrolment = config.factors.enrolment.clone();
        if relying_party.is_some() {
            policy.methods = policy.methods.with(SignInMethod::Passkey);
        }
        let mut journeys = Journeys::new(ports.clone(), sessions.clone(), password.clone())
            .with_policy(policy)
            .with_schema(schema.clone())
            .with_organizations(organizations.clone());
        let upstreams = Upstreams::new(config, &ports)?;
        let saml = Saml::open(config, &ports).await?;
        let elsewhere = Elsewhere { upstreams: upstreams.clone(), saml: saml.clone() };
        journeys = journeys.with_connections(Arc::new(elsewhere));
        if let Some(check) = config.human_check.kind.check(config.issuer.host()) {
            journeys = journeys.with_human_check(check);
        }
        // Where everybody, an organization or one account needs a further factor, it is added before the session.
        if let Some(relying_party) = &relying_party {
            journeys = journeys.with_enrolment(Arc::new(PasskeyEnrolment::new(relying_party.clone())));
        }
        journeys = journeys.with_enrolment(Arc::new(TotpEnrolment::new(config.ui.product.as_str())));
        let mut offered = AccountPolicy::default().offering(&journeys.policy().methods);
        offered.first_factors.extend(relying_party.as_ref().map(|_| PasskeyFactor::NAME.to_owned()));
        let mut accounts = Accounts::new(ports.clone(), sessions.clone(), password.clone())
            .with_policy(offered)
            .with_schema(schema)?;
        let scim = ScimService::new(ports.clone(), organizations.clone(), sessions.clone(), password.clone())
            .with_grace(accounts.policy().grace)
            .with_later_requests(LaterRequests::new(keys.clone(), Algorithm::Es256, config.issuer.as_str()));
        let connections = Connections::new(ports.clone());
        let further = further_factors(relying_party.as_ref());
        for factor in &further {
            journeys = journeys.with_factor(Arc::clone(factor));
            accounts = accounts.with_factor(Arc::clone(factor));
        }
        let mut factors = Factors::new(ports.clone(), accounts.clone(), sessions.clone());
        if let Some(relying_party) = &relying_party {
            factors = factors.with_relying_party(relying_party.clone());
        }
        let transactions = relying_party.clone().map(|party| Transactions::new(ports.clone(), party));
        let push = PushApprovals::new(ports.clone());
        #[cfg(feature = "draft-dbsc")]
        let bound = ciam_mfa::dbsc::DeviceBoundSessions::new(ports.clone(), sessions.clone());
        Ok(Self {
            ports,
            password,
            sessions,
            journeys,
            accounts,
            further,
            factors,
            transactions,
            push,
            #[cfg(feature = "draft-dbsc")]
            bound,
            relying_party,
            organizations,
            upstreams,
            saml,
            keys,
            scim,
            connections,
            provider,
            server,
        })
    }
}

impl Services {
    /// Removes a member, or lets them leave, and with them what applications were given for the organization.
    ///
    /// # Errors
    ///
    /// As [`Organizations::remove_member`].
    pub async fn end_membership(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), OrganizationError> {
        self.organizations.remove_member(actor, organization, account).await?;
        self.server.revoke_organization_grants(account, organization).await?;
        Ok(())
    }

    /// Suspends a member, and ends what applications were given for the organization.
    ///
    /// # Errors
    ///
    /// As [`Organizations::suspend_member`].
    pub async fn suspend_membership(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), OrganizationError> {
        self.organizations.suspend_member(actor, organization, account).await?;
        self.server.revoke_organization_grants(account, organization).await?;
        Ok(())
    }
}

/// Sign-ins are held against what is remembered of the account's earlier ones, with what the operator knows of networks.
fn with_risk(config: &Config, mut ports: Ports) -> Ports {
    let (networks, places) = (&config.risk.networks, &config.risk.places);
    if !places.is_empty() {
        ports = ports.with_locator(Arc::new(places.clone()));
    }
    if !config.risk.adaptive {
        return ports;
    }
    let mut engine = AdaptiveRisk::new(&ports);
    if !networks.is_empty() {
        engine = engine.with_networks(Arc::new(networks.clone()));
    }
    ports.with_risk(Arc::new(engine))
}

/// The relying party of passkeys: the host of the issuer. An address cannot be one.
fn relying_party(config: &Config) -> Option<RelyingParty> {
    let issuer = Url::parse(config.issuer.as_str()).ok()?;
    let party = RelyingParty::new(issuer.host_str()?, config.ui.product.as_str()).ok()?;
    let mut party = party.with_origin(&Url::parse(&issuer.origin().ascii_serialization()).ok()?).ok()?;
    for origin in &config.factors.related_origins {
        party = party.with_related_origin(origin).ok()?;
    }
    Some(party)
}

/// The factors beside the password, in the order in which they are asked for.
fn further_factors(relying_party: Option<&RelyingParty>) -> Vec<Arc<dyn Factor>> {
    let mut factors: Vec<Arc<dyn Factor>> = Vec::new();
    factors.extend(relying_party.map(|it| Arc::new(PasskeyFactor::new(it.clone())) as Arc<dyn Factor>));
    // No push service: apps ask by themselves when they are opened.
    factors.push(Arc::new(PushFactor::new()));
    factors.push(Arc::new(TotpFactor::new()));
    factors.push(Arc::new(HotpFactor::new()));
    factors.push(Arc::new(RecoveryCodeFactor::new()));
    factors
}

/// The levels that applications can ask for: those that passkeys reach only where there are passkeys.
fn ladder(relying_party: Option<&RelyingParty>) -> AcrLadder {
    match relying_party {
        Some(_) => AcrLadder::default().with_phishing_resistant(),
        None => AcrLadder::default(),
    }
}

/// Where OpenID Connect sends a browser for the pages that it needs.
fn provider_config(config: &Config) -> ProviderConfig {
    let locales = Language::ALL.iter().map(|it| it.code().to_owned()).collect();
    let pages = (config.issuer.join("/sign-out?handle="), config.issuer.join("/signed-out"));
    let provider = ProviderConfig::new(pages.0, pages.1)
        .with_ui_locales(locales)
        .with_backchannel_logout()
        .with_frontchannel_logout()
        .with_session_management();
    let provider = match config.oauth.webfinger.as_slice() {
        [] => provider,
        domains => provider.with_webfinger(domains.iter().cloned()),
    };
    #[cfg(feature = "draft-native-sso")]
    let provider = if config.oauth.native_sso { provider.with_native_sso() } else { provider };
    // FAPI 2.0, section 5.4.1, has no RS256, which OpenID Connect makes the default.
    if config.oauth.profile.is_fapi() { provider.with_only_algorithm(Algorithm::Es256) } else { provider }
}

/// Tells the authorization server what the configuration and the import files say.
fn configure(builder: ServerBuilder, config: &Config, ports: &Ports) -> anyhow::Result<ServerBuilder> {
    let mut lifetimes = Lifetimes::default();
    lifetimes.access_token = config.access_tokens.time();
    // Tokens of a request that names no resource are for this server alone: for UserInfo, and for no API.
    let own: ResourceIndicator = config.issuer.as_str().parse()?;
    let mut builder = builder
        .issuer(config.issuer.as_str().parse()?)
        .interaction_url(config.issuer.join("/interaction/"))
        .lifetimes(lifetimes)
        .limits(limits(config))
        .device(DeviceSettings::new("/device", "/device/done"))
        .acr(ladder(relying_party(config).as_ref()))
        .profile(config.oauth.profile)
        .request_objects(request_objects(config))
        .resource(own_resource(own.clone()))
        .default_resource(own.clone())
        .detail_type(Arc::new(PaymentType));
    builder = protocols(builder, config, ports)?;
    // Directories of organizations, by clients of their own.
    let scim: ResourceIndicator = config.issuer.join(crate::routes::SCIM).parse()?;
    let (read, manage) = (Access::Read.scope(), Access::Manage.scope());
    builder = builder
        .scope(SupportedScope::new(read.parse()?, "Read the people and groups of your organization"))
        .scope(SupportedScope::new(manage.parse()?, "Manage the people and groups of your organization"))
        .resource(
            ResourceServer::new(scim.clone(), format!("{read} {manage}").parse()?)
                .with_format(Format::Opaque),
        );
    let mut seen = BTreeSet::from([own, scim]);
    for entry in config.imports.iter().flat_map(|it| &it.content().resources) {
        for (scope, description) in &entry.scopes {
            builder = builder.scope(SupportedScope::new(scope.clone(), description.as_str()));
        }
        if seen.insert(entry.id.clone()) {
            builder = builder.resource(resource(entry));
        }
    }
    Ok(builder)
}

/// The library's limits, but for how often a person is asked from elsewhere.
fn limits(config: &Config) -> Limits {
    let mut limits = Limits::default();
    if let Some(rules) = &config.oauth.backchannel {
        limits.backchannel_people = limits.backchannel_people.with_attempts(rules.requests_per_person);
    }
    limits
}

/// Signed requests, encrypted if a client likes, and fetched only where that is turned on.
fn request_objects(config: &Config) -> RequestObjects {
    let accepted = RequestObjects::new().encrypted();
    if config.oauth.request_uris { accepted.by_reference() } else { accepted }
}

/// What is on only where the configuration says so.
fn protocols(mut builder: ServerBuilder, config: &Config, ports: &Ports) -> anyhow::Result<ServerBuilder> {
    let rules = &config.oauth;
    if rules.dpop_nonces {
        builder = builder.dpop(DpopSettings::default().with_nonces());
    }
    if let Some(certificates) = &rules.mutual_tls {
        let settings = MutualTls::new();
        builder = builder.mutual_tls(match &certificates.base {
            Some(base) => settings.at(base.as_str()),
            None => settings,
        });
    }
    if let Some(registration) = &rules.registration {
        let settings = RegistrationSettings::default()
            .with_scopes(registration.scopes.clone())
            .with_grants(rules.registered_grants());
        builder = builder.registration(if registration.open { settings.open() } else { settings });
    }
    if let Some(elsewhere) = &rules.backchannel {
        builder = builder.backchannel(backchannel::settings(config, elsewhere, ports)?);
    }
    let more = more_authentication(rules);
    if !more.is_empty() {
        let tls = AuthMethod::MUTUAL_TLS.into_iter().filter(|_| rules.mutual_tls.is_some());
        builder = builder.client_authentication(AuthMethod::DEFAULT.into_iter().chain(tls).chain(more));
    }
    #[cfg(feature = "draft-first-party-apps")]
    if rules.authorization_challenge {
        builder = builder.authorization_challenge();
    }
    if rules.signed_metadata {
        builder = builder.signed_metadata();
    }
    #[cfg(feature = "draft-client-documents")]
    if let Some(published) = &rules.client_documents {
        let mut settings = ClientDocuments::default().with_resources(published.resources.iter().cloned());
        if let Some(hosts) = &published.hosts {
            settings = settings.with_hosts(hosts.iter().cloned());
        }
        builder = builder.client_documents(settings);
    }
    #[cfg(feature = "draft-status-list")]
    if let Some(settings) = rules.status_lists {
        builder = builder.status_lists(settings);
    }
    if !rules.exchanges.is_empty() {
        builder = builder.token_exchange(Arc::new(ConfiguredExchanges::new(rules.exchanges.clone())));
    }
    Ok(builder)
}

/// The methods by which clients authenticate that are on only by name.
fn more_authentication(rules: &OAuthRules) -> Vec<AuthMethod> {
    let mut more = Vec::new();
    if rules.client_secret_jwt {
        more.push(AuthMethod::ClientSecretJwt);
    }
    #[cfg(feature = "draft-attested-clients")]
    if rules.attested_clients {
        more.push(AuthMethod::AttestJwtClientAuth);
    }
    more
}

/// This server itself: it knows of a revocation without a list.
fn own_resource(identifier: ResourceIndicator) -> ResourceServer {
    let resource = ResourceServer::new(identifier, ScopeSet::new());
    #[cfg(feature = "draft-status-list")]
    let resource = resource.without_status_list();
    resource
}

fn resource(entry: &ResourceEntry) -> ResourceServer {
    let resource = ResourceServer::new(entry.id.clone(), entry.scopes.keys().cloned().collect());
    #[cfg(feature = "draft-status-list")]
    let resource = match entry.status_list {
        Some(false) => resource.without_status_list(),
        _ => resource,
    };
    match entry.access_tokens {
        TokenFormat::Jwt => resource,
        TokenFormat::Opaque => resource.with_format(Format::Opaque),
    }
}
