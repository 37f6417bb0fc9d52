//! Authorization without a browser, for the operator's own apps: draft-ietf-oauth-first-party-apps-03.

use bytes::Bytes;
use ciam_core::account::Account;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::crypto;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_core::session::SessionEnd;
use ciam_core::store::Versioned;
use ciam_oauth::dpop::DpopSigner;
use http::{Method, Request};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Browser, CALLBACK, ISSUER, SECRET, World, query, request};
use crate::tokens::{Answer, VERIFIER, basic, get, peer, post};

const REQUIRED: (u16, &str) = (400, "insufficient_authorization");

async fn world() -> World {
    World::with(|builder| builder.authorization_challenge()).await
}

/// Signs in at the host, as its app does: the token of the session.
async fn sign_in(world: &World, account: &Versioned<Account>) -> String {
    let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], world.ports.now());
    let context = AuthenticationContext::new([proof]);
    let started = world.server.sessions().start(account, context, None, None).await.unwrap();
    started.cookie.token().expose().to_owned()
}

async fn ask(world: &World, client: &str, changes: &[(&str, Option<&str>)]) -> Answer {
    post(&world.server, "/authorize-challenge", Some(&basic(client, SECRET)), &request(client, changes)).await
}

async fn exchange(world: &World, client: &str, code: &str) -> Answer {
    let params = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    post(&world.server, "/token", Some(&basic(client, SECRET)), &params).await
}

/// Sections 5.1 and 5.2: told what is missing, the app comes back with it and gets a code.
#[tokio::test]
async fn fipa_5_2_an_app_signs_a_person_in_and_is_given_a_code() {
    let world = world().await;
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert_eq!(said["authorization_challenge_endpoint"], "https://id.example/authorize-challenge");
    let first = ask(&world, "own", &[]).await;
    assert_eq!(first.error(), REQUIRED);
    assert_eq!(first.body["reasons"], json!(["no_session"]));
    assert_eq!(first.headers["cache-control"], "no-store");
    let session = sign_in(&world, &world.account().await).await;
    let answer = ask(&world, "own", &[("auth_session", Some(&session))]).await;
    assert!(answer.is_ok(), "{answer:?}");
    let code = answer.body["authorization_code"].as_str().unwrap();
    let tokens = exchange(&world, "own", code).await;
    assert!(tokens.is_ok(), "{tokens:?}");
    assert_eq!(exchange(&world, "own", code).await.error().1, "invalid_grant", "once");
    assert_eq!(
        ask(&world, "own", &[("auth_session", Some(&session))]).await.status,
        200,
        "the session goes on"
    );
}

/// Section 5.2.2.1: an `auth_session` that is none, or no longer one.
#[tokio::test]
async fn fipa_5_2_2_invalid_session() {
    let world = world().await;
    let account = world.account().await;
    let session = sign_in(&world, &account).await;
    let cookie = ciam_core::session::SessionCookie::from_token(&session).unwrap();
    let mut guessed = session.clone();
    guessed.replace_range(session.len() - 4.., "AAAA");
    world.server.sessions().end(cookie.id(), SessionEnd::SignedOut).await.unwrap();
    for shown in [session.as_str(), guessed.as_str(), "x", ""] {
        let answer = ask(&world, "own", &[("auth_session", Some(shown))]).await;
        let expected = if shown.is_empty() { "insufficient_authorization" } else { "invalid_session" };
        assert_eq!(answer.error(), (400, expected), "{shown}");
        assert_eq!(answer.body.get("authorization_code"), None);
    }
}

/// Section 1.1: for the operator's own clients, which authenticate as everywhere.
#[tokio::test]
async fn fipa_1_1_the_operators_own_clients_alone() {
    let world = world().await;
    let session = sign_in(&world, &world.account().await).await;
    let with = [("auth_session", Some(session.as_str()))];
    assert_eq!(ask(&world, "web", &with).await.error().1, "unauthorized_client");
    let params = request("own", &with);
    let wrong = post(&world.server, "/authorize-challenge", Some(&basic("own", "wrong")), &params).await;
    assert_eq!(wrong.error(), (401, "invalid_client"));
    let other =
        post(&world.server, "/authorize-challenge", Some(&basic("own", SECRET)), &request("web", &with))
            .await;
    assert_eq!(other.status, 400, "{other:?}");
    let off = World::new().await;
    let answer = post(&off.server, "/authorize-challenge", Some(&basic("own", SECRET)), &params).await;
    assert_eq!(answer.status, 404);
}

