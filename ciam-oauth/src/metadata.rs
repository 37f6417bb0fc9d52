//! The server's metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)), derived from what is enabled.

use ciam_core::error::PortError;
use ciam_core::jose::jwe::{ContentEncryption, KeyManagement};
use ciam_core::jose::{self, Algorithm};
use serde_json::{Map, Value, json};

use crate::AuthorizationServer;
use crate::authorize::{Prompt, ResponseMode};
use crate::client::AuthMethod;
use crate::pkce::CodeChallenge;
use crate::recipient::offered;
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
        let custom = self.custom_grants().keys().map(String::as_str);
        let implicit = config.profile.response_types().iter().any(|kind| kind.has_id_token());
        let implicit = implicit.then_some("implicit");
        let own = config.grants.iter().map(|grant| grant.as_str());
        let grants: Vec<&str> = own.chain(implicit).chain(custom).collect();
        let mut document = Map::new();
        let members = [
            ("issuer", json!(self.issuer().as_str())),
            ("token_endpoint", json!(self.url(Endpoint::Token))),
            ("jwks_uri", json!(self.url(Endpoint::Jwks))),
            ("scopes_supported", json!(scopes)),
            ("grant_types_supported", json!(grants)),
        ];
        document.extend(members.map(|(name, value)| (name.to_owned(), value)));
        self.describe_client_authentication("token", true, &mut document);
        self.describe_authorization(&mut document);
        self.describe_optional_endpoints(&mut document);
        self.describe_sender_constraint(&mut document);
        self.describe_drafts(&mut document);
        self.extension().metadata(self, &mut document);
        document
    }

    /// The metadata document as it is published: where it is [turned on](crate::ServerBuilder::signed_metadata), with a JWT that
    /// says the same ([RFC 8414, section 2.1](https://www.rfc-editor.org/rfc/rfc8414#section-2.1)).
    ///
    /// # Errors
    ///
    /// Fails when there is no key to sign with, and when a port does.
    pub async fn published_metadata(&self) -> Result<Map<String, Value>, PortError> {
        let mut document = self.metadata();
        if self.config().signed_metadata {
            let algorithm = self.response_algorithms().first().copied();
            let algorithm = algorithm.ok_or_else(|| PortError::permanent("there is no key to sign with"))?;
            let signer = self.keys().signer(algorithm).await.map_err(PortError::from)?;
            let mut claims = document.clone();
            claims.insert("iss".to_owned(), json!(self.issuer().as_str()));
            claims.insert("iat".to_owned(), json!(self.ports().now().unix_timestamp()));
            let signed = jose::sign(&*signer, "JWT", &claims).await.map_err(PortError::from)?;
            document.insert("signed_metadata".to_owned(), json!(signed));
        }
        Ok(document)
    }

    /// What is after drafts, and compiled in.
    #[cfg_attr(
        not(any(
            feature = "draft-attested-clients",
            feature = "draft-client-documents",
            feature = "draft-first-party-apps"
        )),
        expect(clippy::unused_self, reason = "there is none")
    )]
    fn describe_drafts(&self, document: &mut Map<String, Value>) {
        #[cfg(feature = "draft-client-documents")]
        if self.clients().have_documents() {
            document.insert("client_id_metadata_document_supported".to_owned(), json!(true));
        }
        #[cfg(feature = "draft-attested-clients")]
        if self.config().client_authentication.contains(&AuthMethod::AttestJwtClientAuth) {
            let all: Vec<Algorithm> = self.config().profile.algorithms().iter().collect();
            if self.config().has(Endpoint::AttestationChallenge) {
                document
                    .insert("challenge_endpoint".to_owned(), json!(self.url(Endpoint::AttestationChallenge)));
            }
            for name in ["client_attestation", "client_attestation_pop"] {
                document.insert(format!("{name}_signing_alg_values_supported"), json!(names(&all)));
            }
        }
        #[cfg(feature = "draft-first-party-apps")]
        if self.config().has(Endpoint::AuthorizationChallenge) {
            let url = self.url(Endpoint::AuthorizationChallenge);
            document.insert("authorization_challenge_endpoint".to_owned(), json!(url));
        }
        let _ = document;
    }

    fn describe_authorization(&self, document: &mut Map<String, Value>) {
        if !self.config().has(Endpoint::Authorize) {
            document.insert("response_types_supported".to_owned(), json!([]));
            return;
        }
        let prompts: Vec<&str> = self.config().prompts().map(Prompt::as_str).collect();
        let modes: Vec<&str> =
            ResponseMode::ALL.into_iter().map(ResponseMode::as_str).chain([ResponseMode::JWT]).collect();
        let types: Vec<&str> =
            self.config().profile.response_types().iter().map(|kind| kind.as_str()).collect();
        let acr: Vec<&str> = self.config().acr.levels().iter().map(|level| level.acr.as_str()).collect();
        let members = [
            ("authorization_endpoint", json!(self.url(Endpoint::Authorize))),
            ("response_types_supported", json!(types)),
            ("response_modes_supported", json!(modes)),
            ("authorization_signing_alg_values_supported", json!(names(&self.response_algorithms()))),
            ("code_challenge_methods_supported", json!([CodeChallenge::METHOD])),
            ("prompt_values_supported", json!(prompts)),
            ("acr_values_supported", json!(acr)),
            ("authorization_response_iss_parameter_supported", json!(true)),
        ];
        document.extend(members.map(|(name, value)| (name.to_owned(), value)));
        let details: Vec<&String> = self.config().detail_types.keys().collect();
        if !details.is_empty() {
            document.insert("authorization_details_types_supported".to_owned(), json!(details));
        }
        let encryption = self.key_managements();
        if !encryption.is_empty() {
            put_encryption(document, "authorization_encryption", &encryption);
        }
        self.describe_request_objects(document);
    }

    /// What responses can be signed with.
    fn response_algorithms(&self) -> Vec<Algorithm> {
        let allowed = self.config().profile.algorithms();
        self.keys().algorithms().iter().copied().filter(|alg| allowed.contains(*alg)).collect()
    }

    fn describe_request_objects(&self, document: &mut Map<String, Value>) {
        let accepted = self.config().request_objects.as_ref();
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        put("request_parameter_supported", json!(accepted.is_some()));
        // Pushed ones are not meant by it (RFC 9126, section 5).
        put("request_uri_parameter_supported", json!(accepted.is_some_and(|accepted| accepted.by_reference)));
        let Some(accepted) = accepted else { return };
        put(
            "request_object_signing_alg_values_supported",
            json!(names(&accepted.algorithms.iter().collect::<Vec<_>>())),
        );
        put("require_signed_request_object", json!(accepted.required));
        if accepted.by_reference {
            put("require_request_uri_registration", json!(true));
        }
        if accepted.encrypted {
            put_encryption(document, "request_object_encryption", &offered(self.ports().crypto()));
        }
    }

    fn describe_optional_endpoints(&self, document: &mut Map<String, Value>) {
        if self.config().has(Endpoint::PushedAuthorizationRequest) {
            let mut put = |name: String, value: Value| document.insert(name, value);
            let url = self.url(Endpoint::PushedAuthorizationRequest);
            put("pushed_authorization_request_endpoint".to_owned(), json!(url));
            let required = self.config().require_pushed_requests;
            put("require_pushed_authorization_requests".to_owned(), json!(required));
        }
        if self.config().has(Endpoint::DeviceAuthorization) {
            let url = self.url(Endpoint::DeviceAuthorization);
            document.insert("device_authorization_endpoint".to_owned(), json!(url));
        }
        self.describe_backchannel(document);
        if self.config().has(Endpoint::Registration) {
            document.insert("registration_endpoint".to_owned(), json!(self.url(Endpoint::Registration)));
        }
        // A public client may revoke its tokens, but has nothing to introspect.
        for (endpoint, name, public) in
            [(Endpoint::Revocation, "revocation", true), (Endpoint::Introspection, "introspection", false)]
        {
            if self.config().has(endpoint) {
                document.insert(format!("{name}_endpoint"), json!(self.url(endpoint)));
                self.describe_client_authentication(name, public, document);
            }
        }
        if self.config().has(Endpoint::Introspection) {
            let signed: Vec<&str> = self.introspection_algorithms().iter().map(|alg| alg.as_str()).collect();
            document.insert("introspection_signing_alg_values_supported".to_owned(), json!(signed));
            let encryption = self.key_managements();
            if !encryption.is_empty() {
                put_encryption(document, "introspection_encryption", &encryption);
            }
        }
    }

    /// ([CIBA Core, section 4](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.4)).
    fn describe_backchannel(&self, document: &mut Map<String, Value>) {
        let Some(settings) = &self.config().backchannel else { return };
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        let modes: Vec<&str> = settings.delivery.iter().map(|way| way.as_str()).collect();
        put("backchannel_authentication_endpoint", json!(self.url(Endpoint::BackchannelAuthentication)));
        put("backchannel_token_delivery_modes_supported", json!(modes));
        put("backchannel_user_code_parameter_supported", json!(settings.user_codes));
        if let Some(accepted) = &self.config().request_objects {
            let algorithms: Vec<Algorithm> = accepted.algorithms.iter().collect();
            put("backchannel_authentication_request_signing_alg_values_supported", json!(names(&algorithms)));
        }
    }

    /// How clients authenticate at an endpoint, and what an assertion may be signed with.
    fn describe_client_authentication(
        &self,
        endpoint: &str,
        public: bool,
        document: &mut Map<String, Value>,
    ) {
        let methods = &self.config().client_authentication;
        let offered = methods.iter().filter(|method| public || **method != AuthMethod::None);
        let names: Vec<&str> = offered.map(|method| method.as_str()).collect();
        document.insert(format!("{endpoint}_endpoint_auth_methods_supported"), json!(names));
        let allowed = |alg: &Algorithm| match alg.is_symmetric() {
            true => methods.contains(&AuthMethod::ClientSecretJwt),
            false => {
                methods.contains(&AuthMethod::PrivateKeyJwt)
                    && self.config().profile.algorithms().contains(*alg)
            }
        };
        let algorithms: Vec<&str> =
            Algorithm::ALL.into_iter().filter(allowed).map(Algorithm::as_str).collect();
        if !algorithms.is_empty() {
            let name = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
            document.insert(name, json!(algorithms));
        }
    }
}

