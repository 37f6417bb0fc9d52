//! `fapi-ciba-id1-test-plan` in its variants: `poll` and `ping`, each with `private_key_jwt` and `mtls`; and push, which that plan has
//! not.
//!
//! What is sent is what the suite sends: a binding message with every request, the endpoint's own URL as the audience of most
//! assertions, the certificate wherever an alias for certificates is known. What is about TLS is the host's, and the modules of
//! ConnectID and of Brazil, which are of one country each, are left out.

mod flow;
mod notification;
mod requests;

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
use ciam_core::store::{Batch, Commit, OutboxPayload, Store};
use ciam_core::testkit::{HookedStore, ManualClock, SeededEntropy, StoreHook};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::authorize::{Step, Visitor};
use ciam_oauth::backchannel::{
    BackchannelClient, BackchannelPeople, BackchannelSettings, Delivery, Hint, HintProblem, Notice,
    UserCodeProblem,
};
use ciam_oauth::client::{Client, ClientAuthentication, ClientKeys, GrantType};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::mtls::MutualTls;
use ciam_oauth::server::Profile;
use ciam_oauth::validate::SenderConstraint;
use ciam_oidc::OpenIdProvider;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::Duration;

use super::suite::{Browser, CALLBACK, ISSUER, Mode, Suite, changed, encode, person, provider_config};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NOTIFY: &str = "https://suite.example/ciba-notification-endpoint";
/// Where clients come with certificates.
const WITH_CERTIFICATE: &str = "https://mtls.id.example";
const INTERACTION: &str = "x-fapi-interaction-id";
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

    async fn lets_ask(
        &self,
        _: &Client,
        _: AccountId,
        code: Option<&Secret>,
    ) -> Result<Result<(), UserCodeProblem>, PortError> {
        Ok(match code.map(Secret::expose) {
            None => Err(UserCodeProblem::Missing),
            Some("4711") => Ok(()),
            Some(_) => Err(UserCodeProblem::Invalid),
        })
    }

    async fn reach(&self, notice: &Notice<'_>) -> Result<(), PortError> {
        let message = notice.binding_message.map(str::to_owned);
        self.told.lock().unwrap().push((Secret::from(notice.handle.expose()), message));
        Ok(())
    }
}

/// How its clients hear of the end, and prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Variant {
    delivery: Delivery,
    mtls: bool,
}

impl Variant {
    const POLL_KEY: Self = Self { delivery: Delivery::Poll, mtls: false };
    const POLL_MTLS: Self = Self { delivery: Delivery::Poll, mtls: true };
    const PING_KEY: Self = Self { delivery: Delivery::Ping, mtls: false };
    const PING_MTLS: Self = Self { delivery: Delivery::Ping, mtls: true };
    /// Beside the plan: tokens that are pushed are bound to nothing.
    const PUSH: Self = Self { delivery: Delivery::Push, mtls: false };

    fn pushes(self) -> bool {
        self.delivery == Delivery::Push
    }
}

/// Makes a test of each module in each variant.
macro_rules! in_variants {
    ([$($name:ident: $variant:ident),+] $modules:tt) => {
        $(in_variants!(@one $name $variant $modules);)+
    };
    (@one $name:ident $variant:ident [$($module:ident),+ $(,)?]) => {
        mod $name {
            use super::super::{Ciba, Variant};

            $(#[tokio::test]
            async fn $module() {
                super::$module(&Ciba::new(Variant::$variant).await).await;
            })+
        }
    };
}
use in_variants;

struct Ciba {
    suite: Suite,
    people: Arc<People>,
    keys: [LocalSigner; 2],
    rsa: LocalSigner,
    variant: Variant,
    /// What has happened so far: delivered again each time, as a relay may.
    events: Mutex<Vec<Event>>,
}

struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    /// CIBA Core, section 13, and RFC 6749, section 5.2.
    fn is_error(&self, statuses: &[u16], codes: &[&str]) {
        let code = self.body["error"].as_str().unwrap_or_default();
        assert!(statuses.contains(&self.status.as_u16()), "{} {}", self.status, self.body);
        assert!(codes.contains(&code), "{} {}", self.status, self.body);
        let description = self.body["error_description"].as_str().unwrap_or_default();
        assert!(description.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "{description:?}");
        let known = ["error", "error_description", "error_uri"];
        assert!(
            self.body.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())),
            "{}",
            self.body
        );
    }

    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.body)).to_owned()
    }
}

/// What a connection with a client's certificate has: its thumbprint is what is looked at.
fn certificate(client: &str) -> Vec<u8> {
    format!("the certificate of {client}").into_bytes()
}

/// Others run between what is read and what follows it, as with a store behind a network.
#[derive(Debug)]
struct Distant;

