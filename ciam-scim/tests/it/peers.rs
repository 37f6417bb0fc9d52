//! Peers written by others: `scim2-cli` as a client, `scim2-models` as an oracle for filters and patches.
//!
//! They are Python packages: `pip install scim2-cli scim2-models` into the environment that `CIAM_PYTHON` names by its
//! interpreter. Without it the suites say so on a line that begins with `SKIPPED:`; with `CIAM_REQUIRE_ALL=1` they fail.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;
use ciam_scim::profile::Profile;
use ciam_scim::service::Caller;
use http::Request;

use crate::world::World;

pub(crate) fn python() -> Option<PathBuf> {
    let named = std::env::var_os("CIAM_PYTHON").map(PathBuf::from).filter(|it| it.exists());
    if named.is_none() {
        assert!(
            std::env::var_os("CIAM_REQUIRE_ALL").is_none(),
            "CIAM_PYTHON is not set, and nothing may be skipped"
        );
        // Not `println!`, which is only shown when a test fails.
        let text = b"\nSKIPPED: CIAM_PYTHON names no Python with scim2-cli and scim2-models\n";
        std::io::stderr().write_all(text).unwrap();
    }
    named
}

/// Answers one connection, which is one request.
fn answer(mut stream: TcpStream, base: &str, world: &World, profile: Profile) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut request = Request::builder().method(words.next()?).uri(words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        request = request.header(name.trim(), value.trim());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let connection = world.directory(profile).connection;
    let caller = Caller::new(&connection, base);
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let response = runtime.block_on(world.service.handle(&caller, request.body(Bytes::from(body)).ok()?));
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", response.status().as_u16());
    for (name, value) in response.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().ok()?));
    }
    if response.status().as_u16() != 204 {
        head.push_str(&format!("content-length: {}\r\n", response.body().len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(response.body()).ok()
}

/// Serves a world on a port of this machine for as long as the process lives.
fn serve(world: World, profile: Profile) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/scim/v2", listener.local_addr().unwrap());
    let served = base.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _gone = answer(stream, &served, &world, profile);
        }
    });
    base
}

#[tokio::test]
async fn scim2_cli_finds_nothing_wrong() {
    let Some(python) = python() else { return };
    for profile in [Profile::Strict, Profile::Interop] {
        let base = serve(World::new().await, profile);
        let program = python.with_file_name("scim2");
        let output =
            Command::new(program).args(["--url", &base, "test", "-v"]).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let checks = text.lines().filter(|line| line.starts_with("SUCCESS")).count();
        let others: Vec<&str> = text
            .lines()
            .filter(|line| {
                ["ERROR", "CRITICAL", "SKIPPED", "DEVIATION", "ACCEPTABLE"]
                    .iter()
                    .any(|it| line.starts_with(it))
            })
            .collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && others.is_empty(), "{profile:?} {others:#?}\n{text}\n{errors}");
        assert!(checks > 100, "{profile:?}: only {checks} checks\n{text}");
    }
}
