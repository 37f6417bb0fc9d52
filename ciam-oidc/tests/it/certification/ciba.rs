//! `fapi-ciba-id1-test-plan`, with `private_key_jwt`, in the delivery modes poll and ping; and push, which that plan has not.
//!
//! What is about TLS is the host's, and the modules of ConnectID, which is of one country, are left out.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::Peer;
use ciam_core::id::AccountId;
use ciam_core::jose::{Algorithm, AlgorithmSet, LocalSigner, TokenType, Verifier, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::relay::EventSink;
use ciam_core::secret::Secret;
use ciam_core::store::OutboxPayload;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::{Step, Visitor};
use ciam_oauth::backchannel::{
    BackchannelClient, BackchannelPeople, BackchannelSettings, Delivery, Hint, HintProblem, Notice,
};
use ciam_oauth::client::{Client, ClientAuthentication, ClientKeys, GrantType};
use ciam_oidc::OpenIdProvider;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::Duration;

use super::suite::{Browser, CALLBACK, ISSUER, Mode, Suite, changed, encode, person, provider_config};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NOTIFY: &str = "https://suite.example/ciba-notification-endpoint";
const NOTIFICATION_TOKEN: &str = "a-bearer-token.of~the+client/0123456789==";
const RSA: &[u8] = include_bytes!("../../data/rsa-2048.pk8");

/// Knows one person, and keeps what they were told.
#[derive(Debug, Default)]
struct People {
    ada: Mutex<Option<AccountId>>,
    told: Mutex<Vec<(Secret, Option<String>)>>,
}

#[async_trait]
impl BackchannelPeople for People {
    async fn find(&self, _: &Client, hint: Hint<'_>) -> Result<Result<AccountId, HintProblem>, PortError> {
        Ok(match hint {
            Hint::Login("ada@example.com") | Hint::LoginToken("ada") => {
                self.ada.lock().unwrap().ok_or(HintProblem::Unknown)
            }
            Hint::LoginToken("old") => Err(HintProblem::Expired),
            _ => Err(HintProblem::Unknown),
        })
    }

    async fn reach(&self, notice: &Notice<'_>) -> Result<(), PortError> {
        let message = notice.binding_message.map(str::to_owned);
        self.told.lock().unwrap().push((Secret::from(notice.handle.expose()), message));
        Ok(())
    }
}

struct Ciba {
    suite: Suite,
    people: Arc<People>,
    keys: [LocalSigner; 2],
    rsa: LocalSigner,
    delivery: Delivery,
    /// What has happened so far: delivered again each time, as a relay may.
    events: Mutex<Vec<Event>>,
}

struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    fn is_error(&self, statuses: &[u16], codes: &[&str]) {
        let code = self.body["error"].as_str().unwrap_or_default();
        assert!(statuses.contains(&self.status.as_u16()), "{} {}", self.status, self.body);
        assert!(codes.contains(&code), "{} {}", self.status, self.body);
        let description = self.body["error_description"].as_str().unwrap_or_default();
        assert!(description.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "{description:?}");
    }

    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.body)).to_owned()
    }
}

