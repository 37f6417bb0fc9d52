//! Registering at a provider that lets clients do it themselves
//! ([RFC 7591](https://www.rfc-editor.org/rfc/rfc7591),
//! [OpenID Connect Dynamic Client Registration](https://openid.net/specs/openid-connect-registration-1_0.html)).

use bytes::Bytes;
use ciam_core::jose::Algorithm;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::secret::{Secret, SecretJson};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::authentication::Authentication;
use super::config::RelyingPartyConfig;
use super::management::bearer;
use super::metadata::ProviderMetadata;

/// What a client says of itself when it registers.
///
/// ```
/// use ciam_core::jose::Algorithm;
/// use ciam_oidc::rp::Registration;
///
/// let registration = Registration::new("https://app.example/callback")
///     .with("client_name", "Shop")
///     .with_method("client_secret_post")
///     .with_id_token_algorithm(Algorithm::Es256);
/// # let _ = registration;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Registration {
    /// Where authorization responses arrive.
    pub redirect_uri: String,
    /// The metadata, this included.
    pub metadata: Map<String, Value>,
}

impl Registration {
    /// A client of the code flow with this redirect URI.
    #[must_use]
    pub fn new(redirect_uri: impl Into<String>) -> Self {
        let redirect_uri = redirect_uri.into();
        let mut metadata = Map::new();
        metadata.insert("redirect_uris".to_owned(), json!([redirect_uri]));
        metadata.insert("response_types".to_owned(), json!(["code"]));
        metadata.insert("grant_types".to_owned(), json!(["authorization_code", "refresh_token"]));
        Self { redirect_uri, metadata }
    }

    /// Sets a member of the metadata
    /// ([RFC 7591, section 2](https://www.rfc-editor.org/rfc/rfc7591#section-2)).
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Sets how the client authenticates: `token_endpoint_auth_method`.
    #[must_use]
    pub fn with_method(self, method: &str) -> Self {
        self.with("token_endpoint_auth_method", method)
    }

    /// Sets the algorithm of ID tokens.
    #[must_use]
    pub fn with_id_token_algorithm(self, algorithm: Algorithm) -> Self {
        self.with("id_token_signed_response_alg", json!(algorithm))
    }

    /// Wants UserInfo signed.
    #[must_use]
    pub fn with_userinfo_algorithm(self, algorithm: Algorithm) -> Self {
        self.with("userinfo_signed_response_alg", json!(algorithm))
    }

    /// Registers at a provider, with an initial access token where it wants one.
    ///
    /// # Errors
    ///
    /// Fails when the provider has no registration endpoint, when it refuses, and when what it registered is another client
    /// than asked for.
    pub async fn register(
        &self,
        outbound: &Outbound,
        provider: &ProviderMetadata,
        initial_access_token: Option<&Secret>,
    ) -> Result<Registered, RegistrationError> {
        let endpoint = provider.registration_endpoint.as_deref().ok_or(RegistrationError::NotOffered)?;
        let body = serde_json::to_vec(&self.metadata).map_err(|_| RegistrationError::Malformed)?;
        let mut request = Request::post(endpoint)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = initial_access_token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        let request = request.body(Bytes::from(body)).map_err(|_| RegistrationError::Malformed)?;
        let response = outbound.send(request).await?;
        match response.status() {
            // Not all say that something was made.
            StatusCode::CREATED | StatusCode::OK => {
                Self::read_answer(&self.redirect_uri, &provider.issuer, response.body())
            }
            status if status.is_client_error() => {
                Err(RegistrationError::Refused { code: refusal_code(response.body()) })
            }
            status => Err(OutboundError::Status(status).into()),
        }
    }

