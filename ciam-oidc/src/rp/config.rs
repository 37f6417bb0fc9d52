//! The registration of a relying party.

use std::fmt;
use std::sync::Arc;

use ciam_core::jose::{Algorithm, Signer};
use ciam_core::secret::Secret;
use time::Duration;

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
    /// Where authorization responses arrive; registered with the provider.
    ///
    /// An application with several providers gives each an address of its own, unless all of them send `iss`: a response
    /// that does not say whose it is could otherwise be one of another
    /// ([RFC 9700, section 4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)).
    pub redirect_uri: String,
    /// The scope values that every sign-in asks for. Default `openid`.
    pub scope: String,
    /// The algorithms that ID tokens may be signed with. Default RS256, ES256, PS256 and EdDSA.
    pub id_token_algorithms: Vec<Algorithm>,
    /// How far the provider's clock may be off. Default 30 s.
    pub clock_skew: Duration,
    /// How long a person has to sign in. Default 30 minutes.
    pub sign_in_lifetime: Duration,
    /// How long metadata and keys are used before they are fetched again. Default 1 hour.
    pub refresh_interval: Duration,
    /// Whether authorization requests are pushed when the provider can take them. Default: only when it demands it.
    pub push_requests: bool,
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
            redirect_uri: redirect_uri.into(),
            scope: "openid".to_owned(),
            id_token_algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa],
            clock_skew: Duration::seconds(30),
            sign_in_lifetime: Duration::minutes(30),
            refresh_interval: Duration::hours(1),
            push_requests: false,
        }
    }

    /// Sets the scope values; `openid` is added when it is missing.
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        let has_openid = scope.split(' ').any(|value| value == "openid");
        self.scope = if has_openid { scope.to_owned() } else { format!("openid {scope}") };
        self
    }

    /// Pushes authorization requests when the provider can take them.
    #[must_use]
    pub const fn with_pushed_requests(mut self) -> Self {
        self.push_requests = true;
        self
    }
}

/// How a relying party authenticates at the provider.
#[derive(Clone)]
#[non_exhaustive]
pub enum Authentication {
    /// Not at all: a public client, protected by PKCE.
    None,
    /// With its secret in the `Authorization` header.
    SecretBasic(Secret),
    /// With its secret in the body.
    SecretPost(Secret),
    /// With an assertion that it signs
    /// ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    PrivateKeyJwt(Arc<dyn Signer>),
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::SecretBasic(_) => "SecretBasic(..)",
            Self::SecretPost(_) => "SecretPost(..)",
            Self::PrivateKeyJwt(_) => "PrivateKeyJwt(..)",
        })
    }
}
