//! The approval as a factor of the journey.

use std::sync::Arc;
use std::time::Duration as Wait;

use async_trait::async_trait;
use ciam_core::assurance::{Amr, FactorKind, Proof};
use ciam_core::error::PortError;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use ciam_core::id::CredentialId;
use ciam_core::ports::Ports;
use ciam_core::ratelimit::{Limit, RateLimitError, RateLimiter};
use ciam_core::store::{Batch, EntityRef, Write};
use futures_util::future::{join_all, select};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::Duration;

use super::device::PushDevice;
use super::request::{Request, State, latest, silenced};
use super::sender::{NoPushSender, PushSender, PushWake};

/// How often a person is asked, and how long a request waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushPolicy {
    /// How long a request waits for an answer. Default 2 minutes.
    pub lifetime: Duration,
    /// Requests of one account in a short time. Default 3 in 5 minutes.
    pub short: Limit,
    /// Requests of one account in a long time. Default 10 in an hour.
    pub long: Limit,
    /// How long the push service may take. Default 2 seconds.
    pub deadline: Wait,
    /// How long an account gets no requests after its owner has reported one. Default an hour.
    pub silence: Duration,
}

impl Default for PushPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::minutes(2),
            short: Limit::new("mfa.push_short", 3, Duration::minutes(5)),
            long: Limit::new("mfa.push_long", 10, Duration::hours(1)),
            deadline: Wait::from_secs(2),
            silence: Duration::hours(1),
        }
    }
}

/// Approval on a registered device: see [the module](super).
///
/// A challenge is `{"request", "number", "expires_at"}`: the page shows the number, and asks
/// [`PushApprovals::status`](super::PushApprovals::status) with the request until it is approved; then it answers with `{}`. When
/// the account has had too many requests it is `{"limited": true}`, and another factor has to be chosen.
#[derive(Clone, Debug)]
pub struct PushFactor {
    sender: Arc<dyn PushSender>,
    policy: PushPolicy,
}

/// What is needed again to check the answer.
#[derive(Serialize, Deserialize)]
struct Asked {
    request: Option<String>,
}

impl PushFactor {
    /// The factor's name.
    pub const NAME: &'static str = "push";

    /// Approvals on devices that ask by themselves when they are opened.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: Arc::new(NoPushSender::new()), policy: PushPolicy::default() }
    }

    /// Wakes devices.
    #[must_use]
    pub fn with_sender(mut self, sender: Arc<dyn PushSender>) -> Self {
        self.sender = sender;
        self
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: PushPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Counts a request; `false` when it is one too many, or the account has reported one.
    async fn may_ask(&self, ports: &Ports, account: &str, silenced: bool) -> Result<bool, PortError> {
        let limiter = RateLimiter::new(ports.clone());
        for limit in [&self.policy.short, &self.policy.long] {
            match limiter.attempt(limit, account).await {
                Ok(()) => {}
                Err(RateLimitError::Limited { .. }) => return Ok(false),
                Err(RateLimitError::Port(error)) => return Err(error),
                Err(_) => return Err(PortError::transient("the request could not be counted")),
            }
        }
        Ok(!silenced)
    }

    /// Wakes every device at once; who cannot be reached asks by themselves.
    async fn wake(&self, ports: &Ports, request: &str, devices: &[(CredentialId, PushDevice)]) {
        let reachable = devices.iter().filter(|(_, device)| !device.address.is_empty());
        let wakes: Vec<PushWake> = reachable
            .map(|(id, device)| PushWake {
                device: *id,
                address: device.address.clone(),
                request: request.to_owned(),
            })
            .collect();
        let all = join_all(wakes.iter().map(|wake| self.sender.send(wake)));
        let _given_up = select(all, ports.runtime().sleep(self.policy.deadline)).await;
    }
}

impl Default for PushFactor {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Factor for PushFactor {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn kinds(&self) -> &'static [FactorKind] {
        &[FactorKind::Possession]
    }

    async fn challenge(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        let ports = subject.ports;
        let state = |request| serde_json::to_value(Asked { request }).map_err(PortError::permanent);
        let Some(account) = subject.account else {
            return Ok(FactorChallenge::new(json!({ "limited": true }), state(None)?));
        };
        let reported = ports.ephemeral().get(&silenced(account.id)).await?.is_some();
        if !self.may_ask(ports, &account.id.to_string(), reported).await? {
            return Ok(FactorChallenge::new(json!({ "limited": true }), state(None)?));
        }
        let devices: Vec<(CredentialId, PushDevice)> =
            PushDevice::active(subject.credentials).map(|(it, device)| (it.value.id, device)).collect();
        let ids = devices.iter().map(|(id, _)| *id).collect();
        let (name, request) = Request::new(ports, account.id, ids, self.policy.lifetime)?;
        // One at a time: what was asked before is over.
        if let Some(before) = ports.ephemeral().take(&latest(account.id)).await? {
            let before = String::from_utf8(before).unwrap_or_default();
            Request::take(ports, &before).await?;
        }
        request.put(ports, name.expose()).await?;
        let bytes = name.expose().as_bytes().to_vec();
        ports.ephemeral().put(&latest(account.id), bytes, self.policy.lifetime).await?;
        self.wake(ports, name.expose(), &devices).await;
        let expires_at = request.expires_at.unix_timestamp();
        let public = json!({ "request": name.expose(), "number": request.number, "expires_at": expires_at });
        Ok(FactorChallenge::new(public, state(Some(name.expose().to_owned()))?))
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        state: &Value,
        _answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        let (ports, asked) = (subject.ports, Asked::deserialize(state).map_err(PortError::permanent)?);
        let (Some(account), Some(name)) = (subject.account, asked.request) else { return Ok(None) };
        let approved = |request: &Request| match request.state {
            State::Approved(device) if request.account == account.id => Some(device),
            _ => None,
        };
        let seen = Request::get(ports, &name).await?;
        if seen.as_ref().and_then(|(request, _)| approved(request)).is_none() {
            return Ok(None);
        }
        // Of those who come with it, one goes on.
        let taken = Request::take(ports, &name).await?;
        let Some(device) = taken.as_ref().and_then(approved) else { return Ok(None) };
        let mut active = PushDevice::active(subject.credentials);
        let Some((credential, record)) = active.find(|(it, _)| it.value.id == device) else {
            return Ok(None);
        };
        let (now, mut used) = (ports.now(), credential.value.clone());
        used.last_used_at = Some(now);
        let batch = Batch::new()
            .require_version(EntityRef::Credential(device), credential.version)
            .write(Write::PutCredential(used));
        let in_hardware = record.attested.is_some_and(|attested| attested.in_hardware);
        let amr = if in_hardware { Amr::HARDWARE_KEY } else { Amr::SOFTWARE_KEY };
        Ok(Some(FactorProof::new(Proof::new(amr, [FactorKind::Possession], now)).with_batch(batch)))
    }
}
