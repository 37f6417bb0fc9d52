//! Authorization requests that are refused: where the error goes, and what it says.

use std::sync::Arc;

use ciam_core::account::AccountStatus;
use ciam_core::memory;
use ciam_core::store::{Batch, Write};
use ciam_core::testkit::{Failure, ManualClock, Probe, SeededEntropy};
use ciam_oauth::error::SafeError;
use http::StatusCode;
use time::macros::datetime;

use crate::support::{Browser, CALLBACK, ISSUER, World, query, request};

/// RFC 6749, section 4.1.2.1 and S1: without a good client and redirect URI nothing is redirected.
#[tokio::test]
async fn s1_rfc6749_4_1_2_1_unknown_clients_and_redirect_uris_never_redirect() {
    let world = World::new().await;
    let person = world.account().await;
    let uri = |uri: &'static str| request("web", &[("redirect_uri", Some(uri))]);
    let app = |uri: &'static str| request("app", &[("redirect_uri", Some(uri))]);
    let twice = |name: &'static str, value: &'static str| {
        let mut params = request("web", &[]);
        params.push((name, value));
        params
    };
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (request("web", &[("client_id", None)]), "unknown_client"),
        (request("nobody", &[]), "unknown_client"),
        (request("", &[]), "unknown_client"),
        (request("we b", &[]), "unknown_client"),
        (request("WEB", &[]), "unknown_client"),
        (twice("client_id", "web"), "malformed_request"),
        (twice("client_id", "own"), "malformed_request"),
        (twice("redirect_uri", CALLBACK), "malformed_request"),
        (twice("redirect_uri", "https://evil.example"), "malformed_request"),
        // S1, row by row.
        (uri("https://app.example/cb/"), "unregistered_redirect_uri"),
        (uri("https://app.example/CB"), "unregistered_redirect_uri"),
        (uri("https://APP.example/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example/%63b"), "unregistered_redirect_uri"),
        (uri("https://app.example/x/%2e%2e/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example/x/../cb"), "unregistered_redirect_uri"),
        (uri("https://app.example@evil.example/cb"), "unregistered_redirect_uri"),
        (uri("https://user@app.example/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example/cb?x=1"), "unregistered_redirect_uri"),
        (uri("https://app.example/cb?"), "unregistered_redirect_uri"),
        (uri("https://app.example:443/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example:8443/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example/cb#"), "unregistered_redirect_uri"),
        (uri("https://app.example/cb#x"), "unregistered_redirect_uri"),
        (uri("http://app.example/cb"), "unregistered_redirect_uri"),
        (uri("https://äpp.example/cb"), "unregistered_redirect_uri"),
        (uri("https://xn--pp-xka.example/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example.evil.example/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example\\@evil.example/cb"), "unregistered_redirect_uri"),
        (uri("//app.example/cb"), "unregistered_redirect_uri"),
        (uri("javascript:alert(1)"), "unregistered_redirect_uri"),
        (uri(" https://app.example/cb"), "unregistered_redirect_uri"),
        (uri("https://app.example/cb\r\nx: y"), "unregistered_redirect_uri"),
        // RFC 8252: the port only, of the literals only.
        (app("http://127.0.0.1:1/cb2"), "unregistered_redirect_uri"),
        (app("http://127.0.0.1:1@evil.example/cb"), "unregistered_redirect_uri"),
        (app("http://127.0.0.2:1/cb"), "unregistered_redirect_uri"),
        (app("http://[::1]:1/cb"), "unregistered_redirect_uri"),
        (app("http://localhost:1/cb"), "unregistered_redirect_uri"),
        (app("https://127.0.0.1:1/cb"), "unregistered_redirect_uri"),
        (app("com.example.app:/cb2"), "unregistered_redirect_uri"),
        (app("COM.example.app:/cb"), "unregistered_redirect_uri"),
        (request("app", &[("redirect_uri", None)]), "unregistered_redirect_uri"),
    ];
    for (params, code) in cases {
        // Whether or not somebody is signed in.
        let mut signed_in = Browser::new();
        signed_in.sign_in(&world, &person).await;
        for mut browser in [Browser::new(), signed_in] {
            let reply = browser.authorize(&world, &params).await;
            assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{params:?}");
            assert_eq!(reply.location(), None, "{params:?}");
            assert!(reply.body().contains(code), "{params:?}: {}", reply.body());
            assert_eq!(reply.0.extensions().get::<SafeError>().unwrap().code(), code);
            assert!(!reply.body().contains("evil"), "the page says nothing of what was sent");
            assert_eq!(browser.binding(), None, "no interaction was opened");
        }
    }
}

