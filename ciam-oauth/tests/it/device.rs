//! Device authorization: RFC 8628; S12.

use std::net::{IpAddr, Ipv4Addr};

use ciam_core::account::Account;
use ciam_core::http::Peer;
use ciam_core::interaction::Ask;
use ciam_core::store::Versioned;
use ciam_oauth::ServerBuilder;
use ciam_oauth::authorize::{ConsentDecision, Step};
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::device::{DeviceSettings, UserCodeError};
use ciam_oauth::dpop::DpopSigner;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Browser, SECRET, World, handle, peer};
use crate::tokens::{Answer, get, post, post_as};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn on(builder: ServerBuilder) -> ServerBuilder {
    builder.device(DeviceSettings::new("/device", "/device/done"))
}

/// A world with the clients `spa-tv` (public), `spa-tv2` like it, and `till` (confidential).
async fn world() -> World {
    let world = World::with(on).await;
    let able = |client: Client| {
        client
            .with_name("Living room television")
            .with_grant(GrantType::DeviceCode)
            .with_grant(GrantType::RefreshToken)
            .with_scopes("orders:read profile:read offline_access".parse().unwrap())
    };
    let secret = ClientAuthentication::basic(&ClientSecret::new(SECRET).unwrap());
    for client in [
        Client::public("spa-tv".parse().unwrap()),
        Client::public("spa-tv2".parse().unwrap()),
        Client::confidential("till".parse().unwrap(), secret),
    ] {
        world.server.clients().register(able(client)).await.unwrap();
    }
    world
}

async fn begin(world: &World, client: &str) -> Value {
    let answer = ask(world, client, &[("scope", "orders:read offline_access")]).await;
    assert!(answer.is_ok(), "{answer:?}");
    answer.body
}

async fn ask(world: &World, client: &str, params: &[(&str, &str)]) -> Answer {
    post_as(&world.server, "/device_authorization", client, params).await
}

async fn poll(world: &World, client: &str, begun: &Value) -> Answer {
    let code = begun["device_code"].as_str().unwrap();
    post_as(&world.server, "/token", client, &[("grant_type", DEVICE_GRANT), ("device_code", code)]).await
}

fn user_code(begun: &Value) -> &str {
    begun["user_code"].as_str().unwrap()
}

/// A signed-in person's browser, at the question for a device.
struct Asked {
    browser: Browser,
    handle: String,
}

impl Asked {
    async fn by(world: &World, account: &Versioned<Account>, begun: &Value) -> Self {
        let mut browser = Browser::new();
        browser.sign_in(world, account).await;
        let handle = typed(world, &mut browser, user_code(begun)).await;
        Self { browser, handle }
    }

    async fn ask(&self, world: &World) -> Ask {
        let visitor = self.browser.visitor(world).await;
        world.server.interaction(&handle(&self.handle), visitor.browser.as_ref()).await.unwrap().ask
    }

    /// Answers, and goes where the browser is sent.
    async fn answer(&mut self, world: &World, decision: ConsentDecision) -> (u16, Option<String>) {
        let visitor = self.browser.visitor(world).await;
        world.server.answer_consent(&handle(&self.handle), &visitor, decision).await.unwrap();
        let reply = self.browser.resume(world, &self.handle.clone()).await;
        // Where the browser goes is for this browser, now (S4).
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        (reply.status().as_u16(), reply.header("location").map(str::to_owned))
    }
}

