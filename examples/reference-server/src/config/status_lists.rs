//! The lists in which the status of access tokens is published, as configured.

use serde::Deserialize;

use super::Span;

/// The lists of the status of access tokens, in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusListSection {
    /// How long others may keep a list. Default: one minute.
    pub ttl: Option<Span>,
    /// A list is made anew no sooner than this after the last time. Default: five seconds.
    pub rebuild_after: Option<Span>,
    /// How many tokens a list has room for: a power of four. Default: 65536.
    pub capacity: Option<u32>,
    /// For how long at most a list takes up new tokens. Default: six hours.
    pub open_for: Option<Span>,
    /// Whether the token of an account that is suspended is suspended, and not revoked. Default: yes.
    pub suspension: Option<bool>,
}

#[cfg(feature = "draft-status-list")]
impl StatusListSection {
    /// What the library makes of it, or why it cannot be.
    pub(super) fn settings(
        &self,
    ) -> Result<ciam_oauth::status_list::StatusListSettings, (&'static str, String)> {
        use ciam_oauth::status_list::{StatusBits, StatusListSettings};

        let default = StatusListSettings::new();
        let bits = if self.suspension.unwrap_or(true) { StatusBits::Two } else { StatusBits::One };
        let settings = default
            .with_ttl(self.ttl.map_or(default.ttl, Span::time))
            .with_rebuild_after(self.rebuild_after.map_or(default.rebuild_after, Span::time))
            .with_capacity(self.capacity.unwrap_or(default.capacity))
            .with_open_for(self.open_for.map_or(default.open_for, Span::time))
            .with_bits(bits);
        settings.check().map_err(|why| ("status_lists", why.to_owned()))?;
        Ok(settings)
    }
}
