//! People who are still in another system: asked for there once, at their first sign-in.
//!
//! Where hashes cannot be had, the old system has to say itself whether a password is right. A
//! [`LegacyDirectory`] is asked when somebody signs in whom nobody knows here, or whose imported account is
//! [marked](marker) for it. What it confirms becomes an account with a password of ours, in one commit; from then on it is
//! not asked again. Plug it into [`Journeys::with_legacy`](crate::journey::Journeys::with_legacy).
//!
//! # Security
//!
//! - **No oracle.** While a directory is plugged in, every refused sign-in is answered no sooner than the
//!   [deadline](LegacyPolicy::deadline), whether or not the directory was asked and however long it took.
//! - **No guessing.** The limits of sign-in hold as always, and for each identifier the directory is asked a few times a day
//!   only.
//! - **Silence denies.** A directory that fails or is late has not said yes.
//! - Only passwords of people who have none here are sent there. Its own transport is the implementation's to secure.
//! - What it confirms is an address that *it* verified: see [`LegacyAccount`].

mod external;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use time::{Duration, OffsetDateTime};

#[cfg(feature = "foreign-hashes")]
pub(crate) use self::external::Named;
#[cfg(not(feature = "foreign-hashes"))]
use self::external::Named;
pub use self::external::{ExternalAccount, ExternalId, InvalidExternalId};
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, Profile};
use crate::actor::Actor;
use crate::credential::{Credential, CredentialState};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, CredentialId};
use crate::password::{PasswordFactor, PasswordHash};
use crate::ports::Ports;
use crate::ratelimit::Limit;
use crate::secret::Secret;
use crate::store::{Batch, EntityRef, Versioned, Write};

/// The system that the accounts are moved away from.
///
/// # Contract
///
/// - `authenticate` says whether this identifier and this password belong together there, and changes nothing.
/// - It may be called twice at once for one identifier, and again after a crash.
/// - Somebody whom the old system does not let in any more is refused, whatever their password.
///
/// Its suite is [`testkit::legacy_directory`](crate::testkit::legacy_directory).
///
/// # Cancel safety
///
/// The future is dropped when the deadline has come.
///
/// # Errors
///
/// Fails when the system cannot be asked. That denies the sign-in.
#[async_trait]
pub trait LegacyDirectory: fmt::Debug + Send + Sync {
    /// Whether the password is right, and whose it is.
    async fn authenticate(
        &self,
        identifier: &IdentifierKey,
        password: &Secret,
    ) -> Result<LegacyOutcome, PortError>;
}

/// What the old system says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LegacyOutcome {
    /// It knows nobody by this identifier, the password is wrong, or the person may not sign in.
    Refused,
    /// The password is right.
    Confirmed(Box<LegacyAccount>),
}

/// An account as the old system knows it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LegacyAccount {
    /// The id there.
    pub external_id: Option<ExternalId>,
    /// The identifiers. The one that was typed must be among them and verified: otherwise nothing is made of it.
    pub identifiers: Vec<Identifier>,
    /// What is known of the person.
    pub profile: Profile,
    /// When it was made there.
    pub created_at: Option<OffsetDateTime>,
}

impl LegacyAccount {
    /// An account with these identifiers.
    #[must_use]
    pub fn new(identifiers: Vec<Identifier>) -> Self {
        Self { identifiers, ..Self::default() }
    }

    /// Adds the id there.
    #[must_use]
    pub fn with_external_id(mut self, id: ExternalId) -> Self {
        self.external_id = Some(id);
        self
    }

    /// Adds what is known of the person.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }
}

/// A directory that knows nobody.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoLegacyDirectory;

impl NoLegacyDirectory {
    /// A directory that knows nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl LegacyDirectory for NoLegacyDirectory {
    async fn authenticate(&self, _: &IdentifierKey, _: &Secret) -> Result<LegacyOutcome, PortError> {
        Ok(LegacyOutcome::Refused)
    }
}

/// The limits of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LegacyPolicy {
    /// How long the directory may take, and how long every refused sign-in takes. Default 2 seconds.
    pub deadline: std::time::Duration,
    /// How often it is asked for one identifier. Default 10 times in a day.
    pub per_identifier: Limit,
}

