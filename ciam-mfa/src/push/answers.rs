//! What a registered device asks and says.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::jose::{AlgorithmSet, CompactJws, JwsLimits};
use ciam_core::ports::Ports;
use ciam_core::secret::ct_eq;
use ciam_core::store::Batch;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::device::PushDevice;
use super::factor::PushPolicy;
use super::request::{Request, State, latest, silenced};
use crate::event::{PUSH_DENIED, PUSH_REPORTED};
use crate::key_proof::{self, SignedBy};

/// The endpoint of registered devices: which request waits, and what the person says to it.
///
/// Both take a compact JWS that is signed with the device's key:
///
/// | `typ` | claims |
/// | --- | --- |
/// | `ciam-push-look+jwt` | `account`, `device`, `iat` (of the last minute) |
/// | `ciam-push-answer+jwt` | `account`, `device`, `request`, `challenge`, `decision`: `approve` with `number`, `deny`, `report` |
#[derive(Clone, Debug)]
pub struct PushApprovals {
    ports: Ports,
    policy: PushPolicy,
}

/// A request that waits for an answer. The number is not in it: it is on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PushRequest {
    /// Its name.
    pub request: String,
    /// What the device signs with its answer.
    pub challenge: String,
    /// When it is over.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// How a request stands, as the page that shows its number may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PushStatus {
    /// It waits.
    Pending,
    /// It is approved: the page may answer the challenge.
    Approved,
    /// It was denied, has been taken, or never was.
    Over,
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PushAnswered {
    /// The request is approved.
    Approved,
    /// The request is over, and nobody signs in with it.
    Denied,
}

/// A device's message was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// It is not from a device of the account, or says nothing that could be understood.
    #[error("the message is not of a registered device")]
    Refused,
    /// The number is another one. The request is over.
    #[error("the number is wrong")]
    Number,
    /// There is no such request any more: it was answered, replaced, or took too long.
    #[error("the request is over")]
    Over,
    /// A port failed.
    #[error("the request cannot be read or written")]
    Port(#[from] PortError),
}

impl PushError {
    /// A stable code for the app.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Number => "number",
            Self::Over => "over",
            Self::Port(_) => "unavailable",
        }
    }
}

#[derive(Deserialize)]
struct Claimed {
    account: AccountId,
    device: CredentialId,
}

#[derive(Deserialize)]
struct Look {
    iat: i64,
}

#[derive(Deserialize)]
struct Answer {
    request: String,
    challenge: String,
    decision: Decision,
    #[serde(default)]
    number: Option<u8>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Approve,
    Deny,
    Report,
}

