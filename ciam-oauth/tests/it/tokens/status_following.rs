//! What is looked at, and what is stored, when something happens to what stands behind tokens:
//! draft-ietf-oauth-status-list-21, section 7.

use ciam_core::account::AccountStatus;
use ciam_core::event::{Event, EventType};
use ciam_core::store::{Batch, IndexDeclaration, PageRequest, RecordKind, Version, Write};
use ciam_oauth::event;
use ciam_oauth::status_list::{StatusBits, StatusList, TokenStatus};
use time::Duration;

use super::status_lists::{LISTED, happened, list_claims, place, relay, status, world};
use super::{API, load_grant, person, revoke, token};
use crate::support::World;

/// The versions of what is stored of tokens with this in an index, at most 1000.
async fn stored(world: &World, index: &'static str, value: &str) -> Vec<Version> {
    const BY: &[IndexDeclaration] = &[IndexDeclaration::many("client"), IndexDeclaration::many("changed")];
    let kind = RecordKind::new(LISTED.name(), BY);
    let mut request = PageRequest::first(100);
    let mut all = Vec::new();
    loop {
        let page = world.ports.store().records_by(kind, index, value, request).await.unwrap();
        all.extend(page.items.into_iter().map(|found| found.version));
        match page.next {
            Some(next) => request = PageRequest::after(next, 100),
            None => return all,
        }
    }
}

/// What happens often and ends nothing makes no work, nor what is about nobody who has tokens.
#[tokio::test]
async fn what_is_looked_at() {
    let world = world().await;
    let sink = world.server.status_list_sink();
    for (what, subject, wanted) in [
        (EventType::ACCOUNT_SUSPENDED, "account:x", true),
        (EventType::SESSION_ENDED, "account:x", true),
        (EventType::MEMBERSHIP_ENDED, "organization:x", true),
        (event::GRANT_REVOKED, "account:x", true),
        (event::CLIENT_DELETED, "client:x", true),
        (EventType::SIGNED_IN, "account:x", false),
        (EventType::SESSION_RENEWED, "account:x", false),
        (event::AUTHORIZATION_GRANTED, "account:x", false),
        (event::GRANT_CREATED, "account:x", false),
        (event::TOKEN_EXCHANGED, "account:x", false),
        (event::ACCESS_TOKEN_REVOKED, "client:x", false),
        (EventType::ACCOUNT_SUSPENDED, "key:x", false),
        (EventType::ACCOUNT_SUSPENDED, "account", false),
    ] {
        let event = Event::new(&world.ports, what.clone(), subject).unwrap();
        assert_eq!(sink.wants(&event), wanted, "{what:?} {subject}");
    }
}

/// More tokens than are looked at, stored or read at a time: each of them is revoked.
#[tokio::test]
async fn every_token_of_what_ends_is_revoked() {
    let world = world().await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let other = token(&world, "shop2", &form).await.tokens().access;
    let mut all = Vec::new();
    for _ in 0..501 {
        all.push(token(&world, "shop", &form).await.tokens().access);
    }
    world.server.clients().delete(&"shop".parse().unwrap()).await.unwrap();
    relay(&world).await;
    world.clock.advance(Duration::seconds(6));
    let said = list_claims(&world, &place(&other).0).await;
    let text = said["status_list"]["lst"].as_str().unwrap();
    let list = StatusList::decompress(StatusBits::Two, text, 1 << 20).unwrap();
    let valid = all.iter().filter(|access| list.get(place(access).1) != Some(TokenStatus::Invalid)).count();
    assert_eq!(valid, 0);
    assert_eq!(list.get(place(&other).1), Some(TokenStatus::Valid));
}

/// What does not change is not stored again, what is valid is not read for a list, and what has expired is not kept.
#[tokio::test]
async fn what_is_stored_of_tokens() {
    let world = world().await;
    let mut ada = person(&world).await;
    let one = ada.tokens_at(&world, "shop", API).await.access;
    let two = ada.tokens_at(&world, "shop", API).await.access;
    let list = place(&one).0.rsplit('/').next().unwrap().to_owned();
    let before = stored(&world, "client", "shop").await;
    happened(&world, &ada, EventType::SESSION_ENDED).await;
    relay(&world).await;
    assert_eq!((before.len(), stored(&world, "client", "shop").await), (2, before.clone()));
    assert!(stored(&world, "changed", &list).await.is_empty());
    assert_eq!(revoke(&world, "shop", &one).await.status, 200);
    assert_eq!(stored(&world, "changed", &list).await.len(), 1);
    assert_eq!(status(&world, &two).await, TokenStatus::Valid);
    world.clock.advance(Duration::days(1));
    assert!(stored(&world, "client", "shop").await.is_empty());
}

/// A token is of the client that its grant is of.
#[tokio::test]
async fn a_grant_of_another_client_is_none_of_the_tokens() {
    let world = world().await;
    let mut ada = person(&world).await;
    let tokens = ada.tokens_at(&world, "shop", API).await;
    let (access, mut grant) = (&tokens.access, load_grant(&world, tokens.grant()).await.unwrap().value);
    grant.client = "shop2".parse().unwrap();
    let moved = Batch::new().put(&grant).unwrap();
    assert!(world.ports.store().commit(moved).await.unwrap().is_applied());
    happened(&world, &ada, EventType::SESSION_ENDED).await;
    relay(&world).await;
    assert_eq!(status(&world, access).await, TokenStatus::Invalid);
}

/// An account that is locked is let in again, like one that is suspended.
#[tokio::test]
async fn a_locked_accounts_tokens_are_suspended() {
    let world = world().await;
    let mut ada = person(&world).await;
    let access = ada.tokens_at(&world, "shop", API).await.access;
    let mut account = ada.account.value.clone();
    account.status = AccountStatus::Locked;
    let locked = Batch::new().write(Write::PutAccount(account));
    assert!(world.ports.store().commit(locked).await.unwrap().is_applied());
    happened(&world, &ada, EventType::ACCOUNT_SUSPENDED).await;
    relay(&world).await;
    assert_eq!(status(&world, &access).await, TokenStatus::Suspended);
}