/// What the host's page does with a code that was typed.
async fn typed(world: &World, browser: &mut Browser, code: &str) -> String {
    let visitor = browser.visitor(world).await;
    match world.server.verify_device(code, &visitor, &peer()).await.unwrap() {
        Step::Interact(pause) => {
            if let Some(id) = pause.new_browser {
                let cookie = id.set_cookie().unwrap();
                let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                browser.cookies.insert(name.to_owned(), value.to_owned());
            }
            pause.url.strip_prefix("https://id.example/interaction/").unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    }
}

async fn approve(world: &World, begun: &Value) {
    let account = world.account().await;
    let done = Asked::by(world, &account, begun).await.answer(world, ConsentDecision::AllowAll).await;
    assert_eq!(done, (303, Some("https://id.example/device/done?outcome=approved".to_owned())));
}

/// RFC 8628, section 3.2.
#[tokio::test]
async fn rfc8628_3_2_what_the_device_is_told() {
    let world = world().await;
    let answer = ask(&world, "spa-tv", &[("scope", "orders:read")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = &answer.body;
    assert_eq!(body["verification_uri"], "https://id.example/device");
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["interval"], 5);
    assert_eq!(body["device_code"].as_str().unwrap().len(), 43);
    let complete = format!("https://id.example/device?user_code={}", user_code(body));
    assert_eq!(body["verification_uri_complete"], complete);
    let other = begin(&world, "spa-tv").await;
    assert_ne!(user_code(&other), user_code(body));
}

/// RFC 8628, sections 3.3 to 3.5: from the code to the tokens, by the same sign-in and consent as anywhere.
#[tokio::test]
async fn rfc8628_3_4_a_device_is_authorized() {
    let world = world().await;
    for client in ["spa-tv", "till"] {
        let begun = begin(&world, client).await;
        assert_eq!(poll(&world, client, &begun).await.error(), (400, "authorization_pending"));

        let mut browser = Browser::new();
        let typed = typed(&world, &mut browser, &user_code(&begun).to_lowercase().replace('-', "")).await;
        let visitor = browser.visitor(&world).await;
        let pending = world.server.interaction(&handle(&typed), visitor.browser.as_ref()).await.unwrap();
        assert!(matches!(pending.ask, Ask::SignIn(_)), "{:?}", pending.ask);
        let account = world.account().await;
        browser.sign_in(&world, &account).await;
        assert!(browser.resume(&world, &typed).await.is_interaction());
        let mut asked = Asked { browser, handle: typed };
        let Ask::Consent(question) = asked.ask(&world).await else { panic!() };
        assert_eq!(question.client_name.as_deref(), Some("Living room television"));
        assert_eq!(question.user_code.as_deref(), Some(user_code(&begun)));
        let done = asked.answer(&world, ConsentDecision::AllowAll).await;
        assert_eq!(done, (303, Some("https://id.example/device/done?outcome=approved".to_owned())));

        let tokens = poll(&world, client, &begun).await.tokens();
        assert_eq!(tokens.body["scope"], "offline_access orders:read");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
        assert!(post_as(&world.server, "/token", client, &refresh).await.is_ok());
    }
    let names = world.event_names().await;
    assert!(names.iter().any(|name| name == "ciam.oauth.grant.created.v1"), "{names:?}");
    assert!(
        names.iter().any(|name| name == "ciam.consent.given.v1" || name.contains("consent")),
        "{names:?}"
    );
}

/// S12: the person is asked each time, whatever they allowed before and whoever the client belongs to.
#[tokio::test]
async fn s12_a_device_is_confirmed_always() {
    let world = world().await;
    let account = world.account().await;
    let first = begin(&world, "spa-tv").await;
    Asked::by(&world, &account, &first).await.answer(&world, ConsentDecision::AllowAll).await;
    world.change_client("spa-tv", |client| client.first_party = true).await;
    let second = begin(&world, "spa-tv").await;
    let asked = Asked::by(&world, &account, &second).await;
    let Ask::Consent(question) = asked.ask(&world).await else { panic!() };
    assert!(question.scopes.is_empty(), "nothing new");
    assert_eq!(question.user_code.as_deref(), Some(user_code(&second)));
    assert_eq!(poll(&world, "spa-tv", &second).await.error().1, "authorization_pending");
}

/// A person who refuses, or goes away, gives the device nothing.
#[tokio::test]
async fn rfc8628_3_5_access_denied() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    let account = world.account().await;
    let done = Asked::by(&world, &account, &begun).await.answer(&world, ConsentDecision::Deny).await;
    assert_eq!(done, (303, Some("https://id.example/device/done?outcome=refused".to_owned())));
    for _ in 0..2 {
        assert_eq!(poll(&world, "spa-tv", &begun).await.error(), (400, "access_denied"));
    }
    let visitor = Browser::new().visitor(&world).await;
    let again = world.server.verify_device(user_code(&begun), &visitor, &peer()).await;
    assert!(matches!(again, Err(UserCodeError::Unknown)), "a code that was answered is used");
}

/// S12: the tokens are given out once; who asks again ends them, because one of the two is a thief.
#[tokio::test]
async fn s12_a_device_code_is_used_once() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    approve(&world, &begun).await;
    let all = join_all((0..32).map(|_| poll(&world, "spa-tv", &begun))).await;
    let won: Vec<&Answer> = all.iter().filter(|answer| answer.is_ok()).collect();
    assert_eq!(won.len(), 1);
    let lost = all.iter().filter(|answer| !answer.is_ok());
    assert!(lost.into_iter().all(|answer| answer.error() == (400, "invalid_grant")));
    let access = won[0].body["access_token"].as_str().unwrap();
    assert!(world.server.inspect(access).await.unwrap().is_none(), "replayed");
}

/// S12: of two people, or two tabs, one answer counts.
#[tokio::test]
async fn s12_one_answer_counts() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    let (ada, eve) = (world.account().await, world.account().await);
    let mut first = Asked::by(&world, &ada, &begun).await;
    let mut second = Asked::by(&world, &eve, &begun).await;
    assert_eq!(first.answer(&world, ConsentDecision::Deny).await.0, 303);
    assert_eq!(second.answer(&world, ConsentDecision::AllowAll).await, (410, None));
    assert_eq!(poll(&world, "spa-tv", &begun).await.error().1, "access_denied");
}

