//! A browser and an authenticator of others: the crate `passkey-client`, in a program of its own (`tests/soft-authenticator`), which
//! is built here. What it makes of our options is what we accept.
//!
//! Where it cannot be built the suite says so on a line that begins with `SKIPPED:`; with `CIAM_REQUIRE_ALL=1` it fails.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use ciam_core::journey::{Answer, Challenge, Step};
use ciam_mfa::webauthn::{CoseAlgorithm, PasskeyRecord};
use serde_json::{Value, json};

use crate::oracles::skip;
use crate::passkeys::{begin, begun, confirm, relying_party, world_of};
use crate::world::done;

const ADA: &str = "ada@example.com";
const PAGE: &str = "https://id.example.com";

/// The program, with one authenticator in it.
struct Soft(RefCell<(Child, ChildStdin, BufReader<ChildStdout>)>);

impl Soft {
    fn start() -> Option<Self> {
        static BUILT: OnceLock<bool> = OnceLock::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soft-authenticator");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soft-authenticator");
        let built = *BUILT.get_or_init(|| {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(folder.join("Cargo.toml"));
            build.env("CARGO_TARGET_DIR", &target).env_remove("RUSTFLAGS");
            build.status().is_ok_and(|status| status.success())
        });
        if !built {
            skip("the soft authenticator of passkey-client cannot be built");
            return None;
        }
        let mut program = Command::new(target.join("debug/soft-authenticator"));
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self(RefCell::new((child, input, output))))
    }

    fn asked(&self, question: &Value) -> Value {
        let (_, input, output) = &mut *self.0.borrow_mut();
        writeln!(input, "{question}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer to {question}: {line}"))
    }

    /// Makes a passkey; what comes is the credential, or why not.
    fn create(&self, origin: &str, options: &Value) -> Value {
        self.asked(&json!({ "origin": origin, "create": options }))
    }

    fn get(&self, origin: &str, options: &Value) -> Value {
        self.asked(&json!({ "origin": origin, "get": options }))
    }
}

impl Drop for Soft {
    fn drop(&mut self) {
        let (child, ..) = self.0.get_mut();
        child.kill().ok();
        child.wait().ok();
    }
}

fn made(answer: &Value) -> Value {
    assert!(answer["ok"].is_object(), "{answer}");
    answer["ok"].clone()
}

fn refused(answer: &Value) -> &str {
    answer["refused"].as_str().unwrap_or_else(|| panic!("not refused: {answer}"))
}

/// With each algorithm that both know: made, used without a user name, and used behind a password.
#[tokio::test]
async fn its_passkeys_are_registered_and_sign_in() {
    for algorithm in [CoseAlgorithm::Es256, CoseAlgorithm::EdDsa] {
        let Some(soft) = Soft::start() else { return };
        let world = world_of(relying_party().with_algorithms(vec![algorithm])).await;
        let account = world.account(ADA).await;
        let current = world.signed_in(ADA).await;
        let (enrolment, options) = begin(&world, &current).await;
        confirm(&world, &current, &enrolment, &made(&soft.create(PAGE, &options))).await.unwrap();
        let credentials = world.credentials(&account).await;
        let passkey = credentials.iter().find_map(|it| PasskeyRecord::of(&it.value)).unwrap();
        assert_eq!((passkey.algorithm, passkey.user_verified), (algorithm, true));

        let browser = world.browser();
        let (handle, options) = begun(&world, &browser).await;
        let answer = Answer::factor("passkey", made(&soft.get(PAGE, &options)));
        let signed_in = done(world.answer(&browser, &handle, answer).await);
        assert_eq!(signed_in.account.id, account.id);

        let (handle, step) = world.begun(&browser, ADA, "urn:ciam:acr:aal2").await;
        let Step::Challenge(Challenge::Factor { data, .. }) = step else { panic!("{step:?}") };
        let answer = Answer::factor("passkey", made(&soft.get(PAGE, &data)));
        done(world.answer(&browser, &handle, answer).await);
    }
}

/// What our options forbid it does not do: another site gets nothing, no second passkey is made, and nobody is who is not
/// verified.
#[tokio::test]
async fn it_keeps_to_what_our_options_say() {
    let Some(soft) = Soft::start() else { return };
    let world = world_of(relying_party()).await;
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let (enrolment, options) = begin(&world, &current).await;
    let evil = "https://example.com.evil.test";
    refused(&soft.create(evil, &options));
    confirm(&world, &current, &enrolment, &made(&soft.create(PAGE, &options))).await.unwrap();
    let browser = world.browser();
    let (handle, asked) = begun(&world, &browser).await;
    refused(&soft.get(evil, &asked));
    let answer = Answer::factor("passkey", made(&soft.get(PAGE, &asked)));
    let proved = done(world.answer(&browser, &handle, answer).await);

    // The passkey that there is stands among those of which no second one is to be made.
    let proved = world.authenticated(&proved.cookie).await.unwrap();
    let (_, options) = begin(&world, &proved).await;
    assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
    refused(&soft.create(PAGE, &options));
    soft.asked(&json!({ "verified": false }));
    let (_, asked) = begun(&world, &browser).await;
    refused(&soft.get(PAGE, &asked));
}
