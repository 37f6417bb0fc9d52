//! Adaptive risk as a port: evidence in, assessment with reasons out.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::id::AccountId;
use crate::ports::Ports;

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
}

/// Something that the library itself noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskSignal {
    /// The source tries passwords on many accounts and is refused: [`StuffingPolicy`](crate::abuse::StuffingPolicy).
    CredentialStuffing,
}

impl RiskSignal {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialStuffing => "credential_stuffing",
        }
    }
}

impl Observation {
    /// An observation.
    #[must_use]
    pub const fn new(action: RiskAction, account: Option<AccountId>, address: IpAddr) -> Self {
        Self { action, account, address, user_agent: None, signals: Vec::new() }
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
    /// Refuse unless a second factor is proved.
    High,
}

impl RiskLevel {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
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
}

impl Assessment {
    /// An assessment.
    #[must_use]
    pub const fn new(level: RiskLevel, reasons: Vec<String>) -> Self {
        Self { level, reasons, degraded: false, human_check: false }
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
        Self { level, reasons: Vec::new(), degraded: true, human_check: false }
    }
}

/// Assesses risk.
///
/// # Contract
///
/// Answers within the deadline of the journey's policy; silence and errors count as the level that the policy names, never
/// as "no risk" by accident.
#[async_trait]
pub trait RiskEngine: fmt::Debug + Send + Sync {
    /// Assesses one observation.
    ///
    /// # Errors
    ///
    /// Fails when the engine cannot answer.
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError>;
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
