//! Making a passkey in the middle of a sign-in.

use async_trait::async_trait;
use ciam_core::account::{Account, Identifier};
use ciam_core::credential::Credential;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::factor::{FactorChallenge, FactorSubject};
use ciam_core::id::CredentialId;
use ciam_core::journey::{Enrolled, Enrolment};
use ciam_core::secret::SecretBytes;
use ciam_core::store::{EntityRef, load};
use serde::Deserialize as _;
use serde_json::Value;

use super::factor::PasskeyFactor;
use super::options::{NewPasskey, UserVerification};
use super::record::{PasskeyId, PasskeyRecord};
use super::relying_party::RelyingParty;
use super::response::RegistrationResponse;
use crate::added::added;

/// Makes a passkey in the middle of a sign-in:
/// [`Journeys::with_enrolment`](ciam_core::journey::Journeys::with_enrolment).
///
/// What the page shows are options for `navigator.credentials.create()`; the answer is what `toJSON()` makes of what comes back.
/// Making a passkey proves nothing of who made it: where the sign-in needs it, it is asked for next.
#[derive(Clone, Debug)]
pub struct PasskeyEnrolment {
    relying_party: RelyingParty,
}

impl PasskeyEnrolment {
    /// Passkeys of a relying party.
    #[must_use]
    pub const fn new(relying_party: RelyingParty) -> Self {
        Self { relying_party }
    }
}

#[async_trait]
impl Enrolment for PasskeyEnrolment {
    fn factor(&self) -> &'static str {
        PasskeyFactor::NAME
    }

    async fn begin(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        let (ports, account) = (subject.ports, subject.account.ok_or_else(nobody)?);
        let challenge = SecretBytes::random(ports.entropy(), PasskeyFactor::CHALLENGE)?;
        let existing: Vec<_> = PasskeyRecord::active(subject.credentials).map(|(_, it)| it).collect();
        let name = shown_name(account);
        let display_name = account.profile.text("name").unwrap_or(name);
        let passkey = NewPasskey::new(account.id.as_uuid().as_bytes(), name, display_name)
            .with_existing(&existing)
            .with_user_verification(UserVerification::Required);
        let options = self.relying_party.creation_options(challenge.expose(), &passkey);
        let state = Value::String(base64url::encode(challenge.expose()));
        Ok(FactorChallenge::new(serde_json::to_value(options).map_err(PortError::permanent)?, state))
    }

    async fn complete(
        &self,
        subject: FactorSubject<'_>,
        languages: &[String],
        state: &Value,
        answer: &Value,
    ) -> Result<Option<Enrolled>, PortError> {
        let (ports, account) = (subject.ports, subject.account.ok_or_else(nobody)?);
        let challenge =
            base64url::decode(state.as_str().unwrap_or_default()).map_err(PortError::permanent)?;
        let Ok(response) = RegistrationResponse::deserialize(answer) else { return Ok(None) };
        let (now, required) = (ports.now(), UserVerification::Required);
        let made =
            self.relying_party.verify_registration(ports.crypto(), &challenge, required, &response, now);
        let Ok(made) = made else { return Ok(None) };
        let taken = PasskeyId::new(&made.passkey.id, account.id);
        if load::<PasskeyId>(ports.store(), &taken.digest).await?.is_some() {
            return Ok(None);
        }
        let id = CredentialId::generate(ports.clock(), ports.entropy())?;
        let data = made.passkey.to_data().map_err(PortError::permanent)?;
        let mut passkey = Credential::new(id, account.id, PasskeyFactor::NAME, data, now);
        passkey.counter = i64::from(made.sign_count);
        let batch = added(ports, account, passkey, languages)
            .await?
            .require_absent(EntityRef::record::<PasskeyId>(taken.digest.clone()))
            .put(&taken)
            .map_err(PortError::from)?;
        Ok(Some(Enrolled::new(batch)))
    }
}

/// What tells a person's accounts apart in the browser's list.
pub(crate) fn shown_name(account: &Account) -> &str {
    let verified = account.held().find(|it: &&Identifier| it.is_verified());
    verified.map_or("", |it| it.key.as_str())
}

fn nobody() -> PortError {
    PortError::permanent("a factor is added to an account")
}
