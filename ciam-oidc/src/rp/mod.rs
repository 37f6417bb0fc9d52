//! The relying party: signs people in with an OpenID Provider.
//!
//! [`RelyingParty::begin`] gives the URL to send the browser to, [`RelyingParty::finish`] takes what comes back and returns
//! checked claims. Discovery, keys, `state`, `nonce`, PKCE and the checks of the ID token are done here; the host keeps the
//! browser's [binding secret](ciam_core::http::BrowserId) in a cookie and the tokens where it likes.

mod config;
mod error;
mod id_token;
mod initiated;
mod logout;
mod metadata;
mod sign_in;
mod step_up;
mod tokens;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use ciam_core::jose::RemoteKeys;
use ciam_core::outbound::Outbound;
use ciam_core::ports::Ports;
use time::OffsetDateTime;

pub use self::config::{Authentication, RelyingPartyConfig};
pub use self::error::{IdTokenError, SignInError};
pub use self::id_token::IdTokenClaims;
pub use self::initiated::InitiatedLogin;
pub(crate) use self::logout::ProviderSession;
pub use self::logout::{LogoutToken, LogoutTokenError};
pub use self::metadata::{DiscoveryError, ProviderMetadata};
pub use self::sign_in::{SignInOptions, SignedIn};
pub use self::step_up::StepUp;
pub use self::tokens::Tokens;

/// A client of one OpenID Provider. Cheap to clone.
///
/// ```no_run
/// # async fn example(ports: ciam_core::ports::Ports, browser: ciam_core::http::BrowserId, query: &str)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use ciam_core::http::{Params, ParamsLimits};
/// use ciam_oidc::rp::{Authentication, RelyingParty, RelyingPartyConfig, SignInOptions};
///
/// let config = RelyingPartyConfig::new(
///     "https://id.example",
///     "my-app",
///     Authentication::SecretBasic("the secret".into()),
///     "https://app.example/callback",
/// )
/// .with_scope("openid email");
/// let party = RelyingParty::new(ports, config);
///
/// // At /login: send the browser there.
/// let url = party.begin(&browser, &SignInOptions::new(), Some("/orders".to_owned())).await?;
///
/// // At /callback: who came back?
/// let response = Params::parse(query, ParamsLimits::default())?;
/// let signed_in = party.finish(Some(&browser), &response).await?;
/// println!("{} is back", signed_in.tokens.claims.subject);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RelyingParty {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Ports,
    config: RelyingPartyConfig,
    provider: RwLock<Option<Provider>>,
}

/// The provider as it was last discovered.
#[derive(Clone)]
struct Provider {
    metadata: Arc<ProviderMetadata>,
    keys: RemoteKeys,
    discovered_at: OffsetDateTime,
}

impl RelyingParty {
    /// A client with this registration. Nothing is fetched yet.
    #[must_use]
    pub fn new(ports: Ports, config: RelyingPartyConfig) -> Self {
        Self { inner: Arc::new(Inner { ports, config, provider: RwLock::new(None) }) }
    }

    /// The registration.
    #[must_use]
    pub fn config(&self) -> &RelyingPartyConfig {
        &self.inner.config
    }

    /// The provider's metadata, discovered first when there is none or it is old. When the provider cannot be reached, the
    /// last known metadata stays in use.
    ///
    /// # Errors
    ///
    /// Fails when the metadata was never had and cannot be had now.
    pub async fn metadata(&self) -> Result<Arc<ProviderMetadata>, DiscoveryError> {
        self.provider().await.map(|provider| provider.metadata)
    }

    fn ports(&self) -> &Ports {
        &self.inner.ports
    }

    async fn keys(&self) -> Result<RemoteKeys, DiscoveryError> {
        self.provider().await.map(|provider| provider.keys)
    }

    async fn provider(&self) -> Result<Provider, DiscoveryError> {
        let known = self.inner.provider.read().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.ports().now();
        if let Some(provider) = &known
            && now - provider.discovered_at < self.config().refresh_interval
        {
            return Ok(provider.clone());
        }
        let outbound = Outbound::new(self.ports().clone());
        match (ProviderMetadata::discover(&outbound, &self.config().issuer).await, known) {
            (Ok(metadata), known) => {
                // The keys outlive a new discovery as long as they are in the same place.
                let same_place = known.map(|known| known.keys).filter(|keys| keys.url() == metadata.jwks_uri);
                let new = || RemoteKeys::new(self.ports().clone(), metadata.jwks_uri.as_str());
                let keys = same_place.unwrap_or_else(new);
                let provider = Provider { metadata: Arc::new(metadata), keys, discovered_at: now };
                let mut place = self.inner.provider.write().unwrap_or_else(PoisonError::into_inner);
                *place = Some(provider.clone());
                Ok(provider)
            }
            (Err(_), Some(known)) => Ok(known),
            (Err(error), None) => Err(error),
        }
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
