//! Sign-up by invitation: it proves the address that it was sent to, once, and no other.

use ciam_core::account::{AccountStatus, IdentifierKey, Profile};
use ciam_core::actor::Actor;
use ciam_core::journey::{
    Acceptance, AccountInvitations, Answer, InviteError, JourneyHandle, Requirements, Step,
};
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, PageRequest, Write};
use futures_util::future::join_all;
use time::Duration;

use crate::world::{PASSWORD, World, done, refusal, visitor};

fn key(text: &str) -> IdentifierKey {
    IdentifierKey::email(text).unwrap()
}

async fn invite(world: &World, email: &str) -> (ciam_core::account::Account, Secret) {
    let mut profile = Profile::new();
    profile.set("nickname", "the countess").unwrap();
    let invitations = AccountInvitations::new(world.ports.clone());
    let account = invitations.invite(&key(email), profile, vec![], &Actor::system("test")).await.unwrap();
    world.clock.advance(Duration::SECOND);
    let mail = world.mail_to(email).await.unwrap();
    assert_eq!(mail.code, MessageCode::AccountInvitation);
    (account, Secret::from(mail.parameters["token"].as_str()))
}

async fn begun(world: &World, browser: &ciam_core::http::BrowserId) -> JourneyHandle {
    world.journeys.begin_invitation(&visitor(browser), Requirements::default()).await.unwrap().0
}

async fn accept(world: &World, acceptance: Acceptance) -> Step {
    let browser = world.browser();
    let handle = begun(world, &browser).await;
    let answer = Answer::AcceptInvitation(acceptance);
    world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap()
}

#[tokio::test]
async fn an_invited_person_chooses_a_password_and_is_there() {
    let world = World::new().await;
    let (account, token) = invite(&world, "ada@example.com").await;
    assert_eq!(account.status, AccountStatus::Pending);
    assert_eq!(refusal(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await), "credentials");
    let shown = world.journeys.invitation(&token).await.unwrap().unwrap();
    assert_eq!((shown.email.as_str(), shown.organization), ("ada@example.com", None));
    let short = accept(&world, Acceptance::new(token.clone()).with_password("short")).await;
    assert_eq!(refusal(short), "too_short");
    let acceptance = Acceptance::new(token.clone()).with_password(PASSWORD).with_name("Ada");
    let signed_in = done(accept(&world, acceptance.clone()).await);
    assert_eq!((signed_in.account.id, signed_in.account.status), (account.id, AccountStatus::Active));
    assert_eq!(signed_in.account.profile.text("nickname"), Some("the countess"));
    assert_eq!(signed_in.account.profile.text("name"), Some("Ada"));
    assert!(signed_in.account.identifier_with(&key("ada@example.com")).unwrap().is_verified());
    done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    assert_eq!(refusal(accept(&world, acceptance).await), "invitation", "once");
    assert!(world.journeys.invitation(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn of_many_acceptances_at_once_one_wins() {
    let world = World::new().await;
    let (account, token) = invite(&world, "ada@example.com").await;
    let browsers: Vec<_> = (0..8).map(|_| world.browser()).collect();
    let all = join_all(browsers.iter().map(async |browser| {
        let handle = begun(&world, browser).await;
        let answer = Answer::AcceptInvitation(Acceptance::new(token.clone()));
        world.journeys.answer(&handle, &visitor(browser), answer).await
    }))
    .await;
    assert_eq!(all.iter().filter(|it| matches!(it, Ok(Step::Done(_)))).count(), 1, "{all:?}");
    let sessions = world.sessions.list(account.id, PageRequest::first(10)).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
}

#[tokio::test]
async fn an_invitation_that_is_late_replaced_or_invented_is_none() {
    let world = World::new().await;
    let (_, first) = invite(&world, "ada@example.com").await;
    let (_, second) = invite(&world, "ada@example.com").await;
    for token in [first, Secret::from("invented"), Secret::from("")] {
        assert!(world.journeys.invitation(&token).await.unwrap().is_none());
        assert_eq!(refusal(accept(&world, Acceptance::new(token)).await), "invitation");
    }
    world.clock.advance(Duration::days(7));
    assert_eq!(refusal(accept(&world, Acceptance::new(second)).await), "invitation");
}

#[tokio::test]
async fn it_proves_no_other_address_than_the_one_it_was_sent_to() {
    let world = World::new().await;
    let (account, token) = invite(&world, "ada@example.com").await;
    let mut moved = account.clone();
    moved.identifiers = vec![ciam_core::account::Identifier::unverified(key("other@example.com"))];
    let _applied = world.ports.store().commit(Batch::new().write(Write::PutAccount(moved))).await.unwrap();
    assert_eq!(refusal(accept(&world, Acceptance::new(token)).await), "invitation");
}

#[tokio::test]
async fn who_has_an_account_is_not_invited_and_who_registers_first_needs_no_invitation() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let invitations = AccountInvitations::new(world.ports.clone());
    let by = Actor::system("test");
    let taken = invitations.invite(&key("ada@example.com"), Profile::new(), vec![], &by).await;
    assert!(matches!(taken, Err(InviteError::Taken)), "{taken:?}");
    let (account, token) = invite(&world, "bob@example.com").await;
    let bob = world.registered("bob@example.com").await;
    assert_eq!(bob.account.id, account.id, "the pending account is theirs");
    assert_eq!(refusal(accept(&world, Acceptance::new(token)).await), "invitation");
}
