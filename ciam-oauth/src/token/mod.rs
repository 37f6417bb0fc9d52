//! The token endpoint.

pub mod refresh;
