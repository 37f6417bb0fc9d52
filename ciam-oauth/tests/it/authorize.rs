//! Authorization requests that succeed, and what a code is bound to.

use ciam_core::http::SESSION_COOKIE;
use ciam_oauth::grant::CodeState;
use http::StatusCode;

use crate::support::{Browser, CALLBACK, CHALLENGE, ISSUER, World, request};

/// RFC 6749, section 4.1: from a request without a session to a code.
#[tokio::test]
async fn rfc6749_4_1_a_person_signs_in_consents_and_the_client_gets_a_code() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();

    let sign_in = browser.authorize(&world, &request("web", &[])).await;
    assert_eq!(sign_in.status(), StatusCode::SEE_OTHER);
    let handle = sign_in.handle();
    let cookie = sign_in.header("set-cookie").unwrap();
    for attribute in ["__Host-ciam-browser=", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }

    browser.sign_in(&world, &person).await;
    let consent = browser.resume(&world, &handle).await;
    assert_eq!(consent.handle(), handle, "one interaction for the whole journey");

    let resume_url = world
        .server
        .answer_consent(
            &crate::support::handle(&handle),
            &browser.visitor(&world).await,
            ciam_oauth::authorize::ConsentDecision::AllowAll,
        )
        .await
        .unwrap();
    assert_eq!(resume_url, format!("{ISSUER}/authorize/resume/{handle}"));

    let done = browser.resume(&world, &handle).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert!(done.location().unwrap().as_str().starts_with(&format!("{CALLBACK}?code=")));
    assert_eq!(done.param("state").as_deref(), Some("st4te"));
    assert_eq!(done.param("iss").as_deref(), Some(ISSUER));
    assert_eq!(done.header("cache-control"), Some("no-store"));
    assert_eq!(done.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(
        world.event_names().await.iter().filter(|name| name.contains("oauth.auth")).count(),
        1,
        "one authorization was granted"
    );
}

/// S6: everything that the exchange must show again is fixed with the code.
#[tokio::test]
async fn a_code_is_bound_to_the_whole_request() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let session = browser.visitor(&world).await.session().unwrap().clone();

    let reply = browser
        .authorize(&world, &request("own", &[("scope", Some("orders:read unknown profile:read"))]))
        .await;
    let code = world.code(&reply.code()).await;
    assert_eq!(code.client.as_str(), "own");
    assert_eq!(code.redirect_uri.as_str(), CALLBACK);
    assert!(code.redirect_uri_named);
    assert_eq!(code.challenge.unwrap().to_string(), CHALLENGE);
    assert_eq!(code.account, person.value.id);
    assert_eq!(code.session, session.id);
    assert_eq!(code.context, session.context);
    assert_eq!(code.scopes.to_string(), "orders:read profile:read", "unknown values are left out");
    assert_eq!(code.resources.iter().map(ToString::to_string).collect::<Vec<_>>(), ["https://api.example"]);
    assert!(code.ends_with_session);
    assert_eq!(code.expires_at - code.issued_at, time::Duration::seconds(60));
}

#[tokio::test]
async fn offline_access_outlives_the_session() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let scope = Some("offline_access profile:read");
    let reply = browser.authorize(&world, &request("own", &[("scope", scope)])).await;
    assert!(!world.code(&reply.code()).await.ends_with_session);
}

#[tokio::test]
async fn a_code_lives_for_a_minute() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let code = browser.authorize(&world, &request("own", &[])).await.code();
    let key = CodeState::key(&code.as_str().into());
    world.clock.advance(time::Duration::seconds(59));
    assert!(world.ports.ephemeral().get(&key).await.unwrap().is_some());
    world.clock.advance(time::Duration::seconds(1));
    assert!(world.ports.ephemeral().get(&key).await.unwrap().is_none());
}

/// The host's own applications ask for nothing that the person would have to agree to.
#[tokio::test]
async fn a_first_party_client_goes_straight_through() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let reply = browser.authorize(&world, &request("own", &[])).await;
    assert!(!reply.code().is_empty());
    assert_eq!(browser.binding(), None, "no interaction, no cookie");
}

#[tokio::test]
async fn two_codes_are_never_the_same() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let first = browser.authorize(&world, &request("own", &[])).await.code();
    let second = browser.authorize(&world, &request("own", &[])).await.code();
    assert_ne!(first, second);
    assert_eq!(first.len(), 43);
    assert_ne!(world.code(&first).await.grant, world.code(&second).await.grant);
}

