//! The test vectors of WebAuthn Level 3, section 16: fifteen registrations, each with an authentication.

use std::io::Write as _;
use std::path::PathBuf;

use ciam_core::crypto::ring;
use ciam_mfa::webauthn::{
    AuthenticationResponse, Expected, PasskeyRecord, Registered, RegistrationResponse, RelyingParty,
    UserVerification, WebauthnError,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use url::Url;

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const USER: &[u8] = b"the account";

/// Those whose algorithms no backend can check.
const UNSUPPORTED: [&str; 2] = ["packed-es512", "packed-ed448"];

struct Vector {
    id: String,
    reg: Value,
    auth: Value,
}

impl Vector {
    fn all() -> Option<Vec<Self>> {
        let folder = std::env::var_os("CIAM_VECTORS").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")),
            PathBuf::from,
        );
        let path = folder.join("webauthn-l3/vectors.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "{} is missing", path.display());
            let skipped = format!("SKIPPED: {} is missing\n", path.display());
            std::io::stderr().write_all(skipped.as_bytes()).unwrap();
            return None;
        };
        let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(vectors.len(), 15);
        let vector = |it: Value| Self {
            id: it["id"].as_str().unwrap().to_owned(),
            reg: it["reg"].clone(),
            auth: it["auth"].clone(),
        };
        Some(vectors.into_iter().map(vector).collect())
    }

    fn is_supported(&self) -> bool {
        !UNSUPPORTED.contains(&self.id.as_str())
    }

    fn registration(&self) -> Registration {
        let hex = |name: &str| unhex(self.reg[name].as_str().unwrap());
        Registration {
            challenge: hex("challenge"),
            id: hex("credential_id"),
            client_data: hex("clientDataJSON"),
            object: hex("attestationObject"),
        }
    }

    fn authentication(&self) -> Authentication {
        let hex = |name: &str| unhex(self.auth[name].as_str().unwrap());
        Authentication {
            challenge: hex("challenge"),
            client_data: hex("clientDataJSON"),
            data: hex("authenticatorData"),
            signature: hex("signature"),
        }
    }
}

#[derive(Clone)]
struct Registration {
    challenge: Vec<u8>,
    id: Vec<u8>,
    client_data: Vec<u8>,
    object: Vec<u8>,
}

impl Registration {
    fn verify(&self) -> Result<Registered, WebauthnError> {
        let response = RegistrationResponse::new(&self.id, &self.client_data, &self.object);
        relying_party().verify_registration(
            &*ring(),
            &self.challenge,
            UserVerification::Discouraged,
            &response,
            NOW,
        )
    }
}

#[derive(Clone)]
struct Authentication {
    challenge: Vec<u8>,
    client_data: Vec<u8>,
    data: Vec<u8>,
    signature: Vec<u8>,
}

impl Authentication {
    fn verify(&self, passkey: &PasskeyRecord) -> Result<(), WebauthnError> {
        let response =
            AuthenticationResponse::new(&passkey.id, &self.client_data, &self.data, &self.signature);
        let expected = Expected::new(&self.challenge, passkey, USER)
            .with_user_verification(UserVerification::Discouraged);
        relying_party().verify_authentication(&*ring(), &expected, &response).map(|_| ())
    }
}

