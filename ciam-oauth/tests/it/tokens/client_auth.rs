//! Client authentication: RFC 6749, sections 2.3 and 5.2; RFC 7521, section 4.2; RFC 7523, section 3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, LocalSigner, PublicJwkSet, Signer, sign};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::testkit::{ManualClock, Probe, SeededEntropy};
use ciam_oauth::client::{Client, ClientAuthentication, ClientKeys, ClientSecret, GrantType, SecretDigest};
use ciam_oauth::dpop::DpopSigner;
use ciam_oauth::server::Profile;
use ciam_oauth::validate::SenderConstraint;
use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::{Answer, basic, post, prepare, token, with_vault, world};
use crate::support::{ISSUER, SECRET, World, query};

const OWN: (&str, &str) = ("grant_type", "client_credentials");
const INVALID_CLIENT: (u16, &str) = (401, "invalid_client");
const INVALID_REQUEST: (u16, &str) = (400, "invalid_request");
const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

async fn send(world: &World, authorization: Option<&str>, params: &[(&str, &str)]) -> Answer {
    let mut all = vec![OWN, ("scope", "orders:read")];
    all.extend(params);
    post(&world.server, "/token", authorization, &all).await
}

/// A client with a secret in the form.
fn poster() -> Client {
    let secret = ClientSecret::new(SECRET).unwrap();
    machine("poster", ClientAuthentication::post(&secret))
}

fn machine(id: &str, authentication: ClientAuthentication) -> Client {
    Client::confidential(id.parse().unwrap(), authentication)
        .with_grant(GrantType::ClientCredentials)
        .with_scopes("orders:read".parse().unwrap())
}

#[tokio::test]
async fn rfc6749_2_3_1_each_registered_method_works() {
    let world = world().await;
    world.server.clients().register(poster()).await.unwrap();
    assert!(send(&world, Some(&basic("shop", SECRET)), &[]).await.is_ok());
    assert!(send(&world, Some(&basic("shop", SECRET)), &[("client_id", "shop")]).await.is_ok());
    assert!(send(&world, None, &[("client_id", "poster"), ("client_secret", SECRET)]).await.is_ok());
}

/// S18: only the registered method; two methods, half methods, wrong secrets and unknown clients, as one table.
#[tokio::test]
async fn s18_hostile_credentials() {
    let world = world().await;
    world.server.clients().register(poster()).await.unwrap();
    let good = basic("shop", SECRET);
    let wrong = basic("shop", &"x".repeat(43));
    let unknown = basic("nobody", SECRET);
    let empty = basic("shop", "");
    let of_header = basic("poster", SECRET);
    let not_utf8 = format!("Basic {}", STANDARD.encode([b'a', b':', 0xff]));
    let unpadded = good.trim_end_matches('=').to_owned();
    let (id, secret) = (("client_id", "shop"), ("client_secret", SECRET));
    type Row<'a> = (&'a str, Option<&'a str>, Vec<(&'a str, &'a str)>, (u16, &'a str));
    let table: Vec<Row<'_>> = vec![
        ("no credentials", None, vec![], INVALID_CLIENT),
        ("a name alone", None, vec![id], INVALID_CLIENT),
        ("a secret alone", None, vec![secret], INVALID_CLIENT),
        ("the wrong secret", Some(&wrong), vec![], INVALID_CLIENT),
        ("an empty secret", Some(&empty), vec![], INVALID_CLIENT),
        ("an empty secret in the form", None, vec![id, ("client_secret", "")], INVALID_CLIENT),
        ("an unknown client", Some(&unknown), vec![], INVALID_CLIENT),
        ("the form instead of the header", None, vec![id, secret], INVALID_CLIENT),
        ("the header instead of the form", Some(&of_header), vec![], INVALID_CLIENT),
        ("header and form", Some(&good), vec![id, secret], INVALID_REQUEST),
        ("header and another name", Some(&good), vec![("client_id", "poster")], INVALID_REQUEST),
        ("header and an assertion", Some(&good), vec![TYPE, ("client_assertion", "a.b.c")], INVALID_REQUEST),
        (
            "form and an assertion",
            None,
            vec![id, secret, TYPE, ("client_assertion", "a.b.c")],
            INVALID_REQUEST,
        ),
        ("two names", None, vec![id, id, secret], INVALID_REQUEST),
        ("two secrets", None, vec![id, secret, secret], INVALID_REQUEST),
        ("a bearer token", Some("Bearer abc"), vec![id], INVALID_CLIENT),
        ("not base64", Some("Basic ***"), vec![], INVALID_REQUEST),
        ("not UTF-8", Some(&not_utf8), vec![], INVALID_REQUEST),
        ("an assertion without its type", None, vec![("client_assertion", "a.b.c")], INVALID_REQUEST),
        ("a type without its assertion", None, vec![TYPE], INVALID_REQUEST),
        ("garbage for an assertion", None, vec![TYPE, ("client_assertion", "a.b.c")], INVALID_CLIENT),
        ("a name that cannot be one", None, vec![("client_id", "a b\n")], INVALID_CLIENT),
    ];
    for (what, authorization, params, expected) in table {
        let answer = send(&world, authorization, &params).await;
        assert_eq!(answer.error(), expected, "{what}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
        // RFC 6749, section 5.2: the header is answered by a challenge, and nothing else is.
        let challenged = answer.headers.contains_key("www-authenticate");
        assert_eq!(challenged, authorization.is_some() && expected == INVALID_CLIENT, "{what}");
    }
    if unpadded != good {
        assert_eq!(send(&world, Some(&unpadded), &[]).await.error(), INVALID_REQUEST);
    }
}

