//! RP-initiated logout.

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::interaction::{InteractionError, InteractionHandle};
use ciam_core::jose::{Algorithm, LocalSigner, sign};
use ciam_core::secret::SecretBytes;
use ciam_core::session::SessionEnd;
use ciam_oauth::authorize::Visitor;
use ciam_oauth::client::{Client, SubjectType};
use ciam_oidc::logout::SignOutError;
use ciam_oidc::rp::{SignInOptions, SignedIn};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE, X_FRAME_OPTIONS};
use http::{Request, Response, StatusCode};
use time::Duration;

use crate::world::{
    AFTER_SIGN_OUT, Browser, ISSUER, SECRET, World, account, claims_of, header_of, web_named,
};

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

/// RP-Initiated Logout, section 2, and S9: compared byte for byte, and refused on a page.
#[tokio::test]
async fn s9_a_place_that_was_not_registered_is_not_gone_to() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = signed_in(&world, &mut browser).await.tokens;
    let hint = tokens.id_token.expose();
    for place in [
        "https://evil.example/",
        "https://app.example/bye/",
        "https://app.example/bye?x=1",
        "https://app.example/bye#",
        "https://app.example/BYE",
        "https://app.example/%62ye",
        "https://app.example:443/bye",
        "https://app.example@evil.example/bye",
        "https://app.example\\@evil.example/bye",
        "http://app.example/bye",
        "//evil.example",
        "javascript:alert(1)",
        "<script>alert(1)</script>",
        "https://app.example/bye\r\nx: y",
        "https://app.example/callback",
    ] {
        let place: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
        for client in [format!("id_token_hint={hint}"), "client_id=web".to_owned()] {
            let url = format!("{ISSUER}/logout?{client}&post_logout_redirect_uri={place}&state=s");
            let response = world.get(&mut browser, &url).await;
            assert_refused(&response, "unregistered_redirect_uri", &place);
            assert!(browser.has_session(), "{place}");
        }
    }
    // An empty one is none.
    let mut nobody = Browser::new(&world);
    let response = world
        .get(&mut nobody, &format!("{ISSUER}/logout?id_token_hint={hint}&post_logout_redirect_uri="))
        .await;
    assert_eq!(location(&response), format!("{ISSUER}/signed-out"));
    // Without a client nobody's registration counts.
    for client in ["", "client_id=unheard-of&"] {
        let url = format!("{ISSUER}/logout?{client}post_logout_redirect_uri={AFTER_SIGN_OUT}");
        let response = world.get(&mut nobody, &url).await;
        assert_eq!(location(&response), format!("{ISSUER}/signed-out"), "{client}");
    }
}

/// A page in fixed words, that a host can put its own in the place of.
fn assert_refused(response: &Response<Bytes>, code: &str, what: &str) {
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{what}");
    assert!(response.headers().get(LOCATION).is_none(), "{what}");
    assert!(response.headers().get(SET_COOKIE).is_none(), "{what}");
    assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY");
    let page = std::str::from_utf8(response.body()).unwrap();
    assert!(page.contains(code), "{what}: {page}");
    assert!(!page.contains("evil") && !page.contains("script"), "{what}: {page}");
    assert_eq!(response.extensions().get::<SignOutError>().unwrap().code(), code, "{what}");
}

/// RP-Initiated Logout, section 4, and S10: with an ID token that does not hold nobody is signed out, and nobody redirected.
#[tokio::test]
async fn s10_an_id_token_that_is_none_of_ours_is_refused() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = signed_in(&world, &mut browser).await.tokens;
    let other_tenants = signed_in(&elsewhere, &mut Browser::new(&elsewhere)).await.tokens;
    let hint = tokens.id_token.expose();
    let (input, signature) = hint.rsplit_once('.').unwrap();
    let payload = input.split_once('.').unwrap().1;
    let unsigned = ciam_core::encoding::base64url::encode(br#"{"alg":"none","typ":"JWT"}"#);
    let secret = SecretBytes::new(SECRET.as_bytes().to_vec());
    let shared = LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap();
    let by_secret = sign(&shared, "JWT", &claims_of(hint)).await.unwrap();
    let own_key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let kid = header_of(hint)["kid"].as_str().unwrap().to_owned();
    let by_own_key = sign(&own_key.with_kid(kid), "JWT", &claims_of(hint)).await.unwrap();
    for (what, bad) in [
        ("signed with the client's secret", by_secret),
        ("signed by another under the key's name", by_own_key),
        ("garbage", "x".to_owned()),
        ("none", format!("{unsigned}.{payload}.")),
        ("none with the old signature", format!("{unsigned}.{payload}.{signature}")),
        ("no signature", format!("{input}.")),
        ("an access token", tokens.access_token.expose().to_owned()),
        ("another tenant's", other_tenants.id_token.expose().to_owned()),
    ] {
        let url = format!(
            "{ISSUER}/logout?id_token_hint={bad}&client_id=web&post_logout_redirect_uri={AFTER_SIGN_OUT}"
        );
        let response = world.get(&mut browser, &url).await;
        assert_refused(&response, "unusable_id_token_hint", what);
        assert!(browser.has_session(), "{what}");
        let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
        assert!(visitor.signed_in.is_some(), "{what}");
    }
}

