//! Adaptive risk as a port: evidence in, assessment with reasons out.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::assurance::Acr;
use crate::error::PortError;
use crate::id::{AccountId, DeviceId};
use crate::ports::Ports;
use crate::secret::TokenDigest;
use crate::session::Session;
use crate::store::Batch;

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskAction {
    /// A registration.
    Register,
    /// A sign-in.
    SignIn,
    /// A step-up inside a session.
    StepUp,
    /// A forgotten password that is replaced.
    Recover,
}

/// What is known when a risk engine is asked. Holds no password and no code.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Observation {
    /// What is about to be done.
    pub action: RiskAction,
    /// The account that the given identifier names, proved or not; `None` when it names none. The engine is asked in either
    /// case, so that nobody can tell from the time it takes.
    pub account: Option<AccountId>,
    /// The client's address.
    pub address: IpAddr,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    /// What was noticed of the source.
    pub signals: Vec<RiskSignal>,
    /// The account's [`session_epoch`](Account::session_epoch), where the account was read before: what is remembered of
    /// devices under another one does not count any more.
    pub epoch: Option<u32>,
    /// The digest of the browser's own secret, which lasts until the browser is closed.
    pub browser: Option<TokenDigest>,
    /// What the browser presents as a remembered device; not checked.
    pub device: Option<PresentedDevice>,
    /// Whether the browser's session is bound to a key, and the browser has proved that it has it.
    pub binding: Binding,
    /// The levels of assurance that are asked for, best first.
    pub acr_values: Vec<Acr>,
}

/// What a browser presents as a remembered device: an id, and the digest of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresentedDevice {
    /// The device that it claims to be.
    pub id: DeviceId,
    /// The digest of the secret that it presents.
    pub digest: TokenDigest,
}

impl PresentedDevice {
    /// What a browser presents.
    #[must_use]
    pub const fn new(id: DeviceId, digest: TokenDigest) -> Self {
        Self { id, digest }
    }
}

/// Whether a session is bound to a key that does not leave its device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Binding {
    /// There is no session, or it is bound to nothing but its cookie.
    #[default]
    None,
    /// It is bound, and the key was proved just now.
    Proved,
    /// It is bound, and the proof is missing or wrong: the cookie was copied.
    Missing,
}

/// Something that the library itself noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskSignal {
    /// The source tries passwords on many accounts and is refused: [`StuffingPolicy`](crate::abuse::StuffingPolicy).
    CredentialStuffing,
    /// The password that was typed, right or wrong, is on the host's list of breached ones.
    BreachedPassword,
}

impl RiskSignal {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialStuffing => "credential_stuffing",
            Self::BreachedPassword => "breached_password",
        }
    }
}

impl Observation {
    /// An observation.
    #[must_use]
    pub const fn new(action: RiskAction, account: Option<AccountId>, address: IpAddr) -> Self {
        Self {
            action,
            account,
            address,
            user_agent: None,
            signals: Vec::new(),
            epoch: None,
            browser: None,
            device: None,
            binding: Binding::None,
            acr_values: Vec::new(),
        }
    }

    /// Says under which epoch the account is, where it was read before.
    #[must_use]
    pub const fn with_epoch(mut self, epoch: Option<u32>) -> Self {
        self.epoch = epoch;
        self
    }

    /// Adds the browser: the digest of its own secret, and what it presents as a remembered device.
    #[must_use]
    pub const fn with_browser(mut self, browser: TokenDigest, device: Option<PresentedDevice>) -> Self {
        self.browser = Some(browser);
        self.device = device;
        self
    }

    /// Says whether the browser's session is bound to a key, and whether that was proved.
    #[must_use]
    pub const fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// Adds the levels of assurance that are asked for.
    #[must_use]
    pub fn with_acr_values(mut self, acr_values: Vec<Acr>) -> Self {
        self.acr_values = acr_values;
        self
    }

    /// Adds the browser's `User-Agent`.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: Option<String>) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// Adds what was noticed of the source.
    #[must_use]
    pub fn with_signals(mut self, signals: Vec<RiskSignal>) -> Self {
        self.signals = signals;
        self
    }
}

/// How risky it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskLevel {
    /// Go on.
    Low,
    /// Ask for one more factor where the account has one.
    Medium,
    /// Refuse unless a second factor is proved, or, where the account has none, a code that goes to an address of its own.
    High,
    /// Refuse, whatever is proved.
    Blocked,
}

impl RiskLevel {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Blocked => "blocked",
        }
    }
}

/// A risk engine's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assessment {
    /// How risky it is.
    pub level: RiskLevel,
    /// Why, as stable codes for events and support: `new_device`, `impossible_travel`.
    pub reasons: Vec<String>,
    /// Whether nobody answered, and the level is the one that the policy names for that.
    pub degraded: bool,
    /// Whether the person is to pass a [check](crate::abuse::HumanCheck) before anything else, where the host has one.
    pub human_check: bool,
    /// The engine's own measure, for the audit log; `None` where it has none.
    pub score: Option<i32>,
    /// The engine's own note, given back to [`RiskEngine::learn`]. The journey keeps it; nobody is shown it.
    pub memo: Option<serde_json::Value>,
}