impl Default for LegacyPolicy {
    fn default() -> Self {
        Self {
            deadline: std::time::Duration::from_secs(2),
            per_identifier: Limit::new("migration.identifier", 10, Duration::days(1)),
        }
    }
}

/// The old system, with its name and limits.
#[derive(Clone, Debug)]
pub struct LegacySystem {
    pub(crate) directory: Arc<dyn LegacyDirectory>,
    pub(crate) source: String,
    pub(crate) policy: LegacyPolicy,
}

impl LegacySystem {
    /// The old system. `source` is the name under which its external ids are found again: that of an
    /// import from it, where there was one.
    pub fn new(source: impl Into<String>, directory: Arc<dyn LegacyDirectory>) -> Self {
        Self { directory, source: source.into(), policy: LegacyPolicy::default() }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_policy(mut self, policy: LegacyPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What makes an account of a confirmed stranger: one batch that loses against anybody else who makes it first.
    pub(crate) async fn creation(
        &self,
        ports: &Ports,
        confirmed: LegacyAccount,
        password: &PasswordHash,
    ) -> Result<Batch, PortError> {
        let now = ports.now();
        let id = AccountId::generate(ports.clock(), ports.entropy())?;
        let mut account = Account::new(id, now);
        account.status = AccountStatus::Active;
        account.created_at = confirmed.created_at.unwrap_or(now);
        account.identifiers = confirmed.identifiers;
        account.identifiers.truncate(Account::MAX_IDENTIFIERS);
        account.profile = confirmed.profile;
        let event = Event::new(ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?
            .by(&Actor::system("migration"))
            .with("source", self.source.clone());
        let mut batch = Batch::new();
        for identifier in &account.identifiers {
            batch = batch.require_absent(EntityRef::Identifier(identifier.key.clone()));
        }
        if let Some(external) = &confirmed.external_id {
            let external = ExternalAccount::new(ports, &self.source, &Named::Id(external), id).await?;
            batch = batch
                .require_absent(EntityRef::record::<ExternalAccount>(external.text_key()))
                .put(&external)?;
        }
        let credential = PasswordFactor::credential(ports, id, password)?;
        Ok(batch.write(Write::PutAccount(account)).write(Write::PutCredential(credential)).event(event))
    }

    /// What gives an imported account its password.
    pub(crate) fn completion(
        &self,
        ports: &Ports,
        marker: &Versioned<Credential>,
        password: &PasswordHash,
    ) -> Result<Batch, PortError> {
        let mut credential = PasswordFactor::replaced(marker.value.clone(), password);
        credential.state = CredentialState::Active;
        let subject = crate::account::event_subject(credential.account);
        let event = Event::new(ports, EventType::CREDENTIAL_CHANGED, subject)?
            .by(&Actor::system("migration"))
            .with("factor", PasswordFactor::NAME)
            .with("change", "migrated")
            .with("source", self.source.clone());
        Ok(Batch::new()
            .require_version(EntityRef::Credential(credential.id), marker.version)
            .write(Write::PutCredential(credential))
            .event(event))
    }
}

/// The mark of an account whose password the old system is asked for: a password credential that is not in use yet.
///
/// # Errors
///
/// Fails only when the entropy source does.
pub fn marker(ports: &Ports, account: AccountId) -> Result<Credential, PortError> {
    let id = CredentialId::generate(ports.clock(), ports.entropy())?;
    let data = json!({ "ask_old_system": true });
    let mut credential = Credential::new(id, account, PasswordFactor::NAME, data, ports.now());
    credential.state = CredentialState::Pending;
    Ok(credential)
}

/// The mark among an account's credentials, unless it has a password of its own.
pub(crate) fn marker_in(credentials: &[Versioned<Credential>]) -> Option<&Versioned<Credential>> {
    if PasswordFactor::credential_in(credentials).is_some() {
        return None;
    }
    credentials.iter().find(|credential| {
        credential.value.factor == PasswordFactor::NAME
            && credential.value.state == CredentialState::Pending
            && credential.value.data.get("ask_old_system").is_some()
    })
}
