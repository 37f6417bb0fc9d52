//! The engine behind core's port: asks at once, weighs, answers.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration as Wait;

use async_trait::async_trait;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::AccountId;
use ciam_core::ports::Ports;
use ciam_core::ratelimit::network_of;
use ciam_core::risk::{Assessment, Binding, Confirmed, Observation, RiskAction, RiskEngine};
use ciam_core::runtime::Runtime;
use ciam_core::secret::TokenDigest;
use ciam_core::session::Device;
use ciam_core::store::{Batch, Store, StoredRecord as _};
use futures_util::future::{Either, join, join5, select};

use super::fraud::{Answered, FraudService, OnSilence, Plugged};
use super::learning::{Memo, Observed};
use super::model::{Seen, UNRECOGNISED, Weighed, Weights, total};
use super::network::{NetworkFacts, Networks, PlacesOnly};
use super::policy::{RiskPolicy, Verdict};
use super::profile::RiskProfile;
use super::reason::Reason;

/// The default risk engine: see the [module](super).
///
/// One read of the store for an assessment, and one write with the session that comes of it. Beside that three quick
/// questions to the ephemeral store, and what the host plugs in, all at once.
#[derive(Clone, Debug)]
pub struct AdaptiveRisk {
    store: Arc<dyn Store>,
    ports: Ports,
    networks: Arc<dyn Networks>,
    fraud: Option<Plugged>,
    policy: RiskPolicy,
    weights: Weights,
}

impl AdaptiveRisk {
    /// An engine with the default policy, that knows of networks what the ports' locator knows of places. Give it to the same
    /// ports with [`Ports::with_risk`].
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self {
            store: ports.shared_store(),
            ports: ports.clone(),
            networks: Arc::new(PlacesOnly::new(ports.shared_locator())),
            fraud: None,
            policy: RiskPolicy::default(),
            weights: Weights::default(),
        }
    }

    /// Sets what knows networks.
    #[must_use]
    pub fn with_networks(mut self, networks: Arc<dyn Networks>) -> Self {
        self.networks = networks;
        self
    }

    /// Asks a fraud service of the host as well, waits for it no longer than `deadline`, and takes its silence for what is said
    /// here.
    #[must_use]
    pub fn with_fraud_service(
        mut self,
        service: Arc<dyn FraudService>,
        deadline: Wait,
        on_silence: OnSilence,
    ) -> Self {
        self.fraud = Some(Plugged { service, deadline, on_silence });
        self
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: RiskPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the weights.
    #[must_use]
    pub const fn with_weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &RiskPolicy {
        &self.policy
    }

    fn ephemeral(&self) -> &dyn Ephemeral {
        self.ports.ephemeral()
    }

    async fn profile(&self, account: Option<AccountId>) -> Result<Option<String>, PortError> {
        // Nobody's profile is read where there is no account: the same call.
        let id = account.unwrap_or_else(|| AccountId::from_uuid(uuid::Uuid::nil()));
        let found = self.store.record(RiskProfile::KIND, &id.to_string()).await?;
        // Of another schema, or of an account whose key is gone: nothing is known.
        let readable = |record: &ciam_core::store::Record| record.schema == RiskProfile::SCHEMA;
        Ok(found.map(|found| found.value).filter(readable).map(|record| record.body))
    }

    /// What is known of the address, and whether it could be asked.
    async fn facts(&self, observation: &Observation) -> (Option<NetworkFacts>, bool) {
        let asked = self.networks.look_up(observation.address);
        match within(self.ports.runtime(), self.policy.networks_deadline, asked).await {
            Some(facts) => (facts, true),
            None => (None, false),
        }
    }

    async fn opinion(&self, observation: &Observation) -> Answered {
        let Some(plugged) = &self.fraud else { return Answered::NotAsked };
        let asked = plugged.service.assess(observation);
        match within(self.ports.runtime(), plugged.deadline, asked).await {
            Some(opinion) => Answered::Opinion(opinion),
            None => Answered::Silent(plugged.on_silence),
        }
    }

    /// How many refusals there were for an account, and whether the tenant is under attack.
    async fn pressure(&self, account: Option<AccountId>) -> Result<(u64, bool), PortError> {
        let (flag, attack) = (refusals_flag(account), attack_flag());
        let (refused, attack) = join(self.ephemeral().get(&flag), self.ephemeral().get(&attack)).await;
        let number = refused?.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        Ok((number.unwrap_or_default(), attack?.is_some()))
    }

    /// From what is weighed and what the host's service says to the answer.
    fn conclude(&self, observation: &Observation, weighed: Weighed, answered: &Answered) -> Concluded {
        let mut evidence = weighed.evidence;
        let mut codes: Vec<String> = Vec::new();
        if let Answered::Opinion(opinion) = answered {
            let log_odds = if opinion.log_odds.is_nan() { 0.0 } else { opinion.log_odds };
            evidence.push((Reason::FraudService, log_odds));
            let sensible = |code: &&String| {
                !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic())
            };
            codes.extend(opinion.reasons.iter().filter(sensible).take(8).cloned());
        }
        let score = self.weights.prior + total(&evidence);
        let mut verdict = self.policy.verdict(score, observation.action, &observation.acr_values);
        if observation.binding == Binding::Missing {
            verdict = verdict.max(Verdict::StepUp);
        }
        if *answered == Answered::Silent(OnSilence::FailClosed) {
            verdict = verdict.max(Verdict::StepUp);
            evidence.push((Reason::FraudServiceSilent, 0.0));
        }
        let mut reasons = explained(&evidence);
        reasons.append(&mut codes);
        Concluded { score, verdict, reasons }
    }
}

/// What came out.
struct Concluded {
    score: f64,
    verdict: Verdict,
    reasons: Vec<String>,
}

