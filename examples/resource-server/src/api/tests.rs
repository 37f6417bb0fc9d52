//! The API as a client sees it, and issuers that misbehave: with real sockets, through the real HTTP client.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration as StdDuration, Instant};

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_adapters::tokio_runtime::TokioRuntime;
use ciam_core::jose::{Algorithm, LocalSigner, PublicJwkSet, sign};
use ciam_core::memory;
use ciam_core::outbound::OutboundPolicy;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::dpop::DpopSigner;
use futures_util::StreamExt as _;
use time::macros::datetime;
use tower::ServiceExt as _;

use super::*;

const AUDIENCE: &str = "http://localhost:8082";

/// What the issuer does when it is asked for its keys.
#[derive(Clone, Debug, Default)]
enum Keys {
    #[default]
    Published,
    /// Takes the request and says nothing.
    Hang,
    /// Sends everybody to the metadata service of a cloud.
    Redirect(String),
    /// A gigabyte of white space before the keys.
    Endless,
}

/// An issuer on a socket.
#[derive(Clone, Debug, Default)]
struct FakeIssuer {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    port: AtomicUsize,
    keys: Mutex<Keys>,
    signers: Mutex<Vec<LocalSigner>>,
    requests: AtomicUsize,
    sent: AtomicUsize,
    opaque: Mutex<HashMap<String, Value>>,
}

impl FakeIssuer {
    async fn start() -> Self {
        let issuer = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        issuer.inner.port.store(listener.local_addr().unwrap().port().into(), Ordering::SeqCst);
        let answering = issuer.clone();
        let answers = Router::new().fallback(move |request: axum::extract::Request| {
            let issuer = answering.clone();
            async move { issuer.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, answers).await });
        issuer
    }

    fn name(&self) -> String {
        format!("http://localhost:{}", self.inner.port.load(Ordering::SeqCst))
    }

    fn publish(&self, signers: &[&LocalSigner]) {
        *self.inner.signers.lock().unwrap() = signers.iter().copied().cloned().collect();
    }

    fn does(&self, keys: Keys) {
        *self.inner.keys.lock().unwrap() = keys;
    }

    fn requests(&self) -> usize {
        self.inner.requests.load(Ordering::SeqCst)
    }

