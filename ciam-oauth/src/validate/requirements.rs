//! What a route wants of a token that is good in itself.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::error::ValidateError;
use super::token::AccessToken;
use crate::scope::ScopeSet;

/// What a route, or a whole API, wants of an access token beyond its being good: scope values
/// ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)), and how and when the person was
/// authenticated ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470)).
///
/// ```
/// use ciam_oauth::validate::Requirements;
///
/// let payments = Requirements::new()
///     .with_scopes("payments:write".parse()?)
///     .with_acr_values(["urn:ciam:acr:aal2"])
///     .with_max_age(time::Duration::minutes(5));
/// # let _ = payments;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    scopes: ScopeSet,
    acr_values: Vec<String>,
    max_age: Option<Duration>,
}

impl Requirements {
    /// None: any good token will do.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands these scope values, all of them.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Demands that the person was authenticated at one of these levels, the most wanted first.
    #[must_use]
    pub fn with_acr_values(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.acr_values = values.into_iter().map(Into::into).collect();
        self
    }

    /// Demands that the person was actively authenticated no longer ago than this.
    #[must_use]
    pub const fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// The scope values.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Checks a token that was found good.
    ///
    /// # Errors
    ///
    /// Fails with [`ValidateError::InsufficientScope`] or [`ValidateError::InsufficientAuthentication`]. A token that does not say
    /// how or when the person was authenticated does not meet a demand about it.
    pub fn check(&self, token: &AccessToken, now: OffsetDateTime) -> Result<(), ValidateError> {
        if !self.scopes.iter().all(|scope| token.has_scope(scope.as_str())) {
            return Err(ValidateError::InsufficientScope { required: self.scopes.clone() });
        }
        let level = || token.acr().is_some_and(|acr| self.acr_values.iter().any(|wanted| wanted == acr));
        let level_is_met = self.acr_values.is_empty() || level();
        let age_is_met =
            self.max_age.is_none_or(|most| token.auth_time().is_some_and(|time| now - time <= most));
        if level_is_met && age_is_met {
            return Ok(());
        }
        Err(ValidateError::InsufficientAuthentication {
            acr_values: self.acr_values.clone(),
            max_age: self.max_age,
            scopes: self.scopes.clone(),
        })
    }
}

/// What a claim must be that only the host knows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClaimRule {
    /// It is there and not null.
    Present,
    /// It is exactly this.
    Is(Value),
    /// It is one of these.
    OneOf(Vec<Value>),
    /// It is an array that has this member, or exactly this member.
    Includes(Value),
}

impl ClaimRule {
    fn accepts(&self, claim: &Value) -> bool {
        match self {
            Self::Present => !claim.is_null(),
            Self::Is(wanted) => claim == wanted,
            Self::OneOf(wanted) => wanted.contains(claim),
            Self::Includes(wanted) => {
                claim == wanted || claim.as_array().is_some_and(|members| members.contains(wanted))
            }
        }
    }
}

/// Checks the claims that only the host knows.
pub(super) fn check_claims(
    token: &AccessToken,
    rules: &[(Box<str>, ClaimRule)],
) -> Result<(), ValidateError> {
    if rules.is_empty() {
        return Ok(());
    }
    let claims: Map<String, Value> = token.claims().map_err(|_| ValidateError::Malformed)?;
    for (name, rule) in rules {
        if !claims.get(&**name).is_some_and(|claim| rule.accepts(claim)) {
            return Err(ValidateError::Claim(name.clone()));
        }
    }
    Ok(())
}
