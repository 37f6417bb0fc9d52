//! Pushed authorization requests (RFC 9126): stored, bound, used once.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::http::Peer;
use ciam_oauth::client::AuthenticatedClient;
use ciam_oauth::error::PushError;
use ciam_oauth::par::REQUEST_URI_PREFIX;
use ciam_oauth::server::Limits;
use http::{Request, StatusCode};
use time::Duration;

use crate::support::{Browser, CALLBACK, Reply, SECRET, World, owned, peer, query, request};

async fn refused(world: &World, client: &str, params: &[(&str, &str)]) -> PushError {
    let client = AuthenticatedClient::new(Arc::new(world.client(client).await.value));
    world.server.push(&client, &owned(params), &peer()).await.unwrap_err()
}

fn with_uri<'a>(client: &'a str, uri: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("client_id", client), ("request_uri", uri)]
}

async fn signed_in(world: &World) -> Browser {
    let mut browser = Browser::new();
    browser.sign_in(world, &world.account().await).await;
    browser
}

#[tokio::test]
async fn rfc9126_a_pushed_request_is_used_by_its_uri() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let uri = world.push("pushes", &request("pushes", &[("state", Some("pushed"))])).await;
    assert!(uri.starts_with(REQUEST_URI_PREFIX));
    assert_eq!(uri.len(), REQUEST_URI_PREFIX.len() + 43);
    // What stands beside it means nothing.
    let mut params = with_uri("pushes", &uri);
    params.extend([("scope", "orders:write"), ("state", "query"), ("redirect_uri", "https://evil.example")]);
    let reply = browser.authorize(&world, &params).await;
    assert!(reply.location().unwrap().as_str().starts_with(CALLBACK));
    assert_eq!(reply.param("state").as_deref(), Some("pushed"));
    assert_eq!(world.code(&reply.code()).await.scopes.to_string(), "profile:read");
}

/// RFC 9126, section 4, and FAPI 2.0: single use, counted at completion.
#[tokio::test]
async fn a_request_uri_is_used_up_when_the_authorization_completes() {
    let world = World::new().await;
    world.change_client("pushes", |client| client.first_party = false).await;
    let mut browser = signed_in(&world).await;
    let uri = world.push("pushes", &request("pushes", &[])).await;
    // The person reloads before deciding: both tabs work, up to the end.
    let first = browser.authorize(&world, &with_uri("pushes", &uri)).await.handle();
    let second = browser.authorize(&world, &with_uri("pushes", &uri)).await.handle();
    for text in [&first, &second] {
        let visitor = browser.visitor(&world).await;
        let decision = ciam_oauth::authorize::ConsentDecision::AllowAll;
        world.server.answer_consent(&crate::support::handle(text), &visitor, decision).await.unwrap();
    }
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let replies = tokio::join!(one.resume(&world, &first), two.resume(&world, &second));
    let codes = [&replies.0, &replies.1].into_iter().filter(|reply| reply.param("code").is_some()).count();
    assert_eq!(codes, 1);
    let reply = browser.authorize(&world, &with_uri("pushes", &uri)).await;
    assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
    assert!(reply.body().contains("unusable_request_uri"));
}

/// 100 tabs open the same pushed request at once, and nothing has to be asked: one of them gets a code.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_uses_of_one_request_uri_one_gets_a_code() {
    let world = Arc::new(World::new().await);
    let browser = signed_in(&world).await;
    let uri = Arc::new(world.push("pushes", &request("pushes", &[])).await);
    let start = Arc::new(tokio::sync::Barrier::new(100));
    let tabs: Vec<_> = (0..100)
        .map(|_| {
            let (world, uri, start) = (world.clone(), uri.clone(), start.clone());
            let mut tab = browser.clone();
            tokio::spawn(async move {
                start.wait().await;
                tab.authorize(&world, &with_uri("pushes", &uri)).await
            })
        })
        .collect();
    let mut codes = 0;
    for tab in tabs {
        let reply = tab.await.unwrap();
        if reply.location().is_some() {
            reply.code();
            codes += 1;
        } else {
            assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
            assert!(reply.body().contains("unusable_request_uri"), "{}", reply.body());
        }
    }
    assert_eq!(codes, 1);
}

/// A person who takes longer than the request lives still finishes.
#[tokio::test]
async fn a_request_that_expires_during_the_sign_in_completes() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let uri = world.push("pushes", &request("pushes", &[])).await;
    let text = browser.authorize(&world, &with_uri("pushes", &uri)).await.handle();
    world.clock.advance(Duration::minutes(5));
    browser.sign_in(&world, &world.account().await).await;
    browser.resume(&world, &text).await.code();
}

