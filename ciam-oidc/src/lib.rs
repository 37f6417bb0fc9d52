//! OpenID Connect provider and relying party on top of ciam-oauth.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use ciam_core::jose::Algorithm;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oidc::{OpenIdProvider, ProviderConfig};
//!
//! let config = ProviderConfig::new("https://id.example/sign-out/", "https://id.example/signed-out");
//! let provider = OpenIdProvider::new(config.with_only_algorithm(Algorithm::Es256));
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .extension(Arc::new(provider))
//!     .build()
//!     .await?;
//! assert_eq!(server.metadata()["userinfo_endpoint"], "https://id.example/userinfo");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`OpenIdProvider`] plugs into the authorization server: it reads `nonce`, `claims` and `id_token_hint`, adds ID tokens to
//! token responses, and serves discovery, UserInfo and end-session. [`rp::RelyingParty`] is the other side: it signs people in
//! with a provider and returns checked claims.
//!
//! # Supported specifications
//!
//! | specification | state |
//! | --- | --- |
//! | [OpenID Connect Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html) | code flow; ID token and UserInfo, signed and encrypted; scopes, `claims`, `prompt`, `max_age`, `acr_values`, hints, request objects, pairwise subjects, third-party initiated login, offline access; the flows with `code id_token` and `id_token` by the [profile](ciam_oauth::server::Profile::OpenIdHybrid) for certification. Not: access tokens from the authorization endpoint, aggregated claims |
//! | [Discovery 1.0](https://openid.net/specs/openid-connect-discovery-1_0.html) | configuration document, signed where it is turned on; WebFinger for the domains that are named, and at the relying party |
//! | [Dynamic Client Registration 1.0](https://openid.net/specs/openid-connect-registration-1_0.html) | through ciam-oauth; at the relying party registration, and management by [RFC 7592](https://www.rfc-editor.org/rfc/rfc7592) |
//! | At the relying party | pushed requests, signed request objects by value and by reference, [JARM](https://openid.net/specs/oauth-v2-jarm.html), DPoP, mutual TLS aliases, RFC 9207, encrypted ID tokens, signed and encrypted UserInfo |
//! | Well-known providers | at the relying party, as data: [`rp::known`], printed in the [manual](manual::_02_providers) |
//! | [OAuth 2.0](https://www.rfc-editor.org/rfc/rfc6749) providers without OpenID Connect | at the relying party, whole: [`rp::oauth`] |
//! | [RP-Initiated Logout 1.0](https://openid.net/specs/openid-connect-rpinitiated-1_0.html) | whole |
//! | [Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html) | whole, at the provider; at the relying party the endpoint, the check of logout tokens, and which sessions they end |
//! | [Front-Channel Logout 1.0](https://openid.net/specs/openid-connect-frontchannel-1_0.html) | whole, at the provider |
//! | [Session Management 1.0](https://openid.net/specs/openid-connect-session-1_0.html) | whole, at the provider |
//! | [Prompt Create 1.0](https://openid.net/specs/openid-connect-prompt-create-1_0.html) | whole |
//! | [Form Post Response Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html) | through ciam-oauth |
//!
//! # Limits and defaults
//!
//! | what | default | where |
//! | --- | --- | --- |
//! | ID token | 10 minutes | [`ProviderConfig::id_token_lifetime`] |
//! | ID token algorithm | RS256; ES256 on request | [`ProviderConfig::default_algorithm`] |
//! | Logout token | 2 minutes | fixed |
//! | Clients told of one session's end in one commit, or in one page of frames | 50 | fixed |
//! | The page of frames | can be loaded for 5 minutes; goes on after 4 seconds | fixed |
//! | `nonce` | 512 bytes | fixed |
//! | `claims` | 8 KiB, 64 claims | [`claims::ClaimsRequest`] |
//! | Values of a sign-out request | 8 KiB each | [`Limits::max_value`](ciam_oauth::server::Limits::max_value) |
//! | Relying party: clock skew | 30 s | [`rp::RelyingPartyConfig::clock_skew`] |
//! | Relying party: time to sign in | 30 minutes | [`rp::RelyingPartyConfig::sign_in_lifetime`] |
//! | Relying party: metadata fetched again | after 1 hour | [`rp::RelyingPartyConfig::refresh_interval`] |
//! | Relying party: client assertion, signed secret | 1 minute | fixed |
//! | Relying party: request object | 5 minutes | [`rp::RequestObjects::lifetime`] |
//! | Relying party: servers whose DPoP nonce is remembered, and the longest nonce | 64, 512 bytes | fixed |
//! | Relying party: identifier for WebFinger | 1 KiB | [`rp::issuer_of`] |
//! | Relying party: profile of a provider without ID tokens | 64 KiB, JSON 16 deep; a subject of 255 bytes, 100 addresses | fixed |
//! | Relying party: the `user` that Apple posts | 4 KiB; the name is taken and nothing else | fixed |
//! | Relying party: a notice of Apple | 16 KiB, 7 days old at most, once | fixed |
//! | Relying party: name, address, picture of a person | 256, 254, 2048 bytes; what is longer is left out | fixed |
//! | Relying party: logout token | 10 minutes old at most, once | fixed |
//!
//! The [manual] has the modules of the certification plans, each with its verdict, and the table of well-known providers.
//!
//! # Crate features
//!
//! - `memory`, `testkit`, `tracing`: those of the crates below.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod claims;
mod http;
pub mod id_token;
pub mod logout;
pub mod manual;
pub mod privacy;
pub mod provider;
pub mod rp;

pub use self::provider::{OpenIdProvider, ProviderConfig};
