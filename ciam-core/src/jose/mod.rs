//! JOSE: signed tokens and the keys that verify them.
//!
//! - [`Verifier`] checks compact JWS ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)) against a [`KeySet`] of parsed
//!   keys, by a policy of allowed algorithms and token types that the token cannot influence
//!   ([RFC 8725](https://www.rfc-editor.org/rfc/rfc8725)).
//! - [`sign`] makes them, through the [`Signer`] port; [`LocalSigner`] is the one that holds its key in memory.
//! - [`PublicJwk`] and [`PublicJwkSet`] read keys ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)) strictly, as
//!   `jsonwebtoken`'s types where those are wanted.
//! - [`RegisteredClaims`] and [`ClaimRules`] read and check the claims that every JWT has
//!   ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)), at a time that the caller gives.
//!
//! Encrypted tokens are in [`jwe`], with the feature of that name.
//!
//! What it does not do: detached or unencoded payloads, the JSON serialization, fetching keys. `none`
//! cannot be expressed.
//!
//! `jsonwebtoken`'s own `encode` and `decode` are not used: they read a process-global backend and the system's clock, and
//! parse keys at every call. An application that calls them itself can install [`jsonwebtoken_provider`].

mod algorithm;
mod claims;
mod compact;
mod error;
mod header;
mod json;
#[cfg(feature = "jwe")]
#[cfg_attr(docsrs, doc(cfg(feature = "jwe")))]
pub mod jwe;
mod jwk;
mod jwk_set;
mod jws;
mod key_set;
mod known_headers;
mod provider;
mod remote;
mod signer;
mod typ;

pub use self::algorithm::{Algorithm, AlgorithmSet, UnsupportedAlgorithm};
pub use self::claims::{
    Audience, AudienceRule, ClaimRules, ClaimsError, InvalidDate, NumericDate, RegisteredClaims, Text,
};
pub use self::compact::CompactForm;
pub use self::error::{JwkError, JwsError, SignError};
pub use self::header::Header;
pub use self::json::{MemberReader, read_members};
pub use self::jwk::PublicJwk;
pub use self::jwk_set::{JwkSetLimits, PublicJwkSet};
pub use self::jws::{CompactJws, JwsLimits, VerifiedJws, Verifier};
pub use self::key_set::{KeySet, VerificationKey};
pub use self::provider::jsonwebtoken_provider;
pub use self::remote::{CurrentKeys, RemoteKeys, RemoteKeysError, RemoteKeysPolicy};
pub use self::signer::{LocalSigner, Signer, sign, sign_with_header};
pub use self::typ::TokenType;
