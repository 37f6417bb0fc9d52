//! The steps of a registration.
//!
//! Nothing durable is written until the code from the e-mail is proved, in the browser in which the password was chosen:
//! nobody can register another's address in advance and keep a way in. An address that has an account goes the same way,
//! step by step and call by call; its owner gets a message that says so, and the code cannot be guessed because it was
//! never sent.

use time::Duration;

use super::challenge::Registration;
use super::code::{Given, Letter};
use super::methods::SignInMethod;
use super::passwordless::proof_by;
use super::realm::Home;
use super::reclaim::{Claimed, is_owned};
use super::service::Journeys;
use super::state::{Goal, Held, Journey, JourneyHandle, Purpose, Sent, Stage};
use super::step::{RefusalReason, SignedIn, Step};
use super::throttle::{self, Reserved, Tried};
use super::types::{JourneyError, Visitor};
use crate::abuse;
use crate::account::{Account, IdentifierKey, Profile};
use crate::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::hooks::HookDecision;
use crate::notify::{Channel, MessageCode};
use crate::password::{PasswordError, PasswordFactor, PasswordHash};
use crate::ratelimit::{network_of, source_of};
use crate::risk::{self, Assessment, Observation, RiskAction, RiskLevel, RiskSignal};
use crate::secret::Secret;
use crate::session::{Authenticated, Beginning, DeviceCookie, SessionError, StartedSession};
use crate::store::{Batch, Commit, Version, Write};

/// What a registration asked for, once its code is proved.
pub(super) type Wanted = (Sent, Profile, Option<PasswordHash>);

impl Journeys {
    pub(super) async fn register(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        registration: Registration,
    ) -> Result<Step, JourneyError> {
        let journey = match self.at_home(handle, journey, &registration.identifier).await? {
            Home::Here(journey) => *journey,
            Home::Away(step) => return Ok(step),
        };
        let journey = &journey;
        let (identifier, channel) = match self.registrable(journey, &registration) {
            Ok(found) => found,
            Err(reason) => return Ok(self.refused(journey, reason)),
        };
        let Some(mut profile) = self.profile(registration.name.as_deref()) else {
            return Ok(self.refused(journey, RefusalReason::Name));
        };
        let peer = source_of(visitor.peer.address);
        if let Some(wait) = self.count_registration(visitor, &identifier).await? {
            return Ok(self.limited(journey, wait));
        }
        let flagged = abuse::is_flagged(&self.ports, &peer).await?;
        let risk = self.registration_risk(visitor, flagged).await;
        let pressed = self.is_pressed(&self.policy.check_after_registrations, visitor).await?;
        let wanted = flagged || pressed || risk.human_check || self.policy.human_for.sign_up;
        if let Some(step) = self.stop_for_check(handle, journey, &registration.identifier, wanted).await? {
            return Ok(step);
        }
        if risk.level >= RiskLevel::High {
            return Ok(self.refused(journey, RefusalReason::Risk));
        }
        if let HookDecision::Deny { code } =
            self.ports.hooks().before_registration(&identifier, &mut profile).await?
        {
            return Ok(self.refused(journey, RefusalReason::Denied { code }));
        }
        let name = registration.name.as_deref().unwrap_or_default();
        let password = match &registration.password {
            None => None,
            Some(password) => match self.accept(password, &identifier, name).await? {
                Ok(hash) => Some(hash),
                Err(reason) => return Ok(self.refused(journey, reason)),
            },
        };
        let typed = registration.identifier.as_str();
        self.send_registration(handle, visitor, journey, (identifier, typed, channel), profile, password)
            .await
    }

    /// Judges and hashes a new password.
    pub(super) async fn accept(
        &self,
        password: &Secret,
        identifier: &IdentifierKey,
        name: &str,
    ) -> Result<Result<PasswordHash, RefusalReason>, PortError> {
        let local = identifier.as_str().split('@').next().unwrap_or_default();
        let personal = [identifier.as_str(), local, name];
        match self.password.accept(&self.ports, password, &personal).await {
            Ok(hash) => Ok(Ok(hash)),
            Err(PasswordError::Rejected(rejection)) => Ok(Err(RefusalReason::Password(rejection))),
            Err(PasswordError::Port(error)) => Err(error),
        }
    }

    pub(super) async fn resend(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        sent: Sent,
        profile: Profile,
        password: Option<PasswordHash>,
    ) -> Result<Step, JourneyError> {
        let to = (sent.identifier, sent.typed.as_str(), sent.channel);
        self.send_registration(handle, visitor, &journey, to, profile, password).await
    }