/// What the authorization endpoint refuses is refused.
#[tokio::test]
async fn the_same_checks_as_at_the_authorization_endpoint() {
    let world = world().await;
    let session = sign_in(&world, &world.account().await).await;
    for (change, code) in [
        (("code_challenge", None), "invalid_request"),
        (("redirect_uri", Some("https://evil.example/cb")), "invalid_request"),
        (("scope", Some("stock:read")), "invalid_scope"),
        (("response_type", Some("token")), "unsupported_response_type"),
        (("resource", Some("https://other.example")), "invalid_target"),
        (("request_uri", Some("urn:x")), "invalid_request"),
    ] {
        let answer = ask(&world, "own", &[("auth_session", Some(session.as_str())), change]).await;
        assert_eq!(answer.error().1, code, "{change:?}");
    }
    let twice = "scope=a&scope=b".to_owned();
    let sent = Request::post("/authorize-challenge")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic("own", SECRET))
        .body(Bytes::from(twice));
    assert_eq!(world.server.handle(sent.unwrap(), &peer()).await.status(), 400);
    let read = get(&world.server, "/authorize-challenge").await;
    assert_eq!(read.status, 405);
}

/// Sections 5.2.2.1 and 5.2.2.2: an old sign-in is not enough where a new one is asked for; a fresh one is.
#[tokio::test]
async fn fipa_step_up_by_signing_in_again() {
    let world = world().await;
    let account = world.account().await;
    let old = sign_in(&world, &account).await;
    world.clock.advance(Duration::minutes(20));
    for change in [("prompt", Some("login")), ("max_age", Some("60"))] {
        let answer = ask(&world, "own", &[("auth_session", Some(old.as_str())), change]).await;
        assert_eq!(answer.error(), REQUIRED, "{change:?}");
        let fresh = sign_in(&world, &account).await;
        assert!(
            ask(&world, "own", &[("auth_session", Some(fresh.as_str())), change]).await.is_ok(),
            "{change:?}"
        );
    }
    let wished = [("auth_session", Some(old.as_str())), ("acr_values", Some("urn:ciam:acr:aal2"))];
    let answer = ask(&world, "own", &wished).await;
    assert_eq!((answer.error(), &answer.body["acr_values"]), (REQUIRED, &json!("urn:ciam:acr:aal2")));
}

/// Section 5.2.2.1.1: what needs a page goes on in a browser, with what was asked for.
#[tokio::test]
async fn fipa_5_2_2_1_redirect_to_web() {
    let world = world().await;
    let account = world.account().await;
    let session = sign_in(&world, &account).await;
    let changes = [("auth_session", Some(session.as_str())), ("prompt", Some("consent"))];
    let answer = ask(&world, "own", &changes).await;
    assert_eq!(answer.error(), (400, "redirect_to_web"));
    let uri = answer.body["request_uri"].as_str().unwrap();
    assert_eq!(answer.body["expires_in"], 90);
    let mut browser = Browser::new();
    browser.sign_in(&world, &account).await;
    let reply = browser.authorize(&world, &[("client_id", "own"), ("request_uri", uri)]).await;
    assert!(reply.is_interaction(), "it asks for consent there");
}

/// Section 9.4: the code of an app that proved a key is for that key.
#[tokio::test]
async fn fipa_9_4_a_code_is_bound_to_the_key_that_was_proved() {
    let world = world().await;
    let key = DpopSigner::new(LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()).unwrap();
    let session = sign_in(&world, &world.account().await).await;
    let proof = |url: &'static str| key.proof(&world.ports, &Method::POST, url, None, None);
    let send = |path: &str, proof: String, body: String| {
        let sent = Request::post(path.to_owned())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic("own", SECRET))
            .header("dpop", proof)
            .body(Bytes::from(body));
        let server = world.server.clone();
        async move { server.handle(sent.unwrap(), &peer()).await }
    };
    assert_eq!(ISSUER, "https://id.example");
    let body = query(&request("own", &[("auth_session", Some(session.as_str()))]));
    let made = proof("https://id.example/authorize-challenge").await.unwrap();
    let response = send("/authorize-challenge", made, body).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let code = body["authorization_code"].as_str().unwrap();
    assert_eq!(exchange(&world, "own", code).await.error().1, "invalid_grant", "without the key");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let made = proof("https://id.example/token").await.unwrap();
    assert_eq!(send("/token", made, query(&form)).await.status(), 200);
}
