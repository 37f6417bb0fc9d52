//! What strangers send: tokens that are too large, that point elsewhere, that are of another kind; and what several issuers say
//! about the same name.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ciam_core::entropy::SystemEntropy;
use ciam_core::error::PortError;
use ciam_core::jose::{KeySet, LocalSigner, PublicJwkSet, RemoteKeys};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::dpop::{DPOP, DpopChecker, DpopError, DpopSigner};
use ciam_oauth::validate::{
    CachingValidator, Denied, DenyList, IntrospectionAuth, Introspector, Recognition, Requirements,
    ResourceRequest, ResourceServer, TokenCachePolicy, TokenRules, ValidateError, Validator,
};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use time::Duration;

use super::API;
use super::counted::Counted;
use super::validate::{NOW, good, keys, sign_raw, signer, token};
use crate::support::ISSUER;

/// The network: one issuer's key set, and a list of everything that was asked for, names included.
#[derive(Debug, Default)]
struct Network {
    keys: Mutex<Value>,
    asked: Mutex<Vec<String>>,
}

impl Network {
    fn publish(&self, signers: &[&LocalSigner]) {
        let keys = signers.iter().map(|signer| signer.public_jwk().unwrap()).collect();
        *self.keys.lock().unwrap() = serde_json::to_value(PublicJwkSet::new(keys)).unwrap();
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl HttpClient for Network {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        self.asked.lock().unwrap().push(host.to_owned());
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        self.asked.lock().unwrap().push(request.request.uri().to_string());
        let body = self.keys.lock().unwrap().to_string();
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(body)).unwrap())
    }
}

struct Setting {
    network: Arc<Network>,
    clock: Arc<ManualClock>,
    ports: Ports,
    signer: LocalSigner,
}

impl Setting {
    fn new() -> Self {
        let (network, clock) = (Arc::new(Network::default()), Arc::new(ManualClock::new(NOW)));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_http_client(network.clone());
        let signer = signer().with_kid("k");
        network.publish(&[&signer]);
        Self { network, clock, ports, signer }
    }

    fn remote(&self) -> Validator {
        let keys = RemoteKeys::new(self.ports.clone(), "https://id.example/jwks");
        Validator::new(ISSUER.parse().unwrap(), API, keys)
    }
}

/// S16: a header may say where a key is, or bring one along. Nobody goes there, and nobody uses it.
#[tokio::test]
async fn s16_what_a_header_points_at_is_never_fetched() {
    let setting = Setting::new();
    let thief = signer().with_kid("k");
    let thief_key = json!(thief.public_jwk().unwrap());
    let validator = setting.remote();
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks")),
        ("jku", json!("https://id.example/jwks?thief")),
        ("jku", json!("http://169.254.169.254/latest/meta-data/")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5u", json!("file:///etc/passwd")),
        ("x5u", json!(7)),
        ("x5c", json!(["MIIB"])),
        ("x5t#S256", json!("AAAA")),
        ("jwk", thief_key.clone()),
        ("iss", json!("https://evil.example")),
    ] {
        for kid in ["k", "https://evil.example/jwks#k"] {
            let mut header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
            header[name] = value.clone();
            let ours = sign_raw(&setting.signer, &header, &good().to_string()).await;
            let theirs = sign_raw(&thief, &header, &good().to_string()).await;
            let ours = validator.validate_or_fetch(&ours, NOW).await.map(drop);
            let theirs = validator.validate_or_fetch(&theirs, NOW).await.unwrap_err();
            if kid == "k" {
                assert_eq!(ours, Ok(()), "{header}");
                assert_eq!(theirs, ValidateError::Signature, "{header}");
            } else {
                assert_eq!(
                    (ours, theirs),
                    (Err(ValidateError::UnknownKey), ValidateError::UnknownKey),
                    "{header}"
                );
            }
            setting.clock.advance(Duration::minutes(1));
        }
    }
    let asked = setting.network.asked();
    assert!(asked.len() >= 4, "unknown names make it fetch the issuer's keys again");
    let known = ["id.example", "https://id.example/jwks"];
    assert!(asked.iter().all(|asked| known.contains(&asked.as_str())), "{asked:?}");
}