impl Ciba {
    async fn new(delivery: Delivery) -> Self {
        let clock = Arc::new(ManualClock::default());
        let outside = MemoryHttpClient::new();
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(31)))
            .with_http_client(Arc::new(outside.clone()));
        let people = Arc::new(People::default());
        let config = provider_config().with_only_algorithm(Algorithm::Es256);
        let provider = Arc::new(OpenIdProvider::new(config));
        let settings =
            BackchannelSettings::new(people.clone(), "/backchannel/done").with_delivery(Delivery::ALL);
        let server = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .backchannel(settings)
            .extension(provider.clone())
            .build()
            .await
            .unwrap();
        let es = |kid: &'static str| {
            LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
        };
        let keys = [es("c1"), es("c2")];
        let ps256 = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Ps256, RSA).unwrap().with_kid("rsa");
        for (id, key) in ["bank1", "bank2"].into_iter().zip(&keys) {
            server.clients().register(client(id, delivery, &[key, &ps256])).await.unwrap();
        }
        let rsa = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Rs256, RSA).unwrap().with_kid("rsa");
        let person = person(&ports).await;
        *people.ada.lock().unwrap() = Some(person.value.id);
        let suite = Suite { server, provider, ports, clock, outside, person, mode: Mode::QUERY };
        Self { suite, people, keys, rsa, delivery, events: Mutex::default() }
    }

    fn now(&self) -> i64 {
        self.suite.ports.now().unix_timestamp()
    }

    fn jti(&self) -> String {
        Secret::random(self.suite.ports.entropy()).unwrap().expose().to_owned()
    }

    fn claims(&self, changes: &Value) -> Map<String, Value> {
        let now = self.now();
        let mut claims = json!({
            "iss": "bank1", "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 300, "jti": self.jti(),
            "scope": "openid email", "login_hint": "ada@example.com",
        });
        if self.delivery != Delivery::Poll {
            claims["client_notification_token"] = json!(NOTIFICATION_TOKEN);
        }
        changed(claims, changes)
    }

    async fn request(&self, changes: &Value) -> String {
        sign(&self.keys[0], "JWT", &self.claims(changes)).await.unwrap()
    }

    async fn assertion_by(&self, key: &LocalSigner, client: &str) -> String {
        let now = self.now();
        let claims = json!({
            "iss": client, "sub": client, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": self.jti(),
        });
        sign(key, "JWT", &claims).await.unwrap()
    }

    async fn post_as(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let key = if client == "bank1" { &self.keys[0] } else { &self.keys[1] };
        let assertion = self.assertion_by(key, client).await;
        let mut form = form.to_vec();
        form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())]);
        self.post(path, &form).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(encode(form))).unwrap();
        let response = self.suite.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json", "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        Answer { status: response.status(), body: serde_json::from_slice(response.body()).unwrap() }
    }

    /// Begins one with changed claims in its signed request.
    async fn begin(&self, changes: &Value) -> Answer {
        let request = self.request(changes).await;
        self.post_as("bank1", "/bc-authorize", &[("request", &request)]).await
    }

    async fn begun(&self, changes: &Value) -> String {
        let answer = self.begin(changes).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let id = answer.text("auth_req_id");
        // Section 7.3: 128 bits at least, of these characters.
        assert!(
            id.len() >= 22 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
            "{id}"
        );
        assert!(answer.body["expires_in"].as_i64().unwrap() > 0);
        let polls = self.delivery != Delivery::Push;
        assert_eq!(answer.body.get("interval").is_some(), polls);
        id
    }

    async fn refused(&self, changes: &Value, codes: &[&str]) {
        self.begin(changes).await.is_error(&[400], codes);
        assert!(self.people.told.lock().unwrap().is_empty(), "nobody is told of a request that is refused");
    }

    async fn poll(&self, id: &str) -> Answer {
        self.post_as("bank1", "/token", &[("grant_type", CIBA), ("auth_req_id", id)]).await
    }

    /// What was told last.
    fn handle(&self) -> Secret {
        let told = self.people.told.lock().unwrap();
        Secret::from(told.last().unwrap().0.expose())
    }

    /// The person answers, on a device of their own.
    async fn answer(&self, browser: &mut Browser) -> String {
        let mut headers = http::HeaderMap::new();
        if !browser.cookie_header().is_empty() {
            headers.insert(http::header::COOKIE, browser.cookie_header().parse().unwrap());
        }
        let visitor = Visitor::from_headers(&self.suite.server, &headers).await.unwrap();
        let step = self.suite.server.open_backchannel(&self.handle(), &visitor).await.unwrap();
        let Step::Interact(pause) = step else { panic!("a person is always asked: {step:?}") };
        let mut response = Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, pause.url);
        if let Some(new) = pause.new_browser {
            response = response.header(http::header::SET_COOKIE, new.set_cookie().unwrap());
        }
        let response = response.body(Bytes::new()).unwrap();
        browser.keep(&response);
        browser.until_client(&self.suite, response, &format!("{ISSUER}/backchannel/done")).await
    }

    async fn approve(&self) {
        let done = self.answer(&mut Browser::default()).await;
        assert!(done.ends_with("outcome=approved"), "{done}");
    }

    /// The relay, with the sink of the server alone.
    async fn relay(&self) -> Result<usize, PortError> {
        let sink: Arc<dyn EventSink> = self.suite.server.backchannel_sink();
        let store = self.suite.ports.store();
        loop {
            let items = store.claim_outbox(Duration::seconds(30), 100).await.unwrap();
            let ids: Vec<_> = items.iter().map(|item| item.id).collect();
            store.acknowledge(&ids).await.unwrap();
            let events = items.into_iter().filter_map(|item| match item.payload {
                OutboxPayload::Event(event) if sink.wants(&event) => Some(event),
                _ => None,
            });
            self.events.lock().unwrap().extend(events);
            if ids.is_empty() {
                break;
            }
        }
        let events = self.events.lock().unwrap().clone();
        for event in &events {
            sink.deliver(event).await?;
        }
        Ok(events.len())
    }

    fn serve(&self, status: u16, body: &str) {
        let response = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        self.suite.outside.answer(NOTIFY, response);
    }

    async fn verified(&self, token: &str) -> Value {
        let keys = self.suite.server.keys().keys().await.unwrap();
        let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("JWT"));
        verifier.verify(token, keys.keys()).unwrap().claims().unwrap()
    }

    /// Asks for the tokens, with success.
    async fn tokens(&self, id: &str) -> Value {
        let answer = self.poll(id).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let claims = self.verified(&answer.text("id_token")).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("bank1")));
        let response = self.suite.userinfo(&answer.text("access_token")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let userinfo: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((&userinfo["sub"], &userinfo["email"]), (&claims["sub"], &json!("ada@example.com")));
        answer.body
    }
}

