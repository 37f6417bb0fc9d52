//! `prompt`, `max_age`, `acr_values`: when a person is asked again, and what is told when nobody may be asked.

use ciam_core::assurance::{Acr, Amr, FactorKind, Proof};
use ciam_core::interaction::{Ask, SignInAsk};
use time::Duration;

use crate::support::{Browser, World, handle, request};

const AAL2: &str = "urn:ciam:acr:aal2";

async fn ask(world: &World, browser: &Browser, text: &str) -> Ask {
    let visitor = browser.visitor(world).await;
    world.server.interaction(&handle(text), visitor.browser.as_ref()).await.unwrap().ask
}

async fn sign_in_ask(world: &World, browser: &Browser, text: &str) -> SignInAsk {
    match ask(world, browser, text).await {
        Ask::SignIn(ask) => ask,
        other => panic!("{other:?}"),
    }
}

fn password(world: &World) -> Proof {
    Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], world.ports.now())
}

fn otp(world: &World) -> Proof {
    Proof::new(Amr::OTP, [FactorKind::Possession], world.ports.now())
}

/// S8: with `prompt=none` nothing is ever shown; what would have been asked is the error.
#[tokio::test]
async fn s8_prompt_none_never_asks() {
    let world = World::new().await;
    let person = world.account().await;
    let mut nobody = Browser::new();
    let mut somebody = Browser::new();
    somebody.sign_in(&world, &person).await;
    let none = |client: &'static str, more: &[(&'static str, Option<&'static str>)]| {
        let mut changes = vec![("prompt", Some("none"))];
        changes.extend(more);
        request(client, &changes)
    };
    assert_eq!(nobody.authorize(&world, &none("own", &[])).await.error(), "login_required");
    assert_eq!(nobody.authorize(&world, &none("web", &[])).await.error(), "login_required");
    assert_eq!(somebody.authorize(&world, &none("web", &[])).await.error(), "consent_required");
    assert!(!somebody.authorize(&world, &none("own", &[])).await.code().is_empty());

    world.clock.advance(Duration::seconds(11));
    let old = none("own", &[("max_age", Some("10"))]);
    assert_eq!(somebody.authorize(&world, &old).await.error(), "login_required");
    // A wish is no demand: the person is signed in, if not as well as the client would like.
    let wish = none("own", &[("acr_values", Some(AAL2))]);
    assert!(!somebody.authorize(&world, &wish).await.code().is_empty());
    assert_eq!((nobody.binding(), somebody.binding()), (None, None), "no interaction was opened");
}

/// OpenID Connect Core, section 3.1.2.1: `login` asks for a new sign-in, whatever session there is, once.
#[tokio::test]
async fn prompt_login_wants_a_sign_in_after_the_request() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(5));
    let reply = browser.authorize(&world, &request("own", &[("prompt", Some("login"))])).await;
    let text = reply.handle();
    let asked = sign_in_ask(&world, &browser, &text).await;
    assert_eq!(asked.reasons, ["prompt_login"]);
    assert_eq!(asked.authenticated_since, Some(world.ports.now()));

    // Coming back without having signed in changes nothing, however often.
    for _ in 0..3 {
        assert_eq!(browser.resume(&world, &text).await.handle(), text);
    }
    world.clock.advance(Duration::seconds(5));
    browser.sign_in(&world, &person).await;
    assert!(!browser.resume(&world, &text).await.code().is_empty());
}

#[tokio::test]
async fn prompt_create_leads_to_registration() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    let reply = browser.authorize(&world, &request("own", &[("prompt", Some("create"))])).await;
    let text = reply.handle();
    assert!(sign_in_ask(&world, &browser, &text).await.create);
    world.clock.advance(Duration::seconds(30));
    browser.sign_in(&world, &person).await;
    assert!(!browser.resume(&world, &text).await.code().is_empty());
}

#[tokio::test]
async fn max_age_wants_a_recent_sign_in() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(60));
    let with = |seconds: &'static str| request("own", &[("max_age", Some(seconds))]);
    assert!(!browser.authorize(&world, &with("60")).await.code().is_empty());
    let reply = browser.authorize(&world, &with("59")).await;
    let text = reply.handle();
    let asked = sign_in_ask(&world, &browser, &text).await;
    assert_eq!(asked.reasons, ["max_age"]);
    assert_eq!(asked.authenticated_since, Some(world.ports.now() - Duration::seconds(59)));
    browser.sign_in(&world, &person).await;
    assert!(!browser.resume(&world, &text).await.code().is_empty());
}

/// `max_age=0` is `prompt=login` by another name, and can be satisfied.
#[tokio::test]
async fn max_age_zero_wants_a_sign_in_and_accepts_it() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(1));
    let reply = browser.authorize(&world, &request("own", &[("max_age", Some("0"))])).await;
    let text = reply.handle();
    world.clock.advance(Duration::seconds(1));
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(2));
    assert!(!browser.resume(&world, &text).await.code().is_empty());
}