/// S3, S7 and the RFCs' tables: everything else is the client's to hear, with `state` and `iss`.
#[tokio::test]
async fn s3_s7_every_other_error_is_redirected_with_code_state_and_issuer() {
    let world = World::new().await;
    let person = world.account().await;
    world.change_client("web", |client| client.first_party = true).await;
    let long = "x".repeat(8 * 1024 + 1);
    let many_resources: Vec<String> = (0..9).map(|n| format!("https://r{n}.example")).collect();
    let change = |name: &'static str, value: Option<&'static str>| request("web", &[(name, value)]);
    let twice = |name: &'static str, value: &'static str| {
        let mut params = request("web", &[]);
        params.push((name, value));
        params
    };
    let mut too_long = request("web", &[]);
    too_long.push(("nonce", &long));
    let mut too_many = request("web", &[]);
    too_many.extend(many_resources.iter().map(|resource| ("resource", resource.as_str())));
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (change("response_type", None), "invalid_request"),
        (change("response_type", Some("")), "invalid_request"),
        (change("response_type", Some("token")), "unsupported_response_type"),
        (change("response_type", Some("code token")), "unsupported_response_type"),
        (change("response_type", Some("CODE")), "unsupported_response_type"),
        (change("response_mode", Some("web_message")), "invalid_request"),
        (change("scope", None), "invalid_scope"),
        (change("scope", Some("unknown")), "invalid_scope"),
        (change("scope", Some("stock:read")), "invalid_scope"),
        (change("scope", Some("profile:read stock:read")), "invalid_scope"),
        (change("scope", Some("a\"b")), "invalid_scope"),
        (change("resource", Some("https://other.example")), "invalid_target"),
        (change("resource", Some("https://api.example/")), "invalid_target"),
        (change("resource", Some("https://api.example#x")), "invalid_target"),
        (change("resource", Some("api")), "invalid_target"),
        (too_many, "invalid_target"),
        (change("prompt", Some("none login")), "invalid_request"),
        (change("prompt", Some("whatever")), "invalid_request"),
        (change("max_age", Some("-1")), "invalid_request"),
        (change("max_age", Some("1.5")), "invalid_request"),
        (change("max_age", Some("99999999999")), "invalid_request"),
        (change("login_hint", Some("a\u{7}b")), "invalid_request"),
        // RFC 9126 and RFC 9101: nothing unsigned, nothing by reference to elsewhere.
        (change("request", Some("eyJhbGciOiJub25lIn0.e30.")), "invalid_request_object"),
        (change("request_uri", Some("https://app.example/request")), "request_uri_not_supported"),
        (change("registration", Some("{}")), "registration_not_supported"),
        // S7: PKCE cannot be left out, nor weakened.
        (change("code_challenge", None), "invalid_request"),
        (change("code_challenge_method", None), "invalid_request"),
        (change("code_challenge_method", Some("plain")), "invalid_request"),
        (change("code_challenge_method", Some("s256")), "invalid_request"),
        (change("code_challenge", Some("short")), "invalid_request"),
        (change("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=")), "invalid_request"),
        // S3: nothing twice.
        (twice("scope", "orders:read"), "invalid_request"),
        (twice("response_type", "code"), "invalid_request"),
        (twice("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), "invalid_request"),
        (
            vec![("max_age", "1"), ("max_age", "1")].into_iter().chain(request("web", &[])).collect(),
            "invalid_request",
        ),
        (vec![("x", "1"), ("x", "2")].into_iter().chain(request("web", &[])).collect(), "invalid_request"),
        // S29: not too much of anything.
        (too_long, "invalid_request"),
    ];
    for (params, code) in cases {
        let mut signed_in = Browser::new();
        signed_in.sign_in(&world, &person).await;
        for mut browser in [Browser::new(), signed_in] {
            let reply = browser.authorize(&world, &params).await;
            assert_eq!(reply.status(), StatusCode::SEE_OTHER, "{params:?}");
            assert!(reply.location().unwrap().as_str().starts_with(&format!("{CALLBACK}?")), "{params:?}");
            assert_eq!(reply.error(), code, "{params:?}");
            assert_eq!(reply.param("state").as_deref(), Some("st4te"), "{params:?}");
            assert_eq!(reply.param("iss").as_deref(), Some(ISSUER), "{params:?}");
        }
    }
}

/// S3: a repeated `state` is not returned; which of the two would it be?
#[tokio::test]
async fn a_repeated_state_is_not_returned() {
    let world = World::new().await;
    let mut params = request("web", &[]);
    params.push(("state", "other"));
    let reply = Browser::new().authorize(&world, &params).await;
    assert_eq!(reply.error(), "invalid_request");
    assert_eq!(reply.param("state"), None);
    assert_eq!(reply.param("iss").as_deref(), Some(ISSUER));
}