fn client(id: &str, delivery: Delivery, keys: &[&LocalSigner]) -> Client {
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| {
            let mut key = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
            key.as_object_mut().unwrap().remove("alg");
            key
        })
        .collect();
    let keys = ClientKeys::Jwks(json!({ "keys": keys }));
    let backchannel = match delivery {
        Delivery::Poll => BackchannelClient::poll(),
        Delivery::Ping => BackchannelClient::ping(NOTIFY),
        _ => BackchannelClient::push(NOTIFY),
    };
    let authentication = ClientAuthentication::PrivateKeyJwt {
        keys,
        alg: Some(Algorithm::Es256),
        token_endpoint_audience: false,
    };
    Client::confidential(id.parse().unwrap(), authentication)
        .with_name("Bank client")
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_backchannel(backchannel.with_signed_requests(Algorithm::Es256))
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("openid profile email offline_access".parse().unwrap())
}

async fn poll() -> Ciba {
    Ciba::new(Delivery::Poll).await
}

#[tokio::test]
async fn fapi_ciba_id1_discovery_end_point_verification() {
    let metadata = poll().await.suite.metadata().await;
    assert_eq!(metadata["backchannel_authentication_endpoint"], format!("{ISSUER}/bc-authorize"));
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping", "push"]));
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], false);
    let algorithms = metadata["backchannel_authentication_request_signing_alg_values_supported"].as_array();
    let algorithms = algorithms.unwrap();
    assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("none")));
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(CIBA)));
}

#[tokio::test]
async fn fapi_ciba_id1() {
    for delivery in [Delivery::Poll, Delivery::Ping] {
        let ciba = Ciba::new(delivery).await;
        ciba.serve(204, "");
        let id = ciba.begun(&json!({ "requested_expiry": 300 })).await;
        ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
        ciba.approve().await;
        let pinged = ciba.relay().await.unwrap();
        assert_eq!(pinged, usize::from(delivery == Delivery::Ping));
        if delivery == Delivery::Ping {
            let request = ciba.suite.outside.requests().pop().unwrap();
            assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {NOTIFICATION_TOKEN}"));
            assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(body, json!({ "auth_req_id": id }), "that, and no token");
        }
        let tokens = ciba.tokens(&id).await;
        // Once: again is a replay, which ends what was given.
        ciba.poll(&id).await.is_error(&[400], &["invalid_grant"]);
        let access_token = tokens["access_token"].as_str().unwrap();
        assert!(ciba.suite.userinfo(access_token).await.status().is_client_error());
    }
}

#[tokio::test]
async fn fapi_ciba_id1_user_rejects_authentication() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    let mut browser = Browser::default();
    browser.refuses = true;
    let done = ciba.answer(&mut browser).await;
    assert!(done.ends_with("outcome=refused"), "{done}");
    ciba.poll(&id).await.is_error(&[400], &["access_denied"]);
}

