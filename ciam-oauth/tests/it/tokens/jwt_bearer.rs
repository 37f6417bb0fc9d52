//! JWTs as grants: RFC 7523, sections 2.1 and 3; S13, S14 and S15.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::id::AccountId;
use ciam_core::jose::{Algorithm, AlgorithmSet, LocalSigner, sign};
use ciam_core::memory;
use ciam_oauth::client::{Client, ClientKeys, GrantType};
use ciam_oauth::dpop::DpopSigner;
use ciam_oauth::jwt_bearer::{Assertion, AssertionPolicy, AssertionSubject, NoAssertions, TrustedIssuer};
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::validate::signer;
use super::{API, Answer, STOCK, basic_auth, claims, get, is_active, person, post_as, prepare, with_vault};
use crate::support::{ISSUER, World};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DIRECTORY: &str = "https://directory.example";
const INVALID: (u16, &str) = (400, "invalid_grant");

/// Knows one person.
#[derive(Debug, Default)]
struct Knows(Mutex<Option<AccountId>>);

#[async_trait]
impl AssertionPolicy for Knows {
    async fn subject(&self, asked: &Assertion<'_>) -> Result<AssertionSubject, PortError> {
        assert_eq!(asked.claims["sub"], asked.subject);
        let known = (asked.subject == "ada").then(|| *self.0.lock().unwrap()).flatten();
        Ok(known.map_or(AssertionSubject::Refuse, AssertionSubject::Account))
    }
}

struct Setting {
    world: World,
    policy: Arc<Knows>,
    key: LocalSigner,
}

