//! Passkeys as a factor.

use async_trait::async_trait;
use ciam_core::assurance::{Amr, FactorKind, Proof, Strength};
use ciam_core::credential::Credential;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use ciam_core::id::AccountId;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::store::{Batch, EntityRef, Versioned, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::authentication::{Asserted, Expected};
use super::options::UserVerification;
use super::record::PasskeyRecord;
use super::relying_party::RelyingParty;
use super::response::AuthenticationResponse;
use crate::event::PASSKEY_COUNTER;

/// Passkeys: a further factor, and one that a sign-in can begin with.
///
/// A challenge is the options for `navigator.credentials.get()`; the answer is what `toJSON()` makes of what comes back.
#[derive(Clone, Debug)]
pub struct PasskeyFactor {
    relying_party: RelyingParty,
}

/// What is needed again to check the answer.
#[derive(Serialize, Deserialize)]
struct State {
    challenge: String,
    user_verification: UserVerification,
    /// Whether the options named no credential.
    discoverable: bool,
}

impl PasskeyFactor {
    /// The factor's name.
    pub const NAME: &'static str = "passkey";
    /// How long a challenge is, in bytes.
    pub(crate) const CHALLENGE: usize = 32;

    /// Passkeys of a relying party.
    #[must_use]
    pub const fn new(relying_party: RelyingParty) -> Self {
        Self { relying_party }
    }

    pub(crate) const fn relying_party(&self) -> &RelyingParty {
        &self.relying_party
    }

    /// The passkeys that can answer here: bound to this relying party.
    pub(crate) fn usable<'a>(
        &'a self,
        credentials: &'a [Versioned<Credential>],
    ) -> impl Iterator<Item = (&'a Versioned<Credential>, PasskeyRecord)> {
        PasskeyRecord::active(credentials).filter(|(_, passkey)| passkey.rp_id == self.relying_party.id())
    }

    /// What a proof changes and stands for.
    pub(crate) fn proof(
        ports: &Ports,
        credential: &Versioned<Credential>,
        mut passkey: PasskeyRecord,
        asserted: &Asserted,
    ) -> Result<FactorProof, PortError> {
        let (now, id) = (ports.now(), credential.value.id);
        passkey.backed_up = asserted.backed_up;
        passkey.user_verified |= asserted.user_verified;
        let mut used = credential.value.clone();
        used.data = passkey.to_data().map_err(PortError::permanent)?;
        used.counter = i64::from(asserted.sign_count);
        used.last_used_at = Some(now);
        let mut batch = Batch::new()
            .require_version(EntityRef::Credential(id), credential.version)
            .write(Write::PutCredential(used));
        if asserted.counter_regressed {
            let subject = format!("account:{}", credential.value.account);
            batch =
                batch.event(Event::new(ports, PASSKEY_COUNTER, subject)?.with("credential", id.to_string()));
        }
        let kinds: &[FactorKind] = if asserted.user_verified { KINDS } else { &[FactorKind::Possession] };
        let amr = if passkey.backup_eligible { Amr::SOFTWARE_KEY } else { Amr::HARDWARE_KEY };
        let proof = Proof::new(amr, kinds.iter().copied(), now).with_strength(strength(&passkey));
        Ok(FactorProof::new(proof).with_batch(batch))
    }
}

#[async_trait]
impl Factor for PasskeyFactor {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn kinds(&self) -> &'static [FactorKind] {
        KINDS
    }

    fn is_enrolled(&self, credentials: &[Versioned<Credential>]) -> bool {
        self.usable(credentials).next().is_some()
    }

    fn strength(&self, credentials: &[Versioned<Credential>]) -> Strength {
        self.usable(credentials).map(|(_, passkey)| strength(&passkey)).max().unwrap_or_default()
    }

    fn is_first(&self) -> bool {
        true
    }

    async fn identify(&self, _ports: &Ports, answer: &Value) -> Result<Option<AccountId>, PortError> {
        let Ok(response) = AuthenticationResponse::deserialize(answer) else { return Ok(None) };
        let handle = response.response.user_handle.as_ref();
        let bytes = handle.and_then(|handle| <[u8; 16]>::try_from(handle.as_bytes()).ok());
        Ok(bytes.map(|bytes| AccountId::from_uuid(uuid::Uuid::from_bytes(bytes))))
    }

    async fn challenge(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        let challenge = SecretBytes::random(subject.ports.entropy(), Self::CHALLENGE)?;
        let discoverable = subject.account.is_none();
        // Where nothing else is asked for, the device alone must not do.
        let user_verification =
            if discoverable { UserVerification::Required } else { self.relying_party.user_verification };
        let allowed: Vec<_> = self.usable(subject.credentials).map(|(_, passkey)| passkey).collect();
        let options = self.relying_party.request_options(challenge.expose(), &allowed, user_verification);
        let state =
            State { challenge: base64url::encode(challenge.expose()), user_verification, discoverable };
        Ok(FactorChallenge::new(
            serde_json::to_value(options).map_err(PortError::permanent)?,
            serde_json::to_value(state).map_err(PortError::permanent)?,
        ))
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        let Some(account) = subject.account else { return Ok(None) };
        let state = State::deserialize(state).map_err(PortError::permanent)?;
        let challenge = base64url::decode(&state.challenge).map_err(PortError::permanent)?;
        let Ok(response) = AuthenticationResponse::deserialize(answer) else { return Ok(None) };
        let found = self.usable(subject.credentials).find(|(_, it)| it.id == response.raw_id.as_bytes());
        let Some((credential, passkey)) = found else { return Ok(None) };
        let mut expected = Expected::new(&challenge, &passkey, account.id.as_uuid().as_bytes())
            .with_user_verification(state.user_verification)
            .with_sign_count(u32::try_from(credential.value.counter).unwrap_or(u32::MAX));
        expected.discoverable = state.discoverable;
        match self.relying_party.verify_authentication(subject.ports.crypto(), &expected, &response) {
            Ok(asserted) => Self::proof(subject.ports, credential, passkey.clone(), &asserted).map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// How hard a proof by a passkey is to steal.
const fn strength(passkey: &PasskeyRecord) -> Strength {
    if passkey.is_in_hardware() { Strength::PhishingResistantHardware } else { Strength::PhishingResistant }
}

/// With verification of the person, by a body part or a PIN.
const KINDS: &[FactorKind] = &[FactorKind::Possession, FactorKind::Inherence];
