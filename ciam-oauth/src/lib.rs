//! OAuth 2.x authorization server, token validation and client building blocks.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod authorize;
pub mod client;
pub mod error;
pub mod event;
pub mod extension;
pub mod grant;
pub mod issuer;
mod metadata;
pub mod par;
pub mod pkce;
pub mod redirect_uri;
pub mod resource;
pub mod scope;
pub mod server;
pub mod token;

pub use self::server::{AuthorizationServer, Endpoint, ServerBuilder};
