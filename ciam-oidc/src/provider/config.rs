//! The configuration of a provider.

use std::collections::BTreeSet;

use ciam_core::jose::Algorithm;
use time::Duration;

/// The configuration of an [`OpenIdProvider`](super::OpenIdProvider).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderConfig {
    /// Where the host asks a person whether to sign out: an absolute URL that ends with `/` or `=`, to which the interaction's
    /// handle is appended.
    pub sign_out_url: String,
    /// Where a person goes after sign-out when no client named a place: an absolute URL.
    pub signed_out_url: String,
    /// How long ID tokens are good. Default 10 minutes: they are read once, when they are issued.
    pub id_token_lifetime: Duration,
    /// The algorithms that ID tokens may be signed with. Default RS256 and ES256.
    pub id_token_algorithms: Vec<Algorithm>,
    /// The algorithm for clients that registered none. Default RS256, as the standard says.
    pub default_algorithm: Algorithm,
    /// The languages of the host's pages as BCP 47 tags, for the metadata.
    pub ui_locales: Vec<String>,
    /// Whether clients are told of the ends of sessions at their `backchannel_logout_uri`. Default: they are not.
    pub backchannel_logout: bool,
    /// Whether clients are told of them through the browser, at their `frontchannel_logout_uri`. Default: they are not.
    pub frontchannel_logout: bool,
    /// Whether clients can ask in their pages whether the session is still the same. Default: they cannot.
    pub session_management: bool,
    /// Whether apps of one maker share a sign-in on a device. Default: they do not.
    #[cfg(feature = "draft-native-sso")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-native-sso")))]
    pub native_sso: bool,
    /// The domains of people's identifiers for which WebFinger names this provider. Default: it is not there.
    pub webfinger: Option<BTreeSet<String>>,
}

impl ProviderConfig {
    /// The configuration of a provider whose host shows its pages at these places.
    ///
    /// The standard's default algorithm is RS256, and core's cryptography cannot make RSA keys: import one into the
    /// [`KeyRing`](ciam_core::keys::KeyRing) with `import_pkcs8`, or sign everything
    /// [with another algorithm](Self::with_only_algorithm). Without either, the server is not built.
    #[must_use]
    pub fn new(sign_out_url: impl Into<String>, signed_out_url: impl Into<String>) -> Self {
        Self {
            sign_out_url: sign_out_url.into(),
            signed_out_url: signed_out_url.into(),
            id_token_lifetime: Duration::minutes(10),
            id_token_algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            default_algorithm: Algorithm::Rs256,
            ui_locales: Vec::new(),
            backchannel_logout: false,
            frontchannel_logout: false,
            session_management: false,
            #[cfg(feature = "draft-native-sso")]
            native_sso: false,
            webfinger: None,
        }
    }

    /// Signs every ID token with one algorithm.
    ///
    /// A provider without RS256 does not interoperate with clients that know nothing else; it needs no RSA key.
    #[must_use]
    pub fn with_only_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.id_token_algorithms = vec![algorithm];
        self.default_algorithm = algorithm;
        self
    }

    /// Tells clients of the ends of sessions, at the `backchannel_logout_uri` that they registered. The host gives
    /// [`OpenIdProvider::backchannel_sinks`](super::OpenIdProvider::backchannel_sinks) to its outbox relay, or nothing leaves.
    #[must_use]
    pub const fn with_backchannel_logout(mut self) -> Self {
        self.backchannel_logout = true;
        self
    }

    /// Tells clients of the ends of sessions through the browser, at the `frontchannel_logout_uri` that they registered.
    #[must_use]
    pub const fn with_frontchannel_logout(mut self) -> Self {
        self.frontchannel_logout = true;
        self
    }

    /// Lets clients ask in their pages whether the session is still the same
    /// ([Session Management 1.0](https://openid.net/specs/openid-connect-session-1_0.html)).
    #[must_use]
    pub const fn with_session_management(mut self) -> Self {
        self.session_management = true;
        self
    }

    /// Lets apps of the operator's own that ask for the scope value `device_sso` share a sign-in on a device
    /// ([Native SSO 1.0, draft 06](https://openid.net/specs/openid-connect-native-sso-1_0-06.html)).
    #[cfg(feature = "draft-native-sso")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-native-sso")))]
    #[must_use]
    pub const fn with_native_sso(mut self) -> Self {
        self.native_sso = true;
        self
    }

    /// Names this provider to clients that ask with an identifier of these domains, by WebFinger
    /// ([Discovery 1.0, section 2](https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerDiscovery)). It is asked at
    /// `/.well-known/webfinger` of each domain: the host brings those requests to
    /// [`handle`](ciam_oauth::AuthorizationServer::handle). Whether there is such a person is not looked at.
    #[must_use]
    pub fn with_webfinger<T: Into<String>>(mut self, domains: impl IntoIterator<Item = T>) -> Self {
        let domains = domains.into_iter().map(|domain| domain.into().to_ascii_lowercase());
        self.webfinger = Some(domains.collect());
        self
    }

    /// Whether the browser itself is told of a sign-out, on a page of this provider.
    pub(crate) const fn tells_browser(&self) -> bool {
        self.frontchannel_logout || self.session_management
    }

    /// Sets the languages of the host's pages.
    #[must_use]
    pub fn with_ui_locales(mut self, tags: Vec<String>) -> Self {
        self.ui_locales = tags;
        self
    }
}
