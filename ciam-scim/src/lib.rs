//! SCIM 2.0 service provider and client.
//!
//! A directory (Microsoft Entra ID, Okta, a script) says who works for a customer of yours. This crate understands it, and makes
//! accounts, memberships and roles of it: whole or not at all, in one commit with the events that tell of it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use ciam_core::actor::Actor;
//! use ciam_core::memory;
//! use ciam_core::organization::{Organizations, Slug};
//! use ciam_core::password::{Argon2idHasher, PasswordFactor};
//! use ciam_core::session::SessionManager;
//! use ciam_scim::connection::Connection;
//! use ciam_scim::service::{Caller, ScimService};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ports = memory::ports();
//! let organizations = Organizations::new(ports.clone());
//! let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
//! let acme = organizations.create(&Actor::system("setup"), Slug::new("acme")?, "Acme", None).await?;
//! let service = ScimService::new(ports.clone(), organizations, SessionManager::new(ports), password);
//!
//! // In the host's HTTP stack, for every request below the base whose token is that of the connection.
//! let connection = Connection::new(acme.id);
//! let caller = Caller::new(&connection, "https://id.example/scim/v2");
//! let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"kim@acme.example"}"#;
//! let request = http::Request::post("/scim/v2/Users").body(Bytes::from(body))?;
//! let response = service.handle(&caller, request).await;
//! assert_eq!(response.status(), 201);
//! # Ok(()) }
//! ```
//!
//! # How it fits together
//!
//! - [`service`] answers requests ([RFC 7644]); who may call is the host's to say, by the tokens of a [`connection`] or otherwise.
//! - [`client`] asks the service providers of others, and keeps them in step.
//! - [`view`] reads and writes users and groups by the names of their attributes.
//! - [`schema`] has users, groups and the enterprise extension ([RFC 7643]), and takes a host's own attributes and types as data.
//! - [`filter`], [`patch`], [`project`] and [`sort`] are pure: they work on JSON and know no store.
//! - [`profile`] says how far a directory is tolerated.
//! - [`store`] says what is kept; [`event`] what is told, also as security events ([RFC 9967]).
//! - [`manual`] has the rules about accounts, the limits, and what is supported.
//!
//! # Crate features
//!
//! - `testkit`: suites that a host runs against its own server: recorded requests of directories, bad input, races.
//!
//! # What is not there
//!
//! - Groups in groups give their members no roles. Whether they are among the `groups` of a user says
//!   [`with_nested_groups`](service::ScimService::with_nested_groups).
//! - A store compares index values for equality and nothing else: they are personal data, of which it may hold keyed hashes.
//!   By these are found: equality of names, ids, external ids, employee numbers and addresses, beginnings of names of two and
//!   more letters, who is switched on or off, membership, and what was made or changed since a day of the last two months. What
//!   they say exactly, and what `and`, `or` and `not` make of that, the store counts and cuts into pages itself, at any size;
//!   so it does with everybody. Other comparisons look at what was found, or at every resource of the organization, up to a
//!   limit, and are refused beyond it. See [`filter::plan`] for the rules by which these combine.
//! - Events have the names of what changed and no values (`full` of [RFC 9967]).
//!
//! [RFC 7643]: https://www.rfc-editor.org/rfc/rfc7643
//! [RFC 7644]: https://www.rfc-editor.org/rfc/rfc7644
//! [RFC 9967]: https://www.rfc-editor.org/rfc/rfc9967
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod client;
pub mod connection;
pub mod error;
pub mod event;
pub mod filter;
pub mod fold;
pub mod json;
pub mod manual;
mod normalize;
pub mod patch;
pub mod profile;
pub mod project;
pub mod schema;
pub mod service;
pub mod sort;
pub mod store;
#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;
pub mod view;
