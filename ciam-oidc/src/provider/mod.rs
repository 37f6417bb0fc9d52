//! The OpenID Provider: what OpenID Connect adds to the authorization server.

mod config;
mod extension;
mod frozen;
mod userinfo;

pub use self::userinfo::{UserInfo, UserInfoError};

pub use self::config::ProviderConfig;
pub(crate) use self::frozen::Frozen;

use ciam_core::jose::Algorithm;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::Client;

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
