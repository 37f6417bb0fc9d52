//! The client record.

use std::collections::BTreeSet;

use ciam_core::assurance::Acr;
use ciam_core::jose::Algorithm;
use ciam_core::store::{RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::authentication::ClientAuthentication;
use super::id::ClientId;
use super::messages::MessageProtection;
use crate::authorize::ResponseType;
use crate::backchannel::BackchannelClient;
use crate::redirect_uri::RedirectUri;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;

/// A registered client.
///
/// Begin with [`Client::public`] or [`Client::confidential`] and add what it may do; nothing is allowed that was not added.
/// [`Clients`](crate::client::Clients) checks the whole before it is stored.
///
/// ```
/// use ciam_oauth::client::{Client, GrantType};
///
/// let app = Client::public("mobile-app".parse()?)
///     .with_name("Shop")
///     .with_redirect_uri("com.example.shop:/callback".parse()?)
///     .with_grant(GrantType::AuthorizationCode)
///     .with_grant(GrantType::RefreshToken)
///     .with_scopes("openid email orders:read".parse()?);
/// assert!(app.is_public());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Client {
    /// The client id.
    pub id: ClientId,
    /// What people are shown.
    pub display: ClientDisplay,
    /// Whether it runs on a server or on the person's device.
    pub application_type: ApplicationType,
    /// How it authenticates.
    pub authentication: ClientAuthentication,
    /// The grants that it may use.
    pub grants: BTreeSet<GrantType>,
    /// What its authorization requests may ask to be answered with. Default `code`.
    #[serde(default = "codes")]
    pub response_types: BTreeSet<ResponseType>,
    /// The grants of the host's own that it may use, by their types: see
    /// [custom grants](crate::custom_grant).
    #[serde(default)]
    pub custom_grants: BTreeSet<String>,
    /// Where authorization responses may go; at most [`Client::MAX_URIS`].
    pub redirect_uris: Vec<RedirectUri>,
    /// Where the browser may go after sign-out; at most [`Client::MAX_URIS`].
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session has ended
    /// ([Back-Channel Logout, section 2.2](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration)).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs to know which session. Logout tokens always say so.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// Where its frame is loaded in the browser when a session has ended
    /// ([Front-Channel Logout, section 2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout)): at the
    /// origin of one of its redirect URIs.
    #[serde(default)]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether it needs to know which session. It is always told.
    #[serde(default)]
    pub frontchannel_logout_session_required: bool,
    /// The scope values that it may ask for.
    pub scopes: ScopeSet,
    /// The types of [authorization details](crate::authorization_details) that it may ask for.
    #[serde(default)]
    pub authorization_details_types: BTreeSet<String>,
    /// The resources that it may name; the server's default resource is always allowed.
    pub resources: BTreeSet<ResourceIndicator>,
    /// The resources that this client *is*: their tokens it may introspect.
    pub serves: BTreeSet<ResourceIndicator>,
    /// Whether it belongs to the operator, so that people are not asked for consent.
    pub first_party: bool,
    /// Whether authorization requests must be pushed
    /// ([RFC 9126, section 6](https://www.rfc-editor.org/rfc/rfc9126#section-6)).
    pub require_pushed_requests: bool,
    /// Which kind of subject identifier it is given.
    pub subject_type: SubjectType,
    /// The host name under which pairwise subjects are computed; needed when redirect URIs have several.
    pub sector_identifier: Option<String>,
    /// The JWS algorithm of its ID tokens; `None` for the server's default.
    pub id_token_alg: Option<Algorithm>,
    /// The JWS algorithm of its UserInfo responses; `None` for plain JSON.
    pub userinfo_alg: Option<Algorithm>,
    /// The JWS algorithm of introspection answers to it, when it asks for a JWT; `None` for the server's default
    /// ([RFC 9701, section 6](https://www.rfc-editor.org/rfc/rfc9701#section-6)).
    #[serde(default)]
    pub introspection_alg: Option<Algorithm>,
    /// How it authenticates people through the back channel; needed for the grant.
    #[serde(default)]
    pub backchannel: Option<BackchannelClient>,
    /// How its requests are protected, and how what it is sent is.
    #[serde(default)]
    pub messages: MessageProtection,
    /// The authentication age that applies when a request has no `max_age`.
    pub default_max_age: Option<u32>,
    /// Whether its ID tokens always have `auth_time`.
    pub require_auth_time: bool,
    /// The assurance levels that apply when a request has no `acr_values`.
    pub default_acr_values: Vec<Acr>,
    /// How its refresh tokens rotate.
    pub refresh_rotation: RefreshRotation,
    /// The lifetime of its access tokens in seconds; `None` for the resource's.
    pub access_token_seconds: Option<u32>,
    /// Whether its access tokens must be bound to a key
    /// ([RFC 9449, section 5.2](https://www.rfc-editor.org/rfc/rfc9449#section-5.2)).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Whether its access tokens are bound to the certificate of its connection
    /// ([RFC 8705, section 3.4](https://www.rfc-editor.org/rfc/rfc8705#section-3.4)).
    #[serde(default)]
    pub certificate_bound_access_tokens: bool,
    /// The web origins that may call the token endpoint from a browser, as `https://app.example`.
    pub allowed_origins: BTreeSet<String>,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Client {
    /// At most this many URIs in each list.
    pub const MAX_URIS: usize = 32;

    /// A public client: one that cannot keep a secret, such as a browser or mobile application.
    #[must_use]
    pub fn public(id: ClientId) -> Self {
        Self::new(id, ApplicationType::Native, ClientAuthentication::None)
    }

    /// A confidential client: one that runs on a server and authenticates.
    #[must_use]
    pub fn confidential(id: ClientId, authentication: ClientAuthentication) -> Self {
        Self::new(id, ApplicationType::Web, authentication)
    }

    fn new(id: ClientId, application_type: ApplicationType, authentication: ClientAuthentication) -> Self {
        Self {
            id,
            display: ClientDisplay::default(),
            application_type,
            authentication,
            grants: BTreeSet::new(),
            response_types: codes(),
            custom_grants: BTreeSet::new(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: false,
            scopes: ScopeSet::new(),
            authorization_details_types: BTreeSet::new(),
            resources: BTreeSet::new(),
            serves: BTreeSet::new(),
            first_party: false,
            require_pushed_requests: false,
            subject_type: SubjectType::Public,
            sector_identifier: None,
            id_token_alg: None,
            userinfo_alg: None,
            introspection_alg: None,
            backchannel: None,
            messages: MessageProtection::default(),
            default_max_age: None,
            require_auth_time: false,
            default_acr_values: Vec::new(),
            refresh_rotation: RefreshRotation::Default,
            access_token_seconds: None,
            dpop_bound_access_tokens: false,
            certificate_bound_access_tokens: false,
            allowed_origins: BTreeSet::new(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Whether it can keep a secret.
    #[must_use]
    pub const fn kind(&self) -> ClientKind {
        match self.authentication {
            ClientAuthentication::None => ClientKind::Public,
            _ => ClientKind::Confidential,
        }
    }

    /// Whether it is a public client.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self.kind(), ClientKind::Public)
    }

    /// Whether it may use a grant.
    #[must_use]
    pub fn allows(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// The lifetime of its access tokens; `None` for the resource's.
    #[must_use]
    pub fn access_token_lifetime(&self) -> Option<Duration> {
        self.access_token_seconds.map(|seconds| Duration::seconds(i64::from(seconds)))
    }

    /// The registered redirect URI that a requested one is, with the requested port where any loopback port is allowed.
    ///
    /// # Security
    ///
    /// Byte by byte, but for the port of a loopback address of a native public client. See
    /// [`RedirectUri::matches_on_any_loopback_port`].
    #[must_use]
    pub fn redirect_uri(&self, requested: &str) -> Option<RedirectUri> {
        let any_port = self.is_public() && self.application_type == ApplicationType::Native;
        let known = self.redirect_uris.iter().any(|registered| {
            registered.matches_exactly(requested)
                || any_port && registered.matches_on_any_loopback_port(requested)
        });
        // Parsed again because with another port it is another text than the one that was checked at registration.
        if known { requested.parse().ok() } else { None }
    }

    /// Sets the name that people are shown.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.display.name = Some(name.into());
        self
    }

    /// Sets everything that people are shown.
    #[must_use]
    pub fn with_display(mut self, display: ClientDisplay) -> Self {
        self.display = display;
        self
    }

    /// Sets whether it runs on a server or on the person's device. A public client begins as native, a confidential one as
    /// web; a browser application is a public web client.
    #[must_use]
    pub const fn with_application_type(mut self, application_type: ApplicationType) -> Self {
        self.application_type = application_type;
        self
    }

    /// Adds a redirect URI.
    #[must_use]
    pub fn with_redirect_uri(mut self, uri: RedirectUri) -> Self {
        self.redirect_uris.push(uri);
        self
    }

    /// Adds a URI to go to after sign-out.
    #[must_use]
    pub fn with_post_logout_redirect_uri(mut self, uri: RedirectUri) -> Self {
        self.post_logout_redirect_uris.push(uri);
        self
    }

    /// Sets where it is told that a session has ended.
    #[must_use]
    pub fn with_backchannel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.backchannel_logout_uri = Some(uri.into());
        self
    }

    /// Says that it needs to know which session has ended.
    #[must_use]
    pub const fn requiring_backchannel_session(mut self) -> Self {
        self.backchannel_logout_session_required = true;
        self
    }

    /// Sets where its frame is loaded when a session has ended.
    #[must_use]
    pub fn with_frontchannel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.frontchannel_logout_uri = Some(uri.into());
        self
    }

    /// Allows a grant.
    #[must_use]
    pub fn with_grant(mut self, grant: GrantType) -> Self {
        self.grants.insert(grant);
        self
    }

    /// Allows its authorization requests to ask for something else than a code, or for more, as far as the server's
    /// [profile](crate::server::Profile) does.
    #[must_use]
    pub fn with_response_type(mut self, response_type: ResponseType) -> Self {
        self.response_types.insert(response_type);
        self
    }

    /// Allows a grant of the host's own.
    #[must_use]
    pub fn with_custom_grant(mut self, grant_type: impl Into<String>) -> Self {
        self.custom_grants.insert(grant_type.into());
        self
    }

    /// Sets the scope values that it may ask for.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Allows it to ask for authorization details of a type.
    #[must_use]
    pub fn with_authorization_details_type(mut self, name: impl Into<String>) -> Self {
        self.authorization_details_types.insert(name.into());
        self
    }

    /// Allows it to name a resource.
    #[must_use]
    pub fn with_resource(mut self, resource: ResourceIndicator) -> Self {
        self.resources.insert(resource);
        self
    }

    /// Declares that it is a resource, whose tokens it may introspect.
    #[must_use]
    pub fn serving(mut self, resource: ResourceIndicator) -> Self {
        self.serves.insert(resource);
        self
    }

    /// Declares that it belongs to the operator: people are not asked for consent.
    #[must_use]
    pub const fn first_party(mut self) -> Self {
        self.first_party = true;
        self
    }

    /// Demands that authorization requests are pushed.
    #[must_use]
    pub const fn require_pushed_requests(mut self) -> Self {
        self.require_pushed_requests = true;
        self
    }

    /// Sets the kind of subject identifier that it is given.
    #[must_use]
    pub const fn with_subject_type(mut self, subject_type: SubjectType) -> Self {
        self.subject_type = subject_type;
        self
    }

    /// Sets the host name under which pairwise subjects are computed.
    #[must_use]
    pub fn with_sector_identifier(mut self, host: impl Into<String>) -> Self {
        self.sector_identifier = Some(host.into());
        self
    }

    /// Allows it to authenticate people through the back channel.
    #[must_use]
    pub fn with_backchannel(mut self, backchannel: BackchannelClient) -> Self {
        self.backchannel = Some(backchannel);
        self.grants.insert(GrantType::Ciba);
        self
    }

    /// Sets how its refresh tokens rotate.
    #[must_use]
    pub const fn with_refresh_rotation(mut self, rotation: RefreshRotation) -> Self {
        self.refresh_rotation = rotation;
        self
    }

    /// Demands that its access tokens are bound to a key, proved with DPoP.
    #[must_use]
    pub const fn requiring_dpop(mut self) -> Self {
        self.dpop_bound_access_tokens = true;
        self
    }

    /// Binds its access tokens to the certificate of its connection, and demands one.
    #[must_use]
    pub const fn with_certificate_bound_tokens(mut self) -> Self {
        self.certificate_bound_access_tokens = true;
        self
    }

    /// Allows a web origin to call the token endpoint from a browser.
    #[must_use]
    pub fn with_allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.insert(origin.into());
        self
    }
}

fn codes() -> BTreeSet<ResponseType> {
    BTreeSet::from([ResponseType::Code])
}

impl StoredRecord for Client {
    const KIND: RecordKind = RecordKind::new("oauth.client", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

/// What people are shown of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClientDisplay {
    /// The name; the id is shown when there is none.
    pub name: Option<String>,
    /// The `https` address of its logo.
    pub logo_uri: Option<String>,
    /// The `https` address of its home page.
    pub client_uri: Option<String>,
    /// The `https` address of its privacy policy.
    pub policy_uri: Option<String>,
    /// The `https` address of its terms of service.
    pub tos_uri: Option<String>,
    /// The `https` address where a sign-in can be started by others.
    pub initiate_login_uri: Option<String>,
}

/// Whether a client can keep a secret
/// ([RFC 6749, section 2.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 6749, section 2.1")]
pub enum ClientKind {
    /// It cannot.
    Public,
    /// It can.
    Confidential,
}

/// Where a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApplicationType {
    /// On a server, or in a browser.
    Web,
    /// On the person's device.
    Native,
}

/// A grant type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantType {
    /// `authorization_code`.
    AuthorizationCode,
    /// `refresh_token`.
    RefreshToken,
    /// `client_credentials`.
    ClientCredentials,
    /// `urn:ietf:params:oauth:grant-type:device_code`
    /// ([RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)).
    DeviceCode,
    /// `urn:ietf:params:oauth:grant-type:token-exchange`
    /// ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)).
    TokenExchange,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`
    /// ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)).
    JwtBearer,
    /// `urn:openid:params:grant-type:ciba`: see [backchannel authentication](crate::backchannel).
    Ciba,
}

impl GrantType {
    /// Every grant that this library supports.
    pub const ALL: [Self; 7] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::TokenExchange,
        Self::JwtBearer,
        Self::Ciba,
    ];

    /// The grants that are on unless others are configured: those that need nothing more of the host.
    pub const DEFAULT: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
        }
    }

    /// The grant with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == name)
    }
}

/// Which kind of subject identifier a client is given
/// ([OpenID Connect Core, section 8](https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubjectType {
    /// The same for every client.
    Public,
    /// Another one for each sector.
    Pairwise,
}

/// How a client's refresh tokens rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefreshRotation {
    /// Public clients rotate, confidential clients do not.
    Default,
    /// A new token at every use.
    Always,
}
