use serde_json::json;

use super::*;
use crate::crypto::KeyRejected;
use crate::jose::{JwkSetLimits, KeySet, LocalSigner, PublicJwkSet, VerificationKey};

const RSA: &str = concat!(
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst",
    "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr",
    "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
);

fn ec() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn okp() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

fn rsa() -> Value {
    json!({ "kty": "RSA", "n": RSA, "e": "AQAB" })
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

fn parse(jwk: &Value) -> Result<PublicJwk, JwkError> {
    PublicJwk::parse(&jwk.to_string())
}

#[test]
fn rfc7638_3_1_thumbprint_of_an_rsa_key() {
    let jwk = with(with(rsa(), "alg", json!("RS256")), "kid", json!("2011-04-29"));
    assert_eq!(parse(&jwk).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn thumbprints_do_not_depend_on_anything_but_the_numbers() {
    for jwk in [ec(), okp(), rsa()] {
        let bare = parse(&jwk).unwrap();
        let dressed = parse(&with(with(jwk, "kid", json!("k")), "x-extra", json!([1]))).unwrap();
        assert_eq!(bare.thumbprint(), dressed.thumbprint());
    }
}

#[test]
fn keys_survive_being_written_and_read() {
    for (jwk, algorithm) in [
        (ec(), Algorithm::Es256),
        (okp(), Algorithm::EdDsa),
        (rsa(), Algorithm::Ps256),
        (rsa(), Algorithm::Rs256),
    ] {
        let key = parse(&jwk).unwrap().with_kid("k").bound_to(algorithm);
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(PublicJwk::parse(&text).unwrap(), key);
        assert_eq!(serde_json::from_str::<PublicJwk>(&text).unwrap(), key);
        let foreign = Jwk::from(key.clone());
        assert_eq!(PublicJwk::try_from(&foreign).unwrap(), key);
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written["alg"], algorithm.as_str());
        assert_eq!(written["use"], "sig");
        for (name, value) in jwk.as_object().unwrap() {
            assert_eq!(&written[name], value, "{name}");
        }
    }
}

#[test]
fn keys_are_bound_only_to_algorithms_of_their_type() {
    assert_eq!(parse(&ec()).unwrap().bound_to(Algorithm::Rs256).algorithm(), None);
    assert_eq!(parse(&ec()).unwrap().bound_to(Algorithm::Hs256).algorithm(), None);
}

#[test]
fn hostile_keys_are_refused() {
    let text = |value: &str| json!(value);
    for (jwk, expected, why) in [
        (with(ec(), "d", text("AA")), JwkError::PrivateMaterial, "an EC private key"),
        (with(okp(), "d", text("AA")), JwkError::PrivateMaterial, "an OKP private key"),
        (with(rsa(), "d", text("AA")), JwkError::PrivateMaterial, "an RSA private key"),
        (with(rsa(), "p", text("AA")), JwkError::PrivateMaterial, "a factor"),
        (with(rsa(), "qi", json!(null)), JwkError::PrivateMaterial, "a private member, even empty"),
        (with(rsa(), "oth", json!([])), JwkError::PrivateMaterial, "further factors"),
        (json!({ "kty": "oct", "k": "AAAA" }), JwkError::PrivateMaterial, "a symmetric key"),
        (with(ec(), "k", text("AA")), JwkError::PrivateMaterial, "a symmetric key in disguise"),
        (
            json!({ "kty": "AKP", "pub": "AA", "priv": "AA" }),
            JwkError::PrivateMaterial,
            "a private key of a new type",
        ),
        (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }), JwkError::Unsupported, "a new type"),
        (json!({ "kty": "oct" }), JwkError::Unsupported, "a symmetric key without one"),
        (json!({}), JwkError::Malformed, "no type"),
        (with(ec(), "kty", json!(["EC"])), JwkError::Malformed, "a list of types"),
        (with(ec(), "kty", text("RSA")), JwkError::Malformed, "another type's members"),
        (with(ec(), "kty", text("ec")), JwkError::Unsupported, "types have a case"),
        (with(ec(), "crv", text("P-384")), JwkError::Malformed, "another curve's length"),
        (with(ec(), "crv", text("P-521")), JwkError::Unsupported, "an unsupported curve"),
        (with(ec(), "crv", text("secp256k1")), JwkError::Unsupported, "a curve that is not allowed"),
        (with(ec(), "crv", text("Ed25519")), JwkError::Unsupported, "a curve of another type"),
        (with(okp(), "crv", text("X25519")), JwkError::Unsupported, "a curve that does not sign"),
        (
            with(okp(), "x", text("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ")),
            JwkError::Malformed,
            "31 bytes",
        ),
        (
            with(ec(), "x", text("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV")),
            JwkError::Malformed,
            "unused bits",
        ),
        (
            with(ec(), "x", text("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=")),
            JwkError::Malformed,
            "padding",
        ),
        (
            with(ec(), "x", text(" 83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")),
            JwkError::Malformed,
            "white space",
        ),
        (with(ec(), "y", json!(7)), JwkError::Malformed, "a number"),
        (with(rsa(), "e", text("AAEAAQ")), JwkError::Malformed, "a leading zero"),
        (
            with(rsa(), "n", text(&format!("AA{RSA}"))),
            JwkError::Malformed,
            "a leading zero of another length",
        ),
        (with(rsa(), "e", text("")), JwkError::Malformed, "an empty exponent"),
        (with(ec(), "alg", text("ES384")), JwkError::AlgorithmMismatch, "another curve's algorithm"),
        (with(ec(), "alg", text("RS256")), JwkError::AlgorithmMismatch, "another type's algorithm"),
        (with(rsa(), "alg", text("HS256")), JwkError::AlgorithmMismatch, "a public key as a secret"),
        (with(rsa(), "alg", text("none")), JwkError::Unsupported, "no algorithm"),
        (with(rsa(), "alg", text("RS1")), JwkError::Unsupported, "a weak algorithm"),
        (with(rsa(), "alg", text("RSA-OAEP")), JwkError::Unsupported, "an encryption algorithm"),
        (with(rsa(), "use", text("enc")), JwkError::NotForSignatures, "an encryption key"),
        (with(rsa(), "use", json!(1)), JwkError::Malformed, "a use that is no text"),
        (with(rsa(), "key_ops", json!(["encrypt"])), JwkError::NotForSignatures, "encryption operations"),
        (with(rsa(), "key_ops", json!([])), JwkError::NotForSignatures, "no operation"),
        (with(rsa(), "key_ops", json!("verify")), JwkError::Malformed, "operations that are no list"),
        (with(rsa(), "kid", json!(1)), JwkError::Malformed, "a name that is no text"),
    ] {
        assert_eq!(parse(&jwk), Err(expected), "{why}");
    }
    assert_eq!(PublicJwk::parse(r#"{"kty":"EC","kty":"EC"}"#), Err(JwkError::DuplicateMember));
    assert_eq!(PublicJwk::parse("[]"), Err(JwkError::Malformed));
}

#[test]
fn numbers_are_checked_by_the_backend() {
    let crypto = crypto::ring();
    let check = |jwk: &Value| VerificationKey::from_jwk(&*crypto, &parse(jwk).unwrap()).map(|_| ());
    for good in [ec(), okp(), rsa()] {
        assert_eq!(check(&good), Ok(()));
    }
    let off_curve = with(ec(), "y", json!("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5aA"));
    assert_eq!(check(&off_curve), Err(JwkError::Rejected(KeyRejected::InvalidPoint)));
    let neutral = with(okp(), "x", json!(base64url::encode(&[&[1][..], &[0; 31]].concat())));
    assert_eq!(check(&neutral), Err(JwkError::Rejected(KeyRejected::InvalidPoint)));
    let short = with(rsa(), "n", json!(base64url::encode(&[0xff; 128])));
    assert_eq!(check(&short), Err(JwkError::Rejected(KeyRejected::UnacceptableSize)));
    // 1 signs everything with itself; 3 and 65536; as long as the modulus.
    let long = base64url::encode(&[0xff; 256]);
    for exponent in ["AQ", "Aw", "AQAA", long.as_str()] {
        let refused = check(&with(rsa(), "e", json!(exponent)));
        assert_eq!(refused, Err(JwkError::Rejected(KeyRejected::UnacceptableExponent)), "{exponent:.4}");
    }
}

#[test]
fn sets_leave_out_what_they_cannot_use() {
    let set = json!({ "keys": [
        with(ec(), "kid", json!("good")),
        with(rsa(), "use", json!("enc")),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }),
        with(ec(), "y", json!("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5aA")),
        with(ec(), "x", json!("")),
    ], "other": 1 });
    let set = PublicJwkSet::parse(&set.to_string(), &JwkSetLimits::default()).unwrap();
    assert_eq!((set.keys().len(), set.ignored()), (2, 3));
    let keys = KeySet::from_jwks(&*crypto::ring(), &set).unwrap();
    assert_eq!((keys.keys().len(), keys.ignored()), (1, 4));
    assert_eq!(keys.keys()[0].kid(), Some("good"));
}