/// A token of a megabyte costs nothing: no key is touched, no digest made, nobody is asked.
#[tokio::test]
async fn s15_a_megabyte_is_refused_before_any_work() {
    let setting = Setting::new();
    let crypto = Arc::new(Counted::new());
    let ports = setting.ports.clone().with_crypto(crypto.clone());
    let set = PublicJwkSet::new(vec![setting.signer.public_jwk().unwrap()]);
    let validator = Validator::new(ISSUER.parse().unwrap(), API, KeySet::from_jwks(&*crypto, &set).unwrap());
    let caching = |keeps| {
        let mut policy = TokenCachePolicy::default();
        (policy.capacity, policy.keeps) = (64, keeps);
        CachingValidator::new(validator.clone(), policy, &SystemEntropy::new()).unwrap()
    };
    let auth = IntrospectionAuth::Basic("api".parse().unwrap(), "secret".into());
    let endpoint = "https://id.example/introspect";
    let introspector =
        Introspector::new(ports.clone(), ISSUER.parse().unwrap(), endpoint, auth, TokenRules::new(API));
    let introspector = introspector.unwrap();

    // What is counted is counted.
    let small = token(&setting.signer, &good()).await;
    crypto.calls();
    assert!(validator.validate(&small, NOW).is_ok());
    assert_eq!(crypto.calls(), 1);

    let mut claims = good();
    claims["padding"] = json!("x".repeat(1 << 20));
    let signed = token(&setting.signer, &claims).await;
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k".repeat(1 << 20) });
    let long_header = sign_raw(&setting.signer, &header, &good().to_string()).await;
    for huge in [signed.clone(), long_header, "A".repeat(1 << 20), ".".repeat(1 << 20)] {
        let refused = Err(ValidateError::TooLarge);
        assert_eq!(validator.validate(&huge, NOW).map(drop), refused);
        assert_eq!(validator.validate_or_fetch(&huge, NOW).await.map(drop), refused);
        for keeps in [Recognition::WholeToken, Recognition::Digest] {
            assert_eq!(caching(keeps).validate(&huge, NOW).map(drop), refused);
            assert_eq!(caching(keeps).validate_or_fetch(&huge, NOW).await.map(drop), refused);
        }
        assert_eq!(introspector.validate(&huge, NOW).await.map(drop), refused);
    }

    // Through the front door: a huge token with a good proof, and a good token with a huge proof.
    let client = DpopSigner::new(signer()).unwrap();
    let server = ResourceServer::new(ports.clone(), API)
        .with_validator(validator.clone())
        .with_introspector(introspector)
        .with_dpop(DpopChecker::new(ports.clone()));
    let proof = client.proof(&setting.ports, &Method::GET, API, None, Some(&signed)).await.unwrap();
    let padded = format!("{proof}{}", "A".repeat(1 << 20));
    crypto.calls();
    for (token, proof, error) in [
        (&signed, &proof, ValidateError::TooLarge),
        (&small, &padded, ValidateError::Proof(DpopError::Malformed)),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("DPoP {token}").parse().unwrap());
        headers.insert(DPOP, proof.parse().unwrap());
        let request = ResourceRequest::new(&Method::GET, "", &headers);
        let refusal = server.admit(&request, &Requirements::new()).await.unwrap_err();
        assert_eq!(refusal.error, error);
    }
    assert_eq!(crypto.calls(), 0, "not one key was parsed or used");
    assert_eq!(setting.network.asked(), [""; 0], "and nobody was asked");
}

/// Claims that are deep, many or long, signed by the right key: read or refused, and the same when they come again.
#[tokio::test]
async fn s15_deep_and_huge_claims() {
    let signer = signer();
    let validator = Validator::new(ISSUER.parse().unwrap(), API, keys(&signer));
    let caching =
        CachingValidator::new(validator.clone(), TokenCachePolicy::default(), &SystemEntropy::new()).unwrap();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let many = (0..1_000).map(|number| format!("\"m{number}\":{number}")).collect::<Vec<_>>().join(",");
    for (what, member, good) in [
        ("as deep as is allowed", nested(15), true),
        ("too deep", nested(16), false),
        ("too deep by objects", objects(16), false),
        ("bottomless", nested(5_000), false),
        ("never closed", "[".repeat(10_000), false),
        ("many members", format!("{{{many}}}"), true),
        ("many members, and the last one twice", format!("{{{many},\"m999\":0}}"), false),
        ("a long number", "9".repeat(10_000), false),
        ("a small number", format!("0.{}1", "0".repeat(5_000)), true),
        ("a long text", format!("\"{}\"", "x".repeat(10_000)), true),
        ("a text of escapes", format!("\"{}\"", "\\u0061".repeat(1_500)), true),
        ("half a surrogate pair", "\"\\ud83d\"".to_owned(), false),
        ("not a number", "NaN".to_owned(), false),
    ] {
        let payload = good_claims_with(&format!("\"x\":{member}"));
        let token = sign_raw(&signer, &json!({ "alg": "ES256", "typ": "at+jwt" }), &payload).await;
        let found = validator.validate(&token, NOW).map(drop);
        assert_eq!(found, if good { Ok(()) } else { Err(ValidateError::Malformed) }, "{what}");
        for cached in [false, good] {
            let again = caching.validate(&token, NOW);
            assert_eq!(again.as_ref().is_ok_and(|access| access.was_cached()), cached, "{what}");
            assert_eq!(again.map(drop), found, "{what}");
        }
    }
    // Bytes that are no text.
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"at+jwt"}"#);
    let (open, rest) =
        good_claims_with("\"x\":\"?\"").split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let payload = [open.as_bytes(), b"\xff", rest.as_bytes()].concat();
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = signer.sign_now(input.as_bytes()).unwrap();
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(validator.validate(&token, NOW).unwrap_err(), ValidateError::Malformed);
}

