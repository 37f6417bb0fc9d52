//! Transaction tokens: draft-ietf-oauth-transaction-tokens-09.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::crypto;
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, KeySet, LocalSigner, PublicJwkSet, RemoteKeys, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::ServerBuilder;
use ciam_oauth::client::{Client, GrantType};
use ciam_oauth::server::ConfigError;
use ciam_oauth::transaction_token::{
    Transaction, TransactionDecision, TransactionPolicy, TransactionSubject, TransactionTerms,
    TransactionTokens,
};
use ciam_oauth::validate::{TransactionValidator, ValidateError, Validator};
use http::HeaderMap;
use serde_json::{Map, Value, json};
use time::Duration;

use super::exchange::Names;
use super::validate::NOW;
use super::{
    API, Answer, Person, STOCK, Tokens, basic_auth, claims, get, introspect, person, post_as, prepare,
    revoke, with_vault,
};
use crate::support::{ISSUER, World};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TXN_TOKEN: &str = "urn:ietf:params:oauth:token-type:txn_token";
const DOMAIN: &str = "shop.internal";

/// Believes what the workload says, or does as it is told.
#[derive(Debug, Default)]
struct Says(Mutex<Option<TransactionDecision>>);

#[async_trait]
impl TransactionPolicy for Says {
    async fn decide(&self, asked: &Transaction<'_>) -> Result<TransactionDecision, PortError> {
        if let Some(said) = self.0.lock().unwrap().clone() {
            return Ok(said);
        }
        let terms =
            TransactionTerms::new().with_context(asked.context.clone()).with_details(asked.details.clone());
        if let TransactionSubject::Replaced(before) = asked.subject {
            assert!(before.exp > asked.now.unix_timestamp());
        }
        Ok(TransactionDecision::Issue(terms))
    }
}

struct Setting {
    world: World,
    policy: Arc<Says>,
}

impl Setting {
    async fn new() -> Self {
        Self::with(TransactionTokens::with_replacements).await
    }

    /// A world with `gateway` (which serves the API), `orders` and `stock` (which serve nothing that people have tokens for).
    async fn with(change: impl FnOnce(TransactionTokens) -> TransactionTokens) -> Self {
        Self::on(change, Arc::default()).await
    }

    async fn on(change: impl FnOnce(TransactionTokens) -> TransactionTokens, hooks: Arc<Names>) -> Self {
        let policy = Arc::new(Says::default());
        let settings = change(TransactionTokens::new(DOMAIN, policy.clone()));
        let clock = Arc::new(ManualClock::new(NOW));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7))).with_hooks(hooks);
        let on = |builder: ServerBuilder| with_vault(builder).transaction_tokens(settings);
        let world = prepare(World::on(ports, clock, on).await).await;
        for (id, serves) in [("gateway", Some(API)), ("orders", None), ("stock", None)] {
            let mut client = Client::confidential(id.parse().unwrap(), basic_auth())
                .with_grant(GrantType::TokenExchange)
                .with_grant(GrantType::ClientCredentials)
                .with_scopes("orders:read".parse().unwrap());
            client.serves.extend(serves.map(|it| it.parse().unwrap()));
            world.server.clients().register(client).await.unwrap();
        }
        Self { world, policy }
    }

    fn decide(&self, decision: TransactionDecision) {
        *self.policy.0.lock().unwrap() = Some(decision);
    }

    /// Asks for a token; what is in `more` takes the place of what is usual, and nothing that of nothing.
    async fn ask(&self, client: &str, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut params = vec![
            ("grant_type", EXCHANGE),
            ("requested_token_type", TXN_TOKEN),
            ("audience", DOMAIN),
            ("scope", "orders:read"),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        params.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        post_as(&self.world.server, "/token", client, &params).await
    }

    async fn replace(&self, client: &str, token: &str, more: &[(&str, &str)]) -> Answer {
        self.ask(client, token, &[&[("subject_token_type", TXN_TOKEN)], more].concat()).await
    }

    async fn tokens(&self, person: &mut Person) -> Tokens {
        person.tokens(&self.world, "shop", "orders:read orders:write offline_access").await
    }

    async fn keys(&self) -> KeySet {
        let jwks = PublicJwkSet::try_from(get(&self.world.server, "/jwks").await.body).unwrap();
        KeySet::from_jwks(&*crypto::ring(), &jwks).unwrap()
    }

    async fn validator(&self, domain: &str) -> TransactionValidator {
        TransactionValidator::new(ISSUER.parse().unwrap(), domain, self.keys().await)
    }
}

