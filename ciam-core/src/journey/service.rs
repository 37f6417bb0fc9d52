//! Begins journeys and takes answers.

use std::sync::Arc;

use serde_json::Value;
use time::Duration;

use super::challenge::{Answer, Challenge};
use super::code::Given;
use super::enrolment::Enrolment;
use super::policy::JourneyPolicy;
use super::realm::{Connections, NoConnections};
use super::state::{CodeStage, EnrolStage, Goal, HumanStage, Journey, JourneyHandle, Purpose, Stage};
use super::step::{Refusal, RefusalReason, Step};
use super::types::{JourneyError, Requirements, Visitor};
use crate::abuse::{HumanCheck, InFlight};
use crate::account::schema::AttributeSchema;
use crate::ephemeral;
use crate::error::PortError;
use crate::factor::Factor;
use crate::migration::LegacySystem;
use crate::organization::Organizations;
use crate::password::PasswordFactor;
use crate::ports::Ports;
use crate::ratelimit::RateLimiter;
use crate::secret::Secret;
use crate::session::SessionManager;

/// Begins journeys and takes answers. See [the module](super).
#[derive(Clone, Debug)]
pub struct Journeys {
    pub(super) ports: Ports,
    pub(super) sessions: SessionManager,
    pub(super) password: Arc<PasswordFactor>,
    pub(super) factors: Vec<Arc<dyn Factor>>,
    pub(super) enrolments: Vec<Arc<dyn Enrolment>>,
    pub(super) policy: Arc<JourneyPolicy>,
    pub(super) limiter: RateLimiter,
    pub(super) legacy: Option<LegacySystem>,
    pub(super) schema: Arc<AttributeSchema>,
    pub(super) organizations: Option<Organizations>,
    pub(super) connections: Arc<dyn Connections>,
    pub(super) human: Option<Arc<dyn HumanCheck>>,
    pub(super) in_flight: InFlight,
}

impl Journeys {
    /// How often a step is done again when what it relied on was changed at the same moment.
    pub(super) const MAX_RACES: usize = 4;

    /// Journeys whose first factor is a password, without further factors, with the default policy.
    #[must_use]
    pub fn new(ports: Ports, sessions: SessionManager, password: PasswordFactor) -> Self {
        Self {
            limiter: RateLimiter::new(ports.clone()),
            ports,
            sessions,
            password: Arc::new(password),
            factors: Vec::new(),
            enrolments: Vec::new(),
            policy: Arc::new(JourneyPolicy::default()),
            legacy: None,
            schema: Arc::new(AttributeSchema::standard()),
            organizations: None,
            connections: Arc::new(NoConnections::new()),
            human: None,
            in_flight: InFlight::default(),
        }
    }

    /// Adds a further factor. Factors are asked for in the order in which they were added.
    #[must_use]
    pub fn with_factor(mut self, factor: Arc<dyn Factor>) -> Self {
        self.factors.push(factor);
        self
    }

    /// Adds a way to add a further factor in the middle of a sign-in, for [`JourneyPolicy::enrolment`] and for organizations
    /// that want more than a person has. They are offered in the order in which they were added.
    #[must_use]
    pub fn with_enrolment(mut self, enrolment: Arc<dyn Enrolment>) -> Self {
        self.enrolments.push(enrolment);
        self
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: JourneyPolicy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// Asks another system for people who are not here yet: [`crate::migration`].
    #[must_use]
    pub fn with_legacy(mut self, legacy: LegacySystem) -> Self {
        self.legacy = Some(legacy);
        self
    }

    /// Lets people sign up with invitations of organizations, and has organizations say how the people of their domains sign
    /// in.
    #[must_use]
    pub fn with_organizations(mut self, organizations: Organizations) -> Self {
        self.organizations = Some(organizations);
        self
    }

    /// Sets the connections to identity providers elsewhere that policies of organizations can name.
    #[must_use]
    pub fn with_connections(mut self, connections: Arc<dyn Connections>) -> Self {
        self.connections = connections;
        self
    }

    /// Sets the attributes that people are asked for when they are missing: the schema that
    /// [`Accounts`](crate::account::Accounts) has. Default: the standard one, which asks for nothing.
    #[must_use]
    pub fn with_schema(mut self, schema: AttributeSchema) -> Self {
        self.schema = Arc::new(schema);
        self
    }

    /// Asks for this check where risk asks for one, from sources that were found out, under pressure, and of everybody where
    /// the policy says so. Without a check nobody is asked.
    #[must_use]
    pub fn with_human_check(mut self, check: Arc<dyn HumanCheck>) -> Self {
        self.human = Some(check);
        self
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &JourneyPolicy {
        &self.policy
    }

    /// Begins a sign-in: a new one, or a renewal or step-up where the visitor has a session.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn begin_sign_in(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
    ) -> Result<(JourneyHandle, Challenge), PortError> {
        let stage = self.entry(visitor, &requirements).await?;
        if visitor.current.is_some() {
            return self.begin(visitor, requirements, stage, None).await;
        }
        self.begin_with_check(visitor, requirements, stage).await
    }

    /// Begins a registration.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn begin_sign_up(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
    ) -> Result<(JourneyHandle, Challenge), PortError> {
        self.begin_with_check(visitor, requirements, Stage::Registration).await
    }

