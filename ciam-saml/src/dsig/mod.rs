//! XML signatures, in the profile of SAML ([SAML core, section 5.4](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf);
//! [XML Signature 1.1](https://www.w3.org/TR/xmldsig-core1/)).
//!
//! A signature is a direct child of what it signs, has one reference to it, and exactly two transforms. [`verify`] answers
//! with [`Signed`]: a document of its own, read from the very octets that were hashed. Whatever was around them, or was
//! written in another way, is not in it. Keys come from the caller; `KeyInfo` is not read.
//!
//! What it does not do: detached or enveloping signatures in XML, other transforms, HMAC, DSA, SHA-1, RSASSA-PSS.

mod algorithm;
mod base64;
mod keys;
mod sign;
mod verify;

pub use self::algorithm::SignatureAlgorithm;
pub(crate) use self::base64::{decode_packed, decode_strict, encode, is_space};
pub use self::keys::{KeyError, Signer, TrustedKey, TrustedKeys};
pub(crate) use self::sign::Unsigned;
pub(crate) use self::verify::{Announced, is_signed};
pub use self::verify::{SignatureError, SignaturePolicy, Signed, verify};
