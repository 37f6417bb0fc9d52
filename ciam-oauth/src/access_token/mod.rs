//! Access tokens: what they say, and the two forms that they have.
//!
//! A resource is configured with the form of its tokens ([`TokenFormat`](crate::server::TokenFormat)): a signed JWT
//! ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)), which the resource [validates](crate::validate) without asking
//! anybody, or 256 random bits, which mean something only to [introspection](crate::introspect). Both stand for the same
//! [`AccessTokenClaims`].

mod claims;
mod denied;
mod inspect;
mod jwt;
mod mint;
mod opaque;

pub use self::claims::AccessTokenClaims;
pub(crate) use self::denied::DeniedToken;
pub use self::inspect::ActiveToken;
pub(crate) use self::mint::{Holder, Minted, OnBehalf, Plan};
pub(crate) use self::opaque::OpaqueToken;
