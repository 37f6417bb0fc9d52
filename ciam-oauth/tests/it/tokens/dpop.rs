//! DPoP at the authorization server: RFC 9449, sections 5, 8 and 10; S6, S20 and S22.

use bytes::Bytes;
use ciam_core::jose::{Algorithm, AlgorithmSet, LocalSigner, sign_with_header};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::confirmation::JwkThumbprint;
use ciam_oauth::dpop::{DpopPolicy, DpopSettings, DpopSigner};
use ciam_oauth::validate::SenderConstraint;
use futures_util::future::join_all;
use http::{Method, Request};
use serde_json::{Map, Value, json};
use time::Duration;

use super::validate::signer;
use super::{
    Answer, Person, Tokens, VAULT, VERIFIER, basic, claims, get, introspect, is_active, load_grant, peer,
    person, prepare, with_vault, world,
};
use crate::support::{Browser, CALLBACK, ISSUER, SECRET, World, query, request};

const TOKEN: &str = "https://id.example/token";
const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn key() -> DpopSigner {
    DpopSigner::new(signer()).unwrap()
}

/// Posts as a client, with these proofs.
async fn post(
    server: &AuthorizationServer,
    path: &str,
    client: &str,
    params: &[(&str, &str)],
    proofs: &[&str],
) -> Answer {
    let mut params = params.to_vec();
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    if client.starts_with("spa") {
        params.push(("client_id", client));
    } else {
        request = request.header("authorization", basic(client, SECRET));
    }
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    let response = server.handle(request.body(Bytes::from(query(&params))).unwrap(), &peer()).await;
    let (parts, body) = response.into_parts();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn proof(world: &World, key: &DpopSigner, url: &str, nonce: Option<&str>) -> String {
    key.proof(&world.ports, &Method::POST, url, nonce, None).await.unwrap()
}

/// A token request with a good proof of a key.
async fn token(world: &World, client: &str, key: &DpopSigner, params: &[(&str, &str)]) -> Answer {
    let proof = proof(world, key, TOKEN, None).await;
    post(&world.server, "/token", client, params, &[&proof]).await
}

fn of_code(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn of_refresh(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

async fn bound_tokens(world: &World, person: &mut Person, client: &str, key: &DpopSigner) -> Tokens {
    let code = person.code(world, client, "orders:read offline_access").await;
    token(world, client, key, &of_code(&code)).await.tokens()
}

fn assert_bound(tokens: &Tokens, key: &DpopSigner) {
    assert_eq!(tokens.body["token_type"], "DPoP");
    assert_eq!(claims(&tokens.access)["cnf"], json!({ "jkt": key.thumbprint() }));
}

/// RFC 9449, section 5: the token of every grant is bound to the key of the request's proof.
#[tokio::test]
async fn rfc9449_5_the_tokens_of_every_grant_are_bound() {
    let (world, key) = (world().await, key());
    let mut person = person(&world).await;
    for client in ["shop", "spa"] {
        let tokens = bound_tokens(&world, &mut person, client, &key).await;
        assert_bound(&tokens, &key);
        let refreshed = token(&world, client, &key, &of_refresh(tokens.refresh())).await.tokens();
        assert_bound(&refreshed, &key);
    }
    assert_bound(&token(&world, "shop", &key, &OWN).await.tokens(), &key);
    let plain = super::token(&world, "shop", &OWN).await.tokens();
    assert_eq!(plain.body["token_type"], "Bearer");
    assert_eq!(claims(&plain.access).get("cnf"), None);
}

/// RFC 9449, section 6.2: introspection says what a token of either form is bound to.
#[tokio::test]
async fn rfc9449_6_2_introspection_shows_the_binding() {
    let (world, key) = (world().await, key());
    let cnf = json!({ "jkt": key.thumbprint() });
    let jwt = token(&world, "shop", &key, &OWN).await.tokens();
    let opaque = [OWN[0], ("resource", VAULT), ("scope", "orders:read")];
    let opaque = token(&world, "shop", &key, &opaque).await.tokens();
    assert_eq!(opaque.body["token_type"], "DPoP");
    for (asker, tokens) in [("rs", jwt), ("vault-rs", opaque)] {
        let said = introspect(&world, asker, &tokens.access).await;
        assert_eq!(said["cnf"], cnf, "{said}");
        assert_eq!(said["token_type"], "DPoP", "{said}");
    }
}

/// RFC 9449, section 5.1: advertised when it is on, and only then; a proof is not looked at when it is off.
#[tokio::test]
async fn rfc9449_5_1_what_is_off_is_not_advertised() {
    let on = get(&world().await.server, "/.well-known/oauth-authorization-server").await.body;
    let algorithms = on["dpop_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("HS256")), "{algorithms:?}");

    let world = prepare(World::with(|builder| with_vault(builder.without_dpop())).await).await;
    let off = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert_eq!(off.get("dpop_signing_alg_values_supported"), None);
    let tokens = token(&world, "shop", &key(), &OWN).await.tokens();
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(post(&world.server, "/token", "shop", &OWN, &["x", "y"]).await.status, 200);
    let mut browser = person(&world).await.browser;
    let reply = browser.authorize(&world, &request("shop", &[("dpop_jkt", Some("x"))])).await;
    assert!(reply.param("code").is_some(), "an unknown parameter is ignored");
}

#[tokio::test]
async fn only_the_configured_algorithms_are_advertised_and_accepted() {
    let mut policy = DpopPolicy::default();
    policy.algorithms = AlgorithmSet::of(&[Algorithm::EdDsa]);
    let settings = DpopSettings::default().with_policy(policy);
    let world = prepare(World::with(|builder| with_vault(builder.dpop(settings))).await).await;
    let said = world.server.metadata();
    assert_eq!(said["dpop_signing_alg_values_supported"], json!(["EdDSA"]));
    assert_eq!(token(&world, "shop", &key(), &OWN).await.error(), (400, "invalid_dpop_proof"));
}

/// RFC 9449, section 5.2: a client that is registered for bound tokens gets no others, by any grant.
#[tokio::test]
async fn rfc9449_5_2_a_client_that_demands_dpop() {
    let (world, key) = (world().await, key());
    let mut person = person(&world).await;
    let tokens = bound_tokens(&world, &mut person, "shop", &key).await;
    world.change_client("shop", |client| client.dpop_bound_access_tokens = true).await;
    let code = person.code(&world, "shop", "orders:read").await;
    for params in [&OWN[..], &of_code(&code), &of_refresh(tokens.refresh())] {
        let refused = super::token(&world, "shop", params).await;
        assert_eq!(refused.error(), (400, "invalid_dpop_proof"), "{params:?}");
        assert!(token(&world, "shop", &key, params).await.is_ok(), "it was not used up: {params:?}");
    }
}

/// RFC 9449, section 8: without a fresh nonce the client is told one, and nothing is used up; every node gives and takes the
/// same ones.
#[tokio::test]
async fn rfc9449_8_nonces_of_the_authorization_server() {
    let settings = || DpopSettings::default().with_nonces();
    let world = prepare(World::with(|builder| with_vault(builder.dpop(settings()))).await).await;
    let node = World::on_again(&world, |builder| with_vault(builder.dpop(settings()))).await;
    let (key, mut person) = (key(), person(&world).await);
    let code = person.code(&world, "spa", "orders:read").await;

    let challenged = token(&world, "spa", &key, &of_code(&code)).await;
    assert_eq!(challenged.error(), (400, "use_dpop_nonce"));
    assert_eq!(challenged.headers["cache-control"], "no-store");
    let nonce = challenged.headers["dpop-nonce"].to_str().unwrap().to_owned();

    let fresh = proof(&world, &key, TOKEN, Some(&nonce)).await;
    let answer = post(&node, "/token", "spa", &of_code(&code), &[&fresh]).await;
    assert_eq!(answer.headers["dpop-nonce"], nonce.as_str(), "8.2: a good answer has one too");
    assert_bound(&answer.tokens(), &key);

    world.clock.advance(Duration::minutes(2));
    let old = proof(&world, &key, TOKEN, Some(&nonce)).await;
    let refused = post(&world.server, "/token", "shop", &OWN, &[&old]).await;
    assert_eq!(refused.error(), (400, "use_dpop_nonce"));
    let next = refused.headers["dpop-nonce"].to_str().unwrap();
    assert_ne!(next, nonce);
    let made_up = proof(&world, &key, TOKEN, Some("made-up")).await;
    assert_eq!(post(&world.server, "/token", "shop", &OWN, &[&made_up]).await.error().1, "use_dpop_nonce");
    let good = proof(&world, &key, TOKEN, Some(next)).await;
    assert!(post(&world.server, "/token", "shop", &OWN, &[&good]).await.is_ok());

    let bearer = super::token(&world, "shop", &OWN).await;
    assert!(bearer.headers.get("dpop-nonce").is_none(), "to a client that does not use DPoP");
}

/// RFC 9449, section 10; S6: a code of a request that named a key is exchanged with that key alone, and a wrong try does not
/// burn it.
#[tokio::test]
async fn rfc9449_10_dpop_jkt_binds_the_code() {
    let (world, key, other) = (world().await, key(), key());
    let mut person = person(&world).await;
    let jkt = key.thumbprint().to_string();
    for client in ["shop", "spa"] {
        let changes = [("scope", Some("orders:read")), ("dpop_jkt", Some(jkt.as_str()))];
        let code = person.code_for(&world, client, &changes).await;
        assert_eq!(world.code(&code).await.dpop_key, Some(key.thumbprint()));
        let plain = super::token(&world, client, &of_code(&code)).await;
        assert_eq!(plain.error(), (400, "invalid_grant"), "no proof");
        let foreign = token(&world, client, &other, &of_code(&code)).await;
        assert_eq!(foreign.error(), (400, "invalid_grant"), "another key");
        assert_bound(&token(&world, client, &key, &of_code(&code)).await.tokens(), &key);
    }
    let mut browser = person.browser;
    for bad in ["", "x", &format!("{jkt}="), &jkt[1..]] {
        let reply = browser.authorize(&world, &request("shop", &[("dpop_jkt", Some(bad))])).await;
        match bad {
            "" => assert!(reply.param("code").is_some(), "an empty parameter is none"),
            _ => assert_eq!(reply.error(), "invalid_request", "{bad}"),
        }
    }
}

/// RFC 9449, section 10.1: the proof of a push counts as `dpop_jkt`, and must agree with it.
#[tokio::test]
async fn rfc9449_10_1_a_proof_at_the_push_binds_the_code() {
    let (world, key, other) = (world().await, key(), key());
    let mut person = person(&world).await;
    let par = "https://id.example/par";
    let (jkt, foreign) = (key.thumbprint().to_string(), other.thumbprint().to_string());
    for (named, accepted) in [(None, true), (Some(jkt.as_str()), true), (Some(foreign.as_str()), false)] {
        let params = request("shop", &[("scope", Some("orders:read")), ("dpop_jkt", named)]);
        let answer =
            post(&world.server, "/par", "shop", &params, &[&proof(&world, &key, par, None).await]).await;
        if !accepted {
            assert_eq!(answer.error(), (400, "invalid_request"), "the two disagree");
            continue;
        }
        let request_uri = answer.body["request_uri"].as_str().unwrap();
        let shown = [("client_id", "shop"), ("request_uri", request_uri)];
        let code = person.browser.authorize(&world, &shown).await.code();
        assert_eq!(token(&world, "shop", &other, &of_code(&code)).await.error().1, "invalid_grant");
        assert_eq!(super::token(&world, "shop", &of_code(&code)).await.error().1, "invalid_grant");
        assert_bound(&token(&world, "shop", &key, &of_code(&code)).await.tokens(), &key);
    }
    let params = request("shop", &[]);
    let for_token = proof(&world, &key, TOKEN, None).await;
    let refused = post(&world.server, "/par", "shop", &params, &[&for_token]).await;
    assert_eq!(refused.error(), (400, "invalid_dpop_proof"), "a proof for the token endpoint");
}

/// RFC 9449, section 5; S20: the refresh token of a public client is worth nothing without its key. Nobody ends the grant by
/// trying, and the token stays.
#[tokio::test]
async fn rfc9449_5_refresh_tokens_of_public_clients_are_bound() {
    let (world, key, thief) = (world().await, key(), key());
    let mut person = person(&world).await;
    let tokens = bound_tokens(&world, &mut person, "spa", &key).await;
    let bound = load_grant(&world, tokens.grant()).await.unwrap().value.confirmation.unwrap();
    assert_eq!(bound.key, Some(key.thumbprint()));
    assert_eq!(
        super::token(&world, "spa", &of_refresh(tokens.refresh())).await.error(),
        (400, "invalid_grant")
    );
    assert_eq!(
        token(&world, "spa", &thief, &of_refresh(tokens.refresh())).await.error(),
        (400, "invalid_grant")
    );
    assert!(is_active(&world, "rs", &tokens.access).await, "nothing was revoked");
    for _ in 0..3 {
        let next = token(&world, "spa", &key, &of_refresh(tokens.refresh())).await.tokens();
        assert_eq!(next.refresh(), tokens.refresh(), "a bound token need not rotate");
        assert_bound(&next, &key);
    }
}

/// A confidential client proves itself at each refresh; it may have another key by then.
#[tokio::test]
async fn rfc9449_5_refresh_tokens_of_confidential_clients_are_not_bound_to_the_key() {
    let (world, key, next) = (world().await, key(), key());
    let mut person = person(&world).await;
    let tokens = bound_tokens(&world, &mut person, "shop", &key).await;
    let refreshed = token(&world, "shop", &next, &of_refresh(tokens.refresh())).await.tokens();
    assert_bound(&refreshed, &next);
    assert_eq!(token(&world, "shop2", &next, &of_refresh(tokens.refresh())).await.error().1, "invalid_grant");
}

/// A grant from before it was bound goes on as it was: rotating, and open to whoever has the token.
#[tokio::test]
async fn a_bearer_refresh_token_stays_one() {
    let (world, key) = (world().await, key());
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "spa", "orders:read offline_access").await;
    let refreshed = token(&world, "spa", &key, &of_refresh(tokens.refresh())).await.tokens();
    assert_bound(&refreshed, &key);
    assert_ne!(refreshed.refresh(), tokens.refresh());
    assert!(super::refresh(&world, "spa", refreshed.refresh()).await.is_ok());
}

/// S22: what a proof at the token endpoint must be. A refused one uses nothing up.
#[tokio::test]
async fn s22_bad_proofs_are_refused_and_burn_no_code() {
    let (world, key) = (world().await, key());
    let mut person = person(&world).await;
    let code = person.code(&world, "spa", "orders:read").await;
    let good = proof(&world, &key, TOKEN, None).await;
    let by =
        async |method: &Method, url: &str| key.proof(&world.ports, method, url, None, None).await.unwrap();
    let shifted = async |seconds: i64| {
        let at = world.ports.now() + Duration::seconds(seconds);
        crafted(&json!({ "jti": "shifted", "htm": "POST", "htu": TOKEN, "iat": at.unix_timestamp() })).await
    };
    let other = by(&Method::POST, TOKEN).await;
    let tampered = format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    let rows: [(&str, Vec<String>); 12] = [
        ("method", vec![by(&Method::GET, TOKEN).await]),
        ("another endpoint", vec![by(&Method::POST, "https://id.example/par").await]),
        ("another server", vec![by(&Method::POST, "https://evil.example/token").await]),
        ("plain http", vec![by(&Method::POST, "http://id.example/token").await]),
        ("an hour ago", vec![shifted(-3600).await]),
        ("61 s ago", vec![shifted(-61).await]),
        ("in 61 s", vec![shifted(61).await]),
        ("signature", vec![tampered]),
        ("no jwt", vec!["x".to_owned()]),
        ("empty", vec![String::new()]),
        ("two headers", vec![good.clone(), by(&Method::POST, TOKEN).await]),
        ("no jti", vec![crafted(&json!({ "htm": "POST", "htu": TOKEN, "iat": now(&world) })).await]),
    ];
    for (name, proofs) in rows {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let refused = post(&world.server, "/token", "spa", &of_code(&code), &proofs).await;
        assert_eq!(refused.error(), (400, "invalid_dpop_proof"), "{name}");
    }
    assert_bound(&post(&world.server, "/token", "spa", &of_code(&code), &[&good]).await.tokens(), &key);
    let (early, late) = (shifted(8).await, shifted(-10).await);
    assert!(post(&world.server, "/token", "shop", &OWN, &[&early]).await.is_ok(), "8 s ahead");
    let late = post(&world.server, "/token", "shop", &OWN, &[&late]).await;
    assert!(late.is_ok(), "10 s ago, by another key: the jti is its own: {late:?}");
}

fn now(world: &World) -> i64 {
    world.ports.now().unix_timestamp()
}

/// A proof with these claims, by a new key.
async fn crafted(claims: &Value) -> String {
    let key = signer();
    let mut header = Map::new();
    let jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
    header.insert("jwk".to_owned(), jwk);
    sign_with_header(&key, "dpop+jwt", &header, claims).await.unwrap()
}

/// A secret in the proof's header, or a shared key as its key, is no proof.
#[tokio::test]
async fn s22_a_private_key_in_the_header_is_refused() {
    let world = world().await;
    let claims = json!({ "jti": "x", "htm": "POST", "htu": TOKEN, "iat": now(&world) });
    let key = signer();
    for (name, value) in [("d", "c2VjcmV0"), ("k", "c2VjcmV0")] {
        let mut jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
        jwk[name] = json!(value);
        let header = Map::from_iter([("jwk".to_owned(), jwk)]);
        let proof = sign_with_header(&key, "dpop+jwt", &header, &claims).await.unwrap();
        let refused = post(&world.server, "/token", "shop", &OWN, &[&proof]).await;
        assert_eq!(refused.error(), (400, "invalid_dpop_proof"), "{name}");
    }
}

/// S22: of many requests with one proof exactly one is answered.
#[tokio::test]
async fn s22_a_proof_is_accepted_once() {
    let (world, key) = (world().await, key());
    let proof = proof(&world, &key, TOKEN, None).await;
    let proofs = [proof.as_str()];
    let all =
        join_all((0..32).map(|_| post(&world.server, "/token", "shop", &OWN, &proofs)).collect::<Vec<_>>())
            .await;
    let (good, bad): (Vec<_>, Vec<_>) = all.iter().partition(|answer| answer.is_ok());
    assert_eq!(good.len(), 1);
    assert!(bad.iter().all(|answer| answer.error() == (400, "invalid_dpop_proof")));
}

/// A proof with wrong client credentials is not used up.
#[tokio::test]
async fn a_proof_is_looked_at_after_the_client() {
    let (world, key) = (world().await, key());
    let proof = proof(&world, &key, TOKEN, None).await;
    assert_eq!(
        post(&world.server, "/token", "nobody", &OWN, &[&proof]).await.error(),
        (401, "invalid_client")
    );
    assert!(post(&world.server, "/token", "shop", &OWN, &[&proof]).await.is_ok());
}

/// What a server demands of every token.
#[tokio::test]
async fn a_server_can_demand_bound_tokens() {
    let demand =
        |builder: ciam_oauth::ServerBuilder| builder.require_sender_constraint(SenderConstraint::Dpop);
    let world = prepare(World::with(|builder| with_vault(demand(builder))).await).await;
    assert_eq!(super::token(&world, "shop", &OWN).await.error(), (400, "invalid_dpop_proof"));
    assert!(token(&world, "shop", &key(), &OWN).await.is_ok());
}

/// A browser application sends the proof in a header, for which its browser asks first.
#[tokio::test]
async fn a_preflight_allows_the_proof() {
    let world = world().await;
    let request = Request::builder().method("OPTIONS").uri("/token").header("origin", "https://spa.example");
    let reply = Browser::new().send(&world, request, Bytes::new()).await;
    assert_eq!(reply.status(), 204);
    assert!(reply.header("access-control-allow-headers").unwrap().contains("dpop"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

/// The thumbprint is that of the public numbers, whatever else the key says of itself.
#[tokio::test]
async fn rfc7638_3_the_thumbprint_is_of_the_key_alone() {
    let world = world().await;
    let key: LocalSigner = signer();
    let public = key.public_jwk().unwrap();
    let mut jwk = serde_json::to_value(&public).unwrap();
    jwk["kid"] = json!("a name");
    let header = Map::from_iter([("jwk".to_owned(), jwk)]);
    let claims_ = json!({ "jti": "x", "htm": "POST", "htu": TOKEN, "iat": now(&world) });
    let proof = sign_with_header(&key, "dpop+jwt", &header, &claims_).await.unwrap();
    let tokens = post(&world.server, "/token", "shop", &OWN, &[&proof]).await.tokens();
    assert_eq!(claims(&tokens.access)["cnf"]["jkt"], json!(JwkThumbprint::of(&public)));
    assert_eq!(claims(&tokens.access)["iss"], ISSUER);
}
