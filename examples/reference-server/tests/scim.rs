//! SCIM against the server on SQLite and on PostgreSQL: what directories send, bad input and races by the suites of
//! `ciam_scim::testkit`, and `scim2-cli`, which others wrote.
//!
//! PostgreSQL is what `bash .ci/services` starts; the tool needs the Python that `CIAM_PYTHON` names. What is missing is said in
//! a line that begins with `SKIPPED:`; with `CIAM_REQUIRE_ALL=1` it is a failure.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::id::{EventId, OrganizationId};
use ciam_core::organization::Slug;
use ciam_core::outbound::{HttpClient as _, OutboundRequest};
use ciam_scim::connection::Access;
use ciam_scim::profile::Profile;
use ciam_scim::testkit::{self, InProcess, Target};
use clap::Parser as _;
use http::{Request, Response};
use reference_server::{cli::Cli, config::Config, serve, services::Services};
use tokio::sync::{oneshot, watch};

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scim-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let database = format!("sqlite:{}/ciam.db", folder.display());
    check(&["--database-url", &database]).await;
    let _left = std::fs::remove_dir_all(&folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let Ok(database) = std::env::var("CIAM_TEST_POSTGRES_URL") else {
        return skip("CIAM_TEST_POSTGRES_URL is not set; bash .ci/services starts it");
    };
    let schema = format!("ciam_scim_{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&schema);
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("config.toml");
    let key = folder.join("key").display().to_string();
    let text = format!(
        "database_url = {database:?}\nkey_file = {key:?}\n[database]\nschema = {schema:?}\nconnections = 6\n"
    );
    std::fs::write(&config, text).unwrap();
    check(&["--config", &config.display().to_string()]).await;
    let pool = sqlx::PgPool::connect(&database).await.unwrap();
    let drop = sqlx::AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {schema} CASCADE"));
    sqlx::query(drop).execute(&pool).await.unwrap();
    let _left = std::fs::remove_dir_all(&folder);
}

/// Starts the server, and runs everything against it.
async fn check(arguments: &[&str]) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (listen, issuer) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}"));
    let own = ["reference-server", "--listen", &listen, "--issuer", &issuer];
    let cli = Cli::try_parse_from([&own, arguments].concat()).unwrap();
    let config = Config::load(&cli.flags).unwrap();
    let (stop, stopped) = watch::channel(());
    let (ready, is_ready) = oneshot::channel::<Services>();
    let server = tokio::spawn(serve::serve_until(config, stopped, |app, _| {
        let _waiting = ready.send(app.services().clone());
    }));
    let services = is_ready.await.unwrap();

    let client = ReqwestHttpClient::new().unwrap();
    let over_http = OverHttp { services: services.clone(), base: format!("{issuer}/scim/v2"), client, port };
    for line in testkit::lines() {
        testkit::recorded(&over_http, &line).await.assert_right();
    }
    testkit::races(&over_http).await.assert_right();
    // A client of HTTP tidies paths up before it sends them: what is not tidy is sent without one.
    testkit::bad_input(&InProcess::new(services.scim.clone())).await.assert_right();
    testkit::searches(&InProcess::new(services.scim.clone()), 8, 150).await.assert_right();
    rate(&over_http).await;
    scim2_cli(&services, &over_http.base).await;

    drop(stop);
    server.await.unwrap().unwrap();
}

/// The server, as directories reach it.
#[derive(Debug)]
struct OverHttp {
    services: Services,
    base: String,
    client: ReqwestHttpClient,
    port: u16,
}

#[async_trait]
impl Target for OverHttp {
    fn base(&self) -> &str {
        &self.base
    }

    async fn organization(&self) -> Result<OrganizationId, PortError> {
        let ports = &self.services.ports;
        let name = EventId::generate(ports.clock(), ports.entropy())?.to_string();
        let slug = Slug::new(format!("scim-{name}")).map_err(PortError::permanent)?;
        let made = self.services.organizations.create(&Actor::system("test"), slug, "Scim", None).await;
        let organization = made.map_err(PortError::permanent)?.id;
        // Its token is there before many use it at once.
        self.token(organization, Profile::Interop).await?;
        Ok(organization)
    }

