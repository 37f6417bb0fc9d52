//! Access tokens that are encrypted for this resource.

use ciam_core::jose::CompactForm;
use ciam_core::jose::jwe::{Decrypter, JweError};
use ciam_core::secret::Secret;

use super::error::ValidateError;

/// How a resource opens access tokens that are encrypted for it
/// ([RFC 9068, section 4](https://www.rfc-editor.org/rfc/rfc9068#section-4)): with keys that are each bound to one way of key
/// management, by the content encryptions that it agreed on. A token that is not encrypted is refused.
///
/// ```
/// use ciam_core::crypto::{self, DecryptionKeyKind};
/// use ciam_core::jose::jwe::{ContentEncryption, Decrypter, DecryptionKey, KeyManagement};
/// # use ciam_core::jose::KeySet;
/// # use ciam_oauth::validate::Validator;
/// use ciam_oauth::validate::TokenDecryption;
///
/// let crypto = crypto::ring();
/// let pkcs8 = crypto.encryption().ok_or("none")?.generate_decryption_key(DecryptionKeyKind::P256)?;
/// let key = DecryptionKey::from_pkcs8(&*crypto, KeyManagement::EcdhEsA256Kw, pkcs8.expose())?.with_kid("2026");
/// // The resource publishes `key.public_jwk()`, or gives it to the authorization server.
/// let decrypter = Decrypter::new(crypto, vec![key]).with_encryptions(&[ContentEncryption::A256Gcm]);
/// # let validator = Validator::new("https://id.example".parse()?, "https://api.example", KeySet::default());
/// let validator = validator.with_decryption(TokenDecryption::new(decrypter));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// - Keys and algorithms are those given here. The token's header can only name what is expected; a key inside of it is not used.
/// - Encryption proves nothing about who made a token, because everybody has the public key: what is inside is verified as every
///   other access token is, its signature first.
#[derive(Clone, Debug)]
pub struct TokenDecryption {
    decrypter: Decrypter,
    plain_too: bool,
}

impl TokenDecryption {
    /// Opens tokens with this decrypter, and takes no other.
    #[must_use]
    pub const fn new(decrypter: Decrypter) -> Self {
        Self { decrypter, plain_too: false }
    }

    /// Takes tokens that are only signed as well: while the authorization server begins to encrypt, or stops.
    #[must_use]
    pub const fn accepting_unencrypted(mut self) -> Self {
        self.plain_too = true;
        self
    }

    /// The signed token, taken out of the encrypted one.
    pub(super) fn open<'t>(&self, token: &'t str) -> Result<Signed<'t>, ValidateError> {
        match CompactForm::of(token) {
            Some(CompactForm::Encrypted) => {
                let opened = self.decrypter.decrypt(token).map_err(problem)?;
                opened.nested().map(|inside| Signed::Inside(Secret::from(inside))).map_err(problem)
            }
            Some(CompactForm::Signed) if self.plain_too => Ok(Signed::Plain(token)),
            Some(CompactForm::Signed) => Err(ValidateError::Encryption),
            None => Err(ValidateError::Malformed),
        }
    }
}

/// A signed token.
pub(super) enum Signed<'t> {
    /// As it was presented.
    Plain(&'t str),
    /// Out of an encrypted one.
    Inside(Secret),
}

impl Signed<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(token) => token,
            Self::Inside(token) => token.expose(),
        }
    }
}

const fn problem(error: JweError) -> ValidateError {
    match error {
        JweError::TooLarge => ValidateError::TooLarge,
        JweError::Malformed | JweError::DuplicateMember => ValidateError::Malformed,
        _ => ValidateError::Encryption,
    }
}
