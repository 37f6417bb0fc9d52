//! Adding an authenticator app.

use ciam_core::account::Owner;
use ciam_core::assurance::{Amr, FactorKind, Proof};
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::id::{AccountId, SessionId};
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use ciam_core::session::StartedSession;
use ciam_core::store::{Batch, EntityRef, Write};
use ciam_core::vault::Sealed;
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::error::FactorError;
use super::service::Factors;
use crate::otp::{
    Drift, OtpParameters, OtpSeed, TotpFactor, credential, open_seed, provisioning_uri, seal_seed,
};

/// An authenticator app that is to be added: what the person puts into it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TotpOffer {
    /// The enrolment, for [`Factors::confirm_totp`]. Useless in another session.
    pub enrolment: Secret,
    /// The seed, to type.
    pub seed: Secret,
    /// The seed as an address, for a QR code or a link.
    pub uri: Secret,
}

/// An enrolment that was begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    account: AccountId,
    session: SessionId,
    seed: Sealed,
    parameters: OtpParameters,
}

impl Factors {
    /// Begins to add an authenticator app: makes a seed. `issuer` and `account` are what the app shows.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when they begin too often or have as many as they may have, and
    /// when a port fails.
    pub async fn begin_totp(
        &self,
        owner: &Owner<'_>,
        issuer: &str,
        account: &str,
    ) -> Result<TotpOffer, FactorError> {
        let (current, credentials) = self.proved(owner).await?;
        self.room_for(&credentials, TotpFactor::NAME, self.limits.totp)?;
        self.count(&current, TotpFactor::NAME).await?;
        let (ports, id) = (&self.ports, current.account.value.id);
        let seed = OtpSeed::generate(ports.entropy())?;
        let parameters = OtpParameters::default();
        let begun = Begun {
            account: id,
            session: current.session.value.id,
            seed: seal_seed(ports, id, &seed).await?,
            parameters,
        };
        let enrolment = Secret::random(ports.entropy())?;
        let lifetime = self.limits.enrolment_lifetime;
        ports.ephemeral().put(&key(&enrolment), ephemeral::encode(&begun)?, lifetime).await?;
        let uri = provisioning_uri(issuer, account, &seed, &parameters);
        Ok(TotpOffer { enrolment, seed: seed.to_base32(), uri })
    }

    /// Adds the authenticator app, when a code of it is right. The code is used up.
    ///
    /// # Errors
    ///
    /// Fails when the code is wrong, when the enrolment is not of this session, over or was tried too often, when the owner
    /// has to prove themselves first, when the account changes meanwhile, and when a port fails.
    pub async fn confirm_totp(
        &self,
        owner: &Owner<'_>,
        enrolment: &Secret,
        code: &str,
        label: &str,
    ) -> Result<StartedSession, FactorError> {
        let label = self.label(label)?;
        let ports = &self.ports;
        let (mut current, mut credentials) = self.proved(owner).await?;
        let begun = ports.ephemeral().get(&key(enrolment)).await?.ok_or(FactorError::NotFound)?;
        let begun: Begun = ephemeral::decode(&begun).map_err(|_| FactorError::NotFound)?;
        if begun.account != current.account.value.id || begun.session != current.session.value.id {
            return Err(FactorError::NotFound);
        }
        // Counted before it is looked at.
        let tries = ports.ephemeral().increment(&tries(enrolment), self.limits.enrolment_lifetime).await?;
        if tries > self.limits.enrolment_attempts {
            ports.ephemeral().take(&key(enrolment)).await?;
            return Err(FactorError::NotFound);
        }
        let seed = open_seed(ports, begun.account, &begun.seed).await?;
        let now = ports.now();
        let step = begun.parameters.matching_step(ports.crypto(), &seed, code, now, Drift::default(), 0);
        let step = step.ok_or(FactorError::Code)?;
        // One of those who come with a right code goes on.
        if ports.ephemeral().take(&key(enrolment)).await?.is_none() {
            return Err(FactorError::NotFound);
        }
        let mut added =
            credential(ports, begun.account, TotpFactor::NAME, begun.seed, begun.parameters, step)?;
        (added.label, added.last_used_at) = (label, Some(now));
        for _ in 0..Self::MAX_RACES {
            self.room_for(&credentials, TotpFactor::NAME, self.limits.totp)?;
            let batch = Batch::new()
                .require_absent(EntityRef::Credential(added.id))
                .write(Write::PutCredential(added.clone()))
                .event(self.changed(owner, &added, "added")?);
            let change = Change {
                batch,
                notice: MessageCode::FactorAdded,
                factor: TotpFactor::NAME,
                proof: Some(Proof::new(Amr::OTP, [FactorKind::Possession], now)),
                ends_others: false,
            };
            if let Some(started) = self.commit(owner, &current, change).await? {
                return Ok(started);
            }
            (current, credentials) = self.again(&current).await?;
        }
        Err(FactorError::Changed)
    }
}

fn key(enrolment: &Secret) -> EphemeralKey {
    EphemeralKey::new("mfa.enrolment", enrolment.digest().to_text())
}

fn tries(enrolment: &Secret) -> EphemeralKey {
    EphemeralKey::new("mfa.enrolment_tries", enrolment.digest().to_text())
}