    /// What a provider says that it has registered.
    pub(super) fn read_answer(
        redirect_uri: &str,
        issuer: &str,
        body: &[u8],
    ) -> Result<Registered, RegistrationError> {
        let wire: Wire = serde_json::from_slice(body).map_err(|_| RegistrationError::Malformed)?;
        let all: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| RegistrationError::Malformed)?;
        let others = |uris: &Vec<String>| !uris.iter().any(|uri| uri == redirect_uri);
        if wire.client_id.is_empty() || wire.redirect_uris.as_ref().is_some_and(others) {
            return Err(RegistrationError::OtherClient);
        }
        let expires_at = match wire.client_secret_expires_at {
            None | Some(0) => None,
            Some(at) => {
                Some(OffsetDateTime::from_unix_timestamp(at).map_err(|_| RegistrationError::Malformed)?)
            }
        };
        Ok(Registered {
            issuer: issuer.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            client_id: wire.client_id,
            client_secret: wire.client_secret,
            client_secret_expires_at: expires_at,
            registration_access_token: wire.registration_access_token,
            registration_client_uri: wire.registration_client_uri,
            method: wire.token_endpoint_auth_method.unwrap_or_else(|| "client_secret_basic".to_owned()),
            all: SecretJson::new(Value::Object(all)),
        })
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The code of a refusal; another text than a code is not repeated.
pub(super) fn refusal_code(body: &[u8]) -> String {
    let refusal = serde_json::from_slice::<Refusal>(body).ok();
    refusal
        .map(|refusal| refusal.error)
        .filter(|code| {
            (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

#[derive(Deserialize)]
struct Wire {
    client_id: String,
    #[serde(default)]
    client_secret: Option<Secret>,
    #[serde(default)]
    client_secret_expires_at: Option<i64>,
    #[serde(default)]
    registration_access_token: Option<Secret>,
    #[serde(default)]
    registration_client_uri: Option<String>,
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
}

/// A client as a provider has registered it ([RFC 7591, section 3.2.1](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registered {
    /// The provider.
    pub issuer: String,
    /// Where authorization responses arrive.
    pub redirect_uri: String,
    /// The client id.
    pub client_id: String,
    /// The secret, if there is one.
    pub client_secret: Option<Secret>,
    /// When the secret ends, if it does.
    pub client_secret_expires_at: Option<OffsetDateTime>,
    /// What reads and changes the registration.
    pub registration_access_token: Option<Secret>,
    /// Where the registration is read and changed.
    pub registration_client_uri: Option<String>,
    /// How the client authenticates, as the provider has it.
    pub method: String,
    /// All that the provider said.
    pub all: SecretJson,
}

impl Registered {
    /// The configuration of a client with a secret, or of a public one.
    ///
    /// # Errors
    ///
    /// Fails when the client authenticates in another way: then the host, who has the key, makes the configuration.
    pub fn config(&self) -> Result<RelyingPartyConfig, RegistrationError> {
        let secret = || self.client_secret.clone().ok_or(RegistrationError::Malformed);
        let authentication = match self.method.as_str() {
            "none" => Authentication::None,
            "client_secret_basic" => Authentication::SecretBasic(secret()?),
            "client_secret_post" => Authentication::SecretPost(secret()?),
            "client_secret_jwt" => Authentication::SecretJwt(secret()?),
            _ => return Err(RegistrationError::OtherClient),
        };
        Ok(RelyingPartyConfig::new(&*self.issuer, &*self.client_id, authentication, &*self.redirect_uri))
    }
}

/// A registration failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The provider has no registration endpoint.
    #[error("the provider registers nobody")]
    NotOffered,
    /// The provider refused.
    #[error("the provider refused: {code}")]
    Refused {
        /// The standard's error code, such as `invalid_redirect_uri`; `unknown` when it is not of the standard's form.
        code: String,
    },
    /// The provider does not take the token of the registration (any more), or has no such client (any more).
    #[error("the registration cannot be managed with this token")]
    NotAllowed,
    /// The provider registered another client than asked for.
    #[error("the provider registered another client")]
    OtherClient,
    /// The answer is not of its form.
    #[error("the provider's answer is malformed")]
    Malformed,
    /// The provider cannot be reached.
    #[error("the provider cannot be reached")]
    Exchange(#[from] OutboundError),
}
