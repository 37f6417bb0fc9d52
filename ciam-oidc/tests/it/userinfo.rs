//! The UserInfo endpoint, as HTTP.

use bytes::Bytes;
use ciam_core::account::AccountStatus;
use ciam_core::http::Peer;
use ciam_core::jose::Algorithm;
use ciam_core::session::SessionEnd;
use ciam_core::store::{Batch, Write};
use ciam_oauth::client::{Client, GrantType};
use ciam_oidc::rp::SignInOptions;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::world::{API, Browser, ISSUER, World, claims_of, header_of, param};

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
        let said = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        assert!(said.starts_with(challenge), "row {position}: {said}");
        assert_eq!(said.contains("error"), challenge.contains("error"), "row {position}: {said}");
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
    let url = World::request("web", &[("scope", "orders:read"), ("resource", API)]);
    let back = world.follow(&mut Browser::new(&world), &url).await;
    let tokens = world.exchange("web", &back).await;
    let refused = ask(&world, bearer(tokens["access_token"].as_str().unwrap())).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let said = refused.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(
        said.starts_with("Bearer error=\"insufficient_scope\"") && said.ends_with("scope=\"openid\""),
        "{said}"
    );
}

/// S23: a client that acts for itself is nobody whom UserInfo knows.
#[tokio::test]
async fn s23_a_clients_own_token_opens_nothing() {
    let world = World::with(|client| client.with_grant(GrantType::ClientCredentials), |config| config).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let (status, body) = world.post("/token", "web", &form).await;
    assert_eq!(status, 200, "{body}");
    let refused = ask(&world, bearer(body["access_token"].as_str().unwrap())).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

/// S23: every tenant has its keys, so the token of one is garbage at another, whatever issuer it names.
#[tokio::test]
async fn s23_another_tenants_token_is_no_token() {
    let (world, other) = (World::new().await, World::new().await);
    let refused = ask(&other, bearer(&token(&world).await)).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let said = refused.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(said.starts_with("Bearer error=\"invalid_token\""), "{said}");
}

/// What the access token's own scope is, UserInfo releases: a narrowed one releases less than the grant.
#[tokio::test]
async fn core_5_4_the_scope_of_the_token_is_what_is_released() {
    let world = World::new().await;
    let url = World::request("web", &[("scope", "openid email profile offline_access")]);
    let back = world.follow(&mut Browser::new(&world), &url).await;
    let tokens = world.exchange("web", &back).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for (scope, status, released) in [
        ("openid", 200, vec!["sub"]),
        ("openid email", 200, vec!["email", "email_verified", "sub"]),
        ("email", 403, vec![]),
    ] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", scope)];
        let (answered, body) = world.post("/token", "web", &form).await;
        assert_eq!(answered, 200, "{body}");
        let response = ask(&world, bearer(body["access_token"].as_str().unwrap())).await;
        assert_eq!(response.status().as_u16(), status, "{scope}");
        let claims: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let mut names: Vec<&str> =
            claims.as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        assert_eq!(names, released, "{scope}");
    }
}

/// A parameter asks for no more than the person was shown.
#[tokio::test]
async fn core_5_5_single_claims_do_not_pass_the_granted_scope() {
    let world = World::new().await;
    let claims = r#"{"userinfo":{"email":{"essential":true},"name":null},"id_token":{"email":null}}"#;
    let url = World::request("web", &[("scope", "openid profile"), ("claims", claims)]);
    let back = world.follow(&mut Browser::new(&world), &url).await;
    let tokens = world.exchange("web", &back).await;
    assert!(claims_of(tokens["id_token"].as_str().unwrap()).get("email").is_none());
    let response = ask(&world, bearer(tokens["access_token"].as_str().unwrap())).await;
    let found: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((found.get("email"), &found["name"]), (None, &json!("Ada Lovelace")));
}

/// Core, section 5.3.2: a signed response has `iss` and `aud`, and is taken for nothing else.
#[tokio::test]
async fn core_5_3_2_a_signed_response_is_no_other_token() {
    let signed = |mut client: Client| {
        client.userinfo_alg = Some(Algorithm::Es256);
        client
    };
    let world = World::with(signed, |config| config).await;
    let signed_in = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
    let response = ask(&world, bearer(signed_in.tokens.access_token.expose())).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/jwt");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let jwt = std::str::from_utf8(response.body()).unwrap();
    let claims = claims_of(jwt);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("web")));
    assert_eq!(claims["sub"], signed_in.tokens.claims.subject);
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(header_of(jwt)["typ"], "userinfo+jwt");
    // Neither an access token nor an ID token.
    assert_eq!(ask(&world, bearer(jwt)).await.status(), StatusCode::UNAUTHORIZED);
    let url = World::request("web", &[("id_token_hint", jwt)]);
    let back = world.follow(&mut Browser::new(&world), &url).await;
    assert_eq!(param(&back, "error").as_deref(), Some("invalid_request"));
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