    async fn send(
        &self,
        organization: OrganizationId,
        profile: Profile,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, PortError> {
        let token = self.token(organization, profile).await?;
        let (mut parts, body) = request.into_parts();
        let token = format!("Bearer {token}").parse().map_err(PortError::permanent)?;
        parts.headers.insert(http::header::AUTHORIZATION, token);
        let (address, patience) = (SocketAddr::from(([127, 0, 0, 1], self.port)), Duration::from_secs(60));
        let request =
            OutboundRequest::new(Request::from_parts(parts, body), vec![address], patience, 16 << 20);
        self.client.send(request).await
    }
}

impl OverHttp {
    /// A token of an organization, whose connection is made with the first one.
    async fn token(&self, organization: OrganizationId, profile: Profile) -> Result<String, PortError> {
        static TOKENS: std::sync::Mutex<Vec<(OrganizationId, Profile, String)>> =
            std::sync::Mutex::new(Vec::new());
        let known = |all: &[(OrganizationId, Profile, String)]| {
            let found = all.iter().find(|it| it.0 == organization);
            found.map(|it| (it.1, it.2.clone()))
        };
        let actor = Actor::system("test");
        let before = known(&TOKENS.lock().unwrap());
        if let Some((_, token)) = before.filter(|it| it.0 == profile) {
            return Ok(token);
        }
        let connections = &self.services.connections;
        let token = connections.rotate(organization, Access::Manage, time::Duration::ZERO, &actor).await?;
        connections.configure(organization, profile, Vec::new(), &actor).await?;
        let mut all = TOKENS.lock().unwrap();
        all.retain(|it| it.0 != organization);
        all.push((organization, profile, token.expose().to_owned()));
        Ok(token.expose().to_owned())
    }
}

/// E20: Entra ID asks 25 times a second, and more, for one organization.
async fn rate(target: &OverHttp) {
    const REQUESTS: u32 = 200;
    let organization = target.organization().await.unwrap();
    let user = |n: u32| {
        let body =
            serde_json::json!({ "schemas": [ciam_scim::schema::USER], "userName": format!("user{n}") });
        let request = Request::post(format!("{}/Users", target.base));
        request.header("content-type", "application/scim+json").body(Bytes::from(body.to_string())).unwrap()
    };
    let search = |n: u32| {
        let path = format!("{}/Users?filter=userName%20eq%20%22user{n}%22", target.base);
        Request::get(path).body(Bytes::new()).unwrap()
    };
    let begin = std::time::Instant::now();
    for first in (0..REQUESTS).step_by(8) {
        let some = (first..(first + 8).min(REQUESTS)).map(|n| {
            let request = if n % 2 == 0 { user(n) } else { search(n) };
            target.send(organization, Profile::Interop, request)
        });
        for answer in futures_util::future::join_all(some).await {
            let answer = answer.unwrap();
            assert!(answer.status().is_success(), "{} {:?}", answer.status(), answer.body());
        }
    }
    let rate = f64::from(REQUESTS) / begin.elapsed().as_secs_f64();
    assert!(rate >= 25.0, "{rate:.1} requests a second");
    let said = format!("{rate:.0} requests of a directory a second\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}

async fn scim2_cli(services: &Services, base: &str) {
    let Some(python) = python() else { return };
    let organization = services.organizations.named("example").await.unwrap().unwrap();
    let actor = Actor::system("test");
    let token = services
        .connections
        .rotate(organization, Access::Manage, time::Duration::ZERO, &actor)
        .await
        .unwrap();
    let mut command = Command::new(python.with_file_name("scim2"));
    command
        .args(["--url", base, "test", "-v"])
        .env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {}", token.expose()))
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let checks = text.lines().filter(|line| line.starts_with("SUCCESS")).count();
    let others = ["ERROR", "CRITICAL", "SKIPPED", "DEVIATION", "ACCEPTABLE", "COMPLIANT"];
    let others = text.lines().filter(|line| others.iter().any(|it| line.starts_with(it))).count();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && checks > 100 && others == 0, "{checks} {others}\n{text}\n{errors}");
}

fn python() -> Option<PathBuf> {
    let named = std::env::var_os("CIAM_PYTHON").map(PathBuf::from).filter(|it| it.exists());
    if named.is_none() {
        skip("CIAM_PYTHON names no Python with scim2-cli");
    }
    named
}

fn skip(why: &str) {
    assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and CIAM_REQUIRE_ALL is set");
    // Not `println!`, which is only shown when a test fails.
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}
