//! The lifecycle of accounts: one commit and one event for each transition, and no session that survives a stop.

use ciam_core::account::{
    Account, AccountStatus, ErasureDue, LifecycleError, ReasonCode, Transition, TransitionError,
};
use ciam_core::actor::Actor;
use ciam_core::id::AccountId;
use ciam_core::journey::{Answer, Challenge, Requirements, Step};
use ciam_core::store::{Batch, EntityRef, PageRequest, StoredRecord as _, Write};
use futures_util::future::join;
use time::Duration;

use crate::world::{PASSWORD, World, done, refusal, visitor};

fn admin() -> Actor {
    Actor::Account(AccountId::from_uuid(uuid::Uuid::from_u128(99)))
}

fn reason(code: &str) -> ReasonCode {
    ReasonCode::new(code).unwrap()
}

async fn stored(world: &World, id: AccountId) -> Account {
    world.ports.store().account(id).await.unwrap().unwrap().value
}

#[tokio::test]
async fn every_transition_is_an_event_with_actor_and_reason() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    world.events().await;
    let accounts = &world.accounts;
    let until = world.ports.now() + Duration::HOUR;
    accounts.suspend(id, &admin(), &reason("abuse"), Some(until)).await.unwrap();
    accounts.reactivate(id, &admin(), &reason("appeal")).await.unwrap();
    accounts.lock(id, &Actor::system("protection"), &reason("guessing")).await.unwrap();
    accounts.reactivate(id, &admin(), &reason("identified")).await.unwrap();
    accounts.deactivate(id, &Actor::Account(id), &ReasonCode::owner()).await.unwrap();
    accounts.restore(id, &Actor::Account(id), &ReasonCode::owner()).await.unwrap();

    let seen: Vec<_> = world
        .events()
        .await
        .into_iter()
        .filter(|event| event.event_type.as_str().starts_with("ciam.account."))
        .map(|event| {
            assert_eq!(event.subject, format!("account:{id}"));
            let text = |name: &str| event.data[name].as_str().unwrap().to_owned();
            (event.event_type.as_str().to_owned(), text("by"), text("reason"))
        })
        .collect();
    let (admin, owner) = (admin().to_string(), format!("account:{id}"));
    let expected = [
        ("ciam.account.suspended.v1", admin.as_str(), "abuse"),
        ("ciam.account.reactivated.v1", &admin, "appeal"),
        ("ciam.account.locked.v1", "system:protection", "guessing"),
        ("ciam.account.reactivated.v1", &admin, "identified"),
        ("ciam.account.deactivated.v1", &owner, "owner"),
        ("ciam.account.restored.v1", &owner, "owner"),
    ];
    assert_eq!(seen, expected.map(|(name, by, why)| (name.to_owned(), by.to_owned(), why.to_owned())));
}

#[tokio::test]
async fn an_account_that_stops_has_no_session_left_and_gets_none_back() {
    for step in ["suspend", "lock", "deactivate"] {
        let world = World::new().await;
        let signed_in = world.registered("ada@example.com").await;
        let id = signed_in.account.id;
        let why = reason("test");
        match step {
            "suspend" => world.accounts.suspend(id, &admin(), &why, None).await.unwrap(),
            "lock" => world.accounts.lock(id, &admin(), &why).await.unwrap(),
            _ => world.accounts.deactivate(id, &admin(), &why).await.unwrap(),
        };
        assert!(world.authenticated(&signed_in).await.is_none(), "{step}");
        let refused = world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await;
        assert_eq!(refusal(refused), "credentials", "{step}");
        match step {
            "deactivate" => world.accounts.restore(id, &admin(), &why).await.unwrap(),
            _ => world.accounts.reactivate(id, &admin(), &why).await.unwrap(),
        };
        assert!(world.authenticated(&signed_in).await.is_none(), "{step}: a session of before came back");
        done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    }
}

