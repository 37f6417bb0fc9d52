//! The server's metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)), derived from what is enabled.

use ciam_core::jose::Algorithm;
use serde_json::{Map, Value, json};

use crate::AuthorizationServer;
use crate::authorize::{Prompt, ResponseMode};
use crate::client::AuthMethod;
use crate::pkce::CodeChallenge;
use crate::scope::Scope;
use crate::server::Endpoint;

impl AuthorizationServer {
    /// The metadata document: what is off is not in it, and what is in it works.
    ///
    /// The same document serves `/.well-known/oauth-authorization-server` and, with OpenID Connect plugged in,
    /// `/.well-known/openid-configuration`.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        let config = self.config();
        let scopes: Vec<&str> = config.scopes.keys().map(Scope::as_str).collect();
        let grants: Vec<&str> = config.grants.iter().map(|grant| grant.as_str()).collect();
        let mut document = Map::new();
        let members = [
            ("issuer", json!(self.issuer().as_str())),
            ("token_endpoint", json!(self.url(Endpoint::Token))),
            ("token_endpoint_auth_methods_supported", json!(AUTH_METHODS)),
            ("token_endpoint_auth_signing_alg_values_supported", json!(assertion_algorithms())),
            ("jwks_uri", json!(self.url(Endpoint::Jwks))),
            ("scopes_supported", json!(scopes)),
            ("grant_types_supported", json!(grants)),
        ];
        document.extend(members.map(|(name, value)| (name.to_owned(), value)));
        self.describe_authorization(&mut document);
        self.describe_optional_endpoints(&mut document);
        self.extension().metadata(self, &mut document);
        document
    }

    fn describe_authorization(&self, document: &mut Map<String, Value>) {
        if !self.config().has(Endpoint::Authorize) {
            document.insert("response_types_supported".to_owned(), json!([]));
            return;
        }
        let prompts: Vec<&str> = self.config().prompts().map(Prompt::as_str).collect();
        let acr: Vec<&str> = self.config().acr.levels().iter().map(|level| level.acr.as_str()).collect();
        let members = [
            ("authorization_endpoint", json!(self.url(Endpoint::Authorize))),
            ("response_types_supported", json!(["code"])),
            ("response_modes_supported", json!(ResponseMode::ALL.map(ResponseMode::as_str))),
            ("code_challenge_methods_supported", json!([CodeChallenge::METHOD])),
            ("prompt_values_supported", json!(prompts)),
            ("acr_values_supported", json!(acr)),
            ("authorization_response_iss_parameter_supported", json!(true)),
            ("request_parameter_supported", json!(false)),
            ("request_uri_parameter_supported", json!(false)),
        ];
        document.extend(members.map(|(name, value)| (name.to_owned(), value)));
    }

    fn describe_optional_endpoints(&self, document: &mut Map<String, Value>) {
        let mut put = |name: String, value: Value| document.insert(name, value);
        if self.config().has(Endpoint::PushedAuthorizationRequest) {
            let url = self.url(Endpoint::PushedAuthorizationRequest);
            put("pushed_authorization_request_endpoint".to_owned(), json!(url));
            let required = self.config().require_pushed_requests;
            put("require_pushed_authorization_requests".to_owned(), json!(required));
        }
        // A public client may revoke its tokens, but has nothing to introspect.
        let confidential: Vec<&str> = AUTH_METHODS.into_iter().filter(|name| *name != "none").collect();
        let endpoints = [
            (Endpoint::Revocation, "revocation", json!(AUTH_METHODS)),
            (Endpoint::Introspection, "introspection", json!(confidential)),
        ];
        for (endpoint, name, methods) in endpoints {
            if self.config().has(endpoint) {
                put(format!("{name}_endpoint"), json!(self.url(endpoint)));
                put(format!("{name}_endpoint_auth_methods_supported"), methods);
                put(
                    format!("{name}_endpoint_auth_signing_alg_values_supported"),
                    json!(assertion_algorithms()),
                );
            }
        }
    }
}

/// What client assertions may be signed with: every algorithm that has a public key.
fn assertion_algorithms() -> Vec<&'static str> {
    Algorithm::ALL.into_iter().filter(|alg| !alg.is_symmetric()).map(Algorithm::as_str).collect()
}

const AUTH_METHODS: [&str; 4] = {
    let [none, basic, post, jwt] = AuthMethod::ALL;
    [none.as_str(), basic.as_str(), post.as_str(), jwt.as_str()]
};
