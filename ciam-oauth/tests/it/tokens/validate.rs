//! Validation at a resource server: RFC 9068, section 4; RFC 8725; S15, S16 and S23.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, LocalSigner, PublicJwkSet, RemoteKeys, Signer, sign};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::validate::{AccessToken, DiscoveryError, ValidateError, Validator, discover_keys};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{API, STOCK, claims, person, world};
use crate::support::ISSUER;

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

pub(super) fn signer() -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()
}

pub(super) fn keys(signer: &LocalSigner) -> KeySet {
    KeySet::from(signer.verification_key(&*crypto::ring()).unwrap())
}

fn validator(signer: &LocalSigner) -> Validator {
    Validator::new(ISSUER.parse().unwrap(), API, keys(signer))
}

pub(super) fn good() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": API, "client_id": "shop", "jti": "1", "scope": "orders:read profile:read",
        "iat": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 600, "auth_time": NOW.unix_timestamp() - 60,
        "acr": "urn:ciam:acr:aal1", "amr": ["pwd", "otp"], "plan": { "name": "gold" },
    })
}

pub(super) async fn token(signer: &LocalSigner, claims: &Value) -> String {
    sign(signer, "at+jwt", claims).await.unwrap()
}

async fn validate(change: impl FnOnce(&mut Value)) -> Result<AccessToken, ValidateError> {
    let signer = signer();
    let mut claims = good();
    change(&mut claims);
    validator(&signer).validate(&token(&signer, &claims).await, NOW)
}

fn remove(name: &'static str) -> impl FnOnce(&mut Value) {
    move |claims| _ = claims.as_object_mut().unwrap().remove(name)
}

/// What this server issues, a resource accepts.
#[tokio::test]
async fn a_token_of_the_server_is_validated_with_its_published_keys() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", "orders:read profile:read").await;
    let published = super::get(&world.server, "/jwks").await;
    let jwks = PublicJwkSet::try_from(published.body).unwrap();
    let keys = KeySet::from_jwks(&*crypto::ring(), &jwks).unwrap();
    let validator = Validator::new(ISSUER.parse().unwrap(), API, keys.clone());
    let read = validator.validate(&tokens.access, world.ports.now()).unwrap();
    let said = claims(&tokens.access);
    assert_eq!(read.subject(), said["sub"]);
    assert_eq!(read.client_id(), "shop");
    assert!(read.has_scope("orders:read") && !read.has_scope("orders"));
    let stock = Validator::new(ISSUER.parse().unwrap(), STOCK, keys);
    assert_eq!(stock.validate(&tokens.access, world.ports.now()).unwrap_err(), ValidateError::Audience);
}

#[tokio::test]
async fn rfc9068_2_2_every_claim_is_read() {
    let read = validate(|_| ()).await.unwrap();
    assert_eq!(read.issuer(), ISSUER);
    assert_eq!(read.subject(), "alice");
    assert_eq!(read.client_id(), "shop");
    assert_eq!(read.id(), Some("1"));
    assert_eq!(read.audience().collect::<Vec<_>>(), [API]);
    assert_eq!(read.scopes().collect::<Vec<_>>(), ["orders:read", "profile:read"]);
    assert_eq!(read.expires_at(), NOW + Duration::minutes(10));
    assert_eq!(read.issued_at(), Some(NOW));
    assert_eq!(read.auth_time(), Some(NOW - Duration::minutes(1)));
    assert_eq!(read.acr(), Some("urn:ciam:acr:aal1"));
    assert_eq!(read.amr().collect::<Vec<_>>(), ["pwd", "otp"]);
    assert_eq!(read.claim("plan"), Some(json!({ "name": "gold" })));
    assert_eq!(read.claim("absent"), None);
    #[derive(serde::Deserialize)]
    struct Own {
        plan: Plan,
    }
    #[derive(serde::Deserialize)]
    struct Plan {
        name: String,
    }
    assert_eq!(read.claims::<Own>().unwrap().plan.name, "gold");
    assert!(!format!("{read:?}").contains("gold"));
    let moved = std::thread::spawn(move || read.subject().to_owned()).join().unwrap();
    assert_eq!(moved, "alice");
}

