//! Imports: what becomes of rows, files that come twice, and imports that are killed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ciam_core::account::schema::{Attribute, AttributeProblem, AttributeSchema, AttributeType, Required};
use ciam_core::account::{Account, AccountStatus, IdentifierKey};
use ciam_core::crypto::sha256;
use ciam_core::error::PortError;
use ciam_core::import::{
    Auth0Export, ImportError, ImportFormat, ImportReport, ImportRetry, Importer, JsonLines, MemoryRefusals,
    OktaExport, RowProblem, RowReader,
};
use ciam_core::journey::Journeys;
use ciam_core::migration::{ExternalAccount, ExternalId};
use ciam_core::password::foreign::ForeignHashes;
use ciam_core::password::{Argon2idHasher, MigratingHasher, PasswordFactor};
use ciam_core::runtime::{BlockingJob, Runtime};
use ciam_core::store::{PageRequest, StoredRecord as _};
use ciam_core::testkit::Failure;
use futures_util::future::join;

use crate::world::{PASSWORD, World, done, refusal};

/// The password of this world, as bcrypt.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";

async fn world() -> World {
    let mut world = World::new().await;
    let hasher = MigratingHasher::new(Arc::new(Argon2idHasher::dangerous_fast().unwrap()))
        .with_verifier(Arc::new(ForeignHashes::new()));
    let password = PasswordFactor::new(&world.ports, Arc::new(hasher)).await.unwrap();
    world.journeys = Journeys::new(world.ports.clone(), world.sessions.clone(), password);
    world
}

fn importer(world: &World, format: impl ImportFormat + 'static) -> Importer {
    Importer::new(world.ports.clone(), Arc::new(format))
}

async fn run(
    importer: &Importer,
    file: &str,
    refused: &mut MemoryRefusals,
) -> Result<ImportReport, ImportError> {
    importer.run(RowReader::new(file.as_bytes()), sha256(file.as_bytes()), refused).await
}

/// Imports a file of which nothing may be refused.
async fn import(world: &World, format: impl ImportFormat + 'static, file: &str) -> ImportReport {
    let mut refused = MemoryRefusals::new();
    let report = run(&importer(world, format), file, &mut refused).await.unwrap();
    let problems: Vec<_> = refused.rows().map(|(line, problem, _)| (line, problem.clone())).collect();
    assert!(problems.is_empty(), "{problems:?}");
    report
}

/// What is refused of a file, by line and code.
async fn refused(world: &World, file: &str) -> Vec<(u64, &'static str)> {
    let mut refused = MemoryRefusals::new();
    run(&importer(world, JsonLines::new()), file, &mut refused).await.unwrap();
    refused.rows().map(|(line, problem, _)| (line, problem.code())).collect()
}

async fn account(world: &World, identifier: &str) -> Option<Account> {
    let key = IdentifierKey::guess(identifier).unwrap();
    world.ports.store().account_by_identifier(&key).await.unwrap().map(|account| account.value)
}

async fn accounts(world: &World) -> usize {
    let page = world.ports.store().accounts(PageRequest::first(1000)).await.unwrap();
    assert!(page.next.is_none());
    page.items.len()
}

