//! The examples in the appendices of RFC 7515 to RFC 7519: what is offered works, and what is refused is refused by name.

use std::sync::Arc;

use ciam_core::crypto;
use ciam_core::jose::jwe::{Decrypter, DecryptionKey, JweError, KeyManagement};
use ciam_core::jose::{
    Algorithm, AlgorithmSet, JwkError, JwkSetLimits, JwsError, KeySet, PublicJwk, PublicJwkSet, TokenType,
    VerificationKey, Verifier,
};
use ciam_core::secret::SecretBytes;
use serde_json::Value;

use crate::jose_vectors::{pkcs8, text};

fn example(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../data/rfc7515-7519.json")).unwrap();
    all.get(name).unwrap_or_else(|| panic!("no {name}")).clone()
}

fn verify(token: &str, keys: &KeySet) -> Result<Value, JwsError> {
    let all: AlgorithmSet = Algorithm::ALL.into_iter().collect();
    Verifier::new(all, TokenType::one_of(&["JWT"]).or_absent()).verify(token, keys)?.claims()
}

/// The claims of nearly all examples, as in RFC 7519, section 3.1.
fn is_joe(claims: &Value) {
    assert_eq!(claims["iss"], "joe");
    assert_eq!(claims["exp"], 1_300_819_380);
    assert_eq!(claims["http://example.com/is_root"], true);
}

#[test]
fn rfc7515_a_2_rs256() {
    let example = example("rfc7515_a_2");
    let jwk = PublicJwk::parse(&example["key"].to_string()).unwrap();
    for crypto in [crypto::ring(), crypto::aws_lc_rs()] {
        let keys = KeySet::from(VerificationKey::from_jwk(&*crypto, &jwk).unwrap());
        is_joe(&verify(text(&example, "token"), &keys).unwrap());
        let bent = text(&example, "token").replacen("cC4h", "cC4i", 1);
        assert_eq!(verify(&bent, &keys).unwrap_err(), JwsError::InvalidSignature);
    }
}

/// ES512 is not offered; nothing is known by that name.
#[test]
fn rfc7515_a_4_es512_is_unsupported() {
    let token =
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq";
    assert_eq!(verify(token, &KeySet::default()).unwrap_err(), JwsError::UnsupportedAlgorithm);
}

#[test]
fn rfc7515_a_6_the_json_serialization_is_refused() {
    assert_eq!(verify(&example("rfc7515_a_6").to_string(), &KeySet::default()), Err(JwsError::Malformed));
}

#[test]
fn rfc7516_a_1_rsa_oaep() {
    let (example, crypto) = (example("rfc7516_a_1"), crypto::aws_lc_rs());
    let key = DecryptionKey::from_pkcs8(&*crypto, KeyManagement::RsaOaep, &pkcs8(&example["key"])).unwrap();
    let decrypter = Decrypter::new(Arc::clone(&crypto), vec![key]);
    let opened = decrypter.decrypt(text(&example, "token")).unwrap();
    assert_eq!(opened.content().expose(), text(&example, "plaintext").as_bytes());
    assert_eq!(opened.nested().unwrap_err(), JweError::NotNested);
    let bent = text(&example, "token").replacen(".5eym", ".5eyn", 1);
    assert_eq!(decrypter.decrypt(&bent).unwrap_err(), JweError::Decryption);
}

/// RSA1_5 and AES key wrap with a shared secret: refused by their names, before any key is looked at.
#[test]
fn rfc7516_a_2_and_a_3_and_rfc7519_a_1_are_refused_by_name() {
    for name in ["rfc7516_a_2", "rfc7516_a_3", "rfc7519_a_1"] {
        let key = DecryptionKey::shared(SecretBytes::new(vec![0; 32]));
        let decrypter = Decrypter::new(crypto::aws_lc_rs(), vec![key]);
        let refused = decrypter.decrypt(text(&example(name), "token")).unwrap_err();
        assert_eq!(refused, JweError::UnsupportedAlgorithm, "{name}");
    }
}

/// A key for encryption is left out, the other is read with its algorithm and its name.
#[test]
fn rfc7517_a_1_public_keys() {
    let set = PublicJwkSet::parse(&example("rfc7517_a_1").to_string(), &JwkSetLimits::default()).unwrap();
    assert_eq!((set.keys().len(), set.ignored()), (1, 1));
    let key = set.find("2011-04-29").unwrap();
    assert_eq!(key.algorithm(), Some(Algorithm::Rs256));
    // RFC 7638, section 3.1, is about the same key.
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(KeySet::from_jwks(&*crypto::ring(), &set).unwrap().keys().len(), 1);
}

#[test]
fn rfc7517_a_2_and_a_3_private_and_symmetric_keys_are_refused() {
    for name in ["rfc7517_a_2", "rfc7517_a_3"] {
        let read = PublicJwkSet::parse(&example(name).to_string(), &JwkSetLimits::default());
        assert_eq!(read.unwrap_err(), JwkError::PrivateMaterial, "{name}");
    }
}

#[test]
fn rfc7519_6_1_an_unsecured_jwt_is_refused() {
    let token = example("rfc7519_6_1");
    assert_eq!(
        verify(text(&token, "token"), &KeySet::default()).unwrap_err(),
        JwsError::UnsupportedAlgorithm
    );
}
