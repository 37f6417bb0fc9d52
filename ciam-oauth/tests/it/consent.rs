//! Consent: asked once, remembered, extended, taken back.

use ciam_core::consent::Consent;
use ciam_core::interaction::{Ask, ConsentAsk};
use ciam_core::store;
use ciam_oauth::authorize::ConsentDecision;
use ciam_oauth::error::AnswerError;

use crate::support::{Browser, World, handle, request};

async fn asked(world: &World, browser: &Browser, text: &str) -> ConsentAsk {
    let visitor = browser.visitor(world).await;
    match world.server.interaction(&handle(text), visitor.browser.as_ref()).await.unwrap().ask {
        Ask::Consent(ask) => ask,
        other => panic!("{other:?}"),
    }
}

async fn answer(
    world: &World,
    browser: &Browser,
    text: &str,
    decision: ConsentDecision,
) -> Result<String, AnswerError> {
    world.server.answer_consent(&handle(text), &browser.visitor(world).await, decision).await
}

async fn remembered(world: &World, browser: &Browser) -> Option<Vec<String>> {
    let account = browser.visitor(world).await.session().unwrap().account;
    let key = Consent::record_key(account, "client:web");
    let found = store::load::<Consent>(world.ports.store(), &key).await.unwrap();
    found.map(|consent| consent.value.allowed.into_iter().collect())
}

async fn signed_in() -> (World, Browser) {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    world.events().await;
    (world, browser)
}

fn allow(scopes: &str) -> ConsentDecision {
    ConsentDecision::Allow(scopes.parse().unwrap())
}

#[tokio::test]
async fn consent_is_asked_once_and_then_incrementally() {
    let (world, mut browser) = signed_in().await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    let ask = asked(&world, &browser, &text).await;
    assert_eq!(ask.client_name.as_deref(), Some("Web Shop"));
    assert_eq!((ask.scopes, ask.already_allowed), (vec!["profile:read".to_owned()], vec![]));
    answer(&world, &browser, &text, ConsentDecision::AllowAll).await.unwrap();
    assert_eq!(remembered(&world, &browser).await, None, "nothing is remembered before it is done");
    browser.resume(&world, &text).await.code();
    assert_eq!(remembered(&world, &browser).await.unwrap(), ["profile:read"]);
    let names = world.event_names().await;
    assert!(names.contains(&"ciam.consent.given.v1".to_owned()), "{names:?}");

    // The same again: nothing to ask.
    browser.authorize(&world, &request("web", &[])).await.code();
    // More: only what is new is asked.
    let more = request("web", &[("scope", Some("profile:read orders:read"))]);
    let text = browser.authorize(&world, &more).await.handle();
    let ask = asked(&world, &browser, &text).await;
    assert_eq!(ask.scopes, ["orders:read"]);
    assert_eq!(ask.already_allowed, ["profile:read"]);
    answer(&world, &browser, &text, ConsentDecision::AllowAll).await.unwrap();
    let code = browser.resume(&world, &text).await.code();
    assert_eq!(world.code(&code).await.scopes.to_string(), "orders:read profile:read");
    assert_eq!(remembered(&world, &browser).await.unwrap(), ["orders:read", "profile:read"]);
    // Another person is asked for themselves.
    let mut other = Browser::new();
    other.sign_in(&world, &world.account().await).await;
    assert!(other.authorize(&world, &request("web", &[])).await.is_interaction());
}

#[tokio::test]
async fn a_part_may_be_allowed() {
    let (world, mut browser) = signed_in().await;
    let wide = request("web", &[("scope", Some("profile:read orders:read orders:write"))]);
    let text = browser.authorize(&world, &wide).await.handle();
    assert!(matches!(
        answer(&world, &browser, &text, allow("stock:read")).await,
        Err(AnswerError::ScopeNotAsked)
    ));
    answer(&world, &browser, &text, allow("profile:read orders:read")).await.unwrap();
    let code = browser.resume(&world, &text).await.code();
    assert_eq!(world.code(&code).await.scopes.to_string(), "orders:read profile:read");
    assert_eq!(remembered(&world, &browser).await.unwrap(), ["orders:read", "profile:read"]);
    // What was refused is asked again the next time it is wanted.
    let text = browser.authorize(&world, &wide).await.handle();
    assert_eq!(asked(&world, &browser, &text).await.scopes, ["orders:write"]);
    // Refusing the rest leaves what was allowed before.
    answer(&world, &browser, &text, allow("")).await.unwrap();
    let code = browser.resume(&world, &text).await.code();
    assert_eq!(world.code(&code).await.scopes.to_string(), "orders:read profile:read");
}

