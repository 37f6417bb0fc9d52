//! Software statements: what a trusted issuer says of a client
//! ([RFC 7591, section 2.3](https://www.rfc-editor.org/rfc/rfc7591#section-2.3)).

use ciam_core::jose::{CompactJws, JwsLimits, TokenType, Verifier};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::RegistrationError;
use super::policy::RegistrationSettings;
use crate::AuthorizationServer;
use crate::times::Times;

impl AuthorizationServer {
    /// The claims of a software statement of a trusted issuer. One that says when it is valid is valid now; one that says whom it is for
    /// is for this server.
    pub(super) async fn read_statement(
        &self,
        settings: &RegistrationSettings,
        statement: &str,
    ) -> Result<Map<String, Value>, RegistrationError> {
        #[derive(Deserialize)]
        struct Issuer {
            iss: Option<String>,
        }
        let jws = CompactJws::parse(statement, &JwsLimits::default());
        let jws = jws.map_err(|_| RegistrationError::InvalidStatement)?;
        let named = jws.unverified_claims::<Issuer>().map_err(|_| RegistrationError::InvalidStatement)?.iss;
        let trusted = settings.statements.iter().find(|trusted| named.as_deref() == Some(&trusted.issuer));
        let trusted = trusted.ok_or(RegistrationError::UnapprovedStatement)?;
        let verifier = Verifier::new(trusted.algorithms, TokenType::one_of(&["JWT"]).or_absent());
        let payload = self.payload_by(&trusted.keys, &verifier, statement).await;
        let payload = payload.map_err(|_| RegistrationError::InvalidStatement)?;
        let claims: Map<String, Value> =
            serde_json::from_slice(&payload).map_err(|_| RegistrationError::InvalidStatement)?;
        let times: Times =
            serde_json::from_slice(&payload).map_err(|_| RegistrationError::InvalidStatement)?;
        let own = self.issuer().as_str();
        let elsewhere = claims.get("aud").is_some_and(|aud| match aud {
            Value::String(one) => one != own,
            Value::Array(many) => !many.iter().any(|one| one == own),
            _ => true,
        });
        if !times.hold(self.ports().now()) || elsewhere {
            Err(RegistrationError::InvalidStatement)
        } else {
            Ok(claims)
        }
    }
}

/// The metadata with what the statement says in the place of what the client says: the statement takes precedence.
pub(super) fn overlaid(metadata: Map<String, Value>, statement: &Map<String, Value>) -> Map<String, Value> {
    // What a JWT says of itself is no metadata, and what the client alone can say is not the issuer's.
    const OF_THE_TOKEN: [&str; 10] =
        ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "client_secret", "software_statement"];
    let said = statement.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(&name.as_str()));
    metadata.into_iter().chain(said.map(|(name, value)| (name.clone(), value.clone()))).collect()
}
