//! Adding, naming, removing and resetting factors.

use std::sync::Arc;

use ciam_core::account::{Identifier, IdentifierKey, Owner, ReasonCode};
use ciam_core::actor::Actor;
use ciam_core::journey::{Answer, Step};
use ciam_core::notify::{Channel, MessageCode};
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, Write};
use ciam_mfa::manage::FactorError;
use ciam_mfa::otp::OtpSeed;
use serde_json::json;
use time::Duration;

use crate::world::{World, done};

const AAL2: &str = "urn:ciam:acr:aal2";
const ADA: &str = "ada@example.com";

#[tokio::test]
async fn an_app_is_added_when_a_code_of_it_is_right_and_its_owner_is_told() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let owner = Owner::new(&current);
    let offer = world.factors.begin_totp(&owner, "Example", ADA).await.unwrap();
    assert!(offer.uri.expose().starts_with("otpauth://totp/Example:ada%40example.com?secret="));
    assert!(world.factors.list(account.id).await.unwrap().is_empty(), "nothing is a factor yet");
    let seed = OtpSeed::from_base32(offer.seed.expose()).unwrap();
    let wrong = world.factors.confirm_totp(&owner, &offer.enrolment, "000000", "").await;
    assert!(matches!(wrong, Err(FactorError::Code)), "{wrong:?}");
    let code = world.totp(&seed);
    let started = world.factors.confirm_totp(&owner, &offer.enrolment, &code, " phone ").await.unwrap();
    let listed = world.factors.list(account.id).await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].factor.as_str(), listed[0].label.as_deref()),
        (1, "totp", Some("phone"))
    );
    let told = world.mail_to(ADA).await.unwrap();
    assert_eq!((told.code, told.parameters["factor"].as_str()), (MessageCode::FactorAdded, "totp"));
    // The code is a proof, and the session has another secret.
    assert_eq!(started.session.context.amr().len(), 3);
    assert!(world.authenticated(&started.cookie).await.is_some());
    let renewed = world.renewed(&started).await;
    let again = world.factors.confirm_totp(&Owner::new(&renewed), &offer.enrolment, &code, "").await;
    assert!(matches!(again, Err(FactorError::NotFound)), "{again:?}");
}

#[tokio::test]
async fn the_seed_is_sealed() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    let stored = world.credentials(&account).await;
    let text = stored.iter().find(|it| it.value.factor == "totp").unwrap().value.data.to_string();
    assert!(!text.contains(seed.to_base32().expose()));
}

