//! Opaque tokens at a resource server: RFC 7662, asked by [`Introspector`].

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose::{AlgorithmSet, KeySet, TokenType, Verifier};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::validate::{
    Denied, DenyList, IntrospectionAuth, IntrospectionError, IntrospectionPolicy, Introspector, Presented,
    Requirements, ResourceRequest, ResourceServer, TokenRules, ValidateError, Validator,
};
use futures_util::future::join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use time::Duration;
use tokio::sync::Notify;

use super::API;
use super::validate::{NOW, good, keys, signer, token};
use crate::support::ISSUER;

/// An introspection endpoint that answers what it is told to, when it is told to.
#[derive(Debug)]
struct Endpoint {
    answer: Mutex<(u16, String, &'static str)>,
    requests: AtomicUsize,
    last: Mutex<Option<http::Request<Bytes>>>,
    down: Mutex<bool>,
    gate: Mutex<Option<Arc<Notify>>>,
}

impl Endpoint {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new((200, active().to_string(), "application/json")),
            requests: AtomicUsize::new(0),
            last: Mutex::default(),
            down: Mutex::default(),
            gate: Mutex::default(),
        })
    }

    fn says(&self, answer: &Value) {
        self.answer.lock().unwrap().1 = answer.to_string();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl HttpClient for Endpoint {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().unwrap() = Some(request.request);
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        if *self.down.lock().unwrap() {
            return Err(PortError::transient("down"));
        }
        let (status, body, of_type) = self.answer.lock().unwrap().clone();
        let response = http::Response::builder().status(status).header(CONTENT_TYPE, of_type);
        Ok(response.body(Bytes::from(body)).unwrap())
    }
}

fn active() -> Value {
    let mut answer = good();
    answer["active"] = json!(true);
    answer
}

fn with_policy(
    policy: impl FnOnce(&mut IntrospectionPolicy),
) -> (Arc<ManualClock>, Arc<Endpoint>, Introspector) {
    let (clock, endpoint) = (Arc::new(ManualClock::new(NOW)), Endpoint::new());
    let ports =
        memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1))).with_http_client(endpoint.clone());
    let auth = IntrospectionAuth::Basic("api".parse().unwrap(), "s3cret:+ ü".into());
    let mut chosen = IntrospectionPolicy::default();
    policy(&mut chosen);
    let url = "https://id.example/introspect";
    let rules = TokenRules::new(API);
    let introspector = Introspector::with_policy(ports, ISSUER.parse().unwrap(), url, auth, rules, chosen);
    (clock, endpoint, introspector.unwrap())
}

fn setting() -> (Arc<ManualClock>, Arc<Endpoint>, Introspector) {
    with_policy(|_| ())
}

/// RFC 7662, section 2.1: the request.
#[tokio::test]
async fn rfc7662_2_1_the_request_is_authenticated() {
    let (_, endpoint, introspector) = setting();
    let access = introspector.validate("opaque+/token", NOW).await.unwrap();
    assert_eq!((access.subject(), access.client_id()), ("alice", "shop"));
    assert!(access.has_scope("orders:read"));
    let request = endpoint.last.lock().unwrap().take().unwrap();
    assert_eq!(*request.method(), Method::POST);
    assert_eq!(request.body(), "token=opaque%2B%2Ftoken&token_type_hint=access_token");
    // RFC 6749, section 2.3.1: both parts are form-encoded first.
    assert_eq!(request.headers()[AUTHORIZATION], "Basic YXBpOnMzY3JldCUzQSUyQislQzMlQkM=");

    let endpoint = Endpoint::new();
    let ports = memory::ports().with_http_client(endpoint.clone());
    let key = signer();
    let auth = IntrospectionAuth::PrivateKeyJwt("api".parse().unwrap(), Arc::new(key.clone()));
    let url = "https://id.example/introspect";
    let rules = TokenRules::new(API);
    let introspector = Introspector::new(ports, ISSUER.parse().unwrap(), url, auth, rules).unwrap();
    introspector.validate("opaque", NOW).await.unwrap();
    let request = endpoint.last.lock().unwrap().take().unwrap();
    assert!(!request.headers().contains_key(AUTHORIZATION));
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    let assertion = body.split("client_assertion=").nth(1).unwrap();
    let keys: KeySet = keys(&key);
    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("client-authentication+jwt"));
    let claims: Value = verifier.verify(assertion, &keys).unwrap().claims().unwrap();
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!("api"), &json!("api"), &json!(ISSUER))
    );
    assert_eq!(claims["exp"], NOW.unix_timestamp() + 60);
}

