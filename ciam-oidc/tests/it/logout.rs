//! RP-initiated logout.

use bytes::Bytes;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::interaction::{InteractionError, InteractionHandle};
use ciam_oauth::authorize::Visitor;
use ciam_oidc::rp::{SignInOptions, SignedIn};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Request, Response, StatusCode};
use time::Duration;

use crate::world::{AFTER_SIGN_OUT, Browser, ISSUER, World, account};

async fn signed_in(world: &World, browser: &mut Browser) -> SignedIn {
    world.sign_in(browser, &SignInOptions::new()).await.unwrap()
}

fn location(response: &Response<Bytes>) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap()
}

#[tokio::test]
async fn with_the_sessions_id_token_it_ends_at_once_and_comes_back() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = signed_in(&world, &mut browser).await.tokens;
    world.clock.advance(Duration::hours(1));
    let url =
        world.party.sign_out_url(Some(&tokens.id_token), Some(AFTER_SIGN_OUT), Some("a b&c")).await.unwrap();
    let response = world.get(&mut browser, &url.unwrap()).await;
    assert_eq!(location(&response), format!("{AFTER_SIGN_OUT}?state=a+b%26c"));
    assert!(!browser.has_session());
    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    assert!(visitor.signed_in.is_none());
}

#[tokio::test]
async fn without_it_the_person_is_asked_and_the_answer_is_good_once() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    signed_in(&world, &mut browser).await;
    let url = world.party.sign_out_url(None, Some(AFTER_SIGN_OUT), None).await.unwrap().unwrap();
    let response = world.get(&mut browser, &url).await;
    let handle = location(&response).strip_prefix(&format!("{ISSUER}/sign-out/")).unwrap().to_owned();
    let handle = InteractionHandle::from_text(&handle);
    assert!(browser.has_session(), "nothing ends before the person said yes");
    let own = BrowserId::from_headers(&browser.headers());
    let asked = world.provider.pending_sign_out(&world.server, &handle, own.as_ref()).await.unwrap();
    assert_eq!(asked.location, AFTER_SIGN_OUT);

    let mut other = Browser::new(&world);
    signed_in(&world, &mut other).await;
    let elsewhere = Visitor::from_headers(&world.server, &other.headers()).await.unwrap();
    let refused = world.provider.confirm_sign_out(&world.server, &handle, &elsewhere).await;
    assert!(matches!(refused, Err(InteractionError::OtherBrowser)), "{refused:?}");

    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    let next = world.provider.confirm_sign_out(&world.server, &handle, &visitor).await.unwrap();
    assert_eq!(next, AFTER_SIGN_OUT);
    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    assert!(visitor.signed_in.is_none());
    let again = world.provider.confirm_sign_out(&world.server, &handle, &visitor).await;
    assert!(matches!(again, Err(InteractionError::NotFound)), "{again:?}");
}

#[tokio::test]
async fn a_place_that_was_not_registered_is_not_gone_to() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = signed_in(&world, &mut browser).await.tokens;
    let hint = tokens.id_token.expose();
    for place in [
        "https://evil.example/",
        "https://app.example/bye/",
        "https://app.example/bye?x=1",
        "https://app.example/BYE",
        "//evil.example",
        "javascript:alert(1)",
        "https://app.example/callback",
        "",
    ] {
        let mut browser = Browser::new(&world);
        let account = world.account.clone();
        world.sign_in_at_provider(&mut browser, &account).await;
        let place: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
        let url = format!("{ISSUER}/logout?id_token_hint={hint}&post_logout_redirect_uri={place}");
        let response = world.get(&mut browser, &url).await;
        assert_eq!(location(&response), format!("{ISSUER}/signed-out"), "{place}");
    }
    // Without a client nobody's registration counts.
    let mut nobody = Browser::new(&world);
    let response =
        world.get(&mut nobody, &format!("{ISSUER}/logout?post_logout_redirect_uri={AFTER_SIGN_OUT}")).await;
    assert_eq!(location(&response), format!("{ISSUER}/signed-out"));
}

#[tokio::test]
async fn another_persons_id_token_signs_nobody_out() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = signed_in(&world, &mut browser).await.tokens;
    let bob = account(&world.ports, "bob@example.com").await;
    let mut bobs = Browser::new(&world);
    world.sign_in_at_provider(&mut bobs, &bob).await;
    let url = format!("{ISSUER}/logout?id_token_hint={}", tokens.id_token.expose());
    let response = world.get(&mut bobs, &url).await;
    assert!(location(&response).starts_with(&format!("{ISSUER}/sign-out/")));
    assert!(bobs.has_session());
}

#[tokio::test]
async fn malformed_requests_are_refused_without_a_redirect() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = signed_in(&world, &mut browser).await.tokens;
    let hint = tokens.id_token.expose();
    for query in
        ["state=1&state=2", &format!("id_token_hint={hint}&client_id=other"), "a=%ff", "client_id=%20"]
    {
        let response = world.get(&mut browser, &format!("{ISSUER}/logout?{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert!(response.headers().get(LOCATION).is_none());
    }
    assert!(browser.has_session());
}

/// A form that another site posts has no cookies: it becomes a navigation, which has them.
#[tokio::test]
async fn a_post_without_cookies_becomes_a_navigation() {
    let world = World::new().await;
    let request = Request::post("/logout")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"client_id=web&state=x"))
        .unwrap();
    let response = world.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
    assert_eq!(location(&response), format!("{ISSUER}/logout?client_id=web&state=x"));
}

#[tokio::test]
async fn a_browser_that_lost_its_binding_gets_a_new_one() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    signed_in(&world, &mut browser).await;
    browser.forget_binding();
    let response = world.get(&mut browser, &format!("{ISSUER}/logout")).await;
    let handle = location(&response).strip_prefix(&format!("{ISSUER}/sign-out/")).unwrap().to_owned();
    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    let handle = InteractionHandle::from_text(&handle);
    assert!(world.provider.confirm_sign_out(&world.server, &handle, &visitor).await.is_ok());
}
