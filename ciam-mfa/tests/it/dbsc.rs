//! Device Bound Session Credentials: registration, refresh, theft.

use ciam_core::http::{BrowserId, Peer};
use ciam_core::jose::{Algorithm, LocalSigner, sign, sign_with_header};
use ciam_core::journey::{Challenge, Requirements, Visitor};
use ciam_core::risk::Binding;
use ciam_core::session::Authenticated;
use ciam_mfa::dbsc::{
    BOUND_COOKIE, DbscError, DeviceBoundSessions, Refreshed, SECURE_SESSION_ID, SECURE_SESSION_REGISTRATION,
    SECURE_SESSION_RESPONSE,
};
use ciam_mfa::risk::AdaptiveRisk;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, json};
use std::sync::Arc;
use time::Duration;

use super::world::World;

const ADA: &str = "ada@example.com";

/// A browser that knows the draft: its key, and the cookie that it holds.
struct Browser {
    signer: LocalSigner,
    bound: Option<String>,
}

impl Browser {
    fn new(world: &World) -> Self {
        let signer = LocalSigner::generate(world.ports.crypto(), Algorithm::Es256).unwrap();
        Self { signer, bound: None }
    }

    /// A proof with the key in its header, as for a registration.
    async fn introduction(&self, challenge: &str) -> HeaderMap {
        let mut header = Map::new();
        header.insert("jwk".to_owned(), serde_json::to_value(self.signer.public_jwk().unwrap()).unwrap());
        let claims = json!({ "jti": challenge });
        response(&sign_with_header(&self.signer, "dbsc+jwt", &header, &claims).await.unwrap())
    }

    /// A proof for a refresh.
    async fn proof(&self, challenge: &str, id: &str) -> HeaderMap {
        let mut headers =
            response(&sign(&self.signer, "dbsc+jwt", &json!({ "jti": challenge })).await.unwrap());
        headers.insert(SECURE_SESSION_ID, quoted(id));
        headers
    }

    fn keep(&mut self, set_cookie: &HeaderValue) {
        let text = set_cookie.to_str().unwrap();
        assert!(text.starts_with(BOUND_COOKIE) && text.contains("Max-Age=600") && text.contains("HttpOnly"));
        self.bound = Some(text.split(';').next().unwrap().to_owned());
    }

    fn cookies(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(bound) = &self.bound {
            headers.insert(COOKIE, bound.parse().unwrap());
        }
        headers
    }
}

fn quoted(text: &str) -> HeaderValue {
    format!("\"{text}\"").parse().unwrap()
}

fn response(proof: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SECURE_SESSION_RESPONSE, quoted(proof));
    headers
}

/// The value of a parameter in a header.
fn parameter(value: &HeaderValue, name: &str) -> String {
    let text = value.to_str().unwrap();
    let rest = text.split_once(&format!("{name}=\"")).unwrap().1;
    rest.split('"').next().unwrap().to_owned()
}

fn service(world: &World) -> DeviceBoundSessions {
    DeviceBoundSessions::new(world.ports.clone(), world.sessions.clone())
}

/// Somebody signed in, and their browser has bound the session.
async fn bound(world: &World) -> (Browser, Authenticated) {
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let mut browser = Browser::new(world);
    let (name, offer) = service(world).offer(&current.session.value).await.unwrap();
    assert_eq!(name, SECURE_SESSION_REGISTRATION);
    assert!(offer.to_str().unwrap().starts_with("(ES256 RS256);path=\"/dbsc/register\";challenge=\""));
    let headers = browser.introduction(&parameter(&offer, "challenge")).await;
    let registered = service(world).register(&headers, &current).await.unwrap();
    browser.keep(&registered.cookie);
    let told = registered.instructions;
    assert_eq!(told["session_identifier"], current.session.value.id.to_string());
    assert_eq!(told["refresh_url"], "/dbsc/refresh");
    assert_eq!(told["scope"]["include_site"], false);
    assert_eq!(told["credentials"][0]["name"], BOUND_COOKIE);
    (browser, current)
}

/// The same person, with another session that is bound.
async fn bound_again(world: &World) -> (Browser, Authenticated) {
    let current = world.signed_in(ADA).await;
    let browser = Browser::new(world);
    let (_, offer) = service(world).offer(&current.session.value).await.unwrap();
    let headers = browser.introduction(&parameter(&offer, "challenge")).await;
    service(world).register(&headers, &current).await.unwrap();
    (browser, current)
}

async fn challenged(world: &World, id: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert(SECURE_SESSION_ID, quoted(id));
    match service(world).refresh(&headers).await.unwrap() {
        Refreshed::Challenge(_, value) => {
            assert_eq!(parameter(&value, "id"), id);
            value.to_str().unwrap().split('"').nth(1).unwrap().to_owned()
        }
        Refreshed::Renewed(_) => panic!("renewed without a proof"),
    }
}

