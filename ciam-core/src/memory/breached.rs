//! A list of breached passwords in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::error::PortError;
use crate::password::BreachedPasswords;

/// A fixed list of breached passwords, by the SHA-1 digest of each.
///
/// ```
/// use ciam_core::memory::MemoryBreachedPasswords;
///
/// // The digest of `password`, seen 10 million times.
/// let list = MemoryBreachedPasswords::new([("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", 10_000_000)]);
/// # let _ = list;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryBreachedPasswords(BTreeMap<String, u64>);

impl MemoryBreachedPasswords {
    /// A list of digests (40 hexadecimal digits) and how often each password was seen.
    pub fn new<'a>(seen: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        Self(seen.into_iter().map(|(digest, count)| (digest.to_ascii_uppercase(), count)).collect())
    }
}

#[async_trait]
impl BreachedPasswords for MemoryBreachedPasswords {
    async fn occurrences(&self, sha1_hex: &str) -> Result<u64, PortError> {
        Ok(self.0.get(sha1_hex).copied().unwrap_or(0))
    }
}