/// RFC 7662, sections 2.2 and 4: what is not active, not for us, or not of the issuer that was asked.
#[tokio::test]
async fn rfc7662_2_2_answers_that_let_nobody_in() {
    for (change, error) in [
        (json!({ "active": false }), ValidateError::Inactive),
        (json!({ "active": "true" }), ValidateError::Introspection(IntrospectionError::Answer)),
        (json!({ "active": null }), ValidateError::Introspection(IntrospectionError::Answer)),
        (json!({ "active": 1 }), ValidateError::Introspection(IntrospectionError::Answer)),
        (json!({ "iss": "https://other.example" }), ValidateError::Issuer),
        (json!({ "aud": "https://stock.example" }), ValidateError::Audience),
        (json!({ "aud": [] }), ValidateError::Audience),
        (json!({ "exp": NOW.unix_timestamp() - 10 }), ValidateError::Expired),
        (json!({ "exp": null }), ValidateError::Introspection(IntrospectionError::Answer)),
        (json!({ "exp": "soon" }), ValidateError::Introspection(IntrospectionError::Answer)),
        (json!({ "nbf": NOW.unix_timestamp() + 60 }), ValidateError::NotYetValid),
        (json!({ "client_id": null }), ValidateError::Introspection(IntrospectionError::Answer)),
        (json!({ "cnf": { "x5t#S256": CertificateThumbprint::of(b"x") } }), ValidateError::ProofRequired),
        (json!({ "cnf": { "jkt": CertificateThumbprint::of(b"x") } }), ValidateError::ProofRequired),
        (json!({ "cnf": { "new": 1 } }), ValidateError::UnknownBinding),
    ] {
        let (_, endpoint, introspector) = setting();
        let mut answer = active();
        answer.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        endpoint.says(&answer);
        for _ in 0..2 {
            assert_eq!(introspector.validate("opaque", NOW).await.unwrap_err(), error, "{change}");
        }
    }
    for missing in ["active", "aud", "exp"] {
        let (_, endpoint, introspector) = setting();
        let mut answer = active();
        answer.as_object_mut().unwrap().remove(missing);
        endpoint.says(&answer);
        assert!(introspector.validate("opaque", NOW).await.is_err(), "without {missing}");
    }
    let (_, endpoint, introspector) = setting();
    let mut least = active();
    for name in ["iss", "sub"] {
        least.as_object_mut().unwrap().remove(name);
    }
    endpoint.says(&least);
    let access = introspector.validate("opaque", NOW).await.unwrap();
    assert_eq!((access.issuer(), access.subject()), (ISSUER, "shop"), "what RFC 7662 leaves out");
}

/// Never fail-open: whatever goes wrong, nobody passes, and it is not the client's fault.
#[tokio::test]
async fn an_endpoint_that_does_not_answer_lets_nobody_in() {
    for (status, body, of_type) in [
        (500, active().to_string(), "application/json"),
        (401, active().to_string(), "application/json"),
        (302, active().to_string(), "application/json"),
        (204, String::new(), "application/json"),
        (200, active().to_string(), "text/html"),
        (200, "{".to_owned(), "application/json"),
        (200, "[]".to_owned(), "application/json"),
        (200, active().to_string().replacen('{', "{\"active\":false,", 1), "application/json"),
        (200, format!("{}{}", active(), " ".repeat(300_000)), "application/json"),
    ] {
        let (_, endpoint, introspector) = setting();
        *endpoint.answer.lock().unwrap() = (status, body.clone(), of_type);
        let error = introspector.validate("opaque", NOW).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (503, None), "{status} {body:.40}: {error:?}");
        *endpoint.answer.lock().unwrap() = (200, active().to_string(), "application/json");
        assert!(introspector.validate("opaque", NOW).await.is_ok(), "the failure was not remembered");
    }
    // An old answer is no answer.
    let (clock, endpoint, introspector) = setting();
    assert!(introspector.validate("opaque", NOW).await.is_ok());
    *endpoint.down.lock().unwrap() = true;
    let later = NOW + Duration::seconds(30);
    clock.advance(Duration::seconds(30));
    assert!(introspector.validate("opaque", later - Duration::SECOND).await.unwrap().was_cached());
    let error = introspector.validate("opaque", later).await.unwrap_err();
    assert!(matches!(error, ValidateError::Introspection(IntrospectionError::Fetch(_))), "{error:?}");
}

