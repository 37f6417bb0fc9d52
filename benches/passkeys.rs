//! What it costs to check a passkey, against the signature alone, and a one-time code.
//!
//! The answer of the authenticator is checked as it comes: the key is read from COSE, and client data, authenticator data and
//! signature are held against what was expected.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use ciam_benches::contest::{Contest, is_measuring};
use ciam_benches::fixtures::Failure;
use ciam_benches::gates::{Bound, Gates};
use ciam_core::crypto::{self, sha256};
use ciam_core::encoding::base64url;
use ciam_mfa::otp::{Drift, OtpParameters, OtpSeed};
use ciam_mfa::webauthn::{
    AuthenticationResponse, Expected, PasskeyRecord, RegistrationResponse, RelyingParty, UserVerification,
};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use time::macros::datetime;
use url::Url;

fn main() -> Result<(), Failure> {
    let mut gates = Gates::new();
    passkey(&mut gates)?;
    code(&mut gates)?;
    if is_measuring() {
        println!("{gates}");
    }
    Ok(())
}

fn passkey(gates: &mut Gates) -> Result<(), Failure> {
    let ceremony = Ceremony::new()?;
    let crypto = crypto::ring();
    let expected = Expected::new(&CHALLENGE, &ceremony.passkey, USER)
        .with_user_verification(UserVerification::Required)
        .with_discovery();
    let check =
        |answer: &AuthenticationResponse| ceremony.party.verify_authentication(&*crypto, &expected, answer);
    check(&ceremony.answer)?;
    let json = serde_json::to_string(&ceremony.answer)?;
    let raw = || {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &ceremony.point)
            .verify(black_box(&ceremony.message), &ceremony.signature)
    };
    raw().map_err(|_| "the signature is not one")?;
    let contest = Contest::new("check a passkey's answer, ES256")
        .candidate(RAW, raw)
        .candidate(WHOLE, || check(black_box(&ceremony.answer)))
        .candidate("ciam-mfa: from the browser's JSON", || {
            let answer: AuthenticationResponse = serde_json::from_str(black_box(&json))?;
            check(&answer).map_err(Failure::from)
        });
    if !is_measuring() {
        contest.try_out();
        return Ok(());
    }
    let rounds = contest.measure(101, Duration::from_millis(20));
    println!("{}", rounds.standings());
    let ratio = rounds.ratio(WHOLE, RAW);
    gates.add("a passkey's answer, of the signature alone", ratio, Bound::AtMost(1.15));
    Ok(())
}

fn code(gates: &mut Gates) -> Result<(), Failure> {
    let crypto: Arc<dyn crypto::Crypto> = crypto::ring();
    let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec())?;
    let (parameters, now) = (OtpParameters::default(), datetime!(2026-11-26 12:00 UTC));
    let right = parameters.code(&*crypto, &seed, parameters.step(now));
    let check = |typed: &str| parameters.matching_step(&*crypto, &seed, typed, now, Drift::default(), 0);
    if check(right.expose()).is_none() || check("000000").is_some() {
        return Err("the code is not one".into());
    }
    let contest = Contest::new("check a one-time code")
        .candidate("right", || check(black_box(right.expose())))
        .candidate(WRONG, || check(black_box("000000")));
    if !is_measuring() {
        contest.try_out();
        return Ok(());
    }
    let rounds = contest.measure(41, Duration::from_millis(10));
    println!("{}", rounds.standings());
    gates.add("a one-time code, in microseconds", rounds.nanoseconds(WRONG) / 1000.0, Bound::AtMost(5.0));
    Ok(())
}

/// A passkey that is registered, and an answer of it.
struct Ceremony {
    party: RelyingParty,
    passkey: PasskeyRecord,
    answer: AuthenticationResponse,
    point: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Ceremony {
    fn new() -> Result<Self, Failure> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| "no key")?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|_| "no key")?;
        let point = pair.public_key().as_ref().to_vec();
        let (x, y) = point.get(1..).and_then(|it| it.split_at_checked(32)).ok_or("no point")?;
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y].concat();

        let party = RelyingParty::new(RP, "Example")?.with_origin(&Url::parse("https://id.example.com")?)?;
        let attested = [&data(0x5d)[..], &[0; 16], &[0, 16], ID, &key].concat();
        let length = u8::try_from(attested.len())?;
        let object = [&b"\xa3cfmtdnonegattStmt\xa0hauthData\x58"[..], &[length], &attested].concat();
        let response = RegistrationResponse::new(ID, client_data("webauthn.create").as_bytes(), &object);
        let now = datetime!(2026-11-26 12:00 UTC);
        let verification = UserVerification::Required;
        let made = party.verify_registration(&*crypto::ring(), &CHALLENGE, verification, &response, now)?;

        let (client_data, data) = (client_data("webauthn.get"), data(0x1d));
        let message = [&data[..], &sha256(client_data.as_bytes())].concat();
        let signature = pair.sign(&random, &message).map_err(|_| "no signature")?.as_ref().to_vec();
        let answer =
            AuthenticationResponse::new(ID, client_data.as_bytes(), &data, &signature).with_user_handle(USER);
        Ok(Self { party, passkey: made.passkey, answer, point, message, signature })
    }
}

fn data(flags: u8) -> Vec<u8> {
    [&sha256(RP.as_bytes())[..], &[flags, 0, 0, 0, 0]].concat()
}

/// As Chromium writes it.
fn client_data(kind: &str) -> String {
    let challenge = base64url::encode(&CHALLENGE);
    format!(
        r#"{{"type":"{kind}","challenge":"{challenge}","origin":"https://id.example.com","crossOrigin":false}}"#
    )
}

const RP: &str = "example.com";
const ID: &[u8; 16] = b"a credential's i";
const USER: &[u8; 16] = b"a user's handle.";
const CHALLENGE: [u8; 32] = [7; 32];
const RAW: &str = "ring: the signature alone";
const WHOLE: &str = "ciam-mfa: the whole answer";
const WRONG: &str = "wrong";