/// Too often is told, and nobody is pinged who polls.
#[tokio::test]
async fn fapi_ciba_id1_multiple_call_to_token_endpoint() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    ciba.poll(&id).await.is_error(&[400], &["slow_down"]);
    ciba.approve().await;
    ciba.tokens(&id).await;
    assert_eq!(ciba.relay().await.unwrap(), 0);
    assert!(ciba.suite.outside.requests().is_empty());
}

#[tokio::test]
async fn fapi_ciba_id1_auth_req_id_expired() {
    let ciba = poll().await;
    let answer = ciba.begin(&json!({ "requested_expiry": 10 })).await;
    assert_eq!(answer.body["expires_in"], 10);
    ciba.suite.pass(15).await;
    ciba.poll(&answer.text("auth_req_id")).await.is_error(&[400], &["expired_token"]);
}

/// What the client shows is what the person is shown.
#[tokio::test]
async fn fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({ "binding_message": "1234" })).await;
    assert_eq!(ciba.people.told.lock().unwrap()[0].1.as_deref(), Some("1234"));
    let mut browser = Browser::default();
    ciba.answer(&mut browser).await;
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_other_scope_order_succeeds() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({ "scope": "email openid" })).await;
    ciba.approve().await;
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds() {
    let ciba = poll().await;
    let answer = ciba.begin(&json!({ "requested_expiry": "30" })).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (StatusCode::OK, &json!(30)));
    for bad in [json!("0"), json!("-1"), json!("soon"), json!(1.5), json!("99999999999")] {
        ciba.begin(&json!({ "requested_expiry": bad })).await.is_error(&[400], &["invalid_request"]);
    }
}

/// Shown as it is, or refused: what cannot be shown on one line is refused.
#[tokio::test]
async fn fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message() {
    let ciba = poll().await;
    let odd = "1234 \u{1f44d}\u{1f3ff} \u{4f60}\u{597d} & <b> ' \"";
    ciba.begun(&json!({ "binding_message": odd })).await;
    assert_eq!(ciba.people.told.lock().unwrap()[0].1.as_deref(), Some(odd));
    for bad in ["two\nlines", "\u{202e}drawkcab", &"x".repeat(129)] {
        ciba.begin(&json!({ "binding_message": bad })).await.is_error(&[400], &["invalid_binding_message"]);
    }
}

macro_rules! refused_with {
    ($($name:ident: $changes:expr),+ $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            let ciba = poll().await;
            let now = ciba.now();
            let changes: fn(i64) -> Value = $changes;
            ciba.refused(&changes(now), &["invalid_request"]).await;
            // It is the change that was refused.
            ciba.begun(&json!({})).await;
        })+
    };
}

refused_with!(
    fapi_ciba_id1_ensure_request_object_missing_aud_fails: |_| json!({ "aud": null }),
    fapi_ciba_id1_ensure_request_object_bad_aud_fails: |_| json!({ "aud": "https://other.example" }),
    fapi_ciba_id1_ensure_request_object_missing_iss_fails: |_| json!({ "iss": null }),
    fapi_ciba_id1_ensure_request_object_bad_iss_fails: |_| json!({ "iss": "bank2" }),
    fapi_ciba_id1_ensure_request_object_missing_exp_fails: |_| json!({ "exp": null }),
    fapi_ciba_id1_ensure_request_object_expired_exp_fails: |now| json!({ "exp": now - 300 }),
    fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails: |now| json!({ "exp": now + 70 * 60 }),
    fapi_ciba_id1_ensure_request_object_missing_iat_fails: |_| json!({ "iat": null }),
    fapi_ciba_id1_ensure_request_object_missing_nbf_fails: |_| json!({ "nbf": null }),
    fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails: |now| json!({ "nbf": now + 600, "exp": now + 900 }),
    fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails: |now| json!({ "nbf": now - 70 * 60 }),
    fapi_ciba_id1_ensure_request_object_missing_jti_fails: |_| json!({ "jti": null }),
    fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails: |_| json!({ "login_hint_token": "ada" }),
);

async fn with_request(ciba: &Ciba, request: &str) {
    let answer = ciba.post_as("bank1", "/bc-authorize", &[("request", request)]).await;
    answer.is_error(&[400], &["invalid_request"]);
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails() {
    let ciba = poll().await;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = Value::Object(ciba.claims(&json!({})));
    with_request(&ciba, &format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))).await;
}

