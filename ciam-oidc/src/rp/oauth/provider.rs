//! What a provider is like: its addresses, and how its profile is asked for.

use http::Method;
use url::Url;

use super::email::{EmailList, EmailSource};
use super::mapping::ProfileMapping;
use crate::rp::authentication::Authentication;
use crate::rp::config::RelyingPartyConfig;
use crate::rp::metadata::{MtlsAliases, ProviderMetadata};

/// A provider that speaks OAuth 2.0 and not OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthProvider {
    /// The name under which its people are known: an address that is the provider's own, such as `https://github.com`. With a
    /// provider that sends `iss`, what it sends.
    ///
    /// # Security
    ///
    /// It is one half of every identity: a change makes strangers of everybody, and two providers with one name would be able
    /// to sign in each other's people.
    pub issuer: String,
    /// The authorization endpoint.
    pub authorization_endpoint: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// Whether the provider knows PKCE ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)) with `S256`. Default yes: one that
    /// does not know it ignores it
    /// ([RFC 6749, section 3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).
    pub pkce: bool,
    /// Whether every authorization response carries `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)). Default no; one
    /// that is there is checked.
    pub sends_iss: bool,
    /// How the profile is asked for.
    pub profile: ProfileRequest,
    /// How the profile is read.
    pub mapping: ProfileMapping,
}

impl OAuthProvider {
    /// A provider with these addresses.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        authorization_endpoint: impl Into<String>,
        token_endpoint: impl Into<String>,
        profile: ProfileRequest,
        mapping: ProfileMapping,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            authorization_endpoint: authorization_endpoint.into(),
            token_endpoint: token_endpoint.into(),
            pkce: true,
            sends_iss: false,
            profile,
            mapping,
        }
    }

    /// Does without PKCE, for a provider that refuses it.
    ///
    /// # Security
    ///
    /// Then `state` alone ties a code to its sign-in, and a code that was stolen can be put into another's response
    /// ([RFC 9700, section 4.5](https://www.rfc-editor.org/rfc/rfc9700#section-4.5)).
    #[must_use]
    pub const fn dangerous_without_pkce(mut self) -> Self {
        self.pkce = false;
        self
    }

    /// Says that every authorization response carries `iss`.
    #[must_use]
    pub const fn sending_iss(mut self) -> Self {
        self.sends_iss = true;
        self
    }

    /// The registration of a client here, without a scope.
    #[must_use]
    pub fn client(
        &self,
        client_id: impl Into<String>,
        authentication: Authentication,
        redirect_uri: impl Into<String>,
    ) -> RelyingPartyConfig {
        let config = RelyingPartyConfig::new(&*self.issuer, client_id, authentication, redirect_uri);
        config.with_plain_scope("")
    }

    /// What the flow needs to know.
    pub(super) fn metadata(&self) -> ProviderMetadata {
        ProviderMetadata {
            issuer: self.issuer.clone(),
            authorization_endpoint: self.authorization_endpoint.clone(),
            token_endpoint: self.token_endpoint.clone(),
            userinfo_endpoint: None,
            // There is nothing that is signed.
            jwks_uri: String::new(),
            end_session_endpoint: None,
            pushed_authorization_request_endpoint: None,
            require_pushed_authorization_requests: false,
            code_challenge_methods_supported: None,
            authorization_response_iss_parameter_supported: self.sends_iss,
            token_endpoint_auth_methods_supported: None,
            id_token_signing_alg_values_supported: Vec::new(),
            registration_endpoint: None,
            mtls_endpoint_aliases: MtlsAliases::default(),
        }
    }

    /// Whether a client that is registered like this can use it: what [`OAuthParty::new`](super::OAuthParty::new) refuses.
    ///
    /// # Errors
    ///
    /// Fails when an address is not secure, when the mapping takes an address for a subject, and when what the provider wants of
    /// the client is not there.
    pub fn check(&self, config: &RelyingPartyConfig) -> Result<(), OAuthProviderError> {
        let issuer = Url::parse(&self.issuer).map_err(|_| OAuthProviderError::Address)?;
        // A provider on the same machine, in a test: then all of it.
        let secure = issuer.scheme() != "http";
        let mut addresses = vec![&self.authorization_endpoint, &self.token_endpoint, &self.profile.url];
        if let EmailSource::List(EmailList { url, .. }) = &self.mapping.email {
            addresses.push(url);
        }
        for address in addresses {
            let url = Url::parse(address).map_err(|_| OAuthProviderError::Address)?;
            let web = url.scheme() == "https" || (url.scheme() == "http" && !secure);
            let named = !url.username().is_empty() || url.password().is_some();
            if !web || url.fragment().is_some() || named {
                return Err(OAuthProviderError::Address);
            }
        }
        if self.profile.secret_proof && config.authentication.secret().is_none() {
            return Err(OAuthProviderError::NoSecret);
        }
        if config.response_mode.is_signed() {
            return Err(OAuthProviderError::Signed);
        }
        self.mapping.check()
    }
}

/// How the profile of a person is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileRequest {
    /// The address, its query included.
    pub url: String,
    /// `GET`, or a `POST` without a body.
    pub method: Method,
    /// What is accepted. Default `application/json`.
    pub accept: String,
    /// Whether `appsecret_proof` goes along: an HMAC of the access token under the client's secret
    /// ([Facebook: secure Graph API calls](https://developers.facebook.com/docs/facebook-login/security)).
    pub secret_proof: bool,
}

impl ProfileRequest {
    /// A `GET`.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        let accept = "application/json".to_owned();
        Self { url: url.into(), method: Method::GET, accept, secret_proof: false }
    }

    /// A `POST` without a body.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self { method: Method::POST, ..Self::get(url) }
    }

    /// Accepts another type, which is JSON all the same.
    #[must_use]
    pub fn accepting(mut self, accept: impl Into<String>) -> Self {
        self.accept = accept.into();
        self
    }

    /// Sends `appsecret_proof` along.
    #[must_use]
    pub const fn with_secret_proof(mut self) -> Self {
        self.secret_proof = true;
        self
    }
}

/// The description of a provider cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthProviderError {
    /// An address is not on the web, or is less secure than the provider's own.
    #[error("an address of the provider cannot be used")]
    Address,
    /// The mapping has a place that is not a JSON pointer.
    #[error("a place in the mapping is not a JSON pointer")]
    Pointer,
    /// The mapping takes an e-mail address for the subject.
    #[error("an e-mail address is no subject")]
    EmailAsSubject,
    /// The provider wants a proof of the client's secret, and the client has none.
    #[error("the provider wants a proof of a secret")]
    NoSecret,
    /// Signed authorization responses are asked for, and there is no key to check them with.
    #[error("the provider signs nothing")]
    Signed,
}
