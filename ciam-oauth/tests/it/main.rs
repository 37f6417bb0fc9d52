//! Public-API tests of ciam-oauth, one module per topic.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics is a test that fails"
)]

mod support;

mod authorize;
mod authorize_errors;
mod browsers;
mod challenge;
mod client_documents;
mod clients;
mod consent;
mod device;
mod extension;
mod http_layer;
mod interactions;
mod metadata;
mod organizations;
mod profiles;
mod prompts;
mod pushed;
mod registration;
mod request_objects;
mod response_jwt;
mod tokens;