impl PushApprovals {
    /// The approvals of a tenant, with the default policy.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, policy: PushPolicy::default() }
    }

    /// Sets the policy: that of the factor.
    #[must_use]
    pub fn with_policy(mut self, policy: PushPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How a request stands.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn status(&self, request: &str) -> Result<PushStatus, PortError> {
        let found = Request::get(&self.ports, request).await?;
        Ok(match found.map(|(request, _)| request.state) {
            Some(State::Pending) => PushStatus::Pending,
            Some(State::Approved(_)) => PushStatus::Approved,
            Some(State::Denied) | None => PushStatus::Over,
        })
    }

    /// The request that waits for a device's person, for an app that was opened.
    ///
    /// # Errors
    ///
    /// Fails when the message is not of a registered device, and when a port fails.
    pub async fn waiting(&self, message: &str) -> Result<Option<PushRequest>, PushError> {
        let (claimed, look): (_, Look) = self.read(message, LOOK).await?;
        let age = self.ports.now().unix_timestamp().saturating_sub(look.iat);
        if !(-SKEW.whole_seconds()..=LOOK_AGE.whole_seconds()).contains(&age) {
            return Err(PushError::Refused);
        }
        let Some(name) = self.ports.ephemeral().get(&latest(claimed.account)).await? else { return Ok(None) };
        let name = String::from_utf8(name).map_err(|_| PushError::Over)?;
        let found = Request::get(&self.ports, &name).await?.map(|(request, _)| request);
        let waits = found.filter(|it| it.state == State::Pending && it.devices.contains(&claimed.device));
        Ok(waits.map(|it| PushRequest { request: name, challenge: it.challenge, expires_at: it.expires_at }))
    }

    /// Takes a device's answer.
    ///
    /// # Errors
    ///
    /// Fails when the message is not of a registered device, when the number is wrong, when the request is over, and when a
    /// port fails.
    pub async fn answer(&self, message: &str) -> Result<PushAnswered, PushError> {
        let (claimed, answer): (Claimed, Answer) = self.read(message, ANSWER).await?;
        let found = Request::get(&self.ports, &answer.request).await?;
        let (request, bytes) = found.ok_or(PushError::Over)?;
        let theirs = request.account == claimed.account
            && request.devices.contains(&claimed.device)
            && ct_eq(request.challenge.as_bytes(), answer.challenge.as_bytes());
        if !theirs {
            return Err(PushError::Refused);
        }
        if request.state != State::Pending {
            return Err(PushError::Over);
        }
        let right = answer.number == Some(request.number);
        let to = if answer.decision == Decision::Approve && right {
            State::Approved(claimed.device)
        } else {
            State::Denied
        };
        if !request.moved(&self.ports, &answer.request, &bytes, to).await? {
            return Err(PushError::Over);
        }
        if to == State::Denied {
            self.denied(&claimed, answer.decision).await?;
        }
        match answer.decision {
            Decision::Approve if right => Ok(PushAnswered::Approved),
            Decision::Approve => Err(PushError::Number),
            Decision::Deny | Decision::Report => Ok(PushAnswered::Denied),
        }
    }

    /// Tells the host, and spares the person more of it when they have reported it.
    async fn denied(&self, claimed: &Claimed, decision: Decision) -> Result<(), PortError> {
        let event_type = if decision == Decision::Report { PUSH_REPORTED } else { PUSH_DENIED };
        let why = match decision {
            Decision::Approve => "number",
            Decision::Deny => "denied",
            Decision::Report => "reported",
        };
        if decision == Decision::Report {
            self.ports.ephemeral().put(&silenced(claimed.account), vec![1], self.policy.silence).await?;
        }
        let event = Event::new(&self.ports, event_type, format!("account:{}", claimed.account))?
            .with("device", claimed.device.to_string())
            .with("reason", why);
        let _applied = self.ports.store().commit(Batch::new().event(event)).await?;
        Ok(())
    }

    /// Reads a message that a device has signed.
    async fn read<C: serde::de::DeserializeOwned>(
        &self,
        message: &str,
        typ: &'static str,
    ) -> Result<(Claimed, C), PushError> {
        // Whose it claims to be says whose key to check it with, and nothing else.
        let jws =
            CompactJws::parse(message, &JwsLimits::new(8_192, 4_096)).map_err(|_| PushError::Refused)?;
        let claimed: Claimed = jws.unverified_claims().map_err(|_| PushError::Refused)?;
        let account: Option<Account> = self.ports.store().account(claimed.account).await?.map(|it| it.value);
        let open = account.is_some_and(|account| account.may_sign_in(self.ports.now()));
        let credentials = self.ports.store().credentials_of(claimed.account).await?;
        let mut devices = PushDevice::active(&credentials);
        let device = devices.find(|(it, _)| it.value.id == claimed.device).filter(|_| open);
        let (_, device) = device.ok_or(PushError::Refused)?;
        let (crypto, known) = (self.ports.crypto(), SignedBy::Known(&device.key));
        let proof = key_proof::read(message, typ, AlgorithmSet::ASYMMETRIC, known, crypto);
        Ok((claimed, proof.ok_or(PushError::Refused)?.claims))
    }
}

const LOOK: &str = "ciam-push-look+jwt";
const ANSWER: &str = "ciam-push-answer+jwt";
const LOOK_AGE: Duration = Duration::minutes(1);
const SKEW: Duration = Duration::seconds(10);
