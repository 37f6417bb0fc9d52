//! The validator.

use std::sync::Arc;

use ciam_core::jose::{AlgorithmSet, JwsError, KeySet, RemoteKeys, TokenType, Verifier};
use time::{Duration, OffsetDateTime};

use super::error::ValidateError;
use super::token::AccessToken;
use crate::issuer::Issuer;
use crate::scope::ScopeSet;

/// Decides whether a JWT access token ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)) lets its bearer in.
///
/// Make one for each resource, keep it, and share it between threads: keys stay parsed, and validation takes no lock and
/// waits for nothing.
///
/// # Security
///
/// - Only tokens of type `at+jwt` pass, so that neither an id_token nor a logout token is taken for an access token
///   ([RFC 8725, section 3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
/// - The algorithms and the keys come from here, never from the token.
/// - Issuer and audience are compared byte for byte. A token for another resource is refused.
/// - A token that was revoked passes until it expires; ask [introspection](crate::introspect) where that is too long.
#[derive(Clone, Debug)]
pub struct Validator {
    issuer: Issuer,
    audience: String,
    keys: Keys,
    verifier: Verifier,
    required: ScopeSet,
    skew: Duration,
}

/// Where a [`Validator`] has its keys from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Keys {
    /// Keys that do not change.
    Fixed(Arc<KeySet>),
    /// Keys that the issuer publishes.
    Remote(RemoteKeys),
}

impl From<KeySet> for Keys {
    fn from(keys: KeySet) -> Self {
        Self::Fixed(Arc::new(keys))
    }
}

impl From<RemoteKeys> for Keys {
    fn from(keys: RemoteKeys) -> Self {
        Self::Remote(keys)
    }
}

impl Validator {
    /// A validator of an issuer's tokens for one audience: any algorithm with a public key, any scope, clocks that differ
    /// by 10 seconds.
    #[must_use]
    pub fn new(issuer: Issuer, audience: impl Into<String>, keys: impl Into<Keys>) -> Self {
        Self {
            issuer,
            audience: audience.into(),
            keys: keys.into(),
            verifier: Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("at+jwt")),
            required: ScopeSet::new(),
            skew: Duration::seconds(10),
        }
    }

    /// Demands these scope values of every token.
    #[must_use]
    pub fn with_required_scopes(mut self, scopes: ScopeSet) -> Self {
        self.required = scopes;
        self
    }

    /// Accepts these algorithms and no other.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.verifier = Verifier::new(algorithms, TokenType::exactly("at+jwt"));
        self
    }

    /// Sets by how much the clocks of issuer and resource may differ.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Validates a token at a time, with the keys that are there: nothing is fetched.
    ///
    /// # Errors
    ///
    /// Fails when the token is not good. [`ValidateError::UnknownKey`] and [`ValidateError::StaleKeys`] may pass once the
    /// keys were fetched; [`validate_or_fetch`](Self::validate_or_fetch) does that.
    pub fn validate(&self, token: &str, now: OffsetDateTime) -> Result<AccessToken, ValidateError> {
        let read = match &self.keys {
            Keys::Fixed(keys) => self.verify(token, keys)?,
            Keys::Remote(remote) => {
                self.verify(token, &*remote.snapshot().ok_or(ValidateError::StaleKeys)?)?
            }
        };
        self.check(read, now)
    }

    /// Validates a token, and fetches the issuer's keys first when they are due or the token's key is not among them. With
    /// fixed keys this is [`validate`](Self::validate).
    ///
    /// # Errors
    ///
    /// Fails when the token is not good, and with [`ValidateError::StaleKeys`] when there are no keys and none can be
    /// fetched.
    pub async fn validate_or_fetch(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<AccessToken, ValidateError> {
        let Keys::Remote(remote) = &self.keys else { return self.validate(token, now) };
        let known = remote.keys().await.map_err(|_| ValidateError::StaleKeys)?;
        let read = match self.verify(token, &known) {
            Err(ValidateError::UnknownKey) => {
                // The issuer may have rotated; when there is nothing newer, the key stays unknown.
                let newer = remote.keys_after(&known).await.map_err(|_| ValidateError::StaleKeys)?;
                self.verify(token, &newer)?
            }
            read => read?,
        };
        self.check(read, now)
    }

    fn verify(&self, token: &str, keys: &KeySet) -> Result<AccessToken, ValidateError> {
        let verified = self.verifier.verify(token, keys).map_err(problem)?;
        AccessToken::read(verified.into_payload())
    }

    fn check(&self, token: AccessToken, now: OffsetDateTime) -> Result<AccessToken, ValidateError> {
        if token.issuer() != self.issuer.as_str() {
            return Err(ValidateError::Issuer);
        }
        if !token.audience().any(|audience| audience == self.audience) {
            return Err(ValidateError::Audience);
        }
        // Differences, not sums: a date at the end of time must not overflow.
        if now - token.expires_at() >= self.skew {
            return Err(ValidateError::Expired);
        }
        if token.not_before().is_some_and(|begin| begin - now > self.skew) {
            return Err(ValidateError::NotYetValid);
        }
        if !self.required.iter().all(|scope| token.has_scope(scope.as_str())) {
            return Err(ValidateError::InsufficientScope { required: self.required.clone() });
        }
        Ok(token)
    }
}

const fn problem(error: JwsError) -> ValidateError {
    match error {
        JwsError::TooLarge => ValidateError::TooLarge,
        JwsError::WrongType => ValidateError::Type,
        JwsError::AlgorithmNotAllowed | JwsError::UnsupportedAlgorithm => ValidateError::Algorithm,
        JwsError::UnknownKey | JwsError::AmbiguousKey => ValidateError::UnknownKey,
        JwsError::InvalidSignature => ValidateError::Signature,
        _ => ValidateError::Malformed,
    }
}
