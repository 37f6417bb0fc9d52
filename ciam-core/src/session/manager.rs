//! Starts, recognises, refreshes and ends sessions.

use http::header::HeaderMap;
use time::{Duration, OffsetDateTime};

use std::net::IpAddr;

use super::remembered::Guest;
use super::{
    Beginning, DeviceCookie, RememberedDevices, Session, SessionCookie, SessionEnd, SessionPolicy,
    SessionState, StricterLimits, notice,
};
use crate::account::Account;
use crate::actor::Actor;
use crate::assurance::{AuthenticationContext, Proof};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::hooks::HookDecision;
use crate::id::{AccountId, OrganizationId, SessionId};
use crate::ports::Ports;
use crate::risk::{self, Assessment, Confirmed, PresentedDevice};
use crate::secret::Secret;
use crate::store::{Batch, Commit, EntityRef, Page, PageRequest, Versioned, Write};

/// A browser's live session with its account.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Authenticated {
    /// The session.
    pub session: Versioned<Session>,
    /// The account, which may sign in.
    pub account: Versioned<Account>,
}

/// A session that has just begun or been renewed, with the cookie for the browser.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartedSession {
    /// The session.
    pub session: Session,
    /// What the browser is to hold.
    pub cookie: SessionCookie,
    /// What the browser is to hold beside it, where devices are remembered.
    pub device: Option<DeviceCookie>,
}

/// Starts, recognises, refreshes and ends sessions.
#[derive(Clone, Debug)]
pub struct SessionManager {
    pub(super) ports: Ports,
    pub(super) policy: SessionPolicy,
}

