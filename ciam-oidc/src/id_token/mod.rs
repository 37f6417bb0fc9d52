//! ID tokens ([OpenID Connect Core, section 2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).

mod hash;
mod hint;
mod issue;

pub use self::hash::half_hash;
pub(crate) use self::hint::{Hint, read_hint};
pub(crate) use self::issue::issue;

/// The `typ` of ID tokens: the plain type of JWTs, so that no access token or logout token is taken for one.
pub(crate) const TYP: &str = "JWT";

/// The claims of an ID token that the protocol sets; a hook cannot.
pub(crate) const RESERVED: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "ds_hash",
    "org_id",
    "org_slug",
    "org_name",
];
