//! Clients that publish what they are: draft-ietf-oauth-client-id-metadata-document-02, and S2, S17 for it. The sections are the
//! draft's.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, LocalSigner, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::authorize::ConsentDecision;
use ciam_oauth::client::{AuthMethod, Client, GrantType};
use ciam_oauth::client_document::ClientDocuments;
use ciam_oauth::server::{ConfigError, Profile};
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use crate::support::{Browser, CHALLENGE, ISSUER, Reply, World, handle};
use crate::tokens::{VERIFIER, post};

const ID: &str = "https://agent.example/client.json";
const CALLBACK: &str = "https://agent.example/cb";
const STOCK: &str = "https://stock.example";

struct Published {
    world: World,
    outside: MemoryHttpClient,
}

impl Published {
    async fn new() -> Self {
        Self::with(ClientDocuments::default()).await
    }

    async fn with(settings: ClientDocuments) -> Self {
        Self::built(|builder| builder.client_documents(settings)).await
    }

    async fn built(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let outside = MemoryHttpClient::new();
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)))
            .with_http_client(Arc::new(outside.clone()));
        let world = World::on(ports, clock, configure).await;
        let published = Self { world, outside };
        published.publish(&document());
        published
    }

    fn publish(&self, document: &Value) {
        self.outside.answer(ID, json_of(document.to_string()));
    }

    fn fetched(&self) -> usize {
        self.outside.requests().len()
    }

    /// An authorization request of a person who is signed in.
    async fn ask(&self, changes: &[(&str, &str)]) -> (Browser, Reply) {
        let mut browser = Browser::new();
        browser.sign_in(&self.world, &self.world.account().await).await;
        let mut params = vec![
            ("response_type", "code"),
            ("client_id", ID),
            ("redirect_uri", CALLBACK),
            ("scope", "orders:read"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        params.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        params.extend(changes);
        let reply = browser.authorize(&self.world, &params).await;
        (browser, reply)
    }

    async fn code(&self, changes: &[(&str, &str)]) -> String {
        let (mut browser, asked) = self.ask(changes).await;
        let asked = asked.handle();
        let visitor = browser.visitor(&self.world).await;
        let yes = ConsentDecision::AllowAll;
        self.world.server.answer_consent(&handle(&asked), &visitor, yes).await.unwrap();
        browser.resume(&self.world, &asked).await.code()
    }

    async fn is_known(&self) -> bool {
        self.world.server.clients().get(&ID.parse().unwrap()).await.unwrap().is_some()
    }
}

fn json_of(body: String) -> Response<Bytes> {
    Response::builder().header("content-type", "application/json").body(Bytes::from(body)).unwrap()
}

fn document() -> Value {
    json!({
        "client_id": ID, "client_name": "Agent", "redirect_uris": [CALLBACK, "http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none", "scope": "orders:read offline_access unheard-of",
    })
}

fn with_member(name: &str, value: Value) -> Value {
    let mut changed = document();
    changed[name] = value;
    changed
}

fn exchange(code: &str) -> [(&'static str, String); 5] {
    [
        ("grant_type", "authorization_code".to_owned()),
        ("client_id", ID.to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", CALLBACK.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
    ]
}

fn pairs<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Sections 3, 4 and 6: a program that nobody registered signs people in, as the authorization of the Model Context Protocol wants
/// it, with a token for the resource that it named.
#[tokio::test]
async fn cimd_5_a_client_nobody_registered_signs_people_in() {
    let stock = [STOCK.parse().unwrap()];
    let settings = ClientDocuments::default().with_resources(stock);
    let published = Published::built(|it| it.client_documents(settings).profile(Profile::Mcp)).await;
    let metadata = published.world.server.metadata();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    let code = published.code(&[("resource", STOCK)]).await;
    let form = exchange(&code);
    let answer = post(&published.world.server, "/token", None, &pairs(&form)).await;
    assert!(answer.is_ok(), "{answer:?}");
    let token = answer.body["access_token"].as_str().unwrap();
    let found = published.world.server.inspect(token).await.unwrap().unwrap();
    assert_eq!(found.claims.aud, [STOCK]);
    assert_eq!(found.claims.client_id.as_str(), ID);
    assert_eq!(published.fetched(), 1, "everything after the first request is known");
    // It was not registered.
    let pages =
        published.world.server.clients().list(ciam_core::store::PageRequest::first(100)).await.unwrap();
    assert!(pages.items.iter().all(|client| client.id.as_str() != ID));
}

/// The person is asked, and asked again where an app on the device is answered.
#[tokio::test]
async fn cimd_8_5_people_are_asked() {
    let published = Published::new().await;
    let (_, asked) = published.ask(&[]).await;
    assert!(asked.is_interaction());
    let (_, asked) = published.ask(&[("redirect_uri", "http://127.0.0.1:51000/cb")]).await;
    assert!(asked.is_interaction(), "any port of the loopback address");
}

/// Section 8.2: a client that publishes a key proves that it has it.
#[tokio::test]
async fn cimd_8_2_a_client_proves_the_key_that_it_publishes() {
    let published = Published::new().await;
    let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("k");
    let mut confidential = with_member("token_endpoint_auth_method", json!("private_key_jwt"));
    confidential["jwks_uri"] = json!("https://agent.example/jwks");
    published.publish(&confidential);
    let jwks = json!({ "keys": [signer.public_jwk().unwrap()] });
    published.outside.answer("https://agent.example/jwks", json_of(jwks.to_string()));
    let code = published.code(&[]).await;
    let form = exchange(&code);
    let bare = post(&published.world.server, "/token", None, &pairs(&form)).await;
    assert_eq!(bare.error(), (401, "invalid_client"));
    let now = published.world.ports.now().unix_timestamp();
    let claims = json!({ "iss": ID, "sub": ID, "aud": ISSUER, "jti": "1", "exp": now + 60, "iat": now });
    let assertion = sign(&signer, "JWT", &claims).await.unwrap();
    let mut form = pairs(&form);
    form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    form.push(("client_assertion", &assertion));
    let answer = post(&published.world.server, "/token", None, &form).await;
    assert!(answer.is_ok(), "{answer:?}");
}

/// Section 8.12: a client that the host registered is that one.
#[tokio::test]
async fn cimd_8_12_a_registered_client_is_not_fetched() {
    let published = Published::new().await;
    let registered = Client::public(ID.parse().unwrap())
        .with_redirect_uri("https://agent.example/registered".parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_scopes("orders:read".parse().unwrap());
    published.world.server.clients().register(registered).await.unwrap();
    let (_, refused) = published.ask(&[]).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "its redirect URI is another");
    assert_eq!(published.fetched(), 0);
}

/// Sections 4, 5 and 8.6; S2, S17: what is no document makes no client, nobody is redirected, and no failure is remembered.
#[tokio::test]
async fn s2_s17_what_is_no_document_makes_no_client() {
    let status = |status: u16| {
        let ok = json_of(document().to_string());
        let (mut parts, body) = ok.into_parts();
        parts.status = StatusCode::from_u16(status).unwrap();
        Response::from_parts(parts, body)
    };
    let html =
        Response::builder().header("content-type", "text/html").body(Bytes::from(document().to_string()));
    let long = with_member("client_name", json!("x".repeat(ClientDocuments::MAX_BYTES)));
    let cases = [
        ("not found", status(404)),
        ("another success", status(201)),
        ("a redirect", status(302)),
        ("an error", status(500)),
        ("no JSON", html.unwrap()),
        ("too large", json_of(long.to_string())),
        (
            "another client's",
            json_of(with_member("client_id", json!("https://agent.example/other")).to_string()),
        ),
        (
            "a secret",
            json_of(with_member("token_endpoint_auth_method", json!("client_secret_post")).to_string()),
        ),
        ("elsewhere", json_of(with_member("redirect_uris", json!(["https://evil.example/cb"])).to_string())),
        ("a script", json_of(with_member("logo_uri", json!("javascript:alert(1)")).to_string())),
        ("plain http", json_of(with_member("redirect_uris", json!(["http://agent.example/cb"])).to_string())),
    ];
    let published = Published::new().await;
    for (what, response) in cases {
        published.outside.answer_once(ID, Ok(response));
        let (_, reply) = published.ask(&[]).await;
        assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None), "{what}");
    }
    published.outside.answer_once(ID, Err(PortError::transient("no route")));
    let (_, reply) = published.ask(&[]).await;
    assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
    let (_, reply) = published.ask(&[]).await;
    assert!(reply.is_interaction(), "it is there now");
}

/// Section 8.6: an address inside is not connected to, and what is not the address of a document is not asked for.
#[tokio::test]
async fn s17_nothing_inside_is_fetched() {
    let published = Published::new().await;
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"] {
        published.outside.resolve_to("agent.example", [address.parse::<IpAddr>().unwrap()]);
        let (_, reply) = published.ask(&[]).await;
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{address}");
    }
    for id in [
        "https://127.0.0.1/c",
        "http://agent.example/c",
        "https://agent.example/a/../c",
        "https://u@agent.example/c",
    ] {
        let (_, reply) = published.ask(&[("client_id", id)]).await;
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{id}");
    }
    assert_eq!(published.fetched(), 0);
}

/// Section 5.2: a document is kept and fetched again, is used while its host does not answer, and is gone when the host says so.
#[tokio::test]
async fn cimd_5_2_documents_are_kept_for_a_while() {
    let published = Published::new().await;
    let node = World::on_again(&published.world, |it| it.client_documents(ClientDocuments::default())).await;
    assert!(published.is_known().await && published.is_known().await);
    assert!(node.clients().get(&ID.parse().unwrap()).await.unwrap().is_some());
    assert_eq!(published.fetched(), 1, "nodes share what they know");
    published.world.clock.advance(ClientDocuments::REFRESH_AFTER);
    published.publish(&with_member("client_name", json!("New name")));
    let found = published.world.server.clients().get(&ID.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.value.display.name.as_deref(), Some("New name"));
    assert_eq!(published.fetched(), 2);
    // The host is down: tried once in a while, and the known document is used.
    published.world.clock.advance(ClientDocuments::REFRESH_AFTER);
    for _ in 0..3 {
        published.outside.answer_once(ID, Err(PortError::transient("no route")));
    }
    assert!(published.is_known().await && published.is_known().await);
    assert_eq!(published.fetched(), 3);
    published.world.clock.advance(ClientDocuments::STALE_AFTER);
    assert!(!published.is_known().await, "not for ever");
    let _queued = published.is_known().await;
    assert!(published.is_known().await, "and it comes back");
    // It is taken away.
    published.world.clock.advance(ClientDocuments::REFRESH_AFTER);
    published.outside.answer(ID, Response::builder().status(410).body(Bytes::new()).unwrap());
    assert!(!published.is_known().await);
    assert!(!published.is_known().await, "it was forgotten");
}

/// A refresh token dies with the document of its client.
#[tokio::test]
async fn a_client_that_is_gone_is_given_nothing() {
    let published = Published::new().await;
    let code = published.code(&[("scope", "orders:read offline_access")]).await;
    let form = exchange(&code);
    let answer = post(&published.world.server, "/token", None, &pairs(&form)).await;
    let refresh = answer.body["refresh_token"].as_str().unwrap();
    let access = answer.body["access_token"].as_str().unwrap();
    published.world.clock.advance(ClientDocuments::REFRESH_AFTER);
    published.outside.answer(ID, Response::builder().status(404).body(Bytes::new()).unwrap());
    let again = [("grant_type", "refresh_token"), ("client_id", ID), ("refresh_token", refresh)];
    let refused = post(&published.world.server, "/token", None, &again).await;
    assert_eq!(refused.error(), (401, "invalid_client"));
    assert!(published.world.server.inspect(access).await.unwrap().is_none());
}

/// S29: one host cannot make the server fetch without end; what is known is still known.
#[tokio::test]
async fn s29_fetches_are_counted_for_each_host() {
    let published = Published::new().await;
    assert!(published.is_known().await);
    for number in 0..60 {
        let id = format!("https://agent.example/{number}").parse().unwrap();
        assert!(published.world.server.clients().get(&id).await.unwrap().is_none());
    }
    assert_eq!(published.fetched(), 30);
    published.world.clock.advance(Duration::seconds(1));
    assert!(published.is_known().await);
    let other = "https://other.example/client.json";
    let mut document = with_member("client_id", json!(other));
    document["redirect_uris"] = json!(["https://other.example/cb"]);
    published.outside.answer(other, json_of(document.to_string()));
    assert!(published.world.server.clients().get(&other.parse().unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn it_is_off_unless_it_is_turned_on_and_for_the_hosts_that_are_named() {
    let off = Published::built(|builder| builder).await;
    let elsewhere = Published::with(ClientDocuments::default().with_hosts(["other.example"])).await;
    for published in [&off, &elsewhere] {
        let (_, refused) = published.ask(&[]).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert_eq!(published.fetched(), 0);
    }
    assert!(!off.world.server.metadata().contains_key("client_id_metadata_document_supported"));
    let named = Published::with(ClientDocuments::default().with_hosts(["Agent.example"])).await;
    assert!(named.is_known().await);
}

/// What it is given is what the host allows.
#[tokio::test]
async fn a_published_client_is_given_no_more_than_the_host_allows() {
    let settings = ClientDocuments::default().with_scopes("orders:read".parse().unwrap());
    let published = Published::with(settings.with_grants([GrantType::AuthorizationCode])).await;
    let found = published.world.server.clients().get(&ID.parse().unwrap()).await.unwrap().unwrap().value;
    assert_eq!(found.scopes.to_string(), "orders:read");
    assert!(!found.allows(GrantType::RefreshToken) && !found.first_party && found.resources.is_empty());
    let (_, refused) = published.ask(&[("resource", STOCK)]).await;
    assert_eq!(refused.error(), "invalid_target");
}

#[tokio::test]
async fn a_configuration_under_which_no_document_could_be_used_is_refused() {
    type Change = fn(ServerBuilder) -> ServerBuilder;
    let build = |settings: ClientDocuments, change: Change| {
        let builder = AuthorizationServer::builder(memory::ports())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url("/interaction/")
            .client_documents(settings);
        async move { change(builder).build().await }
    };
    let good = ClientDocuments::default;
    assert!(build(good(), |it| it).await.is_ok());
    let device = good().with_grants([GrantType::DeviceCode]);
    let cases: [(ClientDocuments, Change); 4] = [
        (device, |it| it),
        (good().with_grants([]), |it| it),
        (good().with_resources([STOCK.parse().unwrap()]), |it| it),
        (good(), |it| it.client_authentication([AuthMethod::ClientSecretBasic])),
    ];
    for (settings, change) in cases {
        assert!(matches!(build(settings, change).await, Err(ConfigError::Contradiction(_))));
    }
}
