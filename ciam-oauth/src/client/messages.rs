//! How a client's requests are protected, and how what it is sent is.

use ciam_core::jose::Algorithm;
use ciam_core::jose::jwe::{ContentEncryption, KeyManagement};
use serde::{Deserialize, Serialize};

use super::authentication::{ClientAuthentication, ClientKeys};
use super::model::Client;

/// How a token is encrypted for whom it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenEncryption {
    /// How the content's key reaches the recipient.
    pub alg: KeyManagement,
    /// How the content is encrypted.
    pub enc: ContentEncryption,
}

impl TokenEncryption {
    /// By these algorithms.
    #[must_use]
    pub const fn new(alg: KeyManagement, enc: ContentEncryption) -> Self {
        Self { alg, enc }
    }

    /// By this key management, with the content encryption that
    /// [OpenID Connect](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata) makes the default,
    /// A128CBC-HS256.
    #[must_use]
    pub const fn with_default_content(alg: KeyManagement) -> Self {
        Self::new(alg, ContentEncryption::A128CbcHs256)
    }
}

/// How a client's authorization requests are protected, and how the answers to it are. Nothing is, unless it is said here.
///
/// ```
/// use ciam_core::jose::Algorithm;
/// use ciam_oauth::client::{Client, ClientKeys, MessageProtection};
///
/// # fn example(jwks_uri: String) -> Result<Client, Box<dyn std::error::Error>> {
/// let messages = MessageProtection::new()
///     .with_keys(ClientKeys::JwksUri(jwks_uri))
///     .with_request_object_alg(Algorithm::Es256)
///     .requiring_signed_requests();
/// Ok(Client::public("app".parse()?).with_messages(messages))
/// # }
/// # example("https://app.example/jwks".to_owned()).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MessageProtection {
    /// Where the client's public keys are. Without it, those that it authenticates with serve for this too.
    pub keys: Option<ClientKeys>,
    /// The only JWS algorithm of its request objects; `None` accepts every one that the server does.
    pub request_object_alg: Option<Algorithm>,
    /// How its request objects must be encrypted; `None` when they need not be.
    pub request_object_encryption: Option<TokenEncryption>,
    /// Whether its authorization requests must be request objects
    /// ([RFC 9101, section 10.5](https://www.rfc-editor.org/rfc/rfc9101#section-10.5)).
    pub require_signed_requests: bool,
    /// Where its request objects may be fetched from, byte for byte; at most [`Client::MAX_URIS`].
    pub request_uris: Vec<String>,
    /// The JWS algorithm of authorization responses in a JWT; `None` for the server's default.
    pub authorization_alg: Option<Algorithm>,
    /// How those are encrypted besides.
    pub authorization_encryption: Option<TokenEncryption>,
    /// How its ID tokens are encrypted besides.
    pub id_token_encryption: Option<TokenEncryption>,
    /// How its UserInfo responses are encrypted.
    pub userinfo_encryption: Option<TokenEncryption>,
    /// How introspection answers to it are encrypted besides, when it asks for a JWT
    /// ([RFC 9701, section 6](https://www.rfc-editor.org/rfc/rfc9701#section-6)).
    pub introspection_encryption: Option<TokenEncryption>,
}

impl MessageProtection {
    /// Nothing is protected.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where the client's public keys are.
    #[must_use]
    pub fn with_keys(mut self, keys: ClientKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Sets the only JWS algorithm of its request objects.
    #[must_use]
    pub const fn with_request_object_alg(mut self, alg: Algorithm) -> Self {
        self.request_object_alg = Some(alg);
        self
    }

    /// Demands that its request objects are encrypted.
    #[must_use]
    pub const fn with_request_object_encryption(mut self, encryption: TokenEncryption) -> Self {
        self.request_object_encryption = Some(encryption);
        self
    }

    /// Demands that its authorization requests are request objects.
    #[must_use]
    pub const fn requiring_signed_requests(mut self) -> Self {
        self.require_signed_requests = true;
        self
    }

    /// Adds an address where its request objects may be fetched from.
    #[must_use]
    pub fn with_request_uri(mut self, uri: impl Into<String>) -> Self {
        self.request_uris.push(uri.into());
        self
    }

    /// Sets the JWS algorithm of authorization responses in a JWT.
    #[must_use]
    pub const fn with_authorization_alg(mut self, alg: Algorithm) -> Self {
        self.authorization_alg = Some(alg);
        self
    }

    /// Encrypts authorization responses in a JWT.
    #[must_use]
    pub const fn with_authorization_encryption(mut self, encryption: TokenEncryption) -> Self {
        self.authorization_encryption = Some(encryption);
        self
    }

    /// Encrypts its ID tokens.
    #[must_use]
    pub const fn with_id_token_encryption(mut self, encryption: TokenEncryption) -> Self {
        self.id_token_encryption = Some(encryption);
        self
    }

    /// Encrypts its UserInfo responses.
    #[must_use]
    pub const fn with_userinfo_encryption(mut self, encryption: TokenEncryption) -> Self {
        self.userinfo_encryption = Some(encryption);
        self
    }

    /// Encrypts introspection answers in a JWT.
    #[must_use]
    pub const fn with_introspection_encryption(mut self, encryption: TokenEncryption) -> Self {
        self.introspection_encryption = Some(encryption);
        self
    }

    /// The encryptions of what the client is sent, by the name of their metadata.
    pub(super) fn encryptions(&self) -> [(&'static str, Option<TokenEncryption>); 4] {
        [
            ("introspection_encrypted_response_alg", self.introspection_encryption),
            ("authorization_encrypted_response_alg", self.authorization_encryption),
            ("id_token_encrypted_response_alg", self.id_token_encryption),
            ("userinfo_encrypted_response_alg", self.userinfo_encryption),
        ]
    }
}

impl Client {
    /// Its public keys: the registered ones, or else those that it authenticates with.
    #[must_use]
    pub const fn public_keys(&self) -> Option<&ClientKeys> {
        match (&self.messages.keys, &self.authentication) {
            (Some(keys), _) | (None, ClientAuthentication::PrivateKeyJwt { keys, .. }) => Some(keys),
            _ => None,
        }
    }

    /// Sets how its requests are protected, and how what it is sent is.
    #[must_use]
    pub fn with_messages(mut self, messages: MessageProtection) -> Self {
        self.messages = messages;
        self
    }
}
