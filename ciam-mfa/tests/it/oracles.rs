//! Relying parties of others as oracles: `@simplewebauthn/server` on Node, and `fido2` on Python. They are given the ceremonies
//! that our own authenticator makes, right and wrong ones, and have to come to our verdict; where they do not, the table says
//! why.
//!
//! `npm ci` in `tests/oracles`, and `pip install fido2` into the environment whose interpreter `CIAM_PYTHON` names. Without them
//! the suites say so on a line that begins with `SKIPPED:`; with `CIAM_REQUIRE_ALL=1` they fail.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ciam_core::crypto::ring;
use ciam_core::encoding::base64url;
use ciam_mfa::webauthn::{
    AuthenticationResponse, Expected, NewPasskey, PasskeyRecord, RegistrationResponse, RelyingParty,
    UserVerification,
};
use serde::Deserialize as _;
use serde_json::{Value, json};
use time::macros::datetime;
use url::Url;

use crate::authenticator::{Authenticator, BACKED_UP, ELIGIBLE, PRESENT, VERIFIED};

const ORIGIN: &str = "https://id.example.com";
const USER: [u8; 16] = [9; 16];
const CHALLENGE: [u8; 32] = [5; 32];

/// What `@simplewebauthn/server` says otherwise, by how the names of the rows begin, and why it may.
const SIMPLEWEBAUTHN: [(&str, &str); 5] = [
    ("registration: in a frame", "it leaves `crossOrigin` to its caller"),
    ("authentication: in a frame", "it leaves `crossOrigin` to its caller"),
    ("authentication: another credential", "its caller has looked the credential up by its id"),
    ("registration: cut after", "its reader of CBOR takes a byte string that ends early for a shorter one"),
    ("authentication: a counter that went back", "it refuses; with us that is `SignCountPolicy::Refuse`"),
];

/// What `fido2` says otherwise.
const FIDO2: [(&str, &str); 5] = [
    ("registration: in a frame", "it leaves `crossOrigin` to its caller"),
    ("authentication: in a frame", "it leaves `crossOrigin` to its caller"),
    ("registration: backed up, not eligible", "it does not look at the flags of backups"),
    ("authentication: backed up, not eligible", "it does not look at the flags of backups"),
    ("registration: cut after", "its reader of CBOR takes a byte string that ends early for a shorter one"),
];

/// A ceremony, and our verdict.
struct Row {
    name: String,
    accepted: bool,
    question: Value,
}

fn relying_party() -> RelyingParty {
    RelyingParty::new("example.com", "Example").unwrap().with_origin(&Url::parse(ORIGIN).unwrap()).unwrap()
}

fn uv(required: bool) -> UserVerification {
    if required { UserVerification::Required } else { UserVerification::Discouraged }
}

fn question(kind: &str, required: bool, response: &Value, known: Option<(&PasskeyRecord, u32)>) -> Value {
    json!({
        "kind": kind,
        "challenge": base64url::encode(&CHALLENGE),
        "origin": ORIGIN,
        "rp_id": "example.com",
        "require_uv": required,
        "response": response,
        "credential": known.map(|(passkey, counter)| json!({
            "id": base64url::encode(&passkey.id),
            "key": base64url::encode(&passkey.key),
            "counter": counter,
        })),
    })
}

/// Every way to be wrong that both ceremonies have.
fn variations(right: &Authenticator) -> Vec<(&'static str, Authenticator)> {
    vec![
        ("right", right.clone()),
        ("another challenge", right.but(|it| it.challenge = Some(base64url::encode(&[6; 32])))),
        ("no challenge", right.but(|it| it.challenge = Some(String::new()))),
        ("another origin", right.but(|it| it.origin = "https://evil.test".to_owned())),
        ("a subdomain", right.but(|it| it.origin = "https://evil.id.example.com".to_owned())),
        ("an origin that begins alike", right.but(|it| it.origin = format!("{ORIGIN}.evil.test"))),
        ("another scheme", right.but(|it| it.origin = "http://id.example.com".to_owned())),
        ("another port", right.but(|it| it.origin = format!("{ORIGIN}:8443"))),
        ("another relying party", right.but(|it| it.rp_id = "evil.test".to_owned())),
        ("the origin's host as relying party", right.but(|it| it.rp_id = "id.example.com".to_owned())),
        ("in a frame", right.but(|it| it.cross_origin = Some(true))),
        ("nothing said of frames", right.but(|it| it.cross_origin = None)),
        ("nobody present", right.but(|it| it.flags = VERIFIED | ELIGIBLE | BACKED_UP)),
        ("not verified", right.but(|it| it.flags = PRESENT | ELIGIBLE | BACKED_UP)),
        ("backed up, not eligible", right.but(|it| it.flags = PRESENT | VERIFIED | BACKED_UP)),
        ("another ceremony", right.but(|it| it.kind = Some("payment.get"))),
    ]
}

