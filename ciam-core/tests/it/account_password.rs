//! The owner and their password: proof before the change, an end of all other sessions with it, never the last way in.

use std::sync::Arc;

use ciam_core::account::{AccountPolicy, AccountStatus, IdentifierKind, Owner, OwnerError};
use ciam_core::journey::SignedIn;
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use ciam_core::session::{Authenticated, StartedSession};
use ciam_core::store::{Batch, Write};
use futures_util::future::{join, join_all};
use time::Duration;

use crate::pin::{Pin, enrol_pin};
use crate::world::{PASSWORD, World, cookie_headers, done, refusal};

const NEW: &str = "an entirely different sentence";

async fn current(world: &World, signed_in: &SignedIn) -> Authenticated {
    world.authenticated(signed_in).await.unwrap()
}

async fn live(world: &World, started: &StartedSession) -> bool {
    let cookie = started.cookie.set_cookie(None).unwrap();
    let headers = cookie_headers(cookie.to_str().unwrap().split(';').next().unwrap());
    world.sessions.authenticate(&headers).await.unwrap().is_some()
}

fn passwordless() -> AccountPolicy {
    let mut policy = AccountPolicy::default();
    policy.passwordless.insert(IdentifierKind::Email);
    policy
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_renews_this_one() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    let there = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    let current = current(&world, &here).await;
    world.events().await;
    let owner = Owner::new(&current);
    let started = world.accounts.set_password(&owner, &NEW.into()).await.unwrap();

    assert!(world.authenticated(&there).await.is_none(), "the other session lives on");
    assert!(world.authenticated(&here).await.is_none(), "the secret of before still works");
    assert!(live(&world, &started).await);
    assert_eq!(started.session.id, here.session.id);
    // By the epoch, in the same commit: one that begins at the same moment is over too.
    let account = world.ports.store().account(here.account.id).await.unwrap().unwrap().value;
    assert_eq!(account.session_epoch, here.account.session_epoch + 1);
    assert_eq!(refusal(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await), "credentials");
    done(world.sign_in(&world.browser(), "ada@example.com", NEW).await);

    let events = world.events().await;
    let changed = events.iter().find(|it| it.event_type.as_str() == "ciam.credential.changed.v1").unwrap();
    assert_eq!(changed.data["by"], format!("account:{}", here.account.id));
    assert_eq!((&changed.data["factor"], &changed.data["change"]), (&"password".into(), &"replaced".into()));
    let ended = events.iter().filter(|it| it.event_type.as_str() == "ciam.session.ended.v1").count();
    assert_eq!(ended, 1, "the other session's end is told");
    assert_eq!(world.notifier.last_to("ada@example.com").unwrap().code, MessageCode::PasswordChanged);
}

#[tokio::test]
async fn an_old_session_gives_the_current_password_first_and_guesses_are_counted() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    world.clock.advance(Duration::minutes(6));
    let current = current(&world, &here).await;
    let bare = world.accounts.set_password(&Owner::new(&current), &NEW.into()).await;
    assert!(matches!(bare, Err(OwnerError::NeedsProof)), "{bare:?}");

    let wrong: Secret = "not the password at all".into();
    let owner = Owner::new(&current).with_password(&wrong);
    let new = NEW.into();
    let guesses = join_all((0..14).map(|_| world.accounts.set_password(&owner, &new))).await;
    let looked_at = guesses.iter().filter(|it| matches!(it, Err(OwnerError::WrongPassword))).count();
    let limited = guesses.iter().filter(|it| matches!(it, Err(OwnerError::TooMany { .. }))).count();
    assert_eq!((looked_at, limited), (10, 4));
    let right = PASSWORD.into();
    let late = world.accounts.set_password(&Owner::new(&current).with_password(&right), &new).await;
    assert!(matches!(late, Err(OwnerError::TooMany { .. })), "the right one has to wait too");
    world.clock.advance(Duration::minutes(16));
    let current = crate::account_password::current(&world, &here).await;
    world.accounts.set_password(&Owner::new(&current).with_password(&right), &new).await.unwrap();
}