#[tokio::test]
async fn an_auth0_export_signs_in_and_keeps_its_ids() {
    let world = world().await;
    // A password hash export, a user export, and the hash forms of the bulk import.
    let file = format!(
        r#"{{"_id":{{"$oid":"60425dc43519d90068f82973"}},"email_verified":true,"email":"ada@example.com","passwordHash":"{BCRYPT}","password_set_date":{{"$date":"2021-03-05T16:35:16.775Z"}},"tenant":"dev-x","connection":"Username-Password-Authentication","_tmp_is_unique":true}}
{{"user_id":"auth0|2","email":"bob@example.com","email_verified":false,"username":"bob","given_name":"Bob","user_metadata":{{"color":"red"}},"app_metadata":{{}},"blocked":true,"created_at":"2019-04-01T12:00:00.000Z","custom_password_hash":{{"algorithm":"pbkdf2","hash":{{"value":"$pbkdf2-sha256$i=1000,l=32$c2FsdFNBTFRzYWx0$kjlfHVp73g2bGNS+HClC2rNW44GehAk5oVHAoifqz/U","encoding":"utf8"}}}}}}
{{"user_id":"auth0|3","email":"eve@example.com","email_verified":true,"custom_password_hash":{{"algorithm":"sha256","hash":{{"value":"{}","encoding":"hex"}},"salt":{{"value":"pepper","position":"prefix"}}}}}}
"#,
        hex(&sha256(format!("pepper{PASSWORD}").as_bytes())),
    );
    let report = import(&world, Auth0Export::new(), &file).await;
    assert_eq!((report.rows, report.tally.created), (3, 3));
    assert_eq!(report.tally.passwords.get("bcrypt cost 4"), Some(&1));
    assert_eq!(
        report.tally.ignored.keys().map(String::as_str).collect::<Vec<_>>(),
        ["_tmp_is_unique", "connection", "password_set_date", "tenant"]
    );
    for email in ["ada@example.com", "eve@example.com"] {
        done(world.sign_in(&world.browser(), email, PASSWORD).await);
    }
    let bob = account(&world, "bob").await.unwrap();
    assert_eq!(bob.status, AccountStatus::Suspended);
    assert_eq!(bob.created_at.year(), 2019);
    assert_eq!(bob.profile.text("given_name"), Some("Bob"));
    assert!(!bob.identifier_with(&IdentifierKey::email("bob@example.com").unwrap()).unwrap().is_verified());
    assert_eq!(refusal(world.sign_in(&world.browser(), "bob", PASSWORD).await), "credentials");
    for (id, email) in [("auth0|60425dc43519d90068f82973", "ada@example.com"), ("auth0|2", "bob")] {
        let found =
            ExternalAccount::find(&world.ports, "auth0", &ExternalId::new(id).unwrap()).await.unwrap();
        assert_eq!(found, account(&world, email).await.map(|account| account.id), "{id}");
    }
    let other =
        ExternalAccount::find(&world.ports, "okta", &ExternalId::new("auth0|2").unwrap()).await.unwrap();
    assert_eq!(other, None);
}

#[tokio::test]
async fn an_okta_export_is_read_as_a_list() {
    let world = world().await;
    let digest = base64(&sha256(format!("{PASSWORD}pepper").as_bytes()));
    let file = format!(
        r#"[
  {{"id":"00u1","status":"ACTIVE","created":"2018-01-01T00:00:00.000Z","lastLogin":null,
    "profile":{{"firstName":"Ada","lastName":"Lovelace","email":"ada@example.com","login":"ada@example.com","costCenter":"7"}},
    "credentials":{{"password":{{"hash":{{"algorithm":"BCRYPT","workFactor":4,"salt":"abcdefghijklmnopqrstuu","value":"7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"}}}},
      "emails":[{{"value":"ada@example.com","status":"VERIFIED","type":"PRIMARY"}}],"provider":{{"type":"OKTA"}}}}}},
  {{"id":"00u2","status":"DEPROVISIONED","profile":{{"login":"bob","email":"bob@example.com"}},
    "credentials":{{"password":{{"hash":{{"algorithm":"SHA-256","salt":"{}","saltOrder":"POSTFIX","value":"{digest}"}}}}}}}}
]"#,
        base64(b"pepper"),
    );
    let report = import(&world, OktaExport::new(), &file).await;
    assert_eq!(report.tally.created, 2);
    assert_eq!(report.tally.ignored.get("credentials.provider"), Some(&1));
    let ada = done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await).account;
    assert_eq!(ada.profile.text("costCenter"), Some("7"));
    assert_eq!(account(&world, "bob").await.unwrap().status, AccountStatus::Deactivated);
}

