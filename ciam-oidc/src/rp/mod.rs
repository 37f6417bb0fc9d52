//! The relying party: signs people in with an OpenID Provider.
//!
//! [`RelyingParty::begin`] gives the URL to send the browser to, [`RelyingParty::finish`] takes what comes back and returns
//! checked claims. Discovery, keys, `state`, `nonce`, PKCE and the checks of the ID token are done here; the host keeps the
//! browser's [binding secret](ciam_core::http::BrowserId) in a cookie and the tokens where it likes.

mod apple;
mod apple_notice;
mod authentication;
mod config;
mod entra;
mod error;
mod hosted;
mod id_token;
mod identity;
mod initiated;
mod issuer;
pub mod known;
mod logout;
mod management;
mod metadata;
pub mod oauth;
mod party;
mod refresh;
mod registration;
mod request_object;
mod response;
mod send;
mod sign_in;
mod sign_out;
mod step_up;
mod tokens;
mod userinfo;
mod verify;
mod webfinger;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use ciam_core::jose::RemoteKeys;
use ciam_core::ports::Ports;
use time::OffsetDateTime;

pub use self::apple::{AppleClaims, RealUser};
pub use self::apple_notice::{AppleNotice, AppleNoticeError, AppleNoticeKind};
pub use self::authentication::{Authentication, SignedSecret};
pub use self::config::{MetadataSource, RelyingPartyConfig};
pub use self::entra::EntraClaims;
pub use self::error::{IdTokenError, ResponseTokenError, SignInError};
pub use self::hosted::HostedDomains;
pub use self::id_token::IdTokenClaims;
pub use self::identity::{EmailAddress, EmailRule, Identity};
pub use self::initiated::InitiatedLogin;
pub use self::issuer::{Issuers, Tenants};
pub(crate) use self::logout::ProviderSession;
pub use self::logout::{LogoutToken, LogoutTokenError};
pub use self::metadata::{DiscoveryError, MtlsAliases, ProviderMetadata};
pub use self::party::{Arrived, Granted, IdentityProvider};
use self::refresh::Refreshes;
pub use self::registration::{Registered, Registration, RegistrationError};
pub use self::request_object::RequestObjects;
pub use self::response::ResponseMode;
use self::send::Nonces;
pub use self::sign_in::{SignInOptions, SignedIn};
pub use self::step_up::StepUp;
pub use self::tokens::{Scheme, Tokens};
pub use self::webfinger::{WebFingerError, issuer_of};

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
    nonces: Nonces,
    refreshes: Refreshes<Tokens>,
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
        let (provider, nonces, refreshes) = (RwLock::new(None), Nonces::default(), Refreshes::default());
        Self { inner: Arc::new(Inner { ports, config, provider, nonces, refreshes }) }
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

    async fn discovered(&self) -> Result<Arc<ProviderMetadata>, DiscoveryError> {
        let (outbound, issuer) = (self.outbound(), &self.config().issuer);
        Ok(match &self.config().metadata {
            MetadataSource::Given(metadata) => Arc::clone(metadata),
            MetadataSource::Discovery => Arc::new(ProviderMetadata::discover(&outbound, issuer).await?),
            MetadataSource::DiscoveryAt(url) => {
                Arc::new(ProviderMetadata::discover_at(&outbound, url, issuer).await?)
            }
        })
    }

    async fn provider(&self) -> Result<Provider, DiscoveryError> {
        let known = self.inner.provider.read().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.ports().now();
        if let Some(provider) = &known
            && now - provider.discovered_at < self.config().refresh_interval
        {
            return Ok(provider.clone());
        }
        match (self.discovered().await, known) {
            (Ok(metadata), known) => {
                // The keys outlive a new discovery as long as they are in the same place.
                let same_place = known.map(|known| known.keys).filter(|keys| keys.url() == metadata.jwks_uri);
                let new = || RemoteKeys::new(self.ports().clone(), metadata.jwks_uri.as_str());
                let keys = same_place.unwrap_or_else(new);
                let provider = Provider { metadata, keys, discovered_at: now };
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
