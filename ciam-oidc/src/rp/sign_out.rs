//! Signing a person out at the provider
//! ([OpenID Connect RP-Initiated Logout 1.0](https://openid.net/specs/openid-connect-rpinitiated-1_0.html)), and taking what the
//! provider's back channel says of it.

use bytes::Bytes;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::http::{BrowserId, Params, ParamsLimits};
use ciam_core::secret::{Secret, TokenDigest};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::RelyingParty;
use super::error::SignInError;
use super::logout::{LogoutToken, LogoutTokenError};
use super::sign_in::with_query;
use crate::http::{empty, is_form};

/// What is remembered of a sign-out until the person comes back.
#[derive(Debug, Serialize, Deserialize)]
struct Leaving {
    browser: TokenDigest,
    issuer: String,
    return_to: Option<String>,
}

impl RelyingParty {
    /// Where to send the browser to sign out at the provider too; `None` when the provider has no such place.
    ///
    /// The `state` is the host's. [`begin_sign_out`](Self::begin_sign_out) has one that is checked when the person comes back.
    ///
    /// # Errors
    ///
    /// Fails when the provider's metadata cannot be had.
    pub async fn sign_out_url(
        &self,
        id_token: Option<&Secret>,
        post_logout_redirect_uri: Option<&str>,
        state: Option<&str>,
    ) -> Result<Option<String>, SignInError> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.end_session_endpoint else { return Ok(None) };
        let mut parameters = vec![("client_id".to_owned(), self.config().client_id.clone())];
        let mut put = |name: &str, value: Option<&str>| {
            parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        put("id_token_hint", id_token.map(Secret::expose));
        put("post_logout_redirect_uri", post_logout_redirect_uri);
        put("state", state);
        Ok(Some(with_query(endpoint, &parameters)))
    }

    /// Begins a sign-out at the provider: the URL to send the browser to, or `None` when the provider has no such place. Who
    /// comes back to the `post_logout_redirect_uri` is taken by [`finish_sign_out`](Self::finish_sign_out).
    ///
    /// # Errors
    ///
    /// Fails when the provider's metadata cannot be had, and when a port fails.
    pub async fn begin_sign_out(
        &self,
        browser: &BrowserId,
        id_token: Option<&Secret>,
        post_logout_redirect_uri: &str,
        return_to: Option<String>,
    ) -> Result<Option<String>, SignInError> {
        let state = Secret::random(self.ports().entropy())?;
        let place = Some(post_logout_redirect_uri);
        let Some(url) = self.sign_out_url(id_token, place, Some(state.expose())).await? else {
            return Ok(None);
        };
        let leaving = Leaving { browser: browser.digest(), issuer: self.config().issuer.clone(), return_to };
        let lifetime = self.config().sign_in_lifetime;
        self.ports().ephemeral().put(&key(state.expose()), ephemeral::encode(&leaving)?, lifetime).await?;
        Ok(Some(url))
    }

    /// Takes a person who comes back from signing out at the provider; gives what the host gave when it began.
    ///
    /// # Errors
    ///
    /// Fails when there is no `state`, and when it belongs to no sign-out of this browser: somebody else has sent the person
    /// here. What the host ended itself stays ended.
    pub async fn finish_sign_out(
        &self,
        browser: Option<&BrowserId>,
        response: &Params,
    ) -> Result<Option<String>, SignInError> {
        response.refuse_duplicates(&[]).map_err(|_| SignInError::Malformed)?;
        let state = response.one("state").map_err(|_| SignInError::Malformed)?;
        let taken = self.ports().ephemeral().take(&key(state.ok_or(SignInError::Malformed)?)).await?;
        let leaving: Leaving = ephemeral::decode(&taken.ok_or(SignInError::UnknownState)?)?;
        if browser.is_none_or(|browser| browser.digest() != leaving.browser) {
            return Err(SignInError::OtherBrowser);
        }
        if leaving.issuer != self.config().issuer {
            return Err(SignInError::OtherIssuer);
        }
        Ok(leaving.return_to)
    }

    /// Reads and checks a request of the provider's back channel
    /// ([Back-Channel Logout, section 2.5](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest)). The host
    /// ends [the sessions](Self::sessions_of) and answers with [`LogoutTokenError::response`] or [`LogoutToken::response`].
    ///
    /// # Errors
    ///
    /// Fails when the request is no form post with one logout token, and as [`check_logout_token`](Self::check_logout_token).
    pub async fn receive_logout(&self, request: &Request<Bytes>) -> Result<LogoutToken, LogoutTokenError> {
        let is_form = request.headers().get(CONTENT_TYPE).is_some_and(is_form);
        if request.method() != Method::POST || !is_form {
            return Err(LogoutTokenError::Invalid);
        }
        let body = std::str::from_utf8(request.body()).map_err(|_| LogoutTokenError::Invalid)?;
        let params = Params::parse(body, ParamsLimits::default()).map_err(|_| LogoutTokenError::Invalid)?;
        let token = params.one("logout_token").map_err(|_| LogoutTokenError::Invalid)?;
        self.check_logout_token(token.ok_or(LogoutTokenError::Invalid)?).await
    }
}

impl LogoutToken {
    /// What the provider is told when the sessions are ended
    /// ([section 2.8](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse)).
    #[must_use]
    pub fn response() -> Response<Bytes> {
        empty(StatusCode::OK)
    }
}

impl LogoutTokenError {
    /// What the provider is told ([section 2.8](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse)): 400
    /// for a token that does not hold, 503 when it may try again.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let (status, error) = match self {
            Self::Invalid | Self::Replayed => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Keys | Self::Port(_) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        };
        let mut response = empty(status).map(|_| Bytes::from(format!("{{\"error\":\"{error}\"}}")));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn key(state: &str) -> EphemeralKey {
    EphemeralKey::new("oidc.rp.sign_out", TokenDigest::of(state).to_text())
}
