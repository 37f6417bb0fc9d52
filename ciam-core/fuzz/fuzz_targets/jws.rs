//! Compact tokens from anybody: nothing panics, nothing unsigned passes, and a token has one spelling.
//!
//! The input is a token as it is, or (after a `!`) a header and a payload, split at a NUL, which are signed properly: so the
//! fuzzer gets past the signature and into the claims.

#![no_main]

use std::sync::LazyLock;

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::jose::{
    Algorithm, AlgorithmSet, CompactJws, JwsLimits, KeySet, LocalSigner, RegisteredClaims, TokenType,
    Verifier,
};
use ciam_core::secret::SecretBytes;
use libfuzzer_sys::fuzz_target;

static SIGNER: LazyLock<LocalSigner> = LazyLock::new(|| {
    LocalSigner::from_secret(&*crypto::ring(), &SecretBytes::new(vec![7; 32])).expect("a good secret")
});
static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| SIGNER.verification_key(&*crypto::ring()).expect("a good key").into());
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let all: AlgorithmSet = Algorithm::ALL.into_iter().collect();
    Verifier::new(all, TokenType::one_of(&["at+jwt", "JWT"]).or_absent())
});

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'!', parts)) => signed(parts),
        _ => {
            if let Ok(token) = std::str::from_utf8(input) {
                unsigned(token);
            }
        }
    }
});

fn unsigned(token: &str) {
    if let Ok(jws) = CompactJws::parse(token, &JwsLimits::default()) {
        let _any = jws.header_member::<serde_json::Value>("jwk");
        let _any = jws.unverified_claims::<serde_json::Value>();
    }
    if let Ok(verified) = VERIFIER.verify(token, &KEYS) {
        // Nobody but us has the secret, so this is one of the tokens of the corpus, or a forgery.
        let header = token.split('.').next().unwrap_or_default();
        let input = format!("{header}.{}", base64url::encode(verified.payload()));
        let again = base64url::encode(&SIGNER.sign_now(input.as_bytes()).expect("signing"));
        assert_eq!(token, format!("{input}.{again}"), "another spelling was accepted");
    }
}

fn signed(parts: &[u8]) {
    let mut parts = parts.splitn(2, |byte| *byte == 0);
    let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let signature = SIGNER.sign_now(input.as_bytes()).expect("signing");
    let token = format!("{input}.{}", base64url::encode(&signature));
    let Ok(verified) = VERIFIER.verify(&token, &KEYS) else { return };
    assert_eq!(verified.payload(), payload);
    assert_eq!(verified.header().algorithm, Algorithm::Hs256, "with a secret, only HS256 verifies");
    // A lax parser agrees with what the strict one read.
    let lax: serde_json::Value = serde_json::from_slice(header).expect("an accepted header is JSON");
    assert_eq!(lax["alg"], "HS256");
    assert!(lax.get("crit").is_none(), "no extension is understood");
    assert_eq!(lax["typ"].as_str(), verified.header().typ.as_deref());
    assert_eq!(lax["kid"].as_str(), verified.header().kid.as_deref());
    if let Ok(claims) = verified.claims::<RegisteredClaims<'_>>() {
        let lax: serde_json::Value = serde_json::from_slice(payload).expect("accepted claims are JSON");
        for (name, strict) in [("iss", &claims.iss), ("sub", &claims.sub), ("jti", &claims.jti)] {
            assert_eq!(lax[name].as_str(), strict.as_ref().map(|text| text.as_str()), "{name}");
        }
    }
}
