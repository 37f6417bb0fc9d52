//! What a client says of itself, and what is said to it
//! ([RFC 7591, section 2](https://www.rfc-editor.org/rfc/rfc7591#section-2)).

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::assurance::Acr;
use ciam_core::jose::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RegistrationError;
use super::messages::describe_messages;
use super::policy::RegistrationSettings;
use crate::authorize::ResponseType;
use crate::client::{
    ApplicationType, AuthMethod, Client, ClientAuthentication, ClientKeys, ClientSecret, GrantType,
    SecretDigest, SubjectType,
};
use crate::confirmation::CertificateThumbprint;
use crate::mtls::CertificateSubject;
use crate::redirect_uri::RedirectUri;
use crate::scope::ScopeSet;

/// The metadata of a client, as it sends them. What is not known here is left out, as the standard asks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each field is the member of its name in RFC 7591 and OpenID Connect Registration"
)]
pub struct ClientMetadata {
    pub redirect_uris: Vec<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub token_endpoint_auth_signing_alg: Option<String>,
    pub grant_types: Option<Vec<String>>,
    pub response_types: Option<Vec<String>>,
    pub client_name: Option<String>,
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub initiate_login_uri: Option<String>,
    pub scope: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub application_type: Option<String>,
    pub subject_type: Option<String>,
    pub sector_identifier_uri: Option<String>,
    pub id_token_signed_response_alg: Option<String>,
    pub userinfo_signed_response_alg: Option<String>,
    pub introspection_signed_response_alg: Option<String>,
    pub default_max_age: Option<u32>,
    pub require_auth_time: Option<bool>,
    pub default_acr_values: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: Option<bool>,
    pub frontchannel_logout_uri: Option<String>,
    pub frontchannel_logout_session_required: Option<bool>,
    pub authorization_details_types: Option<BTreeSet<String>>,
    pub backchannel_token_delivery_mode: Option<String>,
    pub backchannel_client_notification_endpoint: Option<String>,
    pub backchannel_authentication_request_signing_alg: Option<String>,
    pub backchannel_user_code_parameter: Option<bool>,
    pub request_object_signing_alg: Option<String>,
    pub request_object_encryption_alg: Option<String>,
    pub request_object_encryption_enc: Option<String>,
    pub require_signed_request_object: Option<bool>,
    pub request_uris: Option<Vec<String>>,
    pub authorization_signed_response_alg: Option<String>,
    pub authorization_encrypted_response_alg: Option<String>,
    pub authorization_encrypted_response_enc: Option<String>,
    pub id_token_encrypted_response_alg: Option<String>,
    pub id_token_encrypted_response_enc: Option<String>,
    pub userinfo_encrypted_response_alg: Option<String>,
    pub userinfo_encrypted_response_enc: Option<String>,
    pub introspection_encrypted_response_alg: Option<String>,
    pub introspection_encrypted_response_enc: Option<String>,
    pub require_pushed_authorization_requests: Option<bool>,
    pub dpop_bound_access_tokens: Option<bool>,
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    pub tls_client_auth_subject_dn: Option<String>,
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<String>,
    pub tls_client_auth_san_email: Option<String>,
    pub software_statement: Option<String>,
    /// Sent with changes only; must be what it was.
    pub client_id: Option<String>,
    /// Sent with changes only; must be what it was.
    pub client_secret: Option<String>,
}

/// How a client that registers will authenticate.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// By something that it has said.
    Given(ClientAuthentication),
    /// By a secret that the server makes.
    Secret(AuthMethod),
}

impl ClientMetadata {
    /// How it wants to authenticate; `client_secret_basic` when it does not say.
    pub(crate) fn authentication(&self) -> Result<Wanted, RegistrationError> {
        let name = self.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
        let method = AuthMethod::from_name(name);
        let method = method.ok_or_else(|| invalid("token_endpoint_auth_method is not supported"))?;
        Ok(match method {
            AuthMethod::None => Wanted::Given(ClientAuthentication::None),
            AuthMethod::PrivateKeyJwt => Wanted::Given(ClientAuthentication::PrivateKeyJwt {
                keys: self.keys()?.ok_or_else(|| invalid("private_key_jwt needs jwks or jwks_uri"))?,
                alg: algorithm(self.token_endpoint_auth_signing_alg.as_deref())?,
                token_endpoint_audience: false,
            }),
            AuthMethod::TlsClientAuth => {
                Wanted::Given(ClientAuthentication::tls(self.certificate_subject()?))
            }
            AuthMethod::SelfSignedTlsClientAuth => {
                Wanted::Given(ClientAuthentication::self_signed_tls(self.certificates()?))
            }
            #[cfg(feature = "draft-attested-clients")]
            AuthMethod::AttestJwtClientAuth => {
                // Who attests is not for the client to say.
                return Err(invalid("token_endpoint_auth_method is not supported"));
            }
            secret => Wanted::Secret(secret),
        })
    }

