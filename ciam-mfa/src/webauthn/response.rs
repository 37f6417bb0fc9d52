//! What the browser answers, in the JSON form that `toJSON()` makes:
//! [WebAuthn, section 5.1.10](https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson).

use ciam_core::encoding::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, as base64url text without padding in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base64Url(pub(super) Vec<u8>);

impl Base64Url {
    /// Wraps bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Base64Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if text.len() > MAX_TEXT {
            return Err(serde::de::Error::custom("too long"));
        }
        base64url::decode(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The longest text of bytes in an answer: no authenticator says more.
const MAX_TEXT: usize = 64 * 1024;

/// The answer to [`CreationOptions`](super::CreationOptions).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RegistrationResponse {
    /// The id of the credential.
    pub raw_id: Base64Url,
    /// Always `public-key`.
    #[serde(rename = "type")]
    pub kind: CredentialType,
    /// What the authenticator said.
    pub response: AttestationResponse,
    /// What the browser's extensions said.
    #[serde(default)]
    pub client_extension_results: RegistrationExtensions,
}

/// What the authenticator said when it made a credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttestationResponse {
    /// The client data.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: Base64Url,
    /// The attestation object.
    pub attestation_object: Base64Url,
    /// How the credential can be reached.
    #[serde(default)]
    pub transports: Vec<String>,
}

/// What extensions said when a credential was made. Not signed: hints.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RegistrationExtensions {
    /// What the credential is like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cred_props: Option<CredentialProperties>,
    /// Whether keys can be derived from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prf: Option<PrfOutput>,
}

/// What a credential is like.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[non_exhaustive]
pub struct CredentialProperties {
    /// Whether the authenticator keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rk: Option<bool>,
}

/// Whether keys can be derived from a credential. What was derived is the page's and is not read.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[non_exhaustive]
pub struct PrfOutput {
    /// Whether they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// The answer to [`RequestOptions`](super::RequestOptions).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuthenticationResponse {
    /// The id of the credential.
    pub raw_id: Base64Url,
    /// Always `public-key`.
    #[serde(rename = "type")]
    pub kind: CredentialType,
    /// What the authenticator said.
    pub response: AssertionResponse,
}

/// What the authenticator said when it proved a credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AssertionResponse {
    /// The client data.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: Base64Url,
    /// The authenticator data.
    pub authenticator_data: Base64Url,
    /// The signature.
    pub signature: Base64Url,
    /// Whose it is, where the authenticator keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_handle: Option<Base64Url>,
}

/// The only type of credential that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CredentialType {
    /// A public key.
    PublicKey,
}

impl RegistrationResponse {
    /// An answer from its parts, such as of an app that does not speak JSON.
    #[must_use]
    pub fn new(id: &[u8], client_data_json: &[u8], attestation_object: &[u8]) -> Self {
        Self {
            raw_id: Base64Url(id.to_vec()),
            kind: CredentialType::PublicKey,
            response: AttestationResponse {
                client_data_json: Base64Url(client_data_json.to_vec()),
                attestation_object: Base64Url(attestation_object.to_vec()),
                transports: Vec::new(),
            },
            client_extension_results: RegistrationExtensions::default(),
        }
    }
}

impl AuthenticationResponse {
    /// An answer from its parts, such as of an app that does not speak JSON.
    #[must_use]
    pub fn new(id: &[u8], client_data_json: &[u8], authenticator_data: &[u8], signature: &[u8]) -> Self {
        Self {
            raw_id: Base64Url(id.to_vec()),
            kind: CredentialType::PublicKey,
            response: AssertionResponse {
                client_data_json: Base64Url(client_data_json.to_vec()),
                authenticator_data: Base64Url(authenticator_data.to_vec()),
                signature: Base64Url(signature.to_vec()),
                user_handle: None,
            },
        }
    }

    /// Adds the user handle.
    #[must_use]
    pub fn with_user_handle(mut self, handle: &[u8]) -> Self {
        self.response.user_handle = Some(Base64Url(handle.to_vec()));
        self
    }
}
