//! SAML 2.0 identity provider and service provider, which return only what was signed.
//!
//! ```
//! use ciam_core::http::BrowserId;
//! use ciam_core::ports::Ports;
//! use ciam_saml::binding::PostMessage;
//! use ciam_saml::dsig::{TrustedKey, TrustedKeys};
//! use ciam_saml::sp::{IdpPartner, ServiceProvider, ServiceProviderConfig, Start};
//! use ciam_saml::transport::{Binding, Outgoing};
//!
//! fn service(ports: Ports, certificate: &[u8]) -> Result<ServiceProvider, Box<dyn std::error::Error>> {
//!     let keys = TrustedKeys::new(vec![TrustedKey::from_certificate(ports.crypto(), certificate)?])?;
//!     let idp = IdpPartner::new("https://idp.example/metadata", keys)
//!         .with_sign_on(Binding::Redirect, "https://idp.example/sso");
//!     let config = ServiceProviderConfig::new("https://app.example/saml", "https://app.example/saml/acs");
//!     Ok(ServiceProvider::new(ports, config, [idp]))
//! }
//!
//! // A person wants to sign in: send the browser off …
//! async fn go(sp: &ServiceProvider, browser: &BrowserId) -> Result<Outgoing, Box<dyn std::error::Error>> {
//!     let start = Start::new().with_target("/inbox");
//!     Ok(sp.start(browser, "https://idp.example/metadata", start).await?.outgoing)
//! }
//!
//! // … and take the answer that it posts.
//! async fn back(sp: &ServiceProvider, browser: &BrowserId, form: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//!     let accepted = sp.accept(Some(browser), &PostMessage::parse(form)?).await?;
//!     let person = accepted.person;
//!     println!("{} at {}", person.name_id.value, person.idp);
//!     Ok(())
//! }
//! ```
//!
//! # What it is
//!
//! - **[`sp`]**: the service provider of the web browser profile: requests, signed where the identity provider wants that; responses
//!   by POST and by artifact, with every check of the profile and one reason for each; encrypted assertions, names and attributes; replay
//!   protection; answers bound to the browser that asked; unsolicited answers by an explicit switch only.
//! - **[`idp`]**: the identity provider: requests held against what is known of the service, responses signed and encrypted,
//!   attribute release, persistent (pairwise), transient and address names, and who was told of which session.
//! - **[`logout`]**: single logout through the browser and from server to server, both ways, for both roles, with a report of who
//!   was not reached.
//! - **[`metadata`]**: parsed, written, signed, and believed by pinned keys only, never older than before; fetched in the background,
//!   one entity by a query, or the aggregate of a federation in one pass and without a tree of it.
//! - **[`discovery`]**: finding out a person's identity provider, both sides.
//! - **[`xml`], [`dsig`], [`enc`]**: one hardened parser, exclusive canonicalization, the SAML profile of XML signatures, and XML
//!   encryption, for both roles and for nobody else to get wrong.
//!
//! [`manual`] says, attack by attack, what stops it, and lists every limit and default.
//!
//! # What is signed is what is read
//!
//! [`dsig::verify`] is the only way to a [`dsig::Signed`], which is a document of its own: read from the very octets that were
//! hashed. An [`Authenticated`](sp::Authenticated) is made from that and from nothing else. There is no function that says
//! yes or no about a document, and none that returns an identity from one that was not verified.
//!
//! # What is not there
//!
//! - Interaction with core's sessions: a host stores a [`SignOn`](idp::SignOn) in an [interaction](ciam_core::interaction) and makes
//!   a [`Person`](idp::Person) itself, as the reference server does.
//! - AES-192, and by intention SHA-1, HMAC, DSA and RSA encryption with the padding of PKCS #1 version 1.5.
//!
//! # Tested with
//!
//! lasso, pysaml2 and samlify in both roles, python3-saml and node-saml as service providers: sign-in, signed requests, encrypted
//! assertions, logout by redirect and by form ([all of it](manual::_03_interop)). libxmlsec for signatures and encryption both
//! ways, and lxml for canonical forms.
//!
//! # Crate features
//!
//! - `memory`: the in-memory ports of `ciam-core`.
//! - `testkit`: its manual clock and seeded entropy.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod binding;
pub mod cert;
pub mod discovery;
pub mod dsig;
pub mod enc;
pub mod idp;
mod instant;
pub mod logout;
pub mod manual;
pub mod metadata;
pub mod model;
pub mod names;
pub mod sp;
pub mod transport;
pub mod xml;
