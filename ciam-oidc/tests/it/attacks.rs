//! Attacks on the relying party: responses that do not belong to it, tokens that do not hold, providers that lie.

use bytes::Bytes;
use ciam_core::encoding::base64url;
use ciam_core::http::{Params, Peer};
use ciam_core::jose::RemoteKeys;
use ciam_oauth::validate::{ValidateError, Validator};
use ciam_oidc::rp::{DiscoveryError, IdTokenError, SignInError, SignInOptions};
use http::{Request, Response};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Browser, ISSUER, World, claims_of, response_of};

async fn authorized(world: &World, browser: &mut Browser) -> Params {
    let url = world.party.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
    response_of(&world.follow(browser, &url).await)
}

fn with(params: &Params, name: &str, value: Option<&str>) -> Params {
    let mut pairs: Vec<_> = params.pairs().iter().filter(|(known, _)| known != name).cloned().collect();
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    Params::from_pairs(pairs)
}

#[tokio::test]
async fn s11_a_response_in_another_browser_is_refused() {
    let world = World::new().await;
    let (mut attacker, victim) = (Browser::new(&world), Browser::new(&world));
    let response = authorized(&world, &mut attacker).await;
    let refused = world.party.finish(Some(&victim.at_party), &response).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherBrowser), "{refused:?}");
    let response = authorized(&world, &mut attacker).await;
    let refused = world.party.finish(None, &response).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherBrowser), "{refused:?}");
}

#[tokio::test]
async fn a_response_is_good_once_and_in_time() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let response = authorized(&world, &mut browser).await;
    world.party.finish(Some(&browser.at_party), &response).await.unwrap();
    let replayed = world.party.finish(Some(&browser.at_party), &response).await.unwrap_err();
    assert!(matches!(replayed, SignInError::UnknownState), "{replayed:?}");
    let response = authorized(&world, &mut browser).await;
    world.clock.advance(Duration::minutes(30));
    let late = world.party.finish(Some(&browser.at_party), &response).await.unwrap_err();
    assert!(matches!(late, SignInError::UnknownState), "{late:?}");
}

#[tokio::test]
async fn s5_a_response_without_the_right_issuer_is_refused() {
    let world = World::new().await;
    for iss in [None, Some("https://evil.example"), Some("https://id.example/"), Some("")] {
        let mut browser = Browser::new(&world);
        let response = authorized(&world, &mut browser).await;
        let refused =
            world.party.finish(Some(&browser.at_party), &with(&response, "iss", iss)).await.unwrap_err();
        assert!(matches!(refused, SignInError::OtherIssuer), "{iss:?}: {refused:?}");
    }
}

#[tokio::test]
async fn malformed_responses_are_refused() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let response = authorized(&world, &mut browser).await;
    let twice: Vec<_> = response.pairs().iter().chain(response.pairs()).cloned().collect();
    for bad in [Params::from_pairs(twice), with(&response, "state", None), Params::default()] {
        let refused = world.party.finish(Some(&browser.at_party), &bad).await.unwrap_err();
        assert!(matches!(refused, SignInError::Malformed), "{refused:?}");
    }
    let refused =
        world.party.finish(Some(&browser.at_party), &with(&response, "code", None)).await.unwrap_err();
    assert!(matches!(refused, SignInError::Malformed), "{refused:?}");
}

#[tokio::test]
async fn an_error_is_told_by_its_code_and_never_by_its_text() {
    let world = World::new().await;
    for (error, expected) in [("access_denied", "access_denied"), ("<script>", "unknown"), ("A B", "unknown")]
    {
        let mut browser = Browser::new(&world);
        let response =
            with(&with(&authorized(&world, &mut browser).await, "code", None), "error", Some(error));
        let refused = world.party.finish(Some(&browser.at_party), &response).await.unwrap_err();
        assert!(matches!(&refused, SignInError::Declined { code, .. } if code == expected), "{refused:?}");
    }
}

/// Changes the claims of the ID token in the token response; the signature is then somebody else's.
fn change_id_token(world: &World, change: impl Fn(&str) -> String + Send + Sync + 'static) {
    world.tamper(move |path, response| {
        if path != "/token" {
            return response;
        }
        let mut body: Value = serde_json::from_slice(response.body()).unwrap();
        body["id_token"] = json!(change(body["id_token"].as_str().unwrap()));
        response.map(|_| Bytes::from(body.to_string()))
    });
}

fn reheader(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", base64url::encode(header.to_string().as_bytes()))
}

#[tokio::test]
async fn s15_an_id_token_that_was_changed_does_not_hold() {
    let world = World::new().await;
    type Change = fn(&str) -> String;
    let changes: [Change; 8] = [
        |token| reheader(token, &json!({ "alg": "none" })),
        |token| {
            let unsigned = reheader(token, &json!({ "alg": "none", "typ": "JWT" }));
            format!("{}.", unsigned.rsplit_once('.').unwrap().0)
        },
        |token| reheader(token, &json!({ "alg": "HS256", "typ": "JWT" })),
        |token| reheader(token, &json!({ "alg": "ES256", "typ": "at+jwt" })),
        |token| format!("{token}A"),
        |token| token.replacen('.', "..", 1),
        |_| String::new(),
        |token| {
            let mut parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
            let mut claims: Value = serde_json::from_slice(&base64url::decode(&parts[1]).unwrap()).unwrap();
            claims["sub"] = json!("somebody else");
            parts[1] = base64url::encode(claims.to_string().as_bytes());
            parts.join(".")
        },
    ];
    for (position, change) in changes.into_iter().enumerate() {
        change_id_token(&world, change);
        let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
        let expected = matches!(refused, SignInError::IdToken(IdTokenError::Signature));
        assert!(expected, "row {position}: {refused:?}");
    }
}

