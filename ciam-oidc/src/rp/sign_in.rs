//! The sign-in of a person at the provider, seen from the relying party.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Params};
use ciam_core::secret::{Secret, TokenDigest};
use ciam_oauth::pkce::{CodeChallenge, CodeVerifier};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::RelyingParty;
use super::authentication::Authentication;
use super::error::SignInError;
use super::metadata::ProviderMetadata;
use super::tokens::Tokens;

/// What one sign-in asks for beyond the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInOptions {
    /// `none`, `login`, `consent`, `select_account`, `create`, or several with spaces between.
    pub prompt: Option<String>,
    /// How old the authentication may be, in seconds; checked against `auth_time` when the person comes back.
    pub max_age: Option<u32>,
    /// The levels of assurance that are wanted, best first.
    pub acr_values: Vec<String>,
    /// Which identifier is expected.
    pub login_hint: Option<String>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub ui_locales: Vec<String>,
    /// The resources that the access token is for ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)).
    pub resources: Vec<String>,
}

impl SignInOptions {
    /// Nothing beyond the configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource that the access token is for.
    #[must_use]
    pub fn with_resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Sets `prompt`.
    #[must_use]
    pub fn with_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = Some(prompt.into());
        self
    }

    /// Sets how old the authentication may be, in seconds.
    #[must_use]
    pub const fn with_max_age(mut self, seconds: u32) -> Self {
        self.max_age = Some(seconds);
        self
    }
}

/// What is remembered of a sign-in until the person comes back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    browser: TokenDigest,
    issuer: String,
    #[serde(default)]
    redirect_uri: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) max_age: Option<u32>,
    pub(super) return_to: Option<String>,
}

/// A person who came back from the provider and is who they say.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedIn {
    /// The tokens, the ID token's claims among them.
    pub tokens: Tokens,
    /// What the host gave to [`RelyingParty::begin`].
    pub return_to: Option<String>,
}

impl RelyingParty {
    /// Begins a sign-in: the URL to send the browser to. `return_to` is the host's own, and comes back with the person.
    ///
    /// # Errors
    ///
    /// Fails when the provider's metadata cannot be had, when it refuses a pushed request, and when a port fails.
    ///
    /// # Security
    ///
    /// `state`, `nonce` and the PKCE verifier are new for each sign-in, and kept on this side under the browser's binding
    /// secret: a response that arrives in another browser, or twice, is refused.
    pub async fn begin(
        &self,
        browser: &BrowserId,
        options: &SignInOptions,
        return_to: Option<String>,
    ) -> Result<String, SignInError> {
        let metadata = self.metadata().await?;
        let entropy = self.ports().entropy();
        let (state, nonce) = (Secret::random(entropy)?, Secret::random(entropy)?);
        let verifier = CodeVerifier::new(Secret::random(entropy)?).map_err(PortError::permanent)?;
        let pending = Pending {
            browser: browser.digest(),
            issuer: metadata.issuer.clone(),
            redirect_uri: self.config().redirect_uri.clone(),
            nonce: nonce.expose().to_owned(),
            verifier: verifier.expose().to_owned(),
            max_age: options.max_age,
            return_to,
        };
        let lifetime = self.config().sign_in_lifetime;
        self.ports().ephemeral().put(&key(state.expose()), ephemeral::encode(&pending)?, lifetime).await?;

        let parameters =
            self.parameters(options, state.expose(), nonce.expose(), &CodeChallenge::of(&verifier));
        let parameters = self.delivered(&metadata, parameters).await?;
        Ok(with_query(&metadata.authorization_endpoint, &parameters))
    }