#[tokio::test]
async fn nothing_allowed_is_a_refusal() {
    let (world, mut browser) = signed_in().await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    answer(&world, &browser, &text, allow("")).await.unwrap();
    assert_eq!(browser.resume(&world, &text).await.error(), "access_denied");
    assert_eq!(remembered(&world, &browser).await, None);
}

#[tokio::test]
async fn a_refusal_is_access_denied_and_final() {
    let (world, mut browser) = signed_in().await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    answer(&world, &browser, &text, ConsentDecision::Deny).await.unwrap();
    let reply = browser.resume(&world, &text).await;
    assert_eq!(reply.error(), "access_denied");
    assert_eq!(reply.param("state").as_deref(), Some("st4te"));
    let events = world.events().await;
    let refused = events.iter().find(|event| event.event_type.as_str().ends_with("refused.v1")).unwrap();
    assert_eq!(refused.data["error"], "access_denied");
    assert_eq!(refused.data["client"], "web");
    assert_eq!(browser.resume(&world, &text).await.status(), http::StatusCode::GONE);
}

/// `prompt=consent` asks for everything, even of what is the operator's own, and may take back.
#[tokio::test]
async fn prompt_consent_asks_again_and_may_take_back() {
    let (world, mut browser) = signed_in().await;
    let wide = request("web", &[("scope", Some("profile:read orders:read"))]);
    let text = browser.authorize(&world, &wide).await.handle();
    answer(&world, &browser, &text, ConsentDecision::AllowAll).await.unwrap();
    browser.resume(&world, &text).await.code();
    world.events().await;

    let mut again = wide.clone();
    again.push(("prompt", "consent"));
    let text = browser.authorize(&world, &again).await.handle();
    assert_eq!(asked(&world, &browser, &text).await.scopes, ["orders:read", "profile:read"]);
    answer(&world, &browser, &text, allow("profile:read")).await.unwrap();
    let code = browser.resume(&world, &text).await.code();
    assert_eq!(world.code(&code).await.scopes.to_string(), "profile:read");
    assert_eq!(remembered(&world, &browser).await.unwrap(), ["profile:read"]);
    assert!(world.event_names().await.contains(&"ciam.consent.withdrawn.v1".to_owned()));

    let own = request("own", &[("prompt", Some("consent"))]);
    assert!(browser.authorize(&world, &own).await.is_interaction());
}

/// A consent for a resource is for that resource.
#[tokio::test]
async fn consent_is_given_for_a_resource() {
    let (world, mut browser) = signed_in().await;
    let at = |resource: &'static str| {
        request("web", &[("scope", Some("orders:read")), ("resource", Some(resource))])
    };
    let text = browser.authorize(&world, &at("https://api.example")).await.handle();
    assert_eq!(asked(&world, &browser, &text).await.resources, ["https://api.example"]);
    answer(&world, &browser, &text, ConsentDecision::AllowAll).await.unwrap();
    browser.resume(&world, &text).await.code();
    assert_eq!(remembered(&world, &browser).await.unwrap(), ["https://api.example orders:read"]);
    browser.authorize(&world, &at("https://api.example")).await.code();
    assert!(browser.authorize(&world, &at("https://stock.example")).await.is_interaction());
}

/// A client that asks for no scope still learns who the person is: somebody has to agree.
#[tokio::test]
async fn a_request_for_nothing_needs_consent_too() {
    let (world, mut browser) = signed_in().await;
    world.change_client("web", |client| client.scopes = ciam_oauth::scope::ScopeSet::new()).await;
    let nothing = request("web", &[("scope", None)]);
    let text = browser.authorize(&world, &nothing).await.handle();
    answer(&world, &browser, &text, ConsentDecision::AllowAll).await.unwrap();
    browser.resume(&world, &text).await.code();
    browser.authorize(&world, &nothing).await.code();
}

/// Two tabs that extend the consent at the same time lose neither's.
#[tokio::test]
async fn concurrent_consents_are_merged() {
    let (world, mut browser) = signed_in().await;
    let first = browser.authorize(&world, &request("web", &[("scope", Some("profile:read"))])).await.handle();
    let second = browser.authorize(&world, &request("web", &[("scope", Some("orders:read"))])).await.handle();
    for text in [&first, &second] {
        answer(&world, &browser, text, ConsentDecision::AllowAll).await.unwrap();
    }
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (one, two) = tokio::join!(one.resume(&world, &first), two.resume(&world, &second));
    one.code();
    two.code();
    assert_eq!(remembered(&world, &browser).await.unwrap(), ["orders:read", "profile:read"]);
}
