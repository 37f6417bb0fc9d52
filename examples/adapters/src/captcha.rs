//! A captcha of another service as a [`HumanCheck`]: Cloudflare Turnstile, and whatever speaks like it (hCaptcha,
//! reCAPTCHA).
//!
//! The page loads the service's script with the site key and posts the token that it makes; here the service is asked
//! whether the token is good. What the service learns of a visitor is between the operator and their privacy policy:
//! [`ProofOfWork`](ciam_core::abuse::ProofOfWork) tells nobody anything.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::abuse::{HumanChallenge, HumanCheck};
use ciam_core::error::PortError;
use ciam_core::outbound::Outbound;
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

/// A captcha that is verified by `POST` of `secret`, `response` and `remoteip`, and answered with `success`.
#[derive(Clone)]
pub struct Captcha {
    name: &'static str,
    verify_url: String,
    site_key: String,
    secret: Secret,
    hostname: Option<String>,
}

impl Captcha {
    /// [Cloudflare Turnstile](https://developers.cloudflare.com/turnstile/get-started/server-side-validation/).
    #[must_use]
    pub fn turnstile(site_key: impl Into<String>, secret: Secret) -> Self {
        let url = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
        Self::like_turnstile("turnstile", url, site_key, secret)
    }

    /// Another service of the same form.
    #[must_use]
    pub fn like_turnstile(
        name: &'static str,
        verify_url: impl Into<String>,
        site_key: impl Into<String>,
        secret: Secret,
    ) -> Self {
        Self { name, verify_url: verify_url.into(), site_key: site_key.into(), secret, hostname: None }
    }

    /// Wants the token to have been made on a page of this host: one that was made elsewhere with the same site key is
    /// worth nothing.
    #[must_use]
    pub fn with_hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = Some(hostname.into());
        self
    }
}

/// Shows no secret.
impl fmt::Debug for Captcha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captcha")
            .field("name", &self.name)
            .field("verify_url", &self.verify_url)
            .field("site_key", &self.site_key)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default)]
    hostname: Option<String>,
}

#[async_trait]
impl HumanCheck for Captcha {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn challenge(&self, _ports: &Ports) -> Result<HumanChallenge, PortError> {
        let asked = json!({ "site_key": self.site_key });
        Ok(HumanChallenge::new(asked.clone(), asked))
    }

    async fn verify(
        &self,
        ports: &Ports,
        state: &Value,
        answer: &str,
        address: IpAddr,
    ) -> Result<bool, PortError> {
        // A question of another check, or of before the key was changed, is not answered by this one. The services' tokens
        // have at most 2,048 characters.
        let asked = state.get("site_key").and_then(Value::as_str) == Some(self.site_key.as_str());
        if !asked || answer.is_empty() || answer.len() > 2048 {
            return Ok(false);
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("secret", self.secret.expose())
            .append_pair("response", answer)
            .append_pair("remoteip", &address.to_string())
            .finish();
        let request = http::Request::post(&self.verify_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .map_err(PortError::permanent)?;
        let response = Outbound::new(ports.clone()).send(request).await.map_err(PortError::transient)?;
        if !response.status().is_success() {
            return Err(PortError::transient("the captcha's service did not judge"));
        }
        let verdict: Verdict = serde_json::from_slice(response.body()).map_err(PortError::transient)?;
        let here = self.hostname.as_ref().is_none_or(|wanted| verdict.hostname.as_ref() == Some(wanted));
        Ok(verdict.success && here)
    }
}