#[tokio::test]
async fn refused_rows_are_told_by_line_and_code_and_spoil_no_other() {
    let world = world().await;
    world.registered("taken@example.com").await;
    let long = "x".repeat(5000);
    let id255 = "i".repeat(255);
    let file = [
        r#"{"email":"a@example.com","email_verified":true}"#.to_owned(),
        r#"{"email":"#.to_owned(),
        r#"["email"]"#.to_owned(),
        r#"{"email":"no address"}"#.to_owned(),
        r#"{"phone":"12345"}"#.to_owned(),
        r#"{"username":"ada lovelace"}"#.to_owned(),
        r#"{"id":"7"}"#.to_owned(),
        r#"{"email":"b@example.com","emial_verified":true}"#.to_owned(),
        r#"{"email":7}"#.to_owned(),
        r#"{"email":"b@example.com","status":"erased"}"#.to_owned(),
        r#"{"email":"b@example.com","created_at":"yesterday"}"#.to_owned(),
        format!(r#"{{"email":"b@example.com","attributes":{{"note":"{long}"}}}}"#),
        r#"{"email":"b@example.com","attributes":{"sub":"x"}}"#.to_owned(),
        format!(r#"{{"email":"b@example.com","id":"{id255}i"}}"#),
        r#"{"email":"b@example.com","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}"#.to_owned(),
        r#"{"email":"b@example.com","password_hash":"$scrypt$ln=40,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
        r#"{"email":"b@example.com","password_hash":"$pbkdf2-sha256$i=1000$c2FsdA$"}"#.to_owned(),
        r#"{"email":"b@example.com","password_hash":{"firebase":{"project":"x","salt":"AAAA","hash":"AAAA"}}}"#.to_owned(),
        r#"{"email":"TAKEN@example.com"}"#.to_owned(),
        r#"{"email":"A@example.com","id":"other"}"#.to_owned(),
        format!(r#"{{"email":"c@example.com","id":"{id255}"}}"#),
        r#"{"email":"d@example.com","id":"other"}"#.to_owned(),
    ]
    .join("\n");
    let seen = refused(&world, &file).await;
    let expected: BTreeSet<(u64, &str)> = BTreeSet::from([
        (2, "json"),
        (3, "json"),
        (4, "email"),
        (5, "phone"),
        (6, "username"),
        (7, "no_identifier"),
        (8, "unknown_field"),
        (9, "field"),
        (10, "field"),
        (11, "field"),
        (12, "attribute"),
        (13, "attribute"),
        (14, "external_id"),
        (15, "hash_unknown"),
        (16, "hash_too_expensive"),
        (17, "hash_malformed"),
        (18, "hash_project"),
        (19, "taken"),
        (20, "taken"),
    ]);
    assert_eq!(BTreeSet::from_iter(seen), expected);
    for email in ["a@example.com", "c@example.com", "d@example.com"] {
        assert!(account(&world, email).await.is_some(), "{email}");
    }
    assert_eq!(accounts(&world).await, 4);
}

fn file_of(count: usize) -> String {
    let row = |n| {
        if n % 10 == 9 {
            format!("{{\"email\":\"broken {n}\"}}\n")
        } else {
            format!(
                "{{\"id\":\"{n}\",\"email\":\"u{n}@example.com\",\"email_verified\":true,\"password_hash\":\"{BCRYPT}\"}}\n"
            )
        }
    };
    (0..count).map(row).collect()
}

/// However often it is stopped, and wherever: at the end there is each account once, and each refused row once.
#[tokio::test]
async fn an_import_that_is_stopped_anywhere_goes_on_where_it_was() {
    let file = file_of(300);
    for stop in [0, 1, 2, 5, 7] {
        let world = world().await;
        let mut refused = MemoryRefusals::new();
        let importer = importer(&world, JsonLines::new()).with_retry(ImportRetry::times(1));
        world.probe.clear();
        let mut stops = 0;
        let report = loop {
            for _ in 0..stop {
                world.probe.pass_next("store.commit");
            }
            if stops < 5 {
                world.probe.fail_next("store.commit", Failure::Transient);
            }
            match run(&importer, &file, &mut refused).await {
                Ok(report) => break report,
                Err(ImportError::Port(_)) => stops += 1,
                Err(error) => panic!("{error:?}"),
            }
        };
        assert!(stops > 0);
        assert_eq!((report.rows, report.tally.created, report.tally.refused), (300, 270, 30), "{stop}");
        let lines: Vec<u64> = refused.rows().map(|(line, ..)| line).collect();
        assert_eq!(lines, (1..=30).map(|n| n * 10).collect::<Vec<_>>(), "{stop}");
        assert_eq!(accounts(&world).await, 270);
        // Once more changes nothing.
        let again = run(&importer, &file, &mut refused).await.unwrap();
        assert_eq!((again.resumed_at, again.tally.created), (300, 270));
        assert_eq!(accounts(&world).await, 270);
    }
}

/// A runtime that sleeps no longer than it takes to write down how long it should.
#[derive(Debug, Default)]
struct Naps(Mutex<Vec<u128>>);

impl Naps {
    fn taken(&self) -> Vec<u128> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl Runtime for Naps {
    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration.as_millis());
        tokio::task::yield_now().await;
    }

    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError> {
        job();
        Ok(())
    }
}

async fn napping_world() -> (World, Arc<Naps>) {
    let (mut world, naps) = (world().await, Arc::new(Naps::default()));
    world.ports = world.ports.with_runtime(naps.clone());
    (world, naps)
}

/// A store that is away for a moment is asked again, whether it did what it was asked or not, and whatever it was asked.
#[tokio::test]
async fn a_store_that_fails_for_a_moment_stops_no_import() {
    let file = format!("{}{{\"email\":\"U4@example.com\"}}\n", file_of(60));
    for failure in [Failure::Transient, Failure::AnswerLost] {
        for (method, at) in
            [("store.record", 0), ("store.record", 1), ("store.commit", 0), ("store.commit", 2)]
        {
            let (world, naps) = napping_world().await;
            world.probe.clear();
            for _ in 0..at {
                world.probe.pass_next(method);
            }
            for _ in 0..3 {
                world.probe.fail_next(method, failure);
            }
            let mut refused = MemoryRefusals::new();
            let report = run(&importer(&world, JsonLines::new()), &file, &mut refused).await.unwrap();
            let tally = &report.tally;
            assert_eq!(
                (report.rows, tally.created, tally.existing, tally.refused),
                (61, 54, 0, 7),
                "{method} {at}"
            );
            assert_eq!(refused.rows().count(), 7, "{method} {at}");
            assert_eq!(accounts(&world).await, 54, "{method} {at}");
            let naps = naps.taken();
            if failure == Failure::Transient {
                assert_eq!(naps, [200, 400, 800], "{method} {at}: it waits, longer each time");
            } else {
                assert!(naps.starts_with(&[200]), "{method} {at}: {naps:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_goes_on_failing_stops_the_import_and_one_that_is_broken_does_so_at_once() {
    for (failure, attempts) in [(Failure::Transient, 10), (Failure::Permanent, 1)] {
        let (world, naps) = napping_world().await;
        world.probe.clear();
        for _ in 0..20 {
            world.probe.fail_next("store.commit", failure);
        }
        let file = file_of(20);
        let outcome = run(&importer(&world, JsonLines::new()), &file, &mut MemoryRefusals::new()).await;
        assert!(matches!(outcome, Err(ImportError::Port(_))), "{outcome:?}");
        assert_eq!(world.probe.count("store.commit"), attempts, "{failure:?}");
        assert_eq!(naps.taken().len() as u64, attempts - 1, "{failure:?}");
        assert_eq!(accounts(&world).await, 0);
    }
}

/// A commit whose answer is lost is told from a commit of somebody else: the checkpoint says which it was.
#[tokio::test]
async fn a_retry_does_not_take_the_commit_of_another_import_for_its_own() {
    let (world, _naps) = napping_world().await;
    let file = file_of(20);
    let mine = importer(&world, JsonLines::new());
    world.probe.clear();
    world.probe.fail_next("store.commit", Failure::Transient);
    // While this one waits, another that refuses one row more is through with the file.
    let other = importer(&world, JsonLines::new()).with_check(|row| match row.identifiers.first() {
        Some(first) if first.key.as_str().starts_with("u3@") => Err(RowProblem::Host("not_them")),
        _ => Ok(()),
    });
    let (mut first, mut second) = (MemoryRefusals::new(), MemoryRefusals::new());
    let (mine, other) = join(run(&mine, &file, &mut first), run(&other, &file, &mut second)).await;
    let outcomes = [mine, other];
    assert!(outcomes.iter().any(|it| matches!(it, Err(ImportError::Elsewhere))), "{outcomes:?}");
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
}

/// The tenant's schema judges what comes in from elsewhere as it judges everything else.
#[tokio::test]
async fn attributes_are_judged_by_the_schema_of_the_tenant() {
    let world = world().await;
    let schema = AttributeSchema::standard()
        .with("plan", Attribute::new(AttributeType::one_of(["basic", "pro"])).required(Required::Always))
        .with("seats", Attribute::new(AttributeType::Integer { min: 1, max: 9 }))
        .with("tags", Attribute::new(AttributeType::list(AttributeType::text(5), 2)));
    let attributes = [
        r#"{"plan":"pro","name":"  Ada ","seats":3,"tags":["a","b"]}"#,
        r#"{"plan":"gold"}"#,
        r#"{"plan":7}"#,
        r#"{"seats":10}"#,
        r#"{"tags":["a","b","c"]}"#,
        r#"{"tags":["abcdef"]}"#,
        r#"{"birthdate":"1815-13-10"}"#,
        r#"{"name":"A\u0007da"}"#,
        r#"{"role":"admin"}"#,
        r#"{}"#,
    ];
    let row = |(n, attributes)| format!("{{\"email\":\"p{n}@example.com\",\"attributes\":{attributes}}}\n");
    let file: String = attributes.iter().enumerate().map(row).collect();
    let importing = importer(&world, JsonLines::new()).with_schema(schema.clone());
    let mut refused = MemoryRefusals::new();
    run(&importing, &file, &mut refused).await.unwrap();
    let told: Vec<_> =
        refused.rows().map(|(line, problem, _)| (line, problem.code(), problem.field().unwrap())).collect();
    assert_eq!(
        told,
        [
            (2, "attribute_not_listed", "plan"),
            (3, "attribute_wrong_type", "plan"),
            (4, "attribute_out_of_range", "seats"),
            (5, "attribute_too_many", "tags"),
            (6, "attribute_too_long", "tags"),
            (7, "attribute_format", "birthdate"),
            (8, "attribute_control_characters", "name"),
            (9, "attribute_unknown", "role"),
        ]
    );
    let (_, problem, _) = refused.rows().nth(2).unwrap();
    let expected = AttributeProblem::OutOfRange { min: 1, max: 9 };
    assert_eq!(problem, &RowProblem::Schema { name: "seats".to_owned(), problem: expected });
    let ada = account(&world, "p0@example.com").await.unwrap();
    assert_eq!(ada.profile.text("name"), Some("Ada"), "in the form of the schema");
    assert!(account(&world, "p9@example.com").await.is_some(), "what is missing is asked for later");
    assert_eq!(accounts(&world).await, 2);

    let file = file.replace("@example.com", "@example.org");
    let mut refused = MemoryRefusals::new();
    let report = run(&importing.leaving_out_unknown(), &file, &mut refused).await.unwrap();
    assert_eq!(report.tally.ignored.get("attributes.role"), Some(&1));
    assert_eq!((report.tally.created, report.tally.refused), (3, 7));
    assert_eq!(account(&world, "p8@example.org").await.unwrap().profile.iter().count(), 0);
}

#[tokio::test]
async fn a_longer_file_makes_only_the_accounts_that_are_missing() {
    let world = world().await;
    let mut refused = MemoryRefusals::new();
    let importer = importer(&world, JsonLines::new());
    run(&importer, &file_of(50), &mut refused).await.unwrap();
    let report = run(&importer, &file_of(80), &mut MemoryRefusals::new()).await.unwrap();
    assert_eq!((report.tally.existing, report.tally.created, report.tally.refused), (45, 27, 8));
    assert_eq!(accounts(&world).await, 72);
}

#[tokio::test]
async fn two_imports_of_one_file_at_once_make_each_account_once() {
    let world = world().await;
    let file = file_of(60);
    let importer = importer(&world, JsonLines::new());
    let (mut first, mut second) = (MemoryRefusals::new(), MemoryRefusals::new());
    let results = join(run(&importer, &file, &mut first), run(&importer, &file, &mut second)).await;
    for result in [results.0, results.1] {
        assert!(matches!(result, Ok(_) | Err(ImportError::Elsewhere)), "{result:?}");
    }
    run(&importer, &file, &mut MemoryRefusals::new()).await.unwrap();
    assert_eq!(accounts(&world).await, 54);
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let world = world().await;
    world.registered("u3@example.com").await;
    let file = format!("{}{{\"email\":\"U4@example.com\"}}\n", file_of(20));
    world.probe.clear();
    let mut tried = MemoryRefusals::new();
    let dry = run(&importer(&world, JsonLines::new()).as_dry_run(), &file, &mut tried).await.unwrap();
    assert_eq!(world.probe.count("store.commit"), 0);
    assert_eq!(accounts(&world).await, 1);
    let mut real = MemoryRefusals::new();
    let report = run(&importer(&world, JsonLines::new()), &file, &mut real).await.unwrap();
    assert_eq!(dry.tally, report.tally);
    assert!(dry.dry_run && !report.dry_run);
    let lines = |refused: &MemoryRefusals| refused.rows().map(|(line, ..)| line).collect::<BTreeSet<_>>();
    assert_eq!(lines(&tried), lines(&real));
}

#[tokio::test]
async fn addresses_are_verified_only_where_the_file_says_so_or_the_operator_does() {
    let world = world().await;
    let file = format!(r#"{{"email":"ada@example.com","password_hash":"{BCRYPT}"}}"#);
    import(&world, JsonLines::new(), &file).await;
    assert_eq!(account(&world, "ada@example.com").await.unwrap().status, AccountStatus::Pending);
    assert_eq!(refusal(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await), "credentials");
    let trusting = importer(&world, JsonLines::new()).dangerous_trust_addresses();
    let file = file.replace("ada@", "bob@");
    run(&trusting, &file, &mut MemoryRefusals::new()).await.unwrap();
    done(world.sign_in(&world.browser(), "bob@example.com", PASSWORD).await);
}

#[tokio::test]
async fn the_host_may_refuse_rows_and_records_name_their_account() {
    let world = world().await;
    let importer = importer(&world, JsonLines::new()).with_check(|row| match row.profile.text("name") {
        Some(_) => Ok(()),
        None => Err(RowProblem::Host("name_required")),
    });
    let file = "{\"email\":\"a@example.com\"}\n{\"email\":\"b@example.com\",\"attributes\":{\"name\":\"B\"}}";
    let mut refused = MemoryRefusals::new();
    run(&importer, file, &mut refused).await.unwrap();
    assert_eq!(refused.rows().map(|(_, problem, _)| problem.code()).collect::<Vec<_>>(), ["name_required"]);
    let id = account(&world, "b@example.com").await.unwrap().id.to_string();
    let page = PageRequest::first(10);
    let records = world.ports.store().records_by(ExternalAccount::KIND, "account", &id, page).await.unwrap();
    assert_eq!(records.items.len(), 1, "so that an erasure finds it");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
