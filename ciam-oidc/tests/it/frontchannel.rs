//! Front-channel logout.

use ciam_core::http::BrowserId;
use ciam_core::interaction::InteractionHandle;
use ciam_oauth::authorize::Visitor;
use ciam_oauth::client::SubjectType;
use ciam_oidc::rp::SignInOptions;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use http::{Response, StatusCode};
use time::Duration;
use url::Url;

use crate::world::{AFTER_SIGN_OUT, Browser, CALLBACK, ISSUER, World, claims_of, web_named};

const FRAME: &str = "https://app.example/bye-frame?t=1";

async fn world() -> World {
    World::with(|client| client.with_frontchannel_logout_uri(FRAME), |party| party).await
}

fn location(response: &Response<bytes::Bytes>) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

/// The addresses in the frames of a page.
fn frames(page: &Response<bytes::Bytes>) -> Vec<Url> {
    let body = std::str::from_utf8(page.body()).unwrap();
    let parts = body.split("<iframe src=\"").skip(1);
    parts.map(|part| Url::parse(&part.split('"').next().unwrap().replace("&amp;", "&")).unwrap()).collect()
}

fn value(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
}

/// Section 2 and 3: every client of the session is loaded in a frame, with who has ended which session, and the browser goes
/// on to where the sign-out was to end.
#[tokio::test]
async fn fcl_2_every_client_of_the_session_is_loaded_in_a_frame() {
    let world = world().await;
    let other = web_named("other")
        .with_frontchannel_logout_uri("https://app.example/other")
        .with_subject_type(SubjectType::Pairwise);
    world.server.clients().register(other).await.unwrap();
    world.server.clients().register(web_named("quiet")).await.unwrap();
    let mut browser = Browser::new(&world);
    let tokens = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap().tokens;
    for client in ["other", "quiet"] {
        let back = world.follow(&mut browser, &World::request(client, &[])).await;
        world.exchange(client, &back).await;
    }
    // Another session of the same person keeps its clients.
    let mut elsewhere = Browser::new(&world);
    world.sign_in(&mut elsewhere, &SignInOptions::new()).await.unwrap();

    let url =
        world.party.sign_out_url(Some(&tokens.id_token), Some(AFTER_SIGN_OUT), Some("s")).await.unwrap();
    let page_url = location(&world.get(&mut browser, &url.unwrap()).await);
    assert!(!browser.has_session());
    assert!(page_url.starts_with(&format!("{ISSUER}/logout/clients/")), "{page_url}");
    let page = world.get(&mut browser, &page_url).await;
    assert_eq!(page.status(), StatusCode::OK);
    let mut found = frames(&page);
    found.sort();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].as_str().starts_with(FRAME), "{found:?}");
    for frame in &found {
        assert_eq!(value(frame, "iss"), ISSUER);
    }
    let sid = claims_of(tokens.id_token.expose())["sid"].as_str().unwrap().to_owned();
    assert_eq!(value(&found[0], "sid"), sid);
    assert_ne!(value(&found[1], "sid"), sid, "a pairwise client knows another name");
    let body = std::str::from_utf8(page.body()).unwrap();
    assert_eq!(body.matches(&format!("{AFTER_SIGN_OUT}?state=s")).count(), 2, "by a link and by itself");
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("frame-src https://app.example;") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
    assert!(elsewhere.has_session());
}

/// After a question too, and not by a stranger who does not know the page's name.
#[tokio::test]
async fn clients_are_told_after_a_question_too() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let asked = location(&world.get(&mut browser, &format!("{ISSUER}/logout")).await);
    let handle = InteractionHandle::from_text(asked.strip_prefix(&format!("{ISSUER}/sign-out/")).unwrap());
    let own = BrowserId::from_headers(&browser.headers());
    assert!(world.provider.pending_sign_out(&world.server, &handle, own.as_ref()).await.is_ok());
    let visitor = Visitor::from_headers(&world.server, &browser.headers()).await.unwrap();
    let next = world.provider.confirm_sign_out(&world.server, &handle, &visitor).await.unwrap();
    assert_eq!(frames(&world.get(&mut browser, &next).await).len(), 1);

    for stranger in ["x", "", "../clients/x"] {
        let page = world.get(&mut browser, &format!("{ISSUER}/logout/clients/{stranger}")).await;
        assert!(frames(&page).is_empty());
    }
    world.clock.advance(Duration::minutes(6));
    assert_eq!(location(&world.get(&mut browser, &next).await), format!("{ISSUER}/signed-out"));
}

/// A session whose clients want nothing goes straight on.
#[tokio::test]
async fn without_such_clients_there_is_no_page() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let tokens = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap().tokens;
    let url = world.party.sign_out_url(Some(&tokens.id_token), Some(AFTER_SIGN_OUT), None).await.unwrap();
    assert_eq!(location(&world.get(&mut browser, &url.unwrap()).await), AFTER_SIGN_OUT);
}

/// Section 2: at the origin of a redirect URI, and `https`.
#[tokio::test]
async fn fcl_2_a_frame_is_the_clients_own() {
    let world = World::new().await;
    assert!(CALLBACK.starts_with("https://app.example/"));
    for uri in [
        "https://evil.example/bye",
        "http://app.example/bye",
        "https://app.example:8443/bye",
        "https://app.example/bye#x",
        "javascript:alert(1)",
        "/bye",
    ] {
        let client = web_named("new").with_frontchannel_logout_uri(uri);
        assert!(world.server.clients().register(client).await.is_err(), "{uri}");
    }
}
