//! OpenID Connect Back-Channel Logout 1.0, at the provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::id::SessionId;
use ciam_core::jose::{AlgorithmSet, CompactJws, TokenType, Verifier};
use ciam_core::memory::MemoryNotifier;
use ciam_core::relay::{DeadLetters, Relay};
use ciam_core::session::SessionEnd;
use ciam_core::store::PageRequest;
use ciam_oauth::client::{Client, SubjectType};
use ciam_oidc::rp::{SignInOptions, SignedIn};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Browser, CALLBACK, ISSUER, World, claims_of, header_of, web_named};

const LOGOUT: &str = "https://app.example/backchannel";
const OTHER: &str = "https://other.example/logout?tenant=1";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn status(code: u16) -> Response<Bytes> {
    Response::builder().status(code).body(Bytes::new()).unwrap()
}

/// A provider that tells the client `web`, which answers, and a person who has signed in to it.
async fn signed_in() -> (World, Browser, SignedIn) {
    let world = World::with(|client| client.with_backchannel_logout_uri(LOGOUT), |config| config).await;
    world.outside.answer(LOGOUT, status(200));
    let mut browser = Browser::new(&world);
    let tokens = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    (world, browser, tokens)
}

fn relay(world: &World) -> Relay {
    let relay = Relay::new(world.ports.clone(), Arc::new(MemoryNotifier::new()));
    world.provider.backchannel_sinks(&world.server).into_iter().fold(relay, Relay::with_sink)
}

/// Delivers what is due, and what that makes due.
async fn deliver(relay: &Relay) {
    for _ in 0..4 {
        relay.deliver_pending().await.unwrap();
    }
}

/// The logout tokens that were posted, by URL.
fn posted(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in world.outside.requests() {
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        let pairs: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].0, "logout_token");
        all.entry(request.uri().to_string()).or_default().push(pairs[0].1.clone());
    }
    all
}

async fn session_of(world: &World, browser: &Browser) -> SessionId {
    let found = world.server.sessions().authenticate(&browser.headers()).await.unwrap();
    found.unwrap().session.value.id
}

async fn end(world: &World, browser: &Browser, reason: SessionEnd) {
    let id = session_of(world, browser).await;
    world.server.sessions().end(id, reason).await.unwrap();
}

#[tokio::test]
async fn s27_a_logout_token_says_what_section_2_4_says_and_nothing_else() {
    let (world, browser, signed_in) = signed_in().await;
    world.clock.advance(Duration::hours(3));
    end(&world, &browser, SessionEnd::SignedOut).await;
    deliver(&relay(&world)).await;
    let token = posted(&world)[LOGOUT][0].clone();
    assert_eq!(header_of(&token)["typ"], "logout+jwt");
    let claims = claims_of(&token);
    let id_token = claims_of(signed_in.tokens.id_token.expose());
    let now = world.ports.now().unix_timestamp();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], "web");
    assert_eq!(
        (claims["sub"].as_str(), claims["sid"].as_str()),
        (id_token["sub"].as_str(), id_token["sid"].as_str())
    );
    assert_eq!(claims["iat"], now);
    assert!((now + 1..=now + 120).contains(&claims["exp"].as_i64().unwrap()));
    assert!(claims["jti"].as_str().unwrap().len() > 20);
    assert_eq!(claims["events"], json!({ EVENT: {} }));
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"], "no nonce above all");

    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("logout+jwt"));
    let parsed = CompactJws::parse(&token, verifier.limits()).unwrap();
    let keys = world.server.keys().keys_for(parsed.header().kid.as_deref()).await.unwrap();
    assert!(verifier.verify_parsed(parsed, keys.remembered_keys()).is_ok());
}

#[tokio::test]
async fn every_end_of_a_session_is_told_once() {
    for reason in [
        SessionEnd::SignedOut,
        SessionEnd::Revoked,
        SessionEnd::Replaced,
        SessionEnd::PasswordChanged,
        SessionEnd::AccountStopped,
        SessionEnd::LimitReached,
        SessionEnd::DeviceRevoked,
    ] {
        let (world, browser, _) = signed_in().await;
        let relay = relay(&world);
        deliver(&relay).await;
        assert!(posted(&world).is_empty(), "{reason:?}: nothing ended yet");
        end(&world, &browser, reason).await;
        deliver(&relay).await;
        deliver(&relay).await;
        assert_eq!(posted(&world)[LOGOUT].len(), 1, "{reason:?}");
    }
}

#[tokio::test]
async fn an_end_that_is_delivered_twice_is_told_once() {
    let (world, browser, _) = signed_in().await;
    end(&world, &browser, SessionEnd::SignedOut).await;
    let relay = relay(&world);
    let sinks = world.provider.backchannel_sinks(&world.server);
    deliver(&relay).await;
    let session = claims_of(&posted(&world)[LOGOUT][0])["sid"].as_str().unwrap().to_owned();
    let again = Event::new(&world.ports, ciam_core::event::EventType::SESSION_ENDED, "account:x").unwrap();
    sinks[0].deliver(&again.with("session", session)).await.unwrap();
    deliver(&relay).await;
    assert_eq!(posted(&world)[LOGOUT].len(), 1);
}

/// Registers another client with its own logout URI, and signs the browser in to it.
async fn other_client(world: &World, browser: &mut Browser, change: impl FnOnce(Client) -> Client) -> Value {
    world.outside.answer(OTHER, status(204));
    let client = change(web_named("other").with_backchannel_logout_uri(OTHER));
    world.server.clients().register(client).await.unwrap();
    let back = world.follow(browser, &World::request("other", &[])).await;
    assert!(back.starts_with(CALLBACK));
    claims_of(world.exchange("other", &back).await["id_token"].as_str().unwrap())
}