/// The error goes the way that the answer would have gone.
#[tokio::test]
async fn errors_use_the_response_mode() {
    let world = World::new().await;
    let params = request("web", &[("response_mode", Some("form_post")), ("scope", None)]);
    let reply = Browser::new().authorize(&world, &params).await;
    assert_eq!(reply.status(), StatusCode::OK);
    assert!(reply.body().contains("name=\"error\" value=\"invalid_scope\""));
    let params = request("web", &[("response_mode", Some("fragment")), ("scope", None)]);
    let reply = Browser::new().authorize(&world, &params).await;
    assert!(reply.location().unwrap().fragment().unwrap().starts_with("error=invalid_scope"));
}

/// S4: what an attacker puts into `state` comes back as text.
#[tokio::test]
async fn a_state_with_markup_comes_back_as_text() {
    let world = World::new().await;
    let state = "\"><script>alert(1)</script>";
    let params =
        request("web", &[("response_mode", Some("form_post")), ("state", Some(state)), ("scope", None)]);
    let reply = Browser::new().authorize(&world, &params).await;
    assert_eq!(reply.body().matches("<script").count(), 1, "only ours");
    assert!(reply.body().contains("&quot;&gt;&lt;script&gt;"));
}

#[tokio::test]
async fn a_client_without_the_grant_is_unauthorized() {
    let world = World::new().await;
    world.change_client("web", |client| client.grants.clear()).await;
    let reply = Browser::new().authorize(&world, &request("web", &[])).await;
    assert_eq!(reply.error(), "unauthorized_client");
}

#[tokio::test]
async fn a_suspended_account_cannot_authorize() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let mut account = person.value.clone();
    account.status = AccountStatus::Suspended;
    let commit = world.ports.store().commit(Batch::new().write(Write::PutAccount(account))).await.unwrap();
    assert!(commit.is_applied());
    assert!(browser.authorize(&world, &request("own", &[])).await.is_interaction());
    let reply = browser.authorize(&world, &request("own", &[("prompt", Some("none"))])).await;
    assert_eq!(reply.error(), "login_required");
}

/// Whatever port fails at whatever call, in whatever way: an error for the client or a page for the person, and no code.
#[tokio::test]
async fn a_failing_port_never_grants() {
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let probe = Probe::new();
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let world = World::on(probe.watch(&ports), clock, |builder| builder).await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    // Through a pushed request, a question and a consent: as many calls as there can be.
    for failure in [Failure::Transient, Failure::Permanent, Failure::AnswerLost] {
        for number in 1.. {
            let client = world.client("web").await.value;
            let uri = world.push("web", &request("web", &[("prompt", Some("consent"))])).await;
            let params = [("client_id", "web"), ("request_uri", uri.as_str())];
            let text = browser.authorize(&world, &params).await.handle();
            let visitor = browser.visitor(&world).await;
            let allow = ciam_oauth::authorize::ConsentDecision::AllowAll;
            world.server.answer_consent(&crate::support::handle(&text), &visitor, allow).await.unwrap();

            probe.clear();
            probe.fail_call(number, failure);
            let reply = browser.resume(&world, &text).await;
            let calls = probe.calls();
            probe.clear();
            if u64::try_from(calls.len()).unwrap() < number {
                assert!(number > 8, "the whole way was walked: {calls:?}");
                reply.code();
                break;
            }
            let name = format!("{failure:?} {:?}", calls[usize::try_from(number).unwrap() - 1]);
            match reply.location() {
                Some(location) => {
                    assert!(location.as_str().starts_with(CALLBACK), "{name}");
                    assert!(
                        reply.error().ends_with("unavailable") || reply.error() == "server_error",
                        "{name}"
                    );
                    assert_eq!(reply.param("iss").as_deref(), Some(ISSUER), "{name}");
                }
                None => assert!(reply.status().is_server_error(), "{name}: {}", reply.status()),
            }
            assert!(!reply.body().contains("told to"), "{name}");
            assert_eq!(client, world.client("web").await.value);
        }
    }
}

#[tokio::test]
async fn too_much_of_a_query_is_refused_before_it_is_looked_at() {
    let world = World::new().await;
    let many: Vec<(String, &str)> = (0..70).map(|n| (format!("p{n}"), "x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let mut params = request("web", &[]);
    params.extend(many);
    let reply = Browser::new().authorize(&world, &params).await;
    assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
    assert_eq!(reply.location(), None);

    let huge = format!("/authorize?{}&x={}", query(&request("web", &[])), "x".repeat(40 * 1024));
    let reply = Browser::new().get(&world, &huge).await;
    assert_eq!(reply.error(), "invalid_request");
}

#[tokio::test]
async fn wrong_encoding_is_refused() {
    let world = World::new().await;
    for bad in ["x=%", "x=%zz", "x=%ff", "%00=1"] {
        let reply =
            Browser::new().get(&world, &format!("/authorize?{}&{bad}", query(&request("web", &[])))).await;
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(reply.location(), None, "{bad}");
    }
}
