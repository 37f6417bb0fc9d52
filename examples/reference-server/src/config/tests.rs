use std::fs;

use clap::Parser as _;

use super::*;
use crate::cli::Cli;

fn load(arguments: &[&str]) -> Result<Config, Vec<String>> {
    let cli = Cli::try_parse_from([&["x"], arguments].concat()).unwrap();
    Config::load(&cli.flags).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ciam-config-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn without_arguments_it_is_the_demo_on_localhost() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.issuer.as_str(), "http://localhost:8080");
    assert_eq!(config.mode, Mode::Development);
    assert_eq!(config.database.to_string(), "ciam.db");
    assert_eq!(config.key_file, PathBuf::from("ciam.key"));
    assert!(matches!(config.mail, Mail::Catcher));
    assert!(config.demo && config.imports.len() == 1 && config.ui.sign_up);
}

#[test]
fn the_issuer_follows_the_port() {
    assert_eq!(load(&["--listen", "0.0.0.0:9000"]).unwrap().issuer.as_str(), "http://localhost:9000");
}

#[test]
fn a_flag_comes_before_the_file_and_paths_are_relative_to_the_file() {
    let folder = Folder::new("layers");
    folder.file("theme.css", ":root {}");
    folder.file("more.toml", "");
    let text =
        "listen = \"127.0.0.1:1\"\nimport = [\"more.toml\"]\n[ui]\nname = \"File\"\ntheme = \"theme.css\"\n";
    let file = folder.file("ciam.toml", text);
    let config = load(&["--config", &file, "--product-name", "Flag"]).unwrap();
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.ui.product, "Flag");
    assert_eq!(config.ui.theme.as_deref(), Some(":root {}"));
    assert!(!config.demo, "an import takes the place of the demo");
    assert_eq!(config.imports.len(), 1);
}

