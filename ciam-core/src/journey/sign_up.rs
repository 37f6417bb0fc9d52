//! The steps of a registration.
//!
//! Nothing durable is written until the code from the e-mail is proved, in the browser in which the password was chosen:
//! nobody can register another's address in advance and keep a way in. An address that has an account goes the same way,
//! step by step and call by call; its owner gets a message that says so, and the code cannot be guessed because it was
//! never sent.

use super::service::Journeys;
use super::state::{CodeStage, Journey, JourneyHandle, Stage};
use super::throttle::{self, Tried};
use super::types::{JourneyError, RefusalReason, Registration, SignedIn, Step, Visitor};
use crate::account::{Account, AccountStatus, Identifier, IdentifierKey, Profile};
use crate::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use crate::entropy::decimal_code;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::hooks::HookDecision;
use crate::id::AccountId;
use crate::notify::{Channel, Message, MessageCode};
use crate::password::{PasswordError, PasswordFactor};
use crate::ratelimit::source_of;
use crate::risk::{self, Observation, RiskAction, RiskLevel};
use crate::secret::Secret;
use crate::session::{Authenticated, Beginning, SessionError, StartedSession};
use crate::store::{Batch, Commit, Conflict, EntityRef, Write};

impl Journeys {
    pub(super) async fn register(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        registration: Registration,
    ) -> Result<Step, JourneyError> {
        let journey = &journey;
        let Ok(identifier) = IdentifierKey::email(&registration.email) else {
            return Ok(self.refused(journey, RefusalReason::Email));
        };
        let Some(mut profile) = self.profile(&registration) else {
            return Ok(self.refused(journey, RefusalReason::Name));
        };
        let peer = source_of(visitor.peer.address);
        if let Some(wait) = throttle::count(&self.limiter, &self.policy.register_per_peer, &peer).await? {
            return Ok(self.limited(journey, wait));
        }
        if self.registration_risk(visitor).await >= RiskLevel::High {
            return Ok(self.refused(journey, RefusalReason::Risk));
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
        let code = decimal_code(self.ports.entropy(), self.policy.digits())?;
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
        journey: Journey,
        mut stage: CodeStage,
    ) -> Result<Step, JourneyError> {
        let code = decimal_code(self.ports.entropy(), self.policy.digits())?;
        stage.code = handle.code_digest(&code);
        stage.number = stage.number.saturating_add(1);
        stage.code_expires_at = self.ports.now() + self.policy.code_lifetime;
        self.send_code(handle, &journey, stage, &code).await
    }

    /// Moves the journey to the code and sends it: or, to somebody who has an account, the message that says so.
    async fn send_code(
        &self,
        handle: &JourneyHandle,
        journey: &Journey,
        stage: CodeStage,
        code: &str,
    ) -> Result<Step, JourneyError> {
        for limit in [&self.policy.messages_per_address, &self.policy.messages_per_address_long] {
            if let Some(wait) = throttle::count(&self.limiter, limit, stage.identifier.as_str()).await? {
                return Ok(self.limited(journey, wait));
            }
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
        if let Some(account) = &existing {
            message = message.with_account(account.value.id);
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
        mut journey: Journey,
        stage: &CodeStage,
        code: &Secret,
    ) -> Result<Step, JourneyError> {
        // The guess is counted before it is looked at, so that guesses in parallel do not add up.
        let guesses = handle.guess_key(stage.number);
        let guesses = self.ports.ephemeral().increment(&guesses, self.policy.lifetime).await?;
        let typed: String = code.expose().chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let right = handle.code_digest(&typed) == stage.code;
        if guesses > self.policy.code_attempts {
            return Ok(self.refused(&journey, RefusalReason::TooManyAttempts));
        }
        if !right || self.ports.now() >= stage.code_expires_at {
            return Ok(self.refused(&journey, RefusalReason::Code));
        }
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let finishing = self.advance(handle, &journey, Stage::Finishing).await?;
            match self.create_account(visitor, current.as_ref(), stage).await {
                Ok((account, started)) => {
                    self.remove(handle).await;
                    let tried = Tried::Identifier(&stage.identifier);
                    throttle::remember(&self.limiter, &self.policy, &tried.in_browser(visitor)).await;
                    let signed_in = SignedIn::new(started.session, started.cookie, account);
                    return Ok(Step::Done(Box::new(signed_in)));
                }
                Err(CreateError::Taken) => {
                    self.remove(handle).await;
                    return Ok(Self::over(RefusalReason::AlreadyRegistered));
                }
                Err(CreateError::Session(SessionError::Changed)) => {
                    // The session that the browser had was used or ended at the same moment.
                    journey = self.give_back(handle, &journey, &finishing).await?;
                    current = self.look_again(current).await?;
                }
                Err(CreateError::Session(error)) => {
                    let restored = self.give_back(handle, &journey, &finishing).await;
                    return self.failed(restored, error);
                }
            }
        }
        Err(JourneyError::Changed)
    }

    /// The account, its password, its first session and the events: one commit.
    async fn create_account(
        &self,
        visitor: &Visitor<'_>,
        current: Option<&Authenticated>,
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
        let beginning = Beginning {
            context: AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]),
            previous: current.map(|current| &current.session),
            user_agent: visitor.user_agent,
            risk: None,
        };
        let (batch, started) = self.sessions.starting(batch, &account, beginning).await?;
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok((account, started)),
            Commit::Conflict(Conflict::Precondition(0) | Conflict::Unique(_)) => Err(CreateError::Taken),
            Commit::Conflict(_) => Err(CreateError::Session(SessionError::Changed)),
        }
    }

    async fn registration_risk(&self, visitor: &Visitor<'_>) -> RiskLevel {
        let observation = Observation::new(RiskAction::Register, None, visitor.peer.address)
            .with_user_agent(visitor.user_agent.map(ToOwned::to_owned));
        let unanswered = self.policy.register_risk_unanswered;
        risk::assess(&self.ports, &observation, self.policy.risk_deadline, unanswered).await.level
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