#[test]
fn hostile_sets_are_refused_whole() {
    let limits = JwkSetLimits::default();
    let parse = |text: &str| PublicJwkSet::parse(text, &limits);
    for (text, expected, why) in [
        (
            json!({ "keys": [ec(), with(okp(), "d", json!("AA"))] }).to_string(),
            JwkError::PrivateMaterial,
            "private",
        ),
        (
            json!({ "keys": [ec(), { "kty": "oct", "k": "AA" }] }).to_string(),
            JwkError::PrivateMaterial,
            "symmetric",
        ),
        (
            json!({ "keys": [with(with(okp(), "d", json!("AA")), "use", json!("enc"))] }).to_string(),
            JwkError::PrivateMaterial,
            "private, for another use",
        ),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), JwkError::DuplicateMember, "keys twice"),
        (
            r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#.to_owned(),
            JwkError::DuplicateMember,
            "a member twice in a key",
        ),
        (json!({ "keys": {} }).to_string(), JwkError::Malformed, "no list"),
        (json!({ "keys": [1] }).to_string(), JwkError::Malformed, "a key that is none"),
        (json!({}).to_string(), JwkError::Malformed, "no keys"),
        (json!([ec()]).to_string(), JwkError::Malformed, "a bare list"),
        (json!({ "keys": vec![ec(); 65] }).to_string(), JwkError::TooLarge, "many keys"),
        (format!("{{\"keys\":[]{}}}", " ".repeat(262_144)), JwkError::TooLarge, "a long document"),
    ] {
        assert_eq!(parse(&text), Err(expected), "{why}");
    }
    let twins = json!({ "keys": [
        with(ec(), "kid", json!("k")),
        serde_json::to_value(
            LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid("k").public_jwk()
        ).unwrap(),
    ] });
    let twins = parse(&twins.to_string()).unwrap();
    assert_eq!(KeySet::from_jwks(&*crypto::ring(), &twins).unwrap_err(), JwkError::DuplicateKeyId);
}

#[test]
fn published_sets_hold_public_members_only() {
    let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let set = PublicJwkSet::new(vec![signer.public_jwk().unwrap()]);
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(PublicJwkSet::parse(&text, &JwkSetLimits::default()).unwrap(), set);
    let written: Value = serde_json::from_str(&text).unwrap();
    let mut names: Vec<&str> = written["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(written.as_object().unwrap().len(), 1);
}