/// A signature that is none.
#[tokio::test]
async fn fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails() {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    let (signed, signature) = request.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[7] ^= 0x55;
    with_request(&ciba, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_request_object_signature_algorithm_is_rs256_fails() {
    let ciba = poll().await;
    with_request(&ciba, &sign(&ciba.rsa, "JWT", &ciba.claims(&json!({}))).await.unwrap()).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails() {
    let ciba = poll().await;
    with_request(&ciba, &sign(&ciba.keys[1], "JWT", &ciba.claims(&json!({}))).await.unwrap()).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request() {
    let ciba = poll().await;
    ciba.begun(&json!({})).await;
    ciba.poll("made-up").await.is_error(&[400], &["invalid_grant"]);
}

/// Authenticated as one client, and another one is named.
#[tokio::test]
async fn fapi_ciba_id1_ensure_different_client_id_and_issuer_in_backchannel_authorization_request() {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    let form = [("request", request.as_str()), ("client_id", "bank2")];
    ciba.post_as("bank1", "/bc-authorize", &form).await.is_error(&[401], &["invalid_client"]);
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    let form = [("grant_type", CIBA), ("auth_req_id", id.as_str()), ("client_id", "bank2")];
    ciba.post_as("bank1", "/token", &form).await.is_error(&[400, 401], &["invalid_client"]);
    // And the other client itself gets nothing, and uses nothing up.
    ciba.post_as("bank2", "/token", &form[..2]).await.is_error(&[400], &["invalid_grant"]);
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_wrong_client_id_in_backchannel_authorization_request() {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    let form = [("request", request.as_str()), ("client_id", "nobody")];
    ciba.post_as("bank1", "/bc-authorize", &form)
        .await
        .is_error(&[400, 401], &["invalid_client", "invalid_request"]);
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    let form = [("grant_type", CIBA), ("auth_req_id", id.as_str()), ("client_id", "bank1")];
    ciba.post("/token", &form).await.is_error(&[400, 401], &["invalid_client", "invalid_request"]);
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request() {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    let form = [("request", request.as_str()), ("client_id", "bank1")];
    ciba.post("/bc-authorize", &form).await.is_error(&[400, 401], &["invalid_client", "invalid_request"]);
}

async fn by_rs256(ciba: &Ciba, path: &str, form: &[(&str, &str)]) {
    let assertion = ciba.assertion_by(&ciba.rsa, "bank1").await;
    let mut form = form.to_vec();
    form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())]);
    ciba.post(path, &form).await.is_error(&[400, 401], &["invalid_client"]);
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails()
 {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    by_rs256(&ciba, "/bc-authorize", &[("request", &request)]).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails()
{
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    by_rs256(&ciba, "/token", &[("grant_type", CIBA), ("auth_req_id", &id)]).await;
}

/// The audience of an assertion is the issuer.
#[tokio::test]
async fn fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending", "slow_down"]);
}

/// The client's endpoint may answer what it likes, as long as it is no error of its own: nothing is sent twice.
async fn pinged(status: u16, body: &str) {
    let ciba = Ciba::new(Delivery::Ping).await;
    ciba.serve(status, body);
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    assert_eq!(ciba.suite.outside.requests().len(), 1);
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body() {
    pinged(200, "something").await;
}

#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401() {
    pinged(401, "").await;
}

#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403() {
    pinged(403, "").await;
}

/// The relay has done with it: an error would make it try again.
#[tokio::test]
async fn fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry()
 {
    pinged(401, "").await;
}

/// A redirect is not followed.
#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request() {
    let ciba = Ciba::new(Delivery::Ping).await;
    let elsewhere = Response::builder().status(302).header(LOCATION, "https://suite.example/elsewhere");
    ciba.suite.outside.answer(NOTIFY, elsewhere.body(Bytes::new()).unwrap());
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    let asked: Vec<String> = ciba.suite.outside.requests().iter().map(|it| it.uri().to_string()).collect();
    assert_eq!(asked, [NOTIFY]);
    ciba.tokens(&id).await;
}

/// An error of the client's own is tried again: the relay is told.
#[tokio::test]
async fn a_client_that_fails_is_pinged_again() {
    let ciba = Ciba::new(Delivery::Ping).await;
    ciba.serve(503, "");
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert!(ciba.relay().await.is_err());
    ciba.serve(204, "");
    assert_eq!(ciba.relay().await.unwrap(), 1);
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails() {
    let ciba = poll().await;
    let plain = [("scope", "openid email"), ("login_hint", "ada@example.com")];
    ciba.post_as("bank1", "/bc-authorize", &plain).await.is_error(&[400], &["invalid_request"]);
    // And nothing stands beside a signed one (CIBA Core, section 7.1.1).
    let request = ciba.request(&json!({})).await;
    let both = [("request", request.as_str()), ("scope", "openid")];
    ciba.post_as("bank1", "/bc-authorize", &both).await.is_error(&[400], &["invalid_request"]);
}

/// The same request again begins nothing.
#[tokio::test]
async fn s14_a_signed_request_is_taken_once() {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    let first = ciba.post_as("bank1", "/bc-authorize", &[("request", &request)]).await;
    assert_eq!(first.status, StatusCode::OK);
    with_request(&ciba, &request).await;
}

#[tokio::test]
async fn fapi_ciba_id1_refresh_token() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({ "scope": "openid email offline_access" })).await;
    ciba.approve().await;
    let tokens = ciba.tokens(&id).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert!(refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let refreshed = ciba.post_as("bank1", "/token", &form).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    ciba.post_as("bank2", "/token", &form).await.is_error(&[400], &["invalid_grant"]);
}

/// CIBA Core, section 13: whom nobody knows, and what has expired.
#[tokio::test]
async fn ciba_13_hints_that_name_nobody() {
    let ciba = poll().await;
    ciba.refused(&json!({ "login_hint": "grace@example.com" }), &["unknown_user_id"]).await;
    let token = |value: &str| json!({ "login_hint": null, "login_hint_token": value });
    ciba.refused(&token("old"), &["expired_login_hint_token"]).await;
    ciba.refused(&json!({ "login_hint": null }), &["invalid_request"]).await;
    ciba.refused(&json!({ "login_hint": null, "id_token_hint": "made.up.token" }), &["unknown_user_id"])
        .await;
    ciba.refused(&json!({ "scope": "email" }), &["invalid_scope"]).await;
    // An ID token of the client's own names its person.
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    let tokens = ciba.tokens(&id).await;
    let hint = json!({ "login_hint": null, "id_token_hint": tokens["id_token"] });
    ciba.begun(&hint).await;
}

/// Section 10.3: the tokens themselves, bound to their request, once; and a client that is pushed to does not ask.
#[tokio::test]
async fn ciba_10_3_pushed_tokens_are_bound_to_their_request() {
    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["unauthorized_client"]);
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    let request = ciba.suite.outside.requests().pop().unwrap();
    assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {NOTIFICATION_TOKEN}"));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["auth_req_id"], json!(id));
    let claims = ciba.verified(body["id_token"].as_str().unwrap()).await;
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], json!(id));
    let hash = |text: &str| ciam_oidc::id_token::half_hash(&*crypto::ring(), Algorithm::Es256, text);
    assert_eq!(claims["at_hash"], hash(body["access_token"].as_str().unwrap()));
    let refresh = body["refresh_token"].as_str().unwrap();
    assert_eq!(claims["urn:openid:params:jwt:claim:rt_hash"], hash(refresh));
    assert_eq!(ciba.suite.userinfo(body["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
    // The same event again pushes nothing more.
    ciba.relay().await.unwrap();
    assert_eq!(ciba.suite.outside.requests().len(), 1);
}

#[tokio::test]
async fn ciba_12_a_refusal_is_pushed_too() {
    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    let mut browser = Browser::default();
    browser.refuses = true;
    ciba.answer(&mut browser).await;
    ciba.relay().await.unwrap();
    let body: Value = serde_json::from_slice(ciba.suite.outside.requests().pop().unwrap().body()).unwrap();
    assert_eq!(body, json!({ "auth_req_id": id, "error": "access_denied" }));
}

/// Tokens that the client could not be sent nobody has: their grant is revoked.
#[tokio::test]
async fn pushed_tokens_that_do_not_arrive_are_revoked() {
    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(500, "");
    ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert!(ciba.relay().await.is_err());
    let sent = ciba.suite.outside.requests();
    assert_eq!(sent.len(), 3, "tried, and tried again");
    let body: Value = serde_json::from_slice(sent[0].body()).unwrap();
    let response = ciba.suite.userinfo(body["access_token"].as_str().unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
