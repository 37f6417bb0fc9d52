//! Adding an authenticator app in the middle of a sign-in.

use async_trait::async_trait;
use ciam_core::account::{Identifier, IdentifierKey};
use ciam_core::assurance::{Amr, FactorKind, Proof};
use ciam_core::error::PortError;
use ciam_core::factor::{FactorChallenge, FactorSubject};
use ciam_core::journey::{Enrolled, Enrolment};
use ciam_core::vault::Sealed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameters::OtpParameters;
use super::seed::OtpSeed;
use super::stored::{credential, open_seed, seal_seed, typed};
use super::totp::{Drift, TotpFactor};
use super::uri::provisioning_uri;
use crate::added::added;

/// Adds an authenticator app in the middle of a sign-in:
/// [`Journeys::with_enrolment`](ciam_core::journey::Journeys::with_enrolment).
///
/// What the page shows is `{"seed":…,"uri":…,"digits":6}`; the answer is a code of the app, as for [`TotpFactor`]. That code is
/// used up, and proves the app.
#[derive(Clone, Debug)]
pub struct TotpEnrolment {
    issuer: String,
}

#[derive(Serialize, Deserialize)]
struct State {
    seed: Sealed,
    parameters: OtpParameters,
}

impl TotpEnrolment {
    /// Apps show this name of the issuer.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into() }
    }
}

#[async_trait]
impl Enrolment for TotpEnrolment {
    fn factor(&self) -> &'static str {
        TotpFactor::NAME
    }

    async fn begin(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        let (ports, account) = (subject.ports, subject.account.ok_or_else(nobody)?);
        let seed = OtpSeed::generate(ports.entropy())?;
        let parameters = OtpParameters::default();
        let verified = account.held().find(|it: &&Identifier| it.is_verified());
        let name = verified.map_or("", |it| IdentifierKey::as_str(&it.key));
        let uri = provisioning_uri(&self.issuer, name, &seed, &parameters);
        let public = json!({
            "seed": seed.to_base32().expose(),
            "uri": uri.expose(),
            "digits": parameters.digits.get(),
        });
        let state = State { seed: seal_seed(ports, account.id, &seed).await?, parameters };
        Ok(FactorChallenge::new(public, serde_json::to_value(state).map_err(PortError::permanent)?))
    }

    async fn complete(
        &self,
        subject: FactorSubject<'_>,
        languages: &[String],
        state: &Value,
        answer: &Value,
    ) -> Result<Option<Enrolled>, PortError> {
        let (ports, account) = (subject.ports, subject.account.ok_or_else(nobody)?);
        let State { seed: sealed, parameters } = State::deserialize(state).map_err(PortError::permanent)?;
        let seed = open_seed(ports, account.id, &sealed).await?;
        let now = ports.now();
        let step = parameters.matching_step(ports.crypto(), &seed, typed(answer), now, Drift::default(), 0);
        let Some(step) = step else { return Ok(None) };
        let mut app = credential(ports, account.id, TotpFactor::NAME, sealed, parameters, step)?;
        app.last_used_at = Some(now);
        let batch = added(ports, account, app, languages).await?;
        Ok(Some(Enrolled::new(batch).with_proof(Proof::new(Amr::OTP, [FactorKind::Possession], now))))
    }
}

fn nobody() -> PortError {
    PortError::permanent("a factor is added to an account")
}