/// Credentials in the URL are in every log on the way.
#[tokio::test]
async fn rfc6749_2_3_1_credentials_in_the_query_are_not_read() {
    let world = world().await;
    world.server.clients().register(poster()).await.unwrap();
    let url = format!("/token?client_id=poster&client_secret={SECRET}");
    let answer = post(&world.server, &url, None, &[OWN]).await;
    assert_eq!(answer.error(), INVALID_REQUEST);
}

/// An unknown client and a wrong secret are the same answer, byte for byte, and the same calls.
#[tokio::test]
async fn s18_unknown_clients_look_like_wrong_secrets() {
    let probe = Probe::new();
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let world = prepare(World::on(probe.watch(&ports), clock, with_vault).await).await;
    let mut seen = Vec::new();
    for id in ["shop", "nobody"] {
        probe.clear();
        let answer = send(&world, Some(&basic(id, &"x".repeat(43))), &[]).await;
        seen.push((answer.status, answer.body.to_string(), format!("{:?}", answer.headers), probe.calls()));
    }
    assert_eq!(seen[0], seen[1]);
}

/// Two secrets at once, while one replaces the other, and the end of the old one.
#[tokio::test]
async fn a_secret_is_replaced_without_a_gap() {
    let world = world().await;
    let new = ClientSecret::new("n".repeat(43)).unwrap();
    let end = world.ports.now() + Duration::hours(1);
    world
        .change_client("shop", |client| {
            let ClientAuthentication::ClientSecretBasic { secrets } = &mut client.authentication else {
                panic!()
            };
            secrets[0] = secrets[0].with_expiry(end);
            secrets.insert(0, SecretDigest::new(new.digest()));
        })
        .await;
    for secret in [SECRET, new.expose()] {
        assert!(send(&world, Some(&basic("shop", secret)), &[]).await.is_ok());
    }
    world.clock.advance(Duration::hours(1));
    assert_eq!(send(&world, Some(&basic("shop", SECRET)), &[]).await.error(), INVALID_CLIENT);
    assert!(send(&world, Some(&basic("shop", new.expose())), &[]).await.is_ok());
}

/// Identifier and secret are form-encoded before they are joined.
#[tokio::test]
async fn rfc6749_2_3_1_special_characters_are_encoded() {
    let world = world().await;
    let secret = ClientSecret::new("a:b%c+d/e&f=g".repeat(4)).unwrap();
    world.server.clients().register(machine("we:ird", ClientAuthentication::basic(&secret))).await.unwrap();
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let good = basic(&encode("we:ird"), &encode(secret.expose()));
    assert!(send(&world, Some(&good), &[]).await.is_ok());
    let raw = basic("we:ird", secret.expose());
    assert!(!send(&world, Some(&raw), &[]).await.is_ok());
}

