//! Sign-ins that somebody else starts (OpenID Connect Core, section 4).

use ciam_core::http::{Params, ParamsLimits};
use ciam_oidc::OpenIdProvider;
use ciam_oidc::rp::{InitiatedLogin, SignInError};
use url::Url;

use crate::world::{Browser, ISSUER, World, param, response_of, web};

fn params(query: &str) -> Params {
    Params::parse(query, ParamsLimits::default()).unwrap()
}

/// The whole way: the provider's link leads to the client, and from there through a sign-in of its own.
#[tokio::test]
async fn core_4_the_providers_link_starts_a_sign_in() {
    let world = World::new().await;
    let client = web().with_display({
        let mut display = ciam_oauth::client::ClientDisplay::default();
        display.initiate_login_uri = Some("https://app.example/start?from=id".to_owned());
        display
    });
    let link = OpenIdProvider::initiate_login_url(
        &world.server,
        &client,
        Some("ada@example.com"),
        Some("https://app.example/orders"),
    );
    let link = Url::parse(&link.unwrap()).unwrap();
    assert!(link.as_str().starts_with("https://app.example/start?from=id&iss="), "{link}");
    assert_eq!(OpenIdProvider::initiate_login_url(&world.server, &web(), None, None), None);

    let login = InitiatedLogin::parse(&params(link.query().unwrap())).unwrap();
    let mut browser = Browser::new(&world);
    let url = world.party.begin_initiated(&browser.at_party, &login).await.unwrap();
    assert_eq!(
        Url::parse(&url).unwrap().query_pairs().find(|(n, _)| n == "login_hint").unwrap().1,
        "ada@example.com"
    );
    let back = world.follow(&mut browser, &url).await;
    assert!(param(&back, "code").is_some());
    let signed_in = world.party.finish(Some(&browser.at_party), &response_of(&back)).await.unwrap();
    assert_eq!(signed_in.return_to.as_deref(), Some("https://app.example/orders"));
}

/// "MUST verify the value of the target_link_uri to prevent being used as an open redirector".
#[tokio::test]
async fn core_4_nobody_is_led_elsewhere() {
    let world = World::new().await;
    for target in [
        "https://evil.example/orders",
        "https://app.example.evil.example/",
        "https://app.example@evil.example/",
        "https://user@app.example/",
        "http://app.example/orders",
        "https://app.example:8443/",
        "//evil.example",
        "/\\evil.example",
        "https:\\\\app.example\\x",
        "javascript:alert(1)",
        "data:text/html,x",
    ] {
        let mut login = InitiatedLogin::parse(&params(&format!("iss={ISSUER}"))).unwrap();
        login.target = Some(target.to_owned());
        let mut browser = Browser::new(&world);
        let url = world.party.begin_initiated(&browser.at_party, &login).await.unwrap();
        let back = world.follow(&mut browser, &url).await;
        let signed_in = world.party.finish(Some(&browser.at_party), &response_of(&back)).await.unwrap();
        assert_eq!(signed_in.return_to, None, "{target}");
    }
}

#[tokio::test]
async fn core_4_requests_that_start_nothing() {
    let world = World::new().await;
    for query in [
        "",
        "login_hint=ada",
        "iss=&login_hint=ada",
        "iss=https%3A%2F%2Fid.example&iss=https%3A%2F%2Fid.example",
    ] {
        assert!(matches!(InitiatedLogin::parse(&params(query)), Err(SignInError::Malformed)), "{query}");
    }
    let browser = Browser::new(&world);
    for issuer in ["https://evil.example", "https://id.example/", "https://ID.example"] {
        let mut login = InitiatedLogin::parse(&params(&format!("iss={ISSUER}"))).unwrap();
        login.issuer = issuer.to_owned();
        let refused = world.party.begin_initiated(&browser.at_party, &login).await;
        assert!(matches!(refused, Err(SignInError::OtherIssuer)), "{issuer}");
    }
}