#[tokio::test]
async fn an_account_with_two_factors_is_asked_for_both() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    enrol_pin(&world, &here.account).await;
    let current = current(&world, &here).await;
    let accounts = world.accounts.clone().with_factor(Arc::new(Pin));
    assert!(world.accounts.is_recent(&current).await.unwrap());
    assert!(!accounts.is_recent(&current).await.unwrap(), "the password alone is not its own level");
    let refused = accounts.set_password(&Owner::new(&current), &NEW.into()).await;
    assert!(matches!(refused, Err(OwnerError::NeedsProof)), "{refused:?}");
}

#[tokio::test]
async fn the_policy_judges_a_new_password_like_a_first_one() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    let current = current(&world, &here).await;
    for (text, code) in
        [("short", "too_short"), ("ada@example.com-1", "personal"), (&"y".repeat(257), "too_long")]
    {
        let refused = world.accounts.set_password(&Owner::new(&current), &text.into()).await;
        assert_eq!(refused.unwrap_err().code(), code);
    }
    assert!(world.authenticated(&here).await.is_some(), "nothing has changed");
}

/// Two changes at once: one is done, and what the other relied on is gone.
#[tokio::test]
async fn of_two_changes_at_once_one_wins() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    let current = current(&world, &here).await;
    let right: Secret = PASSWORD.into();
    let owner = Owner::new(&current).with_password(&right);
    let (one, two) = ("the first of two sentences".into(), "the second of two phrases".into());
    world.probe.interleave();
    let (first, second) =
        join(world.accounts.set_password(&owner, &one), world.accounts.set_password(&owner, &two)).await;
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn a_password_is_removed_and_added_where_another_way_in_remains() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    let at_first = current(&world, &here).await;
    let last = world.accounts.remove_password(&Owner::new(&at_first)).await;
    assert!(matches!(last, Err(OwnerError::LastWayIn)), "{last:?}");

    let accounts = world.accounts.clone().with_policy(passwordless());
    accounts.remove_password(&Owner::new(&at_first)).await.unwrap();
    assert_eq!(world.mail_to("ada@example.com").await.unwrap().code, MessageCode::PasswordRemoved);
    assert!(world.ports.store().credentials_of(here.account.id).await.unwrap().is_empty());
    assert_eq!(refusal(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await), "credentials");
    let again = accounts.remove_password(&Owner::new(&at_first)).await;
    assert!(again.is_err(), "there is none, and the session has another secret");
}

#[tokio::test]
async fn a_first_password_is_added_once() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    let at_first = current(&world, &here).await;
    for known in world.ports.store().credentials_of(here.account.id).await.unwrap() {
        let batch = Batch::new().write(Write::DeleteCredential(known.value.id));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    }
    let owner = Owner::new(&at_first);
    let (one, two) = ("the first of two sentences".into(), "the second of two phrases".into());
    world.probe.interleave();
    let (first, second) =
        join(world.accounts.set_password(&owner, &one), world.accounts.set_password(&owner, &two)).await;
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
    assert_eq!(world.ports.store().credentials_of(here.account.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_owner_closes_their_account_with_proof_and_can_come_back() {
    let world = World::new().await;
    let here = world.registered("ada@example.com").await;
    let id = here.account.id;
    world.clock.advance(Duration::minutes(6));
    let current = current(&world, &here).await;
    let bare = world.accounts.close(&Owner::new(&current)).await;
    assert!(matches!(bare, Err(OwnerError::NeedsProof)), "{bare:?}");
    let right = PASSWORD.into();
    let owner = Owner::new(&current).with_password(&right);
    let erase_after = world.accounts.close(&owner).await.unwrap();
    assert_eq!(erase_after, world.ports.now() + Duration::days(30));
    let message = world.mail_to("ada@example.com").await.unwrap();
    assert_eq!(message.code, MessageCode::AccountClosed);
    assert!(message.parameters["date"].starts_with("20"));
    assert!(world.authenticated(&here).await.is_none());
    let account = world.ports.store().account(id).await.unwrap().unwrap().value;
    assert_eq!(account.status, AccountStatus::Deactivated);
    assert!(account.may_return(world.ports.now()));
    let again = world.accounts.close(&owner).await;
    assert!(again.is_err(), "{again:?}");
}
