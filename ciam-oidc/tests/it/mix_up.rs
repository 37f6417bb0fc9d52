//! A relying party with several providers, one of them hostile, and responses that are delivered to the wrong place
//! ([RFC 9700, section 4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4); S5, S6, S30).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ciam_core::http::Params;
use ciam_oidc::rp::{Authentication, RelyingParty, RelyingPartyConfig, SignInError, SignInOptions};
use http::Response;
use serde_json::{Value, json};

use crate::world::{Browser, CALLBACK, ISSUER, SECRET, World, param, response_of};

const EVIL: &str = "https://evil.example";

fn changed(response: &Response<Bytes>, change: impl Fn(&mut Value)) -> Response<Bytes> {
    let mut body: Value = serde_json::from_slice(response.body()).unwrap();
    change(&mut body);
    response.clone().map(|_| Bytes::from(body.to_string()))
}

/// Counts the requests to the token endpoint, of whichever provider.
fn count_exchanges(world: &World) -> Arc<AtomicUsize> {
    let exchanges = Arc::new(AtomicUsize::new(0));
    let counted = exchanges.clone();
    world.tamper(move |path, response| {
        if path == "/token" {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        response
    });
    exchanges
}

/// The same application as a client of a hostile provider, beside the honest one: same store, same redirect URI.
async fn hostile(world: &World, promises_iss: bool) -> RelyingParty {
    world.tamper(move |path, response| {
        if path != "/.well-known/openid-configuration" {
            return response;
        }
        changed(&response, |body| {
            body["issuer"] = json!(EVIL);
            // It sends the browser on to the honest provider, and wants the code.
            body["token_endpoint"] = json!("https://evil.example/token");
            body["authorization_response_iss_parameter_supported"] = json!(promises_iss);
        })
    });
    let config = RelyingPartyConfig::new(EVIL, "web", Authentication::SecretBasic(SECRET.into()), CALLBACK);
    let party = RelyingParty::new(world.rp_ports.clone(), config);
    party.metadata().await.unwrap();
    world.tamper(|_, response| response);
    party
}

fn without(response: &Params, name: &str) -> Params {
    Params::from_pairs(response.pairs().iter().filter(|(known, _)| known != name).cloned().collect())
}

/// The attack itself: the person chooses the hostile provider, which hands the browser on to the honest one. The honest
/// provider's `iss` gives it away, and the code is sent to nobody.
#[tokio::test]
async fn s5_the_honest_providers_code_never_reaches_the_hostile_one() {
    let world = World::new().await;
    for promises_iss in [true, false] {
        let evil = hostile(&world, promises_iss).await;
        let exchanges = count_exchanges(&world);
        let mut browser = Browser::new(&world);
        let url = evil.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
        let back = world.follow(&mut browser, &url).await;
        assert_eq!(param(&back, "iss").as_deref(), Some(ISSUER));
        let refused = evil.finish(Some(&browser.at_party), &response_of(&back)).await.unwrap_err();
        assert!(matches!(refused, SignInError::OtherIssuer), "{refused:?}");
        assert_eq!(exchanges.load(Ordering::SeqCst), 0, "the code was sent to nobody");
    }
}

/// S30: a state belongs to the provider that it was made for, even where no response says whose it is.
#[tokio::test]
async fn s30_a_response_is_finished_by_the_party_that_began() {
    let world = World::new().await;
    let evil = hostile(&world, false).await;
    let exchanges = count_exchanges(&world);
    for removed in ["", "iss"] {
        let mut browser = Browser::new(&world);
        let url = world.party.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
        let response = without(&response_of(&world.follow(&mut browser, &url).await), removed);
        let refused = evil.finish(Some(&browser.at_party), &response).await.unwrap_err();
        assert!(matches!(refused, SignInError::OtherIssuer), "{removed}: {refused:?}");
        // It is used up: nobody tries it again at the other.
        let again = world.party.finish(Some(&browser.at_party), &response).await.unwrap_err();
        assert!(matches!(again, SignInError::UnknownState), "{removed}: {again:?}");
    }
    assert_eq!(exchanges.load(Ordering::SeqCst), 0);
}

/// A provider that does not send `iss` is believed to be itself; one that sends another is not.
#[tokio::test]
async fn rfc9207_2_4_an_issuer_that_is_there_is_checked_whether_or_not_it_was_promised() {
    let world = World::new().await;
    world.tamper(|path, response| {
        if path != "/.well-known/openid-configuration" {
            return response;
        }
        changed(&response, |body| body["authorization_response_iss_parameter_supported"] = json!(false))
    });
    for (iss, accepted) in
        [(None, true), (Some(ISSUER), true), (Some(EVIL), false), (Some("https://id.example/"), false)]
    {
        let mut browser = Browser::new(&world);
        let url = world.party.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
        let response = without(&response_of(&world.follow(&mut browser, &url).await), "iss");
        let mut pairs = response.pairs().to_vec();
        pairs.extend(iss.map(|iss| ("iss".to_owned(), iss.to_owned())));
        match world.party.finish(Some(&browser.at_party), &Params::from_pairs(pairs)).await {
            Ok(_) => assert!(accepted, "{iss:?}"),
            Err(refused) => {
                assert!(!accepted && matches!(refused, SignInError::OtherIssuer), "{iss:?}: {refused:?}");
            }
        }
    }
}

/// S6: a code that an attacker got is put into the victim's response. PKCE gives it away at the provider; the victim signs
/// in as nobody, and the attacker's code is not used up by it.
#[tokio::test]
async fn s6_an_injected_code_is_refused_by_its_challenge() {
    let world = World::new().await;
    let (mut attacker, mut victim) = (Browser::new(&world), Browser::new(&world));
    let url = world.party.begin(&attacker.at_party, &SignInOptions::new(), None).await.unwrap();
    let stolen = response_of(&world.follow(&mut attacker, &url).await);
    let url = world.party.begin(&victim.at_party, &SignInOptions::new(), None).await.unwrap();
    let own = response_of(&world.follow(&mut victim, &url).await);
    let mut pairs = without(&own, "code").pairs().to_vec();
    pairs.push(("code".to_owned(), stolen.one("code").unwrap().unwrap().to_owned()));
    let refused = world.party.finish(Some(&victim.at_party), &Params::from_pairs(pairs)).await.unwrap_err();
    assert!(matches!(&refused, SignInError::Refused { code } if code == "invalid_grant"), "{refused:?}");
    world.party.finish(Some(&attacker.at_party), &stolen).await.unwrap();
}

/// 100 tabs deliver one response: one of them signs in, and one exchange is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_deliveries_of_one_response_one_signs_in() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let url = world.party.begin(&browser.at_party, &SignInOptions::new(), None).await.unwrap();
    let response = Arc::new(response_of(&world.follow(&mut browser, &url).await));
    let exchanges = count_exchanges(&world);
    let start = Arc::new(tokio::sync::Barrier::new(100));
    let deliveries: Vec<_> = (0..100)
        .map(|_| {
            let (party, browser) = (world.party.clone(), browser.at_party.clone());
            let (response, start) = (response.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                party.finish(Some(&browser), &response).await
            })
        })
        .collect();
    let mut signed_in = 0;
    for delivery in deliveries {
        match delivery.await.unwrap() {
            Ok(_) => signed_in += 1,
            Err(refused) => assert!(matches!(refused, SignInError::UnknownState), "{refused:?}"),
        }
    }
    assert_eq!((signed_in, exchanges.load(Ordering::SeqCst)), (1, 1));
}

