//! How a relying party authenticates at the provider.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose::{self, LocalSigner, Signer};
use ciam_core::secret::{Secret, SecretBytes};
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::json;
use time::Duration;
use url::form_urlencoded;

use super::RelyingParty;
use super::error::SignInError;
use super::send::credentials;

/// How a relying party authenticates at the provider
/// ([OpenID Connect Core, section 9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).
#[derive(Clone)]
#[non_exhaustive]
pub enum Authentication {
    /// Not at all: a public client, protected by PKCE.
    None,
    /// With its secret in the `Authorization` header.
    SecretBasic(Secret),
    /// With its secret in the body.
    SecretPost(Secret),
    /// With an assertion under its secret, HS256. The secret has 32 bytes at least.
    SecretJwt(Secret),
    /// With an assertion that it signs
    /// ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    PrivateKeyJwt(Arc<dyn Signer>),
    /// With the certificate of its connection
    /// ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705#section-2)), which the host's
    /// [`HttpClient`](ciam_core::outbound::HttpClient) presents. The provider's `mtls_endpoint_aliases` are used.
    MutualTls,
    /// With a secret that it signs anew for each request and sends in the body, as Apple wants it.
    SignedSecret(SignedSecret),
}

impl Authentication {
    /// The secret that is shared with the provider, if there is one.
    pub(super) const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::SecretBasic(secret) | Self::SecretPost(secret) | Self::SecretJwt(secret) => Some(secret),
            Self::None | Self::PrivateKeyJwt(_) | Self::MutualTls | Self::SignedSecret(_) => None,
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::SecretBasic(_) => "SecretBasic(..)",
            Self::SecretPost(_) => "SecretPost(..)",
            Self::SecretJwt(_) => "SecretJwt(..)",
            Self::PrivateKeyJwt(_) => "PrivateKeyJwt(..)",
            Self::MutualTls => "MutualTls",
            Self::SignedSecret(_) => "SignedSecret(..)",
        })
    }
}

/// The `client_secret` of a provider that wants a JWT there: made by a team's key, for a client of the team
/// ([Apple: creating a client secret](https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedSecret {
    /// The key. Its name is the one that the provider gave it.
    pub signer: Arc<dyn Signer>,
    /// Who signs: the team's id, as `iss`.
    pub team: String,
    /// For whom: `aud`.
    pub audience: String,
}

impl SignedSecret {
    /// A secret by this key of this team for this audience.
    #[must_use]
    pub fn new(signer: Arc<dyn Signer>, team: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { signer, team: team.into(), audience: audience.into() }
    }
}

/// How long an assertion or a signed secret is good: it is used at once.
const LIFETIME: Duration = Duration::minutes(1);

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl RelyingParty {
    /// A form post with the client's authentication, made anew for each request: an assertion is good for one.
    pub(super) async fn authenticated(
        &self,
        endpoint: &str,
        mut form: Vec<(String, String)>,
    ) -> Result<Request<Bytes>, SignInError> {
        let config = self.config();
        let mut authorization = None;
        let mut put = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
        if !matches!(config.authentication, Authentication::SecretBasic(_)) {
            put("client_id", &config.client_id);
        }
        match &config.authentication {
            Authentication::None | Authentication::MutualTls => {}
            Authentication::SecretBasic(secret) => authorization = Some(basic(&config.client_id, secret)?),
            Authentication::SecretPost(secret) => put("client_secret", secret.expose()),
            Authentication::SecretJwt(secret) => {
                let key = SecretBytes::new(secret.expose().as_bytes().to_vec());
                let signer =
                    LocalSigner::from_secret(self.ports().crypto(), &key).map_err(PortError::permanent)?;
                put("client_assertion_type", ASSERTION_TYPE);
                put("client_assertion", &self.assertion(&signer).await?);
            }
            Authentication::PrivateKeyJwt(signer) => {
                put("client_assertion_type", ASSERTION_TYPE);
                put("client_assertion", &self.assertion(&**signer).await?);
            }
            Authentication::SignedSecret(secret) => {
                put("client_secret", &self.signed_secret(secret).await?);
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

    async fn assertion(&self, signer: &dyn Signer) -> Result<String, PortError> {
        let (config, now) = (self.config(), self.ports().now());
        // The issuer as the only audience, as a string (RFC 7523bis): no endpoint of another server can use it.
        let claims = json!({
            "iss": config.client_id,
            "sub": config.client_id,
            "aud": config.assertion_audience.as_deref().unwrap_or(&config.issuer),
            "jti": Secret::random(self.ports().entropy())?.expose(),
            "iat": now.unix_timestamp(),
            "exp": (now + LIFETIME).unix_timestamp(),
        });
        jose::sign(signer, "client-authentication+jwt", &claims).await.map_err(PortError::permanent)
    }

    async fn signed_secret(&self, secret: &SignedSecret) -> Result<String, PortError> {
        let now = self.ports().now();
        let claims = json!({
            "iss": secret.team,
            "sub": self.config().client_id,
            "aud": secret.audience,
            "iat": now.unix_timestamp(),
            "exp": (now + LIFETIME).unix_timestamp(),
        });
        jose::sign(&*secret.signer, "JWT", &claims).await.map_err(PortError::permanent)
    }
}

/// The `Authorization` header of a client secret: both parts form-encoded first
/// ([RFC 6749, section 2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
fn basic(client_id: &str, secret: &Secret) -> Result<HeaderValue, SignInError> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret.expose()));
    credentials("Basic", &STANDARD.encode(pair)).ok_or(SignInError::Malformed)
}
