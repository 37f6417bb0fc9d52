//! For whom the access tokens of a resource are encrypted.

use ciam_core::crypto::Crypto;
use ciam_core::jose::JwkSetLimits;
use ciam_core::jose::jwe::EncryptionJwkSet;

use crate::client::{ClientKeys, TokenEncryption};
use crate::recipient;

/// How the access tokens of a resource are encrypted for it: by a key of its own that it has given or publishes, with the
/// algorithms that it wants.
///
/// A token is signed first and encrypted then ([RFC 9068, section 2](https://www.rfc-editor.org/rfc/rfc9068#section-2)); the resource
/// opens it with [`Validator::with_decryption`](crate::validate::Validator::with_decryption).
///
/// ```
/// use ciam_core::jose::jwe::{ContentEncryption, KeyManagement};
/// use ciam_oauth::client::{ClientKeys, TokenEncryption};
/// use ciam_oauth::server::{ResourceEncryption, ResourceServer};
///
/// let keys = ClientKeys::JwksUri("https://api.example/jwks".to_owned());
/// let way = TokenEncryption::new(KeyManagement::EcdhEsA256Kw, ContentEncryption::A256Gcm);
/// let api = ResourceServer::new("https://api.example".parse()?, "orders:read".parse()?)
///     .with_encryption(ResourceEncryption::new(keys, way));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// - Neither the client nor a proxy or log between can read the token. Whoever holds it can still use it: bind it to its sender where
///   that matters.
/// - The server does not have the resource's private key. It keeps the claims of each token under the token's digest until it expires, so
///   that revocation and introspection find it as they find an opaque one; that costs a write for each token.
/// - When there is no key to encrypt for, no token is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceEncryption {
    /// Where the resource's public keys are.
    pub keys: ClientKeys,
    /// By which algorithms; of the keys, the first that serves them is used.
    pub encryption: TokenEncryption,
}

impl ResourceEncryption {
    /// For these keys, by these algorithms.
    #[must_use]
    pub const fn new(keys: ClientKeys, encryption: TokenEncryption) -> Self {
        Self { keys, encryption }
    }

    /// Whether it can work: what cannot is found when the server is built, not at the first token.
    pub(super) fn check(&self, crypto: &dyn Crypto) -> Result<(), &'static str> {
        if !recipient::offered(crypto).contains(&self.encryption.alg) {
            return Err("the backend does not encrypt access tokens so");
        }
        match &self.keys {
            ClientKeys::JwksUri(url) if url.starts_with("https://") => Ok(()),
            ClientKeys::JwksUri(_) => {
                Err("the keys that access tokens are encrypted for have no https address")
            }
            ClientKeys::Jwks(set) => {
                let keys = EncryptionJwkSet::parse(&set.to_string(), &JwkSetLimits::default());
                match keys.is_ok_and(|keys| keys.find(self.encryption.alg).is_some()) {
                    true => Ok(()),
                    false => Err("no key of the resource serves the encryption of its access tokens"),
                }
            }
        }
    }
}