#[test]
fn a_public_issuer_means_production_and_production_needs_mail() {
    let refused = load(&["--issuer", "https://id.example"]).unwrap_err();
    assert_eq!(refused, ["--smtp-url: is needed in production mode: mail must go out"]);
    let config = load(&[
        "--issuer",
        "https://id.example",
        "--smtp-url",
        "smtps://me:hunter2@mail.example",
        "--mail-from",
        "me@id.example",
    ])
    .unwrap();
    assert_eq!((config.mode, config.demo), (Mode::Production, false));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn each_mistake_is_named_by_its_flag() {
    for (arguments, expected) in [
        (&["--listen", "localhost"][..], "--listen: `localhost` must be an IP address and a port"),
        (&["--issuer", "id.example"], "--issuer: `id.example` must be a URL"),
        (&["--issuer", "http://id.example"], "--issuer: `http://id.example` must be https"),
        (&["--issuer", "https://id.example/"], "--issuer: `https://id.example/` must be a plain origin"),
        (&["--issuer", "https://id.example/a"], "--issuer: `https://id.example/a` must be a plain origin"),
        (&["--issuer", "https://ID.example"], "--issuer: `https://ID.example` must be a plain origin"),
        (&["--issuer", "https://id.example:443"], "--issuer: `https://id.example:443` must be a plain"),
        (&["--issuer", "https://a@id.example"], "--issuer: `https://a@id.example` must be"),
        (&["--issuer", "ftp://localhost"], "--issuer: `ftp://localhost` must be https"),
        (&["--mode", "test"], "--mode: `test` must be development or production"),
        (&["--mode", "development", "--issuer", "https://id.example"], "--mode: development mode shows"),
        (&["--database-url", "mysql://me:pw@db/x"], "--database-url: must be sqlite:PATH or postgres:"),
        (&["--database-url", "postgres://me:pw@db"], "--database-url: must name a host and a database"),
        (
            &["--database-url", "postgres:///x?password=pw@"],
            "--database-url: must name a host and a database",
        ),
        (&["--ephemeral-url", "memcached://u:secret@h"], "--ephemeral-url: must be redis://"),
        (&["--ephemeral-url", "redis://"], "--ephemeral-url: must be redis://"),
        (&["--ephemeral-prefix", "shop"], "--ephemeral-prefix: is of use with --ephemeral-url only"),
        (
            &["--ephemeral-url", "redis://h", "--ephemeral-prefix", "a:b"],
            "--ephemeral-prefix: must be 1 to 64 letters",
        ),
        (&["--nats-url", "amqp://u:secret@h"], "--nats-url: must be nats://"),
        (
            &["--nats-url", "nats://h", "--nats-stream", "a.b"],
            "--nats-url: the stream must be 1 to 64 letters",
        ),
        (&["--nats-stream", "SHOP"], "--nats-stream: is of use with --nats-url only"),
        (&["--database-connections", "0"], "--database-connections: must be 1 to 1000"),
        (&["--database-url", "sqlite::memory:"], "--database-url: must be sqlite:PATH, with"),
        (&["--database-url", "sqlite:x?mode=ro"], "--database-url: must be sqlite:PATH, with"),
        (&["--smtp-url", "smtps://mail.example"], "--smtp-url: needs a sender"),
        (&["--smtp-url", "mail.example", "--mail-from", "a@b"], "--smtp-url: a mail server's URL"),
        (&["--product-name", " "], "--product-name: must have 1 to 60"),
        (&["--theme", "/nonexistent.css"], "--theme: cannot read `/nonexistent.css`"),
        (&["--trusted-proxies", "10.0.0.0/8"], "--trusted-proxies: `10.0.0.0/8` must be an IP"),
        (&["--log-format", "xml"], "--log-format: `xml` must be text or json"),
        (&["--log-filter", "a=b=c"], "--log-filter: `a=b=c` is not a log filter"),
        (&["--import", "/nonexistent.toml"], "/nonexistent.toml: No such file"),
        (&["--config", "/nonexistent.toml"], "/nonexistent.toml: No such file"),
        (
            &["--demo", "true", "--mode", "production", "--smtp-url", "smtp://a", "--mail-from", "a@b"],
            "--demo: the",
        ),
    ] {
        let found = load(arguments).map(|_| ()).expect_err(&format!("{arguments:?}"));
        assert!(found.iter().any(|it| it.starts_with(expected)), "{arguments:?}\n  gave {found:?}");
        assert!(!found.iter().any(|it| it.contains("pw@")), "a password is never repeated");
    }
}

#[test]
fn a_database_server_is_named_without_its_password() {
    let folder = Folder::new("postgres");
    let file = folder
        .file("ciam.toml", "[database]\nschema = \"shop\"\nconnections = 7\nstatement_timeout = \"3s\"\n");
    let url = "postgres://me:hunter2@db.example:5433/accounts?sslmode=require";
    let config = load(&["--config", &file, "--database-url", url]).unwrap();
    assert_eq!(config.database.to_string(), "postgres://db.example/accounts, schema shop");
    assert_eq!(config.key_file, PathBuf::from("ciam.key"));
    assert!(!format!("{config:?}").contains("hunter2"));
    let Database::Postgres { options, .. } = config.database else { panic!("not PostgreSQL") };
    assert_eq!((options.max_connections, options.statement_timeout.as_secs()), (7, 3));
}

#[test]
fn each_mistake_is_named_by_its_line_and_key() {
    let folder = Folder::new("lines");
    for (text, expected) in [
        ("listen = \"x\"\n", ":1: listen: `x` must be an IP"),
        ("\n\nlisten = 8080\n", ":3: listen: invalid type"),
        ("[mail]\nsmtp = \"x\"\n", ":2: mail.smtp: unknown field `smtp`"),
        ("[sessions]\n\nidle = \"31d\"\nlifetime = \"30d\"\n", ":3: sessions.idle: must not be longer"),
        ("[sessions]\nidle = \"1 day\"\n", ":2: sessions.idle: must be a duration"),
        ("[database]\nschema = \"a-b\"\n", ":2: database.schema: must be lower-case"),
        ("[database]\npool = 1\n", ":2: database.pool: unknown field"),
        ("[keys]\nrotate_after = \"1d\"\n", ":2: keys.rotate_after: must be at least 2d"),
        (
            "[dns]\nservers = [\"127.0.0.1\"]\n",
            ":2: dns.servers[0]: `127.0.0.1` must be an IP address with a port",
        ),
        ("[http]\ntrusted_proxies = [\"::1\",\n \"x\"]\n", ":3: http.trusted_proxies[1]: `x` must be an IP"),
        ("issuer = \n", ":1: "),
    ] {
        let file = folder.file("ciam.toml", text);
        let found = load(&["--config", &file]).map(|_| ()).expect_err(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{file}{expected}")), "{text}\n  gave {found:?}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let found = load(&["--listen", "x", "--log-format", "xml", "--product-name", ""]).unwrap_err();
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn an_origin_knows_its_parts() {
    let origin = load(&["--issuer", "http://localhost:8080"]).unwrap().issuer;
    assert_eq!(origin.authority(), "localhost:8080");
    assert_eq!(origin.join("/x"), "http://localhost:8080/x");
    assert!(origin.is_loopback() && !origin.is_https());
}

#[test]
fn a_limit_of_sessions_makes_sense_or_is_refused() {
    let folder = Folder::new("limit");
    let with = |text: &str| load(&["--config", &folder.file("config.toml", text)]);
    for (text, reason) in [
        ("[sessions]\nmost = 0", "must be at least 1"),
        ("[sessions]\nmost = 3\nat_limit = \"both\"", "must be end_oldest or refuse"),
        ("[sessions]\nat_limit = \"refuse\"", "means nothing without"),
    ] {
        let problems = with(text).unwrap_err();
        assert!(problems.iter().any(|it| it.contains(reason)), "{text}: {problems:?}");
    }
    assert_eq!(with("[sessions]\nmost = 3\nat_limit = \"refuse\"").unwrap().sessions.limit.unwrap().most, 3);
}

#[test]
fn retention_rules_are_read_and_contradictions_refused() {
    let folder = Folder::new("retention");
    let day = time::Duration::days;
    let text = "[retention]\nunverified = \"7d\"\ninactive = \"700d\"\nwarning = \"14d\"\naudit = \"400d\"\n";
    let policy = load(&["--config", &folder.file("ciam.toml", text)]).unwrap().retention;
    let inactive = policy.inactive.unwrap();
    assert_eq!((policy.unverified, policy.audit), (Some(day(7)), Some(day(400))));
    assert_eq!((inactive.close_after, inactive.warning, inactive.grace), (day(700), day(14), day(30)));
    let policy = load(&[]).unwrap().retention;
    assert_eq!((policy.unverified, policy.inactive, policy.audit), (Some(day(30)), None, None));
    for (text, expected) in [
        ("warning = \"14d\"", "2: retention.warning: means nothing without `inactive`"),
        ("grace = \"14d\"", "2: retention.grace: means nothing without `inactive`"),
        ("inactive = \"30d\"", "2: retention.inactive: must be longer than the warning"),
        ("inactve = \"30d\"", "retention.inactve: unknown field"),
    ] {
        let file = folder.file("bad.toml", &format!("[retention]\n{text}\n"));
        let found = load(&["--config", &file]).map(|_| ()).unwrap_err();
        assert!(found.iter().any(|it| it.contains(expected)), "{text}\n  gave {found:?}");
    }
}

#[test]
fn a_provider_to_sign_in_with_is_known_or_described_and_nothing_that_was_said_is_left_out() {
    let folder = Folder::new("providers");
    let load_with = |first: &str, text: &str| {
        let text = format!("{first}[[upstream]]\nname = \"it\"\nclient_id = \"web\"\n{text}\n");
        load(&["--config", &folder.file("ciam.toml", &text)])
    };
    let known = load_with(
        "",
        "provider = \"keycloak\"\nclient_secret = \"s\"\nvalues = { host = \"login.example\", realm = \"staff\" }",
    );
    assert_eq!(known.unwrap().upstreams[0].label, "Keycloak");
    let described = "issuer = \"https://forge.example\"\n[upstream.oauth]\ntoken_endpoint = \"https://forge.example/token\"\n\
                     profile = \"https://forge.example/me\"\nauthorization_endpoint = ";
    let with = |more: &str| format!("{described}{more}");
    assert!(load_with("", &with("\"https://forge.example/authorize\"")).is_ok());
    let local = described.replace("https://forge.example", "http://localhost:9999")
        + "\"http://localhost:9999/authorize\"";
    let config = load_with("", &local).unwrap();
    assert!(config.upstreams[0].addresses().contains(&"http://localhost:9999/token"));
    for (text, expected) in [
        ("".to_owned(), "issuer: is missing"),
        ("issuer = \"http://login.example\"".to_owned(), "must be an https URL"),
        ("provider = \"nobody\"".to_owned(), "`nobody` is none of amazon, apple"),
        (
            "provider = \"google\"\nissuer = \"https://accounts.google.com\"".to_owned(),
            "is known of a well-known",
        ),
        ("provider = \"keycloak\"\nclient_secret = \"s\"".to_owned(), "values: `host` is missing"),
        ("provider = \"google\"\nvalues = { host = \"x\" }".to_owned(), "the provider has no `host`"),
        (
            "provider = \"github\"\nclient_secret = \"s\"\ntenants = [\"x\"]".to_owned(),
            "the provider has no tenants",
        ),
        ("provider = \"microsoft\"\nclient_secret = \"s\"\ntenants = [\"x\"]".to_owned(), "tenants"),
        (
            "provider = \"github\"\nclient_secret = \"s\"\nhosted_domains = [\"*\"]".to_owned(),
            "no hosted domains",
        ),
        ("provider = \"apple\"\nclient_secret = \"s\"".to_owned(), "another credential"),
        ("provider = \"apple\"\nkey_file = \"none.p8\"".to_owned(), "needs `key_id` and `team`"),
        (
            "provider = \"apple\"\nkey_file = \"none.p8\"\nkey_id = \"K\"\nteam = \"T\"".to_owned(),
            "cannot be read",
        ),
        ("issuer = \"https://login.example\"\ntenants = [\"x\"]".to_owned(), "is of a well-known provider"),
        ("issuer = \"https://login.example\"\nteam = \"x\"".to_owned(), "is of a well-known provider"),
        (with("\"http://forge.example/authorize\""), "must be an https URL"),
        (with("\"https://forge.example/authorize\"\nsubject = \"id\""), "not a JSON pointer"),
        (
            with("\"https://forge.example/authorize\"\nsubject = \"/mail\"\nemail = \"/mail\""),
            "is no subject",
        ),
        (with("\"https://forge.example/authorize\"\nemail_verified = \"/x\""), "no `email`"),
    ] {
        let found = load_with("", &text).map(|_| ()).expect_err(&text);
        assert!(found.iter().any(|it| it.contains("upstream[0]") || it.contains("upstream")), "{found:?}");
        assert!(found.iter().any(|it| it.contains(expected)), "{text}\n  gave {found:?}");
    }
    folder.file("bad.p8", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let text = "provider = \"apple\"\nkey_file = \"bad.p8\"\nkey_id = \"K\"\nteam = \"T\"";
    assert!(load_with("", text).unwrap_err().iter().any(|it| it.contains("is no PEM file with a P-256 key")));
}
