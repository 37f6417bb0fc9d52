//! How long what is kept.

use ciam_core::privacy::{InactivityPolicy, RetentionPolicy};
use serde::Deserialize;

use super::Span;

/// How long what is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// An account of which nobody proved an address.
    pub unverified: Option<Span>,
    /// An account that nobody uses is closed after this time.
    pub inactive: Option<Span>,
    /// So long before, its owner is told.
    pub warning: Option<Span>,
    /// So long after, it can be taken back.
    pub grace: Option<Span>,
    /// Entries of the audit log.
    pub audit: Option<Span>,
}

impl RetentionSettings {
    /// The rules.
    ///
    /// # Errors
    ///
    /// A key that means nothing or contradicts another, and what is wrong with it.
    pub(super) fn policy(&self) -> Result<RetentionPolicy, (&'static str, &'static str)> {
        let mut policy = RetentionPolicy::default();
        if let Some(unverified) = self.unverified {
            policy.unverified = Some(unverified.time());
        }
        policy.audit = self.audit.map(Span::time);
        let Some(after) = self.inactive else {
            return match (self.warning, self.grace) {
                (Some(_), _) => Err(("warning", "means nothing without `inactive`")),
                (_, Some(_)) => Err(("grace", "means nothing without `inactive`")),
                (None, None) => Ok(policy),
            };
        };
        let mut inactive = InactivityPolicy::after(after.time());
        inactive.warning = self.warning.map_or(inactive.warning, Span::time);
        inactive.grace = self.grace.map_or(inactive.grace, Span::time);
        if inactive.warning >= inactive.close_after {
            return Err(("inactive", "must be longer than the warning"));
        }
        policy.inactive = Some(inactive);
        Ok(policy)
    }
}