/// An error is an answer: it uses the request up as a code does.
#[tokio::test]
async fn an_error_uses_the_request_up() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let uri = world.push("pushes", &request("pushes", &[("prompt", Some("none"))])).await;
    assert_eq!(browser.authorize(&world, &with_uri("pushes", &uri)).await.error(), "login_required");
    let reply = browser.authorize(&world, &with_uri("pushes", &uri)).await;
    assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
}

#[tokio::test]
async fn a_request_uri_that_is_not_the_clients_is_a_page() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let uri = world.push("pushes", &request("pushes", &[])).await;
    let unknown = format!("{REQUEST_URI_PREFIX}{}", "A".repeat(43));
    for params in
        [with_uri("own", &uri), with_uri("pushes", &unknown), with_uri("pushes", REQUEST_URI_PREFIX)]
    {
        let reply = browser.authorize(&world, &params).await;
        assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None), "{params:?}");
    }
    assert!(
        !browser.authorize(&world, &with_uri("pushes", &uri)).await.code().is_empty(),
        "it is not used up"
    );
    let expiring = world.push("pushes", &request("pushes", &[])).await;
    world.clock.advance(Duration::seconds(91));
    let reply = browser.authorize(&world, &with_uri("pushes", &expiring)).await;
    assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
}

/// RFC 9126, section 6: a client that must push, must.
#[tokio::test]
async fn rfc9126_6_a_client_that_must_push_cannot_do_without() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    assert_eq!(browser.authorize(&world, &request("pushes", &[])).await.error(), "invalid_request");
    let strict = World::with(|builder| builder.require_pushed_requests()).await;
    let mut browser = signed_in(&strict).await;
    assert_eq!(browser.authorize(&strict, &request("own", &[])).await.error(), "invalid_request");
    let uri = strict.push("own", &request("own", &[])).await;
    browser.authorize(&strict, &with_uri("own", &uri)).await.code();
}

/// S28 and the checks of the authorization endpoint: what would be refused there is refused here.
#[tokio::test]
async fn a_push_is_checked_like_a_request() {
    let world = World::new().await;
    let change = |name: &'static str, value: Option<&'static str>| request("web", &[(name, value)]);
    let mut twice = request("web", &[]);
    twice.push(("state", "other"));
    for (params, code) in [
        (change("request_uri", Some("urn:ietf:params:oauth:request_uri:x")), "invalid_request"),
        (change("request_uri", Some("https://app.example/r")), "invalid_request"),
        (change("client_id", Some("own")), "invalid_request"),
        (change("redirect_uri", Some("https://evil.example")), "invalid_request"),
        (change("request", Some("x")), "invalid_request_object"),
        (change("response_type", Some("token")), "unsupported_response_type"),
        (change("code_challenge", None), "invalid_request"),
        (change("code_challenge_method", Some("plain")), "invalid_request"),
        (change("scope", Some("stock:read")), "invalid_scope"),
        (change("resource", Some("https://other.example")), "invalid_target"),
        (twice, "invalid_request"),
    ] {
        let error = refused(&world, "web", &params).await;
        assert_eq!(error.code(), code, "{params:?}");
        assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{params:?}");
    }
    world.change_client("web", |client| client.grants.clear()).await;
    assert_eq!(refused(&world, "web", &request("web", &[])).await.code(), "unauthorized_client");
}

/// S29: a client cannot fill the store.
#[tokio::test]
async fn pushes_are_limited_per_client_and_minute() {
    let mut limits = Limits::default();
    limits.pushed_requests_per_minute = 3;
    let world = World::with(|builder| builder.limits(limits)).await;
    for _ in 0..3 {
        world.push("web", &request("web", &[])).await;
    }
    assert_eq!(refused(&world, "web", &request("web", &[])).await.status(), StatusCode::TOO_MANY_REQUESTS);
    world.push("own", &request("own", &[])).await;
    world.clock.advance(Duration::minutes(1));
    world.push("web", &request("web", &[])).await;
}