#[tokio::test]
async fn escaped_claims_are_read_as_what_they_say() {
    let signer = signer();
    let payload = good()
        .to_string()
        .replace("alice", "al\\u0069ce \\\"x\\\"")
        .replace("orders:read", "orders\\u003aread");
    let token = sign_raw(&signer, &json!({ "alg": "ES256", "typ": "at+jwt" }), &payload).await;
    let read = validator(&signer).validate(&token, NOW).unwrap();
    assert_eq!(read.subject(), "alice \"x\"");
    assert!(read.has_scope("orders:read"));
}

pub(super) async fn sign_raw(signer: &LocalSigner, header: &Value, payload: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
    let signature = signer.sign(input.as_bytes()).await.unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// RFC 9068, section 4: issuer and audience.
#[tokio::test]
async fn rfc9068_4_issuer_and_audience_are_compared_byte_for_byte() {
    for issuer in
        ["https://id.example/", "https://ID.example", "http://id.example", "https://id.example.evil", ""]
    {
        let result = validate(|claims| claims["iss"] = json!(issuer)).await;
        assert_eq!(result.unwrap_err(), ValidateError::Issuer, "{issuer}");
    }
    for audience in [json!(STOCK), json!("https://api.example/"), json!([]), json!([STOCK, "x"]), json!("")] {
        let result = validate(|claims| claims["aud"] = audience.clone()).await;
        assert_eq!(result.unwrap_err(), ValidateError::Audience, "{audience}");
    }
    for audience in [json!([API]), json!([STOCK, API])] {
        assert!(validate(|claims| claims["aud"] = audience.clone()).await.is_ok(), "{audience}");
    }
    assert_eq!(validate(remove("aud")).await.unwrap_err(), ValidateError::Audience);
}

/// RFC 9068, section 2.2: claims that every access token has.
#[tokio::test]
async fn rfc9068_2_2_required_claims() {
    for name in ["iss", "sub", "client_id", "exp"] {
        assert_eq!(validate(remove(name)).await.unwrap_err(), ValidateError::MissingClaim(name));
    }
    for name in ["jti", "iat", "scope", "acr", "amr", "auth_time"] {
        assert!(validate(remove(name)).await.is_ok(), "{name}");
    }
}

/// RFC 9068, section 4: expiry, with little room for clocks that differ.
#[tokio::test]
async fn rfc9068_4_times() {
    let at = |name: &'static str, offset: i64| {
        validate(move |claims| claims[name] = json!(NOW.unix_timestamp() + offset))
    };
    assert!(at("exp", 1).await.is_ok());
    assert!(at("exp", -9).await.is_ok());
    assert_eq!(at("exp", -10).await.unwrap_err(), ValidateError::Expired);
    assert_eq!(at("exp", -86_400).await.unwrap_err(), ValidateError::Expired);
    assert!(at("nbf", 10).await.is_ok());
    assert_eq!(at("nbf", 11).await.unwrap_err(), ValidateError::NotYetValid);
    let far = validate(|claims| claims["exp"] = json!(253_402_300_799_i64)).await;
    assert!(far.is_ok(), "the end of time does not overflow");
    let strict = signer();
    let token = token(&strict, &good()).await;
    let strict = validator(&strict).with_skew(Duration::ZERO);
    assert!(strict.validate(&token, NOW + Duration::seconds(599)).is_ok());
    assert_eq!(strict.validate(&token, NOW + Duration::seconds(600)).unwrap_err(), ValidateError::Expired);
}