    /// Moves the journey to the code and sends it: or, to somebody who has an account, the message that says so.
    async fn send_registration(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        (identifier, typed, channel): (IdentifierKey, &str, Channel),
        profile: Profile,
        password: Option<PasswordHash>,
    ) -> Result<Step, JourneyError> {
        let reserved = throttle::reserve_message(&self.limiter, &self.policy, visitor, &identifier).await?;
        if let Reserved::Wait(wait) = reserved {
            return Ok(self.limited(journey, wait));
        }
        let existing = self.ports.store().account_by_identifier(&identifier).await?;
        let owner = existing.filter(|account| is_owned(&account.value, &identifier, self.ports.now()));
        let (letter, event) = match owner {
            Some(owner) => {
                let subject = owner.value.event_subject();
                let event = Event::new(&self.ports, EventType::REGISTRATION_REPEATED, subject)?;
                (Letter::Notice(MessageCode::AccountExists, identifier.clone(), owner.value.id), event)
            }
            None => {
                let event = Event::new(&self.ports, EventType::REGISTRATION_STARTED, "anonymous")?;
                (Letter::Code(MessageCode::VerifyRegistration, identifier.clone(), None), event)
            }
        };
        let fresh = self.fresh(handle, journey, identifier, typed, channel)?;
        self.dispatch(handle, journey, fresh, Purpose::Register { profile, password }, letter, event).await
    }

    pub(super) async fn verify_registration(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        wanted: Wanted,
        given: Given<'_>,
    ) -> Result<Step, JourneyError> {
        let sent = &wanted.0;
        if let Some(reason) = self.check(handle, sent, given).await? {
            return Ok(self.refused(&journey, reason));
        }
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let finishing = self.advance(handle, &journey, Stage::Finishing).await?;
            match self.registered(visitor, &journey, current.as_ref(), &wanted).await {
                Ok(created) => return self.created(handle, visitor, &finishing, created).await,
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

    async fn registered(
        &self,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        (sent, profile, password): &Wanted,
    ) -> Result<Created, CreateError> {
        let Some(mut claimed) = self.claim(&sent.identifier).await? else { return Err(CreateError::Taken) };
        claimed.account.profile = profile.clone();
        let (identifier, channel, password) = (sent.identifier.clone(), sent.channel, password.clone());
        let person = Person { claimed, identifier, channel, password, more: Batch::new() };
        self.create_account(visitor, journey, current, person).await
    }

    /// Where a person goes whose account was created.
    pub(super) async fn created(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        finishing: &Journey,
        created: Created,
    ) -> Result<Step, JourneyError> {
        match created {
            Created::WithSession(created) => {
                let (account, started, identifier) = *created;
                self.remove(handle).await;
                let tried = Tried::Identifier(&identifier);
                throttle::remember(&self.limiter, &self.policy, &tried.in_browser(visitor)).await;
                Ok(Step::Done(Box::new(SignedIn::new(started, account, finishing.own_device))))
            }
            Created::Owing(stage) => {
                let next = self.advance(handle, finishing, *stage).await?;
                self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed)
            }
        }
    }

    /// The account, its password, its first session and the events: one commit. Where something is still to be done before
    /// the session, that begins later.
    pub(super) async fn create_account(
        &self,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        person: Person,
    ) -> Result<Created, CreateError> {
        let now = self.ports.now();
        let Person { claimed, identifier, channel, password, more } = person;
        let account = claimed.account;
        let mut batch = claimed.batch.write(Write::PutAccount(account.clone())).append(more);
        let mut relied_on = Vec::new();
        let proof = match &password {
            Some(password) => {
                let credential = PasswordFactor::credential(&self.ports, account.id, password)?;
                relied_on.push((credential.id, Version::FIRST));
                batch = batch.write(Write::PutCredential(credential));
                Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)
            }
            None => proof_by(channel, now),
        };
        batch = batch.event(Event::new(&self.ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?);
        let owed = self.owed_at_sign_up(&account, &journey.requirements).await?;
        let (batch, created) = match owed {
            Some(owed) => {
                let held = Held {
                    account: account.id,
                    goal: Goal::Session,
                    known_as: Some(Tried::Identifier(&identifier).in_browser(visitor)),
                    step_up_of: None,
                    reached: Some(identifier),
                    proofs: vec![proof],
                    relied_on,
                    risk: (&self.first_risk(visitor, &account).await).into(),
                    signed_up: true,
                    postponed: Vec::new(),
                };
                (batch, Created::Owing(Box::new(owed.stage(held))))
            }
            None => {
                let risk = self.first_risk(visitor, &account).await;
                let beginning = Beginning {
                    context: AuthenticationContext::new([proof]),
                    previous: current.map(|current| &current.session),
                    user_agent: visitor.user_agent,
                    risk: Some(&risk),
                    address: Some(visitor.peer.address),
                    device: visitor.device.as_ref(),
                    limits: journey.limits(),
                    own: journey.own_device == Some(true),
                };
                let (batch, started) = self.sessions.starting(batch, &account, beginning).await?;
                (batch, Created::WithSession(Box::new((account, started, identifier))))
            }
        };
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(created),
            // Somebody has proved the same address at the same moment: the next look says that it is taken.
            Commit::Conflict(_) => Err(CreateError::Session(SessionError::Changed)),
        }
    }