    /// Begins a sign-up by invitation.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn begin_invitation(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
    ) -> Result<(JourneyHandle, Challenge), PortError> {
        self.begin_with_check(visitor, requirements, Stage::Invitation).await
    }

    /// Begins a recovery: the password is forgotten.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn begin_recovery(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
    ) -> Result<(JourneyHandle, Challenge), PortError> {
        self.begin_with_check(visitor, requirements, Stage::Recovery).await
    }

    /// What the person is to do now, such as when the page is loaded again.
    ///
    /// # Errors
    ///
    /// Fails when there is no such journey in this browser, or a port fails.
    pub async fn challenge(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
    ) -> Result<Challenge, JourneyError> {
        let journey = self.load(handle, visitor).await?;
        self.whole_challenge(&journey).await?.ok_or(JourneyError::Changed)
    }

    /// What a journey of this browser was begun with.
    ///
    /// # Errors
    ///
    /// Fails when there is no such journey in this browser, or a port fails.
    pub async fn requirements(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
    ) -> Result<Requirements, JourneyError> {
        Ok(self.load(handle, visitor).await?.requirements)
    }

    /// Takes an answer and goes one step on.
    ///
    /// Where a further factor is asked for, credentials are taken as well: the person starts again, perhaps as somebody
    /// else.
    ///
    /// # Errors
    ///
    /// Fails when there is no such journey in this browser, when it went on in another tab, or when a port fails. A wrong
    /// answer is [`Step::Refused`].
    pub async fn answer(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        answer: Answer,
    ) -> Result<Step, JourneyError> {
        let mut journey = self.load(handle, visitor).await?;
        if let Some(own) = visitor.own_device.filter(|own| journey.own_device != Some(*own)) {
            let said = Journey { own_device: Some(own), ..journey.clone() };
            journey = self.replace(handle, &journey, said).await?;
        }
        if let Some(check) = journey.human.clone() {
            return Box::pin(self.pass_check(handle, visitor, &journey, check, answer)).await;
        }
        // What all the answers need room for is far more than what their callers should carry along.
        Box::pin(self.take(handle, visitor, journey, answer)).await
    }

    async fn take(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        answer: Answer,
    ) -> Result<Step, JourneyError> {
        let stage = journey.stage.clone();
        match answer {
            Answer::Credentials { identifier, password } if stage.takes_credentials() => {
                self.sign_in(handle, visitor, journey, &identifier, &password).await
            }
            Answer::Identify { identifier } if stage.takes_identifier() => {
                self.identify(handle, visitor, journey, &identifier).await
            }
            Answer::SendCode { identifier, channel } if stage.sends_code() => {
                self.ask_for_code(handle, visitor, journey, Goal::Session, &identifier, channel).await
            }
            Answer::Recover { identifier } if stage.recovers() => {
                self.ask_for_code(handle, visitor, journey, Goal::Recovery, &identifier, None).await
            }
            answer => self.take_at(stage, handle, visitor, journey, answer).await,
        }
    }

    /// Takes an answer that is one to what was asked last.
    async fn take_at(
        &self,
        stage: Stage,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        answer: Answer,
    ) -> Result<Step, JourneyError> {
        match (stage, answer) {
            (Stage::Factor(stage), Answer::Factor { factor, response }) if stage.factor == factor => {
                self.prove_factor(handle, visitor, journey, stage, &response).await
            }
            (Stage::Factor(stage), Answer::AnotherFactor { factor }) if stage.others.contains(&factor) => {
                self.another_factor(handle, visitor, journey, stage, &factor).await
            }
            (Stage::Credentials, Answer::Factor { factor, response }) => {
                self.begin_with_factor(handle, visitor, journey, &factor, &response).await
            }
            (Stage::Registration, Answer::Register(registration)) => {
                self.register(handle, visitor, journey, registration).await
            }
            (Stage::Invitation, Answer::AcceptInvitation(acceptance)) => {
                self.accept_invitation(handle, visitor, journey, acceptance).await
            }
            (Stage::Code(stage), Answer::Code { code }) => {
                self.take_code(handle, visitor, journey, stage, Given::Code(&code)).await
            }
            (Stage::Code(stage), Answer::Link { proof }) => {
                self.take_code(handle, visitor, journey, stage, Given::Link(&proof)).await
            }
            (Stage::Code(CodeStage { sent, purpose }), Answer::Resend) => match purpose {
                Purpose::Register { profile, password } => {
                    self.resend(handle, visitor, journey, sent, profile, password).await
                }
                Purpose::Prove { goal, .. } => self.resend_proof(handle, visitor, journey, goal, sent).await,
                Purpose::Confirm { held } => self.resend_confirmation(handle, visitor, &journey, *held).await,
            },
            (Stage::NewPassword(held), Answer::NewPassword { password }) => {
                self.replace_password(handle, visitor, journey, held, &password).await
            }
            (Stage::TakeBack(stage), Answer::TakeBack) => {
                self.take_back(handle, visitor, journey, stage.held).await
            }
            (Stage::Terms(stage), Answer::AcceptTerms { accepted }) => {
                self.accept_terms(handle, visitor, journey, stage, &accepted).await
            }
            (Stage::Profile(stage), Answer::Profile { attributes }) => {
                self.complete_profile(handle, visitor, journey, stage, &attributes).await
            }
            (Stage::Enrol(stage), Answer::BeginEnrolment { factor }) => {
                self.begin_enrolment(handle, visitor, journey, stage, &factor).await
            }
            (Stage::Enrol(EnrolStage { begun: Some(begun), .. }), Answer::Enrol { factor, response })
                if begun.factor == factor =>
            {
                self.enrol(handle, visitor, journey, begun, &response).await
            }
            (Stage::Enrol(stage), Answer::PostponeEnrolment) => {
                self.postpone_enrolment(handle, visitor, journey, stage).await
            }
            (Stage::Finishing, _) => Err(JourneyError::Changed),
            _ => Ok(self.refused(&journey, RefusalReason::Unexpected)),
        }
    }

    async fn take_code(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        stage: CodeStage,
        given: Given<'_>,
    ) -> Result<Step, JourneyError> {
        match stage.purpose {
            Purpose::Register { profile, password } => {
                let wanted = (stage.sent, profile, password);
                self.verify_registration(handle, visitor, journey, wanted, given).await
            }
            Purpose::Prove { goal, recipient } => {
                self.prove_code(handle, visitor, journey, (stage.sent, goal, recipient), given).await
            }
            Purpose::Confirm { held } => {
                self.confirm_sign_in(handle, visitor, journey, stage.sent, *held, given).await
            }
        }
    }

    async fn begin_with_check(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
        stage: Stage,
    ) -> Result<(JourneyHandle, Challenge), PortError> {
        let human = self.check_at_start(&stage).await?;
        self.begin(visitor, requirements, stage, human).await
    }

    pub(super) async fn begin(
        &self,
        visitor: &Visitor<'_>,
        requirements: Requirements,
        stage: Stage,
        human: Option<HumanStage>,
    ) -> Result<(JourneyHandle, Challenge), PortError> {
        let handle = JourneyHandle::new(Secret::random(self.ports.entropy())?);
        let first = self.first_challenges(&requirements).await?;
        let journey = Journey {
            browser: visitor.browser.digest(),
            revision: 0,
            requirements,
            checks: u32::from(human.is_some()),
            stage,
            human,
            first,
            realm: None,
            own_device: None,
            expires_at: self.ports.now() + self.policy.lifetime,
        };
        let challenge = self
            .challenge_of(&journey)
            .ok_or_else(|| PortError::permanent("a journey begins with a question"))?;
        self.ports.ephemeral().put(&handle.key(), ephemeral::encode(&journey)?, self.policy.lifetime).await?;
        Ok((handle, challenge))
    }

    async fn load(&self, handle: &JourneyHandle, visitor: &Visitor<'_>) -> Result<Journey, JourneyError> {
        let journey = self.read(handle).await?;
        if journey.browser == visitor.browser.digest() {
            Ok(journey)
        } else {
            Err(JourneyError::OtherBrowser)
        }
    }

    /// The journey with this handle, whichever browser it belongs to.
    pub(super) async fn read(&self, handle: &JourneyHandle) -> Result<Journey, JourneyError> {
        let bytes = self.ports.ephemeral().get(&handle.key()).await?.ok_or(JourneyError::NotFound)?;
        // One that another release has begun is over: the person begins again.
        ephemeral::decode(&bytes).map_err(|_| JourneyError::NotFound)
    }

    /// Moves a journey on, if it still is as it was read: of two tabs one wins.
    pub(super) async fn advance(
        &self,
        handle: &JourneyHandle,
        read: &Journey,
        stage: Stage,
    ) -> Result<Journey, JourneyError> {
        self.replace(handle, read, Journey { stage, ..read.clone() }).await
    }

    /// Removes a journey that has come to its end.
    pub(super) async fn remove(&self, handle: &JourneyHandle) {
        // Only to give the place back: a journey that stays until its time is over can no longer be answered.
        let _unimportant = self.ports.ephemeral().take(&handle.key()).await;
    }

    pub(super) fn refused(&self, journey: &Journey, reason: RefusalReason) -> Step {
        Step::Refused(Refusal { reason, retry_after: None, challenge: self.challenge_of(journey) })
    }

    pub(super) fn limited(&self, journey: &Journey, retry_after: Duration) -> Step {
        Step::Refused(Refusal {
            reason: RefusalReason::TooManyAttempts,
            retry_after: Some(retry_after),
            challenge: self.challenge_of(journey),
        })
    }

    pub(super) const fn over(reason: RefusalReason) -> Step {
        Step::Refused(Refusal { reason, retry_after: None, challenge: None })
    }

    pub(super) fn challenge_of(&self, journey: &Journey) -> Option<Challenge> {
        if let Some(check) = &journey.human {
            return Some(Challenge::Human { check: check.name.clone(), data: check.public.clone() });
        }
        let login_hint = journey.requirements.login_hint.clone();
        if let Some(elsewhere) = self.elsewhere(journey) {
            return Some(elsewhere);
        }
        let methods = || self.methods(journey);
        let min_password_length = self.password.policy().min_length;
        match &journey.stage {
            Stage::Credentials => {
                let organization = journey.realm.as_ref().map(|realm| realm.name.clone());
                let (methods, first) = Self::ways_to_begin(methods(), journey);
                Some(Challenge::Credentials { login_hint, methods, first, organization })
            }
            Stage::Registration => {
                Some(Challenge::Registration { login_hint, min_password_length, methods: methods() })
            }
            Stage::Invitation => Some(Challenge::Invitation { min_password_length, methods: methods() }),
            Stage::Code(CodeStage { sent, purpose }) => Some(Challenge::Code {
                purpose: purpose.public(),
                channel: sent.channel,
                sent_to: sent.typed.clone(),
                digits: self.policy.digits(),
                expires_at: sent.expires_at,
            }),
            Stage::Factor(stage) => Some(Challenge::Factor {
                factor: stage.factor.clone(),
                data: stage.public.clone(),
                others: stage.others.clone(),
            }),
            Stage::Recovery => Some(Challenge::Recovery { login_hint }),
            Stage::NewPassword(_) => Some(Challenge::NewPassword { min_password_length }),
            Stage::TakeBack(stage) => Some(Challenge::TakeBack { erase_after: stage.erase_after }),
            Stage::Terms(stage) => {
                Some(Challenge::Terms { documents: self.terms_asked(stage, &journey.requirements.languages) })
            }
            Stage::Profile(stage) => Some(Challenge::Profile { attributes: self.attributes_asked(stage) }),
            // What is sealed is left out.
            Stage::Enrol(stage) => Some(stage.asked(Value::Null)),
            Stage::Finishing => None,
        }
    }
}
