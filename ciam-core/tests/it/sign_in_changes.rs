//! Sign-in while the world changes: strangers guess, passwords and sessions end in the middle.

use std::net::IpAddr;
use std::sync::Arc;

use ciam_core::account::Account;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::journey::{Answer, Challenge, Requirements, Step, Visitor};
use ciam_core::store::{Batch, Commit, Write};
use time::Duration;

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, refusal, visitor};

async fn sign_in_from(world: &World, browser: &BrowserId, address: [u8; 4], password: &str) -> Step {
    let visitor = Visitor::new(browser, Peer::new(IpAddr::from(address)));
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", password);
    world.journeys.answer(&handle, &visitor, answer).await.unwrap()
}

async fn write(world: &World, write: Write) {
    assert_eq!(world.ports.store().commit(Batch::new().write(write)).await.unwrap(), Commit::Applied);
}

async fn change_password(world: &World, account: &Account) {
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    let password = credentials.into_iter().find(|known| known.value.factor == "password").unwrap();
    write(world, Write::PutCredential(password.value)).await;
}

#[tokio::test]
async fn strangers_who_use_up_an_accounts_attempts_do_not_lock_out_a_known_browser() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let known = world.browser();
    done(sign_in_from(&world, &known, [203, 0, 113, 1], PASSWORD).await);

    // A botnet: a browser and an address of their own for each guess.
    let mut limited = 0;
    for n in 0..120 {
        let step = sign_in_from(&world, &world.browser(), [198, 51, 100, n], "a guess that is wrong").await;
        match refusal(step) {
            "credentials" => assert_eq!(limited, 0, "guess {n} was tried after the limit"),
            _ => limited += 1,
        }
    }
    assert_eq!(limited, 20, "100 failures in a row");

    let unknown = sign_in_from(&world, &world.browser(), [203, 0, 113, 2], PASSWORD).await;
    assert_ne!(refusal(unknown), "credentials", "a stranger with the right password has to wait too");
    // Wherever the known browser is now.
    done(sign_in_from(&world, &known, [192, 0, 2, 200], PASSWORD).await);

    // It is counted all the same, so a stolen cookie gives ten guesses and no more.
    for _ in 0..10 {
        let step = sign_in_from(&world, &known, [192, 0, 2, 200], "a guess that is wrong").await;
        assert_eq!(refusal(step), "credentials");
    }
    let step = sign_in_from(&world, &known, [192, 0, 2, 201], PASSWORD).await;
    assert_ne!(refusal(step), "credentials");
}

#[tokio::test]
async fn a_new_epoch_ends_every_session_at_once() {
    let world = World::new().await;
    let first = world.registered("ada@example.com").await;
    let second = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    let mut account = first.account.clone();
    account.session_epoch += 1;
    write(&world, Write::PutAccount(account)).await;
    for session in [&first, &second] {
        assert!(world.authenticated(session).await.is_none());
    }
    let after = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    assert!(world.authenticated(&after).await.is_some());
}

#[tokio::test]
async fn a_password_that_changes_before_the_second_factor_is_asked_for_again() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let account = world.registered("ada@example.com").await.account;
    enrol_pin(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, _) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", PASSWORD);
    journeys.answer(&handle, &visitor, answer.clone()).await.unwrap();

    change_password(&world, &account).await;
    let step = journeys.answer(&handle, &visitor, pin("4711")).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Credentials { .. })), "{step:?}");
    // Nothing of the PIN was used up by that.
    journeys.answer(&handle, &visitor, answer).await.unwrap();
    done(journeys.answer(&handle, &visitor, pin("4711")).await.unwrap());
}

#[tokio::test]
async fn a_step_up_asks_for_the_missing_factor_alone_and_lifts_the_session() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let signed_in = world.registered("ada@example.com").await;
    enrol_pin(&world, &signed_in.account).await;
    world.clock.advance(Duration::MINUTE);
    let current = world.authenticated(&signed_in).await.unwrap();
    let browser = world.browser();
    let visitor = visitor(&browser).with_session(Some(&current));
    let (handle, challenge) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    assert!(matches!(challenge, Challenge::Factor { .. }), "{challenge:?}");
    let lifted = done(journeys.answer(&handle, &visitor, pin("4711")).await.unwrap());
    assert_eq!(lifted.session.id, signed_in.session.id);
    assert_eq!(lifted.session.context.proofs.len(), 2);
    assert!(world.authenticated(&signed_in).await.is_none(), "the secret of before is worth nothing");
}

#[tokio::test]
async fn a_session_that_ends_during_its_step_up_is_not_brought_back() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let signed_in = world.registered("ada@example.com").await;
    enrol_pin(&world, &signed_in.account).await;
    let current = world.authenticated(&signed_in).await.unwrap();
    let browser = world.browser();
    let at_first = visitor(&browser).with_session(Some(&current));
    let (handle, _) = journeys.begin_sign_in(&at_first, wants_aal2()).await.unwrap();
    world.sessions.end(signed_in.session.id, ciam_core::session::SessionEnd::SignedOut).await.unwrap();

    // A host that looks again sees no session; one that does not brings the session of before.
    for visitor in [visitor(&browser), at_first] {
        let step = journeys.answer(&handle, &visitor, pin("4711")).await;
        assert!(!matches!(step, Ok(Step::Done(_))), "{step:?}");
        assert!(world.sessions.live(signed_in.session.id).await.unwrap().is_none());
    }
}