fn issued(answer: Answer) -> String {
    let Answer { status, body, .. } = answer;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn error(answer: &Answer) -> &str {
    assert!(answer.status.is_client_error(), "{answer:?}");
    answer.body["error"].as_str().unwrap()
}

/// Sections 9, 11.3 and 11.4: what the token says, and the answer around it.
#[tokio::test]
async fn section_11_4_a_transaction_begins() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let more = [
        ("request_context", r#"{"req_ip":"192.0.2.7"}"#),
        ("request_details", r#"{"action":"BUY","quantity":{"of":"bolts","is":100}}"#),
    ];
    let answer = setting.ask("gateway", &subject.access, &more).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.body["token_type"], "N_A");
    assert_eq!(answer.body["issued_token_type"], TXN_TOKEN);
    assert_eq!((&answer.body["scope"], &answer.body["expires_in"]), (&json!("orders:read"), &json!(120)));
    assert!(answer.body.get("refresh_token").is_none(), "section 13.3");
    let token = issued(answer);
    let header = ciam_core::encoding::base64url::decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["typ"], "txntoken+jwt");
    assert!(header["kid"].is_string());
    let now = setting.world.ports.now().unix_timestamp();
    let said = claims(&token);
    assert_eq!(
        (&said["iss"], &said["aud"], &said["sub"]),
        (&json!(ISSUER), &json!(DOMAIN), &claims(&subject.access)["sub"])
    );
    assert_eq!((&said["iat"], &said["exp"]), (&json!(now), &json!(now + 120)));
    assert_eq!((&said["scope"], &said["req_wl"]), (&json!("orders:read"), &json!("gateway")));
    assert_eq!(said["rctx"], json!({ "req_ip": "192.0.2.7" }));
    assert_eq!(said["tctx"], json!({ "action": "BUY", "quantity": { "of": "bolts", "is": 100 } }));
    assert!(!said.to_string().contains(&subject.access), "section 13.4");
    let another = issued(setting.ask("gateway", &subject.access, &[]).await);
    assert_ne!(claims(&another)["txn"], said["txn"], "each is a transaction of its own");
    let validated = setting.validator(DOMAIN).await.validate(&token, setting.world.ports.now()).unwrap();
    assert_eq!(validated.txn, said["txn"].as_str().unwrap());
    assert!(validated.scope.contains("orders:read"));
    let events = setting.world.events().await;
    let logged =
        events.iter().rfind(|event| event.data.get("kind").is_some_and(|kind| kind == "transaction"));
    assert_eq!(logged.unwrap().data["client"], "gateway");
}