#[tokio::test]
async fn illegal_transitions_and_unknown_accounts_are_typed() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    let refused = world.accounts.reactivate(id, &admin(), &reason("x")).await;
    assert!(matches!(refused, Err(LifecycleError::Refused(TransitionError::Illegal(_)))), "{refused:?}");
    let nobody = AccountId::from_uuid(uuid::Uuid::from_u128(5));
    let missing = world.accounts.lock(nobody, &admin(), &reason("x")).await;
    assert!(matches!(missing, Err(LifecycleError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn a_suspension_runs_out_with_and_without_the_background_step() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    let until = world.ports.now() + Duration::HOUR;
    world.accounts.suspend(id, &admin(), &reason("cool_down"), Some(until)).await.unwrap();
    assert_eq!(world.accounts.settle_due(10).await.unwrap(), 0);
    world.clock.advance(Duration::minutes(59));
    assert_eq!(refusal(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await), "credentials");
    world.clock.advance(Duration::MINUTE);
    // By the rule, though nobody has written it down yet.
    let signed_in = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    assert!(world.authenticated(&signed_in).await.is_some());
    world.events().await;

    world.probe.interleave();
    let (one, two) = join(world.accounts.settle_due(10), world.accounts.settle_due(10)).await;
    assert!(one.unwrap() + two.unwrap() >= 1);
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
    let seen: Vec<_> = world.events().await.into_iter().map(|it| it.data["reason"].clone()).collect();
    assert_eq!(seen, ["time_over"], "once");
    assert!(world.authenticated(&signed_in).await.is_some(), "writing it down ends nothing");
    assert_eq!(world.accounts.settle_due(10).await.unwrap(), 0);
}

#[tokio::test]
async fn a_suspension_that_was_lifted_early_leaves_nothing_due() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    let until = world.ports.now() + Duration::HOUR;
    world.accounts.suspend(id, &admin(), &reason("x"), Some(until)).await.unwrap();
    world.accounts.reactivate(id, &admin(), &reason("y")).await.unwrap();
    world.accounts.suspend(id, &admin(), &reason("z"), None).await.unwrap();
    world.clock.advance(Duration::DAY);
    assert_eq!(world.accounts.settle_due(10).await.unwrap(), 0);
    assert_eq!(stored(&world, id).await.status, AccountStatus::Suspended);
}

#[tokio::test]
async fn a_closed_account_is_due_for_erasure_after_its_grace_period_and_not_before() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    let due = || world.accounts.due_for_erasure(PageRequest::first(10));
    world.accounts.deactivate(id, &Actor::Account(id), &ReasonCode::owner()).await.unwrap();
    world.clock.advance(Duration::days(30) - Duration::SECOND);
    assert!(stored(&world, id).await.may_return(world.ports.now()));
    assert!(due().await.unwrap().items.is_empty());
    world.clock.advance(Duration::SECOND);
    assert!(!stored(&world, id).await.may_return(world.ports.now()));
    assert_eq!(due().await.unwrap().items, [id]);
    let late = world.accounts.restore(id, &Actor::Account(id), &ReasonCode::owner()).await;
    assert!(matches!(late, Err(LifecycleError::Refused(TransitionError::NotTheirs))), "{late:?}");
    world.accounts.restore(id, &admin(), &reason("mistake")).await.unwrap();
    assert!(due().await.unwrap().items.is_empty());
}

/// What privacy does, in the smallest: it decides on a version and commits on it.
#[tokio::test]
async fn an_erasure_never_wins_against_a_restoration() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    world.accounts.deactivate(id, &admin(), &reason("x")).await.unwrap();
    world.clock.advance(Duration::days(31));
    let seen = world.ports.store().account(id).await.unwrap().unwrap();
    assert!(seen.value.is_due_for_erasure(world.ports.now()));
    world.accounts.restore(id, &admin(), &reason("mistake")).await.unwrap();

    let mut erased = seen.value.clone();
    erased.status = erased.status.transition(AccountStatus::Erased).unwrap();
    let due = ErasureDue::new(id, seen.value.erase_after.unwrap());
    let batch = Batch::new()
        .require_version(EntityRef::Account(id), seen.version)
        .write(Write::PutAccount(erased))
        .write(Write::DeleteRecord(ErasureDue::KIND, due.key()));
    assert!(!world.ports.store().commit(batch).await.unwrap().is_applied());
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
}

