use std::sync::Arc;

use ciam_core::http::Peer;
use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, LocalSigner, RemoteKeys, sign};
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::dpop::{DPOP, DpopChecker, DpopSigner};
use ciam_oauth::validate::{ResourceMetadata, Validator};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;
use tower::ServiceExt as _;

use super::*;

struct Setting {
    ports: Ports,
    issuer: LocalSigner,
    client: DpopSigner,
    api: Router,
}

/// What comes back: status, headers, body.
type Answer = (StatusCode, HeaderMap, String);

impl Setting {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock, Arc::new(SeededEntropy::new(1)));
        let issuer = LocalSigner::generate(ports.crypto(), Algorithm::Es256).unwrap();
        let keys = KeySet::from(issuer.verification_key(ports.crypto()).unwrap());
        let validator = Validator::new("https://id.example".parse().unwrap(), "https://api.example", keys);
        let metadata = ResourceMetadata::new(
            "https://api.example".parse().unwrap(),
            "https://id.example".parse().unwrap(),
        )
        .with_dpop(AlgorithmSet::of(&[Algorithm::Es256]));
        let server = ResourceServer::new(ports.clone(), "https://api.example")
            .with_validator(validator)
            .with_dpop(DpopChecker::new(ports.clone()))
            .with_metadata(metadata);
        let guard = |requirements| Guard::new(server.clone(), requirements);
        let scope = |scopes: &str| Requirements::new().with_scopes(scopes.parse().unwrap());
        let strong =
            scope("orders:pay").with_acr_values(["urn:ciam:acr:aal2"]).with_max_age(Duration::minutes(5));
        let subject = get(|Token(token): Token| async move { token.subject().to_owned() });
        let nested = Router::new().route("/list", subject.clone().layer(guard(scope("orders:read"))));
        let api = Router::new()
            .route("/any", subject.clone().layer(guard(Requirements::new())))
            .route("/payments", subject.clone().layer(guard(strong)))
            .route("/forgotten", subject)
            .nest("/orders", nested)
            .merge(metadata_route(&server));
        let client = LocalSigner::generate(ports.crypto(), Algorithm::Es256).unwrap();
        Self { ports, issuer, client: DpopSigner::new(client).unwrap(), api }
    }

    async fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = self.ports.now().unix_timestamp();
        let mut claims = json!({
            "iss": "https://id.example", "aud": "https://api.example", "sub": "alice", "client_id": "shop",
            "scope": "orders:read orders:pay", "exp": now + 600, "iat": now, "auth_time": now - 60,
            "acr": "urn:ciam:acr:aal2",
        });
        change(&mut claims);
        sign(&self.issuer, "at+jwt", &claims).await.unwrap()
    }

    async fn send(&self, request: Request) -> Answer {
        let response = self.api.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn challenge(answer: &Answer) -> &str {
    answer.1[WWW_AUTHENTICATE].to_str().unwrap()
}

#[tokio::test]
async fn a_good_token_gets_in_and_its_claims_are_there() {
    let setting = Setting::new();
    let token = setting.token(|_| ()).await;
    for path in ["/any", "/payments", "/orders/list"] {
        let (status, _, body) = setting.get(path, Some(&token)).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "alice"), "{path}");
    }
}

/// RFC 6750, section 3, and RFC 9728, section 5.1.
#[tokio::test]
async fn rfc6750_3_whoever_is_not_let_in_is_told_what_is_wanted() {
    let setting = Setting::new();
    let none = setting.get("/any", None).await;
    assert_eq!(none.0, StatusCode::UNAUTHORIZED);
    let metadata = "resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\"";
    assert_eq!(challenge(&none), format!("Bearer {metadata}"));
    let bad = setting.get("/any", Some("a.b.c")).await;
    assert_eq!(bad.0, StatusCode::UNAUTHORIZED);
    assert!(challenge(&bad).starts_with("Bearer error=\"invalid_token\""), "{}", challenge(&bad));
    assert!(challenge(&bad).ends_with(metadata));
    let late = setting.token(|claims| claims["exp"] = json!(1)).await;
    assert_eq!(setting.get("/any", Some(&late)).await.0, StatusCode::UNAUTHORIZED);
    for answer in [none, bad] {
        assert!(answer.2.is_empty(), "nothing of the handler's");
    }
}

/// Without the issuer's keys nobody can say whether a token is good: the service is unavailable, and says when to come back.
#[tokio::test]
async fn keys_that_cannot_be_had_are_not_the_clients_fault() {
    let setting = Setting::new();
    let keys = RemoteKeys::new(setting.ports.clone(), "https://id.example/jwks");
    let validator = Validator::new("https://id.example".parse().unwrap(), "https://api.example", keys);
    let server = ResourceServer::new(setting.ports.clone(), "https://api.example").with_validator(validator);
    let api = Router::new().route("/any", get(async || "in").layer(Guard::new(server, Requirements::new())));
    let token = setting.token(|_| ()).await;
    let request = Request::get("/any").header(AUTHORIZATION, format!("Bearer {token}"));
    let response = api.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "30");
    assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
}

