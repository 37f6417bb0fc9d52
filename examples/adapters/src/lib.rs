//! Adapters for the ciam ports.
//!
//! - [`sqlite`]: the durable store and the ephemeral store, in one file.

mod sql;
pub mod sqlite;
