//! The service.

use std::sync::Arc;

use ciam_core::account::{Accounts, Owner};
use ciam_core::assurance::{AuthenticationContext, Strength};
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::error::PortError;
use ciam_core::ports::Ports;
use ciam_core::ratelimit::{Limit, RateLimiter};
use ciam_core::session::{Authenticated, SessionManager};
use ciam_core::store::Versioned;
use time::Duration;

use super::error::FactorError;
use crate::attestation::{KeyAttestation, NoKeyAttestation};
use crate::recovery::RecoveryCodeFactor;
use crate::webauthn::{self, RelyingParty};

/// The limits of what an owner does with their factors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FactorLimits {
    /// Enrolments of one kind that one account begins. Default 60 in an hour: a page that offers a passkey begins one each
    /// time that it is shown.
    pub enrolments: Limit,
    /// How long an enrolment may take. Default 10 minutes.
    pub enrolment_lifetime: Duration,
    /// Codes tried for one enrolment. Default 5.
    pub enrolment_attempts: u64,
    /// Authenticator apps of one account. Default 5.
    pub totp: usize,
    /// Passkeys of one account. Default 20.
    pub passkeys: usize,
    /// Devices for approvals of one account. Default 5.
    pub push_devices: usize,
    /// The longest name of a factor, in characters. Default 64.
    pub label: usize,
}

impl Default for FactorLimits {
    fn default() -> Self {
        Self {
            enrolments: Limit::new("mfa.enrolment", 60, Duration::hours(1)),
            enrolment_lifetime: Duration::minutes(10),
            enrolment_attempts: 5,
            totp: 5,
            passkeys: 20,
            push_devices: 5,
            label: 64,
        }
    }
}

/// Adds, names, removes and resets the factors of accounts. See [the module](super).
#[derive(Clone, Debug)]
pub struct Factors {
    pub(super) ports: Ports,
    pub(super) accounts: Accounts,
    pub(super) sessions: SessionManager,
    pub(super) relying_party: Option<RelyingParty>,
    pub(super) limits: FactorLimits,
    pub(super) limiter: RateLimiter,
    pub(super) attestation: Arc<dyn KeyAttestation>,
}

impl Factors {
    /// How often a change is decided again when what it was decided on has changed at the same moment.
    pub(super) const MAX_RACES: usize = 8;

    /// The factors of a tenant. `accounts` has to know the same factors as the journeys
    /// ([`Accounts::with_factor`]): they say how much an owner has to prove.
    #[must_use]
    pub fn new(ports: Ports, accounts: Accounts, sessions: SessionManager) -> Self {
        let limiter = RateLimiter::new(ports.clone());
        let attestation = Arc::new(NoKeyAttestation::new());
        let limits = FactorLimits::default();
        Self { ports, accounts, sessions, relying_party: None, limits, limiter, attestation }
    }

    /// Lets people register passkeys.
    #[must_use]
    pub fn with_relying_party(mut self, relying_party: RelyingParty) -> Self {
        self.relying_party = Some(relying_party);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: FactorLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The owner's credentials, where they have proved themselves just now with all that the account is capable of.
    pub(super) async fn proved(
        &self,
        owner: &Owner<'_>,
    ) -> Result<(Authenticated, Vec<Versioned<Credential>>), FactorError> {
        let current = owner.current.clone();
        if !self.accounts.is_recent(&current).await? {
            return Err(FactorError::NeedsProof);
        }
        let credentials = self.ports.store().credentials_of(current.account.value.id).await?;
        Ok((current, credentials))
    }

    /// The same session and account as they are now; fails when the session's secret is another one by now.
    pub(super) async fn again(
        &self,
        known: &Authenticated,
    ) -> Result<(Authenticated, Vec<Versioned<Credential>>), FactorError> {
        let id = known.session.value.id;
        let session = self.sessions.live(id).await?.ok_or(FactorError::Changed)?;
        let account = self.ports.store().account(session.value.account).await?.ok_or(FactorError::Changed)?;
        let same = session.value.token_digest == known.session.value.token_digest
            && session.value.epoch == account.value.session_epoch
            && account.value.may_sign_in(self.ports.now());
        if !same {
            return Err(FactorError::Changed);
        }
        let mut current = known.clone();
        (current.session, current.account) = (session, account);
        if !self.accounts.is_recent(&current).await? {
            return Err(FactorError::NeedsProof);
        }
        let credentials = self.ports.store().credentials_of(current.account.value.id).await?;
        Ok((current, credentials))
    }

    /// Whether the session has just proved something at least as strong as this credential.
    pub(super) fn is_matched(&self, context: &AuthenticationContext, credential: &Credential) -> bool {
        let (now, recent) = (self.ports.now(), self.accounts.policy().recent);
        let needed = strength_of(credential);
        context
            .proofs
            .iter()
            .filter(|proof| now - proof.at <= recent)
            .any(|proof| proof.strength >= needed || proof.amr == RecoveryCodeFactor::AMR)
    }

    /// Counts the beginning of an enrolment.
    pub(super) async fn count(&self, current: &Authenticated, factor: &str) -> Result<(), FactorError> {
        let key = format!("{}|{factor}", current.account.value.id);
        Ok(self.limiter.attempt(&self.limits.enrolments, &key).await?)
    }

    /// Checks a name.
    pub(super) fn label(&self, label: &str) -> Result<Option<String>, FactorError> {
        let label = label.trim();
        let right = label.chars().count() <= self.limits.label && !label.chars().any(char::is_control);
        if !right {
            return Err(FactorError::Label);
        }
        Ok((!label.is_empty()).then(|| label.to_owned()))
    }

    pub(super) fn room_for(
        &self,
        credentials: &[Versioned<Credential>],
        factor: &str,
        most: usize,
    ) -> Result<(), FactorError> {
        let active = credentials.iter().filter(|it| it.value.state == CredentialState::Active);
        let same = active.filter(|it| it.value.factor == factor).count();
        if same >= most || credentials.len() >= Credential::MAX_PER_ACCOUNT {
            return Err(FactorError::TooManyThings);
        }
        Ok(())
    }

    pub(super) fn relying_party(&self) -> Result<&RelyingParty, FactorError> {
        let missing = || PortError::permanent("the factors were made without a relying party");
        self.relying_party.as_ref().ok_or_else(|| FactorError::Port(missing()))
    }
}

/// How hard a proof by a credential is to steal.
pub(super) fn strength_of(credential: &Credential) -> Strength {
    if credential.factor == webauthn::PasskeyFactor::NAME {
        // A lost security key is removed with a synchronised one: both resist phishing.
        Strength::PhishingResistant
    } else {
        Strength::Ordinary
    }
}
