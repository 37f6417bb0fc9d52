//! Signed authorization requests
//! ([RFC 9101](https://www.rfc-editor.org/rfc/rfc9101),
//! [OpenID Connect Core, section 6](https://openid.net/specs/openid-connect-core-1_0.html#JWTRequests)).

use std::sync::Arc;

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::error::PortError;
use ciam_core::jose::{self, Signer};
use ciam_core::secret::{Secret, TokenDigest};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::RelyingParty;

/// How a relying party signs its authorization requests.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestObjects {
    /// The key, which the provider knows from the registration.
    pub signer: Arc<dyn Signer>,
    /// Where the host serves request objects, if they are not sent themselves: the address to which an object's name is
    /// added. See [`RelyingParty::request_object`].
    pub served_at: Option<String>,
    /// How long an object is good. Default 5 minutes.
    pub lifetime: Duration,
}

impl RequestObjects {
    /// Objects under this key, sent in the request.
    #[must_use]
    pub const fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer, served_at: None, lifetime: Duration::minutes(5) }
    }

    /// Sends an address instead of the object. The host answers there with what [`RelyingParty::request_object`] gives.
    #[must_use]
    pub fn served_at(mut self, base: impl Into<String>) -> Self {
        self.served_at = Some(base.into());
        self
    }
}

impl RelyingParty {
    /// The parameters of the same request as an object: what is sent beside it is what an OAuth request cannot do without.
    pub(super) async fn as_object(
        &self,
        objects: &RequestObjects,
        parameters: &[(String, String)],
        pushed: bool,
    ) -> Result<Vec<(String, String)>, PortError> {
        let now = self.ports().now();
        let jti = Secret::random(self.ports().entropy())?;
        let claims = self.request_claims(objects, parameters, jti.expose(), now);
        let signed = jose::sign(&*objects.signer, "oauth-authz-req+jwt", &claims).await?;
        let beside = |name: &str| matches!(name, "client_id" | "response_type" | "scope");
        // A pushed request has its `client_id` from the authentication, and nothing else beside the object.
        let mut sent: Vec<(String, String)> =
            parameters.iter().filter(|(name, _)| !pushed && beside(name)).cloned().collect();
        match objects.served_at.as_ref().filter(|_| !pushed) {
            None => sent.push(("request".to_owned(), signed)),
            Some(base) => {
                let name = Secret::random(self.ports().entropy())?;
                let key = place(name.expose());
                self.ports().ephemeral().put(&key, signed.into_bytes(), objects.lifetime).await?;
                sent.push(("request_uri".to_owned(), format!("{base}{}", name.expose())));
            }
        }
        Ok(sent)
    }

    fn request_claims(
        &self,
        objects: &RequestObjects,
        parameters: &[(String, String)],
        jti: &str,
        now: OffsetDateTime,
    ) -> Map<String, Value> {
        let config = self.config();
        let mut claims = Map::new();
        for (name, value) in parameters {
            let value = match name.as_str() {
                // A number in an object, a text in a query.
                "max_age" => value.parse::<u32>().map_or_else(|_| json!(value), |seconds| json!(seconds)),
                _ => json!(value),
            };
            match claims.get_mut(name) {
                None => _ = claims.insert(name.clone(), value),
                Some(Value::Array(all)) => all.push(value),
                Some(one) => *one = json!([one.take(), value]),
            }
        }
        let ours = [
            ("iss", json!(config.client_id)),
            ("aud", json!(config.issuer)),
            ("jti", json!(jti)),
            ("iat", json!(now.unix_timestamp())),
            ("nbf", json!(now.unix_timestamp())),
            ("exp", json!((now + objects.lifetime).unix_timestamp())),
        ];
        claims.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        claims
    }

    /// The request object of a name, which the host serves as `application/oauth-authz-req+jwt` where
    /// [`RequestObjects::served_at`] says; `None` when there is none (any more).
    ///
    /// # Errors
    ///
    /// Fails when the ephemeral store does.
    ///
    /// # Security
    ///
    /// The name is a secret of 256 bits, and the object says what the browser is told anyway, but for the address itself: it
    /// can be fetched until it expires, because a provider may ask more than once.
    pub async fn request_object(&self, name: &str) -> Result<Option<String>, PortError> {
        let kept = self.ports().ephemeral().get(&place(name)).await?;
        Ok(kept.and_then(|bytes| String::from_utf8(bytes).ok()))
    }
}

fn place(name: &str) -> EphemeralKey {
    EphemeralKey::new("oidc.rp.request", TokenDigest::of(name).to_text())
}
