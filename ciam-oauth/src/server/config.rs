//! The configuration of a server, with a reason for every default.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ciam_core::assurance::AcrLadder;
use ciam_core::http::ParamsLimits;
use ciam_core::jose::Algorithm;
use ciam_core::ratelimit::Limit;
use time::Duration;

use super::endpoint::Endpoint;
use super::profile::Profile;
use super::resource_encryption::ResourceEncryption;
use crate::authorization_details::DetailType;
use crate::authorize::Prompt;
use crate::backchannel::BackchannelSettings;
use crate::client::{AuthMethod, Client, GrantType};
use crate::device::DeviceSettings;
use crate::dpop::DpopSettings;
use crate::exchange::MAX_ACTORS;
use crate::mtls::MutualTls;
use crate::organization::ORGANIZATION;
use crate::request_object::RequestObjects;
use crate::resource::ResourceIndicator;
use crate::scope::{Scope, ScopeSet};
#[cfg(feature = "draft-status-list")]
use crate::status_list::StatusListSettings;
use crate::validate::SenderConstraint;

/// Everything that is configured, after the builder has checked it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How much a request may hold.
    pub limits: Limits,
    /// Where the host shows pages; the interaction's handle is appended.
    pub interaction_url: String,
    /// The scope values that clients may be registered for, the extension's included.
    pub scopes: BTreeMap<Scope, SupportedScope>,
    /// Scope values that belong to every resource: the extension's.
    pub protocol_scopes: ScopeSet,
    /// The resources that tokens may be issued for.
    pub resources: BTreeMap<ResourceIndicator, ResourceServer>,
    /// The resource of a request that names none.
    pub default_resource: ResourceIndicator,
    /// The levels of assurance.
    pub acr: AcrLadder,
    /// The grants that are on.
    pub grants: BTreeSet<GrantType>,
    /// The endpoints that are off.
    pub without: BTreeSet<Endpoint>,
    /// Whether every client must push its authorization requests.
    pub require_pushed_requests: bool,
    /// How devices are authorized; `None` when they are not, which is the default: the host needs a page for it.
    pub device: Option<DeviceSettings>,
    /// How people are authenticated through the back channel; `None` when they are not, which is the default.
    pub backchannel: Option<BackchannelSettings>,
    /// How clients may authenticate. Default [`AuthMethod::DEFAULT`], and with mutual TLS [its methods](AuthMethod::MUTUAL_TLS).
    pub client_authentication: BTreeSet<AuthMethod>,
    /// For how long a challenge for the proofs of attested clients is given out; `None` when proofs need none, which is the default.
    #[cfg(feature = "draft-attested-clients")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-attested-clients")))]
    pub attestation_challenges: Option<Duration>,
    /// How DPoP proofs are accepted; `None` when they are not looked at. Default without nonces.
    pub dpop: Option<DpopSettings>,
    /// How client certificates are accepted; `None` when they are not looked at, which is the default: the host has to ask for
    /// them.
    pub mutual_tls: Option<MutualTls>,
    /// What every access token must be bound to. Default nothing.
    pub sender_constraint: SenderConstraint,
    /// Whether clients register themselves. Default `false`.
    pub registration: bool,
    /// The types of [authorization details](crate::authorization_details), by their names.
    pub detail_types: BTreeMap<String, Arc<dyn DetailType>>,
    /// Whether the operator's own apps are authorized [without a browser](crate::authorize::Challenge). Default `false`.
    #[cfg(feature = "draft-first-party-apps")]
    pub authorization_challenge: bool,
    /// How the status of access tokens is listed; `None` when it is not, which is the default.
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    pub status_lists: Option<StatusListSettings>,
    /// Whether the metadata are [signed](crate::ServerBuilder::signed_metadata) too. Default `false`.
    pub signed_metadata: bool,
    /// The rules of others that it keeps.
    pub profile: Profile,
    /// Which request objects are taken; `None` for none.
    pub request_objects: Option<RequestObjects>,
}

impl Config {
    /// The configured resource with this name.
    #[must_use]
    pub fn resource(&self, indicator: &ResourceIndicator) -> Option<&ResourceServer> {
        self.resources.get(indicator)
    }

