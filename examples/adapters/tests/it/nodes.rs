//! Two nodes of an authorization server on one PostgreSQL and one Redis, each with connections of its own: what one does, the other
//! knows.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use ciam_adapters::redis::{RedisDatabase, RedisOptions};
use ciam_core::account::{Account, AccountStatus};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::clock::{Clock as _, SystemClock};
use ciam_core::http::Peer;
use ciam_core::id::{AccountId, TenantId};
use ciam_core::jose::{Algorithm, KeySet, PublicJwkSet};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::session::SessionEnd;
use ciam_core::store::{Batch, Write};
use ciam_core::testkit::ManualClock;
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, GrantType};
use ciam_oauth::server::SupportedScope;
use ciam_oauth::testkit::{code_race, refresh_race};
use ciam_oauth::validate::Validator;
use futures_util::future::join_all;
use http::{Request, StatusCode};
use serde_json::Value;
use time::Duration;

use crate::postgres_support::Schema;
use crate::support::{other_tenant, spawn, test_service, unique};

const ISSUER: &str = "https://id.example";
const CALLBACK: &str = "https://app.example/cb";
/// The verifier of RFC 7636, appendix B, and its challenge.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Nodes {
    clock: Arc<ManualClock>,
    ports: Vec<Ports>,
    servers: Vec<AuthorizationServer>,
    _schema: Schema,
}

impl Nodes {
    /// Two nodes; `None`, said in a line, where a service is missing.
    async fn start() -> Option<Self> {
        let (schema, redis) = (Schema::new()?, test_service("CIAM_TEST_REDIS_URL")?);
        let options = RedisOptions::default().with_prefix(unique("ciam-test"));
        let tenant = other_tenant();
        // Redis counts by its own clock, and the test by one that it can advance.
        let clock = Arc::new(ManualClock::new(SystemClock::new().now()));
        let (mut ports, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let short = RedisDatabase::open(&redis, options.clone()).await.unwrap();
            let node = node(&schema, &short, tenant, &clock).await;
            let server = AuthorizationServer::builder(node.clone())
                .issuer(ISSUER.parse().unwrap())
                .interaction_url("/interaction/")
                .scope(SupportedScope::new("orders:read".parse().unwrap(), "See your orders"))
                .build()
                .await
                .unwrap();
            ports.push(node);
            servers.push(server);
        }
        let app = Client::public("app".parse().unwrap())
            .first_party()
            .with_redirect_uri(CALLBACK.parse().unwrap())
            .with_grant(GrantType::AuthorizationCode)
            .with_grant(GrantType::RefreshToken)
            .with_scopes("orders:read".parse().unwrap());
        servers[0].clients().register(app).await.unwrap();
        Some(Self { clock, ports, servers, _schema: schema })
    }

    /// Signs somebody in at one node. The cookie of the browser.
    async fn sign_in(&self, node: usize) -> String {
        let ports = &self.ports[node];
        let id = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
        let mut account = Account::new(id, ports.now());
        account.status = AccountStatus::Active;
        let batch = Batch::new().write(Write::PutAccount(account));
        assert!(ports.store().commit(batch).await.unwrap().is_applied());
        let account = ports.store().account(id).await.unwrap().unwrap();
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], ports.now());
        let context = AuthenticationContext::new([proof]);
        let started = self.servers[node].sessions().start(&account, context, None, None).await.unwrap();
        let cookie = started.cookie.set_cookie(None).unwrap();
        cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// Authorizes at one node.
    async fn authorize(&self, node: usize, cookie: &str) -> String {
        let path = format!(
            "/authorize?response_type=code&client_id=app&redirect_uri={CALLBACK}&scope=orders:read\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&prompt=none"
        );
        let request = Request::get(path).header("cookie", cookie).body(Bytes::new()).unwrap();
        let response = self.servers[node].handle(request, &peer()).await;
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn code(&self, node: usize, cookie: &str) -> String {
        let location = self.authorize(node, cookie).await;
        let (_, query) = location.split_once("code=").unwrap_or_else(|| panic!("no code: {location}"));
        query.split('&').next().unwrap().to_owned()
    }

    async fn token(&self, node: usize, form: &str) -> (StatusCode, Value) {
        let request = Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("client_id=app&{form}")));
        let response = self.servers[node].handle(request.unwrap(), &peer()).await;
        (response.status(), serde_json::from_slice(response.body()).unwrap())
    }

    async fn exchange(&self, node: usize, code: &str) -> (StatusCode, Value) {
        let form = "grant_type=authorization_code";
        self.token(node, &format!("{form}&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}"))
            .await
    }

    async fn refresh(&self, node: usize, token: &str) -> (StatusCode, Value) {
        self.token(node, &format!("grant_type=refresh_token&refresh_token={token}")).await
    }

    async fn published(&self, node: usize) -> Vec<String> {
        let jwks = self.jwks(node).await;
        let found = serde_json::to_value(&jwks).unwrap();
        let names =
            found["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned());
        names.collect()
    }

    async fn jwks(&self, node: usize) -> PublicJwkSet {
        let request = Request::get("/jwks").body(Bytes::new()).unwrap();
        let response = self.servers[node].handle(request, &peer()).await;
        serde_json::from_slice(response.body()).unwrap()
    }

    /// The name of the key that a node signs with.
    async fn signs_with(&self, node: usize) -> String {
        let signer = self.servers[node].keys().signer(Algorithm::Es256).await.unwrap();
        signer.kid().unwrap().to_owned()
    }
}

