//! Public-API tests of ciam-oidc: a provider and a relying party in one process, one module per topic.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod attacks;
mod backchannel;
mod bound_tokens;
mod certification;
mod discovery;
mod encryption;
mod forged;
mod frontchannel;
mod initiated;
mod known_providers;
mod logout;
mod mix_up;
mod native_sso;
mod oauth_provider;
mod organizations;
mod requests;
mod rp_logout;
mod rp_management;
mod sign_in;
mod userinfo;
mod world;