#[async_trait]
impl StoreHook for Distant {
    async fn commit(&self, store: &dyn Store, batch: Batch) -> Result<Commit, PortError> {
        tokio::task::yield_now().await;
        store.commit(batch).await
    }
}

impl Ciba {
    async fn new(variant: Variant) -> Self {
        Self::with(variant, |settings| settings).await
    }

    async fn with(variant: Variant, change: impl FnOnce(BackchannelSettings) -> BackchannelSettings) -> Self {
        let clock = Arc::new(ManualClock::default());
        let outside = MemoryHttpClient::new();
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(31)))
            .with_http_client(Arc::new(outside.clone()));
        let store = HookedStore::new(ports.shared_store(), Distant);
        let ports = ports.with_store(Arc::new(store));
        let people = Arc::new(People::default());
        let config = provider_config().with_only_algorithm(Algorithm::Es256);
        let provider = Arc::new(OpenIdProvider::new(config));
        let settings = change(BackchannelSettings::new(people.clone(), "/backchannel/done"));
        let mut builder = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .mutual_tls(MutualTls::new().at(WITH_CERTIFICATE))
            .extension(provider.clone());
        builder = if variant.pushes() {
            builder.backchannel(settings.with_delivery(Delivery::ALL))
        } else {
            builder.backchannel(settings).profile(Profile::FapiCiba)
        };
        let server = builder.build().await.unwrap();
        let es = |kid: &'static str| {
            LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
        };
        let keys = [es("c1"), es("c2")];
        let ps256 = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Ps256, RSA).unwrap().with_kid("rsa");
        for (id, key) in ["bank1", "bank2"].into_iter().zip(&keys) {
            server.clients().register(client(id, variant, &[key, &ps256])).await.unwrap();
        }
        let rsa = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Rs256, RSA).unwrap().with_kid("rsa");
        let person = person(&ports).await;
        *people.ada.lock().unwrap() = Some(person.value.id);
        let suite = Suite { server, provider, ports, clock, outside, person, mode: Mode::QUERY };
        Self { suite, people, keys, rsa, variant, events: Mutex::default() }
    }

    fn now(&self) -> i64 {
        self.suite.ports.now().unix_timestamp()
    }

    fn jti(&self) -> String {
        Secret::random(self.suite.ports.entropy()).unwrap().expose().to_owned()
    }

    fn key(&self, client: &str) -> &LocalSigner {
        if client == "bank1" { &self.keys[0] } else { &self.keys[1] }
    }

    fn claims(&self, changes: &Value) -> Map<String, Value> {
        let now = self.now();
        let mut claims = json!({
            "iss": "bank1", "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 300, "jti": self.jti(),
            "scope": "openid email", "login_hint": "ada@example.com", "binding_message": "1234",
        });
        if self.variant.delivery != Delivery::Poll {
            claims["client_notification_token"] = json!(NOTIFICATION_TOKEN);
        }
        changed(claims, changes)
    }

    async fn request(&self, changes: &Value) -> String {
        sign(&self.keys[0], "JWT", &self.claims(changes)).await.unwrap()
    }

    async fn assertion_by(&self, key: &LocalSigner, client: &str, audience: &str) -> String {
        let now = self.now();
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "nbf": now, "iat": now, "exp": now + 60, "jti": self.jti(),
        });
        sign(key, "JWT", &claims).await.unwrap()
    }

    /// Sends as a client, which proves who it is in the way of the variant.
    async fn post_as(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        // The suite names the endpoint that it calls, at its alias for certificates if it has one.
        let audience = match path {
            "/token" => format!("{WITH_CERTIFICATE}/token"),
            path => format!("{ISSUER}{path}"),
        };
        self.post_for(client, path, form, &audience).await
    }

    async fn post_for(&self, client: &str, path: &str, form: &[(&str, &str)], audience: &str) -> Answer {
        let mut form = form.to_vec();
        if self.variant.mtls {
            form.push(("client_id", client));
            return self.post(path, &form, Some(client)).await;
        }
        let assertion = self.assertion_by(self.key(client), client, audience).await;
        form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())]);
        // Tokens are bound to certificates; the other endpoint knows of none.
        let certificate = Some(client).filter(|_| path == "/token" && !self.variant.pushes());
        self.post(path, &form, certificate).await
    }

    /// Sends as it is, over a connection with the certificate of a client.
    async fn post(&self, path: &str, form: &[(&str, &str)], certificate: Option<&str>) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(encode(form))).unwrap();
        let response = self.suite.server.handle(request, &peer(certificate)).await;
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
        self.is_begun(&answer)
    }

    /// Section 7.3.
    fn is_begun(&self, answer: &Answer) -> String {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let id = answer.text("auth_req_id");
        // 128 bits at least, of these characters.
        assert!(
            id.len() >= 22 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
            "{id}"
        );
        assert!(answer.body["expires_in"].as_i64().unwrap() > 0);
        assert_eq!(answer.body.get("interval").is_some(), !self.variant.pushes());
        id
    }

    async fn refused(&self, changes: &Value, codes: &[&str]) {
        self.begin(changes).await.is_error(&[400], codes);
        assert!(self.people.told.lock().unwrap().is_empty(), "nobody is told of a request that is refused");
    }

    async fn poll(&self, id: &str) -> Answer {
        self.poll_as("bank1", id).await
    }

    async fn poll_as(&self, client: &str, id: &str) -> Answer {
        self.post_as(client, "/token", &[("grant_type", CIBA), ("auth_req_id", id)]).await
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

    async fn reject(&self) {
        let mut browser = Browser::default();
        browser.refuses = true;
        let done = self.answer(&mut browser).await;
        assert!(done.ends_with("outcome=refused"), "{done}");
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

    /// Section 10.2: a client that is pinged hears of the end, with its own token and of nothing but the request; one that polls
    /// does not.
    async fn is_told_of(&self, id: &str, token: &str) {
        self.relay().await.unwrap();
        if self.variant.delivery == Delivery::Poll {
            assert!(self.suite.outside.requests().is_empty());
            return;
        }
        let request = self.suite.outside.requests().pop().unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {token}"));
        assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body, json!({ "auth_req_id": id }), "that, and no token");
        self.events.lock().unwrap().clear();
    }

    async fn verified(&self, token: &str) -> Value {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert!(header["kid"].is_string() && header["alg"] == "ES256", "{header}");
        let keys = self.suite.server.keys().keys().await.unwrap();
        let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("JWT"));
        verifier.verify(token, keys.keys()).unwrap().claims().unwrap()
    }

    /// Asks UserInfo over a connection with a client's certificate.
    async fn userinfo(
        &self,
        token: &str,
        certificate: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Response<Bytes> {
        let mut request = Request::get("/userinfo").header(AUTHORIZATION, format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.suite.server.handle(request.body(Bytes::new()).unwrap(), &peer(certificate)).await
    }

    /// Asks for the tokens, with success.
    async fn tokens(&self, id: &str) -> Value {
        self.tokens_as("bank1", id).await
    }

    async fn tokens_as(&self, client: &str, id: &str) -> Value {
        let answer = self.poll_as(client, id).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.body["expires_in"].as_i64().unwrap() > 0 && answer.text("access_token").len() >= 22);
        let claims = self.verified(&answer.text("id_token")).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(client)));
        assert!(claims.get("c_hash").is_none() && claims.get("s_hash").is_none(), "{claims}");
        let response = self.userinfo(&answer.text("access_token"), Some(client), &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let made = response.headers()[INTERACTION].to_str().unwrap();
        assert!(uuid::Uuid::try_parse(made).is_ok(), "FAPI-R-6.2.1-11: {made}");
        let userinfo: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((&userinfo["sub"], &userinfo["email"]), (&claims["sub"], &json!("ada@example.com")));
        answer.body
    }
}

