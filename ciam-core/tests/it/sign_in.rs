//! Sign-in: one answer for every failure, limits that hold under parallel attempts, factors that plug in.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey};
use ciam_core::assurance::Amr;
use ciam_core::error::PortError;
use ciam_core::hooks::{HookDecision, Hooks};
use ciam_core::journey::{Answer, Challenge, JourneyError, JourneyPolicy, Requirements, Step};
use ciam_core::risk::{Assessment, Observation, RiskAction, RiskEngine, RiskLevel};
use ciam_core::session::{Session, SessionState};
use futures_util::future::join_all;
use serde_json::json;
use time::Duration;

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, headers_of, refusal, visitor};

/// Unknown identifiers, wrong passwords and accounts that may not sign in: the same response, and the same port and hash
/// calls.
#[tokio::test]
async fn a_refused_sign_in_does_not_tell_why() {
    let world = World::new().await;
    world.registered("known@example.com").await;
    for status in [AccountStatus::Suspended, AccountStatus::Locked, AccountStatus::Deactivated] {
        let email = format!("{}@example.com", status.as_str());
        let mut account = world.registered(&email).await.account;
        account.status = status;
        world.put_account(account).await;
    }
    let mut unverified = world.registered("unverified@example.com").await.account;
    for identifier in &mut unverified.identifiers {
        *identifier = Identifier::unverified(identifier.key.clone());
    }
    world.put_account(unverified).await;

    let mut seen = Vec::new();
    for (identifier, password) in [
        ("unknown@example.com", PASSWORD),
        ("known@example.com", "not the right password"),
        ("suspended@example.com", PASSWORD),
        ("locked@example.com", PASSWORD),
        ("deactivated@example.com", PASSWORD),
        ("unverified@example.com", PASSWORD),
        ("not an identifier at all!", PASSWORD),
        ("known@example.com", ""),
        ("known@example.com", &"long ".repeat(10_000)),
    ] {
        let browser = world.browser();
        let (handle, _) =
            world.journeys.begin_sign_in(&visitor(&browser), Requirements::default()).await.unwrap();
        world.probe.clear();
        let answer = Answer::credentials(identifier, password);
        let step = world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
        seen.push((format!("{step:?}"), world.probe.calls()));
    }
    for row in &seen {
        assert_eq!(row, &seen[0]);
    }
    assert_eq!(seen[0].1.iter().filter(|call| call.method == "hasher.verify").count(), 1);
}

#[tokio::test]
async fn a_hundred_attempts_at_once_are_ten_and_the_owner_is_not_locked_out() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    world.probe.clear();
    let attempts = (0..100).map(|n| {
        let (world, browser) = (&world, &browser);
        async move {
            refusal(world.sign_in(browser, "ada@example.com", &format!("guess number {n} of many")).await)
        }
    });
    let codes = join_all(attempts).await;
    assert_eq!(codes.iter().filter(|code| **code == "credentials").count(), 10);
    assert_eq!(world.probe.count("hasher.verify"), 10);

    // From elsewhere the owner still signs in, and this starts the count again.
    let elsewhere = world.browser();
    let peer = ciam_core::http::Peer::new([203, 0, 113, 9].into());
    let visitor = ciam_core::journey::Visitor::new(&elsewhere, peer);
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", PASSWORD);
    done(world.journeys.answer(&handle, &visitor, answer).await.unwrap());
    world.clock.advance(Duration::minutes(15));
    done(world.sign_in(&browser, "ada@example.com", PASSWORD).await);
}

#[tokio::test]
async fn success_starts_the_count_again() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    for _ in 0..5 {
        for _ in 0..9 {
            assert_eq!(
                refusal(world.sign_in(&browser, "ada@example.com", "wrong, wrong, wrong").await),
                "credentials"
            );
        }
        done(world.sign_in(&browser, "ada@example.com", PASSWORD).await);
    }
}

#[tokio::test]
async fn signing_in_again_keeps_the_session_and_changes_its_secret() {
    let world = World::new().await;
    let first = world.registered("ada@example.com").await;
    let current = world.authenticated(&first).await.unwrap();
    world.clock.advance(Duration::minutes(1));
    let browser = world.browser();
    let visitor = visitor(&browser).with_session(Some(&current));
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", PASSWORD);
    let again = done(world.journeys.answer(&handle, &visitor, answer).await.unwrap());
    assert_eq!(again.session.id, first.session.id);
    assert!(again.session.context.auth_time() > first.session.context.auth_time());
    assert!(world.authenticated(&first).await.is_none(), "the old secret is worth nothing");
    assert!(world.authenticated(&again).await.is_some());
}

#[tokio::test]
async fn signing_in_as_somebody_else_replaces_the_session() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    world.registered("bob@example.com").await;
    let current = world.authenticated(&ada).await.unwrap();
    let browser = world.browser();
    let visitor = visitor(&browser).with_session(Some(&current));
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::credentials("bob@example.com", PASSWORD);
    let bob = done(world.journeys.answer(&handle, &visitor, answer).await.unwrap());
    assert_ne!(bob.session.id, ada.session.id);
    assert!(world.authenticated(&ada).await.is_none());
    let old = world.ports.store().session(ada.session.id).await.unwrap().unwrap();
    assert!(matches!(old.value.state, SessionState::Ended { .. }));
}

