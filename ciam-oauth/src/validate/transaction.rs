//! Transaction tokens at the services that they pass through.

use ciam_core::jose::{AlgorithmSet, KeySet, TokenType, Verifier};
use http::HeaderMap;
use time::{Duration, OffsetDateTime};

use super::error::ValidateError;
use super::trust::{Keys, Trusted};
use super::validator::problem;
use crate::issuer::Issuer;
use crate::transaction_token::{TXN_TOKEN_HEADER, TYP, TransactionClaims};

/// Validates transaction tokens
/// ([section 12.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-transaction-tokens-09#section-12.2)).
///
/// ```
/// use ciam_core::jose::KeySet;
/// use ciam_oauth::validate::TransactionValidator;
///
/// let validator = TransactionValidator::new("https://id.example".parse()?, "shop.internal", KeySet::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// - A token is good when the server of its domain signed it, as a transaction token, for this domain and no other, and it has not
///   expired. An access token is none, and a transaction token is no access token.
/// - What it allows is for the service to find out from its scope and what it says. It says nothing of who calls: services authenticate
///   each other in another way (section 13.12).
/// - Whoever has one can use it again until it expires. A service that must not do a thing twice remembers
///   [`txn`](TransactionClaims::txn) (section 13.2).
#[derive(Clone, Debug)]
pub struct TransactionValidator {
    trusted: Trusted,
    trust_domain: Box<str>,
    algorithms: AlgorithmSet,
    skew: Duration,
}

impl TransactionValidator {
    /// Accepts tokens that an issuer signed for a trust domain, with asymmetric algorithms.
    #[must_use]
    pub fn new(issuer: Issuer, trust_domain: impl Into<Box<str>>, keys: impl Into<Keys>) -> Self {
        Self {
            trusted: Trusted { issuer, keys: keys.into() },
            trust_domain: trust_domain.into(),
            algorithms: AlgorithmSet::ASYMMETRIC,
            skew: Duration::ZERO,
        }
    }

    /// Accepts these algorithms only.
    #[must_use]
    pub const fn with_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Sets by how much the clocks of issuer and service may differ. Default not at all.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The token of a request, which has exactly one (section 12.1).
    ///
    /// # Errors
    ///
    /// Fails when there is none, more than one, or one that is no text.
    pub fn token_of(headers: &HeaderMap) -> Result<&str, ValidateError> {
        let mut values = headers.get_all(TXN_TOKEN_HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Err(ValidateError::Missing),
            (Some(only), None) => only.to_str().map_err(|_| ValidateError::Malformed),
            (Some(_), Some(_)) => Err(ValidateError::BadRequest),
        }
    }

    /// Validates a token at a time, with the keys that are there: nothing is fetched.
    ///
    /// # Errors
    ///
    /// Fails when the token is not good.
    pub fn validate(&self, token: &str, now: OffsetDateTime) -> Result<TransactionClaims, ValidateError> {
        let keys = self.trusted.snapshot(now)?;
        self.check(self.verify(token, &keys)?, now)
    }

    /// Validates a token, and fetches the issuer's keys first when they are due or the token's key is not among them.
    ///
    /// # Errors
    ///
    /// Fails when the token is not good, and when there are no keys and none can be fetched.
    pub async fn validate_or_fetch(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<TransactionClaims, ValidateError> {
        let keys = self.trusted.keys().await?;
        let verified = match self.verify(token, &keys) {
            Err(ValidateError::UnknownKey) => match self.trusted.keys_after(&keys).await? {
                Some(newer) => self.verify(token, &newer)?,
                None => return Err(ValidateError::UnknownKey),
            },
            other => other?,
        };
        self.check(verified, now)
    }

    fn verify(&self, token: &str, keys: &KeySet) -> Result<TransactionClaims, ValidateError> {
        let verifier = Verifier::new(self.algorithms, TokenType::exactly(TYP));
        verifier.verify(token, keys).map_err(problem)?.claims().map_err(problem)
    }

    fn check(
        &self,
        claims: TransactionClaims,
        now: OffsetDateTime,
    ) -> Result<TransactionClaims, ValidateError> {
        if claims.iss != self.trusted.issuer.as_str() {
            return Err(ValidateError::Issuer);
        }
        if *claims.aud != *self.trust_domain {
            return Err(ValidateError::Audience);
        }
        if claims.exp <= (now - self.skew).unix_timestamp() {
            return Err(ValidateError::Expired);
        }
        Ok(claims)
    }
}
