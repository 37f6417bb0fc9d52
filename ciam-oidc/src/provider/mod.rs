//! The OpenID Provider: what OpenID Connect adds to the authorization server.

mod config;
mod extension;
mod frozen;
#[cfg(feature = "draft-native-sso")]
pub(crate) mod native_sso;
pub(crate) mod session_state;
mod userinfo;
mod webfinger;

pub use self::userinfo::{UserInfo, UserInfoError};

pub use self::config::ProviderConfig;
pub(crate) use self::frozen::Frozen;

use ciam_core::jose::Algorithm;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::Client;
use url::form_urlencoded;

/// OpenID Connect for an [`AuthorizationServer`]: plug it in with
/// [`ServerBuilder::extension`](ciam_oauth::ServerBuilder::extension).
#[derive(Clone, Debug)]
pub struct OpenIdProvider {
    config: ProviderConfig,
}

impl OpenIdProvider {
    /// A provider with this configuration.
    #[must_use]
    pub const fn new(config: ProviderConfig) -> Self {
        Self { config }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &ProviderConfig {
        &self.config
    }

    /// The UserInfo endpoint of a server.
    #[must_use]
    pub fn userinfo_url(server: &AuthorizationServer) -> String {
        server.issuer().endpoint(USERINFO)
    }

    /// The end-session endpoint of a server.
    #[must_use]
    pub fn end_session_url(server: &AuthorizationServer) -> String {
        server.issuer().endpoint(END_SESSION)
    }

    /// Whether a client is to be told of the ends of its sessions, by a channel that is on.
    pub(crate) const fn tells_of_logout(&self, client: &Client) -> bool {
        self.config.backchannel_logout && client.backchannel_logout_uri.is_some()
            || self.config.frontchannel_logout && client.frontchannel_logout_uri.is_some()
    }

    /// Where a sign-in with this provider can be started for a client
    /// ([OpenID Connect Core, section 4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)), such
    /// as from a list of applications; `None` when the client registered no place. The client decides where `target` leads.
    #[must_use]
    pub fn initiate_login_url(
        server: &AuthorizationServer,
        client: &Client,
        login_hint: Option<&str>,
        target: Option<&str>,
    ) -> Option<String> {
        let uri = client.display.initiate_login_uri.as_deref()?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("iss", server.issuer().as_str());
        for (name, value) in [("login_hint", login_hint), ("target_link_uri", target)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let separator = if uri.contains('?') { '&' } else { '?' };
        Some(format!("{uri}{separator}{}", query.finish()))
    }

    /// The algorithm of a client's ID tokens: the registered one if this provider offers it, otherwise the default.
    pub(crate) fn id_token_algorithm(&self, client: &Client) -> Algorithm {
        client
            .id_token_alg
            .filter(|alg| self.config.id_token_algorithms.contains(alg))
            .unwrap_or(self.config.default_algorithm)
    }
}

const DISCOVERY: &str = "/.well-known/openid-configuration";
const USERINFO: &str = "/userinfo";
const END_SESSION: &str = "/logout";