#[tokio::test]
async fn a_hosts_own_factor_is_asked_for_when_the_level_needs_it_and_its_writes_are_the_sessions() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let account = world.registered("ada@example.com").await.account;
    enrol_pin(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, _) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    let credentials = Answer::credentials("ada@example.com", PASSWORD);
    let step = journeys.answer(&handle, &visitor, credentials.clone()).await.unwrap();
    let Step::Challenge(Challenge::Factor { factor, data, .. }) = step else { panic!("{step:?}") };
    assert_eq!((factor.as_str(), &data), ("pin", &json!({ "hint": "four digits" })));
    assert!(matches!(journeys.challenge(&handle, &visitor).await.unwrap(), Challenge::Factor { .. }));

    assert_eq!(refusal(journeys.answer(&handle, &visitor, pin("0000")).await.unwrap()), "credentials");
    // The password once more begins again with the same question.
    let again = journeys.answer(&handle, &visitor, credentials.clone()).await.unwrap();
    assert!(matches!(again, Step::Challenge(Challenge::Factor { .. })), "{again:?}");
    let signed_in = done(journeys.answer(&handle, &visitor, pin("4711")).await.unwrap());
    let amr = signed_in.session.context.amr();
    assert_eq!(amr, [Amr::PASSWORD, Amr::OTP, Amr::MULTI_FACTOR]);

    // The same PIN again: the factor says yes, its precondition says no, and there is no session.
    let (handle, _) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    journeys.answer(&handle, &visitor, credentials).await.unwrap();
    let replayed = journeys.answer(&handle, &visitor, pin("4711")).await;
    assert!(matches!(replayed, Err(JourneyError::Changed)), "{replayed:?}");
}

#[derive(Debug)]
enum Engine {
    Says(RiskLevel),
    Fails,
    Sleeps,
}

#[async_trait]
impl RiskEngine for Engine {
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError> {
        match self {
            _ if observation.action == RiskAction::Register => Ok(Assessment::new(RiskLevel::Low, vec![])),
            Self::Says(level) => Ok(Assessment::new(*level, vec!["test".to_owned()])),
            Self::Fails => Err(PortError::transient("no answer")),
            Self::Sleeps => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn risk_asks_for_a_second_factor_and_silence_is_never_no_risk() {
    let table = [
        (Engine::Says(RiskLevel::Low), RiskLevel::Medium, false, false, "session"),
        (Engine::Says(RiskLevel::Medium), RiskLevel::Low, false, false, "session"),
        (Engine::Says(RiskLevel::Medium), RiskLevel::Low, true, false, "factor"),
        (Engine::Says(RiskLevel::High), RiskLevel::Low, false, false, "credentials"),
        (Engine::Says(RiskLevel::High), RiskLevel::Low, true, false, "factor"),
        (Engine::Fails, RiskLevel::Medium, true, false, "factor"),
        (Engine::Fails, RiskLevel::High, false, false, "credentials"),
        (Engine::Sleeps, RiskLevel::High, false, false, "credentials"),
        // An account without a factor is confirmed by a code to its own address, where the host has that.
        (Engine::Says(RiskLevel::Low), RiskLevel::Medium, false, true, "session"),
        (Engine::Says(RiskLevel::Medium), RiskLevel::Low, false, true, "code"),
        (Engine::Says(RiskLevel::High), RiskLevel::Low, false, true, "code"),
        (Engine::Says(RiskLevel::High), RiskLevel::Low, true, true, "factor"),
        (Engine::Says(RiskLevel::Blocked), RiskLevel::Low, false, true, "credentials"),
        (Engine::Says(RiskLevel::Blocked), RiskLevel::Low, true, true, "credentials"),
        (Engine::Sleeps, RiskLevel::Medium, false, true, "code"),
    ];
    for (position, (engine, unanswered, enrolled, by_code, expected)) in table.into_iter().enumerate() {
        let mut policy = JourneyPolicy::default();
        policy.risk_unanswered = unanswered;
        policy.confirm_by_code = by_code;
        policy.risk_deadline = std::time::Duration::from_millis(20);
        let world = World::with(|ports| ports.with_risk(Arc::new(engine)), policy).await;
        let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
        let account = world.registered("ada@example.com").await.account;
        if enrolled {
            enrol_pin(&world, &account).await;
        }
        let browser = world.browser();
        let (handle, _) = journeys.begin_sign_in(&visitor(&browser), Requirements::default()).await.unwrap();
        let answer = Answer::credentials("ada@example.com", PASSWORD);
        let outcome = match journeys.answer(&handle, &visitor(&browser), answer).await.unwrap() {
            Step::Done(_) => "session",
            Step::Challenge(Challenge::Code { .. }) => "code",
            Step::Challenge(_) => "factor",
            Step::Refused(refusal) => refusal.reason.code(),
        };
        assert_eq!(outcome, expected, "row {position}");
    }
}

#[derive(Debug)]
struct NoSessions;

#[async_trait]
impl Hooks for NoSessions {
    async fn before_session(&self, _: &Account, _: &Session) -> Result<HookDecision, PortError> {
        Ok(HookDecision::Deny { code: "maintenance".to_owned() })
    }
}

#[tokio::test]
async fn a_hook_that_refuses_leaves_no_session() {
    let world = World::with(|ports| ports.with_hooks(Arc::new(NoSessions)), JourneyPolicy::default()).await;
    let browser = world.browser();
    let handle = world.begun_registration(&browser, "ada@example.com").await;
    let code = world.code_for("ada@example.com").await;
    let step = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap();
    assert_eq!(refusal(step), "denied");
    let key = IdentifierKey::email("ada@example.com").unwrap();
    assert!(world.ports.store().account_by_identifier(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn two_tabs_get_one_session_from_one_journey() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = || Answer::credentials("ada@example.com", PASSWORD);
    let tabs = join_all((0..5).map(|_| world.journeys.answer(&handle, &visitor, answer()))).await;
    let sessions: Vec<_> = tabs.into_iter().filter_map(|tab| tab.ok()).map(done).collect();
    assert_eq!(sessions.len(), 1);
    assert!(world.sessions.authenticate(&headers_of(&sessions[0])).await.unwrap().is_some());
}
