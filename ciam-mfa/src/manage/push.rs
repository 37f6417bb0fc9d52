//! Registering a device for approvals.

use std::sync::Arc;

use ciam_core::account::Owner;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::id::{AccountId, CredentialId, SessionId};
use ciam_core::jose::AlgorithmSet;
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use ciam_core::session::StartedSession;
use ciam_core::store::{Batch, EntityRef, Write};
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::error::FactorError;
use super::service::Factors;
use crate::attestation::{AttestationStatement, KeyAttestation};
use crate::key_proof::{self, SignedBy};
use crate::push::{PushDevice, PushFactor, credential};

/// A device that is to be registered: what its app needs, by a code to scan or a link.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushOffer {
    /// The enrolment, for [`Factors::confirm_push`]. Useless in another session.
    pub enrolment: Secret,
    /// What the app's new key signs.
    pub challenge: String,
}

/// A device that was registered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushRegistered {
    /// The device.
    pub device: CredentialId,
    /// The session goes on with a new secret.
    pub session: StartedSession,
}

/// An enrolment that was begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    account: AccountId,
    session: SessionId,
    challenge: String,
}

/// What the app says of itself.
#[derive(Deserialize)]
struct Registration {
    challenge: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    attestation: Option<AttestationStatement>,
}

impl Factors {
    /// Believes what this says of where the keys of devices are kept.
    #[must_use]
    pub fn with_key_attestation(mut self, attestation: Arc<dyn KeyAttestation>) -> Self {
        self.attestation = attestation;
        self
    }

    /// Begins to register a device: makes a challenge.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when they begin too often or have as many as they may have, and
    /// when a port fails.
    pub async fn begin_push(&self, owner: &Owner<'_>) -> Result<PushOffer, FactorError> {
        let (current, credentials) = self.proved(owner).await?;
        self.room_for(&credentials, PushFactor::NAME, self.limits.push_devices)?;
        self.count(&current, PushFactor::NAME).await?;
        let challenge = Secret::random(self.ports.entropy())?.expose().to_owned();
        let begun = Begun {
            account: current.account.value.id,
            session: current.session.value.id,
            challenge: challenge.clone(),
        };
        let enrolment = Secret::random(self.ports.entropy())?;
        let lifetime = self.limits.enrolment_lifetime;
        self.ports.ephemeral().put(&key(&enrolment), ephemeral::encode(&begun)?, lifetime).await?;
        Ok(PushOffer { enrolment, challenge })
    }

    /// Registers the device, when its app has signed the challenge with its new key: a compact JWS of the type
    /// `ciam-push-register+jwt` with the public key as `jwk` in its header, and the claims `challenge`, `address` (where the push
    /// service reaches it) and `attestation` (`format`, `data`). The challenge is used up, whatever the answer is.
    ///
    /// # Errors
    ///
    /// Fails when the app's message is not accepted, when the enrolment is not of this session or over, when the owner has to
    /// prove themselves first, when the account changes meanwhile, and when a port fails.
    pub async fn confirm_push(
        &self,
        owner: &Owner<'_>,
        enrolment: &Secret,
        message: &str,
        label: &str,
    ) -> Result<PushRegistered, FactorError> {
        let label = self.label(label)?;
        let (mut current, mut credentials) = self.proved(owner).await?;
        let begun = self.ports.ephemeral().get(&key(enrolment)).await?.ok_or(FactorError::NotFound)?;
        let begun: Begun = ephemeral::decode(&begun).map_err(|_| FactorError::NotFound)?;
        let ours = begun.account == current.account.value.id && begun.session == current.session.value.id;
        if !ours || self.ports.ephemeral().take(&key(enrolment)).await?.is_none() {
            return Err(FactorError::NotFound);
        }
        let device = self.introduced(&begun, message).await?;
        let mut added = credential(&self.ports, begun.account, &device)?;
        added.label = label;
        for _ in 0..Self::MAX_RACES {
            self.room_for(&credentials, PushFactor::NAME, self.limits.push_devices)?;
            let batch = Batch::new()
                .require_absent(EntityRef::Credential(added.id))
                .write(Write::PutCredential(added.clone()))
                .event(self.changed(owner, &added, "added")?);
            let change = Change {
                batch,
                notice: MessageCode::FactorAdded,
                factor: PushFactor::NAME,
                proof: None,
                ends_others: false,
            };
            if let Some(session) = self.commit(owner, &current, change).await? {
                return Ok(PushRegistered { device: added.id, session });
            }
            (current, credentials) = self.again(&current).await?;
        }
        Err(FactorError::Changed)
    }

    /// The device that an app's message registers.
    async fn introduced(&self, begun: &Begun, message: &str) -> Result<PushDevice, FactorError> {
        let crypto = self.ports.crypto();
        let algorithms = AlgorithmSet::ASYMMETRIC;
        let proof = key_proof::read::<Registration>(message, REGISTER, algorithms, SignedBy::ItsOwn, crypto);
        let proof = proof.ok_or(FactorError::Code)?;
        let said = proof.claims;
        if said.challenge != begun.challenge || said.address.len() > MAX_ADDRESS {
            return Err(FactorError::Code);
        }
        let attested = match &said.attestation {
            None => None,
            Some(statement) => self.attestation.verify(&proof.key, &begun.challenge, statement).await?,
        };
        Ok(PushDevice { key: proof.key, address: said.address, attested })
    }
}

fn key(enrolment: &Secret) -> EphemeralKey {
    EphemeralKey::new("mfa.push_enrolment", enrolment.digest().to_text())
}

const REGISTER: &str = "ciam-push-register+jwt";
/// The longest address of a push service, in bytes.
const MAX_ADDRESS: usize = 1_024;
