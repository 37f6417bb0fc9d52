//! OAuth 2.x authorization server, token validation and client building blocks.
//!
//! An authorization server that a Rust program embeds: it keeps its HTTP stack, its database and its pages, and mounts one
//! function.
//!
//! ```
//! use bytes::Bytes;
//! use ciam_core::{http::Peer, memory};
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::client::{Client, GrantType};
//! use ciam_oauth::server::SupportedScope;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .scope(SupportedScope::new("orders:read".parse()?, "See your orders"))
//!     .build()
//!     .await?;
//!
//! let shop = Client::public("shop".parse()?)
//!     .with_redirect_uri("https://shop.example/callback".parse()?)
//!     .with_grant(GrantType::AuthorizationCode)
//!     .with_scopes("orders:read".parse()?);
//! server.clients().put(shop).await?;
//!
//! // In the host's HTTP stack, for every request below the issuer:
//! let request = http::Request::get(
//!     "/authorize?client_id=shop&response_type=code&scope=orders:read\
//!      &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
//! );
//! let peer = Peer::new([192, 0, 2, 7].into());
//! let response = server.handle(request.body(Bytes::new())?, &peer).await;
//! // Nobody is signed in: the browser goes to the host's pages.
//! assert_eq!(response.status(), 303);
//! assert!(response.headers()["location"].to_str()?.starts_with("https://id.example/interaction/"));
//! # Ok(())
//! # }
//! ```
//!
//! # How it fits together
//!
//! - [`AuthorizationServer`] is built on the [`Ports`](ciam_core::ports::Ports) of one tenant and has one
//!   [`Issuer`](issuer::Issuer). [`handle`](AuthorizationServer::handle) answers every endpoint; each endpoint is also a typed
//!   method, such as [`authorize`](AuthorizationServer::authorize).
//! - Where a person is needed, the server stops with an *interaction* and sends the browser to the host's pages. They ask
//!   [`interaction`](AuthorizationServer::interaction) what is wanted, sign the person in with
//!   [`ciam_core::journey`], give the answer to [`answer_consent`](AuthorizationServer::answer_consent) and its like, and
//!   send the browser back. The server then decides anew.
//! - [`client`] has the registered applications, [`grant`] what people allowed them, [`token`] and [`access_token`] what they
//!   are given for it, [`introspect`] and [`revoke`] what can be asked and taken back.
//! - [`validate`] is for the other side: an API that is shown an access token. [`dpop`] and [`confirmation`] bind tokens to keys.
//! - [`device`] authorizes devices without a keyboard; [`mtls`] is for clients with certificates.
//! - [`extension`] is where OpenID Connect plugs in (`ciam-oidc`).
//!
//! # The manual
//!
//! [`manual`] has the threat model, every known attack with the check or type that stops it, how-to pages, the table of
//! supported specifications, and every default with its reason.
//!
//! # Crate features
//!
//! None is on by default, and none changes behaviour.
//!
//! - `memory`: the in-memory ports of `ciam-core`, to run a server without any adapter.
//! - `testkit`: the manual clock, seeded entropy and contract suites of `ciam-core`, and races of whole flows.
//! - `draft-attested-clients`: `attest_jwt_client_auth`, after draft-ietf-oauth-attestation-based-client-auth-10. May change in
//!   any release.
//! - `draft-client-documents`: clients that publish what they are, after draft-ietf-oauth-client-id-metadata-document-02. May
//!   change in any release.
//! - `draft-first-party-apps`: authorization without a browser for the operator's own apps, after
//!   draft-ietf-oauth-first-party-apps-03. May change in any release.
//! - `draft-native-sso`: tokens for another app on the same device, after OpenID Connect Native SSO for Mobile Apps 1.0, draft 06,
//!   which `ciam-oidc` turns on. May change in any release.
//! - `draft-status-list`: the status of access tokens in published lists, after draft-ietf-oauth-status-list-21. May change in any
//!   release.
//! - `draft-transaction-tokens`: tokens of one transaction inside of a trust domain, after draft-ietf-oauth-transaction-tokens-09. May
//!   change in any release.
//! - `tracing`: spans and events through the `tracing` crate; identifiers and error codes only.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod access_token;
pub mod authorization_details;
pub mod authorize;
pub mod backchannel;
pub mod client;
mod client_auth;
#[cfg(feature = "draft-client-documents")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-client-documents")))]
pub mod client_document;
pub mod confirmation;
pub mod custom_grant;
pub mod device;
pub mod dpop;
pub mod error;
pub mod event;
pub mod exchange;
pub mod extension;
pub mod grant;
pub mod introspect;
pub mod issuer;
pub mod jwt_bearer;
pub mod manual;
mod metadata;
pub mod mtls;
pub mod organization;
pub mod par;
pub mod pkce;
pub mod privacy;
mod recipient;
pub mod redirect_uri;
pub mod registration;
pub mod request_object;
pub mod resource;
pub mod revoke;
pub mod scope;
pub mod server;
#[cfg(feature = "draft-status-list")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
pub mod status_list;
#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;
mod times;
pub mod token;
mod trace;
#[cfg(feature = "draft-transaction-tokens")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-transaction-tokens")))]
pub mod transaction_token;
pub mod validate;

pub use self::server::{AuthorizationServer, Endpoint, ServerBuilder};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
