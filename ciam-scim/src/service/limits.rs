//! How much one request may ask for.

use time::Duration;

/// How much one request may ask for. See the [manual](crate::manual) for why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest body, in bytes. Default 8 MiB.
    pub max_body: usize,
    /// The longest body of a bulk request, in bytes. Default 1 MiB.
    pub max_bulk_body: usize,
    /// The most operations of a bulk request. Default 1000.
    pub max_bulk_operations: usize,
    /// The size of a page where none is asked for. Default 100.
    pub default_page: usize,
    /// The largest page. Default 1000.
    pub max_page: usize,
    /// The most resources that one search looks at, where the store does not count by itself. Default 100000.
    pub max_scan: usize,
    /// The most members that a response lists of one group. Default 10000.
    pub max_members_inline: usize,
    /// The most members that one request names. Default 20000.
    pub max_members_per_request: usize,
    /// How long a cursor is good. Default an hour.
    pub cursor_lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 8 << 20,
            max_bulk_body: 1 << 20,
            max_bulk_operations: 1_000,
            default_page: 100,
            max_page: 1_000,
            max_scan: 100_000,
            max_members_inline: 10_000,
            max_members_per_request: 20_000,
            cursor_lifetime: Duration::HOUR,
        }
    }
}
