//! The registration of a relying party.

use std::sync::Arc;

use ciam_core::jose::Algorithm;
use ciam_core::jose::jwe::Decrypter;
use ciam_oauth::dpop::DpopSigner;
use time::Duration;

use super::authentication::Authentication;
use super::hosted::HostedDomains;
use super::issuer::Issuers;
use super::metadata::ProviderMetadata;
use super::request_object::RequestObjects;
use super::response::ResponseMode;

/// How a relying party is registered with a provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelyingPartyConfig {
    /// The provider's issuer, exactly as it writes it.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// How the client authenticates.
    pub authentication: Authentication,
    /// The audience of client assertions, where a provider wants another than its issuer. Default the issuer.
    ///
    /// # Security
    ///
    /// An assertion for an endpoint can be used at whoever owns that endpoint
    /// ([RFC 9700, section 4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)): write it here from the provider's
    /// documentation, and never from what is fetched.
    pub assertion_audience: Option<String>,
    /// Where authorization responses arrive; registered with the provider.
    ///
    /// An application with several providers gives each an address of its own, unless all of them send `iss`: a response
    /// that does not say whose it is could otherwise be one of another
    /// ([RFC 9700, section 4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)).
    pub redirect_uri: String,
    /// The scope values that every sign-in asks for. Default `openid`.
    pub scope: String,
    /// Parameters that every authorization request has beyond those that are set here, such as `access_type=offline`.
    pub parameters: Vec<(String, String)>,
    /// The algorithms that ID tokens, logout tokens, signed responses and signed UserInfo may have. Default RS256, ES256,
    /// PS256 and EdDSA.
    pub id_token_algorithms: Vec<Algorithm>,
    /// Which issuers ID tokens may name. Default the one above.
    pub issuers: Issuers,
    /// Whether an ID token must repeat the `nonce`. Default yes.
    ///
    /// # Security
    ///
    /// Without it, nothing but PKCE ties an ID token to its sign-in. Only for providers that are known not to repeat it.
    pub nonce_required: bool,
    /// Whether a code challenge is sent ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)). Default yes.
    ///
    /// # Security
    ///
    /// Without it, `nonce` alone ties an ID token to its sign-in, and nothing but `state` a code. Only for a provider that
    /// refuses it.
    pub pkce: bool,
    /// The hosted domains that people must belong to, for a provider that says it in `hd`. Default any, or none.
    pub hosted_domains: HostedDomains,
    /// How far the provider's clock may be off. Default 30 s.
    pub clock_skew: Duration,
    /// How long a person has to sign in. Default 30 minutes.
    pub sign_in_lifetime: Duration,
    /// How long metadata and keys are used before they are fetched again. Default 1 hour.
    pub refresh_interval: Duration,
    /// Where the provider's metadata come from. Default discovery at the issuer.
    pub metadata: MetadataSource,
    /// Whether authorization requests are pushed when the provider can take them. Default: only when it demands it.
    pub push_requests: bool,
    /// Signed request objects. Default none.
    pub request_objects: Option<RequestObjects>,
    /// How authorization responses come. Default in the query, unsigned.
    pub response_mode: ResponseMode,
    /// Whether an authorization response must have `iss`, promised or not. Default: only when it is promised.
    pub require_iss: bool,
    /// The key that tokens are bound to ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)). Default none.
    pub dpop: Option<DpopSigner>,
    /// What opens encrypted ID tokens, responses and UserInfo. With it, ID tokens must be encrypted. Default nothing.
    pub decrypter: Option<Arc<Decrypter>>,
    /// Whether UserInfo must be signed. Default no; a signature that is there is checked.
    pub signed_userinfo: bool,
}

impl RelyingPartyConfig {
    /// A registration with the default limits.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        authentication: Authentication,
        redirect_uri: impl Into<String>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            authentication,
            assertion_audience: None,
            redirect_uri: redirect_uri.into(),
            scope: "openid".to_owned(),
            parameters: Vec::new(),
            id_token_algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa],
            issuers: Issuers::One,
            nonce_required: true,
            pkce: true,
            hosted_domains: HostedDomains::Unasked,
            clock_skew: Duration::seconds(30),
            sign_in_lifetime: Duration::minutes(30),
            refresh_interval: Duration::hours(1),
            metadata: MetadataSource::Discovery,
            push_requests: false,
            request_objects: None,
            response_mode: ResponseMode::Query,
            require_iss: false,
            dpop: None,
            decrypter: None,
            signed_userinfo: false,
        }
    }

    /// Sets the scope values; `openid` is added when it is missing.
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        let has_openid = scope.split(' ').any(|value| value == "openid");
        self.scope = if has_openid { scope.to_owned() } else { format!("openid {scope}") };
        self
    }

    /// Sets the scope values of a request that is not one of OpenID Connect: nothing is added.
    #[must_use]
    pub fn with_plain_scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// Takes only people of these hosted domains.
    #[must_use]
    pub fn with_hosted_domains(mut self, domains: HostedDomains) -> Self {
        self.hosted_domains = domains;
        self
    }

    /// Sends no code challenge: see [`pkce`](Self::pkce).
    #[must_use]
    pub const fn dangerous_without_pkce(mut self) -> Self {
        self.pkce = false;
        self
    }

    /// Pushes authorization requests when the provider can take them.
    #[must_use]
    pub const fn with_pushed_requests(mut self) -> Self {
        self.push_requests = true;
        self
    }

    /// Signs authorization requests ([RFC 9101](https://www.rfc-editor.org/rfc/rfc9101)).
    #[must_use]
    pub fn with_request_objects(mut self, objects: RequestObjects) -> Self {
        self.request_objects = Some(objects);
        self
    }

    /// Sets how authorization responses come.
    #[must_use]
    pub const fn with_response_mode(mut self, mode: ResponseMode) -> Self {
        self.response_mode = mode;
        self
    }

    /// Binds tokens to a key, and takes no others.
    #[must_use]
    pub fn with_dpop(mut self, key: DpopSigner) -> Self {
        self.dpop = Some(key);
        self
    }

    /// Opens encrypted ID tokens, and takes no others.
    #[must_use]
    pub fn with_decrypter(mut self, decrypter: Arc<Decrypter>) -> Self {
        self.decrypter = Some(decrypter);
        self
    }

    /// Sets the algorithms that the provider may sign with.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.id_token_algorithms = algorithms.to_vec();
        self
    }

    /// Takes UserInfo only when it is signed.
    #[must_use]
    pub const fn with_signed_userinfo(mut self) -> Self {
        self.signed_userinfo = true;
        self
    }

    /// Takes authorization responses only with `iss`.
    #[must_use]
    pub const fn requiring_iss(mut self) -> Self {
        self.require_iss = true;
        self
    }

    /// Sets where the provider's metadata come from.
    #[must_use]
    pub fn with_metadata(mut self, source: MetadataSource) -> Self {
        self.metadata = source;
        self
    }

    /// Adds a parameter to every authorization request.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }
}

/// Where a provider's metadata come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MetadataSource {
    /// From the issuer's `/.well-known/openid-configuration`.
    Discovery,
    /// From another address, which the host knows from the provider's documentation. The issuer in the document is checked
    /// all the same.
    DiscoveryAt(String),
    /// From the host: nothing is fetched.
    Given(Arc<ProviderMetadata>),
}
