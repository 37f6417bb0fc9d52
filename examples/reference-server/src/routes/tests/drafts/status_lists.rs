//! The status of access tokens in published lists (draft-ietf-oauth-status-list-21), from a running server to an API: over sockets,
//! with what the server does in the background.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use ciam_adapters::{http_client::ReqwestHttpClient, tokio_runtime::TokioRuntime};
use ciam_core::{entropy::SystemEntropy, jose, memory, outbound::OutboundPolicy, ports::Ports};
use ciam_oauth::{
    status_list::{StatusBits, StatusList, TokenStatus},
    validate::{
        CachingValidator, DiscoveredKeys, Requirements, ResourceRequest, ResourceServer, StatusChecker,
        StatusPolicy, TokenCachePolicy, ValidateError, Validator,
    },
};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::loaded;
use crate::{
    app::App,
    config::Config,
    privacy, serve,
    storage::Storage,
    testing::{Browser, PASSWORD, account_of, sign_in},
};

const API: &str = "https://api.example";
const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const SECRET: &str = "a-secret-of-the-shop-0123456789-0123456789-01";
/// What everybody imports, and the lists: made anew as often as one can say.
const SETTINGS: &str = "
[oauth.status_lists]
ttl = \"1s\"
rebuild_after = \"1s\"
capacity = 1024
";

fn imported() -> String {
    let people: String = [ADA, EVE]
        .iter()
        .map(|it| format!("[[accounts]]\nemail = \"{it}\"\nname = \"Somebody\"\npassword = \"{PASSWORD}\"\n"))
        .collect();
    format!(
        "[[clients]]\nid = \"shop\"\nname = \"Shop\"\nfirst_party = true\nauthentication = \"client_secret_basic\"\n\
         secret = \"{SECRET}\"\nredirect_uris = [\"https://shop.example/callback\"]\n\
         grants = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\n\
         scopes = [\"openid\", \"offline_access\", \"read\", \"stock\"]\nresources = [\"{API}\", \"https://alone.example\"]\n\
         [[resources]]\nid = \"{API}\"\nscopes = {{ read = \"Read\" }}\n\
         [[resources]]\nid = \"https://alone.example\"\nscopes = {{ stock = \"Look at the stock\" }}\nstatus_list = false\n{people}"
    )
}

/// Where servers keep what they know.
struct Place {
    folder: PathBuf,
    issuer: SocketAddr,
    settings: String,
}

