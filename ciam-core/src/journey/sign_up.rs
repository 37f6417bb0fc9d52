//! The steps of a registration.
//!
//! Nothing durable is written until the code from the e-mail is proved, in the browser in which the password was chosen:
//! nobody can register another's address in advance and keep a way in. An address that has an account goes the same way,
//! step by step and call by call; its owner gets a message that says so, and the code cannot be guessed because it was
//! never sent.

use super::service::Journeys;
use super::state::{CodeStage, Journey, JourneyHandle, Stage};
use super::types::{JourneyError, RefusalReason, Registration, SignedIn, Step, Visitor};
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, Profile};
use crate::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use crate::entropy::decimal_code;
use crate::ephemeral::EphemeralKey;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::hooks::HookDecision;
use crate::id::AccountId;
use crate::notify::{Channel, Message, MessageCode};
use crate::password::{PasswordError, PasswordFactor};
use crate::ratelimit::{Limit, RateLimitError};
use crate::secret::Secret;
use crate::session::{SessionError, StartedSession};
use crate::store::{Batch, Commit, Conflict, EntityRef, Write};

impl Journeys {
    pub(super) async fn register(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        registration: Registration,
    ) -> Result<Step, JourneyError> {
        let Ok(identifier) = IdentifierKey::email(&registration.email) else {
            return Ok(self.refused(journey, RefusalReason::Email));
        };
        let Some(mut profile) = self.profile(&registration) else {
            return Ok(self.refused(journey, RefusalReason::Name));
        };
        let peer = visitor.peer.address.to_string();
        if !self.allowed(&self.policy.register_per_peer, &peer).await? {
            return Ok(self.refused(journey, RefusalReason::TooManyAttempts));
        }
        if let HookDecision::Deny { code } =
            self.ports.hooks().before_registration(&identifier, &mut profile).await?
        {
            return Ok(self.refused(journey, RefusalReason::Denied { code }));
        }
        let name = registration.name.as_deref().unwrap_or_default();
        let local = identifier.as_str().split('@').next().unwrap_or_default();
        let personal = [identifier.as_str(), local, name];
        let password = match self.password.accept(&self.ports, &registration.password, &personal).await {
            Ok(password) => password,
            Err(PasswordError::Rejected(rejection)) => {
                return Ok(self.refused(journey, RefusalReason::Password(rejection)));
            }
            Err(PasswordError::Port(error)) => return Err(error.into()),
        };
        let typed = registration.email.trim().chars().take(IdentifierKey::MAX_LENGTH).collect();
        let code = decimal_code(self.ports.entropy(), self.policy.code_digits)?;
        let stage = CodeStage {
            identifier,
            typed,
            profile,
            password,
            code: handle.code_digest(&code),
            number: 1,
            code_expires_at: self.ports.now() + self.policy.code_lifetime,
        };
        self.send_code(handle, journey, stage, &code).await
    }

    pub(super) async fn resend(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        stage: &CodeStage,
    ) -> Result<Step, JourneyError> {
        let code = decimal_code(self.ports.entropy(), self.policy.code_digits)?;
        let mut stage = stage.clone();
        stage.code = handle.code_digest(&code);
        stage.number = stage.number.saturating_add(1);
        stage.code_expires_at = self.ports.now() + self.policy.code_lifetime;
        self.send_code(handle, journey, stage, &code).await
    }

    /// Moves the journey to the code and sends it: or, to somebody who has an account, the message that says so.
    async fn send_code(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        stage: CodeStage,
        code: &str,
    ) -> Result<Step, JourneyError> {
        if !self.allowed(&self.policy.messages_per_address, stage.identifier.as_str()).await? {
            return Ok(self.refused(journey, RefusalReason::TooManyAttempts));
        }
        let existing = self.ports.store().account_by_identifier(&stage.identifier).await?;
        let next = self.advance(handle, journey, Stage::Code(stage.clone())).await?;
        let about =
            if existing.is_some() { MessageCode::AccountExists } else { MessageCode::VerifyRegistration };
        let mut message = Message::new(
            &self.ports,
            about,
            Channel::Email,
            stage.identifier.as_str(),
            stage.code_expires_at,
        )?
        .with_languages(journey.requirements.languages.clone());
        if existing.is_none() {
            let minutes = self.policy.code_lifetime.whole_minutes().to_string();
            message = message.with("code", code).with("minutes", minutes);
        }
        let event = match &existing {
            Some(account) => {
                Event::new(&self.ports, EventType::REGISTRATION_REPEATED, account.value.event_subject())?
            }
            None => Event::new(&self.ports, EventType::REGISTRATION_STARTED, "anonymous")?,
        };
        let batch = Batch::new().message(message.seal(&self.ports).await?).event(event);
        if !self.ports.store().commit(batch).await?.is_applied() {
            return Err(PortError::permanent("a batch without conditions was refused").into());
        }
        self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
    }

