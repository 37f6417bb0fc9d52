//! How transaction tokens are made.

use std::sync::Arc;

use ciam_core::jose::Algorithm;
use time::Duration;

use super::policy::TransactionPolicy;

/// How an authorization server is the transaction token service of a trust domain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionTokens {
    /// The name of the trust domain: the `audience` of requests and the `aud` of tokens.
    pub trust_domain: String,
    /// Who may ask for what.
    pub policy: Arc<dyn TransactionPolicy>,
    /// How long a token lives. Default 2 minutes, at most 10.
    pub lifetime: Duration,
    /// How they are signed. Default ES256.
    pub algorithm: Algorithm,
    /// Whether a token may be replaced by one that allows less or says more. Default no.
    pub replacements: bool,
}

impl TransactionTokens {
    /// Of a trust domain, as the policy decides.
    #[must_use]
    pub fn new(trust_domain: impl Into<String>, policy: Arc<dyn TransactionPolicy>) -> Self {
        Self {
            trust_domain: trust_domain.into(),
            policy,
            lifetime: Duration::minutes(2),
            algorithm: Algorithm::Es256,
            replacements: false,
        }
    }

    /// Sets how long a token lives.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets how they are signed.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Lets tokens be replaced.
    #[must_use]
    pub const fn with_replacements(mut self) -> Self {
        self.replacements = true;
        self
    }

    /// Whether they can work.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let plain = self.trust_domain.bytes().all(|byte| byte.is_ascii_graphic());
        if self.trust_domain.is_empty() || self.trust_domain.len() > 255 || !plain {
            return Err("a trust domain has a name of 1 to 255 visible characters");
        }
        if !(Duration::SECOND..=Duration::minutes(10)).contains(&self.lifetime) {
            return Err("a transaction token lives for a second to ten minutes");
        }
        Ok(())
    }
}