/// Section 11.1: what has to be there, and what may not.
#[tokio::test]
async fn section_11_1_what_a_request_needs() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[("audience", "")], "invalid_target"),
        (&[("audience", "other.internal")], "invalid_target"),
        (&[("audience", DOMAIN), ("audience", "other.internal")], "invalid_target"),
        (&[("audience", API)], "invalid_target"),
        (&[("resource", STOCK)], "invalid_target"),
        (&[("scope", "")], "invalid_scope"),
        (&[("subject_token", "")], "invalid_request"),
        (&[("subject_token_type", "")], "invalid_request"),
        (&[("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
        (&[("subject_token_type", "urn:ietf:params:oauth:token-type:self_signed")], "invalid_request"),
        (&[("subject_token_type", "urn:ietf:params:oauth:token-type:unsigned_json")], "invalid_request"),
        (&[("actor_token", "x")], "invalid_request"),
        (&[("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (&[("request_context", "[]")], "invalid_request"),
        (&[("request_details", "{")], "invalid_request"),
        (&[("request_details", "{}"), ("request_details", "{}")], "invalid_request"),
        (&[("authorization_details", "[]")], "invalid_authorization_details"),
    ];
    for (more, expected) in rows {
        let answer = setting.ask("gateway", &subject.access, more).await;
        assert_eq!(error(&answer), *expected, "{more:?}");
    }
}

/// Sections 11.3, 13.6 and 13.14: only what the subject token allows, and only a token that is good.
#[tokio::test]
async fn section_13_6_no_more_scope_than_the_subject_token_has() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let read = ada.tokens(&setting.world, "shop", "orders:read").await;
    for scope in ["orders:write", "orders:read orders:write", "stock:read", "anything"] {
        let answer = setting.ask("gateway", &read.access, &[("scope", scope)]).await;
        assert_eq!(error(&answer), "invalid_scope", "{scope}");
    }
    // What the policy names is a limit, and no more.
    setting.decide(TransactionDecision::Issue(
        TransactionTerms::new().with_scopes("orders:read orders:write".parse().unwrap()),
    ));
    let token = issued(setting.ask("gateway", &read.access, &[]).await);
    assert_eq!(claims(&token)["scope"], "orders:read");
    setting.decide(TransactionDecision::Issue(
        TransactionTerms::new().with_scopes("stock:read".parse().unwrap()),
    ));
    assert_eq!(error(&setting.ask("gateway", &read.access, &[]).await), "invalid_scope");
    setting.decide(TransactionDecision::Refuse);
    assert_eq!(error(&setting.ask("gateway", &read.access, &[]).await), "access_denied");
}

/// Sections 6 and 11.3: a subject token that is not good begins nothing.
#[tokio::test]
async fn section_11_3_the_subject_token_is_validated() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let stranger = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let forged = sign(&stranger, "at+jwt", &claims(&subject.access)).await.unwrap();
    let mut of_others = claims(&subject.access);
    of_others["iss"] = "https://other.example".into();
    let signer = setting.world.server.keys().signer(Algorithm::Es256).await.unwrap();
    let of_others = sign(&*signer, "at+jwt", &of_others).await.unwrap();
    let id_token = sign(&*signer, "JWT", &claims(&subject.access)).await.unwrap();
    for token in [forged.as_str(), &of_others, &id_token, "x", subject.refresh()] {
        assert_eq!(error(&setting.ask("gateway", token, &[]).await), "invalid_grant", "{token}");
    }
    // It is nobody's who was not called with it.
    assert_eq!(error(&setting.ask("orders", &subject.access, &[]).await), "invalid_grant");
    assert_eq!(error(&setting.ask("shop", &subject.access, &[]).await), "unauthorized_client");
    assert_eq!(error(&setting.ask("spa", &subject.access, &[]).await), "unauthorized_client");
    let other = setting.tokens(&mut ada).await;
    let end = claims(&subject.access)["exp"].as_i64().unwrap();
    let left = end - setting.world.ports.now().unix_timestamp();
    setting.world.clock.advance(Duration::seconds(left - 60));
    let late = issued(setting.ask("gateway", &subject.access, &[]).await);
    assert_eq!(claims(&late)["exp"], end, "it does not outlive what it was made of");
    assert_eq!(revoke(&setting.world, "shop", other.refresh()).await.status, 200);
    assert_eq!(error(&setting.ask("gateway", &other.access, &[]).await), "invalid_grant");
    setting.world.clock.advance(Duration::hours(2));
    assert_eq!(error(&setting.ask("gateway", &subject.access, &[]).await), "invalid_grant", "expired");
}

/// Section 13.15: a replacement is of the same transaction, and allows no more.
#[tokio::test]
async fn section_13_15_a_token_is_replaced() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let both = [("scope", "orders:read orders:write"), ("request_details", r#"{"action":"BUY"}"#)];
    let first = issued(setting.ask("gateway", &subject.access, &both).await);
    setting.world.clock.advance(Duration::seconds(30));
    let more = [("request_details", r#"{"price":3}"#), ("request_context", r#"{"of":"orders"}"#)];
    let second = issued(setting.replace("orders", &first, &more).await);
    let (before, after) = (claims(&first), claims(&second));
    for same in ["txn", "sub", "aud", "exp"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!((&after["scope"], &after["req_wl"]), (&json!("orders:read"), &json!("orders")));
    assert_eq!(after["tctx"], json!({ "action": "BUY", "price": 3 }));
    assert_eq!(after["rctx"], json!({ "of": "orders" }));
    assert_eq!(after["act"], json!({ "sub": "gateway" }), "who asked before");
    // What was given up is not had again, and what was said is not said otherwise.
    let wider = setting.replace("stock", &second, &[("scope", "orders:read orders:write")]).await;
    assert_eq!(error(&wider), "invalid_scope");
    let otherwise = setting.replace("stock", &second, &[("request_details", r#"{"price":4}"#)]).await;
    assert_eq!(error(&otherwise), "access_denied");
    let third = issued(setting.replace("stock", &second, &[("request_details", r#"{"price":3}"#)]).await);
    assert_eq!(claims(&third)["act"], json!({ "sub": "orders", "act": { "sub": "gateway" } }));
    let mut last = third;
    for _ in 0..2 {
        last = issued(setting.replace("orders", &last, &[]).await);
    }
    assert_eq!(
        error(&setting.replace("orders", &last, &[]).await),
        "access_denied",
        "four have asked before"
    );
    // Of another domain, of a stranger, or of yesterday, it is none.
    let signer = setting.world.server.keys().signer(Algorithm::Es256).await.unwrap();
    let stranger = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let mut abroad = before.clone();
    abroad["aud"] = "other.internal".into();
    let mut of_others = before.clone();
    of_others["iss"] = "https://other.example".into();
    for token in [
        sign(&*signer, "txntoken+jwt", &abroad).await.unwrap(),
        sign(&*signer, "txntoken+jwt", &of_others).await.unwrap(),
        sign(&*signer, "at+jwt", &before).await.unwrap(),
        sign(&stranger, "txntoken+jwt", &before).await.unwrap(),
        subject.access.clone(),
    ] {
        assert_eq!(error(&setting.replace("orders", &token, &[]).await), "invalid_grant");
    }
    setting.world.clock.advance(Duration::seconds(90));
    assert_eq!(error(&setting.replace("orders", &first, &[]).await), "invalid_grant", "expired");
}

/// Section 13.15: replacing has to be turned on; so has everything else.
#[tokio::test]
async fn nothing_is_issued_unless_configured() {
    let setting = Setting::with(|settings| settings).await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let first = issued(setting.ask("gateway", &subject.access, &[]).await);
    assert_eq!(error(&setting.replace("orders", &first, &[]).await), "invalid_request");
    // A policy of this server's other exchanges is another one.
    let form = [
        ("grant_type", EXCHANGE),
        ("subject_token", subject.access.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    assert_eq!(error(&post_as(&setting.world.server, "/token", "gateway", &form).await), "access_denied");
    let world = super::world().await;
    let form =
        [&form[..], &[("requested_token_type", TXN_TOKEN), ("audience", DOMAIN), ("scope", "orders:read")]]
            .concat();
    let refused = post_as(&world.server, "/token", "shop", &form).await;
    assert_eq!(error(&refused), "unsupported_grant_type");
    for change in [
        |it: TransactionTokens| it.with_lifetime(Duration::ZERO),
        |it: TransactionTokens| it.with_lifetime(Duration::minutes(11)),
        |mut it: TransactionTokens| {
            it.trust_domain = String::new();
            it
        },
        |mut it: TransactionTokens| {
            it.trust_domain = "shop internal".to_owned();
            it
        },
        |mut it: TransactionTokens| {
            it.trust_domain = "x".repeat(256);
            it
        },
    ] {
        let settings = change(TransactionTokens::new(DOMAIN, Arc::new(Says::default())));
        let build = ciam_oauth::AuthorizationServer::builder(memory::ports())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url("/interaction/")
            .transaction_tokens(settings)
            .build();
        assert!(matches!(build.await, Err(ConfigError::Contradiction(_))));
    }
}

/// Sections 12.2 and 13.13: a token of a transaction is good in its domain until it expires, and is no access token; nor is an access
/// token one.
#[tokio::test]
async fn section_12_2_a_service_validates() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let token = issued(setting.ask("gateway", &subject.access, &[]).await);
    let (here, now) = (setting.validator(DOMAIN).await, setting.world.ports.now());
    assert!(here.validate(&token, now).is_ok());
    assert!(here.validate_or_fetch(&token, now).await.is_ok());
    assert_eq!(here.validate(&subject.access, now).unwrap_err(), ValidateError::Type);
    let abroad = setting.validator("other.internal").await;
    assert_eq!(abroad.validate(&token, now).unwrap_err(), ValidateError::Audience);
    let other =
        TransactionValidator::new("https://other.example".parse().unwrap(), DOMAIN, setting.keys().await);
    assert_eq!(other.validate(&token, now).unwrap_err(), ValidateError::Issuer);
    let end = now + Duration::seconds(120);
    assert!(here.validate(&token, end - Duration::SECOND).is_ok());
    assert_eq!(here.validate(&token, end).unwrap_err(), ValidateError::Expired);
    assert!(here.clone().with_skew(Duration::seconds(5)).validate(&token, end).is_ok());
    let mut forged = token.clone();
    forged.replace_range(token.len() - 4.., "AAAA");
    assert_eq!(here.validate(&forged, now).unwrap_err(), ValidateError::Signature);
    let hmac = here.clone().with_algorithms(ciam_core::jose::AlgorithmSet::of(&[Algorithm::Rs256]));
    assert_eq!(hmac.validate(&token, now).unwrap_err(), ValidateError::Algorithm);
    // As an access token it is nothing: neither at an API of that name, nor at this server.
    let api = Validator::new(ISSUER.parse().unwrap(), DOMAIN, setting.keys().await);
    assert_eq!(api.validate(&token, now).unwrap_err(), ValidateError::Type);
    assert!(setting.world.server.inspect(&token).await.unwrap().is_none());
    assert_eq!(introspect(&setting.world, "rs", &token).await["active"], false);
    let exchanged = setting.ask("gateway", &token, &[]).await;
    assert_eq!(error(&exchanged), "invalid_grant", "and begins no other transaction");
}

/// A service meets a new key first in a transaction token, and no key of a stranger ever.
#[tokio::test]
async fn a_new_key_is_fetched() {
    let (outside, clock) = (MemoryHttpClient::new(), Arc::new(ManualClock::new(NOW)));
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)))
        .with_http_client(Arc::new(outside.clone()));
    let signer = || LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let (first, second, stranger) = (signer(), signer(), signer());
    let publish = |signers: &[&LocalSigner]| {
        let set = PublicJwkSet::new(signers.iter().map(|signer| signer.public_jwk().unwrap()).collect());
        let response = http::Response::builder().header("content-type", "application/json");
        let body = bytes::Bytes::from(serde_json::to_vec(&set).unwrap());
        outside.answer("https://id.example/jwks", response.body(body).unwrap());
    };
    let remote = RemoteKeys::new(ports, "https://id.example/jwks");
    let validator = TransactionValidator::new(ISSUER.parse().unwrap(), DOMAIN, remote);
    let said = json!({
        "iss": ISSUER, "aud": DOMAIN, "iat": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 600,
        "txn": "1", "sub": "ada", "scope": "orders:read", "req_wl": "gateway",
    });
    publish(&[&first]);
    let token = sign(&first, "txntoken+jwt", &said).await.unwrap();
    assert_eq!(validator.validate(&token, NOW).unwrap_err(), ValidateError::StaleKeys);
    assert!(validator.validate_or_fetch(&token, NOW).await.is_ok());
    assert!(validator.validate(&token, NOW).is_ok());
    publish(&[&first, &second]);
    clock.advance(Duration::minutes(2));
    let now = NOW + Duration::minutes(2);
    let token = sign(&second, "txntoken+jwt", &said).await.unwrap();
    assert_eq!(validator.validate_or_fetch(&token, now).await.map(|it| it.sub).unwrap(), "ada");
    let token = sign(&stranger, "txntoken+jwt", &said).await.unwrap();
    assert_eq!(validator.validate_or_fetch(&token, now).await.unwrap_err(), ValidateError::UnknownKey);
}

/// RFC 8693, section 4.4: an access token that says who may act for its subject begins nobody else's transaction.
#[tokio::test]
async fn rfc8693_4_4_only_those_who_may_act_begin_one() {
    let names = Arc::new(Names::default());
    let setting = Setting::on(|settings| settings, names.clone()).await;
    let mut ada = person(&setting.world).await;
    for (named, expected) in [("gateway", 200), ("orders", 400)] {
        *names.0.lock().unwrap() = Some(json!({ "client_id": named }));
        let subject = setting.tokens(&mut ada).await;
        let answer = setting.ask("gateway", &subject.access, &[]).await;
        assert_eq!(answer.status, expected, "{named}: {answer:?}");
    }
}

/// Section 11.5: a client that does not authenticate has none, though it had the grant; nor is what a person allowed once handed on.
#[tokio::test]
async fn section_11_5_only_who_authenticates() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = ada.tokens(&setting.world, "spa", "orders:read").await;
    let details = [("authorization_details", r#"[{"type":"payment"}]"#)];
    let answer = setting.ask("gateway", &subject.access, &details).await;
    assert_eq!(error(&answer), "invalid_authorization_details");
    let clients = setting.world.server.clients();
    let refused = clients.register(super::public("spa9").with_grant(GrantType::TokenExchange)).await;
    assert!(refused.is_err(), "it is not even registered so");
    assert!(clients.register(super::public("spa9")).await.is_ok());
}

/// Section 12.1: one token in the header of its own.
#[test]
fn section_12_1_the_header() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer x".parse().unwrap());
    assert_eq!(TransactionValidator::token_of(&headers).unwrap_err(), ValidateError::Missing);
    headers.insert("Txn-Token", "a.b.c".parse().unwrap());
    assert_eq!(TransactionValidator::token_of(&headers), Ok("a.b.c"));
    headers.append("Txn-Token", "a.b.c".parse().unwrap());
    assert_eq!(TransactionValidator::token_of(&headers).unwrap_err(), ValidateError::BadRequest);
}

/// What a policy says is what the token says, however much the workload would have it say.
#[tokio::test]
async fn what_the_policy_does_not_believe_is_not_said() {
    let setting = Setting::new().await;
    let mut ada = person(&setting.world).await;
    let subject = setting.tokens(&mut ada).await;
    let computed = Map::from_iter([("level".to_owned(), json!("VIP"))]);
    let terms = TransactionTerms::new().with_details(computed).with_lifetime(Duration::seconds(10));
    setting.decide(TransactionDecision::Issue(terms));
    let more = [("request_details", r#"{"admin":true}"#), ("request_context", r#"{"req_ip":"127.0.0.1"}"#)];
    let said = claims(&issued(setting.ask("gateway", &subject.access, &more).await));
    assert_eq!((&said["tctx"], said.get("rctx")), (&json!({ "level": "VIP" }), None));
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 10);
    let longer = TransactionTerms::new().with_lifetime(Duration::HOUR);
    setting.decide(TransactionDecision::Issue(longer));
    let said = claims(&issued(setting.ask("gateway", &subject.access, &[]).await));
    assert_eq!(
        said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(),
        120,
        "the server says the most"
    );
    setting.decide(TransactionDecision::Issue(TransactionTerms::new().with_lifetime(Duration::ZERO)));
    assert_eq!(error(&setting.ask("gateway", &subject.access, &[]).await), "invalid_grant");
}