    async fn answer(&self, request: axum::extract::Request) -> Response {
        match request.uri().path() {
            "/.well-known/oauth-authorization-server" => {
                Json(json!({ "issuer": self.name(), "jwks_uri": format!("{}/jwks", self.name()) }))
                    .into_response()
            }
            "/jwks" => self.keys().await,
            "/introspect" => {
                let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
                let body = String::from_utf8(body.to_vec()).unwrap();
                let token = body.strip_prefix("token=").unwrap().split('&').next().unwrap().to_owned();
                let known = self.inner.opaque.lock().unwrap().get(&token).cloned();
                Json(known.unwrap_or_else(|| json!({ "active": false }))).into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    async fn keys(&self) -> Response {
        self.inner.requests.fetch_add(1, Ordering::SeqCst);
        let behaviour = self.inner.keys.lock().unwrap().clone();
        match behaviour {
            Keys::Published => {
                let keys =
                    self.inner.signers.lock().unwrap().iter().filter_map(LocalSigner::public_jwk).collect();
                Json(serde_json::to_value(PublicJwkSet::new(keys)).unwrap()).into_response()
            }
            Keys::Hang => std::future::pending().await,
            Keys::Redirect(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
            Keys::Endless => {
                let inner = Arc::clone(&self.inner);
                let chunks = futures_util::stream::iter(0..16_384).map(move |_| {
                    inner.sent.fetch_add(65_536, Ordering::SeqCst);
                    Ok::<_, std::io::Error>(axum::body::Bytes::from_static(&[b' '; 65_536]))
                });
                ([("content-type", "application/json")], Body::from_stream(chunks)).into_response()
            }
        }
    }
}

struct Setting {
    clock: Arc<ManualClock>,
    ports: Ports,
    issuer: FakeIssuer,
    signer: LocalSigner,
    api: Router,
}

impl Setting {
    async fn new() -> Self {
        Self::with(StdDuration::from_millis(500), |_| ()).await
    }

    async fn with(deadline: StdDuration, change: impl FnOnce(&mut Settings)) -> Self {
        let issuer = FakeIssuer::start().await;
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let port = issuer.inner.port.load(Ordering::SeqCst).try_into().unwrap();
        let mut policy = OutboundPolicy::default().dangerous_trust_host("localhost", port);
        policy.deadline = deadline;
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
            .with_http_client(Arc::new(ReqwestHttpClient::new().unwrap()))
            .with_outbound_policy(policy);
        let signer = LocalSigner::generate(ports.crypto(), Algorithm::Es256).unwrap();
        issuer.publish(&[&signer]);
        let mut settings = Settings::new(issuer.name().parse().unwrap(), AUDIENCE);
        change(&mut settings);
        let api = router(ports.clone(), settings).unwrap();
        Self { clock, ports, issuer, signer, api }
    }

    fn claims(&self) -> Value {
        let now = self.ports.now().unix_timestamp();
        json!({
            "iss": self.issuer.name(), "aud": AUDIENCE, "sub": "alice", "client_id": "shop", "scope": "notes:read",
            "iat": now, "exp": now + 86_400, "auth_time": now, "acr": "urn:ciam:acr:aal1",
        })
    }

    async fn token(&self, signer: &LocalSigner) -> String {
        sign(signer, "at+jwt", &self.claims()).await.unwrap()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn notes(&self, token: &str) -> StatusCode {
        self.send(Method::GET, "/notes", &[(AUTHORIZATION.as_str(), &format!("Bearer {token}"))]).await.0
    }
}

fn another() -> LocalSigner {
    LocalSigner::generate(&*ciam_core::crypto::ring(), Algorithm::Es256).unwrap()
}

#[tokio::test]
async fn notes_are_for_whoever_may_read_them() {
    let setting = Setting::new().await;
    let token = setting.token(&setting.signer).await;
    let bearer = format!("Bearer {token}");
    let (status, _, body) = setting.send(Method::GET, "/notes", &[("authorization", &bearer)]).await;
    assert_eq!(status, StatusCode::OK);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["subject"], &body["client"], &body["scope"]),
        (&json!("alice"), &json!("shop"), &json!(["notes:read"]))
    );
    let (status, headers, _) = setting.send(Method::GET, "/notes", &[]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let url = "resource_metadata=\"http://localhost:8082/.well-known/oauth-protected-resource\"";
    assert!(headers[WWW_AUTHENTICATE].to_str().unwrap().contains(url));
    let (status, _, body) = setting.send(Method::GET, "/.well-known/oauth-protected-resource", &[]).await;
    assert_eq!(status, StatusCode::OK);
    let metadata: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(metadata["authorization_servers"], json!([setting.issuer.name()]));
}

/// RFC 9470: the same token is good for one route and not for the other.
#[tokio::test]
async fn clearing_the_notes_asks_for_two_factors() {
    let setting = Setting::new().await;
    let weak = format!("Bearer {}", setting.token(&setting.signer).await);
    let (status, headers, _) = setting.send(Method::POST, "/notes/clear", &[("authorization", &weak)]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let challenge = headers[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
    assert!(challenge.contains("acr_values=\"urn:ciam:acr:aal2 phr phrh\", max_age=\"300\""), "{challenge}");
    let mut claims = setting.claims();
    claims["acr"] = json!("urn:ciam:acr:aal2");
    let strong = format!("Bearer {}", sign(&setting.signer, "at+jwt", &claims).await.unwrap());
    let (status, ..) = setting.send(Method::POST, "/notes/clear", &[("authorization", &strong)]).await;
    assert_eq!(status, StatusCode::OK);
}

/// RFC 9449: a bound token is nothing to whoever has only the token.
#[tokio::test]
async fn bound_tokens_need_their_proof() {
    let setting = Setting::new().await;
    let client = DpopSigner::new(another()).unwrap();
    let mut claims = setting.claims();
    claims["cnf"] = json!({ "jkt": client.thumbprint() });
    let token = sign(&setting.signer, "at+jwt", &claims).await.unwrap();
    assert_eq!(setting.notes(&token).await, StatusCode::UNAUTHORIZED);
    let url = format!("{AUDIENCE}/notes");
    let proof = client.proof(&setting.ports, &Method::GET, &url, None, Some(&token)).await.unwrap();
    let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(setting.send(Method::GET, "/notes", &headers).await.0, StatusCode::OK);
    assert_eq!(setting.send(Method::GET, "/notes", &headers).await.0, StatusCode::UNAUTHORIZED, "replayed");
}

/// RFC 7662: opaque tokens are asked about, if it is known as whom.
#[tokio::test]
async fn opaque_tokens_are_asked_about() {
    let as_client = |settings: &mut Settings| {
        settings.introspects_as = Some(("api".to_owned(), "secret".to_owned()));
    };
    let asking = Setting::with(StdDuration::from_millis(500), as_client).await;
    let mut answer = asking.claims();
    answer["active"] = json!(true);
    asking.issuer.inner.opaque.lock().unwrap().insert("opaque".to_owned(), answer);
    assert_eq!(asking.notes("opaque").await, StatusCode::OK);
    assert_eq!(asking.notes("made-up").await, StatusCode::UNAUTHORIZED);
    assert_eq!(asking.notes(&asking.token(&asking.signer).await).await, StatusCode::OK);
    assert_eq!(Setting::new().await.notes("opaque").await, StatusCode::UNAUTHORIZED);
}

/// An endpoint that hangs: requests end at the deadline, and while the last keys are good nobody waits but the one that asks.
#[tokio::test]
async fn jwks_that_hang() {
    let setting = Setting::new().await;
    setting.issuer.does(Keys::Hang);
    let token = setting.token(&setting.signer).await;
    let began = Instant::now();
    assert_eq!(
        setting.notes(&token).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "no keys yet, and nobody is let in"
    );
    assert!(began.elapsed() < StdDuration::from_secs(3), "{:?}", began.elapsed());

    setting.issuer.does(Keys::Published);
    setting.clock.advance(Duration::seconds(30));
    assert_eq!(setting.notes(&token).await, StatusCode::OK);
    setting.issuer.does(Keys::Hang);
    setting.clock.advance(Duration::minutes(15));
    let (began, asked) = (Instant::now(), setting.issuer.requests());
    let all = futures_util::future::join_all((0..50).map(|_| setting.notes(&token))).await;
    assert!(all.iter().all(|status| *status == StatusCode::OK), "the last good keys");
    assert!(began.elapsed() < StdDuration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(setting.issuer.requests(), asked + 1);
    let began = Instant::now();
    assert_eq!(setting.notes(&token).await, StatusCode::OK);
    assert!(began.elapsed() < StdDuration::from_millis(400), "the failed fetch is not repeated at once");
}

/// An endpoint that redirects: not followed, neither to a cloud's metadata service nor back to itself.
#[tokio::test]
async fn jwks_that_redirect() {
    for to in ["http://169.254.169.254/latest/meta-data/", "/jwks", "https://keys.example/jwks"] {
        let setting = Setting::new().await;
        setting.issuer.does(Keys::Redirect(to.to_owned()));
        let token = setting.token(&setting.signer).await;
        assert_eq!(setting.notes(&token).await, StatusCode::SERVICE_UNAVAILABLE, "{to}");
        assert_eq!(setting.issuer.requests(), 1, "{to}");
    }
}

/// Metadata that point inside: the address is refused before anything is sent.
#[tokio::test]
async fn jwks_at_an_address_of_the_inside() {
    let setting = Setting::new().await;
    for url in ["http://169.254.169.254/jwks", "https://169.254.169.254/jwks", "https://[fd00:ec2::254]/jwks"]
    {
        let keys = ciam_core::jose::RemoteKeys::new(setting.ports.clone(), url);
        let began = Instant::now();
        assert!(keys.keys().await.is_err(), "{url}");
        assert!(began.elapsed() < StdDuration::from_millis(300), "{url}: not even tried");
    }
}

/// An endpoint that sends a gigabyte: given up at the limit.
#[tokio::test]
async fn jwks_of_a_gigabyte() {
    // Long enough to read much more than the limit.
    let setting = Setting::with(StdDuration::from_secs(5), |_| ()).await;
    setting.issuer.does(Keys::Endless);
    let token = setting.token(&setting.signer).await;
    assert_eq!(setting.notes(&token).await, StatusCode::SERVICE_UNAVAILABLE);
    let sent = setting.issuer.inner.sent.load(Ordering::SeqCst);
    assert!(sent < 16 << 20, "{sent} bytes were sent before the connection was closed");
}

/// A key that is dropped while tokens of it are around: they end with the next refresh, remembered or not, and the others live.
#[tokio::test]
async fn jwks_that_drop_a_key_in_use() {
    let setting = Setting::new().await;
    let second = another();
    setting.issuer.publish(&[&setting.signer, &second]);
    let (dropped, kept) = (setting.token(&setting.signer).await, setting.token(&second).await);
    for token in [&dropped, &kept, &dropped] {
        assert_eq!(setting.notes(token).await, StatusCode::OK);
    }
    setting.issuer.publish(&[&second]);
    setting.clock.advance(Duration::minutes(15));
    assert_eq!(setting.notes(&kept).await, StatusCode::OK, "which fetches the keys");
    assert_eq!(setting.notes(&dropped).await, StatusCode::UNAUTHORIZED);
    // A slip of the issuer's is healed without waiting for the next refresh.
    setting.issuer.publish(&[&setting.signer, &second]);
    setting.clock.advance(Duration::seconds(30));
    assert_eq!(setting.notes(&dropped).await, StatusCode::OK);
    assert_eq!(setting.notes(&kept).await, StatusCode::OK);
}

/// Made-up key names: one fetch, then none until the cooldown is over, however many; good tokens are not held up.
#[tokio::test]
async fn jwks_and_a_flood_of_unknown_keys() {
    let setting = Setting::new().await;
    let good = setting.token(&setting.signer).await;
    assert_eq!(setting.notes(&good).await, StatusCode::OK);
    setting.clock.advance(Duration::seconds(30));
    let stranger = another();
    for number in 0..200 {
        let kid = ["../../etc/passwd", "' OR 1=1 --", "https://evil.example/jwks", "\u{0}", "x"][number % 5];
        let forged = setting.token(&stranger.clone().with_kid(format!("{kid}{number}"))).await;
        assert_eq!(setting.notes(&forged).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(setting.issuer.requests(), 2);
    assert_eq!(setting.notes(&good).await, StatusCode::OK);
    // A real rotation in the middle of it is seen after the cooldown at the latest.
    let rotated = another();
    setting.issuer.publish(&[&setting.signer, &rotated]);
    setting.clock.advance(Duration::seconds(30));
    assert_eq!(setting.notes(&setting.token(&rotated).await).await, StatusCode::OK);
    assert_eq!(setting.issuer.requests(), 3);
}