    /// Whether an endpoint is on.
    #[must_use]
    pub fn has(&self, endpoint: Endpoint) -> bool {
        let codes = self.grants.contains(&GrantType::AuthorizationCode);
        let devices = self.grants.contains(&GrantType::DeviceCode);
        let backchannel = self.grants.contains(&GrantType::Ciba);
        let needed = match endpoint {
            Endpoint::Authorize | Endpoint::PushedAuthorizationRequest => codes,
            #[cfg(feature = "draft-first-party-apps")]
            Endpoint::AuthorizationChallenge => codes && self.authorization_challenge,
            Endpoint::Resume => codes || devices || backchannel,
            Endpoint::DeviceAuthorization => devices,
            Endpoint::BackchannelAuthentication => backchannel,
            Endpoint::Registration | Endpoint::ClientConfiguration => self.registration,
            #[cfg(feature = "draft-status-list")]
            Endpoint::StatusList => self.status_lists.is_some(),
            #[cfg(feature = "draft-attested-clients")]
            Endpoint::AttestationChallenge => self.attestation_challenges.is_some(),
            _ => true,
        };
        needed && !self.without.contains(&endpoint)
    }

    /// Whether every authorization request must be a request object.
    #[must_use]
    pub fn require_signed_requests(&self) -> bool {
        self.request_objects.as_ref().is_some_and(|accepted| accepted.required)
    }

    /// Whether a client may ask for tokens for a resource.
    #[must_use]
    pub fn may_target(&self, client: &Client, indicator: &ResourceIndicator) -> bool {
        let known = self.resources.contains_key(indicator);
        known && (*indicator == self.default_resource || client.resources.contains(indicator))
    }

    /// Whether requests can be about an [organization](crate::organization).
    #[must_use]
    pub fn has_organizations(&self) -> bool {
        self.protocol_scopes.contains(ORGANIZATION)
    }

    /// The `prompt` values that mean something here.
    pub fn prompts(&self) -> impl Iterator<Item = Prompt> {
        let organizations = self.has_organizations();
        Prompt::ALL.into_iter().filter(move |prompt| organizations || *prompt != Prompt::SelectOrganization)
    }

    /// Those of the granted scope values that mean something at a resource.
    #[must_use]
    pub fn scopes_at(&self, resource: &ResourceServer, granted: &ScopeSet) -> ScopeSet {
        granted.intersection(&resource.scopes.union(&self.protocol_scopes))
    }
}

/// How long things live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetimes {
    /// An authorization code. Default 60 seconds: it is exchanged at once or not at all.
    pub code: Duration,
    /// The mark of a spent code, by which a replay is recognised. Default 1 hour.
    pub spent_code: Duration,
    /// An access token, unless the resource or client says otherwise. Default 10 minutes.
    pub access_token: Duration,
    /// A pushed authorization request. Default 90 seconds.
    pub pushed_request: Duration,
    /// An interaction: how long a person has to sign in and decide. Default 30 minutes.
    pub interaction: Duration,
    /// A refresh token without use. Default 30 days.
    pub refresh_idle: Duration,
    /// A refresh family in any case. Default 180 days.
    pub refresh_absolute: Duration,
    /// How long after a rotation the replaced refresh token may be retried, if its successor was never used. Default 30
    /// seconds.
    pub refresh_retry: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: Duration::seconds(60),
            spent_code: Duration::hours(1),
            access_token: Duration::minutes(10),
            pushed_request: Duration::seconds(90),
            interaction: Duration::minutes(30),
            refresh_idle: Duration::days(30),
            refresh_absolute: Duration::days(180),
            refresh_retry: Duration::seconds(30),
        }
    }
}

