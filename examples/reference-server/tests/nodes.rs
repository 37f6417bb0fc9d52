//! Two servers on one PostgreSQL and one Redis: see `e2e/nodes.test.mjs` and `e2e/nodes-keys.test.mjs`.
//!
//! It needs Node with the packages of `tests/e2e`, Chromium, and the servers that `bash .ci/services` starts. What is missing
//! is said in a line that begins with `SKIPPED:`; with `CIAM_REQUIRE_ALL=1` it is a failure.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

#[test]
fn two_nodes_are_one_server() {
    run("nodes", &["relying-party", "resource-server"]);
}

/// An operator rotates the signing keys while both serve; refreshes at both at once; a sign-out at one.
#[test]
fn two_nodes_rotate_keys_race_refreshes_and_sign_out() {
    run("nodes-keys", &[]);
}

fn run(suite: &str, programs: &[&str]) {
    // One after the other: each wants the machine to itself.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let Some(needs) = Needs::look() else { return };
    if !programs.is_empty() {
        build(programs);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{suite}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let server = PathBuf::from(env!("CARGO_BIN_EXE_reference-server"));
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci-output/screenshots-nodes");
    let beside = |name: &str| server.with_file_name(name);
    let output = Command::new("node")
        .current_dir(&needs.suites)
        .args(["--test", "--test-reporter=spec", &format!("{suite}.test.mjs")])
        .stdin(Stdio::null())
        .env("CIAM_E2E_SERVER", &server)
        .env("CIAM_E2E_RELYING_PARTY", beside("relying-party"))
        .env("CIAM_E2E_RESOURCE_SERVER", beside("resource-server"))
        .env("CIAM_E2E_FOLDER", &folder)
        .env("CIAM_E2E_POSTGRES", &needs.postgres)
        .env("CIAM_E2E_REDIS", &needs.redis)
        .env("CIAM_E2E_CHROMIUM", &needs.chromium)
        .env("CIAM_E2E_OUTPUT", output)
        .env("CIAM_E2E_IMPORT", DEMO_IMPORT)
        .output()
        .unwrap();
    std::io::stdout().write_all(&output.stdout).unwrap();
    std::io::stderr().write_all(&output.stderr).unwrap();
    let _left = std::fs::remove_dir_all(&folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

struct Needs {
    suites: PathBuf,
    postgres: String,
    redis: String,
    chromium: PathBuf,
}

impl Needs {
    fn look() -> Option<Self> {
        let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
        let runs = |program: &str| {
            Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
        };
        if !runs("node") || !suites.join("node_modules/playwright-core").exists() {
            return skip("Node or the packages of tests/e2e are not installed (npm ci)");
        }
        if !runs("redis-server") {
            return skip("redis-server is not installed");
        }
        let service = |name: &str| {
            std::env::var(name)
                .ok()
                .or_else(|| skip(&format!("{name} is not set; bash .ci/services starts it")))
        };
        let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
        let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
        let chromium = named.or_else(|| places.into_iter().map(PathBuf::from).find(|path| path.exists()));
        Some(Self {
            suites,
            postgres: service("CIAM_TEST_POSTGRES_URL")?,
            redis: service("CIAM_TEST_REDIS_URL")?,
            chromium: chromium.or_else(|| skip("Chromium is not installed"))?,
        })
    }
}

fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and CIAM_REQUIRE_ALL is set");
    // Not `println!`, which is only shown when a test fails.
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
    None
}

/// The binaries of other examples, built beside this one's.
fn build(packages: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet"]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    for package in packages {
        command.args(["-p", package]);
    }
    assert!(command.status().unwrap().success(), "{packages:?} cannot be built");
}

const DEMO_IMPORT: &str = include_str!("e2e/relying-party.toml");
