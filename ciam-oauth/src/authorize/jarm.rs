//! Authorization responses in a signed JWT ([JARM](https://openid.net/specs/oauth-v2-jarm.html)).

use ciam_core::error::PortError;
use ciam_core::jose::{self, Algorithm};
use ciam_core::secret::Secret;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::response::AuthorizeResponse;
use crate::AuthorizationServer;
use crate::client::Client;

/// How long a response can be used: the browser is on its way with it. The standard recommends ten minutes at most.
const LIFETIME: Duration = Duration::minutes(5);

/// The plain type of JWTs. It says nothing of an ID token, because there is no `sub`.
const TYP: &str = "JWT";

impl AuthorizationServer {
    /// The response as the standard's one parameter: signed, and encrypted for the client if it is registered so.
    pub(super) async fn response_jwt(
        &self,
        client: &Client,
        response: &AuthorizeResponse,
    ) -> Result<Secret, PortError> {
        let algorithm = client.messages.authorization_alg.unwrap_or_else(|| self.response_algorithm());
        let signer = self.keys().signer(algorithm).await?;
        let claims = claims(client, response, self.ports().now());
        let signed = jose::sign(&*signer, TYP, &claims).await?;
        let token = match client.messages.authorization_encryption {
            Some(encryption) => self.encrypt_for(client, encryption, &signed).await?,
            None => signed,
        };
        Ok(Secret::new(token))
    }

    /// The algorithm for clients that registered none: RS256, as the standard says, or the first that there is a key for and
    /// that the profile allows.
    fn response_algorithm(&self) -> Algorithm {
        let allowed = self.config().profile.algorithms();
        let mut known = self.keys().algorithms().iter().copied().filter(|alg| allowed.contains(*alg));
        match known.next() {
            Some(first) if first != Algorithm::Rs256 && !known.any(|alg| alg == Algorithm::Rs256) => first,
            _ => Algorithm::Rs256,
        }
    }
}

/// `iss`, `aud` and `exp`, and the parameters of the response
/// ([section 2.1](https://openid.net/specs/oauth-v2-jarm.html#section-2.1)).
fn claims(client: &Client, response: &AuthorizeResponse, now: OffsetDateTime) -> Map<String, Value> {
    let mut claims: Map<String, Value> =
        response.plain_params().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    claims.insert("aud".to_owned(), json!(client.id.as_str()));
    claims.insert("iat".to_owned(), json!(now.unix_timestamp()));
    claims.insert("exp".to_owned(), json!((now + LIFETIME).unix_timestamp()));
    claims
}