fn peer(certificate_of: Option<&str>) -> Peer {
    let peer = Peer::new([192, 0, 2, 9].into());
    match certificate_of {
        Some(client) => peer.with_certificate(certificate(client)),
        None => peer,
    }
}

fn client(id: &str, variant: Variant, keys: &[&LocalSigner]) -> Client {
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| {
            let mut key = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
            key.as_object_mut().unwrap().remove("alg");
            key
        })
        .collect();
    let keys = ClientKeys::Jwks(json!({ "keys": keys }));
    let backchannel = match variant.delivery {
        Delivery::Poll => BackchannelClient::poll(),
        Delivery::Ping => BackchannelClient::ping(NOTIFY),
        _ => BackchannelClient::push(NOTIFY),
    };
    let authentication = if variant.mtls {
        ClientAuthentication::self_signed_tls([CertificateThumbprint::of(&certificate(id))])
    } else {
        let (alg, keys) = (Some(Algorithm::Es256), keys.clone());
        ClientAuthentication::PrivateKeyJwt { keys, alg, token_endpoint_audience: true }
    };
    let mut client = Client::confidential(id.parse().unwrap(), authentication)
        .with_name("Bank client")
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_backchannel(backchannel.with_signed_requests(Algorithm::Es256))
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("openid profile email offline_access".parse().unwrap());
    client.messages.keys = variant.mtls.then_some(keys);
    client.certificate_bound_access_tokens = !variant.pushes();
    client
}

async fn poll() -> Ciba {
    Ciba::new(Variant::POLL_KEY).await
}