impl Assessment {
    /// An assessment.
    #[must_use]
    pub const fn new(level: RiskLevel, reasons: Vec<String>) -> Self {
        Self { level, reasons, degraded: false, human_check: false, score: None, memo: None }
    }

    /// Adds the engine's own measure, for the audit log.
    #[must_use]
    pub const fn with_score(mut self, score: i32) -> Self {
        self.score = Some(score);
        self
    }

    /// Adds the engine's own note for [`RiskEngine::learn`].
    #[must_use]
    pub fn with_memo(mut self, memo: serde_json::Value) -> Self {
        self.memo = Some(memo);
        self
    }

    /// Says that some of what should have been known was not.
    #[must_use]
    pub const fn degraded(mut self) -> Self {
        self.degraded = true;
        self
    }

    /// Asks for a check.
    #[must_use]
    pub const fn with_human_check(mut self) -> Self {
        self.human_check = true;
        self
    }

    /// What counts when the engine fails or is late.
    #[must_use]
    pub const fn unanswered(level: RiskLevel) -> Self {
        Self { level, reasons: Vec::new(), degraded: true, human_check: false, score: None, memo: None }
    }
}

/// Assesses risk.
///
/// # Contract
///
/// - Answers within the deadline of the journey's policy; silence and errors count as the level that the policy names, never
///   as "no risk" by accident.
/// - Makes the same calls for an account that exists and for one that does not.
/// - Changes nothing durable itself: what it learns of a sign-in is in the batch that [`learn`](Self::learn) gives, and is
///   committed with the session or not at all.
#[async_trait]
pub trait RiskEngine: fmt::Debug + Send + Sync {
    /// Assesses one observation.
    ///
    /// # Errors
    ///
    /// Fails when the engine cannot answer.
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError>;

    /// What is learned from a sign-in that has come to its good end: committed with the session. It is not asked for without an
    /// assessment that it gave itself.
    ///
    /// # Errors
    ///
    /// Fails when its note is damaged. Then nothing is learned, and nobody is kept out.
    fn learn(&self, confirmed: &Confirmed<'_>) -> Result<Batch, PortError> {
        let _nothing = confirmed;
        Ok(Batch::new())
    }

    /// Hears that what was assessed was refused: a wrong password, a wrong code. Not waited for longer than for an assessment,
    /// and a failure changes nothing.
    ///
    /// # Errors
    ///
    /// Fails when the engine cannot keep it.
    async fn refused(&self, assessment: &Assessment) -> Result<(), PortError> {
        let _nothing = assessment;
        Ok(())
    }
}

/// A sign-in or step-up that has come to its good end.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Confirmed<'a> {
    /// Whose it is.
    pub account: &'a Account,
    /// The session, with what was proved.
    pub session: &'a Session,
    /// What the engine said at the beginning.
    pub assessment: &'a Assessment,
    /// What the browser will present as a remembered device from now on.
    pub device: Option<PresentedDevice>,
}

impl<'a> Confirmed<'a> {
    /// A sign-in that has come to its good end.
    #[must_use]
    pub const fn new(account: &'a Account, session: &'a Session, assessment: &'a Assessment) -> Self {
        Self { account, session, assessment, device: None }
    }

    /// Says what the browser will present as a remembered device from now on.
    #[must_use]
    pub const fn with_device(mut self, device: Option<PresentedDevice>) -> Self {
        self.device = device;
        self
    }
}

/// What an engine learns of a sign-in; nothing where it cannot say.
pub(crate) fn learned(ports: &Ports, confirmed: &Confirmed<'_>) -> Batch {
    ports.risk().learn(confirmed).unwrap_or_default()
}

/// Tells the engine of a refusal, and waits for it no longer than for an assessment.
pub(crate) async fn refused(ports: &Ports, assessment: &Assessment, deadline: std::time::Duration) {
    let told = ports.risk().refused(assessment);
    // Nothing hangs on it that could be got wrong by not knowing.
    let _heard = select(told, ports.runtime().sleep(deadline)).await;
}

/// Asks the engine, and waits for it no longer than `deadline`: silence and errors count as `unanswered`.
pub(crate) async fn assess(
    ports: &Ports,
    observation: &Observation,
    deadline: std::time::Duration,
    unanswered: RiskLevel,
) -> Assessment {
    let assessment = ports.risk().assess(observation);
    match select(assessment, ports.runtime().sleep(deadline)).await {
        Either::Left((Ok(assessment), _)) => assessment,
        Either::Left((Err(_), _)) | Either::Right(_) => Assessment::unanswered(unanswered),
    }
}

/// An engine without an opinion: everything is low risk.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NullRiskEngine;

impl NullRiskEngine {
    /// An engine without an opinion.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl RiskEngine for NullRiskEngine {
    async fn assess(&self, _observation: &Observation) -> Result<Assessment, PortError> {
        Ok(Assessment::new(RiskLevel::Low, Vec::new()))
    }
}