/// The tokens of one sign-in, given to another: signed by the right provider, for the right client, and still wrong.
#[tokio::test]
async fn s6_the_id_token_of_another_sign_in_does_not_hold() {
    let world = World::new().await;
    let stolen = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
    let id_token = stolen.tokens.id_token.expose().to_owned();
    change_id_token(&world, move |_| id_token.clone());
    let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
    assert!(matches!(refused, SignInError::IdToken(IdTokenError::Nonce)), "{refused:?}");
}

/// Both are signed by the provider, and neither is the other: RFC 8725, section 3.11; S23.
#[tokio::test]
async fn s23_an_access_token_is_no_id_token_and_the_reverse() {
    let world = World::new().await;
    let good = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap().tokens;
    let (id_token, access_token) = (good.id_token.expose().to_owned(), good.access_token.expose().to_owned());
    assert_eq!(access_token.split('.').count(), 3, "a JWT, of the same key");

    // The relying party is sent the access token of the same answer.
    world.tamper(|path, response| {
        if path != "/token" {
            return response;
        }
        let mut body: Value = serde_json::from_slice(response.body()).unwrap();
        body["id_token"] = body["access_token"].clone();
        response.map(|_| Bytes::from(body.to_string()))
    });
    let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
    assert!(matches!(refused, SignInError::IdToken(IdTokenError::Signature)), "{refused:?}");

    // A resource, and the provider's own UserInfo endpoint, are sent the id_token.
    let keys = RemoteKeys::new(world.rp_ports.clone(), format!("{ISSUER}/jwks"));
    let audience = claims_of(&access_token)["aud"].clone();
    let audience = audience.as_str().or_else(|| audience[0].as_str()).unwrap();
    for audience in [audience, "web"] {
        let validator = Validator::new(ISSUER.parse().unwrap(), audience, keys.clone());
        let now = world.ports.now();
        assert_eq!(validator.validate_or_fetch(&id_token, now).await.unwrap_err(), ValidateError::Type);
        assert_eq!(validator.validate_or_fetch(&access_token, now).await.is_ok(), audience != "web");
    }
    for (token, status) in [(access_token, 200), (id_token, 401)] {
        let request = Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
        let request = request.body(Bytes::new()).unwrap();
        let response = world.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn s26_an_access_token_that_was_swapped_is_noticed() {
    let world = World::new().await;
    world.tamper(|path, response| {
        if path != "/token" {
            return response;
        }
        let mut body: Value = serde_json::from_slice(response.body()).unwrap();
        body["access_token"] = json!("somebody-elses-access-token");
        response.map(|_| Bytes::from(body.to_string()))
    });
    let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
    assert!(matches!(refused, SignInError::IdToken(IdTokenError::AccessToken)), "{refused:?}");
}

#[tokio::test]
async fn s25_userinfo_about_somebody_else_is_refused() {
    let world = World::new().await;
    let signed_in = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap();
    world.tamper(|path, response| {
        let other = json!({ "sub": "somebody else", "email": "eve@example.com" }).to_string();
        if path == "/userinfo" { response.map(|_| Bytes::from(other)) } else { response }
    });
    let refused = world.party.userinfo(&signed_in.tokens).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherPerson), "{refused:?}");
}

#[tokio::test]
async fn s17_metadata_of_another_issuer_and_redirects_are_refused() {
    let world = World::new().await;
    world.tamper(|path, response| {
        if path != "/.well-known/openid-configuration" {
            return response;
        }
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        response.map(|_| {
            Bytes::from(
                text.replace("\"issuer\":\"https://id.example\"", "\"issuer\":\"https://evil.example\""),
            )
        })
    });
    let refused =
        world.party.begin(&Browser::new(&world).at_party, &SignInOptions::new(), None).await.unwrap_err();
    assert!(matches!(refused, SignInError::Discovery(DiscoveryError::OtherIssuer)), "{refused:?}");
    world.tamper(|_, _| {
        Response::builder()
            .status(302)
            .header("location", "http://169.254.169.254/")
            .body(Bytes::new())
            .unwrap()
    });
    let refused =
        world.party.begin(&Browser::new(&world).at_party, &SignInOptions::new(), None).await.unwrap_err();
    assert!(matches!(refused, SignInError::Discovery(DiscoveryError::Fetch(_))), "{refused:?}");
}

#[tokio::test]
async fn an_expired_id_token_does_not_hold() {
    let world = World::new().await;
    let clock = world.clock.clone();
    world.tamper(move |path, response| {
        if path == "/token" {
            clock.advance(Duration::minutes(11));
        }
        response
    });
    let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
    assert!(matches!(refused, SignInError::IdToken(IdTokenError::Time)), "{refused:?}");
}
