//! The owner at their own account: who they are, whether they have just proved it, and why they are told no.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::recency::{is_recent, own_level};
use super::service::Accounts;
use super::{Account, InvalidTransition};
use crate::actor::Actor;
use crate::assurance::Proof;
use crate::credential::Credential;
use crate::error::PortError;
use crate::factor::{Factor as _, FactorSubject};
use crate::id::{CredentialId, OrganizationId};
use crate::notify::{Message, MessageCode};
use crate::password::{PasswordError, PasswordFactor, PasswordRejection};
use crate::ports::Ports;
use crate::ratelimit::RateLimitError;
use crate::secret::Secret;
use crate::session::{Authenticated, SessionError};
use crate::store::{Batch, EntityRef, Version, Versioned};

/// The owner at their own account: their live session, and what they bring with this request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Owner<'a> {
    /// The live session.
    pub current: &'a Authenticated,
    /// The current password, typed as proof.
    pub password: Option<&'a Secret>,
    /// The person's language preferences as BCP 47 tags, best first, for the messages that they get.
    pub languages: Vec<String>,
}

impl<'a> Owner<'a> {
    /// The owner, by their session alone.
    #[must_use]
    pub const fn new(current: &'a Authenticated) -> Self {
        Self { current, password: None, languages: Vec::new() }
    }

    /// Adds the current password, typed as proof.
    #[must_use]
    pub const fn with_password(mut self, password: &'a Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Sets the language preferences.
    #[must_use]
    pub fn with_languages(mut self, languages: Vec<String>) -> Self {
        self.languages = languages;
        self
    }

    /// The owner as the actor of what they do.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        Actor::Account(self.current.account.value.id)
    }
}

/// What an owner wanted was not done.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnerError {
    /// They have to prove themselves again first: sign in again, or give the current password.
    #[error("the owner has to prove themselves again first")]
    NeedsProof,
    /// The current password is another one.
    #[error("the current password is another one")]
    WrongPassword,
    /// Too many attempts.
    #[error("too many attempts")]
    TooMany {
        /// After this time it can be tried again.
        retry_after: Duration,
    },
    /// The new password is not accepted.
    #[error("the new password is not accepted")]
    Password(#[from] PasswordRejection),
    /// It is the last way into the account.
    #[error("it is the last way into the account")]
    LastWayIn,
    /// The account has no such thing.
    #[error("the account has no such thing")]
    NotFound,
    /// The code is wrong, used or too old, or of another person, session or change.
    #[error("the code is no longer good")]
    Code,
    /// The text is no identifier of the kind.
    #[error("the text is no identifier of the kind")]
    Malformed,
    /// The account has this identifier already.
    #[error("the account has this identifier already")]
    AlreadyTheirs,
    /// Somebody else has it.
    #[error("somebody else has it")]
    Taken,
    /// The name is one of the house.
    #[error("the name is reserved")]
    ReservedName,
    /// It is not verified.
    #[error("it is not verified")]
    NotVerified,
    /// Nothing verified would be left to reach the owner by.
    #[error("nothing verified would be left")]
    LastIdentifier,
    /// The identity belongs to another account.
    #[error("the identity belongs to another account")]
    LinkedElsewhere,
    /// The account has as many of these as it may have.
    #[error("the account has as many of these as it may have")]
    TooManyThings,
    /// Others would be left in these organizations without an owner. Make somebody else an owner first.
    #[error("organizations would be left without an owner")]
    LastOwner {
        /// Which they are.
        organizations: Vec<OrganizationId>,
    },
    /// The account is not in use.
    #[error("the account's status does not allow it")]
    Status(#[from] InvalidTransition),
    /// The host's hook refused.
    #[error("the host refused")]
    Denied {
        /// The hook's code.
        code: String,
    },
    /// The account or the session has changed meanwhile.
    #[error("the account or the session has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the change cannot be stored")]
    Port(#[from] PortError),
}

impl OwnerError {
    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NeedsProof => "needs_proof",
            Self::WrongPassword => "wrong_password",
            Self::TooMany { .. } => "too_many_attempts",
            Self::Password(rejection) => rejection.code(),
            Self::LastWayIn => "last_way_in",
            Self::NotFound => "not_found",
            Self::Code => "code",
            Self::Malformed => "malformed",
            Self::AlreadyTheirs => "already_yours",
            Self::Taken => "taken",
            Self::ReservedName => "reserved_name",
            Self::NotVerified => "not_verified",
            Self::LastIdentifier => "last_identifier",
            Self::LinkedElsewhere => "linked_elsewhere",
            Self::TooManyThings => "too_many",
            Self::LastOwner { .. } => "last_owner",
            Self::Status(_) => "status",
            Self::Denied { .. } => "denied",
            Self::Changed => "changed",
            Self::Port(_) => "unavailable",
        }
    }
}

impl From<RateLimitError> for OwnerError {
    fn from(error: RateLimitError) -> Self {
        match error {
            RateLimitError::Limited { retry_after } => Self::TooMany { retry_after },
            RateLimitError::Port(error) => Self::Port(error),
        }
    }
}

impl From<SessionError> for OwnerError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotAllowed | SessionError::Changed | SessionError::TooMany => Self::Changed,
            SessionError::Denied { code } => Self::Denied { code },
            SessionError::Port(error) => Self::Port(error),
        }
    }
}

