//! Registration: nothing before the proof, no word about others, everything at once.

use std::collections::BTreeSet;

use ciam_core::account::{AccountStatus, IdentifierKey};
use ciam_core::error::PortErrorKind;
use ciam_core::http::Peer;
use ciam_core::journey::{
    Answer, Challenge, JourneyError, JourneyLink, JourneyPolicy, Registration, Requirements, Step, Visitor,
};
use ciam_core::notify::MessageCode;
use ciam_core::store::PageRequest;
use ciam_core::testkit::Failure;
use futures_util::future::join_all;
use time::Duration;

use crate::world::{PASSWORD, World, done, refusal, visitor};

#[tokio::test]
async fn a_person_registers_verifies_and_has_a_session() {
    let world = World::new().await;
    let signed_in = world.registered(" Ada@Example.com").await;
    assert_eq!(signed_in.account.status, AccountStatus::Active);
    assert_eq!(signed_in.account.profile.text("name"), Some("Ada"));
    let key = IdentifierKey::email("ada@example.com").unwrap();
    assert!(signed_in.account.identifier_with(&key).unwrap().is_verified());
    assert!(world.authenticated(&signed_in).await.is_some());
    let again = done(world.sign_in(&world.browser(), "ADA@example.com", PASSWORD).await);
    assert_eq!(again.account.id, signed_in.account.id);
    assert_ne!(again.session.id, signed_in.session.id);
}

#[tokio::test]
async fn nothing_durable_exists_before_the_code_is_proved() {
    let world = World::new().await;
    world.begun_registration(&world.browser(), "ada@example.com").await;
    assert!(world.ports.store().accounts(PageRequest::first(10)).await.unwrap().items.is_empty());
    assert_eq!(refusal(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await), "credentials");
}

/// The response and every port and hash call are the same, whether or not the address has an account.
#[tokio::test]
async fn registration_does_not_tell_whether_an_address_has_an_account() {
    let world = World::new().await;
    world.registered("known@example.com").await;
    let mut seen = Vec::new();
    for email in ["known@example.com", "fresh@example.com"] {
        let browser = world.browser();
        let (handle, _) =
            world.journeys.begin_sign_up(&visitor(&browser), Requirements::default()).await.unwrap();
        world.probe.clear();
        let answer = Answer::Register(Registration::new(email, PASSWORD));
        let registered = world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
        let guessed =
            world.journeys.answer(&handle, &visitor(&browser), Answer::code("123456")).await.unwrap();
        let resent = world.journeys.answer(&handle, &visitor(&browser), Answer::Resend).await.unwrap();
        let responses = format!("{registered:?} {guessed:?} {resent:?}").replace(email, "?");
        seen.push((responses, world.probe.calls()));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].1.iter().any(|call| call.method == "hasher.hash"));
    assert_eq!(world.mail_to("known@example.com").await.unwrap().code, MessageCode::AccountExists);
    assert_eq!(world.mail_to("fresh@example.com").await.unwrap().code, MessageCode::VerifyRegistration);
}

