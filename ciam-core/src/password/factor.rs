//! The password as a factor.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join;
use serde_json::{Value, json};

use super::{InvalidPasswordPolicy, PasswordError, PasswordHasher, PasswordPolicy};
use crate::account::event_subject;
use crate::assurance::{Amr, FactorKind, Proof};
use crate::credential::{Credential, CredentialState};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use crate::id::{AccountId, CredentialId};
use crate::ports::Ports;
use crate::runtime;
use crate::secret::Secret;
use crate::store::{Batch, EntityRef, Versioned, Write};

/// Proves an account by its password, and makes password credentials.
///
/// An answer for an account that does not exist, has no password or is given a wrong one costs exactly one hash, like a
/// right one.
#[derive(Clone, Debug)]
pub struct PasswordFactor {
    hasher: Arc<dyn PasswordHasher>,
    policy: PasswordPolicy,
    /// A hash of a password that nobody knows, verified in place of a missing one.
    decoy: Arc<str>,
    /// No verification is answered sooner.
    floor: Duration,
}

impl PasswordFactor {
    /// The factor's name.
    pub const NAME: &'static str = "password";

    /// A factor with this hasher and the default policy. Hashes once.
    ///
    /// # Errors
    ///
    /// Fails when a port or the hasher does.
    pub async fn new(ports: &Ports, hasher: Arc<dyn PasswordHasher>) -> Result<Self, PortError> {
        let unknown = Secret::random(ports.entropy())?;
        let working = Arc::clone(&hasher);
        let decoy = runtime::blocking(ports.runtime(), move || working.hash(&unknown)).await??;
        Ok(Self { hasher, policy: PasswordPolicy::default(), decoy: decoy.into(), floor: Duration::ZERO })
    }

    /// Sets the policy.
    ///
    /// # Errors
    ///
    /// Fails when the policy is none that the standard allows: [`PasswordPolicy::validate`].
    pub fn with_policy(mut self, policy: PasswordPolicy) -> Result<Self, InvalidPasswordPolicy> {
        policy.validate()?;
        self.policy = policy;
        Ok(self)
    }

    /// Lets no verification be answered sooner than this, whoever's password it was. Default zero: each takes its own time.
    ///
    /// # Security
    ///
    /// A hash that came from another system is verified in its own time, so that whoever measures can tell its account from
    /// those that do not exist until its owner has signed in once. With a floor above what the slowest of them takes on
    /// this hardware, nothing is left to see but what is above the floor when the machine is busy. It is a wait and costs no
    /// work; take it away when the old hashes are gone.
    #[must_use]
    pub const fn with_floor(mut self, floor: Duration) -> Self {
        self.floor = floor;
        self
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &PasswordPolicy {
        &self.policy
    }

    /// Judges a new password and hashes it.
    ///
    /// # Errors
    ///
    /// Fails when the policy refuses the password, or a port fails.
    pub async fn accept(
        &self,
        ports: &Ports,
        password: &Secret,
        personal_words: &[&str],
    ) -> Result<PasswordHash, PasswordError> {
        let password = PasswordPolicy::normalise(password);
        self.policy.check(&password, personal_words)?;
        self.policy.check_breached(&password, ports).await?;
        let hasher = Arc::clone(&self.hasher);
        let hash = runtime::blocking(ports.runtime(), move || hasher.hash(&password)).await??;
        Ok(PasswordHash(hash))
    }

    /// Hashes a password that another system has accepted, whatever today's policy. `None` when it is longer than any.
    pub(crate) async fn take_over(
        &self,
        ports: &Ports,
        password: &Secret,
    ) -> Result<Option<PasswordHash>, PortError> {
        let password = PasswordPolicy::normalise(password);
        if password.expose().len() > PasswordPolicy::MAX_BYTES {
            return Ok(None);
        }
        let hasher = Arc::clone(&self.hasher);
        let hash = runtime::blocking(ports.runtime(), move || hasher.hash(&password)).await??;
        Ok(Some(PasswordHash(hash)))
    }

    /// A password credential for an account.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn credential(
        ports: &Ports,
        account: AccountId,
        hash: &PasswordHash,
    ) -> Result<Credential, PortError> {
        let id = CredentialId::generate(ports.clock(), ports.entropy())?;
        Ok(Credential::new(id, account, Self::NAME, json!({ "phc": hash.0 }), ports.now()))
    }

