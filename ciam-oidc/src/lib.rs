//! OpenID Connect provider and relying party on top of ciam-oauth.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod claims;
mod http;
pub mod id_token;
pub mod logout;
pub mod provider;
pub mod rp;

pub use self::provider::{OpenIdProvider, ProviderConfig};
