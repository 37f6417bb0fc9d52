//! The UserInfo endpoint, as HTTP.

use bytes::Bytes;
use ciam_core::account::AccountStatus;
use ciam_core::http::Peer;
use ciam_core::session::SessionEnd;
use ciam_core::store::{Batch, Write};
use ciam_oidc::rp::SignInOptions;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use serde_json::Value;

use crate::world::{API, Browser, World};

async fn ask(world: &World, request: Request<Bytes>) -> Response<Bytes> {
    world.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await
}

fn bearer(token: &str) -> Request<Bytes> {
    Request::get("/userinfo").header(AUTHORIZATION, format!("Bearer {token}")).body(Bytes::new()).unwrap()
}

fn form(body: String) -> Request<Bytes> {
    Request::post("/userinfo")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap()
}

async fn token(world: &World) -> String {
    let signed_in = world.sign_in(&mut Browser::new(world), &SignInOptions::new()).await.unwrap();
    signed_in.tokens.access_token.expose().to_owned()
}

#[tokio::test]
async fn core_5_3_1_the_token_comes_in_the_header_or_in_the_body() {
    let world = World::new().await;
    let token = token(&world).await;
    let post = Request::post("/userinfo").header(AUTHORIZATION, format!("bearer {token}")).body(Bytes::new());
    for request in [bearer(&token), post.unwrap(), form(format!("access_token={token}"))] {
        let response = ask(&world, request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let claims: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(claims["email"], "ada@example.com");
        assert_eq!(claims["name"], "Ada Lovelace");
        assert_eq!(claims["email_verified"], true);
    }
}

#[tokio::test]
async fn rfc6750_3_refusals_have_their_codes() {
    let world = World::new().await;
    let token = token(&world).await;
    let twice = Request::post("/userinfo")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(format!("access_token={token}")))
        .unwrap();
    let in_query = Request::get(format!("/userinfo?access_token={token}")).body(Bytes::new()).unwrap();
    let nothing = Request::get("/userinfo").body(Bytes::new()).unwrap();
    let other_scheme =
        Request::get("/userinfo").header(AUTHORIZATION, "Basic abc").body(Bytes::new()).unwrap();
    let table = [
        (nothing, 401, "Bearer"),
        (in_query, 401, "Bearer"),
        (other_scheme, 401, "Bearer"),
        (twice, 400, "Bearer error=\"invalid_request\""),
        (form(format!("access_token={token}&access_token={token}")), 400, "Bearer error=\"invalid_request\""),
        (bearer("unheard-of"), 401, "Bearer error=\"invalid_token\""),
        (bearer(&format!("{token}x")), 401, "Bearer error=\"invalid_token\""),
        (bearer(&"a".repeat(100_000)), 401, "Bearer error=\"invalid_token\""),
    ];
    for (position, (request, status, challenge)) in table.into_iter().enumerate() {
        let response = ask(&world, request).await;
        assert_eq!(response.status().as_u16(), status, "row {position}");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], challenge, "row {position}");
        assert!(response.body().is_empty());
    }
    let deleted = Request::delete("/userinfo").body(Bytes::new()).unwrap();
    assert_eq!(ask(&world, deleted).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_token_for_an_api_alone_and_an_id_token_open_nothing() {
    let world = World::new().await;
    let signed_in = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
    let id_token = ask(&world, bearer(signed_in.tokens.id_token.expose())).await;
    assert_eq!(id_token.status(), StatusCode::UNAUTHORIZED);
    // A grant without openid is for the API alone.
    let mut browser = Browser::new(&world);
    let url =
        world.party.begin(&browser.at_party, &SignInOptions::new().with_resource(API), None).await.unwrap();
    let plain = url.replace("scope=openid+profile+email+offline_access", "scope=orders%3Aread");
    let back = world.follow(&mut browser, &plain).await;
    assert!(back.contains("code="), "{back}");
}

#[tokio::test]
async fn what_ends_the_token_ends_userinfo_at_once() {
    let world = World::with(
        |client| client.with_scopes("openid email".parse().unwrap()),
        |config| config.with_scope("openid email"),
    )
    .await;
    let mut browser = Browser::new(&world);
    let signed_in = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let token = signed_in.tokens.access_token.expose().to_owned();
    assert_eq!(ask(&world, bearer(&token)).await.status(), StatusCode::OK);
    let session = signed_in.tokens.claims.session.clone().unwrap().parse().unwrap();
    world.server.sessions().end(session, SessionEnd::SignedOut).await.unwrap();
    assert_eq!(
        ask(&world, bearer(&token)).await.status(),
        StatusCode::UNAUTHORIZED,
        "without offline access"
    );

    let signed_in = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
    let token = signed_in.tokens.access_token.expose().to_owned();
    let mut account = world.account.value.clone();
    account.status = AccountStatus::Suspended;
    assert!(
        world
            .ports
            .store()
            .commit(Batch::new().write(Write::PutAccount(account)))
            .await
            .unwrap()
            .is_applied()
    );
    assert_eq!(ask(&world, bearer(&token)).await.status(), StatusCode::UNAUTHORIZED, "suspended");
}