/// What tokens can be encrypted with, as a pair of members.
pub(crate) fn put_encryption(document: &mut Map<String, Value>, name: &str, ways: &[KeyManagement]) {
    let ways: Vec<&str> = ways.iter().map(|way| way.as_str()).collect();
    let contents = ContentEncryption::ALL.map(ContentEncryption::as_str);
    document.insert(format!("{name}_alg_values_supported"), json!(ways));
    document.insert(format!("{name}_enc_values_supported"), json!(contents));
}

fn names(algorithms: &[Algorithm]) -> Vec<&'static str> {
    algorithms.iter().map(|alg| alg.as_str()).collect()
}

impl AuthorizationServer {
    /// What tokens can be bound to ([RFC 9449, section 5.1](https://www.rfc-editor.org/rfc/rfc9449#section-5.1),
    /// [RFC 8705, sections 3.3 and 5](https://www.rfc-editor.org/rfc/rfc8705#section-3.3)).
    fn describe_sender_constraint(&self, document: &mut Map<String, Value>) {
        if let Some(checker) = self.dpop() {
            let accepted = checker.policy().algorithms;
            let algorithms: Vec<&str> =
                accepted.iter().filter(|alg| !alg.is_symmetric()).map(Algorithm::as_str).collect();
            document.insert("dpop_signing_alg_values_supported".to_owned(), json!(algorithms));
        }
        if self.config().mutual_tls.is_none() {
            return;
        }
        document.insert("tls_client_certificate_bound_access_tokens".to_owned(), json!(true));
        let aliases: Map<String, Value> = BACK_CHANNEL
            .into_iter()
            .filter(|(endpoint, _)| self.config().has(*endpoint))
            .filter_map(|(endpoint, name)| Some((name.to_owned(), json!(self.certificate_url(endpoint)?))))
            .collect();
        if !aliases.is_empty() {
            document.insert("mtls_endpoint_aliases".to_owned(), Value::Object(aliases));
        }
    }
}

/// The endpoints that clients call themselves.
const BACK_CHANNEL: [(Endpoint, &str); 6] = [
    (Endpoint::BackchannelAuthentication, "backchannel_authentication_endpoint"),
    (Endpoint::DeviceAuthorization, "device_authorization_endpoint"),
    (Endpoint::Token, "token_endpoint"),
    (Endpoint::Revocation, "revocation_endpoint"),
    (Endpoint::Introspection, "introspection_endpoint"),
    (Endpoint::PushedAuthorizationRequest, "pushed_authorization_request_endpoint"),
];
