//! Those who try by the thousand: they wait, are found out and pay, and nobody is locked out by them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::abuse::{HumanCheck, ProofOfWork};
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::journey::{
    Answer, Challenge, HumanFor, JourneyPolicy, Registration, Requirements, Step, Visitor,
};
use ciam_core::ratelimit::Limit;
use ciam_core::risk::{Assessment, Observation, RiskEngine, RiskLevel, RiskSignal};
use ciam_core::store::OutboxPayload;
use futures_util::future::join_all;
use time::Duration;

use crate::world::{PASSWORD, World, done, refusal, visitor};

fn from(browser: &BrowserId, address: impl Into<IpAddr>) -> Visitor<'_> {
    Visitor::new(browser, Peer::new(address.into()))
}

async fn sign_in(world: &World, visitor: &Visitor<'_>, email: &str, password: &str) -> Step {
    let (handle, _) = world.journeys.begin_sign_in(visitor, Requirements::default()).await.unwrap();
    world.journeys.answer(&handle, visitor, Answer::credentials(email, password)).await.unwrap()
}

/// More at once than a run allows: each success makes room for those that wait.
#[tokio::test]
async fn fifty_right_sign_ins_at_once_all_succeed() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browsers: Vec<BrowserId> = (0..50).map(|_| world.browser()).collect();
    let visitors: Vec<Visitor<'_>> = browsers.iter().map(|it| from(it, [203, 0, 113, 1])).collect();
    for step in join_all(visitors.iter().map(|it| sign_in(&world, it, "ada@example.com", PASSWORD))).await {
        done(step);
    }
}

/// Those that are wrong are refused, no more of them than the limit are looked at, and they wait for nobody at the end.
#[tokio::test]
async fn fifty_wrong_sign_ins_at_once_are_looked_at_ten_times() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browsers: Vec<BrowserId> = (0..50).map(|_| world.browser()).collect();
    let visitors: Vec<Visitor<'_>> = browsers.iter().map(|it| from(it, [203, 0, 113, 1])).collect();
    world.probe.clear();
    let steps = join_all(visitors.iter().map(|it| sign_in(&world, it, "ada@example.com", "a guess!"))).await;
    assert_eq!(world.probe.count("hasher.verify"), 10);
    let wrong = steps.into_iter().filter(|step| match step {
        Step::Refused(refused) => refused.reason.code() == "credentials",
        other => panic!("{other:?}"),
    });
    assert_eq!(wrong.count(), 10);
}

#[tokio::test]
async fn behind_ten_failures_each_wait_is_longer_than_the_one_before() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (mut looked_at, mut times) = (0, Vec::new());
    for minute in 0..720 {
        let step = sign_in(&world, &visitor, "ada@example.com", "a guess!").await;
        if refusal(step) == "credentials" {
            looked_at += 1;
            times.push(minute);
        }
        world.clock.advance(Duration::MINUTE);
    }
    let waits: Vec<i32> = times.windows(2).map(|pair| pair[1] - pair[0]).skip(10).collect();
    assert!(waits.is_sorted(), "{times:?}");
    assert!(waits.last().is_some_and(|wait| *wait >= 60), "{times:?}");
    // Twelve hours of guessing every minute.
    assert!((15..=32).contains(&looked_at), "{looked_at}: {times:?}");
}

/// Whoever floods from the owner's own address, and from its whole network, does not keep the owner's browser out.
#[tokio::test]
async fn a_flood_from_the_same_address_stops_no_known_browser() {
    let mut policy = JourneyPolicy::default();
    policy.sign_in_per_peer = Limit::new("sign_in.peer", 20, Duration::minutes(5));
    policy.sign_in_per_network = Limit::new("sign_in.network", 30, Duration::minutes(5));
    let world = World::with_policy(policy).await;
    world.registered("ada@example.com").await;
    let known = world.browser();
    done(sign_in(&world, &from(&known, [203, 0, 113, 1]), "ada@example.com", PASSWORD).await);
    let mut limited = 0;
    for n in 0..60 {
        let stranger = world.browser();
        let flooding = from(&stranger, [203, 0, 113, if n < 30 { 1 } else { 2 + n }]);
        let email = format!("u{n}@example.com");
        limited +=
            usize::from(refusal(sign_in(&world, &flooding, &email, "a guess!").await) != "credentials");
    }
    assert!(limited >= 30, "{limited}");
    let stranger = world.browser();
    let step = sign_in(&world, &from(&stranger, [203, 0, 113, 99]), "ada@example.com", PASSWORD).await;
    assert_eq!(refusal(step), "too_many_attempts", "the network is saturated");
    done(sign_in(&world, &from(&known, [203, 0, 113, 1]), "ada@example.com", PASSWORD).await);
}