// --- private_key_jwt ---

struct Signing {
    world: World,
    signer: LocalSigner,
}

fn jwks(signers: &[&LocalSigner]) -> Value {
    serde_json::to_value(PublicJwkSet::new(
        signers.iter().map(|signer| signer.public_jwk().unwrap()).collect(),
    ))
    .unwrap()
}

async fn signing() -> Signing {
    signing_with(|authentication| authentication).await
}

async fn signing_with(change: impl FnOnce(ClientAuthentication) -> ClientAuthentication) -> Signing {
    let world = world().await;
    let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let keys = ClientKeys::Jwks(jwks(&[&signer]));
    let authentication = change(ClientAuthentication::private_key_jwt(keys));
    world.server.clients().register(machine("signs", authentication)).await.unwrap();
    Signing { world, signer }
}

impl Signing {
    fn claims(&self, jti: &str) -> Value {
        let now = self.world.ports.now().unix_timestamp();
        json!({ "iss": "signs", "sub": "signs", "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 60 })
    }

    async fn assertion(&self, jti: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims(jti);
        change(&mut claims);
        sign(&self.signer, "JWT", &claims).await.unwrap()
    }

    async fn send(&self, assertion: &str) -> Answer {
        send(&self.world, None, &[TYPE, ("client_assertion", assertion)]).await
    }
}

#[tokio::test]
async fn rfc7523_2_2_an_assertion_authenticates_with_or_without_client_id() {
    let signing = signing().await;
    let first = signing.assertion("1", |_| ()).await;
    assert!(signing.send(&first).await.is_ok());
    let second = signing.assertion("2", |_| ()).await;
    let named = [TYPE, ("client_assertion", second.as_str()), ("client_id", "signs")];
    assert!(send(&signing.world, None, &named).await.is_ok());
    let third = signing.assertion("3", |_| ()).await;
    let other = [TYPE, ("client_assertion", third.as_str()), ("client_id", "shop")];
    assert_eq!(send(&signing.world, None, &other).await.error(), INVALID_CLIENT);
}

/// S13 and S14, end to end; the rules themselves have their own tables.
#[tokio::test]
async fn s13_s14_claims_that_are_refused() {
    let signing = signing().await;
    let now = signing.world.ports.now().unix_timestamp();
    let token = format!("{ISSUER}/token");
    let changes: Vec<(&str, &str, Value)> = vec![
        ("the token endpoint as audience", "aud", json!(token)),
        ("the PAR endpoint as audience", "aud", json!(format!("{ISSUER}/par"))),
        ("two audiences", "aud", json!([ISSUER, "https://other.example"])),
        ("issuer with a slash", "aud", json!(format!("{ISSUER}/"))),
        ("no audience", "aud", Value::Null),
        ("another issuer", "iss", json!("shop")),
        ("another subject", "sub", json!("shop")),
        ("expired", "exp", json!(now - 300)),
        ("valid for a day", "exp", json!(now + 86_400)),
        ("no expiry", "exp", Value::Null),
        ("from the future", "iat", json!(now + 61)),
        ("not yet", "nbf", json!(now + 61)),
        ("no id", "jti", Value::Null),
        ("a number for an id", "jti", json!(7)),
        ("an empty id", "jti", json!("")),
        ("an id that fills the store", "jti", json!("x".repeat(513))),
        ("a text for an expiry", "exp", json!((now + 60).to_string())),
        ("an expiry that is no time", "exp", json!(i64::MAX)),
        ("an expiry beyond numbers", "exp", json!(1e300)),
        ("the end of time", "exp", json!(253_402_300_799_i64)),
        ("before all time", "exp", json!(i64::MIN)),
        ("a text for a time", "iat", json!("now")),
        ("the end of time as the beginning", "nbf", json!(253_402_300_799_i64)),
        ("an audience of objects", "aud", json!([{ "iss": ISSUER }])),
        ("no audience at all", "aud", json!([])),
        ("the issuer twice", "aud", json!([ISSUER, ISSUER])),
        ("another spelling of the issuer", "aud", json!(ISSUER.to_uppercase())),
        ("a list of issuers", "iss", json!(["signing"])),
    ];
    for (number, (what, name, value)) in changes.into_iter().enumerate() {
        let assertion = signing
            .assertion(&format!("bad-{number}"), |claims| {
                if value.is_null() {
                    claims.as_object_mut().unwrap().remove(name);
                } else {
                    claims[name] = value;
                }
            })
            .await;
        let answer = signing.send(&assertion).await;
        assert_eq!(answer.error(), INVALID_CLIENT, "{what}");
        assert!(!answer.headers.contains_key("www-authenticate"), "{what}");
    }
    for (number, (name, value)) in
        [("aud", json!([ISSUER])), ("iat", json!(now + 8)), ("nbf", json!(now + 8))].into_iter().enumerate()
    {
        let assertion = signing.assertion(&format!("good-{number}"), |claims| claims[name] = value).await;
        assert!(signing.send(&assertion).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn s13_the_token_endpoint_is_an_audience_for_clients_registered_so() {
    let signing = signing_with(|authentication| match authentication {
        ClientAuthentication::PrivateKeyJwt { keys, alg, .. } => {
            ClientAuthentication::PrivateKeyJwt { keys, alg, token_endpoint_audience: true }
        }
        other => other,
    })
    .await;
    for (jti, audience) in [("1", format!("{ISSUER}/token")), ("2", ISSUER.to_owned())] {
        let assertion = signing.assertion(jti, |claims| claims["aud"] = json!(audience)).await;
        assert!(signing.send(&assertion).await.is_ok(), "{audience}");
    }
    let assertion = signing.assertion("3", |claims| claims["aud"] = json!(format!("{ISSUER}/par"))).await;
    assert_eq!(signing.send(&assertion).await.error(), INVALID_CLIENT);
}

/// S13 and FAPI 2.0, section 5.3.2.1: an exception that a client was registered with before does not outlive the choice of the
/// profile.
#[tokio::test]
async fn s13_a_profile_ends_the_exceptions_from_it() {
    let signing = signing_with(|authentication| match authentication {
        ClientAuthentication::PrivateKeyJwt { keys, alg, .. } => {
            ClientAuthentication::PrivateKeyJwt { keys, alg, token_endpoint_audience: true }
        }
        other => other,
    })
    .await;
    let fapi = World::on_again(&signing.world, |builder| {
        with_vault(builder).profile(Profile::Fapi2Security).require_sender_constraint(SenderConstraint::Any)
    })
    .await;
    let key = DpopSigner::new(LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()).unwrap();
    let url = format!("{ISSUER}/token");
    for (jti, audience, accepted) in [("1", url.as_str(), false), ("2", ISSUER, true)] {
        let assertion = signing.assertion(jti, |claims| claims["aud"] = json!(audience)).await;
        let form = [OWN, ("scope", "orders:read"), TYPE, ("client_assertion", assertion.as_str())];
        let proof = key.proof(&signing.world.ports, &http::Method::POST, &url, None, None).await.unwrap();
        let request = http::Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", proof)
            .body(Bytes::from(query(&form)));
        let response = fapi.handle(request.unwrap(), &super::peer()).await;
        assert_eq!(response.status().is_success(), accepted, "{audience}: {:?}", response.body());
    }
}

/// S14: an assertion is used once, and only a good one is used up.
#[tokio::test]
async fn s14_replay_and_no_burning_of_somebody_elses_id() {
    let signing = signing().await;
    let thief = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let forged = sign(&thief, "JWT", &signing.claims("the-id")).await.unwrap();
    assert_eq!(signing.send(&forged).await.error(), INVALID_CLIENT);
    let late = signing.assertion("the-id", |claims| claims["aud"] = json!("https://other.example")).await;
    assert_eq!(signing.send(&late).await.error(), INVALID_CLIENT);

    let good = signing.assertion("the-id", |_| ()).await;
    assert!(signing.send(&good).await.is_ok());
    for seconds in [0, 30, 59] {
        signing.world.clock.advance(Duration::seconds(seconds));
        assert_eq!(signing.send(&good).await.error(), INVALID_CLIENT);
    }
    let again = signing.assertion("the-id", |_| ()).await;
    assert_eq!(
        signing.send(&again).await.error(),
        INVALID_CLIENT,
        "another assertion with the id of a live one"
    );
    signing.world.clock.advance(Duration::hours(1));
    let later = signing.assertion("the-id", |_| ()).await;
    assert!(signing.send(&later).await.is_ok(), "the id is free when no assertion with it can be live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s14_of_concurrent_requests_with_one_assertion_exactly_one_succeeds() {
    let signing = Arc::new(signing().await);
    let assertion = Arc::new(signing.assertion("1", |_| ()).await);
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (signing, assertion) = (signing.clone(), assertion.clone());
            tokio::spawn(async move { signing.send(&assertion).await.is_ok() })
        })
        .collect();
    let mut succeeded = 0;
    for task in tasks {
        succeeded += usize::from(task.await.unwrap());
    }
    assert_eq!(succeeded, 1);
}

/// S15: the algorithm is the registered one; the header chooses nothing.
#[tokio::test]
async fn s15_algorithm_confusion() {
    let signing = signing_with(|authentication| match authentication {
        ClientAuthentication::PrivateKeyJwt { keys, token_endpoint_audience, .. } => {
            ClientAuthentication::PrivateKeyJwt { keys, alg: Some(Algorithm::Es256), token_endpoint_audience }
        }
        other => other,
    })
    .await;
    let claims = signing.claims("1").to_string();
    let kid = signing.signer.kid().unwrap();
    let public = signing.signer.public_jwk().unwrap();
    let key_text = serde_json::to_string(&public).unwrap();
    let forge = |header: Value, signature: &str| {
        format!(
            "{}.{}.{signature}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(&claims)
        )
    };
    // An HMAC keyed with the text of the public key.
    let hmac = {
        let secret = ciam_core::secret::SecretBytes::new(key_text.clone().into_bytes());
        let signer = LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap().with_kid(kid);
        sign(&signer, "JWT", &signing.claims("1")).await.unwrap()
    };
    let good = signing.assertion("1", |_| ()).await;
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = input.split_once('.').unwrap();
    let embedded = {
        let thief = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
        let header = json!({ "alg": "ES256", "jwk": thief.public_jwk().unwrap() });
        let input = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()));
        let signature = thief.sign(input.as_bytes()).await.unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    for (what, assertion) in [
        ("none", forge(json!({ "alg": "none" }), "")),
        ("none with a signature", forge(json!({ "alg": "none" }), signature)),
        ("HS256 with the public key", hmac),
        ("another algorithm named", forge(json!({ "alg": "EdDSA", "kid": kid }), signature)),
        ("an embedded key", embedded),
        ("crit", forge(json!({ "alg": "ES256", "crit": ["x"], "x": 1, "kid": kid }), signature)),
        ("b64", forge(json!({ "alg": "ES256", "b64": false, "crit": ["b64"], "kid": kid }), signature)),
        ("padding", format!("{head}.{payload}=.{signature}")),
        ("white space", format!("{head}. {payload}.{signature}")),
        ("a fourth part", format!("{good}.x")),
        ("no signature", format!("{head}.{payload}.")),
        ("the signature of something else", forge(json!({ "alg": "ES256", "kid": kid }), signature)),
        ("too large", format!("{good}{}", "A".repeat(20_000))),
    ] {
        assert_eq!(signing.send(&assertion).await.error(), INVALID_CLIENT, "{what}");
    }
    assert!(signing.send(&good).await.is_ok(), "none of them used the id up");
}

/// S13: a token of another kind that the client's keys have signed is not an assertion.
#[tokio::test]
async fn s13_types() {
    let signing = signing().await;
    for (number, (typ, accepted)) in [
        ("JWT", true),
        ("client-authentication+jwt", true),
        ("application/client-authentication+jwt", true),
        ("at+jwt", false),
        ("dpop+jwt", false),
        ("oauth-authz-req+jwt", false),
        ("logout+jwt", false),
    ]
    .into_iter()
    .enumerate()
    {
        let assertion = sign(&signing.signer, typ, &signing.claims(&number.to_string())).await.unwrap();
        assert_eq!(signing.send(&assertion).await.is_ok(), accepted, "{typ}");
    }
}

/// S16: a key's name is a name and nothing else.
#[tokio::test]
async fn s16_key_names_are_opaque() {
    let signing = signing().await;
    let long = "k".repeat(4_000);
    for kid in ["../../etc/passwd", "' OR 1=1 --", "", long.as_str(), "\u{0}"] {
        let signer = signing.signer.clone().with_kid(kid);
        let assertion = sign(&signer, "JWT", &signing.claims(kid)).await.unwrap();
        assert_eq!(signing.send(&assertion).await.error(), INVALID_CLIENT, "{kid:.20}");
    }
}

/// A client whose keys are at an address: fetched when they are needed, again when a key is unknown, and not for every
/// made-up name.
#[tokio::test]
async fn s16_remote_keys_rotation_and_floods() {
    let publisher = Arc::new(Publisher::default());
    let first = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    publisher.publish(&[&first]);
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)))
        .with_http_client(publisher.clone());
    let world = prepare(World::on(ports, clock, with_vault).await).await;
    let keys = ClientKeys::JwksUri("https://client.example/jwks".to_owned());
    let client = machine("signs", ClientAuthentication::private_key_jwt(keys));
    world.server.clients().register(client).await.unwrap();
    let mut signing = Signing { world, signer: first };