fn registrations() -> Vec<Row> {
    let party = relying_party();
    let options =
        serde_json::to_value(party.creation_options(&CHALLENGE, &NewPasskey::new(&USER, "ada", "Ada")))
            .unwrap();
    let mut rows = Vec::new();
    let mut row = |name: String, required: bool, response: Value| {
        let accepted = RegistrationResponse::deserialize(&response).is_ok_and(|read| {
            let now = datetime!(2026-01-01 00:00 UTC);
            party.verify_registration(&*ring(), &CHALLENGE, uv(required), &read, now).is_ok()
        });
        rows.push(Row { name, accepted, question: question("registration", required, &response, None) });
    };
    let right = Authenticator::new(b"credential-1");
    for required in [true, false] {
        for (name, mut authenticator) in variations(&right) {
            let asked = if required { "" } else { ", not asked to verify" };
            row(format!("registration: {name}{asked}"), required, authenticator.create(&options));
        }
    }
    let answer = right.clone().create(&options);
    let object = base64url::decode(answer["response"]["attestationObject"].as_str().unwrap()).unwrap();
    for cut in (0..object.len()).step_by(3) {
        let mut short = answer.clone();
        short["response"]["attestationObject"] = json!(base64url::encode(&object[..cut]));
        row(format!("registration: cut after {cut} bytes"), true, short);
    }
    rows
}

fn authentications() -> Vec<Row> {
    let party = relying_party();
    let mut right = Authenticator::new(b"credential-1").but(|it| it.count = 7);
    let options =
        serde_json::to_value(party.creation_options(&CHALLENGE, &NewPasskey::new(&USER, "ada", "Ada")))
            .unwrap();
    let made = RegistrationResponse::deserialize(right.create(&options)).unwrap();
    let now = datetime!(2026-01-01 00:00 UTC);
    let passkey = party
        .verify_registration(&*ring(), &CHALLENGE, UserVerification::Required, &made, now)
        .unwrap()
        .passkey;
    let options = serde_json::to_value(party.request_options(
        &CHALLENGE,
        std::slice::from_ref(&passkey),
        UserVerification::Required,
    ))
    .unwrap();
    let mut rows = Vec::new();
    let mut row = |name: String, required: bool, counter: u32, response: Value| {
        let expected = Expected::new(&CHALLENGE, &passkey, &USER)
            .with_user_verification(uv(required))
            .with_sign_count(counter);
        let accepted = AuthenticationResponse::deserialize(&response)
            .is_ok_and(|read| party.verify_authentication(&*ring(), &expected, &read).is_ok());
        let known = Some((&passkey, counter));
        rows.push(Row { name, accepted, question: question("authentication", required, &response, known) });
    };
    for required in [true, false] {
        for (name, mut authenticator) in variations(&right) {
            let asked = if required { "" } else { ", not asked to verify" };
            row(format!("authentication: {name}{asked}"), required, 6, authenticator.get(&options));
        }
    }
    row("authentication: another key".to_owned(), true, 6, right.with_another_key().get(&options));
    row(
        "authentication: another credential".to_owned(),
        true,
        6,
        right.but(|it| it.id = b"credential-2".to_vec()).get(&options),
    );
    row("authentication: a counter that went back".to_owned(), true, 9, right.get(&options));
    let answer = right.get(&options);
    for part in ["authenticatorData", "signature", "clientDataJSON"] {
        let bytes = base64url::decode(answer["response"][part].as_str().unwrap()).unwrap();
        for at in (0..bytes.len()).step_by(4) {
            let mut changed = answer.clone();
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            changed["response"][part] = json!(base64url::encode(&other));
            row(format!("authentication: {part}, byte {at} changed"), true, 6, changed);
            let mut cut = answer.clone();
            cut["response"][part] = json!(base64url::encode(&bytes[..at]));
            row(format!("authentication: {part}, cut after {at} bytes"), true, 6, cut);
        }
    }
    rows
}

pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{why}, and nothing may be skipped");
    // Not `println!`, which is only shown when a test fails.
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

fn compare(mut program: Command, differences: &[(&str, &str)]) {
    let rows: Vec<Row> = registrations().into_iter().chain(authentications()).collect();
    assert!(rows.len() > 100 && rows.iter().any(|it| it.accepted));
    let questions: Vec<&Value> = rows.iter().map(|it| &it.question).collect();
    let mut child =
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(folder()).spawn().unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &questions).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program:?}");
    let verdicts: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts.len(), rows.len());
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for (row, verdict) in rows.iter().zip(&verdicts).filter(|(row, it)| it["accepted"] != json!(row.accepted))
    {
        match differences.iter().find(|(name, _)| row.name.starts_with(name)) {
            Some((name, _)) => _ = seen.insert(*name),
            None => problems.push(format!("{}: we accept: {}; they: {verdict}", row.name, row.accepted)),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(seen.len(), differences.len(), "a difference that is none any more: {seen:?}");
}

#[test]
fn simplewebauthn_comes_to_the_same_verdicts() {
    if !folder().join("node_modules/@simplewebauthn/server").exists() {
        return skip("the packages of ciam-mfa/tests/oracles are not installed (npm ci)");
    }
    let mut node = Command::new("node");
    node.arg("verify.mjs");
    compare(node, &SIMPLEWEBAUTHN);
}

#[test]
fn python_fido2_comes_to_the_same_verdicts() {
    let Some(python) = std::env::var_os("CIAM_PYTHON").filter(|it| Path::new(it).exists()) else {
        return skip("CIAM_PYTHON names no Python with fido2");
    };
    let mut program = Command::new(python);
    program.arg("verify.py");
    compare(program, &FIDO2);
}