/// An engine that remembers what it was told, and asks for a check where it was told so.
#[derive(Debug, Default)]
struct Listening {
    heard: Mutex<Vec<Vec<RiskSignal>>>,
    wants_check: bool,
}

#[async_trait]
impl RiskEngine for Listening {
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError> {
        self.heard.lock().unwrap().push(observation.signals.clone());
        let assessment = Assessment::new(RiskLevel::Low, Vec::new());
        Ok(if self.wants_check { assessment.with_human_check() } else { assessment })
    }
}

async fn listening(wants_check: bool, check: bool) -> (World, Arc<Listening>) {
    let engine = Arc::new(Listening { wants_check, ..Listening::default() });
    let risk = engine.clone();
    let mut world = World::with(|ports| ports.with_risk(risk), JourneyPolicy::default()).await;
    if check {
        let check: Arc<dyn HumanCheck> = Arc::new(ProofOfWork::new().with_bits(6));
        world.journeys = world.journeys.clone().with_human_check(check);
    }
    (world, engine)
}

/// Tries a list of stolen passwords from one address.
async fn stuff(world: &World) {
    for n in 0..30 {
        let browser = world.browser();
        let step =
            sign_in(world, &from(&browser, [198, 51, 100, 7]), &format!("u{n}@example.com"), "stolen!").await;
        drop(step);
    }
}

async fn events(world: &World) -> Vec<ciam_core::event::Event> {
    let items = world.ports.store().claim_outbox(Duration::SECOND, 500).await.unwrap();
    let event = |payload| match payload {
        OutboxPayload::Event(event) => Some(event),
        _ => None,
    };
    items.into_iter().filter_map(|item| event(item.payload)).collect()
}

#[tokio::test]
async fn whoever_tries_a_list_is_found_out_once_and_the_engine_hears_of_it() {
    let (world, engine) = listening(false, false).await;
    world.registered("ada@example.com").await;
    stuff(&world).await;
    let found: Vec<_> = events(&world)
        .await
        .into_iter()
        .filter(|it| it.event_type.as_str() == "ciam.abuse.credential_stuffing.v1")
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].data["network"], "198.51.100.0/24", "no more of the address than it needs");
    assert!(!serde_json::to_string(&found).unwrap().contains("198.51.100.7"));
    let heard = engine.heard.lock().unwrap().clone();
    assert!(heard.first().unwrap().is_empty(), "the registration was before");
    assert_eq!(heard.last().unwrap(), &[RiskSignal::CredentialStuffing]);
    // Others are not meant.
    let browser = world.browser();
    done(sign_in(&world, &from(&browser, [203, 0, 113, 1]), "ada@example.com", PASSWORD).await);
    assert!(engine.heard.lock().unwrap().last().unwrap().is_empty());
}

#[tokio::test]
async fn an_office_behind_one_address_is_not_found_out() {
    let (mut world, _) = listening(false, true).await;
    let mut policy = JourneyPolicy::default();
    policy.check_after_registrations = Limit::new("register.pressure", 100, Duration::HOUR);
    world.journeys = world.journeys.clone().with_policy(policy);
    for n in 0..25 {
        world.registered(&format!("u{n}@example.com")).await;
        let browser = world.browser();
        let at = from(&browser, [198, 51, 100, 7]);
        if n % 5 == 0 {
            assert_eq!(
                refusal(sign_in(&world, &at, &format!("u{n}@example.com"), "mistyped").await),
                "credentials"
            );
        }
        done(sign_in(&world, &at, &format!("u{n}@example.com"), PASSWORD).await);
    }
    assert!(!events(&world).await.iter().any(|it| it.event_type.as_str().contains("stuffing")));
}

fn work(step: &Step) -> (String, u32) {
    let Step::Challenge(Challenge::Human { check, data }) = step else { panic!("no check: {step:?}") };
    assert_eq!(check, "proof_of_work");
    let bits = data["bits"].as_u64().unwrap();
    (data["challenge"].as_str().unwrap().to_owned(), u32::try_from(bits).unwrap())
}