/// The token endpoint's answer is read strictly, and its error only as a code.
#[tokio::test]
async fn answers_of_the_token_endpoint_that_cannot_be_used() {
    let world = World::new().await;
    for (status, body, expected) in [
        (200, json!({ "token_type": "DPoP" }), "Malformed"),
        (200, json!({ "token_type": null }), "Malformed"),
        (200, json!({ "access_token": 7 }), "Malformed"),
        (200, json!({ "expires_in": -1 }), "Malformed"),
        (200, json!({ "id_token": null }), "IdToken(Missing)"),
        (
            400,
            json!({ "error": "invalid_grant", "error_description": "<b>" }),
            "Refused { code: \"invalid_grant\" }",
        ),
        (400, json!({ "error": "<script>" }), "Refused { code: \"unknown\" }"),
    ] {
        let changes = body.clone();
        world.tamper(move |path, response| {
            if path != "/token" {
                return response;
            }
            let mut response = changed(&response, |body| {
                for (name, value) in changes.as_object().unwrap() {
                    body[name] = value.clone();
                }
            });
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response
        });
        let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
        assert_eq!(format!("{refused:?}"), expected, "{body}");
    }
    world.tamper(
        |path, response| {
            if path == "/token" { Response::new(Bytes::from_static(b"<html>")) } else { response }
        },
    );
    let refused = world.sign_in(&mut Browser::new(&world), &SignInOptions::new()).await.unwrap_err();
    assert!(matches!(refused, SignInError::Malformed | SignInError::Exchange(_)), "{refused:?}");
}