    pub(super) fn keys(&self) -> Result<Option<ClientKeys>, RegistrationError> {
        match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => Err(invalid("jwks and jwks_uri exclude each other")),
            (Some(jwks), None) => Ok(Some(ClientKeys::Jwks(jwks.clone()))),
            (None, Some(uri)) => Ok(Some(ClientKeys::JwksUri(uri.clone()))),
            (None, None) => Ok(None),
        }
    }

    /// Exactly one ([RFC 8705, section 2.1.2](https://www.rfc-editor.org/rfc/rfc8705#section-2.1.2)).
    fn certificate_subject(&self) -> Result<CertificateSubject, RegistrationError> {
        let ip = match self.tls_client_auth_san_ip.as_deref().map(str::parse::<IpAddr>) {
            None => None,
            Some(Ok(address)) => Some(CertificateSubject::Ip(address)),
            Some(Err(_)) => return Err(invalid("tls_client_auth_san_ip is not an address")),
        };
        let named = [
            self.tls_client_auth_subject_dn.clone().map(CertificateSubject::DistinguishedName),
            self.tls_client_auth_san_dns.clone().map(CertificateSubject::Dns),
            self.tls_client_auth_san_uri.clone().map(CertificateSubject::Uri),
            self.tls_client_auth_san_email.clone().map(CertificateSubject::Email),
            ip,
        ];
        let mut named = named.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(invalid("tls_client_auth needs exactly one name of the certificate")),
        }
    }

    /// The certificates of the client are in its key set
    /// ([RFC 8705, section 2.2.2](https://www.rfc-editor.org/rfc/rfc8705#section-2.2.2)).
    fn certificates(&self) -> Result<BTreeSet<CertificateThumbprint>, RegistrationError> {
        let keys = self.jwks.as_ref().and_then(|set| set.get("keys")).and_then(Value::as_array);
        let keys = keys.ok_or_else(|| invalid("self_signed_tls_client_auth needs jwks with x5c"))?;
        let first = |key: &Value| {
            let encoded = key.get("x5c")?.as_array()?.first()?.as_str()?;
            Some(CertificateThumbprint::of(&STANDARD.decode(encoded).ok()?))
        };
        let certificates: BTreeSet<_> = keys.iter().filter_map(first).collect();
        if certificates.is_empty() {
            return Err(invalid("self_signed_tls_client_auth needs jwks with x5c"));
        }
        Ok(certificates)
    }

    /// Puts what it says into a client, whose id and authentication are settled.
    pub(crate) fn apply(
        &self,
        client: &mut Client,
        settings: &RegistrationSettings,
        known: &ScopeSet,
    ) -> Result<(), RegistrationError> {
        let (grants, types) = self.grants(settings)?;
        client.grants = grants;
        client.response_types = types;
        client.messages = self.messages(client)?;
        client.backchannel = self.backchannel()?;
        client.redirect_uris = uris(&self.redirect_uris)?;
        if client.is_public() {
            // A client in a browser runs where it is redirected to.
            client.allowed_origins = client.redirect_uris.iter().filter_map(RedirectUri::origin).collect();
        }
        client.post_logout_redirect_uris =
            uris(self.post_logout_redirect_uris.as_deref().unwrap_or_default())
                .map_err(|_| invalid("post_logout_redirect_uris are not acceptable"))?;
        client.scopes = self.scopes(settings, known)?;
        client.application_type = match self.application_type.as_deref() {
            None | Some("web") => ApplicationType::Web,
            Some("native") => ApplicationType::Native,
            Some(_) => return Err(invalid("application_type is web or native")),
        };
        client.subject_type = match self.subject_type.as_deref() {
            None | Some("public") => SubjectType::Public,
            Some("pairwise") => SubjectType::Pairwise,
            Some(_) => return Err(invalid("subject_type is public or pairwise")),
        };
        client.display.name.clone_from(&self.client_name);
        client.display.client_uri.clone_from(&self.client_uri);
        client.display.logo_uri.clone_from(&self.logo_uri);
        client.display.tos_uri.clone_from(&self.tos_uri);
        client.display.policy_uri.clone_from(&self.policy_uri);
        client.display.initiate_login_uri.clone_from(&self.initiate_login_uri);
        client.id_token_alg = algorithm(self.id_token_signed_response_alg.as_deref())?;
        client.userinfo_alg = algorithm(self.userinfo_signed_response_alg.as_deref())?;
        client.introspection_alg = algorithm(self.introspection_signed_response_alg.as_deref())?;
        client.default_max_age = self.default_max_age;
        client.require_auth_time = self.require_auth_time.unwrap_or_default();
        client.default_acr_values =
            self.default_acr_values.iter().flatten().map(|acr| Acr::new(acr.as_str())).collect();
        client.backchannel_logout_uri.clone_from(&self.backchannel_logout_uri);
        client.backchannel_logout_session_required =
            self.backchannel_logout_session_required.unwrap_or_default();
        client.frontchannel_logout_uri.clone_from(&self.frontchannel_logout_uri);
        client.frontchannel_logout_session_required =
            self.frontchannel_logout_session_required.unwrap_or_default();
        client.authorization_details_types = self.authorization_details_types.clone().unwrap_or_default();
        client.require_pushed_requests = self.require_pushed_authorization_requests.unwrap_or_default();
        client.dpop_bound_access_tokens = self.dpop_bound_access_tokens.unwrap_or_default();
        client.certificate_bound_access_tokens =
            self.tls_client_certificate_bound_access_tokens.unwrap_or_default();
        Ok(())
    }

    /// `authorization_code` and `code` when it does not say. What it says must fit together
    /// ([OpenID Connect Registration, section 2](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata)).
    fn grants(
        &self,
        settings: &RegistrationSettings,
    ) -> Result<(BTreeSet<GrantType>, BTreeSet<ResponseType>), RegistrationError> {
        let mut grants = BTreeSet::new();
        let unsaid = ["authorization_code".to_owned()];
        let names = self.grant_types.as_deref().unwrap_or(&unsaid);
        for name in names.iter().filter(|name| *name != IMPLICIT) {
            let grant = GrantType::from_name(name).filter(|grant| settings.grants.contains(grant));
            grants.insert(grant.ok_or_else(|| invalid("a grant type is not supported"))?);
        }
        let codes = grants.contains(&GrantType::AuthorizationCode);
        let mut types = BTreeSet::new();
        match &self.response_types {
            None if codes => drop(types.insert(ResponseType::Code)),
            None => {}
            Some(names) => {
                for name in names {
                    let known = ResponseType::from_name(name);
                    types.insert(known.ok_or_else(|| invalid("a response type is not supported"))?);
                }
            }
        }
        let implicit = names.iter().any(|name| name == IMPLICIT);
        let fits = types.iter().any(|kind| kind.has_code()) == codes
            && types.iter().any(|kind| kind.has_id_token()) == implicit;
        if fits { Ok((grants, types)) } else { Err(invalid("response_types and grant_types do not fit")) }
    }

    /// What it asks for of what may be asked for; values that are not known are left out.
    fn scopes(
        &self,
        settings: &RegistrationSettings,
        known: &ScopeSet,
    ) -> Result<ScopeSet, RegistrationError> {
        let most =
            settings.scopes.as_ref().map_or_else(|| known.clone(), |scopes| scopes.intersection(known));
        match self.scope.as_deref() {
            None => Ok(most),
            Some(text) => {
                let asked: ScopeSet = text.parse().map_err(|_| invalid("scope is malformed"))?;
                Ok(asked.intersection(&most))
            }
        }
    }
}

