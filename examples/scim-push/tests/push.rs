//! The program, as people run it, against a service provider on a socket.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use ciam_core::actor::Actor;
use ciam_core::memory;
use ciam_core::organization::{Organizations, Slug};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::secret::Secret;
use ciam_core::session::SessionManager;
use ciam_scim::connection::{Access, Connections};
use ciam_scim::error::ScimError;
use ciam_scim::service::{Caller, ScimService, refusal};

const ONE: &str = r#"{ "users": [
    { "key": "1", "userName": "kim@corp.example", "displayName": "Kim", "emails": [{ "value": "kim@corp.example", "type": "work" }] },
    { "key": "2", "userName": "mia@corp.example" }
], "groups": [{ "key": "ops", "displayName": "Ops", "members": ["1", "2"] }] }"#;
const TWO: &str = r#"{ "users": [{ "key": "1", "userName": "kim@corp.example", "displayName": "Kim C" }],
    "groups": [{ "key": "ops", "displayName": "Ops", "members": ["1"] }] }"#;

#[derive(Clone, Debug)]
struct App {
    service: ScimService,
    connections: Connections,
    base: String,
}

async fn answer(State(app): State<App>, request: Request<Body>) -> Response {
    let header = request.headers().get("authorization").and_then(|it| it.to_str().ok());
    let token = header.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    let known = app.connections.authenticate(&Secret::new(token.to_owned())).await.unwrap();
    let Some(admitted) = known else {
        return refusal(&ScimError::status(401, "a token is needed")).map(Body::from).into_response();
    };
    let request = ciam_axum::collect(request, 1 << 20).await.unwrap();
    let response = app.service.handle(&Caller::new(&admitted.connection, &app.base), request).await;
    response.map(Body::from)
}

/// A service provider on a port of this machine: its address, and a token for it.
async fn serve() -> (String, String) {
    let ports = memory::ports();
    let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
    let password = PasswordFactor::new(&ports, hasher).await.unwrap();
    let (organizations, actor) = (Organizations::new(ports.clone()), Actor::system("test"));
    let acme = organizations.create(&actor, Slug::new("acme").unwrap(), "Acme", None).await.unwrap();
    let connections = Connections::new(ports.clone());
    let token = connections.rotate(acme.id, Access::Manage, time::Duration::ZERO, &actor).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://127.0.0.1:{}/scim/v2", listener.local_addr().unwrap().port());
    let service = ScimService::new(ports.clone(), organizations, SessionManager::new(ports), password);
    let app = App { service, connections, base: base.clone() };
    let router = Router::new().fallback(answer).with_state(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, token.expose().to_owned())
}

async fn push(folder: &Path, url: &str, token: &str, people: &str, extra: &[&str]) -> Output {
    let file = folder.join("people.json");
    std::fs::write(&file, people).unwrap();
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_scim-push")));
    command
        .args(["--url", url, "--token", token])
        .arg("--people")
        .arg(&file)
        .arg("--state")
        .arg(folder.join("state"));
    command.args(extra);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_groups_are_pushed_and_seen_off() {
    let (url, token) = serve().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("push-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let run = async |people: &str, extra: &[&str], good: bool| {
        let output = push(&folder, &url, &token, people, extra).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.success(), good, "{text} {}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let text = run(ONE, &[], true).await;
    assert!(text.contains("users: 2 created") && text.contains("members: 2 added"), "{text}");
    let text = run(ONE, &[], true).await;
    assert!(text.contains("2 unchanged") && text.contains("members: 0 added, 0 removed"), "{text}");
    assert!(run(ONE, &["--drift"], true).await.contains("3 compared, 0 differ"));
    // Half of the people would leave.
    let text = run(TWO, &["--max-leaving", "0"], false).await;
    assert!(text.contains("held: 1 of 2 in /Users"), "{text}");
    let text = run(TWO, &[], true).await;
    assert!(text.contains("1 switched off"), "{text}");
    let wrong = push(&folder, &url, "nonsense", ONE, &[]).await;
    assert!(!wrong.status.success());
    let _left = std::fs::remove_dir_all(&folder);
}