#[tokio::test]
async fn a_session_is_bound_proves_it_and_goes_on_by_its_key() {
    let world = World::new().await;
    let (mut browser, current) = bound(&world).await;
    let (service, session) = (service(&world), &current.session.value);
    assert_eq!(service.binding(&browser.cookies(), session).await.unwrap(), Binding::Proved);
    world.clock.advance(Duration::minutes(10));
    assert_eq!(service.binding(&browser.cookies(), session).await.unwrap(), Binding::Missing);
    let id = session.id.to_string();
    let challenge = challenged(&world, &id).await;
    let Refreshed::Renewed(cookie) = service.refresh(&browser.proof(&challenge, &id).await).await.unwrap()
    else {
        panic!("not renewed");
    };
    browser.keep(&cookie);
    assert_eq!(service.binding(&browser.cookies(), session).await.unwrap(), Binding::Proved);
}

/// A bound cookie is of one session: with that of their own, nobody proves the session of somebody else.
#[tokio::test]
async fn the_bound_cookie_of_another_session_proves_nothing() {
    let world = World::new().await;
    let (browser, current) = bound(&world).await;
    let (service, other) = (service(&world), world.signed_in(ADA).await);
    let mut thief = Browser::new(&world);
    let (_, offer) = service.offer(&other.session.value).await.unwrap();
    let headers = thief.introduction(&parameter(&offer, "challenge")).await;
    thief.keep(&service.register(&headers, &other).await.unwrap().cookie);
    for (who, session, expected) in [
        (&browser, &current, Binding::Proved),
        (&thief, &other, Binding::Proved),
        (&thief, &current, Binding::Missing),
        (&browser, &other, Binding::Missing),
    ] {
        assert_eq!(service.binding(&who.cookies(), &session.session.value).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_session_that_is_not_bound_is_as_before() {
    let world = World::new().await;
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let binding = service(&world).binding(&HeaderMap::new(), &current.session.value).await.unwrap();
    assert_eq!(binding, Binding::None);
}

#[tokio::test]
async fn theft_of_every_cookie_lasts_as_long_as_the_bound_one() {
    let world = World::new().await;
    let (browser, current) = bound(&world).await;
    let (service, session) = (service(&world), &current.session.value);
    let id = session.id.to_string();
    // The thief has copied everything but the key.
    let thief = Browser { bound: browser.bound.clone(), ..Browser::new(&world) };
    world.clock.advance(Duration::minutes(10));
    let challenge = challenged(&world, &id).await;
    let forged = service.refresh(&thief.proof(&challenge, &id).await).await.unwrap_err();
    assert!(matches!(forged, DbscError::Proof), "{forged:?}");
    let own_key = {
        let mut headers = thief.introduction(&challenge).await;
        headers.insert(SECURE_SESSION_ID, quoted(&id));
        headers
    };
    let forged = service.refresh(&own_key).await.unwrap_err();
    assert!(matches!(forged, DbscError::Proof), "the key in the header is not asked for: {forged:?}");
    assert_eq!(service.binding(&thief.cookies(), session).await.unwrap(), Binding::Missing);
    // What the thief tried has ended nothing for the owner.
    let challenge = challenged(&world, &id).await;
    let renewed = service.refresh(&browser.proof(&challenge, &id).await).await.unwrap();
    assert!(matches!(renewed, Refreshed::Renewed(_)));
    // And nobody binds the session anew.
    let (_, offer) = service.offer(session).await.unwrap();
    let headers = thief.introduction(&parameter(&offer, "challenge")).await;
    assert!(matches!(service.register(&headers, &current).await.unwrap_err(), DbscError::Proof));
}

#[tokio::test]
async fn a_bound_session_without_its_proof_lifts_nothing() {
    let world = World::new().await;
    let (browser, current) = bound(&world).await;
    world.with_totp(&current).await;
    world.next_step();
    // A session with the password alone, of an account that has more.
    let current = world.signed_in(ADA).await;
    let engine = Arc::new(AdaptiveRisk::new(&world.ports));
    let ports = world.ports.clone().with_risk(engine);
    let journeys = ciam_core::journey::Journeys::new(ports, world.sessions.clone(), world.password.clone())
        .with_factor(Arc::new(ciam_mfa::otp::TotpFactor::new()))
        .with_policy(world.journeys.policy().clone());
    let secret: BrowserId = world.browser();
    for (binding, factor) in [(Binding::Proved, true), (Binding::None, true), (Binding::Missing, false)] {
        let visitor = Visitor::new(&secret, Peer::new([192, 0, 2, 1].into()))
            .with_session(Some(&current))
            .with_binding(binding);
        let aal2 = Requirements::default()
            .with_acr_values(vec![ciam_core::assurance::Acr::new("urn:ciam:acr:aal2")]);
        let (_, challenge) = journeys.begin_sign_in(&visitor, aal2).await.unwrap();
        let lifts = matches!(challenge, Challenge::Factor { .. });
        // Without the proof the whole sign-in is asked for: a copied cookie is no beginning.
        assert_eq!(lifts, factor, "{binding:?}: {challenge:?}");
    }
    drop(browser);
}

#[tokio::test]
async fn a_proof_is_for_its_challenge_its_session_and_its_time() {
    let world = World::new().await;
    let (browser, current) = bound(&world).await;
    let (service, id) = (service(&world), current.session.value.id.to_string());
    let is_challenged = |answer: Result<Refreshed, DbscError>| matches!(answer, Ok(Refreshed::Challenge(..)));
    // Used twice.
    let challenge = challenged(&world, &id).await;
    let headers = browser.proof(&challenge, &id).await;
    assert!(matches!(service.refresh(&headers).await.unwrap(), Refreshed::Renewed(_)));
    assert!(is_challenged(service.refresh(&headers).await));
    // Too late, and one that was never asked.
    let challenge = challenged(&world, &id).await;
    world.clock.advance(Duration::minutes(5));
    assert!(is_challenged(service.refresh(&browser.proof(&challenge, &id).await).await));
    assert!(is_challenged(service.refresh(&browser.proof("made up", &id).await).await));
    // Of another session.
    let other = world.signed_in(ADA).await;
    let (_, offer) = service.offer(&other.session.value).await.unwrap();
    let foreign = browser.proof(&parameter(&offer, "challenge"), &id).await;
    assert!(is_challenged(service.refresh(&foreign).await));
    // A session that has ended, though its time is not over.
    let (short_lived, ended) = bound_again(&world).await;
    let ended = ended.session.value.id;
    world.sessions.end(ended, ciam_core::session::SessionEnd::Revoked).await.unwrap();
    let of_ended = short_lived.proof("x", &ended.to_string()).await;
    assert!(matches!(service.refresh(&of_ended).await.unwrap_err(), DbscError::NoSession));
    // One that is not bound, none at all.
    let not_bound = browser.proof("x", &other.session.value.id.to_string()).await;
    assert!(matches!(service.refresh(&not_bound).await.unwrap_err(), DbscError::NoSession));
    assert!(matches!(service.refresh(&HeaderMap::new()).await.unwrap_err(), DbscError::NoSession));
    world.clock.advance(Duration::days(15));
    let gone = browser.proof("x", &id).await;
    assert!(matches!(service.refresh(&gone).await.unwrap_err(), DbscError::NoSession));
}

/// Whoever knows the id of a session makes no end of challenges for it.
#[tokio::test]
async fn challenges_are_counted() {
    let world = World::new().await;
    let (_, current) = bound(&world).await;
    let mut headers = HeaderMap::new();
    headers.insert(SECURE_SESSION_ID, quoted(&current.session.value.id.to_string()));
    for _ in 0..60 {
        service(&world).refresh(&headers).await.unwrap();
    }
    let many = service(&world).refresh(&headers).await.unwrap_err();
    assert!(matches!(many, DbscError::TooMany { .. }), "{many:?}");
}

#[tokio::test]
async fn a_key_is_of_an_algorithm_that_was_offered() {
    let world = World::new().await;
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    for algorithm in [Algorithm::Es384, Algorithm::EdDsa] {
        let signer = LocalSigner::generate(world.ports.crypto(), algorithm).unwrap();
        let browser = Browser { signer, bound: None };
        let (_, offer) = service(&world).offer(&current.session.value).await.unwrap();
        let headers = browser.introduction(&parameter(&offer, "challenge")).await;
        let refused = service(&world).register(&headers, &current).await.unwrap_err();
        assert!(matches!(refused, DbscError::Proof), "{refused:?}");
    }
}

#[tokio::test]
async fn a_registration_needs_the_challenge_of_its_session_and_a_key() {
    let world = World::new().await;
    world.account(ADA).await;
    let (current, other) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    let (service, browser) = (service(&world), Browser::new(&world));
    let (_, offer) = service.offer(&other.session.value).await.unwrap();
    let (_, offer_here) = service.offer(&current.session.value).await.unwrap();
    let here = parameter(&offer_here, "challenge");
    let without_key = response(&sign(&browser.signer, "dbsc+jwt", &json!({ "jti": here })).await.unwrap());
    let mut header = Map::new();
    header.insert("jwk".to_owned(), serde_json::to_value(browser.signer.public_jwk().unwrap()).unwrap());
    let claims = json!({ "jti": here });
    let of_another_type = sign_with_header(&browser.signer, "dpop+jwt", &header, &claims).await.unwrap();
    for (what, headers) in [
        ("of another session", browser.introduction(&parameter(&offer, "challenge")).await),
        ("made up", browser.introduction("made up").await),
        ("without a key", without_key),
        ("of another type", response(&of_another_type)),
        ("nothing", HeaderMap::new()),
        ("garbage", response("a.b.c")),
    ] {
        let refused = service.register(&headers, &current).await.unwrap_err();
        assert!(matches!(refused, DbscError::Proof), "{what}: {refused:?}");
    }
    assert!(service.register(&browser.introduction(&here).await, &current).await.is_ok());
}