/// S12: another client's device code is refused, and not burnt.
#[tokio::test]
async fn s12_a_device_code_belongs_to_its_client() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    assert_eq!(poll(&world, "spa-tv2", &begun).await.error(), (400, "invalid_grant"), "pending");
    approve(&world, &begun).await;
    assert_eq!(poll(&world, "spa-tv2", &begun).await.error(), (400, "invalid_grant"), "approved");
    assert_eq!(poll(&world, "till", &begun).await.error(), (400, "invalid_grant"));
    assert!(poll(&world, "spa-tv", &begun).await.is_ok());
    assert_eq!(poll(&world, "spa-tv2", &begun).await.error(), (400, "invalid_grant"), "spent");
    let unknown = json!({ "device_code": "x".repeat(43) });
    assert_eq!(poll(&world, "spa-tv", &unknown).await.error(), (400, "invalid_grant"));
}

/// RFC 8628, section 3.5: a device that does not wait is told to wait longer.
#[tokio::test]
async fn rfc8628_3_5_slow_down() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    let after = |seconds: i64| world.clock.advance(Duration::seconds(seconds));
    assert_eq!(poll(&world, "spa-tv", &begun).await.error().1, "authorization_pending");
    after(4);
    assert_eq!(poll(&world, "spa-tv", &begun).await.error(), (400, "slow_down"));
    after(9);
    assert_eq!(poll(&world, "spa-tv", &begun).await.error().1, "slow_down", "ten seconds now");
    after(15);
    assert_eq!(poll(&world, "spa-tv", &begun).await.error().1, "authorization_pending");
    let all = join_all((0..8).map(|_| poll(&world, "spa-tv", &begun))).await;
    assert!(all.iter().all(|answer| answer.error().1 == "slow_down"));
    approve(&world, &begun).await;
    assert!(poll(&world, "spa-tv", &begun).await.is_ok(), "nobody waits for an answer that is there");
}

#[tokio::test]
async fn rfc8628_3_5_expired_token() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    let account = world.account().await;
    let mut asked = Asked::by(&world, &account, &begun).await;
    world.clock.advance(Duration::minutes(10));
    assert_eq!(poll(&world, "spa-tv", &begun).await.error(), (400, "expired_token"));
    let visitor = Browser::new().visitor(&world).await;
    let late = world.server.verify_device(user_code(&begun), &visitor, &peer()).await;
    assert!(matches!(late, Err(UserCodeError::Unknown)));
    assert_eq!(
        asked.answer(&world, ConsentDecision::AllowAll).await,
        (410, None),
        "an answer that comes late"
    );
    assert_eq!(poll(&world, "spa-tv", &begun).await.error(), (400, "expired_token"));
    let approved = begin(&world, "spa-tv").await;
    approve(&world, &approved).await;
    world.clock.advance(Duration::minutes(10));
    assert_eq!(poll(&world, "spa-tv", &approved).await.error(), (400, "expired_token"));
}

/// S12: codes are not guessed. The right one is refused as well when too many were tried, and a neighbour is not hindered.
#[tokio::test]
async fn s12_user_codes_are_not_guessed() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    let visitor = Browser::new().visitor(&world).await;
    let here = peer();
    let try_ = |code: &'static str| world.server.verify_device(code, &visitor, &here);
    for code in ["BBBB-BBBB", "x", "", "BBBB-BBBC", "", "BBBB-BBBD", "x", "y", "z", "BBBB-BBBF"] {
        assert!(matches!(try_(code).await, Err(UserCodeError::Unknown)), "{code}");
    }
    let right = world.server.verify_device(user_code(&begun), &visitor, &peer()).await;
    assert!(matches!(right, Err(UserCodeError::TooMany)));
    let neighbour = Peer::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)));
    assert!(world.server.verify_device(user_code(&begun), &visitor, &neighbour).await.is_ok());
    world.clock.advance(Duration::minutes(20));
    assert!(matches!(try_("BBBB-BBBB").await, Err(UserCodeError::Unknown)));
}