/// The grant type that stands for ID tokens from the authorization endpoint.
const IMPLICIT: &str = "implicit";

pub(super) fn invalid(text: &'static str) -> RegistrationError {
    RegistrationError::InvalidMetadata(text)
}

fn uris(texts: &[String]) -> Result<Vec<RedirectUri>, RegistrationError> {
    texts.iter().map(|text| text.parse().map_err(|_| RegistrationError::InvalidRedirectUri)).collect()
}

pub(super) fn algorithm(name: Option<&str>) -> Result<Option<Algorithm>, RegistrationError> {
    name.map(str::parse).transpose().map_err(|_| invalid("an algorithm is not supported"))
}

/// The authentication with a new secret.
pub(super) fn with_secret(method: AuthMethod, secret: &ClientSecret) -> ClientAuthentication {
    let secrets = vec![SecretDigest::new(secret.digest())];
    match method {
        AuthMethod::ClientSecretPost => ClientAuthentication::ClientSecretPost { secrets },
        _ => ClientAuthentication::ClientSecretBasic { secrets },
    }
}

/// What a client is told that it is registered as.
pub(super) fn describe(client: &Client, sector_identifier_uri: Option<&str>) -> Map<String, Value> {
    let mut members = Map::new();
    let implicit = client.response_types.iter().any(|kind| kind.has_id_token()).then_some(IMPLICIT);
    let grants: Vec<&str> = client.grants.iter().map(|grant| grant.as_str()).chain(implicit).collect();
    let types: Vec<&str> = client.response_types.iter().map(|kind| kind.as_str()).collect();
    let uris = |uris: &[RedirectUri]| json!(uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>());
    let all = [
        ("client_id", json!(client.id.as_str())),
        ("client_id_issued_at", json!(client.created_at.unix_timestamp())),
        ("redirect_uris", uris(&client.redirect_uris)),
        ("grant_types", json!(grants)),
        ("response_types", json!(types)),
        ("token_endpoint_auth_method", json!(client.authentication.method().as_str())),
        ("scope", json!(client.scopes.to_string())),
        (
            "application_type",
            if client.application_type == ApplicationType::Native { json!("native") } else { json!("web") },
        ),
        (
            "subject_type",
            if client.subject_type == SubjectType::Pairwise { json!("pairwise") } else { json!("public") },
        ),
        ("require_pushed_authorization_requests", json!(client.require_pushed_requests)),
        ("dpop_bound_access_tokens", json!(client.dpop_bound_access_tokens)),
        ("tls_client_certificate_bound_access_tokens", json!(client.certificate_bound_access_tokens)),
    ];
    members.extend(all.map(|(name, value)| (name.to_owned(), value)));
    let display = &client.display;
    let texts = [
        ("client_name", &display.name),
        ("client_uri", &display.client_uri),
        ("logo_uri", &display.logo_uri),
        ("tos_uri", &display.tos_uri),
        ("policy_uri", &display.policy_uri),
        ("initiate_login_uri", &display.initiate_login_uri),
        ("backchannel_logout_uri", &client.backchannel_logout_uri),
        ("frontchannel_logout_uri", &client.frontchannel_logout_uri),
    ];
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    for (name, text) in texts {
        if let Some(text) = text {
            put(name, json!(text));
        }
    }
    if !client.post_logout_redirect_uris.is_empty() {
        put("post_logout_redirect_uris", uris(&client.post_logout_redirect_uris));
    }
    for (name, alg) in [
        ("id_token_signed_response_alg", client.id_token_alg),
        ("userinfo_signed_response_alg", client.userinfo_alg),
        ("introspection_signed_response_alg", client.introspection_alg),
    ] {
        if let Some(alg) = alg {
            put(name, json!(alg.as_str()));
        }
    }
    if let Some(age) = client.default_max_age {
        put("default_max_age", json!(age));
    }
    if client.require_auth_time {
        put("require_auth_time", json!(true));
    }
    if !client.default_acr_values.is_empty() {
        let values: Vec<&str> = client.default_acr_values.iter().map(Acr::as_str).collect();
        put("default_acr_values", json!(values));
    }
    if let Some(uri) = sector_identifier_uri {
        put("sector_identifier_uri", json!(uri));
    }
    if let ClientAuthentication::PrivateKeyJwt { alg: Some(alg), .. } = &client.authentication {
        put("token_endpoint_auth_signing_alg", json!(alg.as_str()));
    }
    for (name, set) in [
        ("backchannel_logout_session_required", client.backchannel_logout_session_required),
        ("frontchannel_logout_session_required", client.frontchannel_logout_session_required),
    ] {
        if set {
            put(name, json!(true));
        }
    }
    if !client.authorization_details_types.is_empty() {
        put("authorization_details_types", json!(client.authorization_details_types));
    }
    describe_messages(client, &mut members);
    members
}