#[tokio::test]
async fn of_transitions_that_meet_each_is_decided_on_what_the_other_left() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    let (by, why) = (admin(), reason("x"));
    world.probe.interleave();
    let (suspended, locked) =
        join(world.accounts.suspend(id, &by, &why, None), world.accounts.lock(id, &by, &why)).await;
    assert_eq!(usize::from(suspended.is_ok()) + usize::from(locked.is_ok()), 1);

    // The same on one version: what was prepared on the account of before is refused.
    let account = world.ports.store().account(id).await.unwrap().unwrap();
    let prepared = Transition::Reactivate.prepare(&world.ports, &account, &by, &why).unwrap();
    let closing = Transition::Deactivate { erase_after: world.ports.now() + Duration::DAY };
    let closing = closing.prepare(&world.ports, &account, &by, &why).unwrap();
    assert!(world.ports.store().commit(closing.batch).await.unwrap().is_applied());
    assert!(!world.ports.store().commit(prepared.batch).await.unwrap().is_applied());
}

/// The owner of a closed account signs in, is asked whether to take it back, and has a session only then.
#[tokio::test]
async fn an_owner_who_signs_in_within_the_grace_period_takes_their_account_back() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    world.accounts.deactivate(id, &Actor::Account(id), &ReasonCode::owner()).await.unwrap();
    world.clock.advance(Duration::days(29));
    let browser = world.browser();
    // A wrong password learns nothing.
    let wrong = world.sign_in(&browser, "ada@example.com", "not the password at all").await;
    assert_eq!(refusal(wrong), "credentials");
    let visitor = visitor(&browser);
    let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", PASSWORD);
    let step = world.journeys.answer(&handle, &visitor, answer).await.unwrap();
    let Step::Challenge(Challenge::TakeBack { erase_after }) = step else { panic!("{step:?}") };
    assert_eq!(erase_after, world.ports.now() + Duration::DAY);
    assert_eq!(stored(&world, id).await.status, AccountStatus::Deactivated, "nothing before they say so");
    world.events().await;
    let signed_in = done(world.journeys.answer(&handle, &visitor, Answer::TakeBack).await.unwrap());
    assert!(world.authenticated(&signed_in).await.is_some());
    assert_eq!(stored(&world, id).await.status, AccountStatus::Active);
    let names: Vec<_> = world.events().await.into_iter().map(|it| it.event_type).collect();
    assert_eq!(names[0].as_str(), "ciam.account.restored.v1");
    assert!(world.accounts.due_for_erasure(PageRequest::first(9)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn nobody_takes_back_what_is_due_for_erasure_or_what_an_administrator_has_closed() {
    let world = World::new().await;
    let id = world.registered("ada@example.com").await.account.id;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let begun = async || {
        let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
        let answer = Answer::credentials("ada@example.com", PASSWORD);
        let step = world.journeys.answer(&handle, &visitor, answer).await.unwrap();
        (handle, step)
    };
    world.accounts.deactivate(id, &admin(), &reason("fraud")).await.unwrap();
    assert_eq!(refusal(begun().await.1), "credentials");
    world.accounts.restore(id, &admin(), &reason("mistake")).await.unwrap();
    world.accounts.deactivate(id, &Actor::Account(id), &ReasonCode::owner()).await.unwrap();
    world.clock.advance(Duration::days(30) - Duration::MINUTE);
    let (handle, step) = begun().await;
    assert!(matches!(step, Step::Challenge(Challenge::TakeBack { .. })), "{step:?}");
    // Too late by a minute: the page was open for too long.
    world.clock.advance(Duration::MINUTE);
    let late = world.journeys.answer(&handle, &visitor, Answer::TakeBack).await;
    assert!(!matches!(late, Ok(Step::Done(_))), "{late:?}");
    assert_eq!(stored(&world, id).await.status, AccountStatus::Deactivated);
    assert_eq!(refusal(begun().await.1), "credentials");
}
