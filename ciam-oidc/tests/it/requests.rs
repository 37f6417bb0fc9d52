//! Hostile authorization requests: the parameters of OpenID Connect, given wrongly, twice, or beside a pushed request.

use ciam_core::encoding::base64url;
use ciam_core::jose::Algorithm;
use ciam_oauth::client::SubjectType;
use ciam_oidc::rp::SignInOptions;
use serde_json::json;
use time::Duration;

use crate::world::{Browser, CALLBACK, ISSUER, World, account, claims_of, param, web_named};

/// What comes back is an error with this code, `state` and `iss`, and no code.
fn assert_error(back: &str, code: &str, what: &str) {
    assert_eq!(param(back, "error").as_deref(), Some(code), "{what}: {back}");
    assert_eq!(param(back, "state").as_deref(), Some("st4te"), "{what}");
    assert_eq!(param(back, "iss").as_deref(), Some(ISSUER), "{what}");
    assert_eq!(param(back, "code"), None, "{what}");
}

#[tokio::test]
async fn malformed_parameters_are_the_clients_to_hear() {
    let world = World::new().await;
    let long = "n".repeat(513);
    let many: Vec<String> = (0..65).map(|n| format!("\"c{n}\":null")).collect();
    let many = format!("{{\"id_token\":{{{}}}}}", many.join(","));
    let table: Vec<(&str, &str)> = vec![
        ("nonce", &long),
        ("claims", "x"),
        ("claims", "[]"),
        ("claims", "null"),
        ("claims", &many),
        ("claims", r#"{"id_token":{"acr":{"essential":true,"values":[2]}}}"#),
        ("claims", r#"{"id_token":{"acr":{"essential":true,"values":["a"]},"acr":null}}"#),
        ("claims", r#"{"id_token":{"sub":{"value":7}}}"#),
        ("claims", r#"{"id_token":{"sub":{"values":["ada",{}]}}}"#),
        ("id_token_hint", "x"),
        ("id_token_hint", "e30.e30.e30"),
        ("id_token_hint", "eyJhbGciOiJub25lIn0.e30."),
    ];
    for (name, value) in table {
        let back = world.follow(&mut Browser::new(&world), &World::request("web", &[(name, value)])).await;
        assert_error(&back, "invalid_request", value);
    }
    for name in ["nonce", "claims", "id_token_hint", "max_age", "login_hint", "display", "ui_locales"] {
        let url = format!("{}&{name}=1&{name}=1", World::request("web", &[]));
        assert_error(&world.follow(&mut Browser::new(&world), &url).await, "invalid_request", name);
    }
}

/// S10: a hint is an ID token of this server, for this client; it may have expired, and its key may have been rotated out.
#[tokio::test]
async fn s10_hints_are_the_clients_own_id_tokens() {
    let world = World::new().await;
    world.server.clients().register(web_named("other")).await.unwrap();
    let mut browser = Browser::new(&world);
    let tokens = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap().tokens;
    let hint = tokens.id_token.expose();
    world.follow(&mut browser, &World::request("other", &[])).await;
    let ask =
        |client: &str, hint: &str| World::request(client, &[("id_token_hint", hint), ("prompt", "none")]);
    assert!(param(&world.follow(&mut browser, &ask("web", hint)).await, "code").is_some());

    let elsewhere = World::new().await;
    let theirs =
        elsewhere.sign_in(&mut Browser::new(&elsewhere), &SignInOptions::new()).await.unwrap().tokens;
    let (input, signature) = hint.rsplit_once('.').unwrap();
    let payload = input.split_once('.').unwrap().1;
    let unsigned = base64url::encode(br#"{"alg":"none","typ":"JWT"}"#);
    for (what, client, bad) in [
        ("another client's", "other", hint.to_owned()),
        ("another tenant's", "web", theirs.id_token.expose().to_owned()),
        ("an access token", "web", tokens.access_token.expose().to_owned()),
        ("none", "web", format!("{unsigned}.{payload}.")),
        ("none with a signature", "web", format!("{unsigned}.{payload}.{signature}")),
        ("padded", "web", format!("{hint}=")),
    ] {
        let back = world.follow(&mut browser, &ask(client, &bad)).await;
        assert_error(&back, "invalid_request", what);
    }

    world.server.keys().rotate(Algorithm::Es256).await.unwrap();
    world.clock.advance(world.server.keys().policy().publish_ahead);
    world.server.keys().maintain().await.unwrap();
    let mut again = Browser::new(&world);
    let back = world.follow(&mut again, &World::request("web", &[("id_token_hint", hint)])).await;
    assert!(param(&back, "code").is_some(), "{back}");
}

/// Core, section 3.1.2.2: asked for one person, the answer is never about another.
#[tokio::test]
async fn core_3_1_2_2_a_subject_asked_for_by_value() {
    for kind in [SubjectType::Public, SubjectType::Pairwise] {
        let world = World::with(|client| client.with_subject_type(kind), |config| config).await;
        let mut browser = Browser::new(&world);
        let tokens = world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap().tokens;
        let (ada, hint) = (&tokens.claims.subject, tokens.id_token.expose());
        let asked = |sub: serde_json::Value| json!({ "id_token": { "sub": sub } }).to_string();
        for (sub, answered) in [
            (json!({ "value": ada }), true),
            (json!({ "values": ["somebody", ada] }), true),
            (json!(null), true),
            (json!({ "value": "somebody" }), false),
            (json!({ "values": ["somebody", "else"] }), false),
            (json!({ "value": world.account.value.id.to_string() }), false),
        ] {
            let url = World::request("web", &[("claims", &asked(sub.clone())), ("prompt", "none")]);
            let back = world.follow(&mut browser, &url).await;
            if answered {
                assert!(param(&back, "code").is_some(), "{sub}: {back}");
            } else {
                assert_error(&back, "login_required", &sub.to_string());
            }
        }
        let both = asked(json!({ "value": "somebody" }));
        let url = World::request("web", &[("claims", &both), ("id_token_hint", hint)]);
        assert_error(&world.follow(&mut browser, &url).await, "invalid_request", "a contradiction");

        // Somebody else is signed in: no silent answer about them.
        let bob = account(&world.ports, "bob@example.com").await;
        world.sign_in_at_provider(&mut browser, &bob).await;
        let url = World::request("web", &[("claims", &asked(json!({ "value": ada }))), ("prompt", "none")]);
        assert_error(&world.follow(&mut browser, &url).await, "login_required", "bob for ada");
    }
}

/// Core, section 5.5.1.1: a level that is essential is reached or the request ends, whichever way it is spelled.
#[tokio::test]
async fn core_5_5_1_1_an_essential_level_is_never_dropped() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let unmet = "unmet_authentication_requirements";
    for (acr, error) in [
        (json!({ "essential": true, "value": "urn:ciam:acr:aal2" }), Some(unmet)),
        (json!({ "essential": true, "values": ["urn:ciam:acr:aal2", "urn:ciam:acr:aal3"] }), Some(unmet)),
        (json!({ "essential": true, "values": ["urn:unheard-of"] }), Some(unmet)),
        (json!({ "essential": true, "values": ["urn:unheard-of", "urn:ciam:acr:aal1"] }), None),
        (json!({ "essential": true, "value": "URN:CIAM:ACR:AAL1" }), Some(unmet)),
        (json!({ "essential": true }), None),
        (json!({ "values": ["urn:ciam:acr:aal2"] }), None),
    ] {
        let claims = json!({ "id_token": { "acr": acr } }).to_string();
        let url = World::request("web", &[("claims", &claims), ("prompt", "none")]);
        let back = world.follow(&mut browser, &url).await;
        match error {
            Some(error) => assert_error(&back, error, &claims),
            None => {
                let tokens = world.exchange("web", &back).await;
                let id_token = claims_of(tokens["id_token"].as_str().unwrap());
                assert_eq!(
                    id_token["acr"], "urn:ciam:acr:aal1",
                    "what was reached, never what was asked: {claims}"
                );
            }
        }
    }
}

/// Core, section 5.5.1.1: a level that is not essential is a wish like those of `acr_values`: the person is asked for it once.
#[tokio::test]
async fn core_5_5_1_1_a_level_that_is_not_essential_is_tried_once() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    world.clock.advance(Duration::minutes(1));
    let claims = json!({ "id_token": { "acr": { "values": ["urn:ciam:acr:aal2"] } } }).to_string();
    for changes in [vec![("claims", claims.as_str())], vec![("acr_values", "urn:ciam:acr:aal2")]] {
        let pages = browser.pages.len();
        let back = world.follow(&mut browser, &World::request("web", &changes)).await;
        assert_eq!(browser.pages.len(), pages + 1, "{changes:?}");
        let tokens = world.exchange("web", &back).await;
        assert_eq!(claims_of(tokens["id_token"].as_str().unwrap())["acr"], "urn:ciam:acr:aal1");
    }
    // What is reached already is not asked for again; where both are there, `acr_values` counts.
    let pages = browser.pages.len();
    let both = [("claims", claims.as_str()), ("acr_values", "urn:ciam:acr:aal1")];
    let back = world.follow(&mut browser, &World::request("web", &both)).await;
    assert!(param(&back, "code").is_some());
    assert_eq!(browser.pages.len(), pages);
}

/// RFC 9126, section 4: what stands beside a pushed request means nothing, so nothing can be injected there.
#[tokio::test]
async fn s28_parameters_beside_a_pushed_request_mean_nothing() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let form = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile"),
        ("state", "st4te"),
        ("nonce", "pushed"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let (status, body) = world.post("/par", "web", &form).await;
    assert_eq!(status, 201, "{body}");
    let beside = [
        ("client_id", "web"),
        ("request_uri", body["request_uri"].as_str().unwrap()),
        ("nonce", "injected"),
        ("nonce", "twice"),
        ("claims", r#"{"id_token":{"sub":{"value":"eve"},"email":null}}"#),
        ("id_token_hint", "x"),
        ("prompt", "login"),
        ("response_mode", "fragment"),
        ("max_age", "0"),
        ("scope", "openid email"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(beside).finish();
    let back = world.follow(&mut browser, &format!("{ISSUER}/authorize?{query}")).await;
    assert_eq!(browser.pages.len(), 1, "no other sign-in was asked for");
    let id_token = world.exchange("web", &back).await["id_token"].as_str().unwrap().to_owned();
    let claims = claims_of(&id_token);
    assert_eq!((&claims["nonce"], claims.get("email")), (&json!("pushed"), None));
}

/// What OpenID Connect Core wants ignored is ignored, and what it wants echoed comes back byte for byte.
#[tokio::test]
async fn oidf_basic_requests_that_must_succeed() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    world.sign_in(&mut browser, &SignInOptions::new()).await.unwrap();
    let long = "s".repeat(384);
    for changes in [
        vec![("display", "page")],
        vec![("display", "popup")],
        vec![("display", "hologram")],
        vec![("ui_locales", "se en-GB x_y \u{1F600}")],
        vec![("claims_locales", "se")],
        vec![("acr_values", "1 2")],
        vec![("login_hint", "bob@example.com")],
        vec![("extra", "foobar")],
        vec![("max_age", "10000")],
        vec![("scope", "email openid profile")],
        vec![("nonce", &long)],
        vec![("nonce", "\"><script>\u{202E}&=+ %")],
    ] {
        let back = world.follow(&mut browser, &World::request("web", &changes)).await;
        let tokens = world.exchange("web", &back).await;
        let claims = claims_of(tokens["id_token"].as_str().unwrap());
        let nonce = changes.iter().find(|(name, _)| *name == "nonce").map(|(_, value)| json!(value));
        assert_eq!(claims.get("nonce"), nonce.as_ref(), "{changes:?}");
    }
    for state in ["", "a b&c=d#e?f", "\"><script>alert(1)</script>", "\u{202E}\u{1F600}", &long] {
        let back = world.follow(&mut browser, &World::request("web", &[("state", state)])).await;
        assert_eq!(param(&back, "state").as_deref().unwrap_or_default(), state);
        assert!(param(&back, "code").is_some());
    }
    assert_eq!(browser.pages.len(), 1);
}

/// OIDF codereuse-30seconds: the second use is refused, and takes the first one's tokens with it.
#[tokio::test]
async fn oidf_a_replayed_code_ends_userinfo() {
    let world = World::new().await;
    let back = world.follow(&mut Browser::new(&world), &World::request("web", &[])).await;
    let tokens = world.exchange("web", &back).await;
    world.clock.advance(Duration::seconds(30));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &param(&back, "code").unwrap()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", crate::world::VERIFIER),
    ];
    let (status, body) = world.post("/token", "web", &form).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    assert!(body.get("id_token").is_none());
    let access_token = tokens["access_token"].as_str().unwrap();
    assert!(world.server.inspect(access_token).await.unwrap().is_none());
}