/// S29: a client cannot fill the memory.
#[tokio::test]
async fn s29_device_authorizations_are_counted() {
    let world = world().await;
    for _ in 0..100 {
        assert!(ask(&world, "spa-tv", &[("scope", "orders:read")]).await.is_ok());
    }
    let refused = ask(&world, "spa-tv", &[("scope", "orders:read")]).await;
    assert_eq!(refused.error(), (429, "temporarily_unavailable"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(ask(&world, "till", &[("scope", "orders:read")]).await.is_ok(), "another client");
}

/// RFC 8628, section 3.1: what is refused at the authorization endpoint is refused here.
#[tokio::test]
async fn rfc8628_3_1_bad_requests() {
    let world = world().await;
    let none = post(&world.server, "/device_authorization", None, &[("scope", "orders:read")]).await;
    assert_eq!(none.error(), (401, "invalid_client"));
    assert_eq!(ask(&world, "web", &[("scope", "orders:read")]).await.error(), (400, "unauthorized_client"));
    for (params, error) in [
        (vec![("scope", "orders:write")], "invalid_scope"),
        (vec![("scope", "\"")], "invalid_scope"),
        (vec![], "invalid_scope"),
        (vec![("scope", "orders:read"), ("resource", "https://unknown.example")], "invalid_target"),
        (vec![("scope", "orders:read"), ("scope", "orders:read")], "invalid_request"),
    ] {
        assert_eq!(ask(&world, "spa-tv", &params).await.error(), (400, error), "{params:?}");
    }
    let no_code = [("grant_type", DEVICE_GRANT)];
    assert_eq!(post_as(&world.server, "/token", "spa-tv", &no_code).await.error(), (400, "invalid_request"));
    let begun = begin(&world, "spa-tv").await;
    assert_eq!(poll(&world, "web", &begun).await.error(), (400, "unauthorized_client"));
    let as_code = [
        ("grant_type", "authorization_code"),
        ("code", begun["device_code"].as_str().unwrap()),
        ("redirect_uri", "https://app.example/cb"),
    ];
    assert_eq!(
        post_as(&world.server, "/token", "web", &as_code).await.error(),
        (400, "invalid_grant"),
        "S31"
    );
}

/// The registration of now counts, not that of when the device asked.
#[tokio::test]
async fn a_client_that_lost_the_grant_or_was_removed() {
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    let account = world.account().await;
    let mut asked = Asked::by(&world, &account, &begun).await;
    world
        .change_client("spa-tv", |client| {
            client.grants = [GrantType::AuthorizationCode].into_iter().collect();
            client.redirect_uris = vec!["https://app.example/cb".parse().unwrap()];
        })
        .await;
    let done = asked.answer(&world, ConsentDecision::AllowAll).await;
    assert_eq!(done, (303, Some("https://id.example/device/done?outcome=refused".to_owned())));
    assert_eq!(poll(&world, "spa-tv", &begun).await.error(), (400, "unauthorized_client"));
}

/// The tokens of a device are bound to its key like any others.
#[tokio::test]
async fn rfc9449_5_the_tokens_of_a_device_are_bound() {
    use bytes::Bytes;
    let world = world().await;
    let begun = begin(&world, "spa-tv").await;
    approve(&world, &begun).await;
    let signer = ciam_core::jose::LocalSigner::generate(
        &*ciam_core::crypto::ring(),
        ciam_core::jose::Algorithm::Es256,
    );
    let key = DpopSigner::new(signer.unwrap()).unwrap();
    let proof = key.proof(&world.ports, &Method::POST, "https://id.example/token", None, None).await.unwrap();
    let body = crate::support::query(&[
        ("grant_type", DEVICE_GRANT),
        ("device_code", begun["device_code"].as_str().unwrap()),
        ("client_id", "spa-tv"),
    ]);
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("dpop", proof)
        .body(Bytes::from(body))
        .unwrap();
    let response = world.server.handle(request, &peer()).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["token_type"], "DPoP", "{body}");
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", body["refresh_token"].as_str().unwrap())];
    let stolen = post_as(&world.server, "/token", "spa-tv", &refresh).await;
    assert_eq!(stolen.error(), (400, "invalid_grant"), "without the key");
}

/// What is off is neither advertised nor answered.
#[tokio::test]
async fn rfc8628_4_metadata() {
    const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
    let on = world().await;
    let said = get(&on.server, WELL_KNOWN).await.body;
    assert_eq!(said["device_authorization_endpoint"], "https://id.example/device_authorization");
    assert!(said["grant_types_supported"].as_array().unwrap().contains(&json!(DEVICE_GRANT)));
    let off = World::new().await;
    let said = get(&off.server, WELL_KNOWN).await.body;
    assert_eq!(said.get("device_authorization_endpoint"), None);
    assert!(!said["grant_types_supported"].as_array().unwrap().contains(&json!(DEVICE_GRANT)));
    assert_eq!(ask(&off, "web", &[]).await.status, 404);
    let params = [("grant_type", DEVICE_GRANT), ("device_code", "x")];
    assert_eq!(post_as(&off.server, "/token", "web", &params).await.error(), (400, "unsupported_grant_type"));
}
