//! Adding a passkey.

use ciam_core::account::{Account, Identifier, Owner};
use ciam_core::credential::Credential;
use ciam_core::encoding::base64url;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, CredentialId, SessionId};
use ciam_core::notify::MessageCode;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::session::StartedSession;
use ciam_core::store::{Batch, EntityRef, Write, load};
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::error::FactorError;
use super::service::Factors;
use crate::webauthn::{
    AcceptedCredentials, CreationOptions, NewPasskey, PasskeyFactor, PasskeyId, PasskeyRecord, Registered,
    RegistrationResponse, UserVerification,
};

/// A passkey that is to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PasskeyOffer {
    /// The enrolment, for [`Factors::confirm_passkey`]. Useless in another session.
    pub enrolment: Secret,
    /// Options for `navigator.credentials.create()`.
    pub options: CreationOptions,
}

/// An enrolment that was begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    account: AccountId,
    session: SessionId,
    challenge: String,
    user_verification: UserVerification,
}

impl Factors {
    /// Begins to add a passkey: makes a challenge.
    ///
    /// # Errors
    ///
    /// Fails when the owner has to prove themselves first, when they begin too often or have as many as they may have, and
    /// when a port fails.
    pub async fn begin_passkey(&self, owner: &Owner<'_>) -> Result<PasskeyOffer, FactorError> {
        let relying_party = self.relying_party()?;
        let (current, credentials) = self.proved(owner).await?;
        self.room_for(&credentials, PasskeyFactor::NAME, self.limits.passkeys)?;
        self.count(&current, PasskeyFactor::NAME).await?;
        let account = &current.account.value;
        let challenge = SecretBytes::random(self.ports.entropy(), PasskeyFactor::CHALLENGE)?;
        // Without a verified person it can be no beginning of a sign-in.
        let user_verification = UserVerification::Required;
        let existing: Vec<_> = PasskeyRecord::active(&credentials).map(|(_, passkey)| passkey).collect();
        let name = shown_name(account);
        let display_name = account.profile.text("name").unwrap_or(name);
        let passkey = NewPasskey::new(account.id.as_uuid().as_bytes(), name, display_name)
            .with_existing(&existing)
            .with_user_verification(user_verification);
        let options = relying_party.creation_options(challenge.expose(), &passkey);
        let begun = Begun {
            account: account.id,
            session: current.session.value.id,
            challenge: base64url::encode(challenge.expose()),
            user_verification,
        };
        let enrolment = Secret::random(self.ports.entropy())?;
        let lifetime = self.limits.enrolment_lifetime;
        self.ports.ephemeral().put(&key(&enrolment), ephemeral::encode(&begun)?, lifetime).await?;
        Ok(PasskeyOffer { enrolment, options })
    }

    /// Adds the passkey that the browser made. The challenge is used up, whatever the answer is.
    ///
    /// # Errors
    ///
    /// Fails when the answer is not accepted, when the enrolment is not of this session or over, when the owner has to prove
    /// themselves first, when the account changes meanwhile, and when a port fails.
    pub async fn confirm_passkey(
        &self,
        owner: &Owner<'_>,
        enrolment: &Secret,
        response: &RegistrationResponse,
        label: &str,
    ) -> Result<StartedSession, FactorError> {
        let label = self.label(label)?;
        let (mut current, mut credentials) = self.proved(owner).await?;
        let registered = self.registered(owner, enrolment, response).await?;
        let account = current.account.value.id;
        let taken = PasskeyId::new(&registered.passkey.id, account);
        let (ports, now) = (&self.ports, self.ports.now());
        let id = CredentialId::generate(ports.clock(), ports.entropy())?;
        let data = registered.passkey.to_data().map_err(PortError::permanent)?;
        let mut added = Credential::new(id, account, PasskeyFactor::NAME, data, now);
        (added.counter, added.label) = (i64::from(registered.sign_count), label);
        for _ in 0..Self::MAX_RACES {
            self.room_for(&credentials, PasskeyFactor::NAME, self.limits.passkeys)?;
            if load::<PasskeyId>(ports.store(), &taken.digest).await?.is_some() {
                return Err(FactorError::AlreadyRegistered);
            }
            let batch = Batch::new()
                .require_absent(EntityRef::record::<PasskeyId>(taken.digest.clone()))
                .require_absent(EntityRef::Credential(id))
                .write(Write::PutCredential(added.clone()))
                .put(&taken)?
                .event(self.changed(owner, &added, "added")?);
            // Making a passkey proves nothing of who made it: the session stays what it was.
            let change = Change {
                batch,
                notice: MessageCode::FactorAdded,
                factor: PasskeyFactor::NAME,
                proof: None,
                ends_others: false,
            };
            if let Some(started) = self.commit(owner, &current, change).await? {
                return Ok(started);
            }
            (current, credentials) = self.again(&current).await?;
        }
        Err(FactorError::Changed)
    }

    /// For `PublicKeyCredential.signalAllAcceptedCredentials()` in the owner's browser: which passkeys they have.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn accepted_passkeys(&self, account: AccountId) -> Result<AcceptedCredentials, FactorError> {
        let credentials = self.ports.store().credentials_of(account).await?;
        let passkeys: Vec<_> = PasskeyRecord::active(&credentials).map(|(_, passkey)| passkey).collect();
        Ok(self.relying_party()?.accepted_credentials(account.as_uuid().as_bytes(), &passkeys))
    }

    async fn registered(
        &self,
        owner: &Owner<'_>,
        enrolment: &Secret,
        response: &RegistrationResponse,
    ) -> Result<Registered, FactorError> {
        let current = owner.current;
        let begun = self.ports.ephemeral().get(&key(enrolment)).await?.ok_or(FactorError::NotFound)?;
        let begun: Begun = ephemeral::decode(&begun).map_err(|_| FactorError::NotFound)?;
        if begun.account != current.account.value.id || begun.session != current.session.value.id {
            return Err(FactorError::NotFound);
        }
        // One answer to a challenge is looked at.
        if self.ports.ephemeral().take(&key(enrolment)).await?.is_none() {
            return Err(FactorError::NotFound);
        }
        let challenge = base64url::decode(&begun.challenge).map_err(PortError::permanent)?;
        Ok(self.relying_party()?.verify_registration(
            self.ports.crypto(),
            &challenge,
            begun.user_verification,
            response,
            self.ports.now(),
        )?)
    }
}

/// What tells a person's accounts apart in the browser's list.
fn shown_name(account: &Account) -> &str {
    let verified = account.held().find(|it: &&Identifier| it.is_verified());
    verified.map_or("", |it| it.key.as_str())
}

fn key(enrolment: &Secret) -> EphemeralKey {
    EphemeralKey::new("mfa.passkey_enrolment", enrolment.digest().to_text())
}