/// An answer is remembered for as long as configured and no longer than the token lives; so is that a token is not active.
#[tokio::test]
async fn answers_are_remembered_for_a_while() {
    let (_, endpoint, introspector) = setting();
    let short = NOW.unix_timestamp() + 12;
    let mut answer = active();
    answer["exp"] = json!(short);
    endpoint.says(&answer);
    for (seconds, requests) in [(0, 1), (1, 1), (11, 1), (12, 2), (13, 3)] {
        let _accepted_within_the_skew =
            introspector.validate("opaque", NOW + Duration::seconds(seconds)).await;
        assert_eq!(endpoint.requests(), requests, "after {seconds} s");
    }
    assert!(introspector.validate("opaque", NOW + Duration::seconds(22)).await.is_err());

    let (_, endpoint, introspector) = setting();
    endpoint.says(&json!({ "active": false }));
    for (seconds, requests) in [(0, 1), (9, 1), (10, 2)] {
        let at = NOW + Duration::seconds(seconds);
        assert_eq!(introspector.validate("opaque", at).await.unwrap_err(), ValidateError::Inactive);
        assert_eq!(endpoint.requests(), requests, "after {seconds} s");
    }

    let (_, endpoint, each_time) = with_policy(|policy| policy.active_for = Duration::ZERO);
    for requests in 1..4 {
        assert!(!each_time.validate("opaque", NOW).await.unwrap().was_cached());
        assert_eq!(endpoint.requests(), requests);
    }
}

/// However many ask at once, the issuer is asked once; and somebody who gives up takes nobody along.
#[tokio::test]
async fn one_request_for_one_token() {
    let (_, endpoint, introspector) = setting();
    let gate = Arc::new(Notify::new());
    *endpoint.gate.lock().unwrap() = Some(gate.clone());
    let first = tokio::spawn({
        let introspector = introspector.clone();
        async move { introspector.validate("opaque", NOW).await.map(drop) }
    });
    while endpoint.requests() == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..50)
        .map(|_| {
            let introspector = introspector.clone();
            tokio::spawn(async move { introspector.validate("opaque", NOW).await.map(drop) })
        })
        .collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(endpoint.requests(), 1);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.notify_one();
    for other in join_all(others).await {
        assert!(other.unwrap().is_ok());
    }
    assert_eq!(endpoint.requests(), 1);
    assert!(introspector.validate("opaque", NOW).await.unwrap().was_cached());
}

/// Made-up tokens cannot make us send any number of requests at once, and push out nobody's good token.
#[tokio::test]
async fn a_flood_of_made_up_tokens_is_bounded() {
    let (_, endpoint, introspector) = with_policy(|policy| policy.in_flight = 4);
    assert!(introspector.validate("good", NOW).await.is_ok());
    endpoint.says(&json!({ "active": false }));
    let gate = Arc::new(Notify::new());
    *endpoint.gate.lock().unwrap() = Some(gate.clone());
    let waiting: Vec<_> = (0..4)
        .map(|number| {
            let introspector = introspector.clone();
            tokio::spawn(
                async move { introspector.validate(&format!("made up {number}"), NOW).await.map(drop) },
            )
        })
        .collect();
    while endpoint.requests() < 5 {
        tokio::task::yield_now().await;
    }
    let busy = introspector.validate("one more", NOW).await.unwrap_err();
    assert_eq!(busy, ValidateError::Introspection(IntrospectionError::Busy));
    assert!(introspector.validate("good", NOW).await.unwrap().was_cached(), "who is known is not held up");
    for _ in 0..4 {
        gate.notify_one();
        tokio::task::yield_now().await;
    }
    *endpoint.gate.lock().unwrap() = None;
    gate.notify_waiters();
    for one in join_all(waiting).await {
        assert_eq!(one.unwrap(), Err(ValidateError::Inactive));
    }
    for number in 0..100 {
        assert!(introspector.validate(&format!("and {number}"), NOW).await.is_err());
    }
    assert!(introspector.validate("good", NOW).await.unwrap().was_cached());
    let long = "x".repeat(16_385);
    let before = endpoint.requests();
    assert_eq!(introspector.validate(&long, NOW).await.unwrap_err(), ValidateError::TooLarge);
    assert_eq!(endpoint.requests(), before, "refused before work");
}