#[tokio::test]
async fn a_source_that_was_found_out_works_for_its_answers_whether_they_are_right_or_wrong() {
    let (world, _) = listening(false, true).await;
    world.registered("ada@example.com").await;
    let known = world.browser();
    done(sign_in(&world, &from(&known, [198, 51, 100, 7]), "ada@example.com", PASSWORD).await);
    stuff(&world).await;
    // A known browser at the same address is asked for nothing.
    done(sign_in(&world, &from(&known, [198, 51, 100, 7]), "ada@example.com", PASSWORD).await);

    for (email, password) in
        [("ada@example.com", PASSWORD), ("ada@example.com", "wrong!"), ("no@example.com", "x")]
    {
        let browser = world.browser();
        let at = from(&browser, [198, 51, 100, 7]);
        let (handle, _) = world.journeys.begin_sign_in(&at, Requirements::default()).await.unwrap();
        let answer = Answer::credentials(email, password);
        let (challenge, bits) = work(&world.journeys.answer(&handle, &at, answer.clone()).await.unwrap());
        // Neither around the check nor with a guess.
        let around = world.journeys.answer(&handle, &at, answer.clone()).await.unwrap();
        assert_eq!(refusal(around), "unexpected");
        let wrong = Answer::Human { response: "nonsense".to_owned() };
        assert_eq!(refusal(world.journeys.answer(&handle, &at, wrong).await.unwrap()), "human_check");
        let right = Answer::Human { response: ProofOfWork::solve(&challenge, bits) };
        let step = world.journeys.answer(&handle, &at, right.clone()).await.unwrap();
        assert!(matches!(step, Step::Challenge(Challenge::Credentials { .. })), "{step:?}");
        // Once: the same work opens nothing else.
        let again = world.journeys.answer(&handle, &at, right).await.unwrap();
        assert_eq!(refusal(again), "unexpected");
        let step = world.journeys.answer(&handle, &at, answer).await.unwrap();
        match password {
            PASSWORD => drop(done(step)),
            _ => assert_eq!(refusal(step), "credentials"),
        }
    }
}

#[tokio::test]
async fn one_check_is_good_for_five_answers() {
    let (world, _) = listening(true, true).await;
    let browser = world.browser();
    let at = visitor(&browser);
    let (handle, _) = world.journeys.begin_sign_in(&at, Requirements::default()).await.unwrap();
    let guess = || Answer::credentials("ada@example.com", "wrong!");
    let mut checks = 0;
    for _ in 0..7 {
        let step = world.journeys.answer(&handle, &at, guess()).await.unwrap();
        if let Step::Challenge(_) = &step {
            checks += 1;
            let (challenge, bits) = work(&step);
            let answer = Answer::Human { response: ProofOfWork::solve(&challenge, bits) };
            world.journeys.answer(&handle, &at, answer).await.unwrap();
        }
    }
    assert_eq!(checks, 2, "before the first answer, and behind the fifth");
}

#[tokio::test]
async fn a_registration_stops_for_a_check_too_and_nobody_is_asked_without_one() {
    for check in [true, false] {
        let (world, _) = listening(true, check).await;
        let browser = world.browser();
        let at = visitor(&browser);
        let (handle, _) = world.journeys.begin_sign_up(&at, Requirements::default()).await.unwrap();
        let registration = || Answer::Register(Registration::new("ada@example.com", PASSWORD));
        let mut step = world.journeys.answer(&handle, &at, registration()).await.unwrap();
        if check {
            let (challenge, bits) = work(&step);
            assert!(world.mail_to("ada@example.com").await.is_none(), "no mail before the check");
            let answer = Answer::Human { response: ProofOfWork::solve(&challenge, bits) };
            world.journeys.answer(&handle, &at, answer).await.unwrap();
            step = world.journeys.answer(&handle, &at, registration()).await.unwrap();
        }
        assert!(matches!(step, Step::Challenge(Challenge::Code { .. })), "{step:?}");
    }
}

/// A world with a check, under this policy.
async fn checked(policy: JourneyPolicy) -> World {
    let mut world = World::with_policy(policy).await;
    let check: Arc<dyn HumanCheck> = Arc::new(ProofOfWork::new().with_bits(6));
    world.journeys = world.journeys.clone().with_human_check(check);
    world
}

