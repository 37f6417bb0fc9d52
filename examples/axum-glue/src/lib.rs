//! Mounts ciam's endpoints in [axum].
//!
//! The libraries answer an `http::Request<Bytes>` with an `http::Response<Bytes>` and know no HTTP stack. This
//! package reads the body, bounded, finds out who is on the other side, and hands both over:
//!
//! ```
//! use bytes::Bytes;
//!
//! let router: axum::Router = ciam_axum::mount(|request, peer| async move {
//!     let text = format!("{} from {}", request.uri().path(), peer.address);
//!     http::Response::new(Bytes::from(text))
//! });
//! ```
//!
//! An API that accepts access tokens puts a [`Guard`] before its routes and takes the [`Token`] in its handlers.
//!
//! A process that is the authorization server of several [`Tenants`] chooses by host or path whose request it is.
//!
//! Serve the router with `into_make_service_with_connect_info::<SocketAddr>()`, which is how the address of the
//! other side gets here. A host behind a proxy that it trusts puts a [`Peer`](ciam_core::http::Peer) into the request's extensions in
//! a middleware of its own: it comes before the connection's address.

mod body;
mod mount;
mod resource;
mod tenants;

pub use body::{BodyTooLarge, MAX_BODY, collect};
pub use mount::{mount, peer};
pub use resource::{Guard, Guarded, Token, Unguarded, metadata_route};
pub use tenants::{SameIssuer, Tenants};