#[tokio::test]
async fn a_stolen_session_changes_nothing() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let (_, current) = world.with_totp(&world.signed_in(ADA).await).await;
    let totp = world.factors.list(account.id).await.unwrap()[0].id;
    world.clock.advance(Duration::minutes(6));
    let owner = Owner::new(&current);
    let needs_proof = |error: Option<FactorError>| assert!(matches!(error, Some(FactorError::NeedsProof)));
    needs_proof(world.factors.begin_totp(&owner, "Example", ADA).await.err());
    needs_proof(world.factors.replace_recovery_codes(&owner).await.err());
    needs_proof(world.factors.remove(&owner, totp).await.err());
    // The password alone is not what this account is capable of.
    let password_only = world.signed_in(ADA).await;
    needs_proof(world.factors.remove(&Owner::new(&password_only), totp).await.err());
    assert_eq!(world.factors.list(account.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_enrolment_belongs_to_its_session_has_five_tries_and_ends() {
    let world = World::new().await;
    world.account(ADA).await;
    world.account("eve@example.com").await;
    let current = world.signed_in(ADA).await;
    let owner = Owner::new(&current);
    let begin = || async { world.factors.begin_totp(&owner, "Example", ADA).await.unwrap() };
    let not_found = |result: Result<_, FactorError>| {
        assert!(matches!(result.map(|_: ciam_core::session::StartedSession| ()), Err(FactorError::NotFound)));
    };
    let offer = begin().await;
    let code = world.totp(&OtpSeed::from_base32(offer.seed.expose()).unwrap());
    for stranger in ["eve@example.com", ADA] {
        let other = world.signed_in(stranger).await;
        not_found(world.factors.confirm_totp(&Owner::new(&other), &offer.enrolment, &code, "").await);
    }
    not_found(world.factors.confirm_totp(&owner, &Secret::from("guess"), &code, "").await);
    for _ in 0..5 {
        let wrong = world.factors.confirm_totp(&owner, &offer.enrolment, "000000", "").await;
        assert!(matches!(wrong, Err(FactorError::Code)), "{wrong:?}");
    }
    not_found(world.factors.confirm_totp(&owner, &offer.enrolment, &code, "").await);

    let offer = begin().await;
    world.clock.advance(Duration::minutes(10));
    let current = world.signed_in(ADA).await;
    let code = world.totp(&OtpSeed::from_base32(offer.seed.expose()).unwrap());
    not_found(world.factors.confirm_totp(&Owner::new(&current), &offer.enrolment, &code, "").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_enrolment_that_is_confirmed_twice_at_once_is_one_factor() {
    let world = Arc::new(World::new().await);
    let account = world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let offer = world.factors.begin_totp(&Owner::new(&current), "Example", ADA).await.unwrap();
    let code = world.totp(&OtpSeed::from_base32(offer.seed.expose()).unwrap());
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (world, current, code) = (world.clone(), current.clone(), code.clone());
            let enrolment = offer.enrolment.clone();
            tokio::spawn(async move {
                world.factors.confirm_totp(&Owner::new(&current), &enrolment, &code, "").await.is_ok()
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!((added, world.factors.list(account.id).await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn an_account_has_so_many_apps_and_no_more() {
    let world = World::new().await;
    world.account(ADA).await;
    let mut current = world.signed_in(ADA).await;
    for _ in 0..5 {
        (_, current) = world.with_totp(&current).await;
        world.next_step();
    }
    let sixth = world.factors.begin_totp(&Owner::new(&current), "Example", ADA).await;
    assert!(matches!(sixth, Err(FactorError::TooManyThings)), "{sixth:?}");
}

#[tokio::test]
async fn a_factor_is_named_and_removed_and_then_everybody_else_is_signed_out() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let elsewhere = world.signed_in(ADA).await;
    let (_, current) = world.with_totp(&world.signed_in(ADA).await).await;
    let owner = Owner::new(&current);
    let totp = world.factors.list(account.id).await.unwrap()[0].id;
    world.factors.rename(&owner, totp, "old phone").await.unwrap();
    assert_eq!(world.factors.list(account.id).await.unwrap()[0].label.as_deref(), Some("old phone"));
    for label in ["x".repeat(65), "a\u{7}b".to_owned()] {
        assert!(matches!(world.factors.rename(&owner, totp, &label).await, Err(FactorError::Label)));
    }
    world.events().await;
    let epoch = world.account_of(ADA).await.session_epoch;
    let started = world.factors.remove(&owner, totp).await.unwrap();
    // With the removal, and not after it: a session that nobody has come to end yet is over too.
    assert_eq!(world.account_of(ADA).await.session_epoch, epoch + 1);
    assert!(world.factors.list(account.id).await.unwrap().is_empty());
    assert!(world.authenticated(&started.cookie).await.is_some());
    assert!(world.sessions.live(elsewhere.session.value.id).await.unwrap().is_none());
    assert_eq!(world.mail_to(ADA).await.unwrap().code, MessageCode::FactorRemoved);
    let gone = world.factors.remove(&Owner::new(&world.renewed(&started).await), totp).await;
    assert!(matches!(gone, Err(FactorError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn the_password_is_no_factor_to_remove_here_and_neither_is_somebody_elses() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let bob = world.account("bob@example.com").await;
    let (_, _) = world.with_totp(&world.signed_in("bob@example.com").await).await;
    let theirs = world.factors.list(bob.id).await.unwrap()[0].id;
    let current = world.signed_in(ADA).await;
    let password = world.credentials(&account).await[0].value.id;
    for id in [password, theirs] {
        let removed = world.factors.remove(&Owner::new(&current), id).await;
        assert!(matches!(removed, Err(FactorError::NotFound)), "{removed:?}");
    }
    assert!(matches!(
        world.factors.rename(&Owner::new(&current), theirs, "mine").await,
        Err(FactorError::NotFound)
    ));
}

#[tokio::test]
async fn an_administrators_reset_is_recorded_and_signs_everybody_out() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let (_, current) = world.with_totp(&world.signed_in(ADA).await).await;
    world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
    world.events().await;
    let actor = Actor::system("support");
    let reason = ReasonCode::new("lost_phone").unwrap();
    let epoch = world.account_of(ADA).await.session_epoch;
    assert_eq!(world.factors.reset(&actor, account.id, &reason).await.unwrap(), 2);
    assert_eq!(world.account_of(ADA).await.session_epoch, epoch + 1);
    let event =
        world.events().await.into_iter().find(|it| it.event_type.as_str() == "ciam.factor.reset.v1").unwrap();
    assert_eq!((&event.data["by"], &event.data["reason"]), (&json!("system:support"), &json!("lost_phone")));
    assert_eq!(world.mail_to(ADA).await.unwrap().code, MessageCode::FactorsReset);
    assert!(world.sessions.live(current.session.value.id).await.unwrap().is_none());
    // The owner comes back with the password.
    let browser = world.browser();
    let (_, step) = world.begun(&browser, ADA, AAL2).await;
    done(step);
    assert_eq!(world.factors.reset(&actor, account.id, &reason).await.unwrap(), 0);
}

#[tokio::test]
async fn a_recovered_password_is_not_enough_where_there_is_a_factor() {
    let world = World::new().await;
    world.account(ADA).await;
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    world.next_step();
    let browser = world.browser();
    let visitor = crate::world::visitor(&browser);
    let (handle, _) = world.journeys.begin_recovery(&visitor, Default::default()).await.unwrap();
    world.answer(&browser, &handle, Answer::recover(ADA)).await;
    let mail = world.mail_to(ADA).await.unwrap();
    let step = world.answer(&browser, &handle, Answer::code(mail.parameters["code"].as_str())).await;
    let Step::Challenge(challenge) = &step else { panic!("{step:?}") };
    assert!(serde_json::to_string(challenge).unwrap().contains("\"factor\":\"totp\""));
    let step = world.answer(&browser, &handle, Answer::factor("totp", json!(world.totp(&seed)))).await;
    assert!(matches!(step, Step::Challenge(_)), "{step:?}");
}

/// An address that nobody has proved may be somebody else's, who is told nothing.
#[tokio::test]
async fn a_notice_goes_to_an_address_that_was_verified_or_to_none() {
    const PHONE: &str = "+436641234567";
    for verified in [true, false] {
        let world = World::new().await;
        world.account(ADA).await;
        let browser = world.browser();
        let (_, step) = world.begun(&browser, ADA, "urn:ciam:acr:aal1").await;
        let cookie = done(step).cookie;
        let mut account = world.account_of(ADA).await;
        let (mail, phone) = (IdentifierKey::email(ADA).unwrap(), IdentifierKey::phone(PHONE).unwrap());
        let phone = if verified {
            Identifier::verified(phone, world.ports.now())
        } else {
            Identifier::unverified(phone)
        };
        account.identifiers = vec![Identifier::unverified(mail), phone];
        let batch = Batch::new().write(Write::PutAccount(account));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());

        world.with_totp(&world.authenticated(&cookie).await.unwrap()).await;
        assert!(world.mail_to(ADA).await.is_none_or(|it| it.code != MessageCode::FactorAdded));
        let told = world.mail_to(PHONE).await.map(|it| (it.code, it.channel));
        assert_eq!(told, verified.then_some((MessageCode::FactorAdded, Channel::Sms)));
    }
}