#[tokio::test]
async fn where_everybody_is_asked_the_check_comes_before_anything_else() {
    let everybody = HumanFor::nobody().in_sign_in(true).in_sign_up(true).in_recovery(true);
    for policy in [HumanFor::nobody(), everybody] {
        let mut limits = JourneyPolicy::default();
        limits.human_for = policy;
        let world = checked(limits).await;
        let (browser, requirements) = (world.browser(), Requirements::default);
        let at = visitor(&browser);
        let begun = [
            world.journeys.begin_sign_in(&at, requirements()).await.unwrap(),
            world.journeys.begin_sign_up(&at, requirements()).await.unwrap(),
            world.journeys.begin_recovery(&at, requirements()).await.unwrap(),
        ];
        for (handle, challenge) in begun {
            let asked = matches!(challenge, Challenge::Human { .. });
            assert_eq!(asked, policy == everybody, "{challenge:?}");
            if asked {
                let (challenge, bits) = work(&Step::Challenge(challenge));
                let answer = Answer::Human { response: ProofOfWork::solve(&challenge, bits) };
                let next = world.journeys.answer(&handle, &at, answer).await.unwrap();
                assert!(!matches!(next, Step::Challenge(Challenge::Human { .. })), "{next:?}");
            }
        }
        let (_, challenge) = world.journeys.begin_invitation(&at, requirements()).await.unwrap();
        assert!(matches!(challenge, Challenge::Invitation { .. }), "{challenge:?}");
    }
}

#[tokio::test]
async fn many_registrations_or_recoveries_from_one_network_bring_a_check() {
    let mut policy = JourneyPolicy::default();
    policy.check_after_registrations = Limit::new("register.pressure", 2, Duration::HOUR);
    policy.check_after_recoveries = Limit::new("recover.pressure", 2, Duration::HOUR);
    let world = checked(policy).await;
    let (mut registrations, mut recoveries) = (Vec::new(), Vec::new());
    for n in 0..4_u8 {
        let browser = world.browser();
        let at = from(&browser, [198, 51, 100, n]);
        let (handle, _) = world.journeys.begin_sign_up(&at, Requirements::default()).await.unwrap();
        let answer = Answer::Register(Registration::new(format!("u{n}@example.com"), PASSWORD));
        let step = world.journeys.answer(&handle, &at, answer).await.unwrap();
        registrations.push(matches!(step, Step::Challenge(Challenge::Human { .. })));
        let (handle, _) = world.journeys.begin_recovery(&at, Requirements::default()).await.unwrap();
        let answer = Answer::recover(format!("u{n}@example.com"));
        let step = world.journeys.answer(&handle, &at, answer).await.unwrap();
        recoveries.push(matches!(step, Step::Challenge(Challenge::Human { .. })));
        // Somebody elsewhere is not meant.
        let far = from(&browser, [203, 0, 113, n]);
        let (handle, _) = world.journeys.begin_sign_up(&far, Requirements::default()).await.unwrap();
        if n == 3 {
            let answer = Answer::Register(Registration::new("far@example.com", PASSWORD));
            let step = world.journeys.answer(&handle, &far, answer).await.unwrap();
            assert!(matches!(step, Step::Challenge(Challenge::Code { .. })), "{step:?}");
        }
    }
    assert_eq!(registrations, [false, false, true, true]);
    assert_eq!(recoveries, [false, false, true, true]);
}

#[tokio::test]
async fn registrations_have_an_end_for_each_network_domain_and_in_all() {
    let small = |name| Limit::new(name, 3, Duration::HOUR);
    let register = |world: World, address: fn(u8) -> [u8; 4], domain: fn(u8) -> String| async move {
        let mut accepted = 0;
        for n in 0..6 {
            let browser = world.browser();
            let at = from(&browser, address(n));
            let (handle, _) = world.journeys.begin_sign_up(&at, Requirements::default()).await.unwrap();
            let answer = Answer::Register(Registration::new(format!("u{n}@{}", domain(n)), PASSWORD));
            let step = world.journeys.answer(&handle, &at, answer).await.unwrap();
            accepted += usize::from(matches!(step, Step::Challenge(_)));
        }
        accepted
    };
    let mut by_network = JourneyPolicy::default();
    by_network.register_per_network = small("register.network");
    let mut by_domain = JourneyPolicy::default();
    by_domain.register_per_domain = small("register.domain");
    let mut in_all = JourneyPolicy::default();
    in_all.budgets.mails = small("budget.mails");
    let near: fn(u8) -> [u8; 4] = |n| [192, 0, 2, n];
    let far: fn(u8) -> [u8; 4] = |n| [192, 0, n, 1];
    let one: fn(u8) -> String = |_| "example.com".to_owned();
    let many: fn(u8) -> String = |n| format!("example{n}.com");
    for (policy, address, domain, expected) in [
        (by_network.clone(), near, many, 3),
        (by_network, far, many, 6),
        (by_domain.clone(), far, one, 3),
        (by_domain, far, many, 6),
        (in_all, far, many, 3),
    ] {
        assert_eq!(register(World::with_policy(policy).await, address, domain).await, expected);
    }
}