    for jti in ["1", "2", "3"] {
        let assertion = signing.assertion(jti, |_| ()).await;
        assert!(signing.send(&assertion).await.is_ok());
    }
    assert_eq!(publisher.requests(), 1);

    signing.signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    publisher.publish(&[&signing.signer]);
    signing.world.clock.advance(Duration::minutes(1));
    let assertion = signing.assertion("4", |_| ()).await;
    assert!(signing.send(&assertion).await.is_ok(), "the new key was fetched");
    assert_eq!(publisher.requests(), 2);

    let stranger = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    for number in 0..50 {
        let forged = sign(&stranger.clone().with_kid(format!("k{number}")), "JWT", &signing.claims("5"))
            .await
            .unwrap();
        assert_eq!(signing.send(&forged).await.error(), INVALID_CLIENT);
    }
    assert_eq!(publisher.requests(), 2, "no more than one fetch in a while");

    publisher.down.store(true, Ordering::SeqCst);
    signing.world.clock.advance(Duration::hours(1));
    let assertion = signing.assertion("6", |_| ()).await;
    assert!(signing.send(&assertion).await.is_ok(), "the last good keys are used while there are no others");
}

/// Publishes a key set.
#[derive(Debug, Default)]
struct Publisher {
    document: std::sync::Mutex<String>,
    requests: AtomicUsize,
    down: AtomicBool,
}

impl Publisher {
    fn publish(&self, signers: &[&LocalSigner]) {
        *self.document.lock().unwrap() = jwks(signers).to_string();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl HttpClient for Publisher {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, _: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(PortError::transient("down"));
        }
        let body = self.document.lock().unwrap().clone();
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(body)).unwrap())
    }
}

/// Every back-channel endpoint authenticates in the same way.
#[tokio::test]
async fn s23_revocation_and_introspection_authenticate_as_well() {
    let world = world().await;
    for path in ["/revoke", "/introspect"] {
        let params = [("token", "x"), ("client_id", "shop")];
        assert_eq!(post(&world.server, path, None, &params).await.error(), INVALID_CLIENT, "{path}");
        let wrong = basic("shop", &"x".repeat(43));
        let answer = post(&world.server, path, Some(&wrong), &[("token", "x")]).await;
        assert_eq!(answer.error(), INVALID_CLIENT, "{path}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "), "{path}");
    }
    assert!(token(&world, "shop", &[OWN]).await.is_ok());
}