async fn node(schema: &Schema, short: &RedisDatabase, tenant: TenantId, clock: &Arc<ManualClock>) -> Ports {
    let store = Arc::new(schema.open().await.tenant(tenant, clock.clone()));
    let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
    let vault = Arc::new(LocalKeyVault::new(tenant, key));
    Ports::new(store, Arc::new(short.ephemeral(tenant)), vault).with_clock(clock.clone())
}

fn peer() -> Peer {
    Peer::new(Ipv4Addr::LOCALHOST.into())
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}"))
}

/// A code of one node is exchanged at the other, once; of a hundred requests at both nodes one wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn codes_and_refresh_tokens_are_used_once_whichever_node_is_asked() {
    let Some(nodes) = Nodes::start().await else { return };
    code_race(&nodes.ports, &spawn).await.unwrap();
    refresh_race(&nodes.ports, &spawn).await.unwrap();

    let cookie = nodes.sign_in(0).await;
    let code = nodes.code(1, &cookie).await;
    let answers = join_all((0..32).map(|number| nodes.exchange(number % 2, &code))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::OK).count(), 1);

    // Rotated at one node, replayed at the other: nothing of it is left at either.
    let code = nodes.code(0, &cookie).await;
    let (_, first) = nodes.exchange(1, &code).await;
    let (status, second) = nodes.refresh(0, text(&first, "refresh_token")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, third) = nodes.refresh(1, text(&second, "refresh_token")).await;
    assert_eq!(status, StatusCode::OK);
    nodes.clock.advance(Duration::minutes(5));
    assert_eq!(nodes.refresh(1, text(&first, "refresh_token")).await.0, StatusCode::BAD_REQUEST);
    for node in 0..2 {
        assert_eq!(nodes.refresh(node, text(&third, "refresh_token")).await.0, StatusCode::BAD_REQUEST);
        let token = text(&third, "access_token");
        assert!(nodes.servers[node].inspect(token).await.unwrap().is_none());
    }
}

/// A sign-out at one node is a sign-out at the other: no session, no refresh, no token that is active.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_signs_out_at_one_node_is_signed_out_at_the_other() {
    let Some(nodes) = Nodes::start().await else { return };
    let cookie = nodes.sign_in(0).await;
    let code = nodes.code(0, &cookie).await;
    let (_, tokens) = nodes.exchange(0, &code).await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let found = nodes.servers[1].inspect(access).await.unwrap().unwrap();
    let session = found.grant.unwrap().session;
    nodes.servers[1].sessions().end(session, SessionEnd::SignedOut).await.unwrap();
    for node in 0..2 {
        assert!(nodes.servers[node].inspect(access).await.unwrap().is_none(), "node {node}");
        assert_eq!(nodes.refresh(node, refresh).await.1["error"], "invalid_grant", "node {node}");
        let location = nodes.authorize(node, &cookie).await;
        assert!(location.contains("error=login_required"), "node {node}: {location}");
    }
}

/// A key that one node makes is published by the other before anybody signs with it, and a token of the old key is good as long as
/// it lives, wherever it was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_rotate_on_all_nodes() {
    let Some(nodes) = Nodes::start().await else { return };
    let policy = *nodes.servers[0].keys().policy();
    let old = nodes.signs_with(0).await;
    assert_eq!(old, nodes.signs_with(1).await, "nodes that start share their keys");
    // Both at once make one key between them.
    let both = nodes.servers.iter().map(|server| server.keys().rotate(Algorithm::Es256));
    for made in join_all(both).await {
        made.unwrap();
    }
    nodes.clock.advance(policy.refresh_after);
    let (here, there) = (nodes.published(0).await, nodes.published(1).await);
    assert_eq!((here.len(), &here), (2, &there));
    for node in 0..2 {
        assert_eq!(nodes.signs_with(node).await, old, "it is not known everywhere yet");
    }
    nodes.clock.advance(policy.publish_ahead - policy.refresh_after * 2);
    let cookie = nodes.sign_in(1).await;
    let code = nodes.code(1, &cookie).await;
    let (_, tokens) = nodes.exchange(1, &code).await;
    nodes.clock.advance(policy.refresh_after * 3);
    for server in &nodes.servers {
        server.keys().maintain().await.unwrap();
    }
    let new = nodes.signs_with(0).await;
    assert!(new != old && new == nodes.signs_with(1).await);
    for node in 0..2 {
        let keys = KeySet::from_jwks(nodes.ports[node].crypto(), &nodes.jwks(node).await).unwrap();
        let validator = Validator::new(ISSUER.parse().unwrap(), ISSUER, keys);
        let token = text(&tokens, "access_token");
        assert!(validator.validate(token, nodes.ports[node].now()).is_ok(), "node {node}");
        let (status, next) = nodes.refresh(node, text(&tokens, "refresh_token")).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        assert!(validator.validate(text(&next, "access_token"), nodes.ports[node].now()).is_ok());
    }
    nodes.clock.advance(policy.retire_for() + policy.refresh_after);
    for server in &nodes.servers {
        server.keys().maintain().await.unwrap();
    }
    nodes.clock.advance(policy.refresh_after);
    assert_eq!((nodes.published(0).await, nodes.published(1).await), (vec![new.clone()], vec![new]));
}
