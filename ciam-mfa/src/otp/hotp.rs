//! Counted codes of a hardware token as a factor.

use async_trait::async_trait;
use ciam_core::assurance::FactorKind;
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use ciam_core::id::AccountId;
use ciam_core::ports::Ports;
use serde_json::Value;

use super::parameters::{OtpDigits, OtpParameters};
use super::seed::OtpSeed;
use super::stored::{active, challenge, credential, open_seed, proof, seal_seed, typed};

/// Counted codes of a hardware token. The answer is the code, as a text or as `{"code":"123456"}`.
///
/// A token whose button was pressed without a sign-in runs ahead; codes are looked for in a window. Whoever presses it more
/// often than that types the next *two* codes in a row, with a space between them
/// ([RFC 4226, section 7.4](https://www.rfc-editor.org/rfc/rfc4226#section-7.4)), which are looked for in a longer one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HotpFactor {
    ahead: u8,
    resynchronise: u8,
}

impl Default for HotpFactor {
    fn default() -> Self {
        Self::new()
    }
}

impl HotpFactor {
    /// The factor's name.
    pub const NAME: &'static str = "hotp";

    /// Looks 10 codes ahead for one, and 100 for two in a row.
    #[must_use]
    pub const fn new() -> Self {
        Self { ahead: 10, resynchronise: 100 }
    }

    /// Sets how many codes ahead are looked at for one code, at most 50.
    #[must_use]
    pub fn with_ahead(mut self, ahead: u8) -> Self {
        self.ahead = ahead.min(50);
        self
    }

    /// A credential for the token with this seed, whose next code has the number `counter`.
    ///
    /// # Errors
    ///
    /// Fails when the key vault or the entropy source does.
    pub async fn credential(
        ports: &Ports,
        account: AccountId,
        seed: &OtpSeed,
        digits: OtpDigits,
        counter: u32,
    ) -> Result<Credential, PortError> {
        let sealed = seal_seed(ports, account, seed).await?;
        let parameters = OtpParameters::default().with_digits(digits);
        credential(ports, account, Self::NAME, sealed, parameters, i64::from(counter))
    }

    /// The number of the last code that was typed, if it is right.
    fn accepted(
        &self,
        ports: &Ports,
        parameters: &OtpParameters,
        seed: &OtpSeed,
        typed: &str,
        next: i64,
    ) -> Option<i64> {
        let crypto = ports.crypto();
        let once = parameters.matching_counter(crypto, seed, typed, next, self.ahead);
        if once.is_some() {
            return once;
        }
        let (first, second) = typed.trim().split_once(' ')?;
        let first = parameters.matching_counter(crypto, seed, first, next, self.resynchronise)?;
        parameters.matching_counter(crypto, seed, second, first.checked_add(1)?, 0)
    }
}

#[async_trait]
impl Factor for HotpFactor {
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
            let found = self.accepted(ports, &stored.parameters, &seed, typed(answer), known.counter);
            let Some(next) = found.and_then(|counter| counter.checked_add(1)) else { continue };
            return Ok(Some(proof(credential, next, self.kinds(), now)));
        }
        Ok(None)
    }
}