fn good_claims_with(member: &str) -> String {
    good().to_string().replacen('{', &format!("{{{member},"), 1)
}

/// Two issuers may give one name to two things: what one revokes is its own.
#[tokio::test]
async fn a_deny_list_is_of_one_issuer() {
    const PARTNER: &str = "https://login.partner.example";
    let (ours, theirs) = (signer(), signer());
    let until = NOW + Duration::minutes(10);
    for denied in [
        Denied::Token("1".to_owned()),
        Denied::Session("s".to_owned()),
        Denied::Subject("alice".to_owned(), NOW),
    ] {
        let list = Arc::new(DenyList::new());
        let validator = Validator::new(ISSUER.parse().unwrap(), API, keys(&ours))
            .with_issuer(PARTNER.parse().unwrap(), keys(&theirs))
            .with_deny_list(list.clone());
        let of = |issuer: &str| {
            let mut claims = good();
            (claims["iss"], claims["sid"]) = (json!(issuer), json!("s"));
            claims
        };
        let (our, their) = (token(&ours, &of(ISSUER)).await, token(&theirs, &of(PARTNER)).await);
        list.deny(&PARTNER.parse().unwrap(), [(denied.clone(), until)], NOW);
        assert!(validator.validate(&our, NOW).is_ok(), "{denied:?}");
        assert_eq!(validator.validate(&their, NOW).unwrap_err(), ValidateError::Revoked, "{denied:?}");
        list.deny(&ISSUER.parse().unwrap(), [(denied.clone(), until)], NOW);
        assert_eq!(validator.validate(&our, NOW).unwrap_err(), ValidateError::Revoked, "{denied:?}");
        assert_eq!(list.len(), 2);
        list.deny(&ISSUER.parse().unwrap(), [], until);
        assert!(list.is_empty(), "{denied:?}");
    }
}

/// A key that the issuer no longer publishes takes the tokens with it that were remembered, at the next refresh.
#[tokio::test]
async fn a_remembered_token_does_not_outlive_its_key() {
    for keeps in [Recognition::WholeToken, Recognition::Digest] {
        let setting = Setting::new();
        let second = signer().with_kid("second");
        setting.network.publish(&[&setting.signer, &second]);
        let mut policy = TokenCachePolicy::default();
        (policy.capacity, policy.keeps) = (64, keeps);
        let caching = CachingValidator::new(setting.remote(), policy, &SystemEntropy::new()).unwrap();
        let (dropped, kept) = (token(&setting.signer, &good()).await, token(&second, &good()).await);
        for token in [&dropped, &kept] {
            assert!(!caching.validate_or_fetch(token, NOW).await.unwrap().was_cached());
            assert!(caching.validate(token, NOW).unwrap().was_cached());
        }
        setting.network.publish(&[&second]);
        setting.clock.advance(Duration::minutes(15));
        assert!(caching.validate_or_fetch(&kept, NOW).await.is_ok(), "which fetches the keys");
        assert_eq!(caching.validate(&dropped, NOW).unwrap_err(), ValidateError::UnknownKey);
        assert_eq!(caching.validate_or_fetch(&dropped, NOW).await.unwrap_err(), ValidateError::UnknownKey);
        assert!(caching.validate(&kept, NOW).unwrap().was_cached());
        // The last good keys have an end, and what they vouched for ends with them.
        let late = NOW + Duration::hours(25);
        assert_eq!(caching.validate(&kept, late).unwrap_err(), ValidateError::StaleKeys);
    }
}

/// Without keys nobody can say whether a token is good: that is not the client's fault, which would throw its token away.
#[tokio::test]
async fn without_keys_the_server_is_at_fault() {
    let setting = Setting::new();
    *setting.network.keys.lock().unwrap() = json!("out of order");
    let server = ResourceServer::new(setting.ports.clone(), API).with_validator(setting.remote());
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", token(&setting.signer, &good()).await);
    headers.insert(AUTHORIZATION, bearer.parse().unwrap());
    let request = ResourceRequest::new(&Method::GET, "/orders", &headers);
    let refusal = server.admit(&request, &Requirements::new()).await.unwrap_err();
    assert_eq!(refusal.error, ValidateError::StaleKeys);
    let response = refusal.to_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[RETRY_AFTER], "30");
    assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
    setting.network.publish(&[&setting.signer]);
    setting.clock.advance(Duration::seconds(30));
    assert!(server.admit(&request, &Requirements::new()).await.is_ok(), "as it said");
}