/// How much a request may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Query strings and form bodies. Default 64 KiB and 64 parameters.
    pub params: ParamsLimits,
    /// One value of an authorization request, in bytes. Default 8 KiB.
    pub max_value: usize,
    /// Pushed authorization requests of one client in a minute. Default 1000.
    pub pushed_requests_per_minute: u64,
    /// Presentations of one authorization code by one client from one address. Default 20 in 10 minutes.
    pub code_presentations: Limit,
    /// Device authorizations of one client; of a public one from one address. Default 100 in 10 minutes.
    pub device_authorizations: Limit,
    /// How often each client may begin a backchannel authentication. Default 100 in 10 minutes.
    pub backchannel_authentications: Limit,
    /// How often each person may be asked through the back channel, by all clients together. Default 10 in 10 minutes.
    pub backchannel_people: Limit,
    /// User codes that are tried from one address. Default 10 in 10 minutes.
    pub user_codes: Limit,
    /// Registrations from one address, whether they succeed or not. Default 20 in an hour.
    pub registrations: Limit,
    /// Changes to one registration by its client, refused ones included. Default 20 in an hour.
    pub registration_changes: Limit,
    /// How many may act for each other in [exchanged](crate::exchange) tokens. Default [`MAX_ACTORS`].
    pub actors: usize,
    /// Clients that are kept decoded in memory; each is read from the store all the same. Default 4,000.
    pub decoded_clients: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            params: ParamsLimits::default(),
            max_value: 8 * 1024,
            pushed_requests_per_minute: 1000,
            code_presentations: Limit::new("oauth.code", 20, Duration::minutes(10)),
            device_authorizations: Limit::new("oauth.device", 100, Duration::minutes(10)),
            backchannel_authentications: Limit::new("oauth.backchannel", 100, Duration::minutes(10)),
            backchannel_people: Limit::new("oauth.backchannel_person", 10, Duration::minutes(10)),
            user_codes: Limit::new("oauth.user_code", 10, Duration::minutes(10)),
            registrations: Limit::new("oauth.registration", 20, Duration::hours(1)),
            registration_changes: Limit::new("oauth.registration_change", 20, Duration::hours(1)),
            actors: MAX_ACTORS,
            decoded_clients: 4_000,
        }
    }
}

/// A scope value that clients may be registered for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupportedScope {
    /// The value.
    pub scope: Scope,
    /// What it allows, for the consent page; the host may translate it by the value.
    pub description: String,
}

impl SupportedScope {
    /// A scope value and what it allows.
    #[must_use]
    pub fn new(scope: Scope, description: impl Into<String>) -> Self {
        Self { scope, description: description.into() }
    }
}

/// A protected resource that access tokens are issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceServer {
    /// Its name, the audience of its tokens.
    pub identifier: ResourceIndicator,
    /// The scope values that mean something there.
    pub scopes: ScopeSet,
    /// The form of its access tokens.
    pub format: TokenFormat,
    /// The lifetime of its access tokens; `None` for [`Lifetimes::access_token`].
    pub access_token_lifetime: Option<Duration>,
    /// How its access tokens are encrypted for it, when they are JWTs; `None` when they are not, which is the default.
    pub encryption: Option<ResourceEncryption>,
    /// Whether its access tokens have a place in a [status list](crate::status_list), when they are JWTs and there are lists. Default
    /// yes.
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    pub status_list: bool,
}

impl ResourceServer {
    /// A resource with JWT access tokens of algorithm ES256.
    #[must_use]
    pub fn new(identifier: ResourceIndicator, scopes: ScopeSet) -> Self {
        let format = TokenFormat::Jwt { alg: Algorithm::Es256 };
        Self {
            identifier,
            scopes,
            format,
            access_token_lifetime: None,
            encryption: None,
            #[cfg(feature = "draft-status-list")]
            status_list: true,
        }
    }

    /// Sets the form of its access tokens.
    #[must_use]
    pub fn with_format(mut self, format: TokenFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets the lifetime of its access tokens.
    #[must_use]
    pub const fn with_access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = Some(lifetime);
        self
    }

    /// Encrypts its access tokens, so that the client and whoever else sees one cannot read it.
    #[must_use]
    pub fn with_encryption(mut self, encryption: ResourceEncryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Leaves its access tokens out of the [status lists](crate::status_list): it does not look there.
    #[must_use]
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    pub const fn without_status_list(mut self) -> Self {
        self.status_list = false;
        self
    }
}

/// The form of access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenFormat {
    /// A signed JWT ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)), checked without asking the server.
    Jwt {
        /// The JWS algorithm, for which the server's key ring has a key.
        alg: Algorithm,
    },
    /// A random string, checked by introspection.
    Opaque,
}
