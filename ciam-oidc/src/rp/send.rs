//! Requests of the relying party: to the provider's back channel, and to resources with a token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::secret::Secret;
use ciam_oauth::dpop::{DPOP, DPOP_NONCE};
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::RelyingParty;
use super::error::SignInError;
use super::step_up::challenges;
use super::tokens::{Scheme, Tokens};

/// The last nonce of each server ([RFC 9449, section 8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<HashMap<String, String>>);

impl Nonces {
    /// Servers that are remembered: the provider, and the resources of one application.
    const MANY: usize = 64;
    /// The longest nonce that is repeated.
    const LONGEST: usize = 512;

    fn of(&self, url: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&origin(url)).cloned()
    }

    /// Remembers the nonce of a response; whether it is a new one.
    fn learn(&self, url: &str, response: &Response<Bytes>) -> bool {
        let found = response.headers().get(DPOP_NONCE).and_then(|value| value.to_str().ok());
        let Some(nonce) = found.filter(|nonce| (1..=Self::LONGEST).contains(&nonce.len())) else {
            return false;
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MANY {
            known.clear();
        }
        known.insert(origin(url), nonce.to_owned()).as_deref() != Some(nonce)
    }
}

fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// An `Authorization` header, which is not to be printed; `None` when there is something in it that cannot be sent.
pub(super) fn credentials(scheme: &str, secret: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {secret}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Some providers put an object where the standard has a code.
#[derive(Deserialize)]
struct Refusal {
    error: Value,
}

impl Refusal {
    fn code(&self) -> &str {
        self.error.as_str().unwrap_or_default()
    }
}

impl RelyingParty {
    /// Posts a form with the client's authentication, and with a proof where tokens are bound to a key. A server that wants
    /// its nonce in the proof is asked once more
    /// ([RFC 9449, section 8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        form: Vec<(String, String)>,
        expected: StatusCode,
    ) -> Result<T, SignInError> {
        let mut again = true;
        loop {
            let mut request = self.authenticated(endpoint, form.clone()).await?;
            self.prove(&mut request, None).await?;
            let response = self.outbound().send(request).await?;
            let newer = self.inner.nonces.learn(endpoint, &response);
            let wanted = refusal(&response).is_some_and(|refusal| refusal.code() == "use_dpop_nonce");
            if again && newer && wanted {
                again = false;
                continue;
            }
            return read(&response, expected);
        }
    }

    /// Sends a request to a resource with an access token, and with a proof for it when it is bound to the client's key. A
    /// resource that wants its nonce in the proof is asked once more.
    ///
    /// # Errors
    ///
    /// Fails when the request cannot be sent by the outbound rules, and when a port fails. Any status but a redirect is a
    /// response.
    ///
    /// # Security
    ///
    /// The token goes to whoever answers at the address: it is the host's own, and not one that somebody sent.
    pub async fn call(
        &self,
        tokens: &Tokens,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, SignInError> {
        self.call_with(tokens.scheme, &tokens.access_token, request).await
    }

    pub(super) async fn call_with(
        &self,
        scheme: Scheme,
        token: &Secret,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, SignInError> {
        let url = request.uri().to_string();
        let mut again = scheme == Scheme::Dpop;
        loop {
            let mut sent = request.clone();
            let value = credentials(scheme.name(), token.expose()).ok_or(SignInError::Malformed)?;
            sent.headers_mut().insert(AUTHORIZATION, value);
            if scheme == Scheme::Dpop {
                self.prove(&mut sent, Some(token)).await?;
            }
            let response = self.outbound().send(sent).await?;
            let newer = self.inner.nonces.learn(&url, &response);
            if again && newer && wants_nonce(&response) {
                again = false;
                continue;
            }
            return Ok(response);
        }
    }

    async fn prove(&self, request: &mut Request<Bytes>, token: Option<&Secret>) -> Result<(), SignInError> {
        let Some(key) = &self.config().dpop else { return Ok(()) };
        let url = request.uri().to_string();
        let nonce = self.inner.nonces.of(&url);
        let token = token.map(Secret::expose);
        let proof = key.proof(self.ports(), request.method(), &url, nonce.as_deref(), token).await?;
        let proof = HeaderValue::try_from(proof).map_err(|_| SignInError::Malformed)?;
        request.headers_mut().insert(DPOP, proof);
        Ok(())
    }

    pub(super) fn outbound(&self) -> Outbound {
        Outbound::new(self.ports().clone())
    }
}

/// Whether a resource refuses a proof for want of its nonce
/// ([RFC 9449, section 9](https://www.rfc-editor.org/rfc/rfc9449#section-9)); schemes have no case.
fn wants_nonce(response: &Response<Bytes>) -> bool {
    let headers = response.headers().get_all(WWW_AUTHENTICATE);
    response.status() == StatusCode::UNAUTHORIZED
        && headers.iter().take(8).filter_map(|value| value.to_str().ok()).flat_map(challenges).any(
            |challenge| challenge.iter().any(|(name, value)| name == "error" && value == "use_dpop_nonce"),
        )
}

fn refusal(response: &Response<Bytes>) -> Option<Refusal> {
    serde_json::from_slice(response.body()).ok()
}

pub(super) fn read<T: DeserializeOwned>(
    response: &Response<Bytes>,
    expected: StatusCode,
) -> Result<T, SignInError> {
    if response.status() == expected
        && let Ok(read) = serde_json::from_slice(response.body())
    {
        return Ok(read);
    }
    match refusal(response) {
        // Some providers refuse with status 200.
        Some(refusal) if response.status().is_client_error() || response.status() == expected => {
            Err(SignInError::refused(refusal.code()))
        }
        _ if response.status() == expected => Err(SignInError::Malformed),
        _ => Err(OutboundError::Status(response.status()).into()),
    }
}
