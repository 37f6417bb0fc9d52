//! Time-based codes as a factor.

use async_trait::async_trait;
use ciam_core::assurance::FactorKind;
use ciam_core::error::PortError;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use serde_json::Value;

use super::stored::{active, challenge, open_seed, proof, typed};

/// How far a person's clock may be off, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// How many steps a code may be late. Default 1.
    pub past: u8,
    /// How many steps a code may be early. Default 1.
    pub future: u8,
}

impl Drift {
    /// A window of so many steps, at most ten on either side.
    #[must_use]
    pub fn new(past: u8, future: u8) -> Self {
        Self { past: past.min(10), future: future.min(10) }
    }
}

impl Default for Drift {
    fn default() -> Self {
        Self { past: 1, future: 1 }
    }
}

/// Time-based codes of an authenticator app. The answer is the code, as a text or as `{"code":"123456"}`.
///
/// ```
/// # #[cfg(feature = "memory")] {
/// use std::sync::Arc;
/// # use ciam_core::journey::Journeys;
/// use ciam_mfa::otp::TotpFactor;
///
/// # fn example(journeys: Journeys) -> Journeys {
/// journeys.with_factor(Arc::new(TotpFactor::new()))
/// # }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TotpFactor {
    drift: Drift,
}

impl TotpFactor {
    /// The factor's name.
    pub const NAME: &'static str = "totp";

    /// With the default drift.
    #[must_use]
    pub const fn new() -> Self {
        Self { drift: Drift { past: 1, future: 1 } }
    }

    /// Sets how far a person's clock may be off. Each step more is one more code that a guesser may hit.
    #[must_use]
    pub const fn with_drift(mut self, drift: Drift) -> Self {
        self.drift = drift;
        self
    }
}

#[async_trait]
impl Factor for TotpFactor {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn kinds(&self) -> &'static [FactorKind] {
        &[FactorKind::Possession]
    }

    async fn challenge(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        Ok(challenge(subject, Self::NAME))
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        _state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        let (ports, now) = (subject.ports, subject.ports.now());
        for (credential, stored) in active(subject.credentials, Self::NAME) {
            let known = &credential.value;
            let seed = open_seed(ports, known.account, &stored.seed).await?;
            let step = stored.parameters.matching_step(
                ports.crypto(),
                &seed,
                typed(answer),
                now,
                self.drift,
                known.counter,
            );
            let Some(step) = step else { continue };
            return Ok(Some(proof(credential, step, self.kinds(), now)));
        }
        Ok(None)
    }
}
