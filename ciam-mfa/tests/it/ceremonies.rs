//! The ceremonies of a relying party, as a host uses them that keeps its passkeys elsewhere: no journey stands before them.

use ciam_core::crypto::ring;
use ciam_mfa::webauthn::{
    Asserted, AuthenticationResponse, AuthenticatorData, ClientData, CoseAlgorithm, Expected, PasskeyRecord,
    Registered, RegistrationResponse, RelyingParty, SignCountPolicy, UserVerification, WebauthnError,
};
use serde::Deserialize as _;
use serde_json::{Value, json};
use time::macros::datetime;
use url::Url;

use crate::authenticator::{Authenticator, EXTENDED, PRESENT, VERIFIED, bytes, text};
use crate::passkeys::relying_party;

const CHALLENGE: [u8; 32] = [7; 32];
const USER: &[u8] = b"the account";

fn options(challenge: &[u8]) -> Value {
    let encode = ciam_core::encoding::base64url::encode;
    json!({ "challenge": encode(challenge), "user": { "id": encode(USER) } })
}

fn register(party: &RelyingParty, response: &RegistrationResponse) -> Result<Registered, WebauthnError> {
    let now = datetime!(2026-11-26 12:00 UTC);
    party.verify_registration(&*ring(), &CHALLENGE, UserVerification::Preferred, response, now)
}

fn created(party: &RelyingParty, authenticator: &mut Authenticator) -> Result<PasskeyRecord, WebauthnError> {
    let answer = authenticator.create(&options(&CHALLENGE));
    let response = RegistrationResponse::deserialize(&answer).unwrap();
    register(party, &response).map(|made| made.passkey)
}

fn asserted(
    party: &RelyingParty,
    authenticator: &mut Authenticator,
    passkey: &PasskeyRecord,
) -> Result<Asserted, WebauthnError> {
    let answer = AuthenticationResponse::deserialize(authenticator.get(&options(&CHALLENGE))).unwrap();
    party.verify_authentication(&*ring(), &Expected::new(&CHALLENGE, passkey, USER), &answer)
}

#[test]
fn an_answer_is_of_the_credential_and_the_relying_party_that_were_asked() {
    let party = relying_party();
    let mut authenticator = Authenticator::new(b"credential-1");
    let passkey = created(&party, &mut authenticator).unwrap();
    assert!(asserted(&party, &mut authenticator, &passkey).is_ok());
    // The same key, and another name: whoever looks a passkey up by it must not be told of another one.
    let mut renamed = authenticator.but(|it| it.id = b"credential-2".to_vec());
    assert_eq!(asserted(&party, &mut renamed, &passkey), Err(WebauthnError::Credential));
    let mut of_another_party = passkey.clone();
    of_another_party.rp_id = "example.net".to_owned();
    assert_eq!(asserted(&party, &mut authenticator, &of_another_party), Err(WebauthnError::Credential));
    let mut id_of_another = authenticator.create(&options(&CHALLENGE));
    id_of_another["rawId"] = json!("AAAA");
    let response = RegistrationResponse::deserialize(&id_of_another).unwrap();
    assert_eq!(register(&party, &response).unwrap_err(), WebauthnError::Credential);
}

#[test]
fn whose_it_is_may_be_left_out_where_a_credential_was_named_and_not_where_none_was() {
    let party = relying_party();
    let mut authenticator = Authenticator::new(b"credential-1");
    let passkey = created(&party, &mut authenticator).unwrap();
    let silent = authenticator.but(|it| it.user = Vec::new()).get(&options(&CHALLENGE));
    let silent = AuthenticationResponse::deserialize(silent).unwrap();
    let named = Expected::new(&CHALLENGE, &passkey, USER);
    assert!(party.verify_authentication(&*ring(), &named, &silent).is_ok());
    let discovered = party.verify_authentication(&*ring(), &named.with_discovery(), &silent);
    assert_eq!(discovered, Err(WebauthnError::UserHandle));
    let mut other = authenticator.but(|it| it.user = b"another".to_vec());
    assert_eq!(asserted(&party, &mut other, &passkey), Err(WebauthnError::UserHandle));
}

#[test]
fn an_algorithm_that_was_not_offered_is_refused_though_it_could_be_checked() {
    let party = relying_party().with_algorithms(vec![CoseAlgorithm::EdDsa, CoseAlgorithm::Rs256]);
    let refused = created(&party, &mut Authenticator::new(b"credential-1"));
    assert_eq!(refused.unwrap_err(), WebauthnError::Algorithm);
    let party = relying_party().with_algorithms(vec![CoseAlgorithm::Es256]);
    assert!(created(&party, &mut Authenticator::new(b"credential-1")).is_ok());
}

/// A point that is not on the curve is no key, whatever the attestation says of it.
#[test]
fn a_key_that_can_be_none_is_refused() {
    let mut authenticator = Authenticator::new(b"credential-1");
    let answer = authenticator.create(&options(&CHALLENGE));
    let mut response = RegistrationResponse::deserialize(&answer).unwrap();
    let mut object = response.response.attestation_object.as_bytes().to_vec();
    let last = object.len() - 1;
    object[last] ^= 1;
    response.response.attestation_object = ciam_mfa::webauthn::Base64Url::new(object);
    assert_eq!(register(&relying_party(), &response).unwrap_err(), WebauthnError::Key);
}

