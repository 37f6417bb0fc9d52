//! Keys and key sets from anybody: nothing panics, nothing private passes, and what is read is written and read again.

#![no_main]

use std::sync::{Arc, LazyLock};

use ciam_core::crypto::{self, Crypto};
use ciam_core::jose::{JwkSetLimits, KeySet, PublicJwk, PublicJwkSet, VerificationKey};
use libfuzzer_sys::fuzz_target;

static CRYPTO: LazyLock<Arc<dyn Crypto>> = LazyLock::new(crypto::ring);

fuzz_target!(|input: &str| {
    if let Ok(jwk) = PublicJwk::parse(input) {
        check(&jwk, input);
    }
    if let Ok(set) = PublicJwkSet::parse(input, &JwkSetLimits::default()) {
        for private in ["\"d\":", "\"k\":", "\"priv\":"] {
            let written = serde_json::to_string(&set).expect("a set can be written");
            assert!(!written.contains(private), "private material in {written}");
        }
        let _any = KeySet::from_jwks(&**CRYPTO, &set);
    }
});

fn check(jwk: &PublicJwk, input: &str) {
    let lax: serde_json::Value = serde_json::from_str(input).expect("an accepted key is JSON");
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        assert!(lax.get(private).is_none(), "private material was accepted");
    }
    assert_eq!(lax["kid"].as_str(), jwk.kid());
    let written = serde_json::to_string(jwk).expect("a key can be written");
    let again = PublicJwk::parse(&written).expect("what is written can be read");
    assert_eq!(*jwk, again);
    assert_eq!(jwk.thumbprint(), again.thumbprint());
    if let Ok(key) = VerificationKey::from_jwk(&**CRYPTO, jwk) {
        assert_eq!(key.kid(), jwk.kid());
        assert!(jwk.algorithm().is_none_or(|bound| key.algorithms().iter().eq([bound])));
    }
}