/// RFC 6750, section 3.1: each route has its own scope values.
#[tokio::test]
async fn rfc6750_3_1_scopes_by_route() {
    let setting = Setting::new();
    let reader = setting.token(|claims| claims["scope"] = json!("orders:read")).await;
    assert_eq!(setting.get("/orders/list", Some(&reader)).await.0, StatusCode::OK);
    let refused = setting.get("/payments", Some(&reader)).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
    assert!(challenge(&refused).contains("error=\"insufficient_scope\""));
    assert!(challenge(&refused).contains("scope=\"orders:pay\""));
}

/// RFC 9470, section 3.
#[tokio::test]
async fn rfc9470_3_step_up_by_route() {
    let setting = Setting::new();
    let now = setting.ports.now().unix_timestamp();
    let weak = setting.token(|claims| claims["acr"] = json!("urn:ciam:acr:aal1")).await;
    let old = setting.token(|claims| claims["auth_time"] = json!(now - 301)).await;
    let silent = setting.token(|claims| _ = claims.as_object_mut().unwrap().remove("auth_time")).await;
    for token in [weak, old, silent] {
        assert_eq!(setting.get("/any", Some(&token)).await.0, StatusCode::OK);
        let refused = setting.get("/payments", Some(&token)).await;
        assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
        let text = challenge(&refused);
        assert!(text.contains("error=\"insufficient_user_authentication\""), "{text}");
        assert!(text.contains("acr_values=\"urn:ciam:acr:aal2\", max_age=\"300\""), "{text}");
    }
}

/// RFC 9728, section 3.
#[tokio::test]
async fn rfc9728_3_the_metadata_are_published() {
    let setting = Setting::new();
    let (status, headers, body) = setting.get("/.well-known/oauth-protected-resource", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/json");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["resource"], "https://api.example");
    assert_eq!(document["authorization_servers"], json!(["https://id.example"]));
    assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256"]));
}

/// RFC 9449, section 7: the proof is for the whole path, in a nested router too.
#[tokio::test]
async fn rfc9449_7_bound_tokens() {
    let setting = Setting::new();
    let jkt = setting.client.thumbprint();
    let token = setting.token(|claims| claims["cnf"] = json!({ "jkt": jkt })).await;
    let request = async |scheme: &str, url: Option<&str>| {
        let mut request =
            Request::get("/orders/list?page=2").header(AUTHORIZATION, format!("{scheme} {token}"));
        if let Some(url) = url {
            let proof = setting.client.proof(&setting.ports, &Method::GET, url, None, Some(&token)).await;
            request = request.header(DPOP, proof.unwrap());
        }
        setting.send(request.body(Body::empty()).unwrap()).await
    };
    let url = "https://api.example/orders/list?page=2";
    assert_eq!(request("DPoP", Some(url)).await.0, StatusCode::OK);
    for (scheme, url) in
        [("DPoP", Some("https://api.example/list")), ("DPoP", None), ("Bearer", Some(url)), ("Bearer", None)]
    {
        let refused = request(scheme, url).await;
        assert_eq!(refused.0, StatusCode::UNAUTHORIZED, "{scheme} {url:?}");
        let all: Vec<_> = refused.1.get_all(WWW_AUTHENTICATE).iter().collect();
        assert!(all[1].to_str().unwrap().starts_with("DPoP error="), "{all:?}");
    }
}

/// RFC 8705, section 3; S19.
#[tokio::test]
async fn s19_the_certificate_is_that_of_the_peer() {
    let setting = Setting::new();
    let x5t = CertificateThumbprint::of(b"certificate");
    let token = setting.token(|claims| claims["cnf"] = json!({ "x5t#S256": x5t })).await;
    let request = |certificate: Option<&[u8]>| {
        let mut peer = Peer::new([192, 0, 2, 7].into());
        peer.certificate = certificate.map(<[u8]>::to_vec);
        let request = Request::get("/any").header(AUTHORIZATION, format!("Bearer {token}"));
        request.header("client-cert", "certificate").extension(peer).body(Body::empty()).unwrap()
    };
    assert_eq!(setting.send(request(Some(b"certificate"))).await.0, StatusCode::OK);
    assert_eq!(setting.send(request(Some(b"another"))).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(setting.send(request(None)).await.0, StatusCode::UNAUTHORIZED);
}

/// A route before which the guard was forgotten lets nobody in, with the best token.
#[tokio::test]
async fn a_handler_without_a_guard_gets_no_token() {
    let setting = Setting::new();
    let token = setting.token(|_| ()).await;
    let (status, _, body) = setting.get("/forgotten", Some(&token)).await;
    assert_eq!((status, body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, ""));
}
