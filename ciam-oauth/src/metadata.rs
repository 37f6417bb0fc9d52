//! The server's metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)), derived from what is enabled.

use serde_json::{Map, Value, json};

use crate::AuthorizationServer;
use crate::authorize::{Prompt, ResponseMode};
use crate::client::{ALGORITHMS, AuthMethod, GrantType};
use crate::pkce::CodeChallenge;
use crate::server::Endpoint;

impl AuthorizationServer {
    /// The metadata document: what is off is not in it, and what is in it works.
    ///
    /// The same document serves `/.well-known/oauth-authorization-server` and, with OpenID Connect plugged in,
    /// `/.well-known/openid-configuration`.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("issuer", json!(self.issuer().as_str()));
        put("authorization_endpoint", json!(self.url(Endpoint::Authorize)));
        put("token_endpoint", json!(self.url(Endpoint::Token)));
        put("jwks_uri", json!(self.url(Endpoint::Jwks)));
        put("revocation_endpoint", json!(self.url(Endpoint::Revocation)));
        put("introspection_endpoint", json!(self.url(Endpoint::Introspection)));
        put("pushed_authorization_request_endpoint", json!(self.url(Endpoint::PushedAuthorizationRequest)));
        put("require_pushed_authorization_requests", json!(false));
        let scopes: Vec<&str> = self.config().scopes.keys().map(crate::scope::Scope::as_str).collect();
        put("scopes_supported", json!(scopes));
        put("response_types_supported", json!(["code"]));
        put("response_modes_supported", names(&ResponseMode::ALL.map(ResponseMode::as_str)));
        put("grant_types_supported", names(&GrantType::ALL.map(GrantType::as_str)));
        put("code_challenge_methods_supported", json!([CodeChallenge::METHOD]));
        put("prompt_values_supported", names(&Prompt::ALL.map(Prompt::as_str)));
        let acr: Vec<&str> = self.config().acr.levels().iter().map(|level| level.acr.as_str()).collect();
        put("acr_values_supported", json!(acr));
        put("authorization_response_iss_parameter_supported", json!(true));
        put("request_parameter_supported", json!(false));
        put("request_uri_parameter_supported", json!(false));
        let methods = names(&AuthMethod::ALL.map(AuthMethod::as_str));
        // A public client has nothing to introspect.
        let authenticated: Vec<&str> = AuthMethod::ALL
            .iter()
            .filter(|method| **method != AuthMethod::None)
            .map(|method| method.as_str())
            .collect();
        for endpoint in ["token", "revocation"] {
            put(&format!("{endpoint}_endpoint_auth_methods_supported"), methods.clone());
        }
        put("introspection_endpoint_auth_methods_supported", json!(authenticated));
        for endpoint in ["token", "revocation", "introspection"] {
            put(&format!("{endpoint}_endpoint_auth_signing_alg_values_supported"), json!(ALGORITHMS));
        }
        self.extension().metadata(self, &mut members);
        members
    }
}

fn names(names: &[&str]) -> Value {
    json!(names)
}
