//! After an erasure, neither a dump of the database nor a restored older backup contains what was known of the person.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use ciam_core::{
    account::{Account, AccountStatus, Identifier, IdentifierKey, Owner, federated::UpstreamIdentity},
    audit::{AuditLog, Expected},
    consent::{ConsentProof, Consents},
    credential::Credential,
    encoding::base64url,
    error::PortError,
    event::Event,
    id::CredentialId,
    memory::MemoryNotifier,
    notify::{Channel, Message, MessageCode},
    organization::{RoleName, Slug},
    place::Place,
    ports::Ports,
    privacy::Export,
    relay::{DeadLetter, EventSink, Relay},
    secret::{Secret, TokenDigest},
    session::RememberedDevice,
    store::{Batch, EntityRef, PageRequest, Store, StoredRecord as _, Write},
    terms::{AcceptedHow, DocumentName, Terms, TermsVersion},
};
use serde_json::json;

use super::{audit_sink, erasure, kinds};
use crate::{
    app::App,
    config::Config,
    serve,
    storage::Storage,
    testing::{Browser, PASSWORD, config, services, sign_up},
};

const EMAIL: &str = "ada.planted@lovelace.example";
const PHONE: &str = "+442079460123";
const NAME: &str = "Plantagenet Lovelace";
const STREET: &str = "Plantedstrasse 17";
const AGENT: &str = "PlantedBrowser/77.5";
const LABEL: &str = "Plantedphone of Ada";
const USERNAME: &str = "planted.lovelace";
const CITY: &str = "Plantedborough";
/// What the account is called elsewhere: kept as a keyed hash only.
const SUBJECT: &str = "upstream-plant-00815";
const UPSTREAM: &str = "https://up.example";
/// From where the person comes: kept nowhere but in what limits count by.
const ADDRESS: [u8; 4] = [203, 0, 113, 77];
/// What is kept of the person in a form that can be read, and what of them is kept in no such form.
const PLANTED: &[&str] = &[EMAIL, "ada.planted", PHONE, NAME, STREET, AGENT, LABEL, USERNAME, CITY];
const HIDDEN: &[&str] = &[SUBJECT, "203.0.113.77"];

/// Where the database is, and how it is copied.
enum Database {
    Sqlite(PathBuf),
    Postgres { url: String, schema: String },
}

impl Database {
    /// Everything that the database has written, as bytes.
    fn dump(&self) -> Vec<u8> {
        match self {
            Self::Sqlite(path) => files(path).iter().flat_map(|file| std::fs::read(file).unwrap()).collect(),
            Self::Postgres { url, schema } => {
                let output = Command::new("pg_dump").args(["--schema", schema, url]).output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                output.stdout
            }
        }
    }

    fn back_up(&self, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        match self {
            Self::Sqlite(path) => {
                for file in files(path) {
                    std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
                }
            }
            Self::Postgres { .. } => std::fs::write(to.join("dump.sql"), self.dump()).unwrap(),
        }
    }

    fn restore(&self, from: &Path) {
        match self {
            Self::Sqlite(path) => {
                files(path).iter().for_each(|file| std::fs::remove_file(file).unwrap());
                for file in std::fs::read_dir(from).unwrap().map(|file| file.unwrap().path()) {
                    std::fs::copy(&file, path.with_file_name(file.file_name().unwrap())).unwrap();
                }
            }
            Self::Postgres { .. } => {
                self.drop_schema();
                self.psql(&["--file", from.join("dump.sql").to_str().unwrap()]);
            }
        }
    }