/// What the authenticator signs has an end: what stands behind it is signed and means nothing, which somebody would use.
#[test]
fn authenticator_data_has_an_end() {
    let party = relying_party();
    let mut authenticator = Authenticator::new(b"credential-1");
    let passkey = created(&party, &mut authenticator).unwrap();
    let malformed = |what| Err(WebauthnError::Malformed { what });
    let extension = [&[0xa1][..], &text("hmac-secret"), &[0xf5]].concat();
    let flags = authenticator.flags;
    let rows: [(u8, Vec<u8>, Result<(), WebauthnError>); 6] = [
        (flags, vec![0], malformed("authenticator data")),
        (flags, extension.clone(), malformed("authenticator data")),
        (flags | EXTENDED, extension.clone(), Ok(())),
        (flags | EXTENDED, Vec::new(), malformed("extension data")),
        (flags | EXTENDED, vec![0x01], malformed("extension data")),
        (flags | EXTENDED, [extension, vec![0]].concat(), malformed("authenticator data")),
    ];
    for (row, (flags, behind, expected)) in rows.into_iter().enumerate() {
        let mut other = authenticator.but(|it| (it.flags, it.behind) = (flags, behind));
        assert_eq!(asserted(&party, &mut other, &passkey).map(drop), expected, "row {row}");
        assert_eq!(created(&party, &mut other).map(drop), expected, "row {row}");
    }
}

