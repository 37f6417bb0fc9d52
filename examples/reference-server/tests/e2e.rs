//! End-to-end suites against real processes: an independent strict client, a real browser, a killed server.
//!
//! They need Node with the packages of `tests/e2e` (`npm ci` there), and the browser suite needs Chromium. What is missing
//! is said in a line that begins with `SKIPPED:`; with `CIAM_REQUIRE_ALL=1` it is a failure.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics is a test that fails")]

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use reference_server::{i18n::Language, pages::samples::Samples, templates::Templates};

const EMAIL: &str = "e2e@example.com";
const PASSWORD: &str = "a lantern by the quiet river";
const SECRET: &str = "e2e-secret-with-&-and-%25-and-+-and-:-signs-0123456789abcdefghij";

/// A P-256 key for `private_key_jwt`: the example of RFC 7517, appendix A.2.
const PRIVATE_JWK: &str = r#"{"kty":"EC","crv":"P-256","kid":"e2e","alg":"ES256","use":"sig",
"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;

#[test]
fn openid_client_v6_is_content() {
    let Some(node) = node() else { return };
    let setting = Setting::new("openid-client");
    let _server = setting.reference_server(&import_file());
    node.run("openid-client.test.mjs", &as_client(&setting));
}

#[test]
fn openid_client_v6_signs_in_under_each_profile() {
    let Some(node) = node() else { return };
    node.run("openid-matrix.test.mjs", &[("CIAM_E2E_SERVER", env!("CARGO_BIN_EXE_reference-server"))]);
}

#[test]
fn the_configuration_for_the_plan_of_ciba_does_what_the_plan_wants() {
    let Some(node) = node() else { return };
    if !Path::new("/usr/bin/openssl").exists() {
        let _skipped: Option<()> = skip("/usr/bin/openssl is not there");
        return;
    }
    node.run("ciba-plan.test.mjs", &[("CIAM_E2E_SERVER", env!("CARGO_BIN_EXE_reference-server"))]);
}

#[test]
fn authlib_finds_nothing_wrong() {
    let (Some(node), Some(python)) = (node(), python_with("authlib")) else { return };
    let setting = Setting::new("authlib");
    let _server = setting.reference_server(&import_file());
    let python = python.to_string_lossy();
    node.run("authlib.test.mjs", &[&as_client(&setting)[..], &[("CIAM_E2E_PYTHON", &python)]].concat());
}

#[test]
fn our_relying_party_notices_whatever_is_changed_between_it_and_a_provider_of_others() {
    let Some(node) = node() else { return };
    let relying_party = built("relying-party");
    node.run("foreign-provider.test.mjs", &[("CIAM_E2E_RELYING_PARTY", &relying_party.to_string_lossy())]);
}

#[test]
fn a_service_of_others_that_speaks_openid_connect_in_a_browser() {
    beside(
        "openid-services.test.mjs",
        &["/usr/sbin/apache2", "/usr/lib/apache2/modules/mod_auth_openidc.so", "/usr/bin/openssl"],
    );
}

#[test]
fn a_person_with_a_browser_signs_up_and_uses_an_application() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("browser");
    let application = Application::start(&setting);
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "browser.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_APPLICATION", &application.url),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn an_api_asks_for_a_passkey_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("step-up");
    let application = Application::start(&setting);
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "step-up.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_APPLICATION", &application.url),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn passkeys_and_codes_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("factors");
    let _server = setting.reference_server(&import_file());
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "factors.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn a_payment_is_signed_for_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("transaction");
    let shop = format!("http://localhost:{}", free_port());
    let client = SHOP.replace("{secret}", SECRET).replace("{shop}", &shop);
    let _server = setting.reference_server(&format!("{}{client}", import_file()));
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "transaction.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_SHOP", &shop),
            ("CIAM_E2E_SECRET", SECRET),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn an_approval_on_a_phone_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("push");
    let _server = setting.reference_server(&import_file());
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "push.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn an_organization_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("organization");
    let _server = setting.reference_server(&import_file());
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "organizations.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn services_of_others_that_speak_saml_in_a_browser() {
    let apache = ["/usr/sbin/apache2", "/usr/lib/apache2/modules/mod_auth_mellon.so"];
    let shibboleth = ["/usr/lib/apache2/modules/mod_shib.so", "/usr/sbin/shibd", "/usr/bin/openssl"];
    beside("saml-services.test.mjs", &[apache.as_slice(), &shibboleth].concat());
}

