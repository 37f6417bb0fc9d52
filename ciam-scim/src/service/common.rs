//! What operations that are done at once look up once for all of them.

use std::collections::BTreeMap;

use ciam_core::account::IdentifierKey;
use ciam_core::organization::{DomainName, Standing};

use super::context::Cx;

/// Where the directory stands and whose the domains are, as all operations of one round find them: the commit of each requires
/// that the organization is still as it was, and what loses a race looks again.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) standing: Standing,
    /// Whether the organization has proved a domain.
    pub(super) ours: BTreeMap<DomainName, bool>,
}

impl Cx<'_> {
    /// What is common to operations whose data name these people; `None` when it cannot be read: each of them finds out by itself
    /// then.
    pub(super) async fn common_of(&self, names: impl Iterator<Item = String> + Send) -> Option<Common> {
        let standing = self.standing().await.ok()?;
        let mut ours = BTreeMap::new();
        for key in names.filter_map(|it| IdentifierKey::email(&it).ok()) {
            let Some(domain) = DomainName::of_email(&key) else { continue };
            if ours.len() < MAX_DOMAINS && !ours.contains_key(&domain) {
                ours.insert(domain, self.is_ours(&key).await.ok()?);
            }
        }
        Some(Common { standing, ours })
    }
}

/// Of more domains than these in one round each operation asks for its own.
const MAX_DOMAINS: usize = 8;