impl Setting {
    async fn new(change: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Self {
        let (policy, key) = (Arc::new(Knows::default()), signer());
        let jwks = json!({ "keys": [key.public_jwk().unwrap()] });
        let issuer = change(TrustedIssuer::new(DIRECTORY, ClientKeys::Jwks(jwks)));
        let on = |builder: ServerBuilder| with_vault(builder.jwt_bearer([issuer], policy.clone()));
        let world = prepare(World::with(on).await).await;
        for id in ["agent", "agent2"] {
            let client = Client::confidential(id.parse().unwrap(), basic_auth())
                .with_grant(GrantType::JwtBearer)
                .with_scopes("orders:read orders:write offline_access".parse().unwrap());
            world.server.clients().register(client).await.unwrap();
        }
        Self { world, policy, key }
    }

    fn claims(&self, jti: &str) -> Value {
        let now = self.world.ports.now().unix_timestamp();
        json!({ "iss": DIRECTORY, "sub": "ada", "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 60 })
    }

    async fn show(&self, client: &str, claims: &Value, more: &[(&str, &str)]) -> Answer {
        let assertion = sign(&self.key, "JWT", claims).await.unwrap();
        self.send(client, &assertion, more).await
    }

    async fn send(&self, client: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let mut params = vec![("grant_type", GRANT), ("assertion", assertion)];
        params.extend(more);
        post_as(&self.world.server, "/token", client, &params).await
    }
}

#[tokio::test]
async fn rfc7523_2_1_the_word_of_a_trusted_issuer() {
    let setting = Setting::new(|issuer| issuer).await;
    let person = person(&setting.world).await;
    *setting.policy.0.lock().unwrap() = Some(person.account.value.id);
    let answer = setting.show("agent", &setting.claims("1"), &[("scope", "orders:read")]).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let tokens = answer.tokens();
    assert_eq!(tokens.refresh, None, "the client comes back with another assertion");
    let said = claims(&tokens.access);
    assert_eq!((&said["aud"], &said["client_id"]), (&json!(API), &json!("agent")));
    assert_eq!(said["scope"], "orders:read");
    assert_eq!(said.get("auth_time"), None, "nobody was authenticated here");
    assert!(is_active(&setting.world, "rs", &tokens.access).await);
    let names = setting.world.event_names().await;
    assert!(names.contains(&"ciam.oauth.grant.created.v1".to_owned()), "{names:?}");
    person.suspend(&setting.world).await;
    assert!(!is_active(&setting.world, "rs", &tokens.access).await);
    assert_eq!(setting.show("agent", &setting.claims("2"), &[]).await.error(), INVALID, "suspended");
}

/// RFC 7523, section 3; S13, S15: everything that an assertion must not be.
#[tokio::test]
async fn rfc7523_3_bad_assertions() {
    let setting = Setting::new(|issuer| issuer).await;
    let person = person(&setting.world).await;
    *setting.policy.0.lock().unwrap() = Some(person.account.value.id);
    let now = setting.world.ports.now().unix_timestamp();
    let change = |name: &str, value: Value| {
        let mut claims = setting.claims(name);
        claims[name] = value;
        claims
    };
    for bad in [
        change("iss", json!("https://stranger.example")),
        change("iss", json!(ISSUER)),
        change("aud", json!("https://other.example")),
        change("aud", json!([ISSUER, "https://other.example"])),
        change("aud", json!("https://id.example/token")),
        change("sub", json!("eve")),
        change("sub", json!("")),
        change("sub", json!(7)),
        change("exp", json!(now - 60)),
        change("exp", json!(now + 3600)),
        change("exp", Value::Null),
        change("iat", json!(now + 120)),
        change("nbf", json!(now + 120)),
        change("jti", Value::Null),
        change("jti", json!("x".repeat(600))),
    ] {
        assert_eq!(setting.show("agent", &bad, &[]).await.error(), INVALID, "{bad}");
    }
    let stranger = sign(&signer(), "JWT", &setting.claims("a")).await.unwrap();
    assert_eq!(setting.send("agent", &stranger, &[]).await.error(), INVALID, "another key");
    let typed = sign(&setting.key, "at+jwt", &setting.claims("b")).await.unwrap();
    assert_eq!(setting.send("agent", &typed, &[]).await.error(), INVALID, "another kind of token");
    for garbage in ["x", "a.b.c", "e30.e30.c2ln"] {
        assert_eq!(setting.send("agent", garbage, &[]).await.error(), INVALID, "{garbage}");
    }
    assert_eq!(setting.send("agent", "", &[]).await.error(), (400, "invalid_request"));
    assert!(setting.show("agent", &setting.claims("c"), &[]).await.is_ok());
}

/// S14: an assertion is used once, whoever shows it; one that was refused for something else was not used.
#[tokio::test]
async fn s14_an_assertion_is_used_once() {
    let setting = Setting::new(|issuer| issuer).await;
    let person = person(&setting.world).await;
    *setting.policy.0.lock().unwrap() = Some(person.account.value.id);
    let claims = setting.claims("once");
    assert_eq!(
        setting.show("agent", &claims, &[("scope", "stock:read")]).await.error(),
        (400, "invalid_scope")
    );
    assert_eq!(setting.show("agent", &claims, &[("resource", STOCK)]).await.error(), (400, "invalid_target"));
    let all = join_all((0..16).map(|_| setting.show("agent", &claims, &[]))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(all.iter().filter(|answer| !answer.is_ok()).all(|answer| answer.error() == INVALID));
    assert_eq!(setting.show("agent2", &claims, &[]).await.error(), INVALID, "by another client");
}

/// An issuer's word counts for the clients and the scope values that it is trusted for.
#[tokio::test]
async fn what_an_issuer_is_trusted_for() {
    let setting = Setting::new(|issuer| {
        issuer
            .for_clients(["agent".parse().unwrap()])
            .with_scopes("orders:read".parse().unwrap())
            .with_algorithms(AlgorithmSet::of(&[Algorithm::Es256]))
    })
    .await;
    let person = person(&setting.world).await;
    *setting.policy.0.lock().unwrap() = Some(person.account.value.id);
    assert_eq!(setting.show("agent2", &setting.claims("1"), &[]).await.error(), INVALID);
    let wide = [("scope", "orders:read orders:write")];
    assert_eq!(setting.show("agent", &setting.claims("2"), &wide).await.error(), (400, "invalid_scope"));
    let tokens = setting.show("agent", &setting.claims("3"), &[]).await.tokens();
    assert_eq!(tokens.body["scope"], "orders:read");
    assert_eq!(setting.show("shop", &setting.claims("4"), &[]).await.error(), (400, "unauthorized_client"));
}

/// The token is bound to the key of the request.
#[tokio::test]
async fn rfc9449_5_the_token_is_bound() {
    use bytes::Bytes;
    let setting = Setting::new(|issuer| issuer).await;
    let person = person(&setting.world).await;
    *setting.policy.0.lock().unwrap() = Some(person.account.value.id);
    let key = DpopSigner::new(signer()).unwrap();
    let assertion = sign(&setting.key, "authorization-grant+jwt", &setting.claims("1")).await.unwrap();
    let url = "https://id.example/token";
    let proof = key.proof(&setting.world.ports, &http::Method::POST, url, None, None).await.unwrap();
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", super::basic("agent", crate::support::SECRET))
        .header("dpop", proof)
        .body(Bytes::from(crate::support::query(&[("grant_type", GRANT), ("assertion", &assertion)])))
        .unwrap();
    let response = setting.world.server.handle(request, &super::peer()).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(claims(body["access_token"].as_str().unwrap())["cnf"]["jkt"], json!(key.thumbprint()));
}

/// Off unless configured; what is configured must be able to work.
#[tokio::test]
async fn off_by_default_and_refused_when_it_cannot_work() {
    let world = super::world().await;
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert!(!said["grant_types_supported"].to_string().contains("jwt-bearer"));
    let params = [("grant_type", GRANT), ("assertion", "x")];
    assert_eq!(super::token(&world, "shop", &params).await.error(), (400, "unsupported_grant_type"));
    let keys = || ClientKeys::JwksUri("https://directory.example/jwks".to_owned());
    let issuer = || TrustedIssuer::new(DIRECTORY, keys());
    for (what, issuers) in [
        ("nobody", vec![]),
        ("one twice", vec![issuer(), issuer()]),
        ("no name", vec![TrustedIssuer::new("", keys())]),
        (
            "plain http",
            vec![TrustedIssuer::new(DIRECTORY, ClientKeys::JwksUri("http://d.example".to_owned()))],
        ),
        ("a shared secret", vec![issuer().with_algorithms(AlgorithmSet::of(&[Algorithm::Hs256]))]),
    ] {
        let built = AuthorizationServer::builder(memory::ports())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url("/interaction/")
            .jwt_bearer(issuers, Arc::new(NoAssertions::new()))
            .build()
            .await;
        assert!(built.is_err(), "{what}");
    }
}