    /// The parameters as they go through the browser: themselves, in a signed object, or pushed before.
    async fn delivered(
        &self,
        metadata: &ProviderMetadata,
        mut parameters: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, SignInError> {
        let config = self.config();
        let wanted = metadata.require_pushed_authorization_requests || config.push_requests;
        let endpoint = match config.authentication {
            Authentication::MutualTls => {
                metadata.mtls_endpoint_aliases.pushed_authorization_request_endpoint.as_deref()
            }
            _ => None,
        };
        let endpoint = endpoint.or(metadata.pushed_authorization_request_endpoint.as_deref());
        let push = endpoint.filter(|_| wanted);
        if metadata.require_pushed_authorization_requests && push.is_none() {
            return Err(SignInError::Malformed);
        }
        if let Some(objects) = &config.request_objects {
            parameters = self.as_object(objects, &parameters, push.is_some()).await?;
        }
        let Some(endpoint) = push else { return Ok(parameters) };
        // It is added with the authentication.
        let form = parameters.into_iter().filter(|(name, _)| self.says_in_body(name)).collect();
        Ok(vec![
            ("client_id".to_owned(), config.client_id.clone()),
            ("request_uri".to_owned(), self.push(endpoint, form).await?),
        ])
    }

    /// Whether a pushed parameter is not put into the form by the client's authentication.
    fn says_in_body(&self, name: &str) -> bool {
        name != "client_id" || matches!(self.config().authentication, Authentication::SecretBasic(_))
    }

    /// Takes the authorization response that arrived at the redirect URI, and exchanges its code.
    ///
    /// # Errors
    ///
    /// Fails when the response belongs to no sign-in of this browser, when it is an error, when it is of another issuer, when
    /// a signature that was agreed does not hold, when the code cannot be exchanged, and when the ID token does not hold.
    pub async fn finish(
        &self,
        browser: Option<&BrowserId>,
        response: &Params,
    ) -> Result<SignedIn, SignInError> {
        let (code, pending) = self.code_of(browser, response).await?;
        let tokens = self.exchange(&code, &pending).await?;
        Ok(SignedIn { tokens, return_to: pending.return_to })
    }

    /// The code in an authorization response, and the sign-in that it belongs to.
    pub(super) async fn code_of(
        &self,
        browser: Option<&BrowserId>,
        response: &Params,
    ) -> Result<(String, Pending), SignInError> {
        let answer = self.answer(response).await?;
        // Taken first: whatever comes of it, this state is used up.
        let taken = self.ports().ephemeral().take(&key(&answer.state)).await?;
        let pending: Pending = ephemeral::decode(&taken.ok_or(SignInError::UnknownState)?)?;
        if browser.is_none_or(|browser| browser.digest() != pending.browser) {
            return Err(SignInError::OtherBrowser);
        }
        let metadata = self.metadata().await?;
        // RFC 9207: the response must come from the provider that was asked, and from no other.
        let promised = metadata.authorization_response_iss_parameter_supported || self.config().require_iss;
        match answer.iss {
            Some(iss) if iss != pending.issuer => return Err(SignInError::OtherIssuer),
            None if promised => return Err(SignInError::OtherIssuer),
            _ => {}
        }
        // A response is taken where this provider's arrive, and nowhere else.
        if pending.issuer != metadata.issuer || pending.redirect_uri != self.config().redirect_uri {
            return Err(SignInError::OtherIssuer);
        }
        if let Some(error) = answer.error {
            return Err(SignInError::declined(&error, pending.return_to));
        }
        Ok((answer.code.ok_or(SignInError::Malformed)?, pending))
    }

    fn parameters(
        &self,
        options: &SignInOptions,
        state: &str,
        nonce: &str,
        challenge: &CodeChallenge,
    ) -> Vec<(String, String)> {
        let config = self.config();
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
        put("response_type", "code");
        put("client_id", &config.client_id);
        put("redirect_uri", &config.redirect_uri);
        if !config.scope.is_empty() {
            put("scope", &config.scope);
        }
        put("state", state);
        // Of OpenID Connect, and of nothing else.
        if config.scope.split(' ').any(|value| value == "openid") {
            put("nonce", nonce);
        }
        if config.pkce {
            put("code_challenge", &challenge.to_string());
            put("code_challenge_method", CodeChallenge::METHOD);
        }
        if let Some(domain) = config.hosted_domains.parameter() {
            put("hd", domain);
        }
        if let Some(prompt) = &options.prompt {
            put("prompt", prompt);
        }
        if let Some(max_age) = options.max_age {
            put("max_age", &max_age.to_string());
        }
        if !options.acr_values.is_empty() {
            put("acr_values", &options.acr_values.join(" "));
        }
        if let Some(login_hint) = &options.login_hint {
            put("login_hint", login_hint);
        }
        if !options.ui_locales.is_empty() {
            put("ui_locales", &options.ui_locales.join(" "));
        }
        for resource in &options.resources {
            put("resource", resource);
        }
        if let Some(mode) = config.response_mode.parameter() {
            put("response_mode", mode);
        }
        if let Some(key) = &config.dpop {
            put("dpop_jkt", &key.thumbprint().to_string());
        }
        for (name, value) in &config.parameters {
            put(name, value);
        }
        parameters
    }
}

fn key(state: &str) -> EphemeralKey {
    EphemeralKey::new("oidc.rp.sign_in", TokenDigest::of(state).to_text())
}

pub(super) fn with_query(endpoint: &str, parameters: &[(String, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{query}")
}

impl From<PortError> for SignInError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}
