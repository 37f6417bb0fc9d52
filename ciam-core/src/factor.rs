//! Factors: ways for an account to prove itself, plugged into the [journey](crate::journey).

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::account::Account;
use crate::assurance::{FactorKind, Proof, Strength};
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::AccountId;
use crate::ports::Ports;
use crate::store::{Batch, Versioned};

/// A way for an account to prove itself.
///
/// # Contract
///
/// - **No oracle.** A factor that can be asked for before the account is known costs the same work and the same port calls
///   with no account, an account that is not enrolled, and a wrong answer.
/// - **No write.** A factor changes nothing itself: what a proof changes (a counter, an upgraded hash) is in the batch of
///   [`FactorProof`], and is committed with the session or not at all.
#[async_trait]
pub trait Factor: fmt::Debug + Send + Sync {
    /// The stable name, as in [`Credential::factor`].
    fn name(&self) -> &'static str;

    /// The kinds of factor that a proof stands for.
    fn kinds(&self) -> &'static [FactorKind];

    /// Whether an account with these credentials can be asked for this factor.
    fn is_enrolled(&self, credentials: &[Versioned<Credential>]) -> bool {
        credentials.iter().any(|credential| {
            credential.value.factor == self.name()
                && credential.value.state == crate::credential::CredentialState::Active
        })
    }

    /// How hard a proof by one of these credentials is to steal, at best.
    fn strength(&self, credentials: &[Versioned<Credential>]) -> Strength {
        let _ordinary = credentials;
        Strength::Ordinary
    }

    /// Whether a sign-in can begin with it, without an identifier: its challenge is made for nobody yet, and
    /// [`identify`](Self::identify) says whose answer it is.
    fn is_first(&self) -> bool {
        false
    }

    /// Whose answer it claims to be; not proved before [`verify`](Self::verify). For a factor that is a
    /// [first](Self::is_first) one.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    async fn identify(&self, ports: &Ports, answer: &Value) -> Result<Option<AccountId>, PortError> {
        let _nobody = (ports, answer);
        Ok(None)
    }

    /// Makes a challenge.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    async fn challenge(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError>;

    /// Verifies the answer to a challenge; `None` when it is wrong.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError>;
}

/// Who is to be proved.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FactorSubject<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// The account; `None` when there is none under the identifier that was given.
    pub account: Option<&'a Account>,
    /// The account's credentials.
    pub credentials: &'a [Versioned<Credential>],
}

impl<'a> FactorSubject<'a> {
    /// Who is to be proved.
    #[must_use]
    pub const fn new(
        ports: &'a Ports,
        account: Option<&'a Account>,
        credentials: &'a [Versioned<Credential>],
    ) -> Self {
        Self { ports, account, credentials }
    }
}

/// A challenge. `Debug` prints nothing of it: what begins an enrolment holds a secret.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FactorChallenge {
    /// What the page shows or hands to the authenticator.
    pub public: Value,
    /// What the factor needs again to verify the answer; kept in the journey, never shown.
    pub state: Value,
}

impl FactorChallenge {
    /// A challenge.
    #[must_use]
    pub const fn new(public: Value, state: Value) -> Self {
        Self { public, state }
    }
}

impl fmt::Debug for FactorChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactorChallenge(..)")
    }
}

/// A verified answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FactorProof {
    /// The proof, for the session.
    pub proof: Proof,
    /// What has to be committed with the session, such as a moved counter.
    pub batch: Batch,
}

impl FactorProof {
    /// A proof that changes nothing else.
    #[must_use]
    pub fn new(proof: Proof) -> Self {
        Self { proof, batch: Batch::new() }
    }

    /// Adds what has to be committed with the session.
    #[must_use]
    pub fn with_batch(mut self, batch: Batch) -> Self {
        self.batch = batch;
        self
    }
}
