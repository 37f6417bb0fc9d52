//! Password hashes of every kind, from the file to the sign-in; and those that would stop a server, refused at the file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ciam_core::account::IdentifierKey;
use ciam_core::crypto::sha256;
use ciam_core::import::{
    Auth0Export, ImportFormat, Importer, JsonLines, MemoryRefusals, OktaExport, RowReader,
};
use ciam_core::journey::Journeys;
use ciam_core::password::foreign::{FirebaseProject, ForeignHashes};
use ciam_core::password::{Argon2idHasher, MigratingHasher, PasswordFactor, PasswordHasher as _};
use ciam_core::secret::Secret;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, done, refusal};

/// The example of Firebase's own sources has a password of its own.
const FIREBASE_PASSWORD: &str = "user1password";

/// One of each: what the report calls it, the password, and `password_hash` as a line of JSON Lines has it. The texts are of
/// Passlib 1.7.4, argon2-cffi 25.1.0, Firebase's sources and coreutils.
fn fixtures() -> Vec<(&'static str, &'static str, Value)> {
    let of = |kind, hash: &str| (kind, PASSWORD, json!(hash));
    let firebase = json!({"firebase": {"project": "shop", "salt": "42xEC+ixf3L2lw==", "hash":
        "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="}});
    let digest: String =
        sha256(format!("pepper{PASSWORD}").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let salted = json!({"salted": {"digest": "sha256", "position": "prefix", "encoding": "hex",
        "salt": "706570706572", "hash": digest}});
    vec![
        of("bcrypt cost 4", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
        of(
            "scrypt ln=10,r=8,p=1",
            "$scrypt$ln=10,r=8,p=1$c2FsdFNBTFRzYWx0$71ONCU4rznkdzKXP1/zEaxoczTe/B2liVYfnJRiH59I",
        ),
        of("pbkdf2 sha1", "{PBKDF2}1000$c2FsdFNBTFRzYWx0$RfcZ9cxNYYingWnQAORxDR.qzAo"),
        of(
            "pbkdf2 sha256",
            "{PBKDF2-SHA256}1000$c2FsdFNBTFRzYWx0$kjlfHVp73g2bGNS.HClC2rNW44GehAk5oVHAoifqz/U",
        ),
        of(
            "pbkdf2 sha512",
            "{PBKDF2-SHA512}1000$c2FsdFNBTFRzYWx0$UnyLvuyZwTUSrp0cSDr/g1d6twsWgPcyFYabdzVXeZKu6BDK1sqWHbEUverHMoD0M6B3x2a3dvYv9u4ZVcJw4A",
        ),
        of("argon2i", "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$7eg0aODH5JNDke+6hgrAKOesCUkN7PHx"),
        of("argon2d", "$argon2d$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$VMz5plK1gXohqflB/V21SE7TPiTrOkNc"),
        of("argon2id", "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ"),
        of("sha_crypt", "$5$rounds=1000$saltstring$MGHTVAK1OdWrxoC7LJKeycAtdF/rZJH8EE46Glj/aT6"),
        of(
            "sha_crypt",
            "$6$rounds=1000$saltstring$B.n1vD77SdB2TuXAE0nGKP536R1bUc6NvRMEtukg5fkv3SlfIs6RsCY18TxG6AWfmoa/S410tUwH1MRlKRQST0",
        ),
        ("firebase_scrypt", FIREBASE_PASSWORD, firebase),
        of("salted_sha sha1", "{SSHA}46BnfOtjjVkV2IM1YrlQPStNxk5zYWx0c2FsdA=="),
        of("salted_sha sha256", "{SSHA256}CjjqPXPYGjVMmTRdzHN2UTPdg0XIYl0HWPy+0QwtTBRzYWx0c2FsdA=="),
        of(
            "salted_sha sha512",
            "{SSHA512}UweAzUpvjvE5jz6nWBj9q0BiWPv/iScwpbX/yGA6X/AMM4Vz4l5BHV0nnau4mHhhKbbncQtK3bqI9cz8WqqeP3NhbHRzYWx0",
        ),
        ("salted_sha sha256", PASSWORD, salted),
    ]
}

fn hashes() -> ForeignHashes {
    let key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
    ForeignHashes::new().with_firebase("shop", FirebaseProject::new(key, "Bw==", 8, 14).unwrap())
}

async fn world() -> World {
    let mut world = World::new().await;
    let ours = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
    let hasher = Arc::new(MigratingHasher::new(ours).with_verifier(Arc::new(hashes())));
    let password = PasswordFactor::new(&world.ports, hasher).await.unwrap();
    world.journeys = Journeys::new(world.ports.clone(), world.sessions.clone(), password);
    world
}

async fn stored_hash(world: &World, email: &str) -> String {
    let email = IdentifierKey::email(email).unwrap();
    let account = world.ports.store().account_by_identifier(&email).await.unwrap().unwrap().value;
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    PasswordFactor::credential_in(&credentials).unwrap().value.data["phc"].as_str().unwrap().to_owned()
}

/// bcrypt, scrypt, PBKDF2, Argon2, SHA-crypt, Firebase's scrypt and salted SHA, each in every digest: imported from a file,
/// refused to a wrong password, open to the right one, and ours from then on.
#[tokio::test]
async fn a_fixture_of_every_kind_of_hash_imports_and_signs_in() {
    let world = world().await;
    let ours = Argon2idHasher::dangerous_fast().unwrap();
    let email = |number| format!("ada{number}@example.com");
    let row = |(number, (_, _, hash)): (usize, &(&str, &str, Value))| {
        json!({"email": email(number), "email_verified": true, "password_hash": hash}).to_string() + "\n"
    };
    let file: String = fixtures().iter().enumerate().map(row).collect();
    let mut refused = MemoryRefusals::new();
    let importer = Importer::new(world.ports.clone(), Arc::new(JsonLines::new())).with_hashes(hashes());
    let rows = RowReader::new(file.as_bytes());
    let report = importer.run(rows, sha256(file.as_bytes()), &mut refused).await.unwrap();
    assert_eq!(report.tally.created, 15, "{:?}", refused.rows().map(|it| it.1.code()).collect::<Vec<_>>());
    for (number, (kind, password, _)) in fixtures().into_iter().enumerate() {
        let email = email(number);
        let said = report.tally.passwords.keys().any(|said| said.starts_with(kind));
        assert!(said, "{kind}: {:?}", report.tally.passwords);
        let wrong = world.sign_in(&world.browser(), &email, "a wrong password!").await;
        assert_eq!(refusal(wrong), "credentials", "{kind}");
        // One with our own algorithm and more passes than ours is as good as ours.
        let foreign = ours.needs_rehash(&stored_hash(&world, &email).await);
        assert_eq!(foreign, kind != "argon2id", "{kind}: still as it came");
        done(world.sign_in(&world.browser(), &email, password).await);
        let now = stored_hash(&world, &email).await;
        assert!(!ours.needs_rehash(&now) && ours.verify(&Secret::from(password), &now), "{kind}: {now}");
        done(world.sign_in(&world.browser(), &email, password).await);
    }
}

const SALT: &str = "c2FsdFNBTFRzYWx0";
const HASH: &str = "71ONCU4rznkdzKXP1/zEaxoczTe/B2liVYfnJRiH59I";

/// Hashes that ask for more than a server has, as texts: each with the code of its refusal.
fn hostile_texts() -> Vec<(String, &'static str)> {
    let bcrypt = |cost| format!("$2b${cost}$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG");
    let long = "A".repeat(5_000);
    [
        (bcrypt("15"), "hash_too_expensive"),
        (bcrypt("31"), "hash_too_expensive"),
        (format!("$scrypt$ln=40,r=8,p=1${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$scrypt$ln=10,r=1073741823,p=1${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$scrypt$ln=10,r=8,p=134217727${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$scrypt$ln=255,r=4294967295,p=4294967295${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$pbkdf2-sha256$i=2000001,l=32${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$pbkdf2-sha1$i=4294967295${SALT}$RfcZ9cxNYYingWnQAORxDR+qzAo"), "hash_too_expensive"),
        (format!("$argon2id$v=19$m=4294967295,t=1,p=1${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$argon2id$v=19$m=64,t=4294967295,p=1${SALT}${HASH}"), "hash_too_expensive"),
        (format!("$argon2id$v=19$m=8192,t=1,p=255${SALT}${HASH}"), "hash_too_expensive"),
        (
            "$5$rounds=999999999$saltstring$MGHTVAK1OdWrxoC7LJKeycAtdF/rZJH8EE46Glj/aT6".into(),
            "hash_too_expensive",
        ),
        (format!("$scrypt$ln=10,r=8,p=1${long}${HASH}"), ""),
        (format!("$scrypt$ln=99999999999999999999,r=8,p=1${SALT}${HASH}"), "hash_malformed"),
        (format!("$pbkdf2-sha256$i=-1${SALT}${HASH}"), "hash_malformed"),
        (format!("$pbkdf2-sha256$i=0${SALT}${HASH}"), "hash_malformed"),
        (format!("$argon2id$v=19$m=0,t=0,p=0${SALT}${HASH}"), "hash_malformed"),
    ]
    .into()
}

/// Refuses every row of a file, and nothing of it is computed: that alone would take hours.
async fn all_are_refused(format: impl ImportFormat + 'static, rows: Vec<(Value, &'static str)>) {
    let world = world().await;
    let file: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
    let mut refused = MemoryRefusals::new();
    let importer = Importer::new(world.ports.clone(), Arc::new(format)).with_hashes(hashes());
    let began = Instant::now();
    let report =
        importer.run(RowReader::new(file.as_bytes()), sha256(file.as_bytes()), &mut refused).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((report.tally.created, report.tally.refused), (0, rows.len() as u64));
    let codes: Vec<&str> = refused.rows().map(|(_, problem, _)| problem.code()).collect();
    for ((row, code), told) in rows.iter().zip(codes) {
        assert!(told.starts_with("hash_") && (code.is_empty() || told == *code), "{told}: {row}");
    }
}

#[tokio::test]
async fn a_hash_that_would_stop_the_server_is_refused_with_its_row() {
    let row = |(number, (hash, code)): (usize, (String, &'static str))| {
        (json!({"email": format!("eve{number}@example.com"), "password_hash": hash}), code)
    };
    all_are_refused(JsonLines::new(), hostile_texts().into_iter().enumerate().map(row).collect()).await;
    let keycloak = json!({"keycloak": {
        "secretData": {"value": format!("{HASH}="), "salt": SALT},
        "credentialData": {"hashIterations": 4_294_967_295_u32, "algorithm": "pbkdf2-sha256"}}});
    let keycloak = json!({"email": "eve@example.com", "password_hash": keycloak});
    all_are_refused(JsonLines::new(), vec![(keycloak, "hash_too_expensive")]).await;
}

#[tokio::test]
async fn so_it_is_in_the_exports_of_others() {
    let okta = |hash: Value| json!({"id": "1", "profile": {"login": "eve"}, "credentials": {"password": {"hash": hash}}});
    let bcrypt = json!({"algorithm": "BCRYPT", "workFactor": 31, "salt": "abcdefghijklmnopqrstuu",
        "value": "7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"});
    let pbkdf2 = json!({"algorithm": "PBKDF2", "digestAlgorithm": "SHA512_HMAC", "iterationCount": 4_294_967_295_u32,
        "salt": SALT, "value": format!("{HASH}=")});
    let rows = [bcrypt, pbkdf2].map(|hash| (okta(hash), "hash_too_expensive"));
    all_are_refused(OktaExport::new(), rows.into()).await;

    let auth0 = |hash: Value| json!({"email": "eve@example.com", "custom_password_hash": hash});
    let scrypt = json!({"algorithm": "scrypt", "cost": 1_u64 << 40, "hash": {"value": format!("{HASH}="), "encoding": "base64"},
        "salt": {"value": SALT, "encoding": "base64"}});
    let argon2 = json!({"algorithm": "argon2", "hash": {"value": format!("$argon2id$v=19$m=4194304,t=9,p=1${SALT}${HASH}")}});
    let pbkdf2 = json!({"algorithm": "pbkdf2", "hash": {"value": format!("$pbkdf2-sha256$i=9999999,l=32${SALT}${HASH}")}});
    let rows = [scrypt, argon2, pbkdf2].map(|hash| (auth0(hash), "hash_too_expensive"));
    all_are_refused(Auth0Export::new(), rows.into()).await;
}