    pub(super) async fn verify_code(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        stage: &CodeStage,
        code: &Secret,
    ) -> Result<Step, JourneyError> {
        // The guess is counted before it is looked at, so that guesses in parallel do not add up.
        let counter =
            EphemeralKey::new("core.journey_guess", format!("{}.{}", handle.key().name(), stage.number));
        let guesses = self.ports.ephemeral().increment(&counter, self.policy.lifetime).await?;
        let typed: String = code.expose().chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let right = handle.code_digest(&typed) == stage.code;
        if guesses > self.policy.code_attempts {
            return Ok(self.refused(journey, RefusalReason::TooManyAttempts));
        }
        if !right || self.ports.now() >= stage.code_expires_at {
            return Ok(self.refused(journey, RefusalReason::Code));
        }
        let finishing = self.advance(handle, journey, Stage::Finishing).await?;
        match self.create_account(visitor, stage).await {
            Ok((account, started)) => {
                self.remove(handle).await?;
                Ok(Step::Done(Box::new(SignedIn::new(started.session, started.cookie, account))))
            }
            Err(CreateError::Taken) => {
                self.remove(handle).await?;
                let over = Journey { stage: Stage::Finishing, ..finishing };
                Ok(self.refused(&over, RefusalReason::AlreadyRegistered))
            }
            Err(CreateError::Session(error)) => self.undo_finish(handle, journey, &finishing, error).await,
        }
    }

    /// The account, its password, its first session and the events: one commit.
    async fn create_account(
        &self,
        visitor: &Visitor<'_>,
        stage: &CodeStage,
    ) -> Result<(Account, StartedSession), CreateError> {
        let now = self.ports.now();
        let id = AccountId::generate(self.ports.clock(), self.ports.entropy())?;
        let mut account = Account::new(id, now);
        account.status = AccountStatus::Active;
        account.identifiers.push(Identifier::verified(stage.identifier.clone(), now));
        account.profile = stage.profile.clone();
        let credential = PasswordFactor::credential(&self.ports, id, &stage.password)?;
        let registered = Event::new(&self.ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?;
        let batch = Batch::new()
            .require_absent(EntityRef::Identifier(stage.identifier.clone()))
            .require_absent(EntityRef::Account(id))
            .write(Write::PutAccount(account.clone()))
            .write(Write::PutCredential(credential))
            .event(registered);
        let context = AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]);
        let previous = visitor.current.map(|current| &current.session);
        let (batch, started) =
            self.sessions.starting(batch, &account, context, previous, visitor.user_agent).await?;
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok((account, started)),
            Commit::Conflict(Conflict::Precondition(0) | Conflict::Unique(_)) => Err(CreateError::Taken),
            Commit::Conflict(_) => Err(CreateError::Session(SessionError::Changed)),
        }
    }

    fn profile(&self, registration: &Registration) -> Option<Profile> {
        let mut profile = Profile::new();
        if let Some(name) = registration.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            if name.chars().count() > self.policy.max_name || name.chars().any(char::is_control) {
                return None;
            }
            profile.set("name", name).ok()?;
        }
        Some(profile)
    }

    async fn allowed(&self, limit: &Limit, key: &str) -> Result<bool, PortError> {
        match self.limiter.attempt(limit, key).await {
            Ok(()) => Ok(true),
            Err(RateLimitError::Limited { .. }) => Ok(false),
            Err(RateLimitError::Port(error)) => Err(error),
        }
    }
}

/// Why an account was not created.
enum CreateError {
    /// Somebody registered the address meanwhile.
    Taken,
    /// The session could not begin.
    Session(SessionError),
}

impl From<PortError> for CreateError {
    fn from(error: PortError) -> Self {
        Self::Session(SessionError::Port(error))
    }
}

impl From<SessionError> for CreateError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}
