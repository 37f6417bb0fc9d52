//! A database that does not answer is an error page and a log line, never a panic or half a record.

use std::{fs, io::Write as _, path::PathBuf};

use axum::body::Body;
use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use http::{Request, StatusCode};

use crate::{
    app::App,
    serve,
    storage::Storage,
    testing::{Browser, PASSWORD, config, mail, services, sign_in},
};

/// The server on a SQLite file of its own.
struct OnDisk {
    folder: PathBuf,
    storage: Storage,
    app: App,
}

impl OnDisk {
    async fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ciam-faults-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = config(&["--database-url", &format!("sqlite:{}/ciam.db", folder.display())]);
        let storage = Storage::open(&config).await.unwrap();
        let services = services(&config, &storage.ports).await;
        let app = serve::start_with(config, services).await.unwrap();
        Self { folder, storage, app }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("ciam.db")
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const DEMO: (&str, &str) = ("demo@example.com", "quiet-river-lantern-42");

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_visit_works_on_a_file() {
    let server = OnDisk::start("visit").await;
    let mut browser = Browser::new(&server.app);
    crate::testing::sign_up(&server.app, &mut browser, "ada@example.com").await;
    assert!(browser.get("/account").await.says("ada@example.com"));
    sign_in(&mut Browser::new(&server.app), "ada@example.com", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_database_is_an_error_page_with_a_reference() {
    let server = OnDisk::start("closed").await;
    let mut browser = Browser::new(&server.app);
    sign_in(&mut browser, DEMO.0, DEMO.1).await;
    let form = browser.get("/sign-in").await;
    assert_eq!(form.path, "/account");
    server.storage.database.close().await;

    let seen = browser.get("/account").await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.says("We will be right back") && seen.says("Reference for support"));
    assert_eq!(seen.header("retry-after"), "10");
    assert!(seen.header("content-security-policy").contains("default-src 'none'"));
    for word in ["sqlite", "database", "sqlx", "panicked"] {
        assert!(!seen.text.to_lowercase().contains(word), "the page says {word}");
    }
    let mut stranger = Browser::new(&server.app);
    let form = stranger.get("/sign-in").await;
    let seen = stranger.submit(&form, "/sign-in", &[("identifier", DEMO.0), ("password", DEMO.1)]).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stranger.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stranger.get("/healthz").await.status, StatusCode::OK);
    let authorize = "/authorize?client_id=relying-party&response_type=code";
    let seen = stranger.send(Request::get(authorize), Body::empty()).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.says("We will be right back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_an_error_page_and_leaves_nothing_half_written() {
    let server = OnDisk::start("locked").await;
    let mut browser = Browser::new(&server.app);
    let form = browser.get("/sign-up").await;
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD)];
    let verify = browser.submit(&form, "/sign-up", &fields).await;
    let (_, code) = mail(&server.app, "ada@example.com").await;

    let lock = Lock::take(&server.file());
    let seen = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{}", seen.text);
    lock.release();

    // Nothing of the account is there; the person may register again.
    let mut other = Browser::new(&server.app);
    crate::testing::sign_up(&server.app, &mut other, "ada@example.com").await;
}

/// Another process that holds the write lock.
struct Lock(std::process::Child);

impl Lock {
    fn take(file: &std::path::Path) -> Self {
        let program = "import sqlite3, sys\n\
                       db = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                       db.execute('BEGIN IMMEDIATE')\n\
                       print('locked', flush=True)\n\
                       sys.stdin.read()\n";
        let mut child = std::process::Command::new("python3")
            .args(["-c", program])
            .arg(file)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 7];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        Self(child)
    }

    fn release(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_file_is_refused_at_the_start_and_an_error_page_later() {
    let server = OnDisk::start("corrupt").await;
    let mut browser = Browser::new(&server.app);
    sign_in(&mut browser, DEMO.0, DEMO.1).await;
    server.storage.database.close().await;

    let mut file = fs::OpenOptions::new().write(true).open(server.file()).unwrap();
    file.write_all(&[0xA5; 8192]).unwrap();
    drop(file);
    let error = SqliteDatabase::open(server.file(), SqliteOptions::default()).await.unwrap_err();
    assert!(!error.to_string().is_empty());
    let config = config(&["--database-url", &format!("sqlite:{}", server.file().display())]);
    let error = Storage::open(&config).await.unwrap_err();
    assert!(format!("{error:#}").contains("cannot be used"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_its_key_does_not_start() {
    let server = OnDisk::start("key").await;
    fs::remove_file(server.folder.join("ciam.key")).unwrap();
    let config = config(&["--database-url", &format!("sqlite:{}", server.file().display())]);
    let error = Storage::open(&config).await.unwrap_err();
    assert!(error.to_string().contains("restore the key file"), "{error}");
}
