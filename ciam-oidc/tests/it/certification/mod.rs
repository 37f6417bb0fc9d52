//! The modules of the OpenID Foundation's certification plans, as tests over HTTP, each named after its module.
//!
//! What a module asserts is what the public suite does, in this crate's own words. The server is the
//! [`OpenId`](ciam_oauth::server::Profile::OpenId) profile with an RSA key; the client is the plainest there is: a secret, no
//! PKCE. The table of verdicts is in the crate's manual.

mod basic;
mod ciba;
mod client;
mod config;
mod dynamic;
mod fapi;
mod id_tokens;
mod logout;
mod suite;
mod third_party;