/// What is pushed to the deny list counts for answers that are remembered.
#[tokio::test]
async fn revocations_reach_remembered_answers() {
    let endpoint = Endpoint::new();
    let ports = memory::ports().with_http_client(endpoint.clone());
    let list = Arc::new(DenyList::new());
    let rules = TokenRules::new(API).with_deny_list(list.clone());
    let auth = IntrospectionAuth::Basic("api".parse().unwrap(), "secret".into());
    let introspector =
        Introspector::new(ports, ISSUER.parse().unwrap(), "https://id.example/i", auth, rules).unwrap();
    assert!(introspector.validate("opaque", NOW).await.is_ok());
    list.deny(&ISSUER.parse().unwrap(), [(Denied::Token("1".to_owned()), NOW + Duration::HOUR)], NOW);
    assert_eq!(introspector.validate("opaque", NOW).await.unwrap_err(), ValidateError::Revoked);
    assert_eq!(endpoint.requests(), 1);
}

/// RFC 8705, section 3.2: the binding is in the answer.
#[tokio::test]
async fn rfc8705_3_2_bound_opaque_tokens() {
    let (_, endpoint, introspector) = setting();
    let certificate = CertificateThumbprint::of(b"certificate");
    let mut answer = active();
    answer["cnf"] = json!({ "x5t#S256": certificate });
    endpoint.says(&answer);
    for cached in [false, true] {
        let proved = Presented::bearer("opaque").with_certificate(certificate);
        assert_eq!(introspector.validate(proved, NOW).await.unwrap().was_cached(), cached);
        assert_eq!(introspector.validate("opaque", NOW).await.unwrap_err(), ValidateError::ProofRequired);
    }
}

/// One facade for both forms: what looks like a JWT is validated here and never asked about.
#[tokio::test]
async fn the_resource_server_takes_both_forms() {
    let (clock, endpoint, introspector) = setting();
    let ports = memory::ports_with(clock, Arc::new(SeededEntropy::new(2)));
    let issuer = signer();
    let validator = Validator::new(ISSUER.parse().unwrap(), API, keys(&issuer));
    let both = ResourceServer::new(ports.clone(), "https://api.example")
        .with_validator(validator.clone())
        .with_introspector(introspector.clone());
    let admit = async |server: &ResourceServer, token: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let request = ResourceRequest::new(&Method::GET, "/orders", &headers);
        server.admit(&request, &Requirements::new()).await.map(|_| ()).map_err(|refusal| refusal.error)
    };
    let jwt = token(&issuer, &good()).await;
    assert_eq!(admit(&both, &jwt).await, Ok(()));
    assert_eq!(admit(&both, "opaque").await, Ok(()));
    assert_eq!(endpoint.requests(), 1);
    let forged = token(&signer(), &good()).await;
    assert_eq!(admit(&both, &forged).await, Err(ValidateError::UnknownKey), "no second opinion");
    assert_eq!(endpoint.requests(), 1);
    let only_jwt = ResourceServer::new(ports.clone(), "https://api.example").with_validator(validator);
    assert_eq!(admit(&only_jwt, "opaque").await, Err(ValidateError::Malformed));
    let only_opaque =
        ResourceServer::new(ports.clone(), "https://api.example").with_introspector(introspector);
    assert_eq!(admit(&only_opaque, &jwt).await, Ok(()));
    assert_eq!(endpoint.requests(), 2);
    let none = ResourceServer::new(ports, "https://api.example");
    assert_eq!(admit(&none, &jwt).await, Err(ValidateError::Malformed));
}
