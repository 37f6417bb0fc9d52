//! SCIM 2.0 service provider and client.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod error;
pub mod filter;
pub mod fold;
pub mod json;
mod normalize;
pub mod patch;
pub mod profile;
pub mod project;
pub mod schema;
pub mod sort;