#[async_trait]
impl RiskEngine for AdaptiveRisk {
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError> {
        let now = self.ports.now();
        let attempts = attempts_counter();
        let (profile, facts, answered, pressure, attempts) = join5(
            self.profile(observation.account),
            self.facts(observation),
            self.opinion(observation),
            self.pressure(observation.account),
            self.ephemeral().increment(&attempts, self.policy.attack_window),
        )
        .await;
        let (text, (facts, facts_known), (refused, under_attack)) = (profile?, facts, pressure?);
        let profile: Option<RiskProfile> = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let browser = browser_of(observation);
        let network = mark(network_of(observation.address).as_bytes());
        let device = presented(observation);
        let seen = Seen {
            at: now.unix_timestamp(),
            hour: now.hour(),
            device: &device,
            epoch: observation.epoch,
            binding: observation.binding,
            network,
            facts: facts.as_ref(),
            browser: browser.as_deref(),
            signals: &observation.signals,
            refused,
            under_attack,
        };
        let weighed = self.weights.weigh(profile.as_ref(), &seen);
        let stranger = !weighed.device_known;
        let concluded = self.conclude(observation, weighed, &answered);
        let observed = Observed::new(observation, now, network, facts.as_ref(), browser, device, attempts?);
        let memo = Memo { profile: text, seen: observed };
        let mut assessment = Assessment::new(concluded.verdict.level(), concluded.reasons)
            .with_score(hundredths(concluded.score))
            .with_memo(serde_json::to_value(&memo).map_err(PortError::permanent)?);
        if !facts_known || matches!(answered, Answered::Silent(_)) {
            assessment = assessment.degraded();
        }
        let signing_in = observation.action == RiskAction::SignIn;
        if under_attack && stranger && signing_in && self.policy.check_under_attack {
            assessment = assessment.with_human_check();
        }
        Ok(assessment)
    }

    fn learn(&self, confirmed: &Confirmed<'_>) -> Result<Batch, PortError> {
        match super::learning::learned(confirmed)? {
            Some(profile) => Ok(Batch::new().put(&profile)?),
            None => Ok(Batch::new()),
        }
    }

    async fn refused(&self, assessment: &Assessment) -> Result<(), PortError> {
        let Some(memo) = Memo::of(assessment) else { return Ok(()) };
        let (account, all) = (refusals_counter(memo.seen.account), attack_counter());
        let (of_account, of_all) = join(
            self.ephemeral().increment(&account, self.policy.refusals),
            self.ephemeral().increment(&all, self.policy.attack_window),
        )
        .await;
        let flag = refusals_flag(memo.seen.account);
        self.ephemeral().put(&flag, of_account?.to_be_bytes().to_vec(), self.policy.refusals).await?;
        let refused = of_all?;
        let share =
            refused.saturating_mul(100) >= memo.seen.attempts.saturating_mul(self.policy.attack_percent);
        if refused >= self.policy.attack_refused && share {
            self.ephemeral().put(&attack_flag(), vec![1], self.policy.attack_window).await?;
        }
        Ok(())
    }
}

/// Waits for an answer no longer than a deadline; `None` for silence and failures.
async fn within<T>(
    runtime: &Arc<dyn Runtime>,
    deadline: Wait,
    asked: impl Future<Output = Result<T, PortError>> + Send + Unpin,
) -> Option<T> {
    match select(asked, runtime.sleep(deadline)).await {
        Either::Left((answer, _)) => answer.ok(),
        Either::Right(_) => None,
    }
}

/// What speaks against the owner, the strongest first, as codes.
fn explained(evidence: &[(Reason, f64)]) -> Vec<String> {
    const WORTH_TELLING: f64 = 0.25;
    let told =
        |(reason, weight): &&(Reason, f64)| *weight >= WORTH_TELLING || *reason == Reason::FraudServiceSilent;
    let mut against: Vec<_> = evidence.iter().filter(told).collect();
    against.sort_by(|one, other| other.1.total_cmp(&one.1));
    against.into_iter().map(|(reason, _)| reason.as_str().to_owned()).collect()
}

fn hundredths(score: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let score = (score * 100.0).round() as i32;
    score
}

/// Of a digest so much that two of an account do not meet.
pub(super) fn mark(bytes: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *TokenDigest::of_bytes(bytes).as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The marks by which a browser is recognised.
fn presented(observation: &Observation) -> Vec<u64> {
    let device = observation.device.map(|device| mark(device.digest.as_bytes()));
    let browser = observation.browser.map(|browser| mark(browser.as_bytes()));
    device.into_iter().chain(browser).collect()
}

fn browser_of(observation: &Observation) -> Option<String> {
    let text = observation.user_agent.as_deref()?;
    Some(Device::of(text).map_or_else(|| UNRECOGNISED.to_owned(), |device| device.to_string()))
}

const NAMESPACE: &str = "mfa.risk";

fn of_account(what: &str, account: Option<AccountId>) -> EphemeralKey {
    let id = account.map_or_else(|| "nobody".to_owned(), |account| account.to_string());
    EphemeralKey::new(NAMESPACE, format!("{what}.{id}"))
}

fn refusals_counter(account: Option<AccountId>) -> EphemeralKey {
    of_account("refusals", account)
}

fn refusals_flag(account: Option<AccountId>) -> EphemeralKey {
    of_account("refused", account)
}

fn attempts_counter() -> EphemeralKey {
    EphemeralKey::new(NAMESPACE, "attempts")
}

fn attack_counter() -> EphemeralKey {
    EphemeralKey::new(NAMESPACE, "all_refusals")
}

fn attack_flag() -> EphemeralKey {
    EphemeralKey::new(NAMESPACE, "attack")
}