#[tokio::test]
async fn each_client_of_the_session_is_told_by_the_names_that_it_knows() {
    let (world, mut browser, first) = signed_in().await;
    let pairwise =
        |client: Client| client.with_subject_type(SubjectType::Pairwise).requiring_backchannel_session();
    let second = other_client(&world, &mut browser, pairwise).await;
    // Somebody else's session, in another browser, is none of it.
    let mut elsewhere = Browser::new(&world);
    world.sign_in(&mut elsewhere, &SignInOptions::new()).await.unwrap();

    end(&world, &browser, SessionEnd::Revoked).await;
    deliver(&relay(&world)).await;
    let all = posted(&world);
    let (web, other) = (claims_of(&all[LOGOUT][0]), claims_of(&all[OTHER][0]));
    assert_eq!((all[LOGOUT].len(), all[OTHER].len()), (1, 1));
    assert_eq!(web["sid"], claims_of(first.tokens.id_token.expose())["sid"]);
    assert_eq!(
        (&other["sub"], &other["sid"], &other["aud"]),
        (&second["sub"], &second["sid"], &json!("other"))
    );
    assert_ne!(web["sub"], other["sub"]);
    assert_ne!(web["sid"], other["sid"], "two pairwise clients cannot join sessions");
    assert!(world.server.sessions().authenticate(&elsewhere.headers()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_client_that_fails_is_tried_again_and_no_other_waits_for_it() {
    let (world, mut browser, _) = signed_in().await;
    other_client(&world, &mut browser, |client| client).await;
    for _ in 0..2 {
        world.outside.answer_once(LOGOUT, Ok(status(500)));
    }
    world.outside.answer_once(LOGOUT, Err(PortError::transient("it hangs")));
    end(&world, &browser, SessionEnd::SignedOut).await;
    let relay = relay(&world);
    deliver(&relay).await;
    assert_eq!(posted(&world)[OTHER].len(), 1, "the other is told at once");
    for _ in 0..12 {
        world.clock.advance(Duration::minutes(10));
        deliver(&relay).await;
    }
    let tokens = posted(&world).remove(LOGOUT).unwrap();
    assert_eq!(tokens.len(), 4, "three failures, then it was taken");
    let last = claims_of(tokens.last().unwrap());
    assert!(last["iat"].as_i64() > claims_of(&tokens[0])["iat"].as_i64(), "a fresh token each time");
    assert_ne!(last["jti"], claims_of(&tokens[0])["jti"]);
}

#[tokio::test]
async fn a_refusal_is_a_dead_letter_and_is_not_repeated() {
    let (world, browser, _) = signed_in().await;
    world.outside.answer(LOGOUT, status(400));
    end(&world, &browser, SessionEnd::SignedOut).await;
    let relay = relay(&world);
    for _ in 0..5 {
        deliver(&relay).await;
        world.clock.advance(Duration::hours(1));
    }
    assert_eq!(posted(&world)[LOGOUT].len(), 1);
    let dead = DeadLetters::new(world.ports.clone()).list(None, PageRequest::first(10)).await.unwrap();
    assert_eq!(dead.items.len(), 1);
    assert_eq!(dead.items[0].destination, "oidc.backchannel-logout");
}

#[tokio::test]
async fn clients_that_registered_no_uri_or_none_any_more_are_not_told() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    end(&world, &browser, SessionEnd::SignedOut).await;
    deliver(&relay(&world)).await;
    assert!(posted(&world).is_empty());

    let (world, browser, _) = signed_in().await;
    let clients = world.server.clients();
    let id = "web".parse().unwrap();
    let found = clients.get(&id).await.unwrap().unwrap();
    let mut changed = found.value.clone();
    changed.backchannel_logout_uri = None;
    clients.update(&found, changed).await.unwrap();
    end(&world, &browser, SessionEnd::SignedOut).await;
    deliver(&relay(&world)).await;
    assert!(posted(&world).is_empty());
}

#[tokio::test]
async fn only_an_https_address_without_a_fragment_is_registered() {
    let world = World::new().await;
    for (index, bad) in [
        "http://app.example/logout",
        "https://app.example/logout#x",
        "https://user@app.example/logout",
        "app.example/logout",
        "javascript:alert(1)",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let client = web_named(&format!("bad-{index}")).with_backchannel_logout_uri(bad);
        assert!(world.server.clients().register(client).await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_tell_does_not_say_that_it_does() {
    let config = ProviderConfig::new(format!("{ISSUER}/a/"), format!("{ISSUER}/b"));
    let provider = OpenIdProvider::new(config.with_only_algorithm(ciam_core::jose::Algorithm::Es256));
    let server = ciam_oauth::AuthorizationServer::builder(ciam_core::memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url(format!("{ISSUER}/interaction/"))
        .extension(Arc::new(provider))
        .build()
        .await
        .unwrap();
    assert!(server.metadata().get("backchannel_logout_supported").is_none());
}

#[tokio::test]
async fn a_logout_token_is_no_id_token_hint() {
    let (world, browser, _) = signed_in().await;
    end(&world, &browser, SessionEnd::SignedOut).await;
    deliver(&relay(&world)).await;
    let token = posted(&world)[LOGOUT][0].clone();
    let mut other = Browser::new(&world);
    let response = world.get(&mut other, &format!("{ISSUER}/logout?id_token_hint={token}")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