impl Place {
    fn new(name: &str, database: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ciam-status-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("import.toml"), imported()).unwrap();
        let issuer = free_address();
        let settings = format!(
            "issuer = \"http://localhost:{}\"\nkey_file = {:?}\nimport = [{:?}]\ndemo = false\n{database}{SETTINGS}",
            issuer.port(),
            folder.join("shared.key").to_str().unwrap(),
            folder.join("import.toml").to_str().unwrap(),
        );
        Self { folder, issuer, settings }
    }

    /// In a file.
    fn in_a_file(name: &str) -> Self {
        let file =
            std::env::temp_dir().join(format!("ciam-status-{name}-{}", std::process::id())).join("ciam.db");
        Self::new(name, &format!("database_url = \"sqlite:{}\"\n", file.display()))
    }

    fn issuer(&self) -> String {
        format!("http://localhost:{}", self.issuer.port())
    }

    fn config(&self, listen: SocketAddr) -> Config {
        let name = format!("status-{}", listen.port());
        loaded(&name, &format!("listen = \"{listen}\"\n{}", self.settings)).unwrap()
    }

    async fn node(&self, listen: SocketAddr) -> Node {
        let (stop, stopped) = watch::channel(());
        let (ready, is_ready) = oneshot::channel();
        let config = self.config(listen);
        let task = tokio::spawn(serve::serve_until(config, stopped, |app, _| _ = ready.send(app.clone())));
        let Ok(app) = is_ready.await else { panic!("{:?}", task.await) };
        Node { app, address: listen, stop, task }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A running server, with all that it does in the background.
struct Node {
    app: App,
    address: SocketAddr,
    stop: watch::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

/// An answer, read whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Node {
    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }

    /// A request over a socket, by the name that the server has for everybody.
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        // The second time it is there already.
        let _there = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let host = self.app.config().issuer.as_str().split_once("://").unwrap().1;
        let mut request =
            client.request(method, format!("http://{}{path}", self.address)).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let basic = format!("Basic {}", base64(&format!("shop:{SECRET}")));
        let headers = [("authorization", &*basic), ("content-type", "application/x-www-form-urlencoded")];
        self.ask(Method::POST, path, &headers, body).await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Value {
        let answer = self.post("/token", form).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// The shop's own token, for no person.
    async fn own(&self, resource: &str, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", resource)];
        self.token(&form).await["access_token"].as_str().unwrap().to_owned()
    }

    /// A token of somebody who signs in, and their browser. What follows the scope may be more of the request.
    async fn of(&self, email: &str, scope: &str) -> (Browser, String) {
        let mut browser = Browser::new(&self.app);
        sign_in(&mut browser, email, PASSWORD).await;
        let path = format!(
            "/authorize?client_id=shop&redirect_uri=https://shop.example/callback&response_type=code&state=s\
             &scope={scope}&code_challenge_method=S256\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let back = browser.get(&path).await;
        let target = back.location().unwrap_or_else(|| panic!("{} {}", back.path, back.text));
        let target = url::Url::parse(target).unwrap();
        let code = target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", "https://shop.example/callback"),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            ("code", &code),
        ];
        let tokens = self.token(&form).await;
        (browser, tokens["access_token"].as_str().unwrap().to_owned())
    }

    async fn list(&self, token: &str, headers: &[(&str, &str)]) -> Answer {
        let uri = claims(token)["status"]["status_list"]["uri"].as_str().unwrap().to_owned();
        let path = uri.strip_prefix(self.app.config().issuer.as_str()).unwrap().to_owned();
        self.ask(Method::GET, &path, headers, String::new()).await
    }

    /// What the list of this node says of a token.
    async fn status(&self, token: &str) -> TokenStatus {
        let list = self.list(token, &[]).await;
        assert_eq!(list.status, StatusCode::OK, "{}", list.text);
        let said = claims(&list.text);
        let bits = StatusBits::from_count(said["status_list"]["bits"].as_u64().unwrap()).unwrap();
        let text = said["status_list"]["lst"].as_str().unwrap();
        let index = claims(token)["status"]["status_list"]["idx"].as_u64().unwrap();
        let list = StatusList::decompress(bits, text, 1 << 20).unwrap();
        list.get(usize::try_from(index).unwrap()).unwrap()
    }

    /// Waits until the list of this node says this of a token.
    async fn says(&self, token: &str, expected: TokenStatus) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while self.status(token).await != expected {
            assert!(tokio::time::Instant::now() < until, "{:?}", self.status(token).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn claims(token: &str) -> Value {
    let payload = ciam_core::encoding::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// An API that fetches keys and lists over the network, and asks nobody about a token.
struct Api {
    server: ResourceServer,
}

impl Api {
    fn new(place: &Place) -> Self {
        let policy = OutboundPolicy::default().dangerous_trust_host("localhost", place.issuer.port());
        let ports: Ports = memory::ports()
            .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
            .with_http_client(Arc::new(ReqwestHttpClient::new().unwrap()))
            .with_outbound_policy(policy);
        let issuer: ciam_oauth::issuer::Issuer = place.issuer().parse().unwrap();
        let mut often = StatusPolicy::default();
        often.cooldown = time::Duration::ZERO;
        let validator = Validator::new(issuer.clone(), API, DiscoveredKeys::new(ports.clone(), issuer))
            .with_status_checks(StatusChecker::with_policy(ports.clone(), often));
        let caching =
            CachingValidator::new(validator, TokenCachePolicy::default(), &SystemEntropy::new()).unwrap();
        Self { server: ResourceServer::new(ports, API).with_caching_validator(caching) }
    }

    async fn admits(&self, token: &str) -> Result<(), ValidateError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let request = ResourceRequest::new(&Method::GET, "/things", &headers);
        let wants = Requirements::new().with_scopes("read".parse().unwrap());
        match self.server.admit(&request, &wants).await {
            Ok(_) => Ok(()),
            Err(refused) => {
                assert_eq!(refused.status(), refused.error.status());
                Err(refused.error)
            }
        }
    }

    /// Waits until it does not let a token in that it has let in.
    async fn refuses(&self, token: &str) -> ValidateError {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.admits(token).await {
                Err(error) => return error,
                Ok(()) => assert!(tokio::time::Instant::now() < until, "it is let in for ever"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Section 8: how a list is published, and that it is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_published_for_everybody() {
    let place = Place::in_a_file("published");
    let node = place.node(place.issuer).await;
    let token = node.own(API, "read").await;
    let list = node.list(&token, &[("accept", "application/statuslist+jwt")]).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.text);
    assert_eq!(list.headers["content-type"], "application/statuslist+jwt");
    assert_eq!(list.headers["cache-control"], "public, max-age=1");
    assert_eq!(list.headers["vary"], "Accept");
    assert_eq!(list.headers["access-control-allow-origin"], "*");
    assert_eq!(list.headers.get("set-cookie"), None);
    let said = claims(&list.text);
    assert_eq!((&said["iss"], &said["ttl"]), (&json!(place.issuer()), &json!(1)));
    assert_eq!(said["sub"], claims(&token)["status"]["status_list"]["uri"]);
    let header: Value = serde_json::from_slice(
        &ciam_core::encoding::base64url::decode(list.text.split('.').next().unwrap()).unwrap(),
    )
    .unwrap();
    assert_eq!(header["typ"], "statuslist+jwt");
    let jwks = node.ask(Method::GET, "/jwks", &[], String::new()).await;
    let jwks: Value = serde_json::from_str(&jwks.text).unwrap();
    let keys = jose::PublicJwkSet::try_from(jwks).unwrap();
    let keys = jose::KeySet::from_jwks(&*ciam_core::crypto::ring(), &keys).unwrap();
    let verifier =
        jose::Verifier::new(jose::AlgorithmSet::ASYMMETRIC, jose::TokenType::exactly("statuslist+jwt"));
    assert!(verifier.verify(&list.text, &keys).is_ok());
    let tag = list.headers["etag"].to_str().unwrap().to_owned();
    let known = node.list(&token, &[("if-none-match", &tag)]).await;
    assert!(known.status == StatusCode::NOT_MODIFIED || known.headers["etag"] != list.headers["etag"]);
    let other = node.list(&token, &[("accept", "application/statuslist+cwt")]).await;
    assert_eq!(other.status, StatusCode::NOT_ACCEPTABLE);
    for (path, status) in [("/status", 404), ("/status/", 404), ("/status/no-such-list", 404)] {
        assert_eq!(node.ask(Method::GET, path, &[], String::new()).await.status, status, "{path}");
    }
    // Who does not look there has no place there: the resource that says so, and this server itself.
    assert!(claims(&node.own("https://alone.example", "stock").await).get("status").is_none());
    let (_, of_server) = node.of(ADA, &format!("openid&resource={}", place.issuer())).await;
    assert!(claims(&of_server).get("status").is_none());
    node.stop().await;
}

/// What ends takes its tokens along: by the token, the session, and the account that somebody erases.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_learns_of_everything_that_ends() {
    let place = Place::in_a_file("ends");
    let node = place.node(place.issuer).await;
    let api = Api::new(&place);
    let (mut browser, of_session) = node.of(ADA, &format!("openid+read&resource={API}")).await;
    let (_, offline) = node.of(ADA, &format!("openid+read+offline_access&resource={API}")).await;
    let (_, of_eve) = node.of(EVE, &format!("openid+read&resource={API}")).await;
    let own = node.own(API, "read").await;
    for token in [&of_session, &offline, &of_eve, &own] {
        assert_eq!(api.admits(token).await, Ok(()));
        assert_eq!(node.status(token).await, TokenStatus::Valid);
    }
    assert_eq!(node.post("/revoke", &[("token", &own)]).await.status, StatusCode::OK);
    assert_eq!(api.refuses(&own).await, ValidateError::Revoked);
    assert_eq!(node.status(&own).await, TokenStatus::Invalid);
    for token in [&of_session, &offline, &of_eve] {
        assert_eq!(api.admits(token).await, Ok(()), "nothing of it ended");
    }

    let page = browser.get("/account").await;
    browser.submit(&page, "/sign-out", &[]).await;
    assert_eq!(api.refuses(&of_session).await, ValidateError::Revoked);
    assert_eq!(api.admits(&offline).await, Ok(()), "it was to outlive the session");

    let ada = account_of(&node.app, ADA).await.to_string();
    privacy::erase(node.app.ports(), &ada, "asked".to_owned()).await.unwrap();
    assert_eq!(api.refuses(&offline).await, ValidateError::Revoked);
    assert_eq!(node.status(&offline).await, TokenStatus::Invalid);
    assert_eq!(api.admits(&of_eve).await, Ok(()), "another's");
    node.stop().await;
}

/// What happened while no server ran is in the outbox, and in the list when one runs again.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_no_revocation() {
    let place = Place::in_a_file("restart");
    let node = place.node(place.issuer).await;
    let (_, of_ada) = node.of(ADA, &format!("openid+read+offline_access&resource={API}")).await;
    let (_, of_eve) = node.of(EVE, &format!("openid+read&resource={API}")).await;
    let ada = account_of(&node.app, ADA).await.to_string();
    assert_eq!(node.status(&of_ada).await, TokenStatus::Valid);
    node.stop().await;
    // By the command of the operator, which delivers nothing itself.
    let storage = Storage::open(&place.config(place.issuer)).await.unwrap();
    privacy::erase(&storage.ports, &ada, "asked".to_owned()).await.unwrap();
    storage.database.close().await;
    storage.keys.close().await;

    let node = place.node(place.issuer).await;
    let api = Api::new(&place);
    assert_eq!(api.refuses(&of_ada).await, ValidateError::Revoked);
    assert_eq!(api.admits(&of_eve).await, Ok(()), "the lists are the same as before");
    node.stop().await;
}

/// What one node ends is in the list of the other: on PostgreSQL and Redis.
#[tokio::test(flavor = "multi_thread")]
async fn another_node_publishes_the_same() {
    let (Ok(postgres), Ok(redis)) =
        (std::env::var("CIAM_TEST_POSTGRES_URL"), std::env::var("CIAM_TEST_REDIS_URL"))
    else {
        assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "PostgreSQL or Redis is not named");
        use std::io::Write as _;
        std::io::stderr().write_all(b"\nSKIPPED: CIAM_TEST_POSTGRES_URL and CIAM_TEST_REDIS_URL\n").unwrap();
        return;
    };
    let schema = format!("ciam_status_{}", std::process::id());
    let stores = format!(
        "database_url = \"{postgres}\"\n[database]\nschema = \"{schema}\"\nconnections = 4\n\
         [ephemeral]\nurl = \"{redis}\"\nprefix = \"{schema}\"\n"
    );
    let place = Place::new("nodes", &stores);
    let one = place.node(place.issuer).await;
    let two = place.node(free_address()).await;
    let api = Api::new(&place);
    let (mut browser, of_ada) = one.of(ADA, &format!("openid+read&resource={API}")).await;
    let (own, others) = (one.own(API, "read").await, two.own(API, "read").await);
    assert_ne!(claims(&own)["status"], claims(&others)["status"], "no two have the same place");
    for token in [&of_ada, &own, &others] {
        assert_eq!(api.admits(token).await, Ok(()));
        assert_eq!(two.status(token).await, TokenStatus::Valid);
    }
    assert_eq!(one.post("/revoke", &[("token", &own)]).await.status, StatusCode::OK);
    two.says(&own, TokenStatus::Invalid).await;
    let page = browser.get("/account").await;
    browser.submit(&page, "/sign-out", &[]).await;
    two.says(&of_ada, TokenStatus::Invalid).await;
    assert_eq!(two.post("/revoke", &[("token", &others)]).await.status, StatusCode::OK);
    for token in [&own, &of_ada, &others] {
        one.says(token, TokenStatus::Invalid).await;
        assert_eq!(api.refuses(token).await, ValidateError::Revoked);
    }
    one.stop().await;
    two.stop().await;
    let mut connection = PgConnection::connect(&postgres).await.unwrap();
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn nothing_is_listed_unless_configured() {
    let app = crate::testing::app(&[]).await;
    let config = app.services().server.config();
    assert!(config.status_lists.is_none());
    assert_eq!(Browser::new(&app).get("/status/x").await.status, StatusCode::NOT_FOUND);
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    for (wrong, why) in [
        ("capacity = 1000", "power of four"),
        ("ttl = \"2h\"", "kept for"),
        ("open_for = \"2d\"", "open for"),
        ("rebuild_after = \"2m\"", "made anew"),
    ] {
        let said = loaded("status-wrong", &format!("[oauth.status_lists]\n{wrong}\n")).unwrap_err();
        assert!(said.contains("status_lists") && said.contains(why), "{wrong}: {said}");
    }
    let read = loaded("status-right", "[oauth.status_lists]\nsuspension = false\n").unwrap();
    let settings = read.oauth.status_lists.unwrap();
    assert_eq!((settings.bits, settings.capacity), (StatusBits::One, 65_536));
}
