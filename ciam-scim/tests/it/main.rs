//! Conversations with the service provider.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]
#![expect(clippy::needless_pass_by_value, reason = "tests read better without references to literals")]

mod atomic;
mod bulk;
mod directories;
mod groups;
mod identity;
mod later;
mod limits;
mod meanwhile;
mod oracle;
mod paging;
mod peers;
mod protocol;
mod sync;
mod world;
