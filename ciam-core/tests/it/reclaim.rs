//! An address that somebody claims and somebody else proves.

use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey, NewAccount};
use ciam_core::journey::{Answer, Step};
use ciam_core::notify::MessageCode;
use ciam_core::store::PageRequest;
use futures_util::future::join_all;

use crate::world::{PASSWORD, World, done, refusal, visitor};

const PLANTED: &str = "the attacker's own password";

fn key(text: &str) -> IdentifierKey {
    IdentifierKey::email(text).unwrap()
}

/// An account that claims the victim's address, with a password that an attacker knows.
async fn planted(world: &World, also: Option<&str>) -> Account {
    let hash = world.password.accept(&world.ports, &PLANTED.into(), &[]).await.unwrap();
    let mut profile = ciam_core::account::Profile::new();
    profile.set("name", "Mallory").unwrap();
    let mut account = NewAccount::new(Identifier::unverified(key("victim@example.com")))
        .with_identifier(Identifier::unverified(key("mallory@example.com")))
        .with_profile(profile)
        .with_password(hash);
    if let Some(verified) = also {
        account = account.with_identifier(Identifier::verified(key(verified), world.ports.now()));
    }
    account.create(&world.ports).await.unwrap()
}

async fn read(world: &World, account: &Account) -> Account {
    world.ports.store().account(account.id).await.unwrap().unwrap().value
}

#[tokio::test]
async fn the_owner_takes_over_a_pending_account_without_what_was_put_into_it() {
    let world = World::new().await;
    let trap = planted(&world, None).await;
    assert_eq!(trap.status, AccountStatus::Pending);
    let owner = world.registered("victim@example.com").await;
    assert_eq!(owner.account.id, trap.id, "what an administrator gave to the account stays");
    let account = read(&world, &trap).await;
    assert_eq!(account.status, AccountStatus::Active);
    assert_eq!(account.identifiers.len(), 1, "no second address of the attacker's");
    assert_eq!(account.profile.text("name"), Some("Ada"));
    assert!(account.session_epoch > trap.session_epoch);
    let credentials = world.ports.store().credentials_of(trap.id).await.unwrap();
    assert_eq!(credentials.len(), 1);
    let stolen = world.sign_in(&world.browser(), "victim@example.com", PLANTED).await;
    assert_eq!(refusal(stolen), "credentials");
    done(world.sign_in(&world.browser(), "victim@example.com", PASSWORD).await);
}

#[tokio::test]
async fn an_account_in_use_loses_an_address_that_it_never_proved() {
    let world = World::new().await;
    let trap = planted(&world, Some("eve@example.com")).await;
    assert_eq!(trap.status, AccountStatus::Active);
    let owner = world.registered("victim@example.com").await;
    assert_ne!(owner.account.id, trap.id);
    let account = read(&world, &trap).await;
    assert!(account.identifier_with(&key("victim@example.com")).is_none());
    done(world.sign_in(&world.browser(), "eve@example.com", PLANTED).await);
    assert_eq!(refusal(world.sign_in(&world.browser(), "victim@example.com", PLANTED).await), "credentials");
}

/// The owner registers while the attacker does everything that an account which only claims an address can do, in every
/// order of a few steps. Whatever the order, the attacker's password opens nothing afterwards.
#[tokio::test]
async fn whatever_the_order_no_planted_credential_survives_the_owner() {
    for also in [None, Some("eve@example.com")] {
        for before in 0..4 {
            let world = World::new().await;
            let mut steps = 0;
            let (attacker, victim) = (world.browser(), world.browser());
            let mut handle = None;
            let mut trap = None;
            for step in 0..4 {
                if step == before {
                    trap = Some(planted(&world, also).await);
                }
                match step {
                    0 => handle = Some(world.begun_registration(&victim, "victim@example.com").await),
                    1 => drop(world.sign_in(&attacker, "victim@example.com", PLANTED).await),
                    2 => {
                        let code = world.code_for("victim@example.com").await;
                        let handle = handle.as_ref().unwrap();
                        let answer = Answer::code(code);
                        done(world.journeys.answer(handle, &visitor(&victim), answer).await.unwrap());
                        steps += 1;
                    }
                    _ => {}
                }
                if trap.is_some() && step == 2 {
                    break;
                }
                if step == 2 {
                    // Too late to claim it: the address has an owner.
                    break;
                }
            }
            assert_eq!(steps, 1);
            let stolen = world.sign_in(&attacker, "victim@example.com", PLANTED).await;
            assert_eq!(refusal(stolen), "credentials", "planted before step {before}");
            done(world.sign_in(&victim, "victim@example.com", PASSWORD).await);
        }
    }
}

#[tokio::test]
async fn of_two_owners_at_once_one_takes_it_over() {
    let world = World::new().await;
    planted(&world, None).await;
    let browsers = [world.browser(), world.browser()];
    let mut ends = Vec::new();
    for browser in &browsers {
        let handle = world.begun_registration(browser, "victim@example.com").await;
        let mail = world.mail_to("victim@example.com").await.unwrap();
        assert_eq!(mail.code, MessageCode::VerifyRegistration, "a claim is no account");
        ends.push((handle, visitor(browser), mail.parameters["code"].clone()));
    }
    let answers = ends
        .iter()
        .map(|(handle, visitor, code)| world.journeys.answer(handle, visitor, Answer::code(code.clone())));
    let steps = join_all(answers).await;
    let done = steps.iter().filter(|step| matches!(step, Ok(Step::Done(_)))).count();
    assert_eq!(done, 1, "{steps:?}");
    assert_eq!(world.ports.store().accounts(PageRequest::first(10)).await.unwrap().items.len(), 1);
}
