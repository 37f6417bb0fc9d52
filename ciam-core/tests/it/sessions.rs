//! Sessions: cookies that cannot be forged, limits that hold, ends that are final.

use ciam_core::http::SESSION_COOKIE;
use ciam_core::session::{SessionEnd, SessionManager};
use ciam_core::store::PageRequest;
use futures_util::future::join_all;
use time::Duration;

use crate::world::{PASSWORD, World, cookie_headers, done, headers_of};

#[tokio::test]
async fn a_tampered_cookie_is_no_session_and_costs_no_write() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    let bob = world.registered("bob@example.com").await;
    let text = |headers: &http::HeaderMap| headers[http::header::COOKIE].to_str().unwrap().to_owned();
    let (ada_cookie, bob_cookie) = (text(&headers_of(&ada)), text(&headers_of(&bob)));
    let (ada_id, ada_secret) = ada_cookie.split_once('.').unwrap();
    let (_, bob_secret) = bob_cookie.split_once('.').unwrap();
    let flipped = format!("{}{}", &ada_secret.replace('a', "b").replace('A', "B"), "");
    let tampered = [
        format!("{ada_id}.{bob_secret}"),
        format!("{ada_id}.{flipped}!"),
        format!("{ada_id}."),
        ada_id.to_owned(),
        format!("{ada_cookie}."),
        format!("{ada_cookie} "),
        format!("{SESSION_COOKIE}=.{ada_secret}"),
        format!("{SESSION_COOKIE}="),
        format!("{}.{ada_secret}", ada_id.to_uppercase().replace("__HOST-CIAM-SESSION", SESSION_COOKIE)),
        format!("{ada_cookie}; {bob_cookie}"),
    ];
    world.probe.clear();
    for cookie in tampered {
        let found = world.sessions.authenticate(&cookie_headers(&cookie)).await.unwrap();
        let same_value = cookie.trim() == ada_cookie;
        assert!(found.is_none() || same_value, "{cookie}");
    }
    assert_eq!(world.probe.count("store.commit"), 0);
}

#[tokio::test]
async fn a_session_ends_without_use_and_in_any_case() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    world.clock.advance(Duration::hours(12));
    assert!(world.authenticated(&ada).await.is_none(), "idle");

    let ada = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    for _ in 0..27 {
        world.clock.advance(Duration::hours(11));
        assert!(world.authenticated(&ada).await.is_some() || world.ports.now() >= ada.session.expires_at);
    }
    world.clock.advance(Duration::hours(11) * 4);
    assert!(world.authenticated(&ada).await.is_none(), "absolute");
}

#[tokio::test]
async fn use_is_noted_now_and_then_not_at_every_view() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    world.probe.clear();
    for _ in 0..10 {
        world.authenticated(&ada).await.unwrap();
    }
    assert_eq!(world.probe.count("store.commit"), 0);
    world.clock.advance(Duration::minutes(5));
    world.authenticated(&ada).await.unwrap();
    world.authenticated(&ada).await.unwrap();
    assert_eq!(world.probe.count("store.commit"), 1);
}

#[tokio::test]
async fn an_ended_session_stays_ended_even_against_a_concurrent_touch() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    world.clock.advance(Duration::minutes(5));
    let headers = headers_of(&ada);
    let touches = join_all((0..5).map(|_| world.sessions.authenticate(&headers)));
    let (_, ended) = tokio::join!(touches, world.sessions.end(ada.session.id, SessionEnd::SignedOut));
    ended.unwrap();
    assert!(world.authenticated(&ada).await.is_none());
    world.sessions.end(ada.session.id, SessionEnd::SignedOut).await.unwrap();
}

#[tokio::test]
async fn a_person_ends_all_other_sessions() {
    let world = World::new().await;
    let first = world.registered("ada@example.com").await;
    let second = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    let bob = world.registered("bob@example.com").await;
    let account = first.account.id;
    let list = world.sessions.list(account, PageRequest::first(10)).await.unwrap();
    assert_eq!(list.items.len(), 2);
    let ended =
        world.sessions.end_others(account, Some(second.session.id), SessionEnd::Revoked).await.unwrap();
    assert_eq!(ended, 1);
    assert!(world.authenticated(&first).await.is_none());
    assert!(world.authenticated(&second).await.is_some());
    assert!(world.authenticated(&bob).await.is_some());
}

#[tokio::test]
async fn sessions_of_one_tenant_are_nothing_in_another() {
    let (here, there) = (World::new().await, World::new().await);
    let ada = here.registered("ada@example.com").await;
    let elsewhere = SessionManager::new(there.ports.clone());
    assert!(elsewhere.authenticate(&headers_of(&ada)).await.unwrap().is_none());
}
