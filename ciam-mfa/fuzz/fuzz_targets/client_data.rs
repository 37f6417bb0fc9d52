//! Client data: read or refused, and what is accepted in a ceremony says what the ceremony was about.

#![no_main]

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_mfa::webauthn::{ClientData, RegistrationResponse, RelyingParty, UserVerification, WebauthnError};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;
use url::Url;

fuzz_target!(|input: &[u8]| {
    let read = ClientData::read(input);
    assert!(read.is_err() || input.len() <= ClientData::MAX_LENGTH);
    let origin = Url::parse("https://id.example.com").expect("an origin");
    let party =
        RelyingParty::new("example.com", "x").and_then(|it| it.with_origin(&origin)).expect("a party");
    // Nothing is registered by client data alone: what is behind the checks of the client data is no attestation object.
    let response = RegistrationResponse::new(b"id", input, b"no object");
    let now = datetime!(2026-11-26 12:00 UTC);
    let required = UserVerification::Required;
    let verdict = party.verify_registration(&*crypto::ring(), &CHALLENGE, required, &response, now);
    let error = verdict.expect_err("no object");
    let passed = matches!(error, WebauthnError::Malformed { what } if what != "client data");
    if passed {
        let data = read.expect("it was read");
        assert_eq!(data.kind, "webauthn.create");
        assert_eq!(data.origin, "https://id.example.com");
        assert_eq!(base64url::decode(&data.challenge).as_deref(), Ok(&CHALLENGE[..]));
        assert!(!data.cross_origin && data.top_origin.is_none());
    }
});

const CHALLENGE: [u8; 32] = [7; 32];