/// RFC 7519, section 2: a time is a number of seconds that can be a time, and what is none is refused, not read as none.
#[tokio::test]
async fn rfc7519_2_times_that_are_no_times() {
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!(i64::MAX),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e300),
            json!(-1e300),
            json!("1795435200"),
            json!([NOW.unix_timestamp()]),
            json!({}),
            json!(true),
        ] {
            let result = validate(|claims| claims[name] = value.clone()).await;
            assert_eq!(result.unwrap_err(), ValidateError::Malformed, "{name}: {value}");
        }
    }
    for value in [json!(0), json!(-1), json!(-62_135_596_800_i64), json!(1.5)] {
        let result = validate(|claims| claims["exp"] = value.clone()).await;
        assert_eq!(result.unwrap_err(), ValidateError::Expired, "{value}");
    }
}

/// A claim of the wrong type is no claim, whoever signed it.
#[tokio::test]
async fn rfc9068_2_2_claims_of_another_type_are_refused() {
    for (name, value) in [
        ("iss", json!([ISSUER])),
        ("sub", json!(7)),
        ("sub", json!(["alice"])),
        ("aud", json!({ "api": API })),
        ("aud", json!([API, 7])),
        ("client_id", json!(["shop"])),
        ("scope", json!(7)),
        ("jti", json!(1)),
    ] {
        let result = validate(|claims| claims[name] = value.clone()).await;
        assert_eq!(result.unwrap_err(), ValidateError::Malformed, "{name}: {value}");
    }
}

/// RFC 8725, section 3.11; S23: only access tokens pass.
#[tokio::test]
async fn s23_other_kinds_of_token_are_refused() {
    let signer = signer();
    for (typ, accepted) in [
        ("at+jwt", true),
        ("application/at+jwt", true),
        ("AT+JWT", true),
        ("JWT", false),
        ("logout+jwt", false),
        ("secevent+jwt", false),
        ("dpop+jwt", false),
    ] {
        let token = sign(&signer, typ, &good()).await.unwrap();
        let result = validator(&signer).validate(&token, NOW);
        assert_eq!(result.is_ok(), accepted, "{typ}");
        if !accepted {
            assert_eq!(result.unwrap_err(), ValidateError::Type, "{typ}");
        }
    }
    let untyped = sign_raw(&signer, &json!({ "alg": "ES256" }), &good().to_string()).await;
    assert_eq!(validator(&signer).validate(&untyped, NOW).unwrap_err(), ValidateError::Type);
}

/// RFC 8725, sections 3.1 and 3.2; S15.
#[tokio::test]
async fn s15_hostile_tokens() {
    let signer = signer();
    let good = token(&signer, &good()).await;
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = input.split_once('.').unwrap();
    let forge = |header: Value, signature: &str| {
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    let kid = signer.kid().unwrap();
    let hmac = {
        let text = serde_json::to_vec(&signer.public_jwk().unwrap()).unwrap();
        let secret = ciam_core::secret::SecretBytes::new(text);
        let forger = LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap().with_kid(kid);
        sign(&forger, "at+jwt", &self::good()).await.unwrap()
    };
    let thief = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let stolen_name = token(&thief.clone().with_kid(kid), &self::good()).await;
    let embedded = {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "jwk": thief.public_jwk().unwrap() });
        sign_raw(&thief, &header, &self::good().to_string()).await
    };
    let twice = sign_raw(
        &signer,
        &json!({ "alg": "ES256", "typ": "at+jwt" }),
        &self::good().to_string().replacen("{", "{\"aud\":\"https://stock.example\",", 1),
    )
    .await;
    let array = sign_raw(&signer, &json!({ "alg": "ES256", "typ": "at+jwt" }), "[1,2,3]").await;
    let mut changed = payload.to_owned();
    changed.replace_range(10..11, if &payload[10..11] == "A" { "B" } else { "A" });
    for (what, token, error) in [
        ("nothing", String::new(), ValidateError::Malformed),
        ("one part", "abc".to_owned(), ValidateError::Malformed),
        ("two parts", input.to_owned(), ValidateError::Malformed),
        ("four parts", format!("{good}.x"), ValidateError::Malformed),
        ("no signature", format!("{input}."), ValidateError::Malformed),
        ("none", forge(json!({ "alg": "none", "typ": "at+jwt" }), signature), ValidateError::Algorithm),
        ("HS256 with the public key", hmac, ValidateError::Algorithm),
        ("a changed payload", format!("{head}.{changed}.{signature}"), ValidateError::Signature),
        ("another key under the name", stolen_name, ValidateError::Signature),
        ("another key embedded", embedded, ValidateError::Signature),
        (
            "crit",
            forge(json!({ "alg": "ES256", "typ": "at+jwt", "crit": ["x"], "x": 1 }), signature),
            ValidateError::Malformed,
        ),
        ("padding", format!("{head}.{payload}=.{signature}"), ValidateError::Malformed),
        ("white space", format!("{head}.{payload} .{signature}"), ValidateError::Malformed),
        ("a claim twice", twice, ValidateError::Malformed),
        ("an array", array, ValidateError::Malformed),
        ("too large", format!("{good}{}", "A".repeat(17_000)), ValidateError::TooLarge),
    ] {
        let found = validator(&signer).validate(&token, NOW).unwrap_err();
        if ["a changed payload", "padding", "white space"].contains(&what) {
            // The signature is over the text, so it is wrong before the text is found to be malformed.
            assert!(
                matches!(found, ValidateError::Signature | ValidateError::Malformed),
                "{what}: {found:?}"
            );
        } else {
            assert_eq!(found, error, "{what}");
        }
        assert_eq!(found.status(), 401, "{what}");
    }
    for kid in ["../../etc/passwd", "' OR 1=1 --", ""] {
        let token = token(&signer.clone().with_kid(kid), &self::good()).await;
        assert_eq!(validator(&signer).validate(&token, NOW).unwrap_err(), ValidateError::UnknownKey, "{kid}");
    }
}