/// A sign-in in the interaction does not stay fresh for as long as the interaction lives.
#[tokio::test]
async fn max_age_is_checked_again_when_the_person_took_long() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    let reply = browser.authorize(&world, &request("web", &[("max_age", Some("10"))])).await;
    let text = reply.handle();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::minutes(10));
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    assert_eq!(sign_in_ask(&world, &browser, &text).await.reasons, ["max_age"]);
}

#[tokio::test]
async fn a_clients_default_max_age_applies() {
    let world = World::new().await;
    let person = world.account().await;
    world.change_client("own", |client| client.default_max_age = Some(10)).await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(11));
    assert!(browser.authorize(&world, &request("own", &[])).await.is_interaction());
    let asked_for_more = request("own", &[("max_age", Some("3600"))]);
    assert!(!browser.authorize(&world, &asked_for_more).await.code().is_empty());
}

/// One visit to the pages satisfies everything that a sign-in can satisfy.
#[tokio::test]
async fn all_reasons_for_a_sign_in_are_told_at_once() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(100));
    let changes = [
        ("prompt", Some("login")),
        ("max_age", Some("10")),
        ("acr_values", Some(AAL2)),
        ("login_hint", Some("ada@example.com")),
        ("ui_locales", Some("de-CH en !")),
    ];
    let reply = browser.authorize(&world, &request("own", &changes)).await;
    let asked = sign_in_ask(&world, &browser, &reply.handle()).await;
    assert_eq!(asked.reasons, ["prompt_login", "max_age", "acr"]);
    assert_eq!(asked.authenticated_since, Some(world.ports.now()), "the later of the two");
    assert_eq!(asked.acr_values, [Acr::new(AAL2)]);
    assert_eq!(asked.login_hint.as_deref(), Some("ada@example.com"));
    assert_eq!(asked.ui_locales, ["de-CH", "en"]);
}

#[tokio::test]
async fn a_wished_level_is_tried_once() {
    let world = World::new().await;
    let person = world.account().await;
    let wish = request("own", &[("acr_values", Some(AAL2))]);

    // Reached: two kinds of factor.
    let mut strong = Browser::new();
    strong.sign_in_with(&world, &person, [password(&world), otp(&world)]).await;
    assert!(!strong.authorize(&world, &wish).await.code().is_empty());

    // Tried and not reached: what was reached is good enough.
    let mut weak = Browser::new();
    weak.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(1));
    let text = weak.authorize(&world, &wish).await.handle();
    assert_eq!(sign_in_ask(&world, &weak, &text).await.reasons, ["acr"]);
    world.clock.advance(Duration::seconds(1));
    weak.sign_in(&world, &person).await;
    assert!(!weak.resume(&world, &text).await.code().is_empty());

    // The host knows that the person cannot.
    let mut none = Browser::new();
    none.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(1));
    let text = none.authorize(&world, &wish).await.handle();
    let visitor = none.visitor(&world).await;
    world.server.answer_cannot_step_up(&handle(&text), visitor.browser.as_ref()).await.unwrap();
    assert!(!none.resume(&world, &text).await.code().is_empty());

    // A level that this server does not have is nobody's to reach.
    let unknown = request("own", &[("acr_values", Some("gold"))]);
    assert!(!none.authorize(&world, &unknown).await.code().is_empty());
}

/// A level fades: the second factor counts for twelve hours.
#[tokio::test]
async fn a_level_is_computed_from_proofs_of_their_age() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in_with(&world, &person, [password(&world), otp(&world)]).await;
    let wish = request("own", &[("acr_values", Some(AAL2))]);
    world.clock.advance(Duration::hours(11));
    assert!(!browser.authorize(&world, &wish).await.code().is_empty());
    world.clock.advance(Duration::hours(2));
    assert!(browser.authorize(&world, &wish).await.is_interaction());
}

#[tokio::test]
async fn prompt_select_account_wants_a_choice() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.clock.advance(Duration::seconds(1));
    let select = request("own", &[("prompt", Some("select_account"))]);
    let text = browser.authorize(&world, &select).await.handle();
    let Ask::SelectAccount(asked) = ask(&world, &browser, &text).await else { panic!() };
    assert_eq!(asked.reasons, ["prompt_select_account"]);
    assert_eq!(browser.resume(&world, &text).await.handle(), text, "not without a choice");
    let visitor = browser.visitor(&world).await;
    world.server.answer_account(&handle(&text), &visitor).await.unwrap();
    assert!(!browser.resume(&world, &text).await.code().is_empty());

    // Signing in as somebody else is a choice too.
    let other = world.account().await;
    let text = browser.authorize(&world, &select).await.handle();
    world.clock.advance(Duration::seconds(1));
    browser.sign_in(&world, &other).await;
    let code = browser.resume(&world, &text).await.code();
    assert_eq!(world.code(&code).await.account, other.value.id);

    let none = request("own", &[("prompt", Some("none"))]);
    assert!(!browser.authorize(&world, &none).await.code().is_empty());
}