/// One vector has no top origin, as browsers of before.
fn relying_party() -> RelyingParty {
    RelyingParty::new("example.org", "Example")
        .unwrap()
        .with_origin(&Url::parse("https://example.org").unwrap())
        .unwrap()
        .dangerous_with_any_embedding()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[test]
fn thirteen_pairs_are_accepted_and_two_refused_as_unsupported() {
    let Some(vectors) = Vector::all() else { return };
    let mut accepted = 0;
    for vector in vectors {
        let registered = vector.registration().verify();
        if !vector.is_supported() {
            assert_eq!(registered.unwrap_err(), WebauthnError::Algorithm, "{}", vector.id);
            continue;
        }
        let passkey = registered.unwrap_or_else(|error| panic!("{}: {error}", vector.id)).passkey;
        let authenticated = vector.authentication().verify(&passkey);
        assert_eq!(authenticated, Ok(()), "{}", vector.id);
        accepted += 1;
    }
    assert_eq!(accepted, 13);
}

#[test]
fn every_bit_of_an_authentication_counts() {
    let Some(vectors) = Vector::all() else { return };
    for vector in vectors.iter().filter(|it| it.is_supported()) {
        let passkey = vector.registration().verify().unwrap().passkey;
        let right = vector.authentication();
        for at in 0..right.data.len() {
            let mut wrong = right.clone();
            wrong.data[at] ^= 1 << (at % 8);
            assert!(wrong.verify(&passkey).is_err(), "{} data {at}", vector.id);
        }
        for at in 0..right.client_data.len() {
            let mut wrong = right.clone();
            wrong.client_data[at] ^= 1 << (at % 8);
            assert!(wrong.verify(&passkey).is_err(), "{} client data {at}", vector.id);
        }
        for at in 0..right.signature.len() {
            let mut wrong = right.clone();
            wrong.signature[at] ^= 1 << (at % 8);
            assert!(wrong.verify(&passkey).is_err(), "{} signature {at}", vector.id);
        }
        for length in 0..right.data.len() {
            let mut wrong = right.clone();
            wrong.data.truncate(length);
            assert!(wrong.verify(&passkey).is_err(), "{} data of {length} bytes", vector.id);
        }
        for length in 0..right.signature.len() {
            let mut wrong = right.clone();
            wrong.signature.truncate(length);
            assert!(wrong.verify(&passkey).is_err(), "{} signature of {length} bytes", vector.id);
        }
        let mut longer = right.clone();
        longer.data.push(0);
        assert!(longer.verify(&passkey).is_err(), "{} data goes on", vector.id);
        let mut longer = right.clone();
        longer.signature.push(0);
        assert!(longer.verify(&passkey).is_err(), "{} signature goes on", vector.id);
        let mut other = right.clone();
        other.challenge[3] ^= 1;
        assert_eq!(other.verify(&passkey), Err(WebauthnError::Challenge), "{}", vector.id);
    }
}

#[test]
fn no_part_of_a_registration_can_be_cut_off_or_exchanged() {
    let Some(vectors) = Vector::all() else { return };
    for vector in vectors.iter().filter(|it| it.is_supported()) {
        let right = vector.registration();
        for length in 0..right.object.len() {
            let mut wrong = right.clone();
            wrong.object.truncate(length);
            assert!(wrong.verify().is_err(), "{} object of {length} bytes", vector.id);
        }
        let mut wrong = right.clone();
        wrong.object.push(0);
        assert!(wrong.verify().is_err(), "{} object goes on", vector.id);
        let mut wrong = right.clone();
        wrong.id[0] ^= 1;
        assert_eq!(wrong.verify().unwrap_err(), WebauthnError::Credential, "{}", vector.id);
        let mut wrong = right.clone();
        wrong.challenge[0] ^= 1;
        assert_eq!(wrong.verify().unwrap_err(), WebauthnError::Challenge, "{}", vector.id);
        // A registration is no authentication, and the other way round.
        let mut wrong = right.clone();
        wrong.client_data = vector.authentication().client_data;
        assert_eq!(wrong.verify().unwrap_err(), WebauthnError::Type, "{}", vector.id);
    }
}

/// Of a format that signs, every bit that it signs counts.
#[test]
fn every_bit_that_an_attestation_signs_counts() {
    let Some(vectors) = Vector::all() else { return };
    let mut checked = 0;
    for vector in vectors.iter().filter(|it| it.is_supported() && !it.id.starts_with("none")) {
        let right = vector.registration();
        let registered = right.verify().unwrap().passkey;
        let at = right.object.windows(37).position(|it| it[..32] == rp_id_hash()[..]).unwrap();
        let length = 37 + 16 + 2 + registered.id.len() + registered.key.len();
        for offset in 0..length {
            // FIDO U2F signs neither the flags, nor the counter, nor the model.
            if vector.id.starts_with("fido-u2f") && (32..53).contains(&offset) {
                continue;
            }
            let mut wrong = right.clone();
            wrong.object[at + offset] ^= 1 << (offset % 8);
            assert!(wrong.verify().is_err(), "{} authenticator data {offset}", vector.id);
        }
        for offset in 0..right.client_data.len() {
            let mut wrong = right.clone();
            wrong.client_data[offset] ^= 1 << (offset % 8);
            assert!(wrong.verify().is_err(), "{} client data {offset}", vector.id);
        }
        checked += 1;
    }
    assert_eq!(checked, 9);
}

fn rp_id_hash() -> [u8; 32] {
    ciam_core::crypto::sha256(b"example.org")
}

#[test]
fn an_attestation_counts_where_its_certificates_are_believed() {
    let Some(vectors) = Vector::all() else { return };
    let formats: Vec<String> = vectors
        .iter()
        .filter(|it| it.is_supported())
        .map(|it| it.registration().verify().unwrap().passkey)
        .map(|passkey| {
            assert!(!passkey.trusted, "nobody is believed by default");
            passkey.attestation
        })
        .collect();
    for format in ["none", "packed", "tpm", "android-key", "fido-u2f", "apple"] {
        assert!(formats.iter().any(|it| it == format), "{format}");
    }
}
