//! The answer to a registration: attestation statements of all formats, certificates and keys behind client data that is right.
//! Whatever is accepted has made a passkey of what the object says.

#![no_main]

use ciam_core::crypto::{self, sha256};
use ciam_core::encoding::base64url;
use ciam_mfa::webauthn::cbor::Item;
use ciam_mfa::webauthn::{AuthenticatorData, RegistrationResponse, RelyingParty, UserVerification};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;
use url::Url;

fuzz_target!(|input: &[u8]| {
    let origin = Url::parse("https://example.org").expect("an origin");
    let party =
        RelyingParty::new("example.org", "x").and_then(|it| it.with_origin(&origin)).expect("a party");
    let challenge = base64url::encode(&CHALLENGE);
    let client_data =
        format!(r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"https://example.org"}}"#);
    let id = id_in(input).unwrap_or_default();
    let response = RegistrationResponse::new(&id, client_data.as_bytes(), input);
    let now = datetime!(2026-11-26 12:00 UTC);
    let discouraged = UserVerification::Discouraged;
    let made = party.verify_registration(&*crypto::ring(), &CHALLENGE, discouraged, &response, now);
    if let Ok(made) = made {
        assert_eq!(made.passkey.id, id);
        assert_eq!(made.passkey.rp_id, "example.org");
        assert!(input.windows(32).any(|it| it == sha256(b"example.org")));
    }
});

const CHALLENGE: [u8; 32] = [7; 32];

/// The id of the credential that the object tells of.
fn id_in(object: &[u8]) -> Option<Vec<u8>> {
    let object = Item::read(object, "object").ok()?;
    let data = AuthenticatorData::read(object.get("authData")?.bytes()?).ok()?;
    Some(data.attested?.id.to_vec())
}