/// S29: everybody can push in the name of a public client, so nobody may use up what its users push.
#[tokio::test]
async fn s29_a_stranger_cannot_use_up_the_pushes_of_a_public_client() {
    let mut limits = Limits::default();
    limits.pushed_requests_per_minute = 3;
    let world = World::with(|builder| builder.limits(limits)).await;
    let params = owned(&request("app", &[("redirect_uri", Some("com.example.app:/cb"))]));
    let client = AuthenticatedClient::new(Arc::new(world.client("app").await.value));
    let (stranger, person) = (Peer::new([203, 0, 113, 9].into()), peer());
    for _ in 0..3 {
        world.server.push(&client, &params, &stranger).await.unwrap();
    }
    let refused = world.server.push(&client, &params, &stranger).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.code()),
        (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable")
    );
    world.server.push(&client, &params, &person).await.unwrap();

    // A confidential client is counted as a whole, from wherever its servers push.
    for _ in 0..3 {
        world.push("web", &request("web", &[])).await;
    }
    let client = AuthenticatedClient::new(Arc::new(world.client("web").await.value));
    let refused = world.server.push(&client, &owned(&request("web", &[])), &stranger).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

/// S31: the name of one thing is nothing in the place of another.
#[tokio::test]
async fn s31_names_of_different_things_never_meet() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let code = browser.authorize(&world, &request("own", &[])).await.code();
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    for other in [&code, &text] {
        let uri = format!("{REQUEST_URI_PREFIX}{other}");
        let reply = browser.authorize(&world, &with_uri("own", &uri)).await;
        assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
    }
    assert_eq!(browser.resume(&world, &code).await.status(), StatusCode::GONE);
}

fn basic(secret: &str) -> String {
    format!("Basic {}", base64_standard(&format!("pushes:{secret}")))
}

/// Padded base64, by hand: the test does not use the library's own encoder.
fn base64_standard(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bytes = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
        for position in 0..4 {
            let index = (bits >> (18 - 6 * position)) & 63;
            out.push(if position > chunk.len() { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    out
}

async fn post(world: &World, authorization: Option<&str>, params: &[(&str, &str)]) -> Reply {
    let mut request = Request::post("/par").header("content-type", "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    Browser::new().send(world, request, Bytes::from(query(params))).await
}

/// RFC 9126, section 2.2: 201, JSON, not stored by anybody.
#[tokio::test]
async fn rfc9126_2_2_the_endpoint_answers_with_a_request_uri() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let reply = post(&world, Some(&basic(SECRET)), &request("pushes", &[])).await;
    assert_eq!(reply.status(), StatusCode::CREATED, "{}", reply.body());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let body: serde_json::Value = serde_json::from_str(reply.body()).unwrap();
    assert_eq!(body["expires_in"], 90);
    let uri = body["request_uri"].as_str().unwrap();
    browser.authorize(&world, &with_uri("pushes", uri)).await.code();
}

/// RFC 9126, section 2.3: errors are JSON, whatever they are, and go nowhere else.
#[tokio::test]
async fn rfc9126_2_3_errors_are_json() {
    let world = World::new().await;
    let good = basic(SECRET);
    let wrong = basic("wrong");
    let mut both = request("pushes", &[]);
    both.push(("client_secret", SECRET));
    let mut twice = request("pushes", &[]);
    twice.push(("client_id", "pushes"));
    let huge = "x".repeat(65 * 1024);
    let mut too_large = request("pushes", &[]);
    too_large.push(("x", &huge));
    for (authorization, params, status, code) in [
        (None, request("pushes", &[]), StatusCode::UNAUTHORIZED, "invalid_client"),
        (Some(&wrong), request("pushes", &[]), StatusCode::UNAUTHORIZED, "invalid_client"),
        (Some(&good), both, StatusCode::BAD_REQUEST, "invalid_request"),
        (Some(&good), twice, StatusCode::BAD_REQUEST, "invalid_request"),
        (
            Some(&good),
            request("pushes", &[("redirect_uri", Some("https://evil.example"))]),
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
        (
            Some(&good),
            request("pushes", &[("scope", Some("stock:read"))]),
            StatusCode::BAD_REQUEST,
            "invalid_scope",
        ),
        (Some(&good), too_large, StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
    ] {
        let reply = post(&world, authorization.map(String::as_str), &params).await;
        assert_eq!(reply.status(), status, "{code}");
        assert_eq!(reply.location(), None);
        let body: serde_json::Value = serde_json::from_str(reply.body()).unwrap();
        assert_eq!(body["error"], code);
        assert!(!reply.body().contains("evil") && !reply.body().contains(SECRET));
    }
}

#[tokio::test]
async fn a_public_client_may_push() {
    let world = World::new().await;
    let params = request("app", &[("redirect_uri", Some("com.example.app:/cb"))]);
    assert_eq!(post(&world, None, &params).await.status(), StatusCode::CREATED);
}