impl SessionManager {
    /// A manager with the default policy.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, policy: SessionPolicy::default() }
    }

    /// Sets the policy.
    #[must_use]
    pub const fn with_policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    /// The live session of a browser, by its cookie.
    ///
    /// Notes the use when the touch interval has passed; losing that race is fine. A cookie that is missing, malformed,
    /// forged, ended or expired is no session, and costs no write.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Option<Authenticated>, PortError> {
        match SessionCookie::from_headers(headers) {
            Some(cookie) => self.authenticate_by(&cookie).await,
            None => Ok(None),
        }
    }

    /// The live session that this secret is of, as [`authenticate`](Self::authenticate) finds it: for an application that
    /// presents it as a token rather than as a cookie.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn authenticate_by(&self, cookie: &SessionCookie) -> Result<Option<Authenticated>, PortError> {
        let Some(session) = self.ports.store().session(cookie.id()).await? else { return Ok(None) };
        let now = self.ports.now();
        if session.value.token_digest != cookie.digest() || !session.value.is_live(now) {
            return Ok(None);
        }
        let Some(account) = self.ports.store().account(session.value.account).await? else { return Ok(None) };
        if !account.value.may_sign_in(now) || session.value.epoch != account.value.session_epoch {
            return Ok(None);
        }
        let session = self.touch(session, now).await?;
        Ok(Some(Authenticated { session, account }))
    }

    /// The session with this id, if it is live.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn live(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError> {
        let found = self.ports.store().session(id).await?;
        Ok(found.filter(|session| session.value.is_live(self.ports.now())))
    }

    /// Begins a session for an account that has proved itself. Any session that the browser had ends as replaced.
    ///
    /// # Errors
    ///
    /// Fails when the account may not sign in, when the host's hook refuses, and when a port fails.
    ///
    /// # Security
    ///
    /// The id and the secret are new: what a stranger put into the browser before is worth nothing after.
    pub async fn start(
        &self,
        account: &Versioned<Account>,
        context: AuthenticationContext,
        previous: Option<&Versioned<Session>>,
        user_agent: Option<&str>,
    ) -> Result<StartedSession, SessionError> {
        let batch = Batch::new().require_version(EntityRef::Account(account.value.id), account.version);
        let beginning = Beginning {
            context,
            previous,
            user_agent,
            risk: None,
            address: None,
            device: None,
            limits: StricterLimits::default(),
            own: false,
        };
        let (batch, started) = self.starting(batch, &account.value, beginning).await?;
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(started),
            Commit::Conflict(_) => Err(SessionError::Changed),
        }
    }

    /// Adds the beginning of a session to a batch that the caller commits, after asking the host's hook.
    pub(crate) async fn starting(
        &self,
        batch: Batch,
        account: &Account,
        beginning: Beginning<'_>,
    ) -> Result<(Batch, StartedSession), SessionError> {
        if !account.may_sign_in(self.ports.now()) {
            return Err(SessionError::NotAllowed);
        }
        let now = self.ports.now();
        let secret = Secret::random(self.ports.entropy())?;
        let id = SessionId::generate(self.ports.clock(), self.ports.entropy())?;
        let end = now + self.policy.absolute;
        let mut session = Session::new(id, account.id, secret.digest(), beginning.context.clone(), now, end);
        beginning.limits.hold(&mut session, now);
        session.idle_expires_at = (now + self.idle(&session)).min(session.expires_at);
        session.epoch = account.session_epoch;
        session.risk = beginning.risk.map(|assessment| assessment.level);
        session.user_agent = beginning.user_agent.map(bounded_user_agent);
        session.place = self.place(beginning.address).await;
        let previous = beginning.previous.map(|it| it.value.id);
        let batch = self.making_room(batch, account, previous).await?;
        let (batch, device) = self.greet(batch, account, &mut session, &beginning).await?;
        self.ask_hook(account, &session).await?;
        let mut batch = batch
            .require_absent(EntityRef::Session(id))
            .write(Write::PutSession(session.clone()))
            .event(with_risk(self.event(EventType::SIGNED_IN, &session)?, beginning.risk));
        if let Some(previous) = beginning.previous {
            batch = self.ending(batch, previous, SessionEnd::Replaced, now, None)?;
        }
        let presented = device.as_ref().map(DeviceCookie::presented);
        batch = self.learning(batch, account, &session, beginning.risk, presented);
        Ok((batch, StartedSession { cookie: SessionCookie::new(id, secret), session, device }))
    }

    /// Adds what the risk engine learns of it.
    fn learning(
        &self,
        batch: Batch,
        account: &Account,
        session: &Session,
        risk: Option<&Assessment>,
        device: Option<PresentedDevice>,
    ) -> Batch {
        let Some(risk) = risk else { return batch };
        let confirmed = Confirmed::new(account, session, risk).with_device(device);
        batch.append(risk::learned(&self.ports, &confirmed))
    }

    /// Where an address is; what cannot say so keeps nobody out.
    async fn place(&self, address: Option<IpAddr>) -> Option<crate::place::Place> {
        self.ports.locator().locate(address?).await.ok()??.bounded()
    }

    /// Remembers the browser, where that is wanted, and tells the owner when it is a new one. The first sign-in of an account
    /// that is made with it is no news.
    async fn greet(
        &self,
        batch: Batch,
        account: &Account,
        session: &mut Session,
        beginning: &Beginning<'_>,
    ) -> Result<(Batch, Option<DeviceCookie>), PortError> {
        let Some(policy) = self.policy.devices else { return Ok((batch, None)) };
        let devices = RememberedDevices::new(self.ports.clone(), policy);
        let (user_agent, place) = (session.user_agent.clone(), session.place.clone());
        let trust = beginning.own && session.context.has_further_factor();
        let cookie = beginning.device;
        let greeting = devices.greet(self, Guest { account, cookie, user_agent, place, trust }).await?;
        session.device = Some(greeting.id);
        let mut batch = batch.append(greeting.batch);
        if greeting.is_new
            && account.created_at + notice::FRESH < session.created_at
            && let Some(message) = notice::new_device(&self.ports, account, session, beginning.risk)?
        {
            batch = batch.message(message.seal(&self.ports).await?);
        }
        Ok((batch, Some(greeting.cookie)))
    }

    /// Adds proofs to a live session and gives it a new secret: the same session at a higher privilege. Without proofs, only
    /// the secret changes.
    ///
    /// # Errors
    ///
    /// Fails when the session has changed or ended meanwhile, when the host's hook refuses, and when a port fails.
    pub async fn renew(
        &self,
        current: &Authenticated,
        proofs: impl IntoIterator<Item = Proof>,
    ) -> Result<StartedSession, SessionError> {
        let (batch, renewed) = self.renewing(Batch::new(), current, proofs, None).await?;
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(renewed),
            Commit::Conflict(_) => Err(SessionError::Changed),
        }
    }

    /// Adds the renewal of a session to a batch that the caller commits, after asking the host's hook: for a change that is to
    /// be one commit with it. What the batch requires of the session and of the account is part of it.
    ///
    /// # Errors
    ///
    /// Fails when the session has ended meanwhile, when the host's hook refuses, and when a port fails.
    pub async fn renewing(
        &self,
        batch: Batch,
        current: &Authenticated,
        proofs: impl IntoIterator<Item = Proof>,
        risk: Option<&Assessment>,
    ) -> Result<(Batch, StartedSession), SessionError> {
        self.renewing_within(batch, current, proofs, risk, StricterLimits::default(), false).await
    }

    /// The same, and the session keeps to these limits from now on; its device is trusted where its person says that it is
    /// their own and has proved more than a first factor.
    pub(crate) async fn renewing_within(
        &self,
        batch: Batch,
        current: &Authenticated,
        proofs: impl IntoIterator<Item = Proof>,
        risk: Option<&Assessment>,
        limits: StricterLimits,
        own: bool,
    ) -> Result<(Batch, StartedSession), SessionError> {
        let now = self.ports.now();
        let mut session = current.session.value.clone();
        if !session.is_live(now) {
            return Err(SessionError::Changed);
        }
        for proof in proofs {
            session.context.add(proof);
        }
        let trusts = own && session.context.has_further_factor();
        let batch = match (self.policy.devices, session.device.filter(|_| trusts)) {
            (Some(policy), Some(device)) => {
                let devices = RememberedDevices::new(self.ports.clone(), policy);
                devices.trusting(batch, &current.account.value, device).await?
            }
            _ => batch,
        };
        session.risk = risk.map(|assessment| assessment.level).or(session.risk);
        limits.hold(&mut session, now);
        self.rotating(batch, current, session, risk).await
    }

    /// Adds that a session acts for another organization, or for none, to a batch that the caller commits. The session gets
    /// another secret, and keeps to the organization's limits: its time without use, and its end. A limit that it has from
    /// before stays where it is the stricter one: who goes on to another organization, or to none, gains no time by it.
    pub(crate) async fn acting_for(
        &self,
        batch: Batch,
        current: &Authenticated,
        organization: Option<OrganizationId>,
        idle: Option<u32>,
        end: Option<OffsetDateTime>,
    ) -> Result<(Batch, StartedSession), SessionError> {
        let now = self.ports.now();
        let mut session = current.session.value.clone();
        if !session.is_live(now) {
            return Err(SessionError::Changed);
        }
        session.organization = organization;
        StricterLimits { idle, absolute: None }.hold(&mut session, now);
        session.expires_at = end.map_or(session.expires_at, |end| end.min(session.expires_at));
        self.rotating(batch, current, session, None).await
    }

    /// Adds a session with another secret in the place of the one that there is.
    async fn rotating(
        &self,
        batch: Batch,
        current: &Authenticated,
        mut session: Session,
        risk: Option<&Assessment>,
    ) -> Result<(Batch, StartedSession), SessionError> {
        let now = self.ports.now();
        let secret = Secret::random(self.ports.entropy())?;
        session.token_digest = secret.digest();
        session.last_seen_at = now;
        session.idle_expires_at = (now + self.idle(&session)).min(session.expires_at);
        session.epoch = current.account.value.session_epoch;
        self.ask_hook(&current.account.value, &session).await?;
        let batch = batch
            .require_version(EntityRef::Account(current.account.value.id), current.account.version)
            .require_version(EntityRef::Session(session.id), current.session.version)
            .write(Write::PutSession(session.clone()))
            .event(with_risk(self.event(EventType::SESSION_RENEWED, &session)?, risk));
        let batch = self.learning(batch, &current.account.value, &session, risk, None);
        let cookie = SessionCookie::new(session.id, secret);
        Ok((batch, StartedSession { cookie, session, device: None }))
    }

    /// How long a session lasts without use: as the policy says, or the organization that it acts for where that is less.
    fn idle(&self, session: &Session) -> Duration {
        let of_organization = session.organization_idle.map(|seconds| Duration::seconds(i64::from(seconds)));
        of_organization.map_or(self.policy.idle, |limit| limit.min(self.policy.idle))
    }

    /// Reads a browser's session and account again, after a lost race; `None` when the session is over or its secret has
    /// changed meanwhile, so that the browser's cookie is no longer its cookie.
    pub(crate) async fn reload(&self, known: &Authenticated) -> Result<Option<Authenticated>, PortError> {
        let id = known.session.value.id;
        let Some(session) = self.live(id).await? else { return Ok(None) };
        let Some(account) = self.ports.store().account(session.value.account).await? else { return Ok(None) };
        let same = session.value.token_digest == known.session.value.token_digest
            && session.value.epoch == account.value.session_epoch
            && account.value.may_sign_in(self.ports.now());
        Ok(same.then_some(Authenticated { session, account }))
    }

    /// Ends a session. Ending one that has ended is fine.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn end(&self, id: SessionId, reason: SessionEnd) -> Result<(), PortError> {
        self.end_by(id, reason, None).await
    }

    /// Ends a session because somebody says so: the owner from elsewhere, or an administrator. Ending one that has ended is
    /// fine.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn revoke(&self, id: SessionId, actor: &Actor) -> Result<(), PortError> {
        self.end_by(id, SessionEnd::Revoked, Some(actor)).await
    }

    /// Ends every live session of an account but one because somebody says so, as [`end_others`](Self::end_others).
    ///
    /// # Errors
    ///
    /// Fails when the store does; the sessions ended so far stay ended.
    pub async fn revoke_others(
        &self,
        account: AccountId,
        keep: Option<SessionId>,
        actor: &Actor,
    ) -> Result<u32, PortError> {
        let other = |session: &Session| Some(session.id) != keep;
        self.end_matching(account, other, SessionEnd::Revoked, Some(actor)).await
    }

    async fn end_by(
        &self,
        id: SessionId,
        reason: SessionEnd,
        actor: Option<&Actor>,
    ) -> Result<(), PortError> {
        // A concurrent touch moves the version; ending must win, so it reads again.
        for _ in 0..Self::MAX_RACES {
            let Some(session) = self.live(id).await? else { return Ok(()) };
            let batch = self.ending(Batch::new(), &session, reason, self.ports.now(), actor)?;
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
        }
        Err(PortError::transient("the session kept changing"))
    }

    /// Ends every live session of an account but one.
    ///
    /// A session that begins at the same moment may live on. Where that must not be, raise the account's
    /// [`session_epoch`](Account::session_epoch) first.
    ///
    /// # Errors
    ///
    /// Fails when the store does; the sessions ended so far stay ended.
    pub async fn end_others(
        &self,
        account: AccountId,
        keep: Option<SessionId>,
        reason: SessionEnd,
    ) -> Result<u32, PortError> {
        self.end_matching(account, |session| Some(session.id) != keep, reason, None).await
    }

    /// Ends those live sessions of an account that `matching` says.
    pub(super) async fn end_matching(
        &self,
        account: AccountId,
        matching: impl Fn(&Session) -> bool + Send,
        reason: SessionEnd,
        actor: Option<&Actor>,
    ) -> Result<u32, PortError> {
        let mut ended = 0;
        let mut request = PageRequest::first(100);
        loop {
            let page = self.list(account, request).await?;
            for session in page.items {
                if matching(&session.value) {
                    self.end_by(session.value.id, reason, actor).await?;
                    ended += 1;
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, 100),
                None => return Ok(ended),
            }
        }
    }

    /// The live sessions of an account, a page at a time. A page may have fewer items than asked for and still not be the
    /// last: [`Page::next`] says.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn list(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError> {
        let now = self.ports.now();
        let mut page = self.ports.store().sessions_of(account, request).await?;
        page.items.retain(|session| session.value.is_live(now));
        Ok(page)
    }

    /// How often a lost race is tried again.
    const MAX_RACES: usize = 8;

    async fn touch(
        &self,
        mut session: Versioned<Session>,
        now: OffsetDateTime,
    ) -> Result<Versioned<Session>, PortError> {
        let idle = self.idle(&session.value);
        if now - session.value.last_seen_at < self.policy.touch_interval.min(idle / 2) {
            return Ok(session);
        }
        let mut seen = session.value.clone();
        seen.last_seen_at = now;
        seen.idle_expires_at = (now + idle).min(seen.expires_at);
        let batch = Batch::new()
            .require_version(EntityRef::Session(seen.id), session.version)
            .write(Write::PutSession(seen.clone()));
        if self.ports.store().commit(batch).await?.is_applied() {
            session = Versioned::new(seen, session.version.next());
        }
        Ok(session)
    }

    async fn ask_hook(&self, account: &Account, session: &Session) -> Result<(), SessionError> {
        match self.ports.hooks().before_session(account, session).await? {
            HookDecision::Allow => Ok(()),
            HookDecision::Deny { code } => Err(SessionError::Denied { code }),
        }
    }

    pub(super) fn ending(
        &self,
        batch: Batch,
        session: &Versioned<Session>,
        reason: SessionEnd,
        at: OffsetDateTime,
        actor: Option<&Actor>,
    ) -> Result<Batch, PortError> {
        let mut ended = session.value.clone();
        ended.state = SessionState::Ended { at, reason };
        let event = self.event(EventType::SESSION_ENDED, &ended)?.with("reason", reason.as_str());
        let event = match actor {
            Some(actor) => event.by(actor),
            None => event,
        };
        Ok(batch
            .require_version(EntityRef::Session(ended.id), session.version)
            .write(Write::PutSession(ended))
            .event(event))
    }

    fn event(&self, event_type: EventType, session: &Session) -> Result<Event, PortError> {
        let amr: Vec<String> = session.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
        Ok(Event::new(&self.ports, event_type, crate::account::event_subject(session.account))?
            .with("session", session.id.to_string())
            .with("amr", amr))
    }
}

fn with_risk(event: Event, risk: Option<&Assessment>) -> Event {
    match risk {
        Some(risk) => event
            .with("risk", risk.level.as_str())
            .with("risk_reasons", risk.reasons.clone())
            .with("risk_score", risk.score)
            .with("risk_unanswered", risk.degraded),
        None => event,
    }
}

fn bounded_user_agent(text: &str) -> String {
    const MAX: usize = 512;
    text.chars()
        .filter(|c| !c.is_control())
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= MAX).then_some(c)
        })
        .collect()
}

/// A session could not begin or be renewed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The account may not sign in.
    #[error("the account may not sign in")]
    NotAllowed,
    /// The host's hook refused.
    #[error("the host refused the session")]
    Denied {
        /// The hook's code.
        code: String,
    },
    /// The account has as many sessions as it may have.
    #[error("the account has as many sessions as it may have")]
    TooMany,
    /// The account or the session changed meanwhile.
    #[error("the account or session has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the session cannot be stored")]
    Port(#[from] PortError),
}
