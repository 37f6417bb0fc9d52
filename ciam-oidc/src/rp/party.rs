//! A provider that people sign in with, whatever it speaks: one way there, and one kind of person back.

use ciam_core::http::{BrowserId, Params};

use super::RelyingParty;
use super::apple::posted_name;
use super::error::SignInError;
use super::identity::{EmailRule, Identity, VOUCHING, short};
use super::oauth::{OAuthParty, OAuthSignedIn};
use super::sign_in::SignInOptions;
use super::tokens::Tokens;

/// A provider that people sign in with: of OpenID Connect, or of OAuth 2.0 and a profile. Cheap to clone.
///
/// [`KnownProvider::connect`](super::known::KnownProvider::connect) makes one of the table of well-known providers.
#[derive(Clone, Debug)]
pub struct IdentityProvider(Kind);

#[derive(Clone, Debug)]
enum Kind {
    OpenId { party: RelyingParty, email: EmailRule, posted_user: bool },
    OAuth(OAuthParty),
}

/// Somebody who came back from a provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// Who it is.
    pub identity: Identity,
    /// What the provider issued.
    pub granted: Granted,
    /// What the host gave to [`IdentityProvider::begin`].
    pub return_to: Option<String>,
}

/// What a provider issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Granted {
    /// Tokens, an ID token among them.
    OpenId(Box<Tokens>),
    /// An access token.
    OAuth(Box<OAuthSignedIn>),
}

impl Granted {
    /// The tokens of a provider of OpenID Connect.
    #[must_use]
    pub fn open_id(&self) -> Option<&Tokens> {
        match self {
            Self::OpenId(tokens) => Some(tokens),
            Self::OAuth(_) => None,
        }
    }
}

impl IdentityProvider {
    /// A provider of OpenID Connect, whose word for an address is taken by this rule.
    #[must_use]
    pub const fn open_id(party: RelyingParty, email: EmailRule) -> Self {
        Self(Kind::OpenId { party, email, posted_user: false })
    }

    /// A provider of OAuth 2.0 and a profile.
    #[must_use]
    pub const fn oauth(party: OAuthParty) -> Self {
        Self(Kind::OAuth(party))
    }

    /// Reads the name in a `user` beside the code, as Apple sends it once.
    #[must_use]
    pub fn with_posted_user(mut self) -> Self {
        if let Kind::OpenId { posted_user, .. } = &mut self.0 {
            *posted_user = true;
        }
        self
    }

    /// The issuer, or the name under which the provider's people are known. A provider with tenants has an issuer for each:
    /// [`Identity::issuer`] is that of the person's.
    #[must_use]
    pub fn issuer(&self) -> &str {
        match &self.0 {
            Kind::OpenId { party, .. } => &party.config().issuer,
            Kind::OAuth(party) => &party.config().issuer,
        }
    }

    /// Whether somebody of this issuer comes from this provider.
    #[must_use]
    pub fn is_issuer(&self, issuer: &str) -> bool {
        match &self.0 {
            Kind::OpenId { party, .. } => party.config().may_be_of(issuer),
            Kind::OAuth(party) => party.config().issuer == issuer,
        }
    }

    /// The client, where the provider speaks OpenID Connect: what is not the same for all, such as logout, is there.
    #[must_use]
    pub fn open_id_party(&self) -> Option<&RelyingParty> {
        match &self.0 {
            Kind::OpenId { party, .. } => Some(party),
            Kind::OAuth(_) => None,
        }
    }

    /// Whether the response comes as a form of another site, with which a browser sends no `SameSite=Lax` cookie.
    #[must_use]
    pub fn posts_back(&self) -> bool {
        let config = match &self.0 {
            Kind::OpenId { party, .. } => party.config(),
            Kind::OAuth(party) => party.config(),
        };
        config.response_mode.is_posted()
    }

    /// Begins a sign-in: the URL to send the browser to. See [`RelyingParty::begin`].
    ///
    /// # Errors
    ///
    /// As [`RelyingParty::begin`] and [`OAuthParty::begin`].
    pub async fn begin(
        &self,
        browser: &BrowserId,
        options: &SignInOptions,
        return_to: Option<String>,
    ) -> Result<String, SignInError> {
        match &self.0 {
            Kind::OpenId { party, .. } => party.begin(browser, options, return_to).await,
            Kind::OAuth(party) => party.begin(browser, options, return_to).await,
        }
    }

    /// Takes the authorization response that arrived at the redirect URI, and says who it is. What the ID token does not say
    /// of the person's address, UserInfo is asked for.
    ///
    /// # Errors
    ///
    /// As [`RelyingParty::finish`], [`RelyingParty::userinfo`] and [`OAuthParty::finish`].
    pub async fn finish(
        &self,
        browser: Option<&BrowserId>,
        response: &Params,
    ) -> Result<Arrived, SignInError> {
        match &self.0 {
            Kind::OpenId { party, email, posted_user } => {
                let signed_in = party.finish(browser, response).await?;
                let claims = &signed_in.tokens.claims;
                let mut said = claims.all.clone();
                if !said.contains_key("email") && party.metadata().await?.userinfo_endpoint.is_some() {
                    // Whether an address is verified, only who names it can say.
                    said.retain(|name, _| !VOUCHING.contains(&name.as_str()));
                    said.extend(party.userinfo(&signed_in.tokens).await?);
                }
                let mut identity = Identity::of_claims(claims, &said, *email);
                if *posted_user && identity.name.is_none() {
                    (identity.given_name, identity.family_name) = posted_name(response);
                    let parts = [&identity.given_name, &identity.family_name];
                    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
                    identity.name = short(&parts.join(" "));
                }
                let granted = Granted::OpenId(Box::new(signed_in.tokens));
                Ok(Arrived { identity, granted, return_to: signed_in.return_to })
            }
            Kind::OAuth(party) => {
                let signed_in = party.finish(browser, response).await?;
                let (identity, return_to) = (signed_in.identity.clone(), signed_in.return_to.clone());
                Ok(Arrived { identity, granted: Granted::OAuth(Box::new(signed_in)), return_to })
            }
        }
    }
}
