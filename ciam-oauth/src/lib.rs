//! OAuth 2.x authorization server, token validation and client building blocks.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod access_token;
pub mod authorize;
pub mod client;
mod client_auth;
pub mod error;
pub mod event;
pub mod extension;
pub mod grant;
pub mod introspect;
pub mod issuer;
mod metadata;
pub mod par;
pub mod pkce;
pub mod redirect_uri;
pub mod resource;
pub mod revoke;
pub mod scope;
pub mod server;
pub mod token;
pub mod validate;

pub use self::server::{AuthorizationServer, Endpoint, ServerBuilder};
