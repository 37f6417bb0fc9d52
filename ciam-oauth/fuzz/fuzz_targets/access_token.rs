//! Whole access tokens from anybody: nothing panics, nothing unsigned passes, what is accepted is what a lax parser reads, and
//! what was remembered is what was found.
//!
//! The input is a token as it is, or (after a `!`) a payload that is signed properly: so the fuzzer gets past the signature.

#![no_main]

use std::sync::LazyLock;

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::entropy::SystemEntropy;
use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, LocalSigner};
use ciam_core::secret::SecretBytes;
use ciam_oauth::validate::{AccessToken, CachingValidator, TokenCachePolicy, Validator};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::datetime;

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

struct Ours {
    signer: LocalSigner,
    header: String,
    validator: CachingValidator,
}

/// A secret of both: the cheapest signature.
static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let crypto = crypto::ring();
    let signer = LocalSigner::from_secret(&*crypto, &SecretBytes::new(vec![7; 32])).expect("a good secret");
    let keys = KeySet::from(signer.verification_key(&*crypto).expect("a good key"));
    let validator = Validator::new(ISSUER.parse().expect("an issuer"), API, keys)
        .with_algorithms(AlgorithmSet::of(&[Algorithm::Hs256]));
    let mut policy = TokenCachePolicy::default();
    policy.capacity = 64;
    let validator = CachingValidator::new(validator, policy, &SystemEntropy::new()).expect("entropy");
    Ours { signer, header: base64url::encode(br#"{"alg":"HS256","typ":"at+jwt"}"#), validator }
});

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'!', payload)) => signed(payload),
        _ => {
            if let Ok(token) = std::str::from_utf8(input) {
                unsigned(token);
            }
        }
    }
});

fn sign(input: &str) -> String {
    let signature = OURS.signer.sign_now(input.as_bytes()).expect("signing");
    format!("{input}.{}", base64url::encode(&signature))
}

fn unsigned(token: &str) {
    if OURS.validator.validate(token, NOW).is_ok() {
        // Nobody but us has the secret, so this is a token of the corpus, in its one spelling.
        let (input, _) = token.rsplit_once('.').expect("three parts");
        assert_eq!(token, sign(input), "another spelling was accepted");
    }
}

fn signed(payload: &[u8]) {
    let token = sign(&format!("{}.{}", OURS.header, base64url::encode(payload)));
    let plain = OURS.validator.validator().validate(&token, NOW);
    let first = OURS.validator.validate(&token, NOW);
    let again = OURS.validator.validate(&token, NOW);
    match (plain, first, again) {
        (Ok(plain), Ok(first), Ok(again)) => {
            assert!(again.was_cached());
            for found in [&plain, &*first, &*again] {
                agrees(found, payload);
            }
            if let Some(late) = plain.expires_at().checked_add(time::Duration::seconds(10)) {
                assert!(
                    OURS.validator.validate(&token, late).is_err(),
                    "an entry does not outlive its token"
                );
            }
        }
        (Err(plain), Err(first), Err(again)) => assert!(plain == first && first == again),
        (plain, first, again) => panic!("{plain:?}, then {first:?}, then {again:?}"),
    }
}

fn agrees(token: &AccessToken, payload: &[u8]) {
    let lax: Map<String, Value> = serde_json::from_slice(payload).expect("accepted claims are JSON");
    let text = |name: &str| lax.get(name).and_then(Value::as_str);
    assert_eq!((Some(token.issuer()), text("iss")), (Some(ISSUER), Some(ISSUER)));
    assert_eq!((Some(token.subject()), Some(token.client_id())), (text("sub"), text("client_id")));
    assert_eq!((token.id(), token.session_id(), token.acr()), (text("jti"), text("sid"), text("acr")));
    assert!(token.scopes().eq(text("scope").unwrap_or_default().split(' ').filter(|one| !one.is_empty())));
    assert!(token.audience().any(|one| one == API));
    assert!(token.audience().eq(list(lax.get("aud"))), "{:?}", token.audience().collect::<Vec<_>>());
    assert!(token.amr().eq(list(lax.get("amr"))), "{:?}", token.amr().collect::<Vec<_>>());
    assert!(lax["exp"].is_number() && lax.get("cnf").is_none(), "nothing was proved");
    assert_eq!(token.claims::<Map<String, Value>>().expect("they are JSON"), lax);
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let many = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    value.and_then(Value::as_str).into_iter().chain(many.iter().filter_map(Value::as_str))
}