    fn drop_schema(&self) {
        if let Self::Postgres { schema, .. } = self {
            self.psql(&["--command", &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")]);
        }
    }

    fn psql(&self, arguments: &[&str]) {
        let Self::Postgres { url, .. } = self else { return };
        let strict = ["--quiet", "--set", "ON_ERROR_STOP=1", url];
        let output = Command::new("psql").args(strict).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The database's file and those beside it that belong to it.
fn files(path: &Path) -> Vec<PathBuf> {
    ["", "-wal", "-shm"]
        .iter()
        .map(|suffix| PathBuf::from(format!("{}{suffix}", path.display())))
        .filter(|file| file.exists())
        .collect()
}

/// Which planted values are in some bytes, readable or as what somebody could try them against.
fn found(bytes: &[u8]) -> Vec<String> {
    let plain = readable(bytes).into_iter().map(str::to_owned);
    let tried = guesses().into_iter().filter(|digest| readable_in(bytes, digest));
    plain.chain(tried).collect()
}

/// Digests that anybody can compute who guesses a value: to have one of them is to know the value.
fn guesses() -> Vec<String> {
    let mut texts = vec![
        format!("{}\n{UPSTREAM}\n{SUBJECT}", UPSTREAM.len()),
        format!("{}\n{SOURCE}\nid\n{SUBJECT}", SOURCE.len()),
        format!("{}\n{SOURCE}\nidentifier\n{EMAIL}", SOURCE.len()),
        "look\nplantedlovelace".to_owned(),
        "look\npdantedlovedace".to_owned(),
    ];
    for value in PLANTED.iter().chain(HIDDEN) {
        texts.push((*value).to_owned());
        for kind in ["email", "phone", "username"] {
            texts.push(format!("{kind}:{value}"));
            texts.push(format!("{kind}\0{value}"));
            texts.push(format!("sign_in|{kind}:{value}"));
            texts.push(format!("sign_in|{kind}:{value}|from:203.0.113.77"));
        }
    }
    texts.iter().map(|text| TokenDigest::of(text).to_text()).collect()
}

const SOURCE: &str = "auth0";

fn readable_in(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|it| it == value.as_bytes())
}

/// Which planted values are in some bytes, as text, in another case, in hexadecimal or in base64 at any offset.
fn readable(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let contains = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|it| it == needle);
    let is_in = |value: &str| {
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = serde_json::to_string(value).unwrap();
        let in_base64 = (0..3).any(|offset| {
            let encoded = base64url::encode(&[&vec![0; offset], value.as_bytes()].concat());
            let from = if offset == 0 { 0 } else { 4 };
            let part = encoded.get(from..encoded.len() - 4).unwrap();
            let standard = part.replace('-', "+").replace('_', "/");
            contains(bytes, part.as_bytes()) || contains(bytes, standard.as_bytes())
        });
        contains(&lower, value.to_lowercase().as_bytes())
            || contains(&lower, hex.as_bytes())
            || contains(bytes, escaped.trim_matches('"').as_bytes())
            || in_base64
    };
    PLANTED.iter().chain(HIDDEN).copied().filter(|value| is_in(value)).collect()
}

async fn open(config: &Config) -> (Storage, App) {
    let storage = Storage::open(config).await.unwrap();
    let services = services(config, &storage.ports).await;
    let app = serve::start_with(config.clone(), services).await.unwrap();
    (storage, app)
}

async fn deliver(ports: &Ports) {
    let relay = Relay::new(ports.clone(), Arc::new(MemoryNotifier::new())).with_sink(audit_sink(ports));
    for _ in 0..20 {
        relay.deliver_pending().await.unwrap();
    }
}

/// A person signs up and uses the server.
async fn use_it(app: &App) -> Account {
    let mut browser = Browser::new(app);
    browser.headers.push(("user-agent", AGENT.to_owned()));
    browser.address = (ADDRESS, 4711).into();
    sign_up(app, &mut browser, EMAIL).await;
    elsewhere(app, &browser).await;
    let (ports, key) = (app.ports(), IdentifierKey::email(EMAIL).unwrap());
    let stored = ports.store().account_by_identifier(&key).await.unwrap().unwrap();
    let mut account = stored.value;
    account.identifiers.push(Identifier::unverified(IdentifierKey::phone(PHONE).unwrap()));
    account.profile.set("name", NAME).unwrap();
    account.profile.set("address", json!({ "street_address": STREET })).unwrap();
    let id = CredentialId::generate(ports.clock(), ports.entropy()).unwrap();
    let mut credential = Credential::new(id, account.id, "other", json!({ "owner": NAME }), ports.now());
    credential.label = Some(LABEL.to_owned());
    let batch = Batch::new()
        .require_version(EntityRef::Account(account.id), stored.version)
        .write(Write::PutAccount(account.clone()))
        .write(Write::PutCredential(credential));
    assert!(ports.store().commit(batch).await.unwrap().is_applied());
    let proof = ConsentProof::new("account_page").shown("1", "en", "We write to you.");
    Consents::new(ports.clone()).set(account.id, "newsletter", true, &proof).await.unwrap();
    let terms = Terms::new(ports.clone());
    let document = DocumentName::new("tos").unwrap();
    let version = TermsVersion::new(document.clone(), "1", ports.now());
    terms.publish(version, &"test".parse_actor()).await.unwrap();
    terms.accept(account.id, &document, "1", &[], AcceptedHow::AccountPage).await.unwrap();
    places(ports, &account).await;
    refused(app).await;
    invited(app, &account).await;
    deliver(ports).await;
    // A message that is still in the outbox, and a journey that is still under way.
    let soon = ports.now() + time::Duration::HOUR;
    let message = Message::new(ports, MessageCode::AccountExists, Channel::Email, EMAIL, soon).unwrap();
    let sealed = message.with_account(account.id).seal(ports).await.unwrap();
    assert!(ports.store().commit(Batch::new().message(sealed)).await.unwrap().is_applied());
    let page = browser.get("/sign-up").await;
    let again = [("email", EMAIL), ("name", NAME), ("password", PASSWORD)];
    browser.submit(&page, "/sign-up", &again).await;
    account
}

/// An account elsewhere is linked, and a name is taken.
async fn elsewhere(app: &App, browser: &Browser) {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers = http::HeaderMap::from_iter([(http::header::COOKIE, cookies.join("; ").parse().unwrap())]);
    let services = app.services();
    let current = services.sessions.authenticate(&headers).await.unwrap().unwrap();
    let identity = UpstreamIdentity::new(UPSTREAM, SUBJECT, app.ports().now());
    services.accounts.link(&Owner::new(&current), &identity).await.unwrap();
    let current = services.sessions.authenticate(&headers).await.unwrap().unwrap();
    services.accounts.set_username(&Owner::new(&current), USERNAME).await.unwrap();
}

/// Sessions and devices know where they were.
async fn places(ports: &Ports, account: &Account) {
    let all = || PageRequest::first(10);
    let mut batch = Batch::new();
    for found in ports.store().sessions_of(account.id, all()).await.unwrap().items {
        let mut session = found.value;
        session.place = Some(Place::country("GB").with_city(CITY));
        batch = batch.write(Write::PutSession(session));
    }
    let (kind, owner) = (RememberedDevice::KIND, account.id.to_string());
    let devices = ports.store().records_by(kind, "account", &owner, all()).await.unwrap().items;
    assert!(!devices.is_empty(), "a device is remembered");
    for found in devices {
        let mut device: RememberedDevice = found.value.decode().unwrap();
        device.place = Some(Place::country("GB").with_city(CITY));
        batch = batch.put(&device).unwrap();
    }
    assert!(ports.store().commit(batch).await.unwrap().is_applied());
}

/// Somebody types the address with wrong passwords, and then the right one: limits count, and begin again.
async fn refused(app: &App) {
    let mut browser = Browser::new(app);
    browser.headers.push(("user-agent", AGENT.to_owned()));
    browser.address = (ADDRESS, 4712).into();
    for (identifier, password) in
        [(EMAIL, "wrong"), (USERNAME, "wrong"), ("nobody@lovelace.example", "wrong"), (EMAIL, PASSWORD)]
    {
        let page = browser.get("/sign-in").await;
        let fields = [("identifier", identifier), ("password", password)];
        browser.submit(&page, "/sign-in", &fields).await;
    }
    let page = browser.get("/recover").await;
    browser.submit(&page, "/recover", &[("identifier", EMAIL)]).await;
}

/// An organization invites the address, and an event about the account does not arrive where it should.
async fn invited(app: &App, account: &Account) {
    let (ports, organizations, tenant) = (app.ports(), &app.services().organizations, "test".parse_actor());
    let slug = Slug::new("planted").unwrap();
    let other = organizations.create(&tenant, slug, "Example", None).await.unwrap();
    let roles = [RoleName::new("member").unwrap()].into();
    organizations.invite(&tenant, other.id, EMAIL, roles, Vec::new()).await.unwrap();
    let relay = Relay::new(ports.clone(), Arc::new(MemoryNotifier::new()));
    let relay = relay.with_sink(audit_sink(ports)).with_sink(Arc::new(Refuses));
    for _ in 0..20 {
        relay.deliver_pending().await.unwrap();
    }
    let dead = ports.store().records(DeadLetter::KIND, PageRequest::first(100)).await.unwrap().items;
    let about = |letter: &DeadLetter| letter.event.subject == format!("account:{}", account.id);
    assert!(dead.iter().any(|found| about(&found.value.decode().unwrap())), "there is a dead letter");
}

/// A destination that takes nothing.
#[derive(Debug)]
struct Refuses;

#[async_trait::async_trait]
impl EventSink for Refuses {
    fn name(&self) -> &str {
        "test.refuses"
    }

    async fn deliver(&self, _: &Event) -> Result<(), PortError> {
        Err(PortError::permanent("no"))
    }
}

/// Everything that a store gives of an account, as text.
async fn told(store: &dyn Store, account: &Account) -> String {
    let all = || PageRequest::first(100);
    let mut text = String::new();
    for found in store.accounts(all()).await.unwrap().items {
        text += &serde_json::to_string(&found.value).unwrap();
    }
    for found in store.credentials_of(account.id).await.unwrap() {
        text += &serde_json::to_string(&found.value).unwrap();
    }
    for found in store.sessions_of(account.id, all()).await.unwrap().items {
        text += &serde_json::to_string(&found.value).unwrap();
    }
    for kind in kinds().records() {
        let owner = account.id.to_string();
        for found in store.records_by(kind, "account", &owner, all()).await.unwrap().items {
            text += &found.value.body;
        }
    }
    text
}

async fn nothing_of_a_person_survives(folder: &Path, database: &Database, arguments: &[&str]) {
    let key_file = folder.join("ciam.key");
    let config =
        config(&[&["--demo", "false", "--key-file", key_file.to_str().unwrap()], arguments].concat());
    let (storage, app) = open(&config).await;
    let account = use_it(&app).await;
    let ports = app.ports().clone();
    let export = Export::new(ports.clone(), kinds(), account.id).whole().await.unwrap().unwrap().to_string();
    for value in [EMAIL, PHONE, NAME, STREET, AGENT, LABEL, USERNAME, CITY] {
        assert!(export.contains(value), "{value} is not in the export, so it was not kept at all");
    }
    assert_eq!(found(export.as_bytes()), PLANTED, "the search finds what is there");
    let all = guesses().join(" ");
    assert_eq!(found(all.as_bytes()), guesses(), "and what could be tried");

    let backup = folder.join("backup");
    database.back_up(&backup);
    erasure(&ports)
        .erase_now(account.id, &"legal".parse_actor(), &"legal_request".parse_reason())
        .await
        .unwrap();
    deliver(&ports).await;
    assert_eq!(found(&database.dump()), NOTHING, "after the erasure the dump says");
    let text = told(ports.store(), &account).await;
    assert_eq!(found(text.as_bytes()), NOTHING, "after the erasure the store says");
    let log = AuditLog::new(ports.clone());
    let verdict = log.verify(&Expected::nothing()).await.unwrap();
    assert!(verdict.is_intact() && log.head().await.unwrap().sequence > 3, "{verdict:?}");
    drop(app);
    storage.database.close().await;
    storage.keys.close().await;
    assert_eq!(found(&database.dump()), NOTHING, "after the server stopped the dump says");

    // The backup of before comes back, with the vault as it is now.
    database.restore(&backup);
    assert_eq!(found(&database.dump()), NOTHING, "the older backup says");
    let (storage, app) = open(&config).await;
    let ports = app.ports().clone();
    let text = told(ports.store(), &account).await;
    assert_eq!(found(text.as_bytes()), NOTHING, "of the older backup the store says");
    assert!(text.contains(&account.id.to_string()), "the row is there");
    let back = ports.store().account(account.id).await.unwrap().unwrap().value;
    assert_eq!(back.status, AccountStatus::Erased, "and reads as erased");
    let notifier = Arc::new(MemoryNotifier::new());
    let relay = Relay::new(ports.clone(), notifier.clone());
    for _ in 0..5 {
        relay.deliver_pending().await.unwrap();
    }
    assert!(notifier.sent().iter().all(|it| it.account.is_none()), "no message goes to who was erased");
    assert_eq!(erasure(&ports).erase_restored().await.unwrap(), 1);
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    let fields = [("identifier", EMAIL), ("password", PASSWORD)];
    let seen = browser.submit(&page, "/sign-in", &fields).await;
    assert_ne!(seen.path, "/account");
    assert!(AuditLog::new(ports).verify(&Expected::nothing()).await.unwrap().is_intact());
    storage.database.close().await;
    storage.keys.close().await;
}

const NOTHING: [&str; 0] = [];

/// Short ways to write what the test does not care about.
trait Short {
    fn parse_actor(&self) -> ciam_core::actor::Actor;
    fn parse_reason(&self) -> ciam_core::account::ReasonCode;
}

impl Short for &'static str {
    fn parse_actor(&self) -> ciam_core::actor::Actor {
        ciam_core::actor::Actor::system(self)
    }

    fn parse_reason(&self) -> ciam_core::account::ReasonCode {
        ciam_core::account::ReasonCode::new(*self).unwrap()
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let tag = Secret::random(&ciam_core::entropy::SystemEntropy::new()).unwrap();
        let path = std::env::temp_dir().join(format!("ciam-erasure-{}", tag.expose()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _stays = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_survives_in_sqlite() {
    let folder = Folder::new();
    let path = folder.0.join("ciam.db");
    let url = format!("sqlite:{}", path.display());
    nothing_of_a_person_survives(&folder.0, &Database::Sqlite(path), &["--database-url", &url]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_survives_in_postgresql() {
    let runs =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    let url = std::env::var("CIAM_TEST_POSTGRES_URL").ok().filter(|_| runs("pg_dump") && runs("psql"));
    let Some(url) = url else {
        println!("SKIPPED: it needs CIAM_TEST_POSTGRES_URL, pg_dump and psql");
        assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "a skip is a failure here");
        return;
    };
    let folder = Folder::new();
    let schema = format!("ciam_erasure_{}", std::process::id());
    let settings = folder.0.join("ciam.toml");
    std::fs::write(&settings, format!("[database]\nschema = \"{schema}\"\n")).unwrap();
    let database = Database::Postgres { url: url.clone(), schema };
    let arguments = ["--database-url", &url, "--config", settings.to_str().unwrap()];
    nothing_of_a_person_survives(&folder.0, &database, &arguments).await;
    database.drop_schema();
}