    /// What one may register with: an e-mail address, or a phone number where codes by text message are allowed.
    fn registrable(
        &self,
        journey: &Journey,
        registration: &Registration,
    ) -> Result<(IdentifierKey, Channel), RefusalReason> {
        let methods = self.methods(journey);
        let by_phone =
            methods.allow(SignInMethod::SmsCode) && registration.identifier.trim().starts_with('+');
        let (key, channel, code) = if by_phone {
            (IdentifierKey::phone(&registration.identifier), Channel::Sms, SignInMethod::SmsCode)
        } else {
            (IdentifierKey::email(&registration.identifier), Channel::Email, SignInMethod::EmailCode)
        };
        let key = key.map_err(|_| RefusalReason::Email)?;
        let needed = if registration.password.is_some() { SignInMethod::Password } else { code };
        if methods.allow(needed) { Ok((key, channel)) } else { Err(RefusalReason::Method) }
    }

    /// Counts a registration for its address, its network and its domain; `Some` says how long to wait.
    async fn count_registration(
        &self,
        visitor: &Visitor<'_>,
        identifier: &IdentifierKey,
    ) -> Result<Option<Duration>, PortError> {
        let (peer, network) = (source_of(visitor.peer.address), network_of(visitor.peer.address));
        let domain = identifier.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
        for (limit, key) in [
            (&self.policy.register_per_peer, peer.as_str()),
            (&self.policy.register_per_network, &network),
            (&self.policy.register_per_domain, domain),
        ] {
            // A phone number has no domain.
            if key.is_empty() {
                continue;
            }
            if let Some(wait) = throttle::count(&self.limiter, limit, key).await? {
                return Ok(Some(wait));
            }
        }
        Ok(None)
    }

    /// What the engine is to learn the first sign-in from. The registration was judged when it began: here nobody is kept out.
    async fn first_risk(&self, visitor: &Visitor<'_>, account: &Account) -> Assessment {
        let observation = Observation::new(RiskAction::Register, Some(account.id), visitor.peer.address)
            .with_user_agent(visitor.user_agent.map(ToOwned::to_owned))
            .with_epoch(Some(account.session_epoch))
            .with_browser(visitor.browser.digest(), visitor.device.as_ref().map(DeviceCookie::presented));
        let mut assessment =
            risk::assess(&self.ports, &observation, self.policy.risk_deadline, RiskLevel::Low).await;
        assessment.level = RiskLevel::Low;
        assessment
    }

    async fn registration_risk(&self, visitor: &Visitor<'_>, stuffing: bool) -> Assessment {
        let observation = Observation::new(RiskAction::Register, None, visitor.peer.address)
            .with_user_agent(visitor.user_agent.map(ToOwned::to_owned))
            .with_signals(stuffing.then_some(RiskSignal::CredentialStuffing).into_iter().collect());
        let unanswered = self.policy.register_risk_unanswered;
        risk::assess(&self.ports, &observation, self.policy.risk_deadline, unanswered).await
    }

    pub(super) fn profile(&self, name: Option<&str>) -> Option<Profile> {
        let mut profile = Profile::new();
        if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
            if name.chars().count() > self.policy.max_name || name.chars().any(char::is_control) {
                return None;
            }
            profile.set("name", name).ok()?;
        }
        Some(profile)
    }
}

/// Somebody whose account is to be created: they have proved the identifier.
pub(super) struct Person {
    pub(super) claimed: Claimed,
    pub(super) identifier: IdentifierKey,
    /// By which kind of message they proved it.
    pub(super) channel: Channel,
    pub(super) password: Option<PasswordHash>,
    /// What belongs to the same commit, behind the account.
    pub(super) more: Batch,
}

/// An account that was created.
pub(super) enum Created {
    /// With its first session.
    WithSession(Box<(Account, StartedSession, IdentifierKey)>),
    /// Without: the stage in which something is asked for first.
    Owing(Box<Stage>),
}

/// Why an account was not created.
pub(super) enum CreateError {
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