    /// The same credential with another password.
    #[must_use]
    pub fn replaced(mut credential: Credential, hash: &PasswordHash) -> Credential {
        credential.data = json!({ "phc": hash.0 });
        credential
    }

    /// The active password credential among an account's credentials.
    #[must_use]
    pub fn credential_in(credentials: &[Versioned<Credential>]) -> Option<&Versioned<Credential>> {
        credentials.iter().find(|credential| {
            credential.value.factor == Self::NAME && credential.value.state == CredentialState::Active
        })
    }

    /// Whether the hash can be verified by this factor's hasher.
    #[must_use]
    pub fn recognises(&self, hash: &PasswordHash) -> bool {
        self.hasher.recognises(&hash.0)
    }

    fn stored<'a>(&self, subject: &FactorSubject<'a>) -> Option<(&'a Versioned<Credential>, &'a str)> {
        subject.account?;
        let credential = Self::credential_in(subject.credentials)?;
        let phc = credential.value.data.get("phc")?.as_str()?;
        self.hasher.recognises(phc).then_some((credential, phc))
    }

    /// Hashes the right password again, when what is stored is weaker than today's hashes.
    async fn upgrade(
        &self,
        ports: &Ports,
        credential: &Credential,
        phc: &str,
        password: Secret,
    ) -> Result<Option<Credential>, PortError> {
        if !self.hasher.needs_rehash(phc) {
            return Ok(None);
        }
        let hasher = Arc::clone(&self.hasher);
        let stronger = runtime::blocking(ports.runtime(), move || hasher.hash(&password)).await??;
        Ok(Some(Self::replaced(credential.clone(), &PasswordHash(stronger))))
    }
}

/// A hashed password, as a PHC string.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a PHC string made elsewhere; whether it can be verified is the hasher's to say.
    #[must_use]
    pub fn from_phc(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[async_trait]
impl Factor for PasswordFactor {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn kinds(&self) -> &'static [FactorKind] {
        &[FactorKind::Knowledge]
    }

    async fn challenge(&self, _subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        Ok(FactorChallenge::default())
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        _state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        // A longer text was never anybody's password, under any policy; it costs the same as a wrong one.
        let typed = PasswordPolicy::normalise(&Secret::from(answer.as_str().unwrap_or_default()));
        let possible = typed.expose().len() <= PasswordPolicy::MAX_BYTES;
        let typed = if possible { typed } else { Secret::from("") };

        let stored = self.stored(&subject);
        let phc: Arc<str> = stored.map_or_else(|| Arc::clone(&self.decoy), |(_, phc)| Arc::from(phc));
        let (hasher, candidate, against) = (Arc::clone(&self.hasher), typed.clone(), Arc::clone(&phc));
        let verified =
            runtime::blocking(subject.ports.runtime(), move || hasher.verify(&candidate, &against));
        let matches = if self.floor.is_zero() {
            verified.await?
        } else {
            join(verified, subject.ports.runtime().sleep(self.floor)).await.0?
        };
        let Some((credential, _)) = stored.filter(|_| matches && possible) else { return Ok(None) };

        let proof = Proof::new(Amr::PASSWORD, self.kinds().iter().copied(), subject.ports.now());
        // The password must still be this one when the session begins: a change in between wins.
        let batch =
            Batch::new().require_version(EntityRef::Credential(credential.value.id), credential.version);
        let batch = match self.upgrade(subject.ports, &credential.value, &phc, typed).await? {
            Some(upgraded) => {
                let event = Event::new(
                    subject.ports,
                    EventType::CREDENTIAL_CHANGED,
                    event_subject(credential.value.account),
                )?;
                let event = event.with("factor", Self::NAME).with("change", "upgraded");
                batch.write(Write::PutCredential(upgraded)).event(event)
            }
            None => batch,
        };
        Ok(Some(FactorProof::new(proof).with_batch(batch)))
    }
}