/// Somebody registers a victim's address and waits: the victim's own registration leaves no trace of it.
#[tokio::test]
async fn an_address_cannot_be_hijacked_in_advance() {
    let world = World::new().await;
    let (attacker, victim) = (world.browser(), world.browser());
    let (trap, _) = world.journeys.begin_sign_up(&visitor(&attacker), Requirements::default()).await.unwrap();
    let planted = Answer::Register(Registration::new("victim@example.com", "the attacker's own password"));
    world.journeys.answer(&trap, &visitor(&attacker), planted).await.unwrap();
    let first_code = world.code_for("victim@example.com").await;

    let handle = world.begun_registration(&victim, "victim@example.com").await;
    let code = world.code_for("victim@example.com").await;
    // The code that was sent for the attacker's password does not confirm the victim's, and the other way round.
    if first_code != code {
        let crossed =
            world.journeys.answer(&handle, &visitor(&victim), Answer::code(first_code)).await.unwrap();
        assert_eq!(refusal(crossed), "code");
    }
    done(world.journeys.answer(&handle, &visitor(&victim), Answer::code(code)).await.unwrap());
    let stolen = world.sign_in(&attacker, "victim@example.com", "the attacker's own password").await;
    assert_eq!(refusal(stolen), "credentials");
    let late = world.journeys.answer(&trap, &visitor(&attacker), Answer::code("000000")).await.unwrap();
    assert_eq!(refusal(late), "code");
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_five() {
    let world = World::new().await;
    let browser = world.browser();
    let handle = world.begun_registration(&browser, "ada@example.com").await;
    let code = world.code_for("ada@example.com").await;
    let wrong = (0..100).map(|n| format!("{n:06}")).filter(|guess| *guess != code);
    let visitor = visitor(&browser);
    let guesses =
        join_all(wrong.map(|guess| world.journeys.answer(&handle, &visitor, Answer::code(guess)))).await;
    let looked_at =
        guesses.into_iter().map(|step| refusal(step.unwrap())).filter(|code| *code == "code").count();
    assert_eq!(looked_at, 5);
    // The right code comes too late for this code, and a new one is sent.
    let late = world.journeys.answer(&handle, &visitor, Answer::code(code)).await.unwrap();
    assert_eq!(refusal(late), "too_many_attempts");
    world.journeys.answer(&handle, &visitor, Answer::Resend).await.unwrap();
    let code = world.code_for("ada@example.com").await;
    done(world.journeys.answer(&handle, &visitor, Answer::code(code)).await.unwrap());
}

#[tokio::test]
async fn codes_end() {
    let world = World::new().await;
    let browser = world.browser();
    let handle = world.begun_registration(&browser, "ada@example.com").await;
    let code = world.code_for("ada@example.com").await;
    world.clock.advance(Duration::minutes(15));
    let late = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap();
    assert_eq!(refusal(late), "code");
    world.clock.advance(Duration::minutes(15));
    let over = world.journeys.answer(&handle, &visitor(&browser), Answer::Resend).await;
    assert!(matches!(over, Err(JourneyError::NotFound)), "{over:?}");
}

#[tokio::test]
async fn a_journey_belongs_to_its_browser_and_is_good_for_one_session() {
    let world = World::new().await;
    let browser = world.browser();
    let handle = world.begun_registration(&browser, "ada@example.com").await;
    let code = world.code_for("ada@example.com").await;
    let other = world.browser();
    let stolen = world.journeys.answer(&handle, &visitor(&other), Answer::code(code.clone())).await;
    assert!(matches!(stolen, Err(JourneyError::OtherBrowser)), "{stolen:?}");
    let visitor = visitor(&browser);
    let all =
        join_all((0..4).map(|_| world.journeys.answer(&handle, &visitor, Answer::code(code.clone())))).await;
    assert_eq!(all.iter().filter(|step| matches!(step, Ok(Step::Done(_)))).count(), 1, "{all:?}");
    let replayed = world.journeys.answer(&handle, &visitor, Answer::code(code)).await;
    assert!(matches!(replayed, Err(JourneyError::NotFound)), "{replayed:?}");
}

#[tokio::test]
async fn two_browsers_that_register_one_address_make_one_account() {
    let world = World::new().await;
    let (one, two) = (world.browser(), world.browser());
    let first = world.begun_registration(&one, "ada@example.com").await;
    let first_code = world.code_for("ada@example.com").await;
    let second = world.begun_registration(&two, "ada@example.com").await;
    let second_code = world.code_for("ada@example.com").await;
    done(world.journeys.answer(&first, &visitor(&one), Answer::code(first_code)).await.unwrap());
    let late = world.journeys.answer(&second, &visitor(&two), Answer::code(second_code)).await.unwrap();
    assert_eq!(refusal(late), "already_registered");
    assert_eq!(world.ports.store().accounts(PageRequest::first(10)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn bad_input_is_refused_by_its_name() {
    let world = World::new().await;
    let long = "x".repeat(129);
    let table = [
        (Registration::new("no address", PASSWORD), "email"),
        (Registration::new("ada@example.com\r\nBcc: eve@example.com", PASSWORD), "email"),
        (Registration::new("ada@example.com", "short"), "too_short"),
        (Registration::new("ada@example.com", "y".repeat(257)), "too_long"),
        (Registration::new("ada@example.com", "ada@example.com-1"), "personal"),
        (Registration::new("ada@example.com", PASSWORD).with_name(long), "name"),
        (Registration::new("ada@example.com", PASSWORD).with_name("a\u{0}b"), "name"),
    ];
    for (registration, expected) in table {
        let browser = world.browser();
        let (handle, _) =
            world.journeys.begin_sign_up(&visitor(&browser), Requirements::default()).await.unwrap();
        let step =
            world.journeys.answer(&handle, &visitor(&browser), Answer::Register(registration)).await.unwrap();
        assert_eq!(refusal(step), expected);
    }
}

#[tokio::test]
async fn messages_to_an_address_and_registrations_from_a_peer_are_limited() {
    let world = World::new().await;
    let mut codes = Vec::new();
    for _ in 0..7 {
        let browser = world.browser();
        let (handle, _) =
            world.journeys.begin_sign_up(&visitor(&browser), Requirements::default()).await.unwrap();
        let answer = Answer::Register(Registration::new("ada@example.com", PASSWORD));
        codes.push(world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap());
    }
    assert_eq!(codes.iter().filter(|step| matches!(step, Step::Challenge(_))).count(), 5);

    let mut refused = 0;
    for n in 0..60 {
        let browser = world.browser();
        let visitor = Visitor::new(&browser, Peer::new([198, 51, 100, 7].into()));
        let (handle, _) = world.journeys.begin_sign_up(&visitor, Requirements::default()).await.unwrap();
        let answer = Answer::Register(Registration::new(format!("p{n}@example.com"), PASSWORD));
        if matches!(world.journeys.answer(&handle, &visitor, answer).await.unwrap(), Step::Refused(_)) {
            refused += 1;
        }
    }
    assert_eq!(refused, 10);
}

/// A port that fails at any call of a registration leaves nothing half there, and the person can go on afterwards.
#[tokio::test]
async fn a_failure_at_any_call_leaves_nothing_half_there() {
    for failure in [Failure::Transient, Failure::AnswerLost] {
        fail_each_call(failure).await;
    }
}

async fn fail_each_call(failure: Failure) {
    let mut failures = 0;
    for number in 1.. {
        let world = World::new().await;
        let browser = world.browser();
        let handle = world.begun_registration(&browser, "ada@example.com").await;
        let code = world.code_for("ada@example.com").await;
        world.probe.clear();
        world.probe.fail_call(number, failure);
        let step = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code.clone())).await;
        let reached = world.probe.calls().len() as u64 >= number;
        world.probe.clear();
        let accounts = world.ports.store().accounts(PageRequest::first(10)).await.unwrap().items;
        for account in &accounts {
            let credentials = world.ports.store().credentials_of(account.value.id).await.unwrap();
            assert_eq!(credentials.len(), 1, "call {number} left an account without its password");
            done(world.sign_in(&browser, "ada@example.com", PASSWORD).await);
        }
        if !reached {
            done(step.unwrap());
            break;
        }
        failures += 1;
        match step {
            Err(JourneyError::Port(error)) => assert_eq!(error.kind(), PortErrorKind::Transient),
            // Once the account is there, what fails is only tidied up less well.
            Ok(Step::Done(signed_in)) => assert!(world.authenticated(&signed_in).await.is_some()),
            other => panic!("call {number} failed and nobody noticed: {other:?}"),
        }
        if accounts.is_empty() {
            let again = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await;
            assert!(
                matches!(again, Ok(Step::Done(_)) | Err(JourneyError::Changed)),
                "after call {number}: {again:?}"
            );
        }
    }
    assert!(failures >= 4, "only {failures} calls were tried");
}

/// A hundred people register one address in as many spellings: one has it, and all get the same answer.
#[tokio::test]
async fn a_hundred_registrations_of_one_address_make_one_account() {
    let mut policy = JourneyPolicy::default();
    policy.register_per_peer = policy.register_per_peer.with_attempts(1_000);
    policy.messages_per_address = policy.messages_per_address.with_attempts(1_000);
    policy.messages_per_address_long = policy.messages_per_address_long.with_attempts(1_000);
    let world = World::with_policy(policy).await;
    let spellings =
        ["zo\u{eb}@example.com", "zoe\u{308}@Example.COM", "ZO\u{cb}@example.com", " ZOE\u{308}@example.com"];
    let browsers: Vec<_> = (0..100).map(|_| world.browser()).collect();
    let begin = async |n: usize| {
        let visitor = visitor(&browsers[n]);
        let (handle, _) = world.journeys.begin_sign_up(&visitor, Requirements::default()).await.unwrap();
        let answer = Answer::Register(Registration::new(spellings[n % 4], PASSWORD));
        let step = world.journeys.answer(&handle, &visitor, answer).await.unwrap();
        assert!(matches!(step, Step::Challenge(Challenge::Code { .. })), "{step:?}");
        handle
    };
    let handles = join_all((0..100).map(begin)).await;
    for _ in 0..10 {
        world.mail_to("zo\u{eb}@example.com").await;
    }
    let sent = world.notifier.sent();
    assert_eq!(sent.len(), 100);
    let links: Vec<_> = sent.iter().map(|it| JourneyLink::from_text(&it.parameters["link"])).collect();
    let finish = async |n: usize| {
        let handle = &handles[n];
        let link = links.iter().find(|it| it.handle().expose() == handle.expose()).unwrap();
        world.journeys.answer(handle, &visitor(&browsers[n]), link.answer()).await.unwrap()
    };
    let ends = join_all((0..100).map(finish)).await;
    let (signed_in, late): (Vec<_>, Vec<_>) = ends.into_iter().partition(|it| matches!(it, Step::Done(_)));
    assert_eq!(signed_in.len(), 1);
    let late: BTreeSet<_> = late.into_iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(late.len(), 1, "{late:?}");
    assert_eq!(world.ports.store().accounts(PageRequest::first(10)).await.unwrap().items.len(), 1);
}
