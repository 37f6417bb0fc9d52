//! The validator.

use std::ops::Deref;
use std::sync::Arc;

use ciam_core::jose::{AlgorithmSet, CurrentKeys, JwsError, KeySet, RemoteKeys, TokenType, Verifier};
use time::{Duration, OffsetDateTime};

use super::deny_list::DenyList;
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
/// - A token that was revoked passes until it expires, unless a [deny list](Self::with_deny_list) is told of it; or ask
///   [introspection](crate::introspect).
#[derive(Clone, Debug)]
pub struct Validator {
    issuer: Issuer,
    audience: String,
    keys: Keys,
    verifier: Verifier,
    required: ScopeSet,
    skew: Duration,
    denied: Option<Arc<DenyList>>,
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
            denied: None,
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

    /// Refuses what this list names. Whoever learns of revocations tells the list; see [`DenyList`].
    #[must_use]
    pub fn with_deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.denied = Some(list);
        self
    }

    /// Where the keys come from.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Validates a token at a time, with the keys that are there: nothing is fetched.
    ///
    /// # Errors
    ///
    /// Fails when the token is not good. [`ValidateError::UnknownKey`] and [`ValidateError::StaleKeys`] may pass once the
    /// keys were fetched; [`validate_or_fetch`](Self::validate_or_fetch) does that.
    pub fn validate(&self, token: &str, now: OffsetDateTime) -> Result<AccessToken, ValidateError> {
        let keys = self.snapshot(now)?;
        self.validate_with(token, &keys, now)
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
        self.validate_after(token, known, now).await.map(|(token, _)| token)
    }

    /// The keys that are there at `now`.
    pub(super) fn snapshot(&self, now: OffsetDateTime) -> Result<Snapshot<'_>, ValidateError> {
        match &self.keys {
            Keys::Fixed(keys) => Ok(Snapshot::Fixed(keys)),
            Keys::Remote(remote) => {
                remote.current(now).map(Snapshot::Current).ok_or(ValidateError::StaleKeys)
            }
        }
    }

    /// Validates with these keys alone.
    pub(super) fn validate_with(
        &self,
        token: &str,
        keys: &KeySet,
        now: OffsetDateTime,
    ) -> Result<AccessToken, ValidateError> {
        let read = self.verify(token, keys)?;
        self.check(&read, now)?;
        Ok(read)
    }

    /// Validates with these keys, or with newer ones when the token's is not among them; gives those that served.
    pub(super) async fn validate_after(
        &self,
        token: &str,
        known: Arc<KeySet>,
        now: OffsetDateTime,
    ) -> Result<(AccessToken, Arc<KeySet>), ValidateError> {
        match (self.validate_with(token, &known, now), &self.keys) {
            (Err(ValidateError::UnknownKey), Keys::Remote(remote)) => {
                // The issuer may have rotated; when there is nothing newer, the key stays unknown.
                let newer = remote.keys_after(&known).await.map_err(|_| ValidateError::StaleKeys)?;
                Ok((self.validate_with(token, &newer, now)?, newer))
            }
            (read, _) => Ok((read?, known)),
        }
    }

    fn verify(&self, token: &str, keys: &KeySet) -> Result<AccessToken, ValidateError> {
        let verified = self.verifier.verify(token, keys).map_err(problem)?;
        AccessToken::read(verified.into_payload())
    }

    fn check(&self, token: &AccessToken, now: OffsetDateTime) -> Result<(), ValidateError> {
        if token.issuer() != self.issuer.as_str() {
            return Err(ValidateError::Issuer);
        }
        if !token.audience().any(|audience| audience == self.audience) {
            return Err(ValidateError::Audience);
        }
        self.check_again(token, now)?;
        if !self.required.iter().all(|scope| token.has_scope(scope.as_str())) {
            return Err(ValidateError::InsufficientScope { required: self.required.clone() });
        }
        Ok(())
    }

    /// Checks of a token what may have changed since it was found good.
    pub(super) fn check_again(&self, token: &AccessToken, now: OffsetDateTime) -> Result<(), ValidateError> {
        // Differences, not sums: a date at the end of time must not overflow.
        if now - token.expires_at() >= self.skew {
            return Err(ValidateError::Expired);
        }
        if token.not_before().is_some_and(|begin| begin - now > self.skew) {
            return Err(ValidateError::NotYetValid);
        }
        match &self.denied {
            Some(denied) if denied.names(token, now) => Err(ValidateError::Revoked),
            _ => Ok(()),
        }
    }
}

/// The keys of one validation, borrowed.
pub(super) enum Snapshot<'v> {
    Fixed(&'v Arc<KeySet>),
    Current(CurrentKeys),
}

impl Deref for Snapshot<'_> {
    type Target = Arc<KeySet>;

    fn deref(&self) -> &Arc<KeySet> {
        match self {
            Self::Fixed(keys) => keys,
            Self::Current(keys) => keys,
        }
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
