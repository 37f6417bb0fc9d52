//! What is plugged into the adaptive risk engine, and the engine itself: silence, failures, opinions.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration as Wait;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::risk::{Assessment, Observation, RiskAction, RiskEngine, RiskLevel};
use ciam_mfa::risk::{AdaptiveRisk, FraudService, NetworkFacts, Networks, OnSilence, Opinion, RiskPolicy};

use crate::risk_world::{FIREFOX, PASSWORD, World, home, is_confirmation};

#[derive(Debug)]
struct Hanging;

#[async_trait]
impl FraudService for Hanging {
    async fn assess(&self, _: &Observation) -> Result<Opinion, PortError> {
        pending().await
    }
}

#[async_trait]
impl Networks for Hanging {
    async fn look_up(&self, _: IpAddr) -> Result<Option<NetworkFacts>, PortError> {
        pending().await
    }
}

#[async_trait]
impl RiskEngine for Hanging {
    async fn assess(&self, _: &Observation) -> Result<Assessment, PortError> {
        pending().await
    }
}

#[derive(Debug)]
struct Opinionated(f64);

#[async_trait]
impl FraudService for Opinionated {
    async fn assess(&self, _: &Observation) -> Result<Opinion, PortError> {
        if self.0.is_infinite() {
            return Err(PortError::transient("down"));
        }
        let (long, odd) = ("x".repeat(65), ["with a space".to_owned(), String::new()]);
        let many = (0..10).map(|it| format!("reason_{it}"));
        let codes = odd.into_iter().chain([long, "device_farm".to_owned()]).chain(many).collect();
        Ok(Opinion::new(self.0, codes))
    }
}

#[tokio::test]
async fn a_fraud_service_that_hangs_or_fails_is_open_or_closed_as_was_chosen() {
    let services: [fn() -> Arc<dyn FraudService>; 2] =
        [|| Arc::new(Hanging), || Arc::new(Opinionated(f64::INFINITY))];
    for service in services {
        for (on_silence, expected) in
            [(OnSilence::FailOpen, RiskLevel::Low), (OnSilence::FailClosed, RiskLevel::High)]
        {
            let plug = |engine: AdaptiveRisk| {
                engine.with_fraud_service(service(), Wait::from_millis(20), on_silence)
            };
            let world = World::with(|ports| ports, plug).await;
            let account = world.account().await;
            let look = Observation::new(RiskAction::SignIn, Some(account.id), home());
            let assessment = world.assess(&look).await;
            assert!(assessment.degraded, "{on_silence:?}");
            assert_eq!(assessment.level, expected, "{on_silence:?}");
            let told = assessment.reasons.contains(&"fraud_service_silent".to_owned());
            assert_eq!(told, on_silence == OnSilence::FailClosed);
            // Closed is a challenge in the journey, and not a locked door: the mailbox opens it.
            let browser = world.browser(home(), FIREFOX);
            let (_, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
            assert_eq!(is_confirmation(&step), on_silence == OnSilence::FailClosed, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_fraud_service_counts_within_a_cap() {
    let score = async |log_odds: f64| {
        let plug = |engine: AdaptiveRisk| {
            let service = Arc::new(Opinionated(log_odds));
            engine.with_fraud_service(service, Wait::from_secs(1), OnSilence::FailClosed)
        };
        let world = World::with(|ports| ports, plug).await;
        let account = world.account().await;
        let look = Observation::new(RiskAction::SignIn, Some(account.id), home());
        world.assess(&look).await
    };
    let (none, some, lots) = (score(0.0).await, score(2.0).await, score(1000.0).await);
    assert_eq!(some.score.unwrap() - none.score.unwrap(), 200);
    assert_eq!(lots.score.unwrap() - none.score.unwrap(), 400);
    assert_eq!(score(f64::NAN).await.score, none.score);
    // The engine's own two, and eight of the service's.
    assert!(some.reasons.contains(&"device_farm".to_owned()) && some.reasons.len() == 10, "{some:?}");
    assert!(some.reasons.iter().all(|code| code.len() <= 64 && !code.contains(' ')), "{some:?}");
}

#[tokio::test]
async fn data_that_hangs_is_not_waited_for_and_the_assessment_says_so() {
    let hang = |engine: AdaptiveRisk| {
        let mut policy = RiskPolicy::default();
        policy.networks_deadline = Wait::from_millis(20);
        engine.with_networks(Arc::new(Hanging)).with_policy(policy)
    };
    let world = World::with(|ports| ports, hang).await;
    let account = world.account().await;
    let assessment = world.assess(&Observation::new(RiskAction::SignIn, Some(account.id), home())).await;
    assert!(assessment.degraded && assessment.level == RiskLevel::Low, "{assessment:?}");
}

#[tokio::test]
async fn an_engine_that_hangs_is_a_challenge_and_no_open_door() {
    let world = World::judged_by(|ports| ports, |_| Arc::new(Hanging)).await;
    world.account().await;
    let browser = world.browser(home(), FIREFOX);
    let began = std::time::Instant::now();
    let (_, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
    assert!(is_confirmation(&step), "silence is medium: {step:?}");
    assert!(began.elapsed() < Wait::from_secs(5));
}
