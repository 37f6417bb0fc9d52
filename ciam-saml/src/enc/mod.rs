//! XML encryption ([XML Encryption 1.1](https://www.w3.org/TR/xmlenc-core1/)), as far as SAML needs it.
//!
//! Content is encrypted with AES-GCM, or with AES-CBC where a signature over the ciphertext was verified before
//! ; its key with RSA-OAEP, whose two hashes are chosen one by one. Keys are inline or beside the data: nothing
//! is fetched. Whatever goes wrong is one error without detail.
//!
//! What it does not do: RSA with the padding of PKCS #1 version 1.5, 3DES, AES-192, key wrap and key agreement.

mod algorithm;
mod decrypt;
mod encrypt;
mod rsa_oaep;

pub use self::algorithm::{ContentAlgorithm, KeyTransport, OaepDigest};
pub use self::decrypt::DecryptError;
pub(crate) use self::decrypt::{Around, decrypt};
pub use self::encrypt::Recipient;
pub(crate) use self::encrypt::encrypt;
pub use self::rsa_oaep::{DecryptionKey, DecryptionKeys};