/// S9: what a client kept of an earlier session does not end a later one without a question, not even the same person's.
#[tokio::test]
async fn s9_the_id_token_of_an_earlier_session_is_not_enough() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let earlier = signed_in(&world, &mut browser).await.tokens;
    let session = earlier.claims.session.clone().unwrap().parse().unwrap();
    world.server.sessions().end(session, SessionEnd::SignedOut).await.unwrap();
    signed_in(&world, &mut browser).await;
    let url = format!("{ISSUER}/logout?id_token_hint={}", earlier.id_token.expose());
    let response = world.get(&mut browser, &url).await;
    assert!(location(&response).starts_with(&format!("{ISSUER}/sign-out/")));
    assert!(browser.has_session());
}

/// Pairwise clients of different sectors have nothing in common to join what they know by; each can still sign out.
#[tokio::test]
async fn pairwise_clients_share_no_name_of_the_session() {
    let pairwise = |client: Client| client.with_subject_type(SubjectType::Pairwise);
    let world = World::with(pairwise, |config| config).await;
    let other = pairwise(web_named("other")).with_sector_identifier("other.example");
    world.server.clients().register(other).await.unwrap();
    let mut browser = Browser::new(&world);
    let mut found = Vec::new();
    for client in ["web", "other"] {
        let back = world.follow(&mut browser, &World::request(client, &[])).await;
        let tokens = world.exchange(client, &back).await;
        found.push(claims_of(tokens["id_token"].as_str().unwrap()));
        found.last_mut().unwrap()["hint"] = tokens["id_token"].clone();
    }
    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    let session = visitor.signed_in.unwrap().session.value.id.to_string();
    for name in ["sub", "sid"] {
        assert_ne!(found[0][name], found[1][name], "{name}");
        assert_ne!(found[0][name], session, "{name}");
    }
    let url = format!("{ISSUER}/logout?id_token_hint={}", found[1]["hint"].as_str().unwrap());
    let response = world.get(&mut browser, &url).await;
    assert_eq!(location(&response), format!("{ISSUER}/signed-out"));
    assert!(!browser.has_session());
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
    for query in [
        "state=1&state=2",
        "client_id=web&client_id=web",
        &format!("id_token_hint={hint}&id_token_hint={hint}"),
        &format!("id_token_hint={hint}&client_id=other"),
        "a=%ff",
        "a=%00",
        "client_id=%20",
        &format!("client_id=web&state={}", "s".repeat(8 * 1024 + 1)),
    ] {
        let response = world.get(&mut browser, &format!("{ISSUER}/logout?{query}")).await;
        assert_refused(&response, "malformed_request", query);
    }
    assert!(browser.has_session());
}

async fn post(world: &World, browser: &Browser, path: &str, kind: &str, body: String) -> Response<Bytes> {
    let mut request = Request::post(path).body(Bytes::from(body)).unwrap();
    *request.headers_mut() = browser.headers();
    request.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
    world.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Whatever another site posts, the session's cookie stays: an answer to a navigation could remove it even though it was not
/// sent along.
#[tokio::test]
async fn s9_no_posted_form_removes_the_cookie_unasked() {
    let world = World::new().await;
    let (stranger, mut browser) = (Browser::new(&world), Browser::new(&world));
    signed_in(&world, &mut browser).await;
    let large = (0..3).map(|n| format!("x{n}={}&", "y".repeat(8 * 1024))).collect::<String>();
    for (path, kind, body) in [
        ("/logout", FORM, large),
        ("/logout", FORM, "y&".repeat(100)),
        ("/logout", FORM, "x=%ff".to_owned()),
        ("/logout", "text/plain", "client_id=web".to_owned()),
        ("/logout", "application/json", "{}".to_owned()),
        ("/logout?client_id=web", FORM, "client_id=web".to_owned()),
    ] {
        for sender in [&stranger, &browser] {
            let response = post(&world, sender, path, kind, body.clone()).await;
            if std::ptr::eq(sender, &browser) && body.starts_with("x0") {
                // Not too much for a form of our own site's: the person is asked.
                assert!(location(&response).starts_with(&format!("{ISSUER}/sign-out/")));
            } else {
                assert_refused(&response, "malformed_request", &format!("{path} {kind}"));
            }
        }
    }
    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    assert!(visitor.signed_in.is_some());
    let put = Request::put("/logout").body(Bytes::new()).unwrap();
    let response = world.server.handle(put, &Peer::new([192, 0, 2, 9].into())).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// The host's page gets language tags, and nothing else that a link wrote.
#[tokio::test]
async fn wishes_for_a_language_are_language_tags() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    signed_in(&world, &mut browser).await;
    let url =
        format!("{ISSUER}/logout?client_id=web&ui_locales=de-CH+%3Cscript%3E+fr+{}+x%0Ay", "a".repeat(36));
    let response = world.get(&mut browser, &url).await;
    let handle = location(&response).strip_prefix(&format!("{ISSUER}/sign-out/")).unwrap().to_owned();
    let own = BrowserId::from_headers(&browser.headers());
    let handle = InteractionHandle::from_text(&handle);
    let asked = world.provider.pending_sign_out(&world.server, &handle, own.as_ref()).await.unwrap();
    assert_eq!(asked.ask.ui_locales, ["de-CH", "fr"]);
    assert_eq!(asked.ask.client_name.as_deref(), Some("Web Shop"));
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
