//! Providers that speak OAuth 2.0 and not OpenID Connect: GitHub, Facebook, X, Discord and others.
//!
//! Such a provider issues no ID token: who signed in is whoever the access token is for, and the provider's own interface says
//! who that is. [`OAuthParty`] walks the same way as [`RelyingParty`], with the same `state`, the same binding to the browser,
//! PKCE where the provider knows it and RFC 9207 where it announces it; then it asks for the person's profile and reads it by
//! an [`OAuthProvider`]'s [mapping](ProfileMapping) into the same [`Identity`].
//!
//! What it does not do: it believes nothing that came through the browser. The profile is fetched over the back channel with
//! the token that was just issued to this client; a token that somebody hands in
//! ([RFC 6749, section 10.16](https://www.rfc-editor.org/rfc/rfc6749#section-10.16)) is taken nowhere.

mod email;
mod mapping;
mod profile;
mod provider;

use std::sync::Arc;

use ciam_core::http::{BrowserId, Params};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use futures_util::FutureExt as _;
use time::OffsetDateTime;

pub use self::email::{EmailList, EmailSource, EmailTrust};
pub use self::mapping::{IdentityError, ProfileMapping, SubjectKind};
pub use self::provider::{OAuthProvider, OAuthProviderError, ProfileRequest};
use super::RelyingParty;
use super::config::{MetadataSource, RelyingPartyConfig};
use super::error::SignInError;
use super::identity::Identity;
use super::refresh::Refreshes;
use super::sign_in::SignInOptions;
use super::tokens::Scheme;

/// A client of one OAuth 2.0 provider. Cheap to clone.
///
/// ```no_run
/// # async fn example(ports: ciam_core::ports::Ports, browser: ciam_core::http::BrowserId, query: &str)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use ciam_core::http::{Params, ParamsLimits};
/// use ciam_oidc::rp::oauth::{OAuthParty, OAuthProvider, ProfileMapping, ProfileRequest, SubjectKind};
/// use ciam_oidc::rp::{Authentication, SignInOptions};
///
/// let provider = OAuthProvider::new(
///     "https://forge.example",
///     "https://forge.example/oauth/authorize",
///     "https://forge.example/oauth/token",
///     ProfileRequest::get("https://forge.example/api/user"),
///     ProfileMapping::new("/id", SubjectKind::Number).with_name("/full_name"),
/// );
/// let secret = Authentication::SecretBasic("the secret".into());
/// let client = provider.client("my-app", secret, "https://app.example/callback/forge").with_scope("read:user");
/// let party = OAuthParty::new(ports, provider, client)?;
///
/// let url = party.begin(&browser, &SignInOptions::new(), None).await?;
/// // … and when the browser is back:
/// let response = Params::parse(query, ParamsLimits::default())?;
/// let signed_in = party.finish(Some(&browser), &response).await?;
/// println!("{} is back", signed_in.identity.subject);
/// # let _ = url;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct OAuthParty {
    party: RelyingParty,
    provider: Arc<OAuthProvider>,
    refreshes: Arc<Refreshes<OAuthTokens>>,
}

/// Tokens that took the place of others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuthTokens {
    /// The access token.
    pub access_token: Secret,
    /// How the access token is presented.
    pub scheme: Scheme,
    /// When it ends, if the provider said.
    pub expires_at: Option<OffsetDateTime>,
    /// The refresh token for the next time: a new one, or the one that was used.
    pub refresh_token: Secret,
    /// The scope values, if the provider said; otherwise they are as before.
    pub scope: Option<String>,
}

/// Somebody who came back from a provider, and is who it says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuthSignedIn {
    /// Who it is.
    pub identity: Identity,
    /// The access token, for the provider's other interfaces.
    pub access_token: Secret,
    /// How the access token is presented.
    pub scheme: Scheme,
    /// When it ends, if the provider said.
    pub expires_at: Option<OffsetDateTime>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret>,
    /// The scope values that were granted, if the provider said.
    pub scope: Option<String>,
    /// What the host gave to [`OAuthParty::begin`].
    pub return_to: Option<String>,
}

impl OAuthParty {
    /// A client of a provider, registered as [`OAuthProvider::client`] begins. Nothing is fetched yet. What in the registration
    /// belongs to OpenID Connect counts for nothing.
    ///
    /// # Errors
    ///
    /// Fails when the description of the provider cannot be used: an address that is not secure, a mapping that takes an
    /// address for a subject, a proof without a secret.
    pub fn new(
        ports: Ports,
        provider: OAuthProvider,
        mut config: RelyingPartyConfig,
    ) -> Result<Self, OAuthProviderError> {
        provider.check(&config)?;
        config.issuer.clone_from(&provider.issuer);
        config.pkce = config.pkce && provider.pkce;
        config.metadata = MetadataSource::Given(Arc::new(provider.metadata()));
        let party = RelyingParty::new(ports, config);
        Ok(Self { party, provider: Arc::new(provider), refreshes: Arc::default() })
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &OAuthProvider {
        &self.provider
    }

    /// The registration.
    #[must_use]
    pub fn config(&self) -> &RelyingPartyConfig {
        self.party.config()
    }

    /// Begins a sign-in: the URL to send the browser to. See [`RelyingParty::begin`].
    ///
    /// # Errors
    ///
    /// Fails when a recent authentication is asked for, which nobody could check, and when a port fails.
    pub async fn begin(
        &self,
        browser: &BrowserId,
        options: &SignInOptions,
        return_to: Option<String>,
    ) -> Result<String, SignInError> {
        if options.max_age.is_some() || !options.acr_values.is_empty() {
            return Err(SignInError::NotOffered);
        }
        self.party.begin(browser, options, return_to).await
    }

    /// Takes the authorization response that arrived at the redirect URI, exchanges its code, and asks who it is.
    ///
    /// # Errors
    ///
    /// Fails when the response belongs to no sign-in of this browser or of this provider, when it is an error, when the code
    /// cannot be exchanged, and when the profile cannot be had or has no lasting subject.
    pub async fn finish(
        &self,
        browser: Option<&BrowserId>,
        response: &Params,
    ) -> Result<OAuthSignedIn, SignInError> {
        let (code, pending) = self.party.code_of(browser, response).await?;
        let (response, scheme) = self.party.redeem(&code, &pending).await?;
        let identity = self.identify(scheme, &response.access_token).await?;
        Ok(OAuthSignedIn {
            identity,
            expires_at: response.expires_at(self.party.ports().now()),
            access_token: response.access_token,
            scheme,
            refresh_token: response.refresh_token,
            scope: response.scope,
            return_to: pending.return_to,
        })
    }

    /// Refreshes an access token, for a host that uses the provider's other interfaces. Who it is is not asked again.
    ///
    /// Of several calls with the same refresh token at the same time one asks the provider, as with
    /// [`RelyingParty::refresh`].
    ///
    /// # Errors
    ///
    /// Fails when the provider refuses the refresh token, or answers something else than tokens.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<OAuthTokens, SignInError> {
        let start = || {
            let (party, used) = (self.party.clone(), refresh_token.clone());
            async move {
                let (response, scheme) = party.renew(&used).await?;
                Ok(OAuthTokens {
                    expires_at: response.expires_at(party.ports().now()),
                    access_token: response.access_token,
                    scheme,
                    refresh_token: response.refresh_token.unwrap_or(used),
                    scope: response.scope,
                })
            }
            .boxed()
        };
        self.refreshes.join(refresh_token, start).await
    }
}