#[test]
fn nothing_is_read_that_is_larger_than_an_authenticator_makes() {
    let too_large = |what| WebauthnError::TooLarge { what };
    // Well formed, each of them: only its size speaks against it.
    let padding = |length| [&[0xa1][..], &text("x"), &bytes(&vec![7; length])].concat();
    let data = |length| {
        let mut data = vec![0; 32];
        data.extend([PRESENT | VERIFIED | EXTENDED, 0, 0, 0, 1]);
        data.extend(padding(length));
        data
    };
    assert!(AuthenticatorData::read(&data(16_000)).is_ok());
    assert_eq!(AuthenticatorData::read(&data(16_400)).unwrap_err(), too_large("authenticator data"));

    let client_data = |length| {
        let long = "x".repeat(length);
        let text = format!(r#"{{"type":"webauthn.get","challenge":"","origin":"","x":"{long}"}}"#);
        ClientData::read(text.as_bytes()).map(drop)
    };
    assert_eq!(client_data(8_000), Ok(()));
    assert_eq!(client_data(8_200), Err(too_large("client data")));

    let mut authenticator = Authenticator::new(b"credential-1");
    let right = RegistrationResponse::deserialize(authenticator.create(&options(&CHALLENGE))).unwrap();
    let with_padding = |length: usize| {
        let (id, client_data) = (right.raw_id.as_bytes(), right.response.client_data_json.as_bytes());
        let mut object = right.response.attestation_object.as_bytes().to_vec();
        object[0] = 0xa4;
        object.extend([text("x"), bytes(&vec![7; length])].concat());
        register(&relying_party(), &RegistrationResponse::new(id, client_data, &object)).map(drop)
    };
    assert_eq!(with_padding(48_000), Ok(()));
    assert_eq!(with_padding(49_200), Err(too_large("attestation object")));
    // In JSON, before anything is decoded.
    let mut long = authenticator.get(&options(&CHALLENGE));
    long["response"]["signature"] = json!("A".repeat(70_000));
    assert!(AuthenticationResponse::deserialize(long).is_err());
}

#[test]
fn a_challenge_that_could_be_guessed_is_none() {
    let party = relying_party();
    let mut authenticator = Authenticator::new(b"credential-1");
    let passkey = created(&party, &mut authenticator).unwrap();
    for (length, right) in [(16, true), (15, false), (0, false)] {
        let challenge = vec![7; length];
        let answer = AuthenticationResponse::deserialize(authenticator.get(&options(&challenge))).unwrap();
        let expected = Expected::new(&challenge, &passkey, USER);
        let found = party.verify_authentication(&*ring(), &expected, &answer);
        assert_eq!(found.is_ok(), right, "{length}: {found:?}");
    }
}

/// A counter that has been seen never goes down, also where its going down is only reported.
#[test]
fn the_highest_counter_is_kept() {
    let rows = [(0, 0, false, 0), (4, 5, false, 5), (5, 5, true, 5), (5, 3, true, 5), (5, 0, true, 5)];
    for (known, said, regressed, kept) in rows {
        for policy in [SignCountPolicy::Report, SignCountPolicy::Refuse] {
            let party = relying_party().with_sign_count(policy);
            let mut authenticator = Authenticator::new(b"credential-1").but(|it| it.count = said);
            let passkey = created(&party, &mut authenticator).unwrap();
            let answer =
                AuthenticationResponse::deserialize(authenticator.get(&options(&CHALLENGE))).unwrap();
            let expected = Expected::new(&CHALLENGE, &passkey, USER).with_sign_count(known);
            let found = party.verify_authentication(&*ring(), &expected, &answer);
            if regressed && policy == SignCountPolicy::Refuse {
                assert_eq!(found, Err(WebauthnError::Counter), "{known} {said}");
            } else {
                let found = found.unwrap();
                assert_eq!((found.counter_regressed, found.sign_count), (regressed, kept), "{known} {said}");
            }
        }
    }
}

/// What the browser says of transports is kept for the next question, and is nobody's way to store texts of their own.
#[test]
fn transports_are_short_names_and_few() {
    let mut answer = Authenticator::new(b"credential-1").create(&options(&CHALLENGE));
    let mut said = vec![json!(""), json!("<b>"), json!("USB"), json!("x".repeat(33))];
    said.extend((0..12).map(|it| json!(format!("usb-{}", "x".repeat(it)))));
    answer["response"]["transports"] = json!(said);
    let response = RegistrationResponse::deserialize(&answer).unwrap();
    let kept = register(&relying_party(), &response).unwrap().passkey.transports;
    assert_eq!((kept.len(), kept[0].as_str(), kept[7].as_str()), (8, "usb-", "usb-xxxxxxx"));
}

#[test]
fn a_page_in_a_frame_asks_where_its_host_said_so() {
    let shop = Url::parse("https://shop.test").unwrap();
    let by_shop = relying_party().with_embedding_by(&shop).unwrap();
    let framed = |top: Option<&str>| {
        Authenticator::new(b"credential-1").but(|it| {
            it.cross_origin = Some(true);
            it.top_origin = top.map(ToOwned::to_owned);
        })
    };
    let rows = [
        (relying_party(), Some("https://shop.test"), false),
        (relying_party(), None, false),
        (by_shop.clone(), Some("https://shop.test"), true),
        (by_shop.clone(), Some("https://evil.test"), false),
        (by_shop, None, false),
        (relying_party().dangerous_with_any_embedding(), Some("https://evil.test"), true),
    ];
    for (row, (party, top, right)) in rows.into_iter().enumerate() {
        let found = created(&party, &mut framed(top));
        let expected = if right { Ok(()) } else { Err(WebauthnError::CrossOrigin) };
        assert_eq!(found.map(drop), expected, "row {row}");
    }
}

#[test]
fn options_and_signals_name_the_passkeys_of_this_relying_party() {
    let party = relying_party().with_prf();
    let mut authenticator = Authenticator::new(b"credential-1");
    let ours = created(&party, &mut authenticator).unwrap();
    let mut other = ours.clone();
    (other.rp_id, other.id) = ("example.net".to_owned(), b"elsewhere".to_vec());
    let existing = [ours, other];
    let new = ciam_mfa::webauthn::NewPasskey::new(USER, "ada@example.com", "Ada").with_existing(&existing);
    let options = serde_json::to_value(party.creation_options(&CHALLENGE, &new)).unwrap();
    let excluded: Vec<_> =
        options["excludeCredentials"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(excluded, ["Y3JlZGVudGlhbC0x"]);
    assert_eq!(options["extensions"], json!({ "credProps": true, "prf": {} }));
    let offered: Vec<_> =
        options["pubKeyCredParams"].as_array().unwrap().iter().map(|it| &it["alg"]).collect();
    assert_eq!(offered, [-7, -8, -35, -257], "neither ES512 (-36) nor Ed448 (-53)");
    assert_eq!(options["attestation"], "none");

    let accepted = serde_json::to_value(party.accepted_credentials(USER, &existing)).unwrap();
    assert_eq!(accepted["allAcceptedCredentialIds"], json!(["Y3JlZGVudGlhbC0x"]));
    let unknown = serde_json::to_value(party.unknown_credential(b"credential-1")).unwrap();
    assert_eq!(unknown, json!({ "rpId": "example.com", "credentialId": "Y3JlZGVudGlhbC0x" }));
    let details = serde_json::to_value(party.current_details(USER, "ada@example.com", "Ada")).unwrap();
    assert_eq!(
        details,
        json!({
            "rpId": "example.com", "userId": "dGhlIGFjY291bnQ",
            "name": "ada@example.com", "displayName": "Ada",
        })
    );
}

/// What the extensions say of a new credential is kept: whether it is discoverable, and whether keys can be derived from it.
#[test]
fn what_extensions_say_is_kept() {
    for (results, discoverable, prf) in [
        (json!({}), None, None),
        (json!({ "credProps": { "rk": false } }), Some(false), None),
        (json!({ "credProps": { "rk": true }, "prf": { "enabled": true } }), Some(true), Some(true)),
        (
            json!({ "credProps": {}, "prf": { "enabled": false, "results": { "first": "AAAA" } } }),
            None,
            Some(false),
        ),
    ] {
        let mut answer = Authenticator::new(b"credential-1").create(&options(&CHALLENGE));
        answer["clientExtensionResults"] = results;
        let response = RegistrationResponse::deserialize(&answer).unwrap();
        let passkey = register(&relying_party(), &response).unwrap().passkey;
        assert_eq!((passkey.discoverable, passkey.prf), (discoverable, prf));
    }
}