impl From<PasswordError> for OwnerError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Rejected(rejection) => Self::Password(rejection),
            PasswordError::Port(error) => Self::Port(error),
        }
    }
}

/// An owner who has proved themselves.
pub(super) struct Proved {
    pub(super) current: Authenticated,
    pub(super) credentials: Vec<Versioned<Credential>>,
    /// The proof of the password, where it was given with the request.
    pub(super) proof: Option<Proof>,
    /// The password that was given must still be this one at the commit.
    relied_on: Option<(CredentialId, Version)>,
}

impl Proved {
    /// Somebody of whom nothing more than their session is asked.
    pub(super) const fn by_session(current: Authenticated) -> Self {
        Self { current, credentials: Vec::new(), proof: None, relied_on: None }
    }

    pub(super) const fn account(&self) -> &Account {
        &self.current.account.value
    }

    pub(super) fn password(&self) -> Option<&Versioned<Credential>> {
        PasswordFactor::credential_in(&self.credentials)
    }

    /// What must still hold when the change is committed.
    pub(super) fn batch(&self) -> Batch {
        let account = &self.current.account;
        let batch = Batch::new().require_version(EntityRef::Account(account.value.id), account.version);
        match self.relied_on {
            Some((id, version)) => batch.require_version(EntityRef::Credential(id), version),
            None => batch,
        }
    }
}

impl Accounts {
    /// Whether the owner may change what they sign in with without another proof: for pages, which then ask for none.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn is_recent(&self, current: &Authenticated) -> Result<bool, PortError> {
        let credentials = self.ports.store().credentials_of(current.account.value.id).await?;
        Ok(self.is_recent_with(current, &credentials))
    }

    fn is_recent_with(&self, current: &Authenticated, credentials: &[Versioned<Credential>]) -> bool {
        let level = own_level(&*self.password, &self.factors, credentials);
        is_recent(&current.session.value.context, level, self.policy.recent, self.ports.now())
    }

    /// Takes the owner's proof: the current password where it is given, else a session that was proved just now.
    pub(super) async fn prove(&self, owner: &Owner<'_>) -> Result<Proved, OwnerError> {
        let current = owner.current.clone();
        let account = &current.account.value;
        let credentials = self.ports.store().credentials_of(account.id).await?;
        let Some(password) = owner.password else {
            let recent = self.is_recent_with(&current, &credentials);
            let proved = Proved { current, credentials, proof: None, relied_on: None };
            return if recent { Ok(proved) } else { Err(OwnerError::NeedsProof) };
        };
        // Counted before it is looked at: guesses in parallel do not add up.
        let name = format!("account.password|{}", account.id);
        let run = self.limiter.run(&name).await?;
        self.limiter.attempt_in(&self.policy.password_proofs, &run).await?;
        let subject = FactorSubject::new(&self.ports, Some(account), &credentials);
        let typed = Value::String(password.expose().to_owned());
        let proof = self.password.verify(subject, &Value::Null, &typed).await?;
        let proof = proof.ok_or(OwnerError::WrongPassword)?;
        // A count that is not started again is stricter than it need be, and nothing worse.
        let _stricter = self.limiter.restart(&name, self.policy.password_proofs.window()).await;
        let used = PasswordFactor::credential_in(&credentials);
        let relied_on = used.map(|credential| (credential.value.id, credential.version));
        Ok(Proved { current, credentials, proof: Some(proof.proof), relied_on })
    }

    /// Reads again what was proved, after a lost race; fails when the proof no longer holds.
    pub(super) async fn prove_again(&self, proved: Proved) -> Result<Proved, OwnerError> {
        let current = self.sessions.reload(&proved.current).await?.ok_or(OwnerError::Changed)?;
        let credentials = self.ports.store().credentials_of(current.account.value.id).await?;
        let unchanged = |(id, version): &(CredentialId, Version)| {
            credentials.iter().any(|known| known.value.id == *id && known.version == *version)
        };
        if !proved.relied_on.as_ref().is_none_or(unchanged) {
            return Err(OwnerError::Changed);
        }
        Ok(Proved { current, credentials, ..proved })
    }

    /// A notice to an account's owner, by mail where they have a verified address, else by text message.
    pub(super) fn notice(
        &self,
        account: &Account,
        code: MessageCode,
        languages: &[String],
    ) -> Result<Option<Message>, PortError> {
        notice_to(&self.ports, account, code, languages)
    }

    /// Adds a notice to a batch.
    pub(super) async fn with_notice(
        &self,
        batch: Batch,
        notice: Option<Message>,
    ) -> Result<Batch, PortError> {
        match notice {
            Some(message) => Ok(batch.message(message.seal(&self.ports).await?)),
            None => Ok(batch),
        }
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.ports.now()
    }
}

/// A notice to an account's owner, by mail where they have a verified address, else by text message.
pub(crate) fn notice_to(
    ports: &Ports,
    account: &Account,
    code: MessageCode,
    languages: &[String],
) -> Result<Option<Message>, PortError> {
    let message = Message::to_owner(ports, account, code, ports.now() + NOTICE_LIFETIME)?;
    Ok(message.map(|message| message.with_languages(languages.to_vec())))
}

/// A notice that could not be delivered for so long is not delivered any more.
const NOTICE_LIFETIME: Duration = Duration::days(3);
