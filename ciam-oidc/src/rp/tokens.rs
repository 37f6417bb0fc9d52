//! The provider's tokens: what a code and a refresh token are exchanged for.

use std::fmt;

use ciam_core::secret::Secret;
use http::StatusCode;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::RelyingParty;
use super::authentication::Authentication;
use super::error::{IdTokenError, SignInError};
use super::id_token::{Expected, IdTokenClaims};
use super::metadata::ProviderMetadata;
use super::sign_in::Pending;

/// What a provider issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token, for the resources that it was asked for. [`RelyingParty::call`] uses it as its scheme wants.
    pub access_token: Secret,
    /// How the access token is presented.
    pub scheme: Scheme,
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

/// How an access token is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scheme {
    /// By itself ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)).
    #[default]
    Bearer,
    /// With a proof of the key that it is bound to ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
    Dpop,
}

impl Scheme {
    /// The name of the scheme in `Authorization`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// A token response. The names of the schemes have no case
/// ([RFC 6749, section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) access_token: Secret,
    token_type: String,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u32>,
    #[serde(default)]
    pub(super) refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "scope")]
    pub(super) scope: Option<String>,
    #[serde(default)]
    pub(super) id_token: Option<Secret>,
}

impl Response {
    pub(super) fn expires_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        now.checked_add(Duration::seconds(i64::from(self.expires_in?)))
    }
}

/// A number of seconds; some providers write it in quotes.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Seconds;

    impl Visitor<'_> for Seconds {
        type Value = Option<u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of seconds")
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            u32::try_from(value).map(Some).map_err(de::Error::custom)
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            value.parse().map(Some).map_err(de::Error::custom)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Seconds)
}

/// Scope values; some providers write them as a list.
fn scope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Text(String),
        List(Vec<String>),
    }
    Ok(Option::<Wire>::deserialize(deserializer)?.map(|wire| match wire {
        Wire::Text(text) => text,
        Wire::List(values) => values.join(" "),
    }))
}

impl RelyingParty {
    pub(super) async fn exchange(&self, code: &str, pending: &Pending) -> Result<Tokens, SignInError> {
        let (response, scheme) = self.redeem(code, pending).await?;
        let id_token = response.id_token.clone().ok_or(IdTokenError::Missing)?;
        let expected = Expected {
            nonce: Some(&pending.nonce),
            access_token: Some(response.access_token.expose()),
            max_age: pending.max_age,
            before: None,
        };
        let claims = self.check_id_token(id_token.expose(), expected).await?;
        Ok(self.tokens(response, scheme, id_token, claims))
    }

    /// Exchanges a code; whether there is an ID token is the caller's to say.
    pub(super) async fn redeem(
        &self,
        code: &str,
        pending: &Pending,
    ) -> Result<(Response, Scheme), SignInError> {
        let mut form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.to_owned()),
            ("redirect_uri".to_owned(), self.config().redirect_uri.clone()),
        ];
        if self.config().pkce {
            form.push(("code_verifier".to_owned(), pending.verifier.clone()));
        }
        self.token(form).await
    }

    pub(super) async fn refresh_once(&self, tokens: &Tokens) -> Result<Tokens, SignInError> {
        let refresh_token =
            tokens.refresh_token.as_ref().ok_or_else(|| SignInError::refused("invalid_grant"))?;
        let (response, scheme) = self.renew(refresh_token).await?;
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
        Ok(self.tokens(response, scheme, id_token, claims))
    }

    /// Exchanges a refresh token, which stays where there is no new one; what is not said of the scope is as before
    /// ([RFC 6749, section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
    pub(super) async fn renew(&self, refresh_token: &Secret) -> Result<(Response, Scheme), SignInError> {
        let form = vec![
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), refresh_token.expose().to_owned()),
        ];
        let (mut response, scheme) = self.token(form).await?;
        response.refresh_token = response.refresh_token.or_else(|| Some(refresh_token.clone()));
        Ok((response, scheme))
    }

    async fn token(&self, form: Vec<(String, String)>) -> Result<(Response, Scheme), SignInError> {
        let metadata = self.metadata().await?;
        let endpoint = self.token_endpoint(&metadata);
        let response: Response = self.post(endpoint, form, StatusCode::OK).await?;
        let scheme = match (response.token_type.to_ascii_lowercase().as_str(), &self.config().dpop) {
            ("bearer", None) => Scheme::Bearer,
            ("dpop", Some(_)) => Scheme::Dpop,
            // Who asked for a bound token has no use for one that anybody can use.
            ("bearer", Some(_)) => return Err(SignInError::NotBound),
            _ => return Err(SignInError::Malformed),
        };
        Ok((response, scheme))
    }

    /// The endpoint of this client: another, perhaps, for one with a certificate
    /// ([RFC 8705, section 5](https://www.rfc-editor.org/rfc/rfc8705#section-5)).
    fn token_endpoint<'m>(&self, metadata: &'m ProviderMetadata) -> &'m str {
        let alias = match self.config().authentication {
            Authentication::MutualTls => metadata.mtls_endpoint_aliases.token_endpoint.as_deref(),
            _ => None,
        };
        alias.unwrap_or(&metadata.token_endpoint)
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
        let pushed: Pushed = self.post(endpoint, parameters, StatusCode::CREATED).await?;
        Ok(pushed.request_uri)
    }

    fn tokens(&self, response: Response, scheme: Scheme, id_token: Secret, claims: IdTokenClaims) -> Tokens {
        Tokens {
            expires_at: response.expires_at(self.ports().now()),
            access_token: response.access_token,
            scheme,
            refresh_token: response.refresh_token,
            scope: response.scope,
            id_token,
            claims,
        }
    }
}
