//! The provider's back channel: token, refresh, UserInfo, pushed requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::secret::{Secret, ct_eq};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use url::form_urlencoded;

use super::RelyingParty;
use super::config::Authentication;
use super::error::{IdTokenError, SignInError};
use super::id_token::{Expected, IdTokenClaims};
use super::sign_in::Pending;

/// What a provider issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token, for the resources that it was asked for.
    pub access_token: Secret,
    /// When it ends, if the provider said.
    pub expires_at: Option<OffsetDateTime>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret>,
    /// The scope values that were granted, if they are others than were asked for.
    pub scope: Option<String>,
    /// The ID token as it came, for a later sign-out.
    pub id_token: Secret,
    /// Its claims, checked.
    pub claims: IdTokenClaims,
}

#[derive(Deserialize)]
struct Response {
    access_token: Secret,
    token_type: String,
    #[serde(default)]
    expires_in: Option<u32>,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    id_token: Option<Secret>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl RelyingParty {
    pub(super) async fn exchange(&self, code: &str, pending: &Pending) -> Result<Tokens, SignInError> {
        let form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.to_owned()),
            ("redirect_uri".to_owned(), self.config().redirect_uri.clone()),
            ("code_verifier".to_owned(), pending.verifier.clone()),
        ];
        let response = self.token(form).await?;
        let id_token = response.id_token.clone().ok_or(IdTokenError::Missing)?;
        let expected = Expected {
            nonce: Some(&pending.nonce),
            access_token: Some(response.access_token.expose()),
            max_age: pending.max_age,
            before: None,
        };
        let claims = self.check_id_token(id_token.expose(), expected).await?;
        Ok(self.tokens(response, id_token, claims))
    }

    /// Refreshes tokens. The new ones replace the old, the refresh token included when there is a new one.
    ///
    /// # Errors
    ///
    /// Fails when there is no refresh token, when the provider refuses it, and when a new ID token does not hold or speaks of
    /// another person.
    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, SignInError> {
        let refresh_token =
            tokens.refresh_token.as_ref().ok_or_else(|| SignInError::refused("invalid_grant"))?;
        let form = vec![
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), refresh_token.expose().to_owned()),
        ];
        let mut response = self.token(form).await?;
        response.refresh_token = response.refresh_token.or_else(|| Some(refresh_token.clone()));
        let (id_token, claims) = match response.id_token.clone() {
            None => (tokens.id_token.clone(), tokens.claims.clone()),
            Some(id_token) => {
                let expected = Expected {
                    access_token: Some(response.access_token.expose()),
                    before: Some(&tokens.claims),
                    ..Expected::default()
                };
                let claims = self.check_id_token(id_token.expose(), expected).await?;
                (id_token, claims)
            }
        };
        Ok(self.tokens(response, id_token, claims))
    }

    /// Asks the provider what it tells about the person.
    ///
    /// # Errors
    ///
    /// Fails when the provider has no UserInfo endpoint or does not answer, and when the answer is about somebody else than
    /// the ID token ([OpenID Connect Core, section 5.3.2](https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse)).
    pub async fn userinfo(&self, tokens: &Tokens) -> Result<Map<String, Value>, SignInError> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.userinfo_endpoint.as_deref().ok_or(SignInError::Malformed)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", tokens.access_token.expose()))
            .map_err(|_| SignInError::Malformed)?;
        bearer.set_sensitive(true);
        let request = Request::get(endpoint)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer)
            .body(Bytes::new())
            .map_err(|_| SignInError::Malformed)?;
        let claims: Map<String, Value> = self.send(request, StatusCode::OK).await?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if ct_eq(subject.as_bytes(), tokens.claims.subject.as_bytes()) {
            Ok(claims)
        } else {
            Err(SignInError::OtherPerson)
        }
    }

    /// Pushes an authorization request and gives its `request_uri`
    /// ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)).
    pub(super) async fn push(
        &self,
        endpoint: &str,
        parameters: Vec<(String, String)>,
    ) -> Result<String, SignInError> {
        #[derive(Deserialize)]
        struct Pushed {
            request_uri: String,
        }
        let request = self.authenticated(endpoint, parameters).await?;
        let pushed: Pushed = self.send(request, StatusCode::CREATED).await?;
        Ok(pushed.request_uri)
    }

    async fn token(&self, form: Vec<(String, String)>) -> Result<Response, SignInError> {
        let endpoint = self.metadata().await?.token_endpoint.clone();
        let request = self.authenticated(&endpoint, form).await?;
        let response: Response = self.send(request, StatusCode::OK).await?;
        if response.token_type.eq_ignore_ascii_case("bearer") {
            Ok(response)
        } else {
            Err(SignInError::Malformed)
        }
    }

    fn tokens(&self, response: Response, id_token: Secret, claims: IdTokenClaims) -> Tokens {
        let now = self.ports().now();
        Tokens {
            access_token: response.access_token,
            expires_at: response.expires_in.map(|seconds| now + Duration::seconds(i64::from(seconds))),
            refresh_token: response.refresh_token,
            scope: response.scope,
            id_token,
            claims,
        }
    }

    /// A form post with the client's authentication.
    async fn authenticated(
        &self,
        endpoint: &str,
        mut form: Vec<(String, String)>,
    ) -> Result<Request<Bytes>, SignInError> {
        let config = self.config();
        let mut put = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
        let mut authorization = None;
        if !matches!(config.authentication, Authentication::SecretBasic(_)) {
            put("client_id", &config.client_id);
        }
        match &config.authentication {
            Authentication::None => {}
            Authentication::SecretBasic(secret) => {
                authorization = Some(basic(&config.client_id, secret)?);
            }
            Authentication::SecretPost(secret) => put("client_secret", secret.expose()),
            Authentication::PrivateKeyJwt(signer) => {
                let now = self.ports().now();
                // The issuer as the only audience, as a string (RFC 7523bis): no endpoint of another server can use it.
                let claims = json!({
                    "iss": config.client_id,
                    "sub": config.client_id,
                    "aud": config.issuer,
                    "jti": Secret::random(self.ports().entropy())?.expose(),
                    "iat": now.unix_timestamp(),
                    "exp": (now + Duration::minutes(1)).unix_timestamp(),
                });
                let assertion = jose::sign(&**signer, "client-authentication+jwt", &claims)
                    .await
                    .map_err(PortError::permanent)?;
                put("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                put("client_assertion", &assertion);
            }
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        let mut request = Request::post(endpoint)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Bytes::from(body)).map_err(|_| SignInError::Malformed)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: Request<Bytes>,
        expected: StatusCode,
    ) -> Result<T, SignInError> {
        let response = Outbound::new(self.ports().clone()).send(request).await?;
        if response.status() == expected {
            return serde_json::from_slice(response.body()).map_err(|_| SignInError::Malformed);
        }
        match serde_json::from_slice::<Refusal>(response.body()) {
            Ok(refusal) if response.status().is_client_error() => Err(SignInError::refused(&refusal.error)),
            _ => Err(OutboundError::Status(response.status()).into()),
        }
    }
}

/// The `Authorization` header of a client secret: both parts form-encoded first
/// ([RFC 6749, section 2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
fn basic(client_id: &str, secret: &Secret) -> Result<HeaderValue, SignInError> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| SignInError::Malformed)?;
    value.set_sensitive(true);
    Ok(value)
}
