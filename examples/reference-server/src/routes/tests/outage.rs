//! PostgreSQL that goes away in the middle of visits, and comes back.

use std::{fs, io::Write as _, net::SocketAddr, path::PathBuf};

use axum::body::Body;
use http::{Request, StatusCode, header::CONTENT_TYPE};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use url::Url;

use crate::{
    app::App,
    serve,
    storage::Storage,
    testing::{Browser, PASSWORD, config, services, sign_in, sign_up},
};

/// A way to a server that can be closed: whoever is on it is thrown off.
struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Gate {
    async fn before(host: String, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, mut state) = ((host.clone(), port), state.clone());
                tokio::spawn(async move {
                    if *state.borrow_and_update() {
                        let mut server = TcpStream::connect(target).await.unwrap();
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                            _ = state.changed() => {}
                        }
                    }
                });
            }
        });
        Self { address, open }
    }

    fn set(&self, open: bool) {
        self.open.send(open).unwrap();
    }
}

/// The server on PostgreSQL, in a schema of its own, behind a gate.
struct OnPostgres {
    folder: PathBuf,
    schema: String,
    url: String,
    gate: Gate,
    storage: Storage,
    app: App,
}

impl OnPostgres {
    async fn start(name: &str) -> Option<Self> {
        let Ok(url) = std::env::var("CIAM_TEST_POSTGRES_URL") else {
            assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "CIAM_TEST_POSTGRES_URL is not set");
            std::io::stderr().write_all(b"\nSKIPPED: CIAM_TEST_POSTGRES_URL is not set\n").unwrap();
            return None;
        };
        let schema = format!("ciam_server_{name}_{}", std::process::id());
        let folder = std::env::temp_dir().join(&schema);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("ciam.toml");
        // Whoever tries in vain while the database is away may be asked for more afterwards. That is another test's.
        let quiet = "[risk]\nadaptive = false\n";
        let database = format!("[database]\nschema = \"{schema}\"\nacquire_timeout = \"1s\"\n");
        fs::write(&file, database + quiet).unwrap();
        let mut through = Url::parse(&url).unwrap();
        let host = through.host_str().unwrap().to_owned();
        let gate = Gate::before(host, through.port().unwrap_or(5432)).await;
        through.set_host(Some("127.0.0.1")).unwrap();
        through.set_port(Some(gate.address.port())).unwrap();
        let key = folder.join("ciam.key").display().to_string();
        let file = file.display().to_string();
        let arguments = ["--config", &file, "--database-url", through.as_str(), "--key-file", &key];
        let config = config(&arguments);
        let storage = Storage::open(&config).await.unwrap();
        let services = services(&config, &storage.ports).await;
        let app = serve::start_with(config, services).await.unwrap();
        Some(Self { folder, schema, url, gate, storage, app })
    }

    async fn end(self) {
        self.storage.database.close().await;
        let _ = fs::remove_dir_all(&self.folder);
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_is_a_503_that_passes() {
    let Some(server) = OnPostgres::start("outage").await else { return };
    let mut browser = Browser::new(&server.app);
    sign_up(&server.app, &mut browser, "ada@example.com").await;
    let mut stranger = Browser::new(&server.app);
    let form = stranger.get("/sign-in").await;
    let fields = [("identifier", "ada@example.com"), ("password", PASSWORD)];
    assert_eq!(stranger.get("/readyz").await.status, StatusCode::OK);

    server.gate.set(false);
    for seen in [
        browser.get("/account").await,
        browser.get("/account/sessions").await,
        stranger.submit(&form, "/sign-in", &fields).await,
        stranger.get("/authorize?client_id=relying-party&response_type=code").await,
        token(&mut stranger).await,
        browser.get("/api/account/v1/profile").await,
    ] {
        if seen.status == StatusCode::NOT_FOUND {
            continue;
        }
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{}: {}", seen.path, seen.text);
        assert!(!seen.header("retry-after").is_empty(), "{}", seen.path);
        assert!(!seen.text.to_lowercase().contains("postgres"), "{}", seen.text);
    }
    assert_eq!(stranger.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stranger.get("/healthz").await.status, StatusCode::OK);

    // The same process, the same browsers: nobody has to start anything anew.
    server.gate.set(true);
    assert_eq!(stranger.get("/readyz").await.status, StatusCode::OK);
    assert!(browser.get("/account").await.says("ada@example.com"));
    sign_in(&mut stranger, "ada@example.com", PASSWORD).await;
    server.end().await;
}

async fn token(browser: &mut Browser) -> crate::testing::Seen {
    let body = "grant_type=authorization_code&code=x&client_id=relying-party&code_verifier=x&redirect_uri=x";
    let request = Request::post("/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    browser.send(request, Body::from(body)).await
}

/// A node of another machine that was started without the shared key would seal what the others cannot open.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_data_does_not_start_without_its_key() {
    let Some(server) = OnPostgres::start("key").await else { return };
    let file = server.folder.join("ciam.toml").display().to_string();
    let lost = server.folder.join("lost.key").display().to_string();
    let config = config(&["--config", &file, "--database-url", &server.url, "--key-file", &lost]);
    let error = Storage::open(&config).await.unwrap_err();
    assert!(error.to_string().contains("restore the key file"), "{error}");
    assert!(!format!("{error:#}").contains("ciam:ciam@"), "no password in the message");
    server.end().await;
}