/// RFC 6749, section 3.1.2.3: a client with one redirect URI need not name it.
#[tokio::test]
async fn rfc6749_3_1_2_3_the_only_redirect_uri_need_not_be_named() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let reply = browser.authorize(&world, &request("own", &[("redirect_uri", None)])).await;
    assert!(reply.location().unwrap().as_str().starts_with(CALLBACK));
    assert!(!world.code(&reply.code()).await.redirect_uri_named);
}

/// RFC 8252, section 7.3.
#[tokio::test]
async fn rfc8252_7_3_a_native_app_chooses_its_port() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    let uri = "http://127.0.0.1:49321/cb";
    let text = browser.authorize(&world, &request("app", &[("redirect_uri", Some(uri))])).await.handle();
    browser.sign_in(&world, &person).await;
    let reply = browser.resume(&world, &text).await;
    assert_eq!(reply.location().unwrap().port(), Some(49321));
    assert_eq!(world.code(&reply.code()).await.redirect_uri.as_str(), uri);
}

/// RFC 8252, section 8.6: another app could have sent this, and would receive the code.
#[tokio::test]
async fn rfc8252_8_6_nothing_is_granted_to_an_app_without_the_persons_doing() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(time::Duration::seconds(1));
    for uri in ["com.example.app:/cb", "http://127.0.0.1:49321/cb", "http://localhost/cb"] {
        // First-party, signed in, allowed before: asked all the same, every time.
        for _ in 0..2 {
            let params = request("app", &[("redirect_uri", Some(uri))]);
            let text = browser.authorize(&world, &params).await.handle();
            let visitor = browser.visitor(&world).await;
            let allow = ciam_oauth::authorize::ConsentDecision::AllowAll;
            world.server.answer_consent(&crate::support::handle(&text), &visitor, allow).await.unwrap();
            browser.resume(&world, &text).await.code();
        }
        let none = request("app", &[("redirect_uri", Some(uri)), ("prompt", Some("none"))]);
        assert_eq!(browser.authorize(&world, &none).await.error(), "consent_required");
    }
}

/// RFC 8707, section 2.
#[tokio::test]
async fn rfc8707_2_several_resources_may_be_named() {
    let world = World::new().await;
    let person = world.account().await;
    world.change_client("web", |client| client.first_party = true).await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let mut params = request("web", &[("scope", Some("orders:read"))]);
    params.push(("resource", "https://api.example"));
    params.push(("resource", "https://stock.example"));
    let code = world.code(&browser.authorize(&world, &params).await.code()).await;
    assert_eq!(code.resources.len(), 2);
}

#[tokio::test]
async fn form_post_and_fragment_carry_the_same_answer() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;

    let fragment = browser.authorize(&world, &request("own", &[("response_mode", Some("fragment"))])).await;
    let location = fragment.location().unwrap();
    assert_eq!(location.query(), None);
    assert!(location.fragment().unwrap().starts_with("code="));
    assert!(location.fragment().unwrap().contains("iss=https%3A%2F%2Fid.example"));

    let form = browser.authorize(&world, &request("own", &[("response_mode", Some("form_post"))])).await;
    assert_eq!(form.status(), StatusCode::OK);
    for field in
        ["name=\"code\"", "name=\"state\" value=\"st4te\"", "name=\"iss\" value=\"https://id.example\""]
    {
        assert!(form.body().contains(field), "{}", form.body());
    }
    assert!(form.header("content-security-policy").unwrap().contains("form-action https://app.example;"));
}

/// A cookie that somebody altered is nobody's.
#[tokio::test]
async fn a_tampered_session_cookie_signs_nobody_in() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let good = browser.cookies[SESSION_COOKIE].clone();
    let (id, secret) = good.split_once('.').unwrap();
    let flipped = if secret.starts_with('A') { 'B' } else { 'A' };
    for bad in [
        format!("{id}.{flipped}{}", &secret[1..]),
        format!("{id}."),
        id.to_owned(),
        format!("{}.{secret}", id.to_uppercase()),
        format!("{good}.x"),
        String::new(),
    ] {
        browser.cookies.insert(SESSION_COOKIE.to_owned(), bad.clone());
        assert!(browser.authorize(&world, &request("own", &[])).await.is_interaction(), "{bad}");
    }
}
