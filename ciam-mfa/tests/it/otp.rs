//! One-time codes in the journey: RFC 4226 and RFC 6238.

use std::sync::Arc;

use ciam_core::journey::{Answer, Challenge, JourneyError, Step};
use ciam_core::store::{Batch, Write};
use ciam_mfa::otp::{HotpFactor, OtpDigits, OtpParameters, OtpSeed};
use serde_json::json;
use time::Duration;

use crate::world::{World, done, refusal, visitor};

const AAL2: &str = "urn:ciam:acr:aal2";
const ADA: &str = "ada@example.com";

fn totp(code: &str) -> Answer {
    Answer::factor("totp", json!({ "code": code }))
}

#[tokio::test]
async fn a_code_is_the_second_factor_of_a_sign_in() {
    let world = World::new().await;
    world.account(ADA).await;
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, AAL2).await;
    let Step::Challenge(Challenge::Factor { factor, data, .. }) = step else { panic!("{step:?}") };
    assert_eq!((factor.as_str(), data), ("totp", json!({ "digits": 6 })));
    world.next_step();
    assert_eq!(refusal(world.answer(&browser, &handle, totp("000000")).await), "credentials");
    let signed_in = done(world.answer(&browser, &handle, totp(&world.totp(&seed))).await);
    let amr: Vec<_> = signed_in.session.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
    assert_eq!(amr, ["pwd", "otp", "mfa"]);
}

/// RFC 6238, section 5.2: the verifier must not accept the second attempt of the OTP after the successful validation.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_accepted_once_also_when_another_node_sees_it_at_the_same_moment() {
    let world = Arc::new(World::new().await);
    world.account(ADA).await;
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;

    // The code that confirmed the enrolment is used up.
    let browser = world.browser();
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    assert_eq!(refusal(world.answer(&browser, &handle, totp(&world.totp(&seed))).await), "credentials");

    world.next_step();
    let code = world.totp(&seed);
    let mut journeys = Vec::new();
    for _ in 0..100 {
        let browser = world.browser();
        let (handle, _) = world.begun(&browser, ADA, AAL2).await;
        journeys.push((browser, handle));
    }
    let barrier = Arc::new(tokio::sync::Barrier::new(journeys.len()));
    let tasks: Vec<_> = journeys
        .into_iter()
        .map(|(browser, handle)| {
            let (world, code, barrier) = (world.clone(), code.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                world.journeys.answer(&handle, &visitor(&browser), totp(&code)).await
            })
        })
        .collect();
    let mut sessions = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(Step::Done(_)) => sessions += 1,
            Ok(Step::Refused(_)) | Err(JourneyError::Changed) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sessions, 1);
}

#[tokio::test]
async fn an_older_code_is_refused_after_a_newer_one() {
    let world = World::new().await;
    world.account(ADA).await;
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    world.next_step();
    let older = world.totp(&seed);
    world.next_step();
    let browser = world.browser();
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    done(world.answer(&browser, &handle, totp(&world.totp(&seed))).await);
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    assert_eq!(refusal(world.answer(&browser, &handle, totp(&older)).await), "credentials");
}

#[tokio::test]
async fn who_guesses_codes_waits_and_does_not_lock_the_owner_out() {
    let world = World::new().await;
    world.account(ADA).await;
    // The owner has signed in in this browser with both factors.
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    let known = world.browser();
    world.next_step();
    let (handle, _) = world.begun(&known, ADA, AAL2).await;
    done(world.answer(&known, &handle, totp(&world.totp(&seed))).await);

    // Somebody has the password and guesses: five tries for a challenge, and then the account's count.
    let mut stopped = None;
    'guessing: for round in 0..6 {
        let stranger = world.browser();
        let (handle, step) = world.begun(&stranger, ADA, AAL2).await;
        if matches!(step, Step::Refused(_)) {
            stopped = Some(round);
            break;
        }
        for guess in 0..6 {
            match refusal(world.answer(&stranger, &handle, totp("000000")).await) {
                "credentials" => assert!(guess < 5, "a sixth guess at one challenge was looked at"),
                "too_many_attempts" if guess == 5 => {}
                "too_many_attempts" => {
                    stopped = Some(round);
                    break 'guessing;
                }
                other => panic!("{other}"),
            }
        }
    }
    assert!(stopped.is_some(), "nobody stopped the guesser");
    world.clock.advance(Duration::seconds(30));
    let (handle, _) = world.begun(&known, ADA, AAL2).await;
    done(world.answer(&known, &handle, totp(&world.totp(&seed))).await);
}

/// Guesses in parallel do not add up: they are counted before they are looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_five_hundred_guesses_at_once_five_are_looked_at() {
    let world = Arc::new(World::new().await);
    world.account(ADA).await;
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    world.next_step();
    let (browser, right) = (world.browser(), world.totp(&seed));
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    let barrier = Arc::new(tokio::sync::Barrier::new(500));
    let browser = Arc::new(browser);
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let (world, barrier, browser) = (world.clone(), barrier.clone(), browser.clone());
            let (handle, answer) = (handle.clone(), totp(wrong));
            tokio::spawn(async move {
                barrier.wait().await;
                world.journeys.answer(&handle, &visitor(&browser), answer).await
            })
        })
        .collect();
    let mut looked_at = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(step) => match refusal(step) {
                "credentials" => looked_at += 1,
                other => assert_eq!(other, "too_many_attempts"),
            },
            Err(JourneyError::Changed | JourneyError::NotFound) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!((1..=5).contains(&looked_at), "{looked_at}");
    // And then the right one does not help any more.
    let late = world.journeys.answer(&handle, &visitor(&browser), totp(&right)).await;
    assert!(!matches!(late, Ok(Step::Done(_))), "{late:?}");
}

#[tokio::test]
async fn a_counted_code_may_run_ahead_and_never_back() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec()).unwrap();
    let token = HotpFactor::credential(&world.ports, account.id, &seed, OtpDigits::Six, 0).await.unwrap();
    let batch = Batch::new().write(Write::PutCredential(token));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let code = |counter: u64| {
        OtpParameters::default().code(world.ports.crypto(), &seed, counter).expose().to_owned()
    };
    let browser = world.browser();
    let two = format!("{} {}", code(80), code(81));
    let table = [
        (code(0), true),
        (code(0), false),
        (code(7), true),
        (code(3), false),
        (code(7), false),
        (code(19), false), // 11 ahead of the next, 8
        (code(18), true),
        (format!("{} {}", code(80), code(82)), false),
        (two.clone(), true),
        (two, false),
        (code(82), true),
    ];
    for (row, (code, right)) in table.into_iter().enumerate() {
        let (handle, _) = world.begun(&browser, ADA, AAL2).await;
        let step = world.answer(&browser, &handle, Answer::factor("hotp", json!(code))).await;
        assert_eq!(matches!(step, Step::Done(_)), right, "row {row}: {step:?}");
    }
}
