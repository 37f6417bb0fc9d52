//! Recovery codes.

use std::sync::Arc;

use ciam_core::account::Owner;
use ciam_core::journey::{Answer, Challenge, JourneyError, Step};
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use serde_json::json;

use crate::world::{World, done, refusal, visitor};

const AAL2: &str = "urn:ciam:acr:aal2";
const ADA: &str = "ada@example.com";

fn code(code: &Secret) -> Answer {
    Answer::factor("recovery_code", json!({ "code": code.expose() }))
}

async fn sheet(world: &World) -> Vec<Secret> {
    let current = world.signed_in(ADA).await;
    let (codes, _) = world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
    codes.codes
}

#[tokio::test]
async fn a_code_stands_in_for_the_other_factor_once_and_its_owner_is_told() {
    let world = World::new().await;
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let (_, current) = world.with_totp(&current).await;
    let (codes, _) = world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
    assert_eq!(codes.codes.len(), 10);
    world.events().await;

    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, AAL2).await;
    let Step::Challenge(Challenge::Factor { factor, others, .. }) = step else { panic!("{step:?}") };
    assert_eq!((factor.as_str(), others), ("totp", vec!["recovery_code".to_owned()]));
    let step = world.answer(&browser, &handle, Answer::another_factor("recovery_code")).await;
    let Step::Challenge(Challenge::Factor { data, .. }) = step else { panic!("{step:?}") };
    assert_eq!(data, json!({ "left": 10 }));
    done(world.answer(&browser, &handle, code(&codes.codes[3])).await);
    let told = world.mail_to(ADA).await.unwrap();
    assert_eq!((told.code, told.parameters["left"].as_str()), (MessageCode::RecoveryCodeUsed, "9"));

    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    world.answer(&browser, &handle, Answer::another_factor("recovery_code")).await;
    assert_eq!(refusal(world.answer(&browser, &handle, code(&codes.codes[3])).await), "credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_who_use_a_code_at_once_one_succeeds() {
    let world = Arc::new(World::new().await);
    world.account(ADA).await;
    let codes = sheet(&world).await;
    let mut journeys = Vec::new();
    for _ in 0..100 {
        // Known browsers, so that no count of strangers stops one of them before the race.
        let browser = world.browser();
        let (handle, _) = world.begun(&browser, ADA, AAL2).await;
        journeys.push((browser, handle));
    }
    let barrier = Arc::new(tokio::sync::Barrier::new(journeys.len()));
    let tasks: Vec<_> = journeys
        .into_iter()
        .map(|(browser, handle)| {
            let (world, barrier, answer) = (world.clone(), barrier.clone(), code(&codes[0]));
            tokio::spawn(async move {
                barrier.wait().await;
                world.journeys.answer(&handle, &visitor(&browser), answer).await
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
    let account = world.account_of(ADA).await;
    let credentials = world.credentials(&account).await;
    assert_eq!(ciam_mfa::recovery::remaining(&credentials), Some(9));
}

#[tokio::test]
async fn a_new_sheet_takes_the_place_of_the_old_one() {
    let world = World::new().await;
    world.account(ADA).await;
    let old = sheet(&world).await;
    let browser = world.browser();
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    // The owner has signed in with a code, and asks for new ones.
    let signed_in = done(world.answer(&browser, &handle, code(&old[0])).await);
    let current = world.authenticated(&signed_in.cookie).await.unwrap();
    let (new, _) = world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
    for (sheet, right) in [(&old, false), (&new.codes, true)] {
        let (handle, _) = world.begun(&browser, ADA, AAL2).await;
        let step = world.answer(&browser, &handle, code(&sheet[5])).await;
        assert_eq!(matches!(step, Step::Done(_)), right, "{step:?}");
    }
    let account = world.account_of(ADA).await;
    assert_eq!(world.credentials(&account).await.len(), 2, "the password, and one sheet");
}

/// Whichever comes first: never are the old sheet and the new one both good.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_that_is_used_while_the_sheet_is_replaced_leaves_one_sheet() {
    for _ in 0..20 {
        let world = Arc::new(World::new().await);
        world.account(ADA).await;
        let old = sheet(&world).await;
        let browser = world.browser();
        let (handle, _) = world.begun(&browser, ADA, AAL2).await;
        let signed_in = done(world.answer(&browser, &handle, code(&old[9])).await);
        let current = world.authenticated(&signed_in.cookie).await.unwrap();
        let other = world.browser();
        let (handle, _) = world.begun(&other, ADA, AAL2).await;
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        let (there, wait, answer) = (world.clone(), barrier.clone(), code(&old[0]));
        let using = tokio::spawn(async move {
            wait.wait().await;
            there.journeys.answer(&handle, &visitor(&other), answer).await
        });
        let (here, wait) = (world.clone(), barrier);
        let replacing = tokio::spawn(async move {
            wait.wait().await;
            here.factors.replace_recovery_codes(&Owner::new(&current)).await
        });
        let _done_or_not = using.await.unwrap();
        let replaced = replacing.await.unwrap();
        let (good, bad) = match &replaced {
            Ok((new, _)) => (&new.codes, &old),
            Err(error) => panic!("the owner has proved themselves: {error:?}"),
        };
        for (sheet, right) in [(bad, false), (good, true)] {
            let (handle, _) = world.begun(&browser, ADA, AAL2).await;
            let step = world.answer(&browser, &handle, code(&sheet[5])).await;
            assert_eq!(matches!(step, Step::Done(_)), right, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_sheet_that_is_used_up_is_no_factor() {
    let world = World::new().await;
    world.account(ADA).await;
    let codes = sheet(&world).await;
    let browser = world.browser();
    for code_of in &codes {
        let (handle, _) = world.begun(&browser, ADA, AAL2).await;
        done(world.answer(&browser, &handle, code(code_of)).await);
    }
    let (_, step) = world.begun(&browser, ADA, AAL2).await;
    done(step);
}

#[tokio::test]
async fn codes_are_stored_as_hashes_under_a_key() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let codes = sheet(&world).await;
    let stored = world.credentials(&account).await;
    let sheet = stored.iter().find(|it| it.value.factor == "recovery_code").unwrap();
    let text = sheet.value.data.to_string();
    for code in &codes {
        let plain = code.expose().replace('-', "");
        let hash = world.ports.vault().lookup_hash("mfa.recovery_code", plain.as_bytes()).await.unwrap();
        assert!(!text.contains(&hash.to_text()), "hashed without the sheet");
    }
    for code in &codes {
        let plain = code.expose().replace('-', "");
        assert!(!text.contains(&plain) && !text.contains(code.expose()));
        for token in [plain.as_str(), code.expose()] {
            assert!(
                !text.contains(&ciam_core::secret::TokenDigest::of(token).to_text()),
                "hashed without a key"
            );
        }
    }
}
