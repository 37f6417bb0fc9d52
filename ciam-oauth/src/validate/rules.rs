//! What every access token must be, whoever vouches for it.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::binding::{SenderConstraint, check_binding};
use super::deny_list::DenyList;
use super::error::ValidateError;
use super::presented::Presented;
use super::requirements::{ClaimRule, Requirements, check_claims};
use super::token::AccessToken;
use crate::scope::ScopeSet;

/// What every access token of a resource must be, whether its signature or its issuer vouches for it: for this audience, not
/// expired, not revoked, proved by its sender if it is bound, with what the host demands.
#[derive(Clone, Debug)]
pub struct TokenRules {
    pub(super) audience: String,
    pub(super) required: Requirements,
    pub(super) claims: Vec<(Box<str>, ClaimRule)>,
    pub(super) constraint: SenderConstraint,
    pub(super) skew: Duration,
    pub(super) denied: Option<Arc<DenyList>>,
}

impl TokenRules {
    /// Tokens for one audience: any scope, bound or not, clocks that differ by 10 seconds.
    #[must_use]
    pub fn new(audience: impl Into<String>) -> Self {
        Self {
            audience: audience.into(),
            required: Requirements::new(),
            claims: Vec::new(),
            constraint: SenderConstraint::None,
            skew: Duration::seconds(10),
            denied: None,
        }
    }

    /// Demands these scope values of every token.
    #[must_use]
    pub fn with_required_scopes(mut self, scopes: ScopeSet) -> Self {
        self.required = self.required.with_scopes(scopes);
        self
    }

    /// Demands a claim of every token.
    #[must_use]
    pub fn with_required_claim(mut self, name: impl Into<Box<str>>, rule: ClaimRule) -> Self {
        self.claims.push((name.into(), rule));
        self
    }

    /// Demands that every token is bound to its sender.
    #[must_use]
    pub const fn with_sender_constraint(mut self, constraint: SenderConstraint) -> Self {
        self.constraint = constraint;
        self
    }

    /// Sets by how much the clocks of issuer and resource may differ.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Refuses what this list names. Whoever learns of revocations tells the list; see [`DenyList`].
    #[must_use]
    pub fn with_deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.denied = Some(list);
        self
    }

    /// Checks what does not change while the token lives.
    pub(super) fn check(&self, token: &AccessToken, now: OffsetDateTime) -> Result<(), ValidateError> {
        if !token.audience().any(|audience| audience == self.audience) {
            return Err(ValidateError::Audience);
        }
        check_claims(token, &self.claims)?;
        self.required.check(token, now)
    }

    /// Checks what may have changed since the token was found good, and what depends on who presents it.
    pub(super) fn check_again(
        &self,
        token: &AccessToken,
        presented: &Presented<'_>,
        now: OffsetDateTime,
    ) -> Result<(), ValidateError> {
        // Differences, not sums: a date at the end of time must not overflow.
        if now - token.expires_at() >= self.skew {
            return Err(ValidateError::Expired);
        }
        if token.not_before().is_some_and(|begin| begin - now > self.skew) {
            return Err(ValidateError::NotYetValid);
        }
        check_binding(token, presented, self.constraint)?;
        match &self.denied {
            Some(denied) if denied.names(token, now) => Err(ValidateError::Revoked),
            _ => Ok(()),
        }
    }
}
