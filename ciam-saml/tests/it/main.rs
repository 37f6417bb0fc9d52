//! The public interface, one file per document.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics is a test that fails, and says what it skips"
)]

mod aggregates;
mod back_channel;
mod bindings;
mod c14n;
mod encryption;
mod identity_provider;
mod messages;
mod metadata;
mod mutations;
mod parser;
mod peers;
mod refresh;
mod sealed;
mod service_provider;
mod signatures;
mod support;
#[path = "../catalogue/targets.rs"]
#[expect(dead_code, reason = "shared with the catalogue")]
mod targets;
mod world;
