//! What a client says of how messages are protected.

use ciam_core::jose::Algorithm;
use serde_json::{Map, Value, json};

use super::error::RegistrationError;
use super::metadata::{ClientMetadata, algorithm, invalid};
use crate::backchannel::{BackchannelClient, Delivery};
use crate::client::{Client, ClientAuthentication, ClientKeys, MessageProtection, TokenEncryption};

impl ClientMetadata {
    /// How its requests are protected, and how what it is sent is
    /// ([OpenID Connect Registration, section 2](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata),
    /// [JARM, section 3](https://openid.net/specs/oauth-v2-jarm.html), [RFC 9101, section
    /// 10.5](https://www.rfc-editor.org/rfc/rfc9101#section-10.5)).
    pub(super) fn messages(&self, client: &Client) -> Result<MessageProtection, RegistrationError> {
        // Keys that it authenticates with are kept with its authentication.
        let authenticates = matches!(client.authentication, ClientAuthentication::PrivateKeyJwt { .. });
        Ok(MessageProtection {
            keys: if authenticates { None } else { self.keys()? },
            request_object_alg: algorithm(self.request_object_signing_alg.as_deref())?,
            request_object_encryption: encryption(
                self.request_object_encryption_alg.as_deref(),
                self.request_object_encryption_enc.as_deref(),
            )?,
            require_signed_requests: self.require_signed_request_object.unwrap_or_default(),
            request_uris: self.request_uris.clone().unwrap_or_default(),
            authorization_alg: algorithm(self.authorization_signed_response_alg.as_deref())?,
            authorization_encryption: encryption(
                self.authorization_encrypted_response_alg.as_deref(),
                self.authorization_encrypted_response_enc.as_deref(),
            )?,
            id_token_encryption: encryption(
                self.id_token_encrypted_response_alg.as_deref(),
                self.id_token_encrypted_response_enc.as_deref(),
            )?,
            userinfo_encryption: encryption(
                self.userinfo_encrypted_response_alg.as_deref(),
                self.userinfo_encrypted_response_enc.as_deref(),
            )?,
            introspection_encryption: encryption(
                self.introspection_encrypted_response_alg.as_deref(),
                self.introspection_encrypted_response_enc.as_deref(),
            )?,
        })
    }
}

impl ClientMetadata {
    /// How it authenticates people through the back channel
    /// ([CIBA Core, section 4](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.4)).
    pub(super) fn backchannel(&self) -> Result<Option<BackchannelClient>, RegistrationError> {
        let Some(name) = self.backchannel_token_delivery_mode.as_deref() else { return Ok(None) };
        let known = Delivery::ALL.into_iter().find(|way| way.as_str() == name);
        let delivery = known.ok_or_else(|| invalid("backchannel_token_delivery_mode is not supported"))?;
        let mut client = BackchannelClient::poll();
        client.delivery = delivery;
        client.endpoint.clone_from(&self.backchannel_client_notification_endpoint);
        client.request_alg = algorithm(self.backchannel_authentication_request_signing_alg.as_deref())?;
        client.user_code = self.backchannel_user_code_parameter.unwrap_or_default();
        Ok(Some(client))
    }
}

/// A content encryption alone says nothing.
fn encryption(alg: Option<&str>, enc: Option<&str>) -> Result<Option<TokenEncryption>, RegistrationError> {
    let unknown = |_| invalid("an algorithm is not supported");
    let Some(alg) = alg else {
        return if enc.is_some() { Err(invalid("an encryption needs its alg")) } else { Ok(None) };
    };
    let alg = alg.parse().map_err(unknown)?;
    Ok(Some(match enc {
        Some(enc) => TokenEncryption::new(alg, enc.parse().map_err(unknown)?),
        None => TokenEncryption::with_default_content(alg),
    }))
}

/// What a client is told of it.
pub(super) fn describe_messages(client: &Client, members: &mut Map<String, Value>) {
    let messages = &client.messages;
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    match client.public_keys() {
        Some(ClientKeys::Jwks(jwks)) => drop(put("jwks", jwks.clone())),
        Some(ClientKeys::JwksUri(uri)) => drop(put("jwks_uri", json!(uri))),
        None => {}
    }
    let algorithms: [(&str, Option<Algorithm>); 2] = [
        ("request_object_signing_alg", messages.request_object_alg),
        ("authorization_signed_response_alg", messages.authorization_alg),
    ];
    for (name, alg) in algorithms {
        if let Some(alg) = alg {
            put(name, json!(alg.as_str()));
        }
    }
    for (name, encryption) in [
        ("request_object_encryption", messages.request_object_encryption),
        ("authorization_encrypted_response", messages.authorization_encryption),
        ("id_token_encrypted_response", messages.id_token_encryption),
        ("userinfo_encrypted_response", messages.userinfo_encryption),
        ("introspection_encrypted_response", messages.introspection_encryption),
    ] {
        if let Some(encryption) = encryption {
            put(&format!("{name}_alg"), json!(encryption.alg.as_str()));
            put(&format!("{name}_enc"), json!(encryption.enc.as_str()));
        }
    }
    if let Some(backchannel) = &client.backchannel {
        put("backchannel_token_delivery_mode", json!(backchannel.delivery.as_str()));
        if let Some(endpoint) = &backchannel.endpoint {
            put("backchannel_client_notification_endpoint", json!(endpoint));
        }
        put("backchannel_user_code_parameter", json!(backchannel.user_code));
        if let Some(alg) = backchannel.request_alg {
            put("backchannel_authentication_request_signing_alg", json!(alg.as_str()));
        }
    }
    if messages.require_signed_requests {
        put("require_signed_request_object", json!(true));
    }
    if !messages.request_uris.is_empty() {
        put("request_uris", json!(messages.request_uris));
    }
}