/// The allowed algorithms are the resource's choice.
#[tokio::test]
async fn rfc8725_3_1_algorithms_are_an_allow_list() {
    let signer = signer();
    let token = token(&signer, &good()).await;
    let only_eddsa = validator(&signer).with_algorithms(AlgorithmSet::of(&[Algorithm::EdDsa]));
    assert_eq!(only_eddsa.validate(&token, NOW).unwrap_err(), ValidateError::Algorithm);
    let only_es256 = validator(&signer).with_algorithms(AlgorithmSet::of(&[Algorithm::Es256]));
    assert!(only_es256.validate(&token, NOW).is_ok());
}

/// RFC 6750, section 3.1.
#[tokio::test]
async fn rfc6750_3_1_required_scopes() {
    let signer = signer();
    let token = token(&signer, &good()).await;
    let required = |scopes: &str| validator(&signer).with_required_scopes(scopes.parse().unwrap());
    assert!(required("orders:read").validate(&token, NOW).is_ok());
    assert!(required("profile:read orders:read").validate(&token, NOW).is_ok());
    for scopes in ["orders:write", "orders:read orders:write", "orders"] {
        let error = required(scopes).validate(&token, NOW).unwrap_err();
        assert_eq!(error.status(), 403, "{scopes}");
        assert_eq!(error.code(), Some("insufficient_scope"));
    }
}

#[test]
fn a_validator_is_shared_between_threads() {
    const fn is_shared<T: Send + Sync + Clone>() {}
    is_shared::<Validator>();
    is_shared::<AccessToken>();
}

// --- keys that the issuer publishes ---

#[derive(Debug, Default)]
struct Issuer {
    jwks: std::sync::Mutex<Value>,
    metadata: std::sync::Mutex<Vec<(String, Value)>>,
    requests: AtomicUsize,
    down: AtomicBool,
}

impl Issuer {
    fn publish(&self, signers: &[&LocalSigner]) {
        let keys = signers.iter().map(|signer| signer.public_jwk().unwrap()).collect();
        *self.jwks.lock().unwrap() = serde_json::to_value(PublicJwkSet::new(keys)).unwrap();
    }
}

