//! Encrypted tokens: compact JWE ([RFC 7516](https://www.rfc-editor.org/rfc/rfc7516)).
//!
//! - [`encrypt`] makes one for a [`Recipient`], whose key is an [`EncryptionJwk`] or a shared secret.
//! - A [`Decrypter`] opens them with keys that are each bound to one way of key management, by a policy that the token cannot
//!   influence. What comes out is as trustworthy as the key is secret: anybody can encrypt for a public key, so a token that
//!   must come from somebody is signed first and [nested](Decrypted::nested).
//!
//! What it does not do: compression (`zip` is refused: it leaks and explodes), the JSON serialization, RSA1_5, AES key wrap
//! by shared secrets, passwords (PBES2), critical extensions.
//!
//! ```
//! use ciam_core::crypto::{self, DecryptionKeyKind};
//! use ciam_core::jose::jwe::{self, ContentEncryption, Decrypter, DecryptionKey, KeyManagement, Recipient};
//!
//! let crypto = crypto::ring();
//! let pkcs8 = crypto.encryption().ok_or("none")?.generate_decryption_key(DecryptionKeyKind::P256)?;
//! let ours = DecryptionKey::from_pkcs8(&*crypto, KeyManagement::EcdhEsA256Kw, pkcs8.expose())?.with_kid("enc-1");
//! let published = ours.public_jwk().ok_or("none")?;
//!
//! let recipient = Recipient::new(&published, KeyManagement::EcdhEsA256Kw, ContentEncryption::A256Gcm)?;
//! let token = jwe::encrypt(&*crypto, &recipient, Some("JWT"), b"eyJhbGciOi.e30.c2ln")?;
//!
//! let decrypter = Decrypter::new(crypto.clone(), vec![ours]);
//! assert_eq!(decrypter.decrypt(&token)?.nested()?, "eyJhbGciOi.e30.c2ln");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//!
//! - The key decides the key management and the policy the content encryption; the header can only name what is expected.
//! - Every failure after the header is the same [`JweError::Decryption`]: an unwrapped key that is wrong is replaced by a random
//!   one ([RFC 7516, section 11.5](https://www.rfc-editor.org/rfc/rfc7516#section-11.5)).
//! - Keys of others are checked to be points of their curve before they meet ours (invalid-curve attacks).

mod algorithm;
mod concat_kdf;
mod decrypt;
mod encrypt;
mod error;
mod header;
mod jwk;

pub use self::algorithm::{ContentEncryption, KeyManagement, UnsupportedEncryption};
pub use self::decrypt::{Decrypted, Decrypter, DecryptionKey, JweLimits};
pub use self::encrypt::{Recipient, encrypt};
pub use self::error::{EncryptError, JweError};
pub use self::header::JweHeader;
pub use self::jwk::{EncryptionJwk, EncryptionJwkSet};

#[cfg(test)]
mod tests;
