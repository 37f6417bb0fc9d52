//! Claims about people: which there are, which scope values release them, and how a client asks for single ones
//! ([OpenID Connect Core, section 5](https://openid.net/specs/openid-connect-core-1_0.html#Claims)).

mod release;
mod request;
mod standard;

pub use self::release::{Release, release};
pub use self::request::{ClaimRequest, ClaimsRequest, InvalidClaims};
pub use self::standard::StandardScope;