#[async_trait]
impl HttpClient for Issuer {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(PortError::transient("down"));
        }
        let path = request.request.uri().path().to_owned();
        let metadata = self.metadata.lock().unwrap();
        let known = metadata.iter().find(|(at, _)| *at == path).map(|(_, document)| document.to_string());
        let body = match known {
            Some(document) => document,
            None if path == "/jwks" => self.jwks.lock().unwrap().to_string(),
            None => return Ok(http::Response::builder().status(404).body(Bytes::new()).unwrap()),
        };
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(body)).unwrap())
    }
}

fn remote() -> (Arc<ManualClock>, Arc<Issuer>, RemoteKeys) {
    let (clock, issuer) = (Arc::new(ManualClock::new(NOW)), Arc::new(Issuer::default()));
    let ports =
        memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1))).with_http_client(issuer.clone());
    (clock, issuer, RemoteKeys::new(ports, "https://id.example/jwks"))
}

/// S16: a new key is fetched once, a made-up one does not cause a flood, and an issuer that is down locks nobody out.
#[tokio::test]
async fn s16_remote_keys() {
    let (clock, issuer, remote) = remote();
    let first = signer();
    issuer.publish(&[&first]);
    let validator = Validator::new(ISSUER.parse().unwrap(), API, remote);
    let old = token(&first, &good()).await;
    assert_eq!(
        validator.validate(&old, NOW).unwrap_err(),
        ValidateError::StaleKeys,
        "nothing was fetched yet"
    );
    assert!(validator.validate_or_fetch(&old, NOW).await.is_ok());
    assert!(validator.validate(&old, NOW).is_ok(), "from here on without waiting");

    let second = signer();
    issuer.publish(&[&first, &second]);
    clock.advance(Duration::minutes(1));
    let new = token(&second, &good()).await;
    assert_eq!(validator.validate(&new, NOW).unwrap_err(), ValidateError::UnknownKey);
    assert!(validator.validate_or_fetch(&new, NOW).await.is_ok());
    assert!(validator.validate_or_fetch(&old, NOW).await.is_ok());
    assert_eq!(issuer.requests.load(Ordering::SeqCst), 2);

    let stranger = signer();
    for number in 0..50 {
        let forged = token(&stranger.clone().with_kid(number.to_string()), &good()).await;
        assert!(validator.validate_or_fetch(&forged, NOW).await.is_err());
    }
    assert_eq!(issuer.requests.load(Ordering::SeqCst), 2);

    issuer.down.store(true, Ordering::SeqCst);
    clock.advance(Duration::hours(1));
    assert!(validator.validate_or_fetch(&new, NOW).await.is_ok());
    clock.advance(Duration::hours(24));
    assert_eq!(validator.validate_or_fetch(&new, NOW).await.unwrap_err(), ValidateError::StaleKeys);
}

/// RFC 8414, section 3.3: the metadata name the issuer that they were asked of.
#[tokio::test]
async fn rfc8414_3_3_keys_are_discovered_at_the_issuer_alone() {
    let document = |issuer: &str| json!({ "issuer": issuer, "jwks_uri": "https://id.example/jwks" });
    for (path, issuer_name, works) in [
        ("/.well-known/oauth-authorization-server", ISSUER, true),
        ("/.well-known/openid-configuration", ISSUER, true),
        ("/.well-known/oauth-authorization-server", "https://other.example", false),
        ("/elsewhere", ISSUER, false),
    ] {
        let issuer = Arc::new(Issuer::default());
        let signer = signer();
        issuer.publish(&[&signer]);
        issuer.metadata.lock().unwrap().push((path.to_owned(), document(issuer_name)));
        let ports = memory::ports().with_http_client(issuer);
        let found = discover_keys(ports, &ISSUER.parse().unwrap()).await;
        assert_eq!(found.is_ok(), works, "{path} {issuer_name}");
        match found {
            Ok(keys) => {
                let validator = Validator::new(ISSUER.parse().unwrap(), API, keys);
                let token = token(&signer, &good()).await;
                assert!(validator.validate_or_fetch(&token, NOW).await.is_ok());
            }
            Err(error) => {
                assert_eq!(matches!(error, DiscoveryError::OtherIssuer), issuer_name != ISSUER, "{error:?}")
            }
        }
    }
}