#[test]
fn an_identity_provider_of_others_that_speaks_saml_in_a_browser() {
    let needed = ["/usr/bin/php", "/usr/share/simplesamlphp/www/module.php", "/usr/bin/openssl"];
    beside("saml-provider.test.mjs", &needed);
}

#[test]
fn the_people_of_a_domain_are_led_to_their_organization_in_a_browser() {
    let needed = ["/usr/bin/php", "/usr/share/simplesamlphp/www/module.php", "/usr/bin/openssl"];
    beside("saml-realm.test.mjs", &needed);
}

#[test]
fn buttons_of_providers_in_a_browser() {
    beside("providers.test.mjs", &[]);
}

/// A suite that starts the server by itself, and other software beside it.
fn beside(suite: &str, needed: &[&str]) {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    if let Some(missing) = needed.iter().find(|it| !Path::new(it).exists()) {
        let _skipped: Option<()> = skip(&format!("{missing} is not there"));
        return;
    }
    let output = workspace().join("ci-output/screenshots");
    node.run(
        suite,
        &[
            ("CIAM_E2E_SERVER", env!("CARGO_BIN_EXE_reference-server")),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn what_is_kept_about_a_person_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("privacy");
    let _server = setting.reference_server(reference_server::import::DEMO);
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "privacy.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn a_check_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("check");
    let config = "[human_check]\nkind = \"proof_of_work\"\nbits = 14\nalways = [\"sign_in\"]\n";
    let _server = setting.configured_server(&import_file(), config);
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "check.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn a_captcha_in_a_browser() {
    let (Some(node), Some(chromium)) = (node(), chromium()) else { return };
    let setting = Setting::new("captcha");
    let config = "[human_check]\nkind = \"turnstile\"\nsite_key = \"site-key-of-the-test\"\nsecret = \"none\"\n\
                  always = [\"sign_in\"]\n";
    let _server = setting.configured_server(&import_file(), config);
    let output = workspace().join("ci-output/screenshots");
    node.run(
        "captcha.test.mjs",
        &[
            ("CIAM_E2E_ISSUER", &setting.issuer),
            ("CIAM_E2E_OUTPUT", &output.to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn no_page_violates_wcag_2_2_aa() {
    let Some(node) = node() else { return };
    let Some(chromium) = chromium() else { return };
    let setting = Setting::new("axe");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    for asset in ["style.css", "mark.svg"] {
        fs::copy(assets.join(asset), setting.folder.join(asset)).unwrap();
    }
    let templates = Templates::embedded().unwrap();
    for language in Language::ALL {
        for (name, html) in Samples::new(&templates, *language).pages().unwrap() {
            // The pages are opened from the file system, where there is no root.
            let file = setting.folder.join(format!("{name}.{language}.html"));
            fs::write(file, html.replace("/assets/", "")).unwrap();
        }
    }
    node.run(
        "axe.test.mjs",
        &[
            ("CIAM_E2E_GALLERY", &setting.folder.to_string_lossy()),
            ("CIAM_E2E_OUTPUT", &workspace().join("ci-output/screenshots").to_string_lossy()),
            ("CIAM_E2E_CHROMIUM", &chromium.to_string_lossy()),
        ],
    );
}

#[test]
fn a_killed_server_loses_no_acknowledged_sign_up() {
    let Some(node) = node() else { return };
    let setting = Setting::new("kill");
    node.run(
        "kill.test.mjs",
        &[
            ("CIAM_E2E_SERVER", env!("CARGO_BIN_EXE_reference-server")),
            ("CIAM_E2E_FOLDER", &setting.folder.to_string_lossy()),
            ("CIAM_E2E_PORT", &setting.port.to_string()),
        ],
    );
}

/// What a suite needs to know to be a client of the import file.
fn as_client(setting: &Setting) -> [(&str, &str); 6] {
    [
        ("CIAM_E2E_ISSUER", &setting.issuer),
        ("CIAM_E2E_EMAIL", EMAIL),
        ("CIAM_E2E_PASSWORD", PASSWORD),
        ("CIAM_E2E_SECRET", SECRET),
        ("CIAM_E2E_RESOURCE", "http://localhost:8082"),
        ("CIAM_E2E_PRIVATE_JWK", PRIVATE_JWK),
    ]
}

/// A folder and a port of its own for one test.
struct Setting {
    folder: PathBuf,
    port: u16,
    issuer: String,
}

impl Setting {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        Self { folder, port, issuer: format!("http://localhost:{port}") }
    }

    fn reference_server(&self, import: &str) -> Program {
        self.configured_server(import, "")
    }

    /// The server with a configuration file.
    fn configured_server(&self, import: &str, config: &str) -> Program {
        let settings = self.folder.join("ciam.toml");
        fs::write(&settings, config).unwrap();
        let file = self.folder.join("import.toml");
        fs::write(&file, import).unwrap();
        let database = format!("sqlite:{}", self.folder.join("ciam.db").display());
        Program::start(
            Path::new(env!("CARGO_BIN_EXE_reference-server")),
            &self.folder,
            self.port,
            &[
                ("--config", &settings.to_string_lossy()),
                ("--listen", &format!("127.0.0.1:{}", self.port)),
                ("--issuer", &self.issuer),
                ("--database-url", &database),
                ("--import", &file.to_string_lossy()),
                ("--log-filter", "warn"),
            ],
        )
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        // What could not be removed is in the build folder, and goes with it.
        let _left = fs::remove_dir_all(&self.folder);
    }
}

/// The server with an application and an API.
struct Application {
    url: String,
    _running: [Program; 3],
}

impl Application {
    fn start(setting: &Setting) -> Self {
        let (application, api) = (free_port(), free_port());
        let (url, api_url) = (format!("http://localhost:{application}"), format!("http://localhost:{api}"));
        let import = DEMO_IMPORT.replace("{application}", &url).replace("{api}", &api_url);
        let server = setting.reference_server(&import);
        let listen = |port: u16| format!("127.0.0.1:{port}");
        let api = Program::start(
            &built("resource-server"),
            &setting.folder,
            api,
            &[("--issuer", &setting.issuer), ("--audience", &api_url), ("--listen", &listen(api))],
        );
        let application = Program::start(
            &built("relying-party"),
            &setting.folder,
            application,
            &[
                ("--issuer", &setting.issuer),
                ("--base-url", &url),
                ("--api", &api_url),
                ("--listen", &listen(application)),
            ],
        );
        Self { url, _running: [server, api, application] }
    }
}

/// A running program, killed when the test is over.
struct Program(Child);

impl Program {
    fn start(binary: &Path, folder: &Path, port: u16, arguments: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary);
        for (name, value) in arguments {
            command.arg(name).arg(value);
        }
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        // Variables of the test run are none of the program's.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CIAM_")) {
            command.env_remove(name);
        }
        let mut program = Self(command.spawn().unwrap());
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return program;
            }
            if let Some(status) = program.0.try_wait().unwrap() {
                panic!("{} stopped with {status}", binary.display());
            }
            sleep(Duration::from_millis(100));
        }
        panic!("{} does not listen", binary.display());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Node, with the packages of the suites.
struct Node(PathBuf);

impl Node {
    fn run(&self, suite: &str, variables: &[(&str, &str)]) {
        let mut command = Command::new("node");
        command.current_dir(&self.0).args(["--test", "--test-reporter=spec", suite]).stdin(Stdio::null());
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        std::io::stdout().write_all(&output.stdout).unwrap();
        std::io::stderr().write_all(&output.stderr).unwrap();
        assert!(output.status.success(), "{suite} failed:\n{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn node() -> Option<Node> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let there = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        return skip("Node is not installed");
    }
    if !["openid-client", "axe-core", "oidc-provider"]
        .iter()
        .all(|it| folder.join("node_modules").join(it).exists())
    {
        return skip("the packages of tests/e2e are not installed (npm ci)");
    }
    Some(Node(folder))
}

/// Python with a package, in the environment that `CIAM_PYTHON` names or in the one that the pipeline makes.
fn python_with(package: &str) -> Option<PathBuf> {
    let named = std::env::var_os("CIAM_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| workspace().join("target/python/bin/python"));
    let import = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if import.is_ok_and(|it| it.status.success()) {
        Some(python)
    } else {
        skip(&format!("Python with {package} is not there (CIAM_PYTHON)"))
    }
}

fn chromium() -> Option<PathBuf> {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    named
        .or_else(|| places.into_iter().map(PathBuf::from).find(|path| path.exists()))
        .or_else(|| skip("Chromium is not installed"))
}

fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and CIAM_REQUIRE_ALL is set");
    // Not `println!`, which is only shown when a test fails.
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
    None
}

/// The binary of another example, built beside this one's.
fn built(package: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_reference-server")).with_file_name(package);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--quiet", "-p", package]).current_dir(workspace()).status();
    assert!(status.unwrap().success() && binary.exists(), "{package} cannot be built");
    binary
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn import_file() -> String {
    IMPORT.replace("{secret}", SECRET).replace("{email}", EMAIL).replace("{password}", PASSWORD)
}

const IMPORT: &str = r#"
[[resources]]
id = "http://localhost:8082"
scopes = { "notes:read" = "Read your notes" }

[[accounts]]
email = "{email}"
name = "Eve Toeend"
password = "{password}"

[[clients]]
id = "e2e-public"
name = "Public client"
authentication = "none"
redirect_uris = ["http://127.0.0.1:9/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:9/signed-out"]
scopes = ["openid", "profile", "email", "offline_access"]

[[clients]]
id = "e2e-basic"
name = "Basic client"
authentication = "client_secret_basic"
secret = "{secret}"
redirect_uris = ["http://127.0.0.1:9/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:9/signed-out"]
scopes = ["openid", "profile", "email", "offline_access", "notes:read"]
resources = ["http://localhost:8082"]
grants = ["authorization_code", "refresh_token", "client_credentials"]

[[clients]]
id = "e2e-post"
name = "Post client"
authentication = "client_secret_post"
secret = "{secret}"
redirect_uris = ["http://127.0.0.1:9/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:9/signed-out"]
scopes = ["openid", "profile", "email", "offline_access"]

[[clients]]
id = "e2e-private-key-jwt"
name = "Key client"
authentication = "private_key_jwt"
jwks = { keys = [{ kty = "EC", crv = "P-256", kid = "e2e", alg = "ES256", use = "sig", x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" }] }
redirect_uris = ["http://127.0.0.1:9/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:9/signed-out"]
scopes = ["openid", "profile", "email", "offline_access", "notes:read"]
resources = ["http://localhost:8082"]
grants = ["authorization_code", "refresh_token", "client_credentials"]
"#;

const DEMO_IMPORT: &str = include_str!("e2e/relying-party.toml");

/// A client that asks people to confirm payments.
const SHOP: &str = r#"
[[clients]]
id = "shop"
name = "Shop"
authentication = "client_secret_basic"
secret = "{secret}"
redirect_uris = ["{shop}/callback"]
scopes = ["openid"]
authorization_details_types = ["payment_initiation"]
"#;
